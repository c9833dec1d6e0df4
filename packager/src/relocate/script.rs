//! First lines of scripts. They name an interpreter by its absolute path, which the kernel cuts at 127 or 255 bytes and at
//! the first space; packed scripts find it beside themselves instead.

use std::path::Path;

use super::Relocation;
use crate::tree::{bytes, path as to_path, relative_target};

/// How pip and others begin a script whose interpreter's path is too long or has spaces: a shell runs the second line,
/// for Python it is a text.
const LONG_FORM: &[u8] = b"#!/bin/sh\n'''exec' ";

/// The script at `path` with a first line that works anywhere; `None` when it has no first line that names the old
/// prefix.
pub(super) fn relocate(relocation: &Relocation, path: &Path, content: &[u8]) -> Option<Vec<u8>> {
    let (program, rest) = long_form(relocation, content).or_else(|| first_line(relocation, content))?;
    let (program, arguments) = match program.iter().position(u8::is_ascii_whitespace) {
        Some(end) => (&program[..end], program[end..].trim_ascii()),
        None => (program, &b""[..]),
    };
    let mut script = header(relocation, path, program, arguments, rest);
    script.extend_from_slice(rest);
    Some(script)
}

/// `#!PREFIX/bin/python -E`: what follows the prefix, and the lines after it.
fn first_line<'a>(relocation: &Relocation, content: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let line = content.strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let program = relocation.prefixes.inside(line[..end].trim_ascii())?;
    Some((program, line.get(end + 1..).unwrap_or_default()))
}

/// The same for the long form, whose header has three lines.
fn long_form<'a>(relocation: &Relocation, content: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let line = content.strip_prefix(LONG_FORM)?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let rest = line[end + 1..].strip_prefix(b"' '''")?;
    // In quotes of either kind, or in none.
    let command = line[..end].strip_prefix(b"\"").or(line[..end].strip_prefix(b"'")).unwrap_or(&line[..end]);
    let program = relocation.prefixes.inside(command)?;
    let stop = program.iter().position(|byte| b"\"' ".contains(byte)).unwrap_or(program.len());
    Some((&program[..stop], rest.strip_prefix(b"\n").unwrap_or(rest)))
}

fn header(relocation: &Relocation, script: &Path, program: &[u8], arguments: &[u8], rest: &[u8]) -> Vec<u8> {
    let name = bytes(to_path(program).file_name().unwrap_or_default().as_ref());
    let finds_itself = name.starts_with(b"python") && !relocation.without_interpreter && !declares_encoding(rest);
    if !finds_itself {
        let mut line = if arguments.is_empty() { b"#!/usr/bin/env ".to_vec() } else { b"#!/usr/bin/env -S ".to_vec() };
        line.extend_from_slice(name);
        if !arguments.is_empty() {
            line.push(b' ');
            line.extend_from_slice(arguments);
        }
        line.push(b'\n');
        return line;
    }
    let beside = relative_target(script, to_path(program));
    let mut line = b"#!/bin/sh\n'''exec' \"$(dirname -- \"$(readlink -f -- \"$0\")\")/".to_vec();
    line.extend_from_slice(bytes(&beside));
    line.extend_from_slice(b"\" ");
    if !arguments.is_empty() {
        line.extend_from_slice(arguments);
        line.push(b' ');
    }
    line.extend_from_slice(b"\"$0\" \"$@\"\n' '''\n");
    line
}

/// Whether a script says in its second line, the last place where Python looks, that it is not UTF-8 (PEP 263).
fn declares_encoding(rest: &[u8]) -> bool {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(start) = memchr::memmem::find(line, b"coding") else { return false };
    let encoding = line[start + 6..].trim_ascii_start();
    let Some(encoding) = encoding.strip_prefix(b":").or(encoding.strip_prefix(b"=")) else { return false };
    line.starts_with(b"#") && !encoding.trim_ascii_start().to_ascii_lowercase().starts_with(b"utf")
}

#[cfg(test)]
mod tests {
    use super::super::Prefixes;
    use super::*;

    fn check(script: &str, expected: Option<&str>) {
        let relocation = Relocation { prefixes: Prefixes::new([Path::new("/a b/env")]), ..Relocation::default() };
        let relocated = relocate(&relocation, Path::new("bin/tool"), script.as_bytes());
        assert_eq!(relocated.map(|script| String::from_utf8(script).unwrap()).as_deref(), expected, "{script}");
    }

    #[test]
    fn scripts_find_their_interpreter() {
        let python =
            "#!/bin/sh\n'''exec' \"$(dirname -- \"$(readlink -f -- \"$0\")\")/python3\" \"$0\" \"$@\"\n' '''\nx\n";
        check("#!/a b/env/bin/python3\nx\n", Some(python));
        check("#!/bin/sh\n'''exec' \"/a b/env/bin/python3\" \"$0\" \"$@\"\n' '''\nx\n", Some(python));
        check("#!/bin/sh\n'''exec' '/a b/env/bin/python3' \"$0\" \"$@\"\n' '''\nx\n", Some(python));
        let with = python.replace("\" \"$0\"", "\" -E -s \"$0\"");
        check("#! /a b/env/bin/python3 -E -s\nx\n", Some(&with));
        check("#!/a b/env/bin/bash\nx", Some("#!/usr/bin/env bash\nx"));
        check("#!/a b/env/bin/perl -w\nx", Some("#!/usr/bin/env -S perl -w\nx"));
        let latin = "# -*- coding: latin-1 -*-\nx";
        check(&format!("#!/a b/env/bin/python3\n{latin}"), Some(&format!("#!/usr/bin/env python3\n{latin}")));
        check("#!/usr/bin/python3\nx\n", None);
        check("#!/bin/sh\n'''exec' \"$(x)\"/'python' \"$0\"\n' '''\n", None);
        check("x", None);
    }
}
