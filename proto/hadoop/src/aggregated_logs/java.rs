//! Java's object streams, as far as it takes to read a structure of objects, texts, numbers and collections without
//! knowing the classes: the index of an aggregated log file is one.
//!
//! Objects refer to earlier ones by number, so what is read is a list of entries that point at each other.

use bytes::{Buf, Bytes};

const MAGIC: u32 = 0xaced_0005;
const FIRST_HANDLE: u32 = 0x7e_0000;
/// Objects inside objects, and classes above classes.
const MAX_DEPTH: usize = 64;

const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASS_DESCRIPTION: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_STRING: u8 = 0x74;
const TC_ARRAY: u8 = 0x75;
const TC_BLOCK_DATA: u8 = 0x77;
const TC_END_BLOCK_DATA: u8 = 0x78;
const TC_BLOCK_DATA_LONG: u8 = 0x7a;
const TC_LONG_STRING: u8 = 0x7c;
const TC_ENUM: u8 = 0x7e;

const HAS_WRITE_METHOD: u8 = 0x01;
const IS_SERIALIZABLE: u8 = 0x02;
const IS_EXTERNALIZABLE: u8 = 0x04;
const HAS_BLOCK_DATA: u8 = 0x08;

/// Why bytes are no object stream that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

type Result<T> = std::result::Result<T, Unreadable>;

/// A field's value, or an element of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Number(i64),
    /// Fractions: nobody asks for them.
    Other,
    /// The entry at this place of the stream.
    Entry(usize),
}

/// Something that later parts of a stream may refer to.
#[derive(Debug)]
enum Entry {
    /// Its own content is still being read.
    Open,
    Text(String),
    Class(Class),
    Object(Object),
}

#[derive(Debug, Clone)]
struct Class {
    name: String,
    flags: u8,
    fields: Vec<Field>,
    parent: Option<usize>,
}

#[derive(Debug, Clone)]
struct Field {
    kind: u8,
    name: String,
}

/// An object: its class, its fields, and what its class wrote besides, such as the elements of a list.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) class: String,
    fields: Vec<(String, Value)>,
    /// Elements of a list; keys and values of a map, in turn.
    pub(super) elements: Vec<Value>,
}

/// A stream that has been read: its first value, and everything that it refers to.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) first: Value,
    entries: Vec<Entry>,
}

impl Stream {
    pub(super) fn read(bytes: Bytes) -> Result<Self> {
        let mut reader = Reader { bytes, entries: Vec::new(), depth: 0 };
        if reader.bytes.try_get_u32() != Ok(MAGIC) {
            return Err(Unreadable("it does not begin as a Java object stream"));
        }
        let first = reader.value()?;
        Ok(Self { first, entries: reader.entries })
    }

    pub(super) fn object(&self, value: Value) -> Option<&Object> {
        match self.entry(value)? {
            Entry::Object(object) => Some(object),
            Entry::Open | Entry::Text(_) | Entry::Class(_) => None,
        }
    }

    pub(super) fn text(&self, value: Value) -> Option<&str> {
        match self.entry(value)? {
            Entry::Text(text) => Some(text),
            Entry::Open | Entry::Object(_) | Entry::Class(_) => None,
        }
    }

    fn entry(&self, value: Value) -> Option<&Entry> {
        match value {
            Value::Entry(index) => self.entries.get(index),
            Value::Null | Value::Number(_) | Value::Other => None,
        }
    }
}

impl Object {
    pub(super) fn field(&self, name: &str) -> Value {
        self.fields.iter().find(|(field, _)| field == name).map_or(Value::Null, |(_, value)| *value)
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.field(name) {
            Value::Number(number) => Some(number),
            Value::Null | Value::Other | Value::Entry(_) => None,
        }
    }
}

struct Reader {
    bytes: Bytes,
    entries: Vec<Entry>,
    depth: usize,
}

impl Reader {
    fn value(&mut self) -> Result<Value> {
        let code = self.byte()?;
        self.value_of(code)
    }

