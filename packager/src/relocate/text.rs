//! Text files, by what they are for.

use std::path::Path;

use super::{PLACEHOLDER, Place, Relocated, Relocation, script};
use crate::fixups::{Fixup, FixupMode};
use crate::tree::{Entry, bytes, path as to_path, relative_target};

/// The content of a text file that names the old prefix.
pub(super) fn relocate(relocation: &Relocation, entry: &Entry, content: Vec<u8>) -> Relocated {
    let content = match script::relocate(relocation, &entry.path, &content) {
        Some(content) => content,
        None => content,
    };
    let content = match by_name(relocation, &entry.path, &content) {
        Some(content) => content,
        None => content,
    };
    if !relocation.prefixes.is_in(&content) {
        return Relocated::same(content);
    }
    if let Some(destination) = &relocation.destination {
        return Relocated::same(relocation.prefixes.replace(&content, bytes(destination)));
    }
    let place = place(entry, &content);
    let content = relocation.prefixes.replace(&content, PLACEHOLDER.as_bytes());
    Relocated { content, fixup: Fixup::new(&entry.path, PLACEHOLDER, FixupMode::Text), remains: vec![place] }
}

fn place(entry: &Entry, content: &[u8]) -> Place {
    if entry.path.extension().is_some_and(|extension| extension == "pth") {
        Place::PythonPath
    } else if content.starts_with(b"#!") && entry.is_executable() {
        Place::Program
    } else {
        Place::Text
    }
}

/// Kinds of files that can say where they are by themselves.
fn by_name(relocation: &Relocation, path: &Path, content: &[u8]) -> Option<Vec<u8>> {
    let name = path.file_name()?.to_str()?;
    if name.ends_with(".pth") {
        return Some(python_path(relocation, path, content));
    }
    if name.ends_with(".pc") {
        let up = relative_target(path, Path::new(""));
        let here = [b"${pcfiledir}/", bytes(&up)].concat();
        return Some(relocation.prefixes.replace(content, &here));
    }
    if name.starts_with("_sysconfigdata") && name.ends_with(".py") {
        return Some(sysconfig(relocation, content));
    }
    (name == "pyvenv.cfg").then(|| without_lines(relocation, content))
}

/// Paths in a `.pth` may be relative to its directory.
fn python_path(relocation: &Relocation, path: &Path, content: &[u8]) -> Vec<u8> {
    let lines = content.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let text = line.trim_ascii_end();
        let Some(inside) = relocation.prefixes.inside(text) else { return line.to_vec() };
        let target = relative_target(path, to_path(inside));
        [bytes(&target), &line[text.len()..]].concat()
    });
    lines.collect::<Vec<_>>().concat()
}

/// What `sysconfig` knows of the build: a dictionary, to which the prefix is added when it is read.
fn sysconfig(relocation: &Relocation, content: &[u8]) -> Vec<u8> {
    const MARK: &str = "@BOBBIN_PREFIX@";
    let mut content = relocation.prefixes.replace(content, MARK.as_bytes());
    content.extend_from_slice(
        format!(
            "\nimport sys as _sys\n\nfor _key, _value in build_time_vars.items():\n    if isinstance(_value, str):\n        \
             build_time_vars[_key] = _value.replace({MARK:?}, _sys.base_prefix)\n"
        )
        .as_bytes(),
    );
    content
}

/// Lines that only say how the environment was made.
fn without_lines(relocation: &Relocation, content: &[u8]) -> Vec<u8> {
    let lines = content.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !relocation.prefixes.is_in(line)).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::super::Prefixes;
    use super::*;

    fn relocated(path: &str, mode: u32, content: &str) -> (String, Vec<Place>) {
        let relocation = Relocation { prefixes: Prefixes::new([Path::new("/a/env")]), ..Relocation::default() };
        let entry = Entry::made(path, mode, []);
        let relocated = relocate(&relocation, &entry, content.as_bytes().to_vec());
        (String::from_utf8(relocated.content).unwrap(), relocated.remains)
    }

    #[test]
    fn files_that_can_say_where_they_are() {
        let check = |path: &str, content: &str, expected: &str| {
            assert_eq!(relocated(path, 0o644, content), (expected.to_owned(), Vec::new()), "{path}");
        };
        let pth = "lib/python3.11/site-packages/x.pth";
        check(pth, "/a/env/share/lib\nimport x\n/other\n", "../../../share/lib\nimport x\n/other\n");
        check(
            "lib/pkgconfig/x.pc",
            "prefix=/a/env\nlibdir=/a/env/lib\n",
            "prefix=${pcfiledir}/../..\nlibdir=${pcfiledir}/../../lib\n",
        );
        check("pyvenv.cfg", "home = /usr/bin\ncommand = python -m venv /a/env\n", "home = /usr/bin\n");
        let (text, _) =
            relocated("lib/python3.11/_sysconfigdata_x.py", 0o644, "build_time_vars = {'A': '/a/env/lib'}\n");
        assert!(text.starts_with("build_time_vars = {'A': '@BOBBIN_PREFIX@/lib'}\n\nimport sys"), "{text}");
    }

    #[test]
    fn other_files_get_a_placeholder_and_are_named() {
        let kernel = format!("{{\"argv\": [\"{PLACEHOLDER}/bin/python\"]}}");
        assert_eq!(
            relocated("share/k.json", 0o644, "{\"argv\": [\"/a/env/bin/python\"]}"),
            (kernel, vec![Place::Text])
        );
        let (_, remains) = relocated("bin/start", 0o755, "#!/bin/sh\nexec /a/env/lib/run\n");
        assert_eq!(remains, [Place::Program]);
    }
}
