//! Ways of reading values that options ask for: slower than the usual ones, and no part of them.

use std::cell::RefCell;

use arrow::array::ArrowPrimitiveType;
use arrow::array::types::{Date32Type, Decimal128Type};

use super::primitive::{Native, Parse};
use crate::values::{Decimal, Format, Kind, Locale};

/// Decimals of a fixed number of digits.
pub(super) struct Decimals(pub Decimal);

impl Parse for Decimals {
    type Arrow = Decimal128Type;

    fn sql(&self) -> &'static str {
        "DECIMAL"
    }

    #[inline]
    fn parse(&self, tail: &[u8], len: usize) -> Option<i128> {
        self.0.parse(&tail[..len])
    }
}

/// Numbers in another way of writing.
pub(super) struct Localized<P> {
    inner: P,
    locale: Locale,
    plain: RefCell<Vec<u8>>,
}

impl<P> Localized<P> {
    pub(super) fn new(inner: P, locale: Locale) -> Self {
        Localized { inner, locale, plain: RefCell::default() }
    }
}

impl<P: Parse> Parse for Localized<P> {
    type Arrow = P::Arrow;

    fn sql(&self) -> &'static str {
        self.inner.sql()
    }

    fn parse(&self, tail: &[u8], len: usize) -> Option<Native<Self>> {
        let plain = &mut *self.plain.borrow_mut();
        if self.locale.rewrite(&tail[..len], plain) { self.inner.parse(plain, plain.len()) } else { None }
    }
}

/// Dates in a format.
pub(super) struct Dates(pub Format);

impl Parse for Dates {
    type Arrow = Date32Type;

    fn sql(&self) -> &'static str {
        "DATE"
    }

    fn parse(&self, tail: &[u8], len: usize) -> Option<i32> {
        self.0.date(&tail[..len])
    }

    fn takes_marks(&self) -> bool {
        true
    }
}

/// Timestamps in a format.
pub(super) struct Timestamps<K> {
    format: Format,
    per_second: i64,
    kind: std::marker::PhantomData<fn() -> K>,
}

impl<K> Timestamps<K> {
    pub(super) fn new(format: Format, per_second: i64) -> Self {
        Timestamps { format, per_second, kind: std::marker::PhantomData }
    }
}

impl<K: Kind> Parse for Timestamps<K>
where
    K::Arrow: ArrowPrimitiveType<Native = i64>,
{
    type Arrow = K::Arrow;

    fn sql(&self) -> &'static str {
        K::SQL
    }

    fn parse(&self, tail: &[u8], len: usize) -> Option<i64> {
        let (seconds, nanos) = self.format.timestamp(&tail[..len])?;
        let fraction = i64::from(nanos) / (1_000_000_000 / self.per_second);
        seconds.checked_mul(self.per_second)?.checked_add(fraction)
    }

    fn takes_marks(&self) -> bool {
        true
    }
}
