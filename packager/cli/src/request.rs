//! From plain fields to a request in which everything is valid. Whatever the user can get wrong is said here, before
//! any server is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bobbin::yarn::{Container, Environment, Localized, Request, Source, program_link};
use bobbin_appmaster::spec::{ENVIRONMENT, EXECUTABLE, EnvironmentKind};
use bobbin_packager::{Archive, ArchiveError, Format, Style};

use crate::args::{CommonArgs, Isolation, KeyValue, Shipped, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::{archives, log};

/// What is asked for, beyond the options.
pub struct Wish {
    /// Name of the application where the user gave none.
    pub name: String,
    /// Attempts of the application master where the user said nothing.
    pub max_attempts: u32,
    /// `run`: program and arguments.
    pub command: Option<Vec<String>>,
    /// `run --bin`: the program that is its own workers.
    pub program: Option<PathBuf>,
    /// Where functions run whose programs do not say it, if the user has said something.
    pub isolation: Option<Isolation>,
}

/// Why options do not make a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Zero of something that needs at least one.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// More than YARN's own limit for text fields, or nothing.
    #[error("--name must have 1 to 200 characters")]
    Name,
    /// Two files under one name.
    #[error("two files would be {0:?} in a container's working directory; give one another name with PATH#ALIAS")]
    SameLink(String),
    /// A name that we need.
    #[error(
        "{0:?} is a name of bobbin's own in a container's working directory; give the file another one with PATH#ALIAS"
    )]
    ReservedLink(String),
    /// Not the name of a variable.
    #[error("--env-var {0}: not the name of an environment variable; use letters, digits and _")]
    Variable(String),
    /// Variables that make a process ours.
    #[error("--env-var {0}: bobbin sets variables of such names itself; say it with an option, such as --isolation")]
    ReservedVariable(String),
    /// A file that is not there.
    #[error("--{option} {}", path.display())]
    File {
        /// `env`, `files`, `archives`.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        #[source]
        source: std::io::Error,
    },
    /// A directory among the files.
    #[error("--files {path} is a directory; pack it with: tar czf NAME.tar.gz -C {path} . and ship it with --archives NAME.tar.gz", path = .0.display())]
    Directory(PathBuf),
    /// An archive that cannot be unpacked on a node.
    #[error("--{option}")]
    Archive {
        /// `env` or `archives`.
        option: &'static str,
        /// What is wrong with it.
        #[source]
        source: ArchiveError,
    },
    /// The environment is not at the archive's root.
    #[error(
        "--env {}: the environment is in the directory {directory:?} of the archive, one level too deep; pack its contents: tar czf env.tar.gz -C {directory} .",
        path.display()
    )]
    Nested {
        /// The archive.
        path: PathBuf,
        /// Its only directory.
        directory: String,
    },
    /// A virtual environment without its interpreter.
    #[error(
        "--env {}: a virtual environment without bin/python does not run on a node; give its directory to --env, or pack it with its interpreter: yarn-submit pack --prefix DIRECTORY -o env.tar.zst",
        .0.display()
    )]
    NoInterpreter(PathBuf),
    /// A name on HDFS that says no format.
    #[error(
        "--env {0}: nobody unpacks a file of this name on a node; its name has to end in .tar.gz, .tgz, .tar, .zip or .tar.zst"
    )]
    NoFormat(String),
    /// An archive that YARN would leave as it is.
    #[error("--archives {0}: YARN does not unpack .tar.zst; pack a .tar.gz instead, or ship it packed with --files")]
    NotUnpacked(String),
}

