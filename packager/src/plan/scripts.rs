//! Activation scripts. Those that tools write name the environment's place; an archive has bobbin's own, which find it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Reason;
use crate::contents::Style;
use crate::tree::{Entry, Walked};

/// The scripts, by their paths in the archive.
const OURS: [(&str, &str); 3] = [
    ("bin/activate", include_str!("../activation/activate.sh")),
    ("bin/activate.fish", include_str!("../activation/activate.fish")),
    ("bin/activate.csh", include_str!("../activation/activate.csh")),
];

/// Scripts for shells that bobbin has none for; they name the environment's place.
const OTHERS: [&str; 6] = [
    "bin/activate.nu",
    "bin/activate.bat",
    "bin/deactivate.bat",
    "bin/pydoc.bat",
    "bin/activate.xsh",
    "bin/deactivate.nu",
];

/// The place that an existing script names: an environment may have been moved or copied since it was made.
pub(super) fn recorded_prefix(root: &Path) -> Option<PathBuf> {
    let text = fs::read(root.join("bin/activate")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let values = text.lines().filter_map(|line| line.trim().trim_start_matches("export ").strip_prefix("VIRTUAL_ENV="));
    let values = values.map(|value| value.trim_matches(['"', '\'']));
    values.filter(|value| value.starts_with('/') && !value.contains(['$', '`'])).map(PathBuf::from).next()
}

/// Puts bobbin's scripts in place of others. A prefix that brings conda itself keeps the scripts that belong to it.
pub(super) fn add_activation(walked: &mut Walked, style: Style) {
    let brings_conda = walked.entries.iter().any(|entry| entry.path == Path::new("bin/conda"));
    if style == Style::Conda && brings_conda {
        return;
    }
    let is_ours = |entry: &Entry| OURS.iter().any(|(path, _)| entry.path == Path::new(path));
    walked.entries.retain(|entry| !is_ours(entry));
    walked.leave_out(|entry| OTHERS.iter().any(|path| entry.path == Path::new(path)), Reason::Tie);
    let directory = Walked { entries: vec![Entry::directory("bin")], left_out: Vec::new() };
    walked.add_missing(directory);
    walked.entries.extend(OURS.iter().map(|(path, text)| Entry::made(*path, 0o644, text.as_bytes())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_a_script_names_is_found() {
        let check = |line: &str, expected: Option<&str>| {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("bin")).unwrap();
            fs::write(root.path().join("bin/activate"), format!("# x\n{line}\n")).unwrap();
            assert_eq!(recorded_prefix(root.path()), expected.map(PathBuf::from), "{line}");
        };
        check("VIRTUAL_ENV=\"/a b/env\"", Some("/a b/env"));
        check("    export VIRTUAL_ENV=/a/env", Some("/a/env"));
        check("VIRTUAL_ENV='/a/env'", Some("/a/env"));
        check("VIRTUAL_ENV=\"$(cd x && pwd)\"", None);
        check("", None);
    }
}
