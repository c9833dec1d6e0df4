//! Headers of a tar file: POSIX ustar, with GNU's entries for what does not fit (long names, big sizes), which `tar`,
//! Python, Java and Hadoop read. Owner, group and names are empty, so that nobody's identity is in an archive.

use std::path::Path;

use crate::tree::{Entry, EntryKind, bytes};

/// Length of a block, bytes.
pub(crate) const BLOCK: usize = 512;

/// Appends the header of `entry`, whose content has `size` bytes.
pub(crate) fn append(out: &mut Vec<u8>, entry: &Entry, size: u64, time: u64) {
    let mut name = bytes(&entry.path).to_vec();
    let (kind, link): (u8, &[u8]) = match &entry.kind {
        EntryKind::Directory => {
            name.push(b'/');
            (b'5', b"")
        }
        EntryKind::File(_) | EntryKind::Made(_) => (b'0', b""),
        EntryKind::Symlink(target) => (b'2', bytes(target)),
        EntryKind::HardLink(target) => (b'1', bytes(target)),
    };
    if link.len() > 100 {
        append_long(out, b'K', link);
    }
    if name.len() > 100 {
        append_long(out, b'L', &name);
    }
    let header = Header { name: &name, link, kind, mode: entry.mode, size, time };
    header.append(out);
}

/// Bytes that follow a content of `size` bytes up to the next block.
pub(crate) fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// Appends what ends a tar file.
pub(crate) fn append_end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

/// A text that does not fit into a header, as an entry of its own before it.
fn append_long(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    let size = text.len() as u64 + 1;
    Header { name: bytes(Path::new("././@LongLink")), link: b"", kind, mode: 0, size, time: 0 }.append(out);
    out.extend_from_slice(text);
    out.resize(out.len() + 1 + padding(size), 0);
}

struct Header<'a> {
    name: &'a [u8],
    link: &'a [u8],
    kind: u8,
    mode: u32,
    size: u64,
    time: u64,
}

impl Header<'_> {
    fn append(&self, out: &mut Vec<u8>) {
        let mut block = [0u8; BLOCK];
        let cut = |text: &[u8]| text.len().min(100);
        block[..cut(self.name)].copy_from_slice(&self.name[..cut(self.name)]);
        octal(&mut block[100..108], u64::from(self.mode));
        octal(&mut block[108..116], 0);
        octal(&mut block[116..124], 0);
        number(&mut block[124..136], self.size);
        number(&mut block[136..148], self.time);
        block[148..156].fill(b' ');
        block[156] = self.kind;
        block[157..157 + cut(self.link)].copy_from_slice(&self.link[..cut(self.link)]);
        block[257..265].copy_from_slice(b"ustar  \0");
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut block[148..155], sum);
        block[155] = b' ';
        out.extend_from_slice(&block);
    }
}

/// Octal digits and a NUL.
fn octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    field[..digits].copy_from_slice(&text.as_bytes()[text.len() - digits..]);
}

/// Octal digits, or GNU's binary form where they do not suffice (8 GiB and more).
fn number(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    if value < 1 << (3 * digits) {
        return octal(field, value);
    }
    let start = field.len() - 8;
    field[start..].copy_from_slice(&value.to_be_bytes());
    field[0] = 0x80;
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn headers_read_back_as_they_were_written() {
        let long = "d/".repeat(150) + "name";
        let target = "t/".repeat(90) + "x";
        let entries = [
            (Entry::directory("bin"), 0),
            (Entry { path: PathBuf::from(&long), mode: 0o755, kind: EntryKind::Made([].into()) }, 3),
            (Entry::symlink("bin/l", &target), 0),
            (Entry { path: "big".into(), mode: 0o640, kind: EntryKind::Made([].into()) }, 0),
        ];
        let mut tar = Vec::new();
        for (entry, size) in &entries {
            append(&mut tar, entry, *size, 315_532_800);
            tar.resize(tar.len() + *size as usize + padding(*size), b'x');
        }
        append_end(&mut tar);
        let mut archive = tar::Archive::new(tar.as_slice());
        let read: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
                let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                (name, link, entry.header().mode().unwrap(), content.len())
            })
            .collect();
        assert_eq!(read[0], ("bin/".to_owned(), None, 0o755, 0));
        assert_eq!(read[1], (long, None, 0o755, 3));
        assert_eq!(read[2], ("bin/l".to_owned(), Some(target), 0o777, 0));
    }

    #[test]
    fn sizes_beyond_eight_gibibytes_fit() {
        let mut tar = Vec::new();
        append(&mut tar, &Entry::made("big", 0o644, []), 9 << 30, 0);
        let header = tar::Header::from_byte_slice(&tar);
        assert_eq!(header.size().unwrap(), 9 << 30);
    }
}
