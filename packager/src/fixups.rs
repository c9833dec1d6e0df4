//! What unpacking puts right: files that can only name the place where they are once that is known. An archive that has
//! such files lists them in [`MANIFEST`]; YARN's own unpacking leaves them with their placeholders.

use std::path::Path;

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// The list's path in an archive.
pub(crate) const MANIFEST: &str = ".bobbin-fixups.json";
/// A list is not longer than this, bytes.
pub(crate) const MOST: u64 = 64 << 20;

/// One file of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Fixup {
    /// Its path in the archive.
    pub(crate) path: String,
    /// What stands there instead of the prefix.
    pub(crate) placeholder: String,
    /// How it is replaced.
    pub(crate) mode: FixupMode,
}

/// How a placeholder is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FixupMode {
    /// The text becomes longer or shorter.
    Text,
    /// The text keeps its length: NULs follow it.
    Binary,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    version: u32,
    files: Vec<Fixup>,
}

impl Fixup {
    /// A file to put right; `None` for a path that is no text, which the list cannot name.
    pub(crate) fn new(path: &Path, placeholder: &str, mode: FixupMode) -> Option<Fixup> {
        Some(Fixup { path: path.to_str()?.to_owned(), placeholder: placeholder.to_owned(), mode })
    }

    /// `content` with `prefix` in place of the placeholder; `None` when the prefix is too long for the room that there
    /// is.
    pub(crate) fn apply(&self, content: &[u8], prefix: &[u8]) -> Option<Vec<u8>> {
        let placeholder = self.placeholder.as_bytes();
        if placeholder.is_empty() {
            return None;
        }
        match self.mode {
            FixupMode::Text => Some(replace(content, placeholder, prefix)),
            FixupMode::Binary => replace_padded(content, placeholder, prefix),
        }
    }
}

/// The list as it stands in an archive.
pub(crate) fn write(mut files: Vec<Fixup>) -> Vec<u8> {
    files.sort();
    serde_json::to_vec_pretty(&Manifest { version: 1, files }).unwrap_or_default()
}

/// The files of a list.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Fixup>, serde_json::Error> {
    Ok(serde_json::from_slice::<Manifest>(text)?.files)
}

fn replace(content: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = 0;
    for position in memmem::find_iter(content, old) {
        out.extend_from_slice(&content[rest..position]);
        out.extend_from_slice(new);
        rest = position + old.len();
    }
    out.extend_from_slice(&content[rest..]);
    out
}

/// Every NUL-terminated text with the placeholder in it keeps its place and its length.
fn replace_padded(content: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    if new.len() > old.len() {
        return None;
    }
    let mut out = content.to_vec();
    let mut rest = 0;
    while let Some(found) = content.get(rest..).and_then(|rest| memmem::find(rest, old)) {
        let start = rest + found;
        let end = content[start..].iter().position(|byte| *byte == 0).map_or(content.len(), |length| start + length);
        let text = replace(&content[start..end], old, new);
        out[start..start + text.len()].copy_from_slice(&text);
        out[start + text.len()..end].fill(0);
        rest = end;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_change_their_length_and_data_keeps_it() {
        let fixup = |mode| Fixup { path: "x".to_owned(), placeholder: "/placeholder".to_owned(), mode };
        let content = b"a=/placeholder/lib:/placeholder/bin\0next\0";
        let text = fixup(FixupMode::Text).apply(content, b"/p").unwrap();
        assert_eq!(text, b"a=/p/lib:/p/bin\0next\0");
        let data = fixup(FixupMode::Binary).apply(content, b"/p").unwrap();
        assert_eq!(data, [&b"a=/p/lib:/p/bin"[..], &[0; 20], b"\0next\0"].concat());
        assert_eq!(fixup(FixupMode::Binary).apply(content, b"/a/longer/prefix"), None);
    }

    #[test]
    fn the_list_reads_back() {
        let files = vec![
            Fixup::new(Path::new("b"), "/p", FixupMode::Text),
            Fixup::new(Path::new("a"), "/p", FixupMode::Binary),
        ];
        let files: Vec<_> = files.into_iter().flatten().collect();
        let mut sorted = files.clone();
        sorted.sort();
        assert_eq!(read(&write(files)).unwrap(), sorted);
        assert!(read(b"{}").is_err());
    }
}
