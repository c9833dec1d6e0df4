//! Compiled Python. A `.pyc` is used only when its header has the modification time and size of its source (PEP 552's
//! timestamps), and all times in an archive are the same; and it names its source's absolute path, which Python replaces
//! when it loads the code.

use std::path::{Path, PathBuf};

use super::{Place, Relocated, Relocation};
use crate::tree::bytes;

/// Length of the header: magic number, flags, time, size.
const HEADER: usize = 16;
/// Flag: the header has a hash of the source instead.
const HASHED: u32 = 1;

/// The content of a `.pyc` that is valid beside the archive's copy of its source.
pub(super) fn relocate(relocation: &Relocation, path: &Path, mut content: Vec<u8>) -> Relocated {
    if content.len() < HEADER {
        return Relocated::same(content);
    }
    if let (Some(source), false) = (source_of(path), word(&content, 4) & HASHED != 0) {
        let known = relocation.sources.get(bytes(&source));
        let is_valid =
            known.is_some_and(|(time, size)| word(&content, 8) == *time as u32 && word(&content, 12) == *size as u32);
        // Python ignores it now, and would on a node.
        let time = if is_valid { relocation.time as u32 } else { 0 };
        content[8..12].copy_from_slice(&time.to_le_bytes());
    }
    if !relocation.prefixes.is_in(&content) {
        return Relocated::same(content);
    }
    let (content, complete) = strip_names(relocation, &content);
    Relocated { content, fixup: None, remains: if complete { Vec::new() } else { vec![Place::Data] } }
}

/// `a/__pycache__/b.cpython-311.pyc` belongs to `a/b.py`.
pub(super) fn source_of(path: &Path) -> Option<PathBuf> {
    let directory = path.parent()?;
    let name = path.file_name()?.to_str()?;
    if directory.file_name()? != "__pycache__" {
        return Some(path.with_extension("py"));
    }
    let stem = name.split_once('.')?.0;
    Some(directory.parent()?.join(format!("{stem}.py")))
}

fn word(content: &[u8], at: usize) -> u32 {
    content.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Shortens marshalled texts that begin with the prefix by it. Marshal has no offsets: a text is its type, its length, its
/// bytes. Says whether every occurrence of the prefix was such a text.
fn strip_names(relocation: &Relocation, content: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(content.len());
    let (mut done, mut complete, mut from) = (0, true, HEADER);
    while let Some((position, length)) = relocation.prefixes.find(content, from) {
        let cut = length + usize::from(content.get(position + length) == Some(&b'/'));
        match text_at(content, position).filter(|text| text.length >= cut) {
            Some(text) => {
                out.extend_from_slice(&content[done..text.start]);
                match text.width {
                    1 => out.push((text.length - cut) as u8),
                    _ => out.extend_from_slice(&((text.length - cut) as u32).to_le_bytes()),
                }
                done = position + cut;
            }
            None => complete = false,
        }
        from = position + length;
    }
    out.extend_from_slice(&content[done..]);
    (out, complete)
}

/// A marshalled text.
struct Text {
    /// Where its length stands.
    start: usize,
    /// Bytes of its length.
    width: usize,
    length: usize,
}

/// The marshalled text whose bytes begin at `position`.
fn text_at(content: &[u8], position: usize) -> Option<Text> {
    let kind = |at: Option<usize>| at.and_then(|at| content.get(at)).map(|byte| byte & 0x7f);
    let fits = |length: usize| position + length <= content.len();
    if matches!(kind(position.checked_sub(2)), Some(b'z' | b'Z')) {
        let length = usize::from(content[position - 1]);
        return fits(length).then_some(Text { start: position - 1, width: 1, length });
    }
    if matches!(kind(position.checked_sub(5)), Some(b'a' | b'A' | b'u' | b't')) {
        let length = word(content, position - 4) as usize;
        return (length < 1 << 16 && fits(length)).then_some(Text { start: position - 4, width: 4, length });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Prefixes;
    use super::*;

    fn relocation() -> Relocation {
        Relocation {
            prefixes: Prefixes::new([Path::new("/a/env")]),
            sources: [(b"lib/m.py".to_vec(), (1000, 20))].into(),
            time: 315_532_800,
            ..Relocation::default()
        }
    }

    fn pyc(time: u32, flags: u32) -> Vec<u8> {
        let mut content = vec![0xa7, 0x0d, 0x0d, 0x0a];
        [flags, time, 20].iter().for_each(|word| content.extend(word.to_le_bytes()));
        content.extend(b"\xe3...\xda\x0f/a/env/lib/m.pyrest");
        content.extend(b"a\x0f\0\0\0/a/env/lib/m.py");
        content
    }

    #[test]
    fn a_valid_file_stays_valid_and_loses_the_prefix() {
        let path = Path::new("lib/__pycache__/m.cpython-311.pyc");
        let relocated = relocate(&relocation(), path, pyc(1000, 0));
        assert_eq!(word(&relocated.content, 8), 315_532_800);
        assert!(relocated.content.ends_with(b"\xda\x08lib/m.pyresta\x08\0\0\0lib/m.py"));
        assert!(relocated.remains.is_empty());
    }

    #[test]
    fn a_stale_file_stays_stale_and_a_hash_is_kept() {
        let path = Path::new("lib/__pycache__/m.cpython-311.pyc");
        assert_eq!(word(&relocate(&relocation(), path, pyc(999, 0)).content, 8), 0);
        assert_eq!(word(&relocate(&relocation(), path, pyc(999, 1)).content, 8), 999);
        assert_eq!(relocate(&relocation(), path, vec![1, 2, 3]).content, [1, 2, 3]);
    }

    #[test]
    fn other_places_are_told() {
        let content = [pyc(1000, 0), b"\xf3xx/a/env/lib".to_vec()].concat();
        assert_eq!(relocate(&relocation(), Path::new("lib/m.pyc"), content).remains, [Place::Data]);
    }
}
