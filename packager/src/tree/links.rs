//! Links between entries: several names of one file, and the text of relative links.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::{Entry, EntryKind};

/// Makes all names of a file but the first hard links to the first. The entries are sorted.
pub(crate) fn link_hard_links(entries: &mut [Entry]) {
    let mut first: HashMap<(u64, u64), PathBuf> = HashMap::new();
    for entry in entries {
        let EntryKind::File(file) = &entry.kind else { continue };
        if file.names < 2 {
            continue;
        }
        let identity = (file.stamp.device, file.stamp.inode);
        match first.get(&identity) {
            Some(path) => entry.kind = EntryKind::HardLink(path.clone()),
            None => drop(first.insert(identity, entry.path.clone())),
        }
    }
}

/// The text of a link at `from` (a path in the archive) to `to` (another one).
pub(crate) fn relative_target(from: &Path, to: &Path) -> PathBuf {
    let from: Vec<Component<'_>> = from.parent().unwrap_or(Path::new("")).components().collect();
    let to: Vec<Component<'_>> = to.components().collect();
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut text = PathBuf::new();
    from[common..].iter().for_each(|_| text.push(".."));
    text.extend(&to[common..]);
    if text.as_os_str().is_empty() { PathBuf::from(".") } else { text }
}

/// A path without `.` and `..`, by its text alone; `None` when it climbs above its beginning.
pub(crate) fn resolve_text(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) | Component::Normal(_) => resolved.push(part),
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_as_short_as_they_can_be() {
        let check = |from: &str, to: &str, expected: &str| {
            assert_eq!(relative_target(Path::new(from), Path::new(to)), Path::new(expected), "{from} -> {to}");
        };
        check("bin/python", "bin/python3.11", "python3.11");
        check("lib/a/b", "lib/c", "../c");
        check("a", "b/c", "b/c");
        check("a/b", "a", ".");
        check("a/b/c", "x", "../../x");
    }

    #[test]
    fn text_is_resolved_without_the_disk() {
        assert_eq!(resolve_text(Path::new("/a/./b/../c")), Some(PathBuf::from("/a/c")));
        assert_eq!(resolve_text(Path::new("a/../../b")), None);
        assert_eq!(resolve_text(Path::new("a/..")), Some(PathBuf::new()));
    }
}
