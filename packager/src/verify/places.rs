//! What an unpacked environment says about places: links that lead nowhere, files that name other places than its own.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::VerifyError;
use crate::relocate::PLACEHOLDER;
use crate::tree::{bytes, resolve_text};

/// Places that every node has.
const EVERYWHERE: [&str; 8] = ["/bin/", "/usr/bin/", "/lib/", "/usr/lib/", "/lib64/", "/usr/lib64/", "/dev/", "/proc/"];
/// Bytes of a file that are looked at.
const HEAD: u64 = 4096;

/// Everything in an unpacked environment.
pub(super) struct Tree {
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Tree, VerifyError> {
        let mut tree = Tree { files: Vec::new(), links: Vec::new() };
        let mut open = vec![root.to_owned()];
        while let Some(directory) = open.pop() {
            let failed = |source| VerifyError::Read { path: directory.clone(), source };
            for child in fs::read_dir(&directory).map_err(failed)? {
                let child = child.map_err(failed)?;
                let kind = child.file_type().map_err(failed)?;
                if kind.is_dir() {
                    open.push(child.path());
                } else if kind.is_symlink() {
                    tree.links.push(child.path());
                } else {
                    tree.files.push(child.path());
                }
            }
        }
        tree.files.sort();
        tree.links.sort();
        Ok(tree)
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn broken_links(&self, root: &Path) -> Vec<String> {
        let broken = self.links.iter().filter(|link| fs::metadata(link).is_err());
        let text = |link: &PathBuf| {
            let target = fs::read_link(link).unwrap_or_default();
            format!("{} -> {}", name(link, root), target.display())
        };
        broken.map(text).collect()
    }

    /// Files that name places which are neither in the environment, which is at `prefix` for them, nor everywhere.
    pub(super) fn foreign_places(&self, root: &Path, prefix: &Path) -> Vec<String> {
        let foreign = self.files.iter().filter_map(|file| {
            let name = name(file, root);
            let place = foreign_place(file, name.starts_with("bin/"), prefix)?;
            Some(format!("{name}: {place}"))
        });
        foreign.collect()
    }
}

/// A path below the root, for people.
pub(super) fn name(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Library paths are not looked at: those that are of use are among the missing libraries, and many libraries still name
/// the place where somebody built them.
fn foreign_place(file: &Path, is_program: bool, prefix: &Path) -> Option<String> {
    let mut head = Vec::new();
    fs::File::open(file).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let is_foreign = |path: &[u8]| path.starts_with(b"/") && !is_everywhere(path, prefix);
    if let Some(line) = head.strip_prefix(b"#!").filter(|_| is_program) {
        let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
        let program = line.split(u8::is_ascii_whitespace).next()?;
        if is_foreign(program) {
            return Some(format!("is started by {}", String::from_utf8_lossy(program)));
        }
    }
    if file.extension().is_some_and(|extension| extension == "pth") {
        let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| is_foreign(line));
        if let Some(line) = line {
            return Some(format!("adds {} to Python's path", String::from_utf8_lossy(line)));
        }
    }
    memmem::find(&head, PLACEHOLDER.as_bytes())
        .map(|_| "holds a placeholder that only bobbin's unpacking replaces".to_owned())
}

fn is_everywhere(path: &[u8], prefix: &Path) -> bool {
    let resolved = resolve_text(crate::tree::path(path)).unwrap_or_default();
    resolved.starts_with(prefix) || EVERYWHERE.iter().any(|place| bytes(&resolved).starts_with(place.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let check = |name: &str, content: &str, expected: Option<&str>| {
            let file = directory.path().join(name);
            fs::write(&file, content).unwrap();
            let found = foreign_place(&file, true, Path::new("/env"));
            assert_eq!(found.is_some(), expected.is_some(), "{name}: {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{name}");
        };
        check("a", "#!/home/me/env/bin/python\n", Some("/home/me/env/bin/python"));
        check("b", "#!/usr/bin/env python\n", None);
        check("c", "#!/env/bin/python -E\n", None);
        check("d.pth", "import x\n/home/me/src\n", Some("/home/me/src"));
        check("e.pth", "../x\n", None);
        check("f", PLACEHOLDER, Some("placeholder"));
    }
}