    fn value_of(&mut self, code: u8) -> Result<Value> {
        if self.depth == MAX_DEPTH {
            return Err(Unreadable("its objects are nested too deep"));
        }
        self.depth += 1;
        let value = match code {
            TC_NULL => Ok(Value::Null),
            TC_REFERENCE => Ok(Value::Entry(self.reference()?)),
            TC_STRING => self.text_entry(|reader| reader.short_text()),
            TC_LONG_STRING => self.text_entry(|reader| {
                let length = reader.bytes.try_get_u64().map_err(|_| SHORT)?;
                reader.text(length)
            }),
            TC_OBJECT => self.object(),
            TC_ENUM => self.constant(),
            TC_ARRAY => self.array(),
            _ => Err(Unreadable("it holds something that an index does not need")),
        };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value> {
        let class = self.class()?.ok_or(Unreadable("an object has no class"))?;
        let index = self.push(Entry::Open);
        let lineage = self.lineage(class)?;
        let mut object = Object { class: self.class_at(class)?.name.clone(), fields: vec![], elements: vec![] };
        for class in lineage {
            self.class_data(class, &mut object)?;
        }
        self.entries[index] = Entry::Object(object);
        Ok(Value::Entry(index))
    }

    /// The part of an object that one class of its lineage wrote.
    fn class_data(&mut self, class: usize, object: &mut Object) -> Result<()> {
        let Class { flags, fields, .. } = self.class_at(class)?.clone();
        if flags & IS_EXTERNALIZABLE != 0 {
            if flags & HAS_BLOCK_DATA == 0 {
                return Err(Unreadable("it holds an object of a private format"));
            }
            return self.annotation(&mut object.elements);
        }
        if flags & IS_SERIALIZABLE == 0 {
            return Ok(());
        }
        for Field { kind, name } in fields {
            let value = self.typed(kind)?;
            object.fields.push((name, value));
        }
        if flags & HAS_WRITE_METHOD != 0 {
            self.annotation(&mut object.elements)?;
        }
        Ok(())
    }

    fn constant(&mut self) -> Result<Value> {
        self.class()?.ok_or(Unreadable("a constant has no class"))?;
        let index = self.push(Entry::Open);
        let name = self.value()?;
        if let Value::Entry(text) = name
            && let Some(Entry::Text(text)) = self.entries.get(text)
        {
            self.entries[index] = Entry::Text(text.clone());
        }
        Ok(Value::Entry(index))
    }

    fn array(&mut self) -> Result<Value> {
        let class = self.class()?.ok_or(Unreadable("an array has no class"))?;
        let index = self.push(Entry::Open);
        let name = self.class_at(class)?.name.clone();
        let kind = name.as_bytes().get(1).copied().ok_or(Unreadable("an array has no type"))?;
        let length = self.bytes.try_get_u32().map_err(|_| SHORT)?;
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.push(self.typed(kind)?);
        }
        self.entries[index] = Entry::Object(Object { class: name, fields: vec![], elements });
        Ok(Value::Entry(index))
    }

    /// What a class writes besides its fields, up to the end mark. Raw bytes are passed over: collections write their
    /// sizes there, and their elements after them.
    fn annotation(&mut self, elements: &mut Vec<Value>) -> Result<()> {
        loop {
            match self.byte()? {
                TC_END_BLOCK_DATA => return Ok(()),
                TC_BLOCK_DATA => {
                    let length = self.byte()?;
                    self.take(length.into())?;
                }
                TC_BLOCK_DATA_LONG => {
                    let length = self.bytes.try_get_u32().map_err(|_| SHORT)?;
                    self.take(length.into())?;
                }
                code => elements.push(self.value_of(code)?),
            }
        }
    }

    fn class(&mut self) -> Result<Option<usize>> {
        match self.byte()? {
            TC_NULL => Ok(None),
            TC_REFERENCE => Ok(Some(self.reference()?)),
            TC_CLASS_DESCRIPTION => self.new_class().map(Some),
            _ => Err(Unreadable("a class is described in an unknown way")),
        }
    }