/// Checks the options and puts them together.
pub fn request(args: &SubmitArgs, common: &CommonArgs, wish: Wish) -> Result<Request, RequestError> {
    let name = args.name.clone().unwrap_or(wish.name);
    if name.is_empty() || name.chars().count() > 200 {
        return Err(RequestError::Name);
    }
    let max_attempts = args.max_attempts.unwrap_or(wish.max_attempts);
    for (number, option) in [
        (max_attempts, "--max-attempts"),
        (args.worker_cores, "--worker-cores"),
        (args.workers.map_or(1, |count| count.most), "--workers"),
    ] {
        if number == 0 {
            return Err(RequestError::Zero(option));
        }
    }
    let resources = resources(args)?;
    if let Some(link) = wish.program.as_deref().map(program_link) {
        check_link(&link, &resources)?;
    }
    Ok(Request {
        name,
        queue: args.queue.clone(),
        tags: args.tags.clone(),
        priority: args.priority,
        node_label: args.node_label.clone(),
        max_attempts,
        master: Container { cores: 1, memory_mib: args.master_memory.mebibytes },
        worker: Container { cores: args.worker_cores, memory_mib: args.worker_memory.mebibytes },
        workers: args.workers.map(|count| count.most),
        least_workers: args.workers.and_then(|count| count.least),
        warm_workers: 0,
        worker_resources: args.worker_resources.clone(),
        environment: args.env.as_deref().map(environment).transpose()?,
        resources,
        variables: variables(&args.env_var, wish.isolation)?,
        expected: None,
        idle_timeout: args.idle_timeout.0,
        port_range: args.port_range.map(|range| (range.0, range.1)),
        command: wish.command,
        program: wish.program,
        public_cache: args.public_cache.clone(),
        log_filter: log::filter(common).map(str::to_owned),
    })
}

fn environment(text: &str) -> Result<Environment, RequestError> {
    let source = source(text);
    let path = match &source {
        // An archive on HDFS is not read through: what is unpacked in a container will tell.
        Source::Remote(url) => {
            let format = Format::by_suffix(Path::new(url)).map_err(|_| RequestError::NoFormat(url.clone()))?;
            let unpacked_by_yarn = format.is_unpacked_by_yarn();
            return Ok(Environment { source, kind: EnvironmentKind::Unknown, unpacked_by_yarn });
        }
        // What it is shows when it is packed.
        Source::Local(path) if path.is_dir() => {
            return Ok(Environment { source, kind: EnvironmentKind::Unknown, unpacked_by_yarn: false });
        }
        Source::Local(path) => path,
    };
    let archive = archive("env", path)?;
    if let Some(directory) = archive.nested_in {
        return Err(RequestError::Nested { path: path.clone(), directory });
    }
    if archive.style == Style::Venv && !archive.has_interpreter {
        return Err(RequestError::NoInterpreter(path.clone()));
    }
    let (kind, unpacked_by_yarn) = (kind(archive.style), archive.format.is_unpacked_by_yarn());
    Ok(Environment { source, kind, unpacked_by_yarn })
}

/// How an environment of this style is activated.
pub fn kind(style: Style) -> EnvironmentKind {
    match style {
        Style::Venv => EnvironmentKind::Venv,
        Style::Conda => EnvironmentKind::Conda,
        Style::Plain => EnvironmentKind::Plain,
    }
}

fn archive(option: &'static str, path: &Path) -> Result<Archive, RequestError> {
    archives::inspect(path).map_err(|source| match source {
        ArchiveError::Open { path, source } => RequestError::File { option, path, source },
        source @ (ArchiveError::Unsupported { .. }
        | ArchiveError::Corrupt { .. }
        | ArchiveError::Entry { .. }
        | ArchiveError::TooMuch { .. }
        | ArchiveError::Empty { .. }) => RequestError::Archive { option, source },
    })
}

/// A name in containers' working directories that neither we have nor another file.
fn check_link(link: &str, others: &[Localized]) -> Result<(), RequestError> {
    if link == EXECUTABLE || link == ENVIRONMENT || link.starts_with(".bobbin") {
        return Err(RequestError::ReservedLink(link.to_owned()));
    }
    if others.iter().any(|known| known.link == link) {
        return Err(RequestError::SameLink(link.to_owned()));
    }
    Ok(())
}

