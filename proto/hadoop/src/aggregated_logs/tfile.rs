//! The TFile format: a BCFile (blocks, each compressed on its own, and an index at the end) whose blocks hold keys and
//! values. A key is a container's id; its value is the container's logs one after the other, cut into chunks.
//!
//! ```text
//! magic · data blocks · meta blocks · meta index · offset of the meta index · version · magic
//! data block: { key length · key · chunks of the value }*
//! value:      { name · size as text · that many bytes }*
//! ```

use std::io::{self, Read};

use super::stream::{Compression, Content, Region, read_exact};
use super::tfile_number::read_number;
use super::{AggregatedLogs, LogError, LogFile, MAX_LOGS, Place as LogPlace, ReadAt};

/// The first and the last bytes of a file.
pub(super) const MAGIC: [u8; 16] =
    [0xd1, 0x11, 0xd3, 0x68, 0x91, 0xb5, 0xd7, 0xb6, 0x39, 0xdf, 0x41, 0x40, 0x92, 0xba, 0xe1, 0x50];

/// Offset of the meta index, two halves of a version, magic.
const TAIL: usize = 8 + 4 + MAGIC.len();
const MAJOR_VERSION: u16 = 1;
const MAX_TEXT: i64 = 64 * 1024;
/// The one meta block that matters to us: the index of the data blocks.
const DATA_INDEX: &str = "data:BCFile.index";
const OWNER_KEY: &str = "APPLICATION_OWNER";
const RESERVED_KEYS: [&str; 3] = ["APPLICATION_ACL", OWNER_KEY, "VERSION"];

const META: &str = "meta index of the log file";
const INDEX: &str = "block index of the log file";
const BLOCK: &str = "block of the log file";

/// Where a log begins: in an uncompressed block, and in which chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    region: Region,
    compression: Compression,
    /// In the uncompressed block.
    offset: u64,
    /// Bytes of the current chunk from there on.
    chunk_left: u64,
    /// Whether no chunk follows it.
    last_chunk: bool,
}

impl Place {
    /// The log's bytes after the first `skip`.
    pub(super) fn content<'a>(&self, size: u64, skip: u64, read: ReadAt<'a>) -> Result<io::Take<Chunks<'a>>, LogError> {
        let mut block = Content::open(self.region, self.compression, read);
        block.skip(self.offset).map_err(LogError::read(BLOCK))?;
        let mut chunks = Chunks {
            block: Counted { content: block, offset: self.offset },
            left: self.chunk_left,
            last: self.last_chunk,
        };
        chunks.skip(skip).map_err(LogError::read(BLOCK))?;
        Ok(chunks.take(size - skip))
    }
}

/// Reads the table of contents.
pub(super) fn open(length: u64, read: ReadAt<'_>) -> Result<AggregatedLogs, LogError> {
    let index = data_index(length, read)?;
    let mut found = AggregatedLogs { owner: None, logs: Vec::new() };
    for region in &index.blocks {
        list_block(*region, index.compression, read, &mut found)?;
    }
    Ok(found)
}

struct DataIndex {
    compression: Compression,
    blocks: Vec<Region>,
}

fn data_index(length: u64, read: ReadAt<'_>) -> Result<DataIndex, LogError> {
    let meta = meta_index(length, read)?;
    let mut content = Content::open(meta.region, meta.compression, read);
    let name = text(&mut content, INDEX)?;
    let compression = Compression::from_name(&name)?;
    let mut blocks = Vec::new();
    for _ in 0..number(&mut content, INDEX)? {
        blocks.push(block_region(&mut content, length, INDEX)?);
    }
    Ok(DataIndex { compression, blocks })
}

struct MetaBlock {
    region: Region,
    compression: Compression,
}

/// Finds the index of the data blocks among the meta blocks.
fn meta_index(length: u64, read: ReadAt<'_>) -> Result<MetaBlock, LogError> {
    let start = length.checked_sub(TAIL as u64).ok_or(LogError::Format { reason: "it is too short" })?;
    let tail = read_exact(read, start, TAIL, length, META)?;
    let (offset, rest) = tail.split_at(8);
    if rest[4..] != MAGIC {
        return Err(LogError::Format { reason: "the mark at its end is missing" });
    }
    if rest[..2] != MAJOR_VERSION.to_be_bytes() {
        return Err(LogError::Format { reason: "its version is not 1" });
    }
    let offset = offset.iter().fold(0i64, |value, byte| value << 8 | i64::from(*byte));
    let size = start.cast_signed().saturating_sub(offset);
    let mut content = Content::open(Region::checked(offset, size, length, META)?, Compression::None, read);
    for _ in 0..number(&mut content, META)? {
        let name = text(&mut content, META)?;
        let compression = text(&mut content, META)?;
        let region = block_region(&mut content, length, META)?;
        if name == DATA_INDEX {
            return Ok(MetaBlock { region, compression: Compression::from_name(&compression)? });
        }
    }
    Err(LogError::Damaged { what: META, reason: "it names no block index" })
}

