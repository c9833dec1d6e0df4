//! Arguments and results as bytes.

use std::any::Any;

use ::bytes::{BufMut, Bytes as Raw, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bytes::Bytes;

/// Something that travels between driver and workers: postcard, but `Bytes`, which are the bytes themselves.
pub trait Value: Sized + Send + 'static {
    /// Its bytes.
    ///
    /// # Errors
    /// When its `Serialize` fails.
    fn encode(&self) -> Result<Raw, ValueError>;

    /// The value in these bytes, all of them.
    ///
    /// # Errors
    /// When they are none of this type.
    fn decode(bytes: Raw) -> Result<Self, ValueError>;

    /// The list whose elements are in these bytes, if this type is a list.
    ///
    /// # Errors
    /// When they are no elements of this type.
    fn decode_list(elements: Vec<Raw>) -> Result<Self, ValueError>;
}

/// Bytes and values that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// The value has no bytes.
    #[error("write a value of the type {type_name}")]
    Encode {
        /// Which type.
        type_name: &'static str,
        /// Why not.
        #[source]
        source: postcard::Error,
    },
    /// The bytes are something else.
    #[error("read a value of the type {type_name}")]
    Decode {
        /// Which type.
        type_name: &'static str,
        /// Why not.
        #[source]
        source: postcard::Error,
    },
    /// There are more bytes.
    #[error("read a value of the type {type_name}: {left} bytes are left over, so they are of another type")]
    LeftOver {
        /// Which type.
        type_name: &'static str,
        /// How many.
        left: usize,
    },
}

/// `value`, if the two types are the same one.
fn same<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut slot = Some(value);
    let taken = (&mut slot as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take);
    match (taken, slot) {
        (Some(value), _) => Ok(value),
        (None, Some(value)) => Err(value),
        // It was taken and is gone, which cannot be.
        (None, None) => unreachable!("a value is in one place"),
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Value for T {
    fn encode(&self) -> Result<Raw, ValueError> {
        if let Some(bytes) = (self as &dyn Any).downcast_ref::<Bytes>() {
            return Ok(bytes.clone().into());
        }
        let encoded = postcard::to_stdvec(self);
        let type_name = std::any::type_name::<T>();
        encoded.map(Raw::from).map_err(|source| ValueError::Encode { type_name, source })
    }

    fn decode(bytes: Raw) -> Result<T, ValueError> {
        let bytes = match same::<Bytes, T>(bytes.into()) {
            Ok(value) => return Ok(value),
            Err(bytes) => bytes,
        };
        let type_name = std::any::type_name::<T>();
        match postcard::take_from_bytes(&bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(ValueError::LeftOver { type_name, left: rest.len() }),
            Err(source) => Err(ValueError::Decode { type_name, source }),
        }
    }

    fn decode_list(elements: Vec<Raw>) -> Result<T, ValueError> {
        let elements: Vec<Bytes> = elements.into_iter().map(Bytes::from).collect();
        let elements = match same::<Vec<Bytes>, T>(elements) {
            Ok(value) => return Ok(value),
            Err(elements) => elements,
        };
        // A list in postcard is its length, seven bits a byte and the lowest first, and its elements one after the other.
        let mut list = BytesMut::with_capacity(10 + elements.iter().map(|element| element.len()).sum::<usize>());
        let mut length = elements.len();
        while length >= 0x80 {
            list.put_u8((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        list.put_u8(length as u8);
        elements.iter().for_each(|element| list.extend_from_slice(element));
        T::decode(list.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn comes_back<T: Value + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(T::decode(value.encode().unwrap()).unwrap(), value);
    }

    #[test]
    fn values_come_back() {
        comes_back(());
        comes_back((1u8, -300i64, "text".to_owned(), Some(vec![0.5, f64::INFINITY])));
        comes_back(BTreeMap::from([("a".to_owned(), u64::MAX)]));
        comes_back(Bytes::from("\x05raw"));
        comes_back((1u8, Bytes::from("inside"), 2u8));
        assert_eq!(Bytes::from("raw").encode().unwrap(), "raw");
    }

    #[test]
    fn other_types_are_refused() {
        let text = "text".to_owned().encode().unwrap();
        assert!(matches!(u8::decode(text.clone()), Err(ValueError::LeftOver { left: 4, .. })));
        assert!(matches!(<(String, u64)>::decode(text), Err(ValueError::Decode { .. })));
    }

    #[test]
    fn elements_make_a_list() {
        for count in [0, 1, 127, 128, 300, 20_000] {
            let numbers: Vec<u64> = (0..count).collect();
            let elements = numbers.iter().map(|number| number.encode().unwrap()).collect();
            assert_eq!(Vec::<u64>::decode_list(elements).unwrap(), numbers);
        }
        let raw = [Bytes::from("a"), Bytes::default()];
        assert_eq!(Vec::<Bytes>::decode_list(raw.iter().cloned().map(Raw::from).collect()).unwrap(), raw);
        assert!(u8::decode_list(vec![Raw::from_static(b"a")]).is_err());
    }
}
