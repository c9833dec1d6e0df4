//! Compiling Python files with the environment's own interpreter, so that nodes, which cannot write beside them, need not
//! do it at every start.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::PackError;
use crate::relocate::Relocation;
use crate::tree::{Entry, EntryKind};

/// Reads lines "source TAB name"; answers each with a line "name TAB hex", or "name TAB" where the source does not compile.
/// The code does not depend on where or when it is compiled (PEP 552, unchecked hash).
const PROGRAM: &str = "
import sys, importlib.util as u, importlib._bootstrap_external as b
print(sys.implementation.cache_tag, flush=True)
for line in sys.stdin:
    path, name = line.rstrip('\\n').split('\\t')
    try:
        source = open(path, 'rb').read()
        code = b.SourceFileLoader('<x>', name).source_to_code(source, name)
        data = b._code_to_hash_pyc(code, u.source_hash(source), False)
        print(name + '\\t' + data.hex())
    except Exception:
        print(name + '\\t')
";

/// Adds the compiled form of every Python file in a library directory, in place of what was compiled before.
pub(super) fn compile(root: &Path, relocation: &Relocation, entries: &mut Vec<Entry>) -> Result<(), PackError> {
    let python = match (&relocation.interpreter, root.join("bin/python")) {
        (_, python) if python.exists() => python,
        _ => return Err(PackError::Compile("it has no bin/python; leave out --bytecode".to_owned())),
    };
    let sources: Vec<(PathBuf, PathBuf)> = entries.iter().filter_map(source).collect();
    let compiled = run(&python, &sources)?;
    entries.retain(|entry| entry.path.extension().is_none_or(|extension| extension != "pyc"));
    let mut known: HashSet<PathBuf> = entries.iter().map(|entry| entry.path.clone()).collect();
    let mut names: Vec<_> = compiled.into_iter().collect();
    names.sort();
    for (name, content) in names {
        let directory = name.parent().unwrap_or(Path::new("")).to_owned();
        if known.insert(directory.clone()) {
            entries.push(Entry::directory(directory));
        }
        entries.push(Entry::made(name, 0o644, content));
    }
    Ok(())
}

/// A Python file that programs import: its place on disk and in the archive.
fn source(entry: &Entry) -> Option<(PathBuf, PathBuf)> {
    let EntryKind::File(file) = &entry.kind else { return None };
    let is_library = entry.path.starts_with("lib") && entry.path.extension()? == "py";
    let is_plain = |path: &Path| path.to_str().is_some_and(|text| !text.contains(['\t', '\n']));
    (is_library && is_plain(&file.path) && is_plain(&entry.path)).then(|| (file.path.clone(), entry.path.clone()))
}

fn run(python: &Path, sources: &[(PathBuf, PathBuf)]) -> Result<HashMap<PathBuf, Vec<u8>>, PackError> {
    let failed = |error: std::io::Error| PackError::Compile(error.to_string());
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let mut input = child.stdin.take();
    let lines: String =
        sources.iter().map(|(path, name)| format!("{}\t{}\n", path.display(), name.display())).collect();
    let output = std::thread::scope(|scope| {
        // It answers while it reads; when it dies, its status tells.
        scope.spawn(move || input.as_mut().map(|input| input.write_all(lines.as_bytes())));
        child.wait_with_output()
    });
    let output = output.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let tag = lines.next().filter(|_| output.status.success());
    let tag = tag.ok_or_else(|| PackError::Compile(format!("{} ended with {}", python.display(), output.status)))?;
    let compiled = lines.filter_map(|line| line.split_once('\t')).filter(|(_, hex)| !hex.is_empty());
    Ok(compiled.filter_map(|(name, hex)| Some((cached(Path::new(name), tag)?, bytes_of(hex)?))).collect())
}

/// `a/b.py` -> `a/__pycache__/b.cpython-311.pyc`
fn cached(source: &Path, tag: &str) -> Option<PathBuf> {
    let stem = source.file_stem()?.to_str()?;
    Some(source.parent()?.join("__pycache__").join(format!("{stem}.{tag}.pyc")))
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    hex.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
