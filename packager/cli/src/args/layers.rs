//! Options from the environment and from the configuration file.
//!
//! Precedence: command line, then `BOBBIN_<OPTION>`, then the file, then the default. An option that a higher layer
//! lacks is inserted into the command line right behind the subcommand, so clap parses all layers alike. In the file,
//! keys are the long names of options; one that belongs to no subcommand is an error with its line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches};
use toml::de::{DeTable, DeValue};

use super::Cli;

/// What the layers below the command line are made of.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment variables.
    pub variables: BTreeMap<String, String>,
}

/// Why the options are not understood.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The command line is wrong, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The configuration file cannot be read.
    #[error("read configuration file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is not TOML.
    #[error("configuration file {} is not TOML", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A key that no subcommand has.
    #[error("{} line {line}: unknown option {key:?}; keys are the long names of options, see yarn-submit help sql", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Line of the key, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value that the option does not take.
    #[error("{origin}: {message}")]
    Value {
        /// Variable, or file and line.
        origin: String,
        /// What is wrong.
        message: String,
    },
}

/// Options that say what to do once and make no sense as a standing setting.
const NOT_CONFIGURABLE: [&str; 9] =
    ["bin", "config", "file", "explain", "all", "all-types", "help", "version", "no-wait"];

/// Options of commands that do one thing with one file: those of the same name that stand in a lower layer are meant for
/// others.
const OF_ONE_FILE: [(&str, &str); 5] =
    [("pack", "format"), ("pack", "output"), ("pack", "prefix"), ("pack", "requirements"), ("unpack", "directory")];

/// One option of a lower layer.
struct Setting {
    key: String,
    words: Vec<String>,
    origin: String,
}

/// Parses a command line together with its surroundings.
pub fn parse(words: &[OsString], surroundings: &Surroundings) -> Result<Cli, LayerError> {
    let words = &spaced_comments(words);
    let matches = Cli::command().try_get_matches_from(words).map_err(|error| with_dashes(words, error))?;
    let Some((name, given)) = matches.subcommand() else { return Ok(Cli::from_arg_matches(&matches)?) };
    let known = known_options();
    let mut settings = from_environment(surroundings, &known)?;
    if let Some(path) = file_path(given, surroundings) {
        settings.extend(from_file(&path, &known)?);
    }
    let mut origins = BTreeMap::new();
    let mut inserted = Vec::new();
    for setting in settings {
        check_value(&setting, &known)?;
        let argument = option_of(name, &setting.key).filter(|_| !OF_ONE_FILE.contains(&(name, setting.key.as_str())));
        if argument.is_none_or(|argument| is_given(given, &argument)) || origins.contains_key(&setting.key) {
            continue;
        }
        origins.insert(setting.key, setting.origin);
        inserted.extend(setting.words.into_iter().map(OsString::from));
    }
    let (before, after) = words.split_at(words.len().min(2));
    let all: Vec<OsString> = before.iter().cloned().chain(inserted).chain(after.iter().cloned()).collect();
    let matches = Cli::command().try_get_matches_from(all)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Some(submit) = cli.command.submit_mut() {
        submit.given = on_line(name, given);
        submit.origins = origins;
    }
    Ok(cli)
}

