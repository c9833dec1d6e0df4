//! The frames of a Zstandard file (RFC 8878): where each begins, and how long its content is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The longest frame that is decoded as a whole; longer ones are decoded as streams.
const MOST: u64 = 16 << 20;
/// So many frames are decoded one by one; a file that has more is decoded as a stream.
const FRAMES: usize = 1 << 20;
/// First bytes of a frame, and of one that is to be skipped (its last four bits vary).
const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE: u32 = 0x184d_2a50;

/// Where the frames of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frames(Vec<Frame>);

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    offset: u64,
    length: u64,
    content: usize,
}

impl Frames {
    /// Looks at the headers of all frames and blocks; `None` when one does not say how long its content is, or is very
    /// long.
    pub(crate) fn find(file: &File) -> io::Result<Option<Frames>> {
        let length = file.metadata()?.len();
        let mut frames = Vec::new();
        let mut offset = 0;
        while offset < length {
            let mut head = [0; 18];
            let available = (length - offset).min(18) as usize;
            file.read_exact_at(&mut head[..available], offset)?;
            let magic = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            if magic & 0xffff_fff0 == SKIPPABLE && available >= 8 {
                offset += 8 + u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
                continue;
            }
            if magic != MAGIC {
                // The stream's decoder says what is wrong with it.
                return Ok(None);
            }
            let Ok(Some(content)) = zstd::zstd_safe::get_frame_content_size(&head[..available]) else {
                return Ok(None);
            };
            let Some(end) = end_of(file, &head, offset, length)? else { return Ok(None) };
            if content > MOST || end - offset > 2 * MOST || frames.len() == FRAMES {
                return Ok(None);
            }
            frames.push(Frame { offset, length: end - offset, content: content as usize });
            offset = end;
        }
        Ok(Some(Frames(frames)))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Writes the content of one frame into the empty `content`.
    pub(crate) fn decode(
        &self,
        file: &File,
        index: usize,
        decoder: &mut Decoder,
        mut content: Vec<u8>,
    ) -> io::Result<Vec<u8>> {
        let (frame, Decoder { inner, packed }) = (&self.0[index], decoder);
        packed.resize(frame.length as usize, 0);
        file.read_exact_at(packed, frame.offset)?;
        content.reserve(frame.content);
        let inner = inner.as_mut().map_err(|error| io::Error::from(error.kind()))?;
        inner.decompress_to_buffer(packed, &mut content)?;
        Ok(content)
    }
}

/// A decoder of one thread, with its memory.
pub(crate) struct Decoder {
    inner: io::Result<zstd::bulk::Decompressor<'static>>,
    packed: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new() -> Decoder {
        Decoder { inner: zstd::bulk::Decompressor::new(), packed: Vec::new() }
    }
}

/// Where a frame ends: after its last block, and its checksum. `None` when the file ends before it.
fn end_of(file: &File, head: &[u8; 18], offset: u64, length: u64) -> io::Result<Option<u64>> {
    let descriptor = head[4];
    let is_single = descriptor & 0x20 != 0;
    let size = match descriptor >> 6 {
        0 => u64::from(is_single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let mut position = offset + 5 + u64::from(!is_single) + dictionary + size;
    let checksum = if descriptor & 4 != 0 { 4 } else { 0 };
    loop {
        let mut block = [0; 4];
        if position + 3 > length {
            return Ok(None);
        }
        file.read_exact_at(&mut block[..3], position)?;
        let header = u32::from_le_bytes(block);
        // A run-length block has one byte, whatever its length.
        let bytes = if (header >> 1) & 3 == 1 { 1 } else { u64::from(header >> 3) };
        position += 3 + bytes;
        if header & 1 != 0 {
            let end = position + checksum;
            return Ok((end <= length).then_some(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn frame(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, 3).unwrap()
    }

    #[test]
    fn frames_are_found_and_decoded_one_by_one() {
        let noise: Vec<u8> = (0..400_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let contents = [&noise[..], b"", &[7; 300_000], b"short"];
        let mut bytes = contents.map(frame).concat();
        bytes.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
        let file = file(&bytes);
        let frames = Frames::find(&file).unwrap().unwrap();
        assert_eq!(frames.count(), 4);
        let mut decoder = Decoder::new();
        for (index, content) in contents.iter().enumerate() {
            assert_eq!(frames.decode(&file, index, &mut decoder, Vec::new()).unwrap(), *content);
        }
    }

    #[test]
    fn what_is_no_row_of_frames_is_left_to_the_stream() {
        assert_eq!(Frames::find(&file(b"nonsense")).unwrap(), None);
        let whole = frame(&[1; 1000]);
        for cut in 1..whole.len() {
            assert_eq!(Frames::find(&file(&whole[..cut])).unwrap(), None, "{cut}");
        }
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(b"no length").unwrap();
        assert_eq!(Frames::find(&file(&encoder.finish().unwrap())).unwrap(), None);
    }
}
