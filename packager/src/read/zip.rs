//! Zip archives.

use std::fs::File;

use super::{Meter, Stop, Visitor};

pub(super) fn read<V: Visitor>(_file: &File, _meter: &mut Meter, _visitor: &mut V) -> Result<(), Stop<V::Error>> {
    Err(Stop::Read(std::io::ErrorKind::Unsupported.into()))
}