/// The error of a command whose user has left out the dashes before it, with them.
fn with_dashes(words: &[OsString], mut error: clap::Error) -> clap::Error {
    let is_run = words.get(1).is_some_and(|word| word == "run");
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if is_run && error.kind() == ErrorKind::UnknownArgument => {
            argument.clone()
        }
        _ => return error,
    };
    if !argument.starts_with('-') {
        let tip = format!("the command and its arguments stand behind two dashes: yarn-submit run -- {argument} …");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Long names of the options that stand on the command line itself.
fn on_line(subcommand: &str, given: &ArgMatches) -> Vec<String> {
    let command = Cli::command();
    let arguments = command.find_subcommand(subcommand).into_iter().flat_map(clap::Command::get_arguments);
    let on_line = |argument: &&Arg| given.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    arguments.filter(on_line).filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
}

/// The words, with a space before a query that begins with a comment: no option has a space behind its dashes.
fn spaced_comments(words: &[OsString]) -> Vec<OsString> {
    let mut are_options = words.get(1).is_some_and(|command| command == "sql");
    let spaced = |word: &OsString| {
        are_options &= word != "--";
        let is_comment = word
            .to_str()
            .and_then(|text| text.strip_prefix("--"))
            .is_some_and(|rest| rest.starts_with([' ', '\t', '\n']));
        if are_options && is_comment {
            let mut text = OsString::from(" ");
            text.push(word);
            return text;
        }
        word.clone()
    };
    words.iter().map(spaced).collect()
}

/// Every option that can stand in a lower layer, by long name, as some subcommand defines it.
fn known_options() -> BTreeMap<String, Arg> {
    let mut known = BTreeMap::new();
    for subcommand in Cli::command().get_subcommands() {
        for argument in subcommand.get_arguments() {
            let name = argument.get_long().filter(|name| !NOT_CONFIGURABLE.contains(name));
            if let Some(name) = name {
                known.entry(name.to_owned()).or_insert_with(|| argument.clone());
            }
        }
    }
    known
}

fn option_of(subcommand: &str, key: &str) -> Option<Arg> {
    let command = Cli::command();
    let subcommand = command.find_subcommand(subcommand)?;
    subcommand.get_arguments().find(|argument| argument.get_long() == Some(key)).cloned()
}

fn is_given(matches: &ArgMatches, argument: &Arg) -> bool {
    let on_line =
        |id: &str| matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
    let id = argument.get_id().as_str();
    on_line(id) || (id == "wait" && on_line("no_wait"))
}

fn from_environment(surroundings: &Surroundings, known: &BTreeMap<String, Arg>) -> Result<Vec<Setting>, LayerError> {
    let mut settings = Vec::new();
    for (key, argument) in known {
        let variable = format!("BOBBIN_{}", key.to_uppercase().replace('-', "_"));
        let Some(value) = surroundings.variables.get(&variable).filter(|value| !value.is_empty()) else { continue };
        let words = match (argument.get_action(), value.as_str()) {
            (ArgAction::SetTrue, "1" | "true" | "yes") => flag_words(key, true),
            (ArgAction::SetTrue, "0" | "false" | "no") => flag_words(key, false),
            (ArgAction::SetTrue, _) => {
                return Err(LayerError::Value { origin: variable, message: "write true or false".to_owned() });
            }
            (ArgAction::Count, _) => count_words(key, value.parse().unwrap_or(1)),
            (_, value) => vec![format!("--{key}={value}")],
        };
        settings.push(Setting { key: key.clone(), words, origin: format!("environment variable {variable}") });
    }
    Ok(settings)
}

fn file_path(given: &ArgMatches, surroundings: &Surroundings) -> Option<PathBuf> {
    let variable = |name: &str| surroundings.variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = given.try_get_one::<PathBuf>("config").ok().flatten().cloned().or_else(|| variable("BOBBIN_CONFIG"));
    if named.is_some() {
        return named;
    }
    let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?;
    Some(folder.join("bobbin/config.toml")).filter(|path| path.exists())
}

fn from_file(path: &Path, known: &BTreeMap<String, Arg>) -> Result<Vec<Setting>, LayerError> {
    let text = std::fs::read_to_string(path).map_err(|source| LayerError::Read { path: path.to_owned(), source })?;
    let table = DeTable::parse(&text).map_err(|mut source| {
        source.set_input(Some(&text));
        LayerError::Syntax { path: path.to_owned(), source }
    })?;
    let mut settings = Vec::new();
    for (spanned, value) in table.get_ref() {
        let line = text[..spanned.span().start].matches('\n').count() + 1;
        let key = spanned.get_ref().to_string();
        let Some(argument) = known.get(&key) else {
            return Err(LayerError::UnknownKey { path: path.to_owned(), line, key });
        };
        let origin = format!("{} line {line}: {key}", path.display());
        let words = value_words(&key, argument, value.get_ref())
            .map_err(|message| LayerError::Value { origin: origin.clone(), message: message.to_owned() })?;
        settings.push(Setting { key, words, origin });
    }
    Ok(settings)
}

/// A value of the file as words of the command line.
fn value_words(key: &str, argument: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    match (argument.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(on)) => Ok(flag_words(key, *on)),
        (ArgAction::SetTrue, _) => Err("write true or false"),
        (ArgAction::Count, DeValue::Boolean(on)) => Ok(count_words(key, usize::from(*on))),
        (ArgAction::Count, value) => match scalar(value).and_then(|text| text.parse().ok()) {
            Some(count) => Ok(count_words(key, count)),
            None => Err("write a number"),
        },
        (ArgAction::Append, DeValue::Array(items)) => {
            let words = items.iter().map(|item| scalar(item.get_ref()).map(|text| format!("--{key}={text}")));
            words.collect::<Option<_>>().ok_or("write a list of strings")
        }
        (ArgAction::Append, DeValue::Table(pairs)) => {
            let words = pairs
                .iter()
                .map(|(name, value)| scalar(value.get_ref()).map(|text| format!("--{key}={}={text}", name.get_ref())));
            words.collect::<Option<_>>().ok_or("write a table of strings")
        }
        (_, value) => scalar(value).map(|text| vec![format!("--{key}={text}")]).ok_or("write a string or a number"),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn flag_words(key: &str, on: bool) -> Vec<String> {
    match (key, on) {
        (key, true) => vec![format!("--{key}")],
        ("wait", false) => vec!["--no-wait".to_owned()],
        (_, false) => Vec::new(),
    }
}

fn count_words(key: &str, count: usize) -> Vec<String> {
    vec![format!("--{key}"); count.min(8)]
}

/// Parses one setting by itself, so that the message names where it stands.
fn check_value(setting: &Setting, known: &BTreeMap<String, Arg>) -> Result<(), LayerError> {
    let Some(argument) = known.get(&setting.key) else { return Ok(()) };
    if matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::Count) {
        return Ok(());
    }
    let alone = argument.clone().required(false).overrides_with_all(Vec::<&str>::new());
    let command = clap::Command::new("setting").no_binary_name(true).disable_help_flag(true).arg(alone);
    match command.try_get_matches_from(&setting.words) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.to_string();
            let mut lines = text.lines();
            let line = lines.next().unwrap_or_default();
            let mut message = line.strip_prefix("error: ").unwrap_or(line).to_owned();
            if let Some(values) = lines.next().filter(|line| line.trim_start().starts_with("[possible values")) {
                message = format!("{message} {}", values.trim());
            }
            Err(LayerError::Value { origin: setting.origin.clone(), message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, Format, Isolation, Memory, SqlArgs};
    use super::*;

    fn parse_with(line: &str, file: &str, variables: &[(&str, &str)]) -> Result<Cli, LayerError> {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("bobbin");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), file).unwrap();
        let mut surroundings = Surroundings::default();
        surroundings.variables.insert("XDG_CONFIG_HOME".into(), directory.path().display().to_string());
        surroundings.variables.extend(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        parse(&words, &surroundings)
    }

    fn sql(line: &str, file: &str, variables: &[(&str, &str)]) -> SqlArgs {
        let Command::Sql(args) = parse_with(line, file, variables).unwrap().command else { panic!("not sql: {line}") };
        args
    }

    fn failure(line: &str, file: &str, variables: &[(&str, &str)]) -> String {
        parse_with(line, file, variables).unwrap_err().to_string()
    }

    #[test]
    fn flag_beats_variable_beats_file_beats_default() {
        let queue = |line: &str, file: &str, variables: &[(&str, &str)]| sql(line, file, variables).submit.queue;
        let file = "queue = 'of-file'";
        let variable = [("BOBBIN_QUEUE", "of-variable")];
        assert_eq!(queue("y sql --queue of-flag q", file, &variable), "of-flag");
        assert_eq!(queue("y sql q", file, &variable), "of-variable");
        assert_eq!(queue("y sql q", file, &[]), "of-file");
        assert_eq!(queue("y sql q", "", &[]), "default");
    }

    #[test]
    fn isolation_has_all_layers_where_there_are_functions() {
        let isolation = |line: &str, file: &str, variables: &[(&str, &str)]| {
            let command = parse_with(line, file, variables).unwrap().command;
            if let Command::Run(args) = &command {
                return args.isolation;
            }
            let Command::Session(args) = command else { panic!("{line}") };
            args.isolation
        };
        let (file, variable) = ("isolation = 'process'", [("BOBBIN_ISOLATION", "thread")]);
        for command in ["y run", "y session start s"] {
            let words = |options: &str| match command {
                "y run" => format!("y run{options} -- true"),
                other => format!("{other}{options}"),
            };
            assert_eq!(isolation(&words(" --isolation process"), "", &variable), Some(Isolation::Process));
            assert_eq!(isolation(&words(""), file, &variable), Some(Isolation::Thread));
            assert_eq!(isolation(&words(""), file, &[]), Some(Isolation::Process));
            assert_eq!(isolation(&words(""), "", &[]), None);
        }
        assert!(failure("y run --isolation jail -- true", "", &[]).contains("[possible values: thread, process]"));
    }

    #[test]
    fn every_kind_of_value_can_stand_in_the_file() {
        let file = "workers = 3\nworker-memory = '4GiB'\ntags = ['a', 'b']\nwait = false\nformat = 'json'\nverbose = 2\n\
                    dry-run = true\n[env-var]\nA = '1'\nB = 'x=y'\n";
        let args = sql("y sql q", file, &[]);
        assert_eq!(args.submit.workers.map(|count| (count.least, count.most)), Some((None, 3)));
        assert_eq!(args.submit.worker_memory, Memory { mebibytes: 4096 });
        assert_eq!(args.submit.tags, ["a", "b"]);
        assert!(args.submit.no_wait && !args.submit.wait && args.submit.dry_run);
        assert_eq!((args.format, args.common.verbose), (Some(Format::Json), 2));
        let pairs: Vec<String> =
            args.submit.env_var.iter().map(|pair| format!("{}:{}", pair.key, pair.value)).collect();
        assert_eq!(pairs, ["A:1", "B:x=y"]);
    }

    #[test]
    fn lists_of_a_higher_layer_replace_those_below() {
        let args = sql("y sql --tags c q", "tags = ['a', 'b']", &[]);
        assert_eq!(args.submit.tags, ["c"]);
        assert_eq!(sql("y sql q", "tags = ['a']", &[("BOBBIN_TAGS", "d,e")]).submit.tags, ["d", "e"]);
    }

    #[test]
    fn what_stands_on_the_line_itself_is_known() {
        let given = |line: &str, file: &str| sql(line, file, &[("BOBBIN_WORKERS", "3")]).submit.given;
        assert_eq!(given("y sql --queue a --no-wait q", "tags = ['a']"), ["no-wait", "queue"]);
        assert!(given("y sql q", "queue = 'a'").is_empty());
    }

    #[test]
    fn a_flag_undoes_a_flag_of_the_file() {
        let args = sql("y sql --wait q", "wait = false", &[]);
        assert!(args.submit.wait && !args.submit.no_wait);
    }

    #[test]
    fn options_of_other_subcommands_are_no_error() {
        assert!(parse_with("y apps", "worker-cores = 4\njson = true", &[]).is_ok());
    }

    #[test]
    fn errors_name_the_place() {
        let message = failure("y apps", "queue = 'a'\n\nworker-memry = 3\n", &[]);
        assert!(message.contains("config.toml line 3: unknown option \"worker-memry\""), "{message}");
        let message = failure("y sql q", "\nworker-memory = '2GX'", &[]);
        assert!(message.contains("line 2: worker-memory") && message.contains("not a size"), "{message}");
        let message = failure("y sql q", "", &[("BOBBIN_WORKERS", "many")]);
        assert!(message.contains("BOBBIN_WORKERS") && message.contains("not a number of workers"), "{message}");
        let message = failure("y sql q", "", &[("BOBBIN_ISOLATION", "jail")]);
        assert!(message.contains("BOBBIN_ISOLATION") && message.contains("thread, process"), "{message}");
        let message = failure("y sql q", "wait = 'perhaps'", &[]);
        assert!(message.contains("write true or false"), "{message}");
        assert!(matches!(parse_with("y sql q", "a = ", &[]).unwrap_err(), LayerError::Syntax { .. }));
        assert!(matches!(parse_with("y sql --config /nowhere q", "", &[]).unwrap_err(), LayerError::Read { .. }));
    }

    #[test]
    fn the_command_of_run_is_left_alone() {
        let cli = parse_with("y run -- python etl.py --queue x", "queue = 'a'", &[]).unwrap();
        let Command::Run(args) = cli.command else { panic!() };
        assert_eq!((args.command.join(" ").as_str(), args.submit.queue.as_str()), ("python etl.py --queue x", "a"));
    }

    #[test]
    fn a_command_without_its_dashes_gets_them() {
        let told = failure("y run --queue a python etl.py", "", &[]);
        assert!(told.contains("tip: ") && told.contains("yarn-submit run -- python …"), "{told}");
        assert!(!failure("y run --quee a -- true", "", &[]).contains("two dashes"));
    }

    #[test]
    fn clap_finds_no_fault_in_the_definition() {
        Cli::command().debug_assert();
    }
}
