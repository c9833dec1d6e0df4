//! Starting the environment's interpreter where nothing but the environment and the C library is to be seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use crate::sys::{Isolation, isolate};

/// Where the environment is in the file system that its interpreter sees.
const PREFIX: &str = "/srv/bobbin/environment";

/// Says what it is.
const WHO: &str =
    "import json, sys; print(json.dumps({'version': sys.version.split()[0], 'prefix': sys.prefix, 'path': sys.path}))";

/// Imports the modules that its arguments name, and answers each with a line.
const IMPORT: &str = "
import importlib, json, sys
answers = sys.__stdout__
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        failure = None
    except BaseException as error:
        failure = type(error).__name__ + ': ' + str(error)
    print(json.dumps({'module': name, 'failure': failure}), file=answers, flush=True)
";

/// An interpreter that starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Interpreter {
    /// Its version, such as 3.11.7.
    pub version: String,
    /// `sys.prefix`.
    pub prefix: String,
    /// `sys.path`.
    pub path: Vec<String>,
}

/// A module, and what became of importing it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Import {
    /// Its name.
    pub module: String,
    /// Why it cannot be imported.
    pub failure: Option<String>,
}

/// Where the interpreter runs.
pub(super) struct Place {
    root: PathBuf,
    /// What hides everything else; absent with the reason.
    isolation: Result<Isolation, String>,
}

impl Place {
    /// Tries whether other places can be hidden. `room` is a directory for nothing else.
    pub(super) fn choose(room: &Path, root: &Path) -> Place {
        let isolation = fs::create_dir(room.join("stage"))
            .and_then(|()| Isolation::new(&room.join("stage"), root, Path::new(PREFIX)))
            .and_then(|isolation| {
                fs::create_dir(root)?;
                let mut command = Command::new("/bin/sh");
                command.args(["-c", "exit 0"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                isolate(&mut command, &isolation);
                let status = command.status();
                fs::remove_dir(root)?;
                status.map(|_| isolation)
            });
        let isolation = isolation.map_err(|error| format!("namespaces cannot be used here: {error}"));
        Place { root: root.to_owned(), isolation }
    }

    /// Where the environment is for its interpreter.
    pub(super) fn prefix(&self) -> &Path {
        if self.isolation.is_ok() { Path::new(PREFIX) } else { &self.root }
    }

    pub(super) fn not_hidden(&self) -> Option<String> {
        self.isolation.as_ref().err().cloned()
    }

    pub(super) fn interpreter(&self) -> Result<Interpreter, String> {
        let output =
            self.command(&["-c", WHO]).output().map_err(|error| format!("bin/python does not start: {error}"))?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().last().unwrap_or("it says nothing").to_owned();
            format!("bin/python ended with {}: {said}", output.status)
        })
    }

    /// Imports modules, all in one process. Those that fail are tried again, each in a process of its own: some want to be
    /// first, some end the process.
    pub(super) fn import(&self, modules: &[String], stop: &AtomicBool) -> Vec<Import> {
        let together = self.import_together(modules);
        let mut imports = Vec::new();
        for (index, module) in modules.iter().enumerate() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            imports.push(match together.get(index) {
                Some(import) if import.failure.is_none() => import.clone(),
                Some(_) | None => self.import_alone(module),
            });
        }
        imports
    }

    fn import_alone(&self, module: &str) -> Import {
        let output = self.command(&["-c", IMPORT, module]).output();
        let failed = |failure| Import { module: module.to_owned(), failure: Some(failure) };
        match output {
            Ok(output) => answers(&output.stdout)
                .pop()
                .unwrap_or_else(|| failed(format!("the interpreter ended with {}", output.status))),
            Err(error) => failed(error.to_string()),
        }
    }

    fn import_together(&self, modules: &[String]) -> Vec<Import> {
        let mut words = vec!["-c", IMPORT];
        words.extend(modules.iter().map(String::as_str));
        self.command(&words).output().map(|output| answers(&output.stdout)).unwrap_or_default()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.prefix().join("bin/python"));
        command.args(words).env_clear().stdin(Stdio::null());
        match &self.isolation {
            Ok(isolation) => isolate(&mut command, isolation),
            Err(_) => drop(command.current_dir("/")),
        }
        command
    }
}

fn answers(output: &[u8]) -> Vec<Import> {
    String::from_utf8_lossy(output).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The modules at the top of the environment's packages.
pub(super) fn top_level(root: &Path, interpreter: &Interpreter) -> Vec<String> {
    let mut parts = interpreter.version.split('.');
    let version = format!("python{}.{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let packages = root.join("lib").join(version).join("site-packages");
    let mut modules: Vec<String> = fs::read_dir(packages)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let module = if entry.path().is_dir() {
                entry.path().join("__init__.py").is_file().then_some(name.as_str())?
            } else {
                let stem = name.split('.').next()?;
                (name.ends_with(".py") || name.ends_with(".so")).then_some(stem)?
            };
            let is_name = module.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            (is_name && !module.starts_with("_") && module != "tests").then(|| module.to_owned())
        })
        .collect();
    modules.sort();
    modules.dedup();
    modules
}
