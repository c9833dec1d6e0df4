//! Finding and replacing the old prefix.

use std::path::Path;

use memchr::memmem::Finder;

use crate::tree::bytes;

/// The prefixes that an environment's files may name: its directory under all the names it has had, and its
/// interpreter's. Everything below them is in the archive, at the same path below its root.
#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    /// Longest first, so that the longest one is found where one begins like another.
    finders: Vec<Finder<'static>>,
}

/// Prefixes that every machine has, and that files name for other reasons.
const COMMON: [&str; 5] = ["/", "/usr", "/usr/local", "/opt", "/bin"];

impl Prefixes {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Prefixes {
        let mut paths: Vec<&Path> = paths
            .into_iter()
            .filter(|path| path.is_absolute() && !COMMON.iter().any(|it| *path == Path::new(it)))
            .collect();
        paths.sort_by(|a, b| bytes(b).len().cmp(&bytes(a).len()).then_with(|| a.cmp(b)));
        paths.dedup();
        let finders = paths.into_iter().map(|path| Finder::new(trimmed(path)).into_owned()).collect();
        Prefixes { finders }
    }

    /// Whether one of them is somewhere in `content`.
    pub(crate) fn is_in(&self, content: &[u8]) -> bool {
        self.find(content, 0).is_some()
    }

    /// The longest one, bytes: a window of a file overlaps the next one by so much.
    pub(crate) fn longest(&self) -> usize {
        self.finders.first().map_or(0, |finder| finder.needle().len())
    }

    /// Where the next one is in `content`, at or after `from`, and how long it is.
    pub(crate) fn find(&self, content: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.finders.iter().filter_map(|finder| {
            let length = finder.needle().len();
            let mut start = from;
            while let Some(position) = content.get(start..).and_then(|rest| finder.find(rest)) {
                let position = start + position;
                if ends_there(content, position + length) {
                    return Some((position, length));
                }
                start = position + 1;
            }
            None
        });
        found.min_by_key(|(position, length)| (*position, usize::MAX - length))
    }

    /// The path in the archive that `path` names, if it is in the environment.
    pub(crate) fn inside<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let (_, length) = self.find(path, 0).filter(|(position, _)| *position == 0)?;
        Some(path[length..].strip_prefix(b"/").unwrap_or(&path[length..]))
    }

    /// `content` with `new` in place of every prefix.
    pub(crate) fn replace(&self, content: &[u8], new: &[u8]) -> Vec<u8> {
        self.replace_with(content, |_| new.to_vec())
    }

    /// `content` with what `new` makes of its position in place of every prefix.
    pub(crate) fn replace_with(&self, content: &[u8], mut new: impl FnMut(usize) -> Vec<u8>) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len());
        let mut rest = 0;
        while let Some((position, length)) = self.find(content, rest) {
            out.extend_from_slice(&content[rest..position]);
            out.extend(new(position));
            rest = position + length;
        }
        out.extend_from_slice(&content[rest..]);
        out
    }

    /// `content` of the same length, with `new` in place of every prefix inside NUL-terminated texts, each of which has
    /// room for a prefix of `room` bytes; `None` when one has not.
    pub(crate) fn replace_padded(&self, content: &[u8], new: &[u8], room: usize) -> Option<Vec<u8>> {
        let mut out = content.to_vec();
        let mut rest = 0;
        while let Some((position, length)) = self.find(content, rest) {
            let end = position + content[position..].iter().position(|byte| *byte == 0)?;
            let space = room.checked_sub(length)?;
            // Several prefixes in one text, as in a search path, each had its own room.
            let text = self.replace(&content[position..end], new);
            let count = self.count(&content[position..end]);
            let stop = end + space * count;
            if content.get(end..=stop)?.iter().any(|byte| *byte != 0) || position + text.len() > stop {
                return None;
            }
            out[position..position + text.len()].copy_from_slice(&text);
            out[position + text.len()..stop].fill(0);
            rest = stop;
        }
        Some(out)
    }

    fn count(&self, text: &[u8]) -> usize {
        let (mut count, mut rest) = (0, 0);
        while let Some((position, length)) = self.find(text, rest) {
            count += 1;
            rest = position + length;
        }
        count
    }
}

/// The bytes without slashes at the end.
fn trimmed(path: &Path) -> &[u8] {
    let mut text = bytes(path);
    while let Some(shorter) = text.strip_suffix(b"/") {
        text = shorter;
    }
    text
}

/// Whether a path's component ends at `end`: `/a/env` is not in `/a/env2`.
fn ends_there(content: &[u8], end: usize) -> bool {
    content.get(end).is_none_or(|byte| !(byte.is_ascii_alphanumeric() || b"._-+~".contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(paths: &[&str]) -> Prefixes {
        Prefixes::new(paths.iter().map(Path::new))
    }

    #[test]
    fn a_prefix_ends_where_a_name_ends() {
        let prefixes = prefixes(&["/a/env", "/usr"]);
        assert!(prefixes.is_in(b"x=/a/env"));
        assert!(prefixes.is_in(b"x=/a/env/bin:y"));
        assert!(!prefixes.is_in(b"x=/a/env2 /a/environment /usr/bin"));
        assert_eq!(prefixes.inside(b"/a/env/lib/x"), Some(&b"lib/x"[..]));
        assert_eq!(prefixes.inside(b"/b/a/env/lib/x"), None);
    }

    #[test]
    fn the_longest_prefix_wins() {
        let prefixes = prefixes(&["/a", "/a/b"]);
        assert_eq!(prefixes.replace(b"/a/b/c /a/d", b"P"), b"P/c P/d");
    }

    #[test]
    fn padded_texts_keep_their_length() {
        let prefixes = prefixes(&["/new"]);
        let content = [&b"x\0/new/lib\0\0\0\0\0\0\0\0y"[..], b"/new/a:/new/b\0\0\0\0\0\0\0\0\0\0\0\0\0z"].concat();
        let out = prefixes.replace_padded(&content, b"/placeh", 10).unwrap();
        assert_eq!(out.len(), content.len());
        assert!(out.starts_with(b"x\0/placeh/lib\0"));
        assert!(memchr::memmem::find(&out, b"/placeh/a:/placeh/b\0").is_some());
        assert_eq!(prefixes.replace_padded(b"/new/x\0y", b"/other", 10), None, "no room");
    }
}