fn list_block(
    region: Region,
    compression: Compression,
    read: ReadAt<'_>,
    found: &mut AggregatedLogs,
) -> Result<(), LogError> {
    let mut block = Counted { content: Content::open(region, compression, read), offset: 0 };
    while let Some(key) = next_key(&mut block)? {
        let mut value = Chunks { block, left: 0, last: false };
        if key == OWNER_KEY {
            found.owner = java_text(&mut value)?;
        } else if !RESERVED_KEYS.contains(&key.as_str()) {
            list_container(&key, &mut value, (region, compression), found)?;
        }
        value.skip_rest().map_err(LogError::read(BLOCK))?;
        block = value.block;
    }
    Ok(())
}

fn list_container(
    container: &str,
    value: &mut Chunks<'_>,
    (region, compression): (Region, Compression),
    found: &mut AggregatedLogs,
) -> Result<(), LogError> {
    while let Some(name) = java_text(value)? {
        let size = java_text(value)?.and_then(|digits| digits.parse().ok());
        let size = size.ok_or(LogError::Damaged { what: BLOCK, reason: "a log has no size" })?;
        let place =
            Place { region, compression, offset: value.block.offset, chunk_left: value.left, last_chunk: value.last };
        value.skip(size).map_err(LogError::read(BLOCK))?;
        if found.logs.len() == MAX_LOGS {
            return Err(LogError::Damaged { what: BLOCK, reason: "it claims more than a million logs" });
        }
        let place = LogPlace::Chunks(place);
        found.logs.push(LogFile { container: container.to_owned(), name, size, modified_ms: None, place });
    }
    Ok(())
}

/// The next key: a text inside bytes of announced length. None at the end of the block.
fn next_key(block: &mut Counted<'_>) -> Result<Option<String>, LogError> {
    let Some(first) = first_byte(block).map_err(LogError::read(BLOCK))? else {
        return Ok(None);
    };
    let length = read_number(&mut [first].chain(&mut *block)).map_err(LogError::read(BLOCK))?;
    let mut key = (&mut *block).take(checked_length(length, BLOCK)?);
    let text = java_text(&mut key)?.ok_or(LogError::Damaged { what: BLOCK, reason: "a key is empty" })?;
    io::copy(&mut key, &mut io::sink()).map_err(LogError::read(BLOCK))?;
    Ok(Some(text))
}

/// A text as Java's `writeUTF` writes it: two bytes of length, then nearly UTF-8. None at the end.
fn java_text(from: &mut impl Read) -> Result<Option<String>, LogError> {
    let Some(high) = first_byte(from).map_err(LogError::read(BLOCK))? else {
        return Ok(None);
    };
    let mut low = [0];
    from.read_exact(&mut low).map_err(LogError::read(BLOCK))?;
    let mut bytes = vec![0; usize::from(high) << 8 | usize::from(low[0])];
    from.read_exact(&mut bytes).map_err(LogError::read(BLOCK))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn first_byte(from: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((from.take(1).read(&mut byte)? == 1).then_some(byte[0]))
}

fn number(from: &mut impl Read, what: &'static str) -> Result<i64, LogError> {
    read_number(from).map_err(LogError::read(what))
}

fn text(from: &mut impl Read, what: &'static str) -> Result<String, LogError> {
    let length = checked_length(number(from, what)?, what)?;
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes).map_err(LogError::read(what))?;
    String::from_utf8(bytes).map_err(|_| LogError::Damaged { what, reason: "a name is not UTF-8" })
}

fn checked_length(length: i64, what: &'static str) -> Result<u64, LogError> {
    match u64::try_from(length) {
        Ok(length) if length <= MAX_TEXT.cast_unsigned() => Ok(length),
        Ok(_) | Err(_) => Err(LogError::Damaged { what, reason: "a length is absurd" }),
    }
}

/// Offset, compressed size, uncompressed size; the last is not needed: a block ends where its bytes end.
fn block_region(from: &mut impl Read, file: u64, what: &'static str) -> Result<Region, LogError> {
    let (offset, compressed) = (number(from, what)?, number(from, what)?);
    number(from, what)?;
    Region::checked(offset, compressed, file, what)
}

/// An uncompressed block that knows how far it has been read.
pub(super) struct Counted<'a> {
    content: Content<'a>,
    offset: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// A value without the lengths of its chunks. All but the last chunk have their length negated.
pub(super) struct Chunks<'a> {
    block: Counted<'a>,
    left: u64,
    last: bool,
}

impl Chunks<'_> {
    /// Goes on to the next chunk when this one is used up; false at the end of the value.
    fn ready(&mut self) -> io::Result<bool> {
        while self.left == 0 {
            if self.last {
                return Ok(false);
            }
            let length = read_number(&mut self.block)?;
            self.left = length.unsigned_abs();
            self.last = length >= 0;
        }
        Ok(true)
    }

    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            if !self.ready()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = count.min(self.left);
            self.skip_in_chunk(step)?;
            count -= step;
        }
        Ok(())
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        while self.ready()? {
            self.skip_in_chunk(self.left)?;
        }
        Ok(())
    }

    fn skip_in_chunk(&mut self, count: u64) -> io::Result<()> {
        self.block.content.skip(count)?;
        self.block.offset += count;
        self.left -= count;
        Ok(())
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.ready()? {
            return Ok(0);
        }
        let length = self.left.min(buffer.len() as u64) as usize;
        let length = self.block.read(&mut buffer[..length])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length as u64;
        Ok(length)
    }
}
