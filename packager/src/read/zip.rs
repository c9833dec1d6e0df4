//! Zip archives.
//!
//! Their directory, at the end, is what counts; what stands before each entry must say the same, for programs that read
//! an archive from the front see only that. Entries must not share bytes: a small archive could become large otherwise.

mod ranges;
mod record;

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, FileReader, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipEntry, ZipReader};

use super::metered::Metered;
use super::{Counted, Item, Kind, Meter, Stop, Visitor};
use crate::error::Defect;
use crate::paths;
use ranges::Ranges;
use record::{Record, Type};

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// Reads a zip archive through, in the order of its directory.
pub(super) fn read<V: Visitor>(
    file: &File,
    meter: &mut Meter,
    visitor: &mut Counted<'_, V>,
) -> Result<(), Stop<V::Error>> {
    let length = file.metadata().map_err(Stop::Read)?.len();
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = ZipArchive::from_file(file.try_clone().map_err(Stop::Read)?, &mut buffer).map_err(broken)?;
    if archive.end_offset() != length {
        return Err(damaged("something follows its end"));
    }
    let mut reading = Reading { archive: &archive, ranges: Ranges::default(), buffer: Vec::new() };
    let mut entries = archive.entries(&mut buffer);
    let mut count: u64 = 0;
    while let Some(record) = entries.next_entry().map_err(broken)? {
        count += 1;
        meter.entry()?;
        reading.entry(&Record::new(&record), meter, visitor)?;
    }
    // Old programs count modulo 65536.
    if count as u16 != archive.entries_hint() as u16 {
        return Err(damaged("its directory has another number of entries than it says"));
    }
    // An archive that is stored in another one has its own directory: the rest of the outer one may be missing.
    if count > 0 && !reading.ranges.begin_at(0) {
        return Err(damaged("something precedes its first entry"));
    }
    Ok(())
}

fn broken<E>(error: rawzip::Error) -> Stop<E> {
    Stop::Read(io::Error::new(io::ErrorKind::InvalidData, error))
}

fn damaged<E>(what: &'static str) -> Stop<E> {
    Stop::Read(io::Error::new(io::ErrorKind::InvalidData, what))
}

struct Reading<'a> {
    archive: &'a ZipArchive<FileReader>,
    ranges: Ranges,
    buffer: Vec<u8>,
}

impl Reading<'_> {
    fn entry<V: Visitor>(
        &mut self,
        record: &Record,
        meter: &mut Meter,
        visitor: &mut Counted<'_, V>,
    ) -> Result<(), Stop<V::Error>> {
        visitor.name(&record.path);
        record.check().map_err(Stop::Defect)?;
        let entry = self.archive.get_entry(record.place).map_err(broken)?;
        self.check(record, &entry).map_err(|what| damaged(what.0))?;
        let body = Body::new(record, &entry);
        let mut content = Metered::new(entry.verifying_reader(body), record.size, meter);
        let outcome = visit(record, &mut content, visitor);
        let body = content.finish(outcome)?.into_inner();
        if body.read() != record.packed {
            return Err(damaged("an entry has bytes that are not part of its content"));
        }
        Ok(())
    }

    /// Compares what stands before the content with the directory.
    fn check(&mut self, record: &Record, entry: &ZipEntry<'_, FileReader>) -> Result<(), Lie> {
        self.buffer.resize(2 * usize::from(u16::MAX), 0);
        let header = entry.local_header(&mut self.buffer).map_err(|_| Lie("an entry's header is damaged"))?;
        let sizes = (header.crc32(), header.compressed_size_hint(), header.uncompressed_size_hint());
        let has_sizes = !header.flags().has_data_descriptor();
        if header.file_path().as_ref() != record.path
            || header.compression_method() != record.method
            || header.flags().is_encrypted()
            || (has_sizes && sizes != (record.crc, record.packed, record.size))
        {
            return Err(Lie("an entry's header and the directory say different things"));
        }
        if !has_sizes && entry.reader().data_descriptor().ok().flatten().is_none_or(|after| after.crc32() != record.crc)
        {
            return Err(Lie("what follows an entry and the directory say different things"));
        }
        let (_, end) = entry.compressed_data_range();
        if end > self.archive.directory_offset() || !self.ranges.add(record.begin, end) {
            return Err(Lie("two entries have the same bytes"));
        }
        Ok(())
    }
}

/// Two places of an archive that do not agree.
struct Lie(&'static str);

fn visit<V: Visitor>(
    record: &Record,
    content: &mut dyn Read,
    visitor: &mut Counted<'_, V>,
) -> Result<(), Stop<V::Error>> {
    let mut target = Vec::new();
    let kind = match record.kind {
        Type::Directory => Kind::Directory,
        Type::File => Kind::File,
        Type::Special(kind) => Kind::Special { kind },
        Type::Link => {
            content.take(paths::LONGEST as u64 + 1).read_to_end(&mut target).map_err(Stop::Read)?;
            if target.len() > paths::LONGEST {
                return Err(Stop::Defect(Defect::Nul));
            }
            Kind::Symlink { target: &target }
        }
    };
    let item = Item { path: &record.path, kind, mode: record.mode, time: record.time, size: record.size };
    visitor.visit(&item, content)
}

/// The content of an entry.
enum Body<'a> {
    Stored(ZipReader<&'a FileReader>, u64),
    Deflated(DeflateDecoder<BufReader<ZipReader<&'a FileReader>>>),
}

impl<'a> Body<'a> {
    fn new(record: &Record, entry: &ZipEntry<'a, FileReader>) -> Body<'a> {
        // Some programs call nothing deflated.
        if record.method == CompressionMethod::DEFLATE && record.packed > 0 {
            let length = usize::try_from(record.packed).map_or(BUFFER, |packed| packed.clamp(1, BUFFER));
            return Body::Deflated(DeflateDecoder::new(BufReader::with_capacity(length, entry.reader())));
        }
        Body::Stored(entry.reader(), 0)
    }

    /// Bytes of the archive that it has taken.
    fn read(&self) -> u64 {
        match self {
            Body::Stored(_, read) => *read,
            Body::Deflated(decoder) => decoder.total_in(),
        }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Body::Stored(reader, read) => {
                let length = reader.read(buffer)?;
                *read += length as u64;
                Ok(length)
            }
            Body::Deflated(decoder) => decoder.read(buffer),
        }
    }
}