fn resources(args: &SubmitArgs) -> Result<Vec<Localized>, RequestError> {
    let mut resources: Vec<Localized> = Vec::new();
    let files = args.files.iter().map(|file| (file, false));
    let archives = args.archives.iter().map(|file| (file, true));
    for (Shipped { source: text, alias }, is_archive) in files.chain(archives) {
        check_link(alias, &resources)?;
        let is_left_packed = Format::by_suffix(Path::new(text)).is_ok_and(|format| !format.is_unpacked_by_yarn());
        if is_archive && is_left_packed {
            return Err(RequestError::NotUnpacked(text.clone()));
        }
        let source = source(text);
        if let Source::Local(path) = &source {
            if is_archive { archive("archives", path).map(drop)? } else { check_file(path)? }
        }
        resources.push(Localized { source, link: alias.clone(), archive: is_archive });
    }
    Ok(resources)
}

fn check_file(path: &Path) -> Result<(), RequestError> {
    let unreadable = |source| RequestError::File { option: "files", path: path.to_owned(), source };
    let metadata = std::fs::File::open(path).and_then(|file| file.metadata()).map_err(unreadable)?;
    if metadata.is_dir() { Err(RequestError::Directory(path.to_owned())) } else { Ok(()) }
}

/// `hdfs://…` stays where it is; `file:///a` and `/a` are here.
fn source(text: &str) -> Source {
    match text.split_once("://") {
        Some(("file", path)) => Source::Local(PathBuf::from(path)),
        Some(_) => Source::Remote(text.to_owned()),
        None => Source::Local(PathBuf::from(text.strip_prefix("file:").unwrap_or(text))),
    }
}

/// Variables of ours that are the user's to set.
const OPEN_VARIABLES: [&str; 2] = ["BOBBIN_ISOLATION", "BOBBIN_PROFILE"];

/// The variables of `--env-var`, and that of `--isolation`.
///
/// # Errors
/// One of them is no name, or one of ours.
pub fn variables(pairs: &[KeyValue], isolation: Option<Isolation>) -> Result<BTreeMap<String, String>, RequestError> {
    let mut variables = BTreeMap::new();
    for KeyValue { key, value } in pairs {
        let is_name = key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !is_name || key.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(RequestError::Variable(key.clone()));
        }
        if key.starts_with("BOBBIN_") && !OPEN_VARIABLES.contains(&key.as_str()) {
            return Err(RequestError::ReservedVariable(key.clone()));
        }
        variables.insert(key.clone(), value.clone());
    }
    variables.extend(isolation.map(Isolation::variable));
    Ok(variables)
}