    fn new_class(&mut self) -> Result<usize> {
        if self.depth == MAX_DEPTH {
            return Err(Unreadable("its classes are nested too deep"));
        }
        self.depth += 1;
        let name = self.short_text()?;
        let _serial_version = self.bytes.try_get_u64().map_err(|_| SHORT)?;
        let index = self.push(Entry::Open);
        let flags = self.byte()?;
        let mut fields = Vec::new();
        for _ in 0..self.bytes.try_get_u16().map_err(|_| SHORT)? {
            fields.push(self.field()?);
        }
        self.annotation(&mut Vec::new())?;
        let parent = self.class()?;
        self.entries[index] = Entry::Class(Class { name, flags, fields, parent });
        self.depth -= 1;
        Ok(index)
    }

    fn field(&mut self) -> Result<Field> {
        let kind = self.byte()?;
        let name = self.short_text()?;
        if matches!(kind, b'L' | b'[') {
            self.value()?;
        }
        Ok(Field { kind, name })
    }

    /// A class and those above it, topmost first: the order in which they wrote.
    fn lineage(&self, class: usize) -> Result<Vec<usize>> {
        let mut lineage = vec![class];
        let mut current = class;
        while let Some(parent) = self.class_at(current)?.parent {
            if lineage.len() == MAX_DEPTH {
                return Err(Unreadable("a class has too many above it"));
            }
            lineage.push(parent);
            current = parent;
        }
        lineage.reverse();
        Ok(lineage)
    }

    fn typed(&mut self, kind: u8) -> Result<Value> {
        let number = match kind {
            b'B' => self.bytes.try_get_i8().map(i64::from),
            b'Z' => self.bytes.try_get_u8().map(i64::from),
            b'C' => self.bytes.try_get_u16().map(i64::from),
            b'S' => self.bytes.try_get_i16().map(i64::from),
            b'I' => self.bytes.try_get_i32().map(i64::from),
            b'J' => self.bytes.try_get_i64(),
            b'F' => return self.take(4).map(|_| Value::Other),
            b'D' => return self.take(8).map(|_| Value::Other),
            b'L' | b'[' => return self.value(),
            _ => return Err(Unreadable("a field has an unknown type")),
        };
        number.map(Value::Number).map_err(|_| SHORT)
    }

    fn text_entry(&mut self, read: impl FnOnce(&mut Self) -> Result<String>) -> Result<Value> {
        let text = read(self)?;
        Ok(Value::Entry(self.push(Entry::Text(text))))
    }

    fn short_text(&mut self) -> Result<String> {
        let length = self.bytes.try_get_u16().map_err(|_| SHORT)?;
        self.text(length.into())
    }

    fn text(&mut self, length: u64) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.take(length)?).into_owned())
    }

    fn reference(&mut self) -> Result<usize> {
        let handle = self.bytes.try_get_u32().map_err(|_| SHORT)?;
        let index = handle.checked_sub(FIRST_HANDLE).map(|index| index as usize);
        index.filter(|index| *index < self.entries.len()).ok_or(Unreadable("it refers to something that is not there"))
    }

    fn class_at(&self, index: usize) -> Result<&Class> {
        match self.entries.get(index) {
            Some(Entry::Class(class)) => Ok(class),
            Some(Entry::Open | Entry::Text(_) | Entry::Object(_)) | None => {
                Err(Unreadable("it refers to something else as a class"))
            }
        }
    }

    fn push(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn byte(&mut self) -> Result<u8> {
        self.bytes.try_get_u8().map_err(|_| SHORT)
    }

    fn take(&mut self, length: u64) -> Result<Bytes> {
        match usize::try_from(length) {
            Ok(length) if length <= self.bytes.len() => Ok(self.bytes.split_to(length)),
            Ok(_) | Err(_) => Err(SHORT),
        }
    }
}

const SHORT: Unreadable = Unreadable("it ends too early");