impl RequestError {
    fn exit(&self) -> Exit {
        match self {
            RequestError::File { .. } | RequestError::Archive { .. } => Exit::Input,
            RequestError::Directory(_) | RequestError::Nested { .. } | RequestError::NoInterpreter(_) => Exit::Input,
            RequestError::NoFormat(_) | RequestError::NotUnpacked(_) => Exit::Input,
            RequestError::Zero(_) | RequestError::Name | RequestError::SameLink(_) => Exit::Usage,
            RequestError::ReservedLink(_) | RequestError::Variable(_) | RequestError::ReservedVariable(_) => {
                Exit::Usage
            }
        }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Failure::of(error.exit(), &error)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::args::{Command, Surroundings, parse};

    fn run(line: &str) -> Result<Request, RequestError> {
        let words: Vec<OsString> =
            format!("yarn-submit run {line} -- true").split_whitespace().map(Into::into).collect();
        let Command::Run(args) = parse(&words, &Surroundings::default()).unwrap().command else { panic!("{line}") };
        let wish = Wish {
            name: "true".to_owned(),
            max_attempts: 1,
            command: Some(args.command.clone()),
            program: None,
            isolation: args.isolation,
        };
        request(&args.submit, &args.common, wish)
    }

    fn failure(line: &str) -> (String, u8) {
        let failure = Failure::from(run(line).unwrap_err());
        (failure.to_string(), failure.exit().code())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let request = run("").unwrap();
        assert_eq!(request.worker, Container { cores: 2, memory_mib: 2048 });
        assert_eq!(request.master, Container { cores: 1, memory_mib: 512 });
        assert_eq!((request.max_attempts, request.workers, request.queue.as_str()), (1, None, "default"));
        assert_eq!(request.idle_timeout.as_secs(), 600);
    }

    #[test]
    fn files_get_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("etl.py");
        std::fs::write(&file, "print(1)").unwrap();
        let request = run(&format!("--files {0},{0}#lib/other.py,hdfs:///d/x.csv", file.display())).unwrap();
        let links: Vec<_> = request.resources.iter().map(|resource| resource.link.as_str()).collect();
        assert_eq!(links, ["etl.py", "lib/other.py", "x.csv"]);
        assert_eq!(request.resources[2].source, Source::Remote("hdfs:///d/x.csv".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named_before_any_server_is_asked() {
        let check = |line: &str, part: &str, code: u8| {
            let (message, exit) = failure(line);
            assert!(message.contains(part), "{message}");
            assert_eq!(exit, code, "{message}");
        };
        check("--workers 0", "--workers must be at least 1", 64);
        check("--files /nowhere/etl.py", "--files /nowhere/etl.py: No such file", 66);
        check("--files /tmp", "is a directory", 66);
        check("--files hdfs:///a/x,hdfs:///b/x", "two files would be \"x\"", 64);
        check("--files hdfs:///a/x#yarn-submit", "bobbin's own", 64);
        check("--env-var 1A=2", "not the name", 64);
        let set = run("--env-var BOBBIN_PROFILE=200 --env-var BOBBIN_ISOLATION=process").unwrap();
        assert_eq!(set.variables.get("BOBBIN_PROFILE").map(String::as_str), Some("200"));
        check(
            "--env-var BOBBIN_MASTER=2",
            "sets variables of such names itself; say it with an option, such as --isolation",
            64,
        );
        check("--env /nowhere/env.tar.gz", "--env /nowhere/env.tar.gz: No such file", 66);
        check("--env hdfs:///e/env.tar.bz2", "has to end in .tar.gz", 66);
        check("--archives hdfs:///a/data.tar.zst", "YARN does not unpack .tar.zst; pack a .tar.gz", 66);
        check("--archives /nowhere/data.tzst#data", "YARN does not unpack .tar.zst", 66);
        check("--archives /tmp", "it is a directory", 66);
    }

    #[test]
    fn who_unpacks_an_environment_depends_on_its_format() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        std::fs::create_dir_all(tree.join("bin")).unwrap();
        std::fs::write(tree.join("pyvenv.cfg"), "").unwrap();
        std::fs::write(tree.join("bin/tool"), "#!/bin/sh\n").unwrap();
        let pack = |name: &str| {
            let mut options = bobbin_packager::PackOptions::new(&tree, directory.path().join(name));
            options.without_interpreter = true;
            bobbin_packager::pack(&options, &std::sync::atomic::AtomicBool::new(false), &mut |_| {}).unwrap();
            directory.path().join(name).display().to_string()
        };
        let environment = |text: &str| {
            let environment = run(&format!("--env {text}")).unwrap().environment.unwrap();
            (environment.kind, environment.unpacked_by_yarn)
        };
        let unknown = EnvironmentKind::Unknown;
        assert_eq!(environment(tree.to_str().unwrap()), (unknown, false));
        assert_eq!(environment("hdfs:///e/env.tar.zst"), (unknown, false));
        assert_eq!(environment("hdfs:///e/env.zip"), (unknown, true));
        let (message, exit) = failure(&format!("--env {}", pack("venv.tar.zst")));
        assert!(message.contains("without bin/python") && message.contains("yarn-submit pack"), "{message}");
        assert_eq!(exit, 66);
        std::fs::write(tree.join("bin/python"), "#!/bin/sh\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(tree.join("bin/python"), executable).unwrap();
        assert_eq!(environment(&pack("env.tar.zst")), (EnvironmentKind::Venv, false));
        assert_eq!(environment(&pack("env.tar.gz")), (EnvironmentKind::Venv, true));
        std::fs::remove_file(tree.join("pyvenv.cfg")).unwrap();
        std::fs::remove_file(tree.join("bin/python")).unwrap();
        assert_eq!(environment(&pack("plain.tar.zst")), (EnvironmentKind::Plain, false));
    }
}
