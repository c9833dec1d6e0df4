//! Lines from a person (history, completion, several lines a statement) or from a pipe.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, IsTerminal, Lines, Stdin};
use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Highlighter, Hinter};

use crate::exit::{Exit, Failure};

/// Statements that are remembered.
const REMEMBERED: usize = 10_000;
/// Words that complete themselves.
const KEYWORDS: [&str; 40] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "USING",
    "UNION ALL",
    "EXCEPT",
    "INTERSECT",
    "DISTINCT",
    "CASE",
    "WHEN",
    "BETWEEN",
    "CREATE EXTERNAL TABLE",
    "CREATE VIEW",
    "DROP VIEW",
    "DROP TABLE",
    "STORED AS",
    "LOCATION",
    "OPTIONS",
    "COPY",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "DESCRIBE",
    "SHOW TABLES",
    "WITH",
    "VALUES",
    "count(",
    "sum(",
    "avg(",
    "approx_distinct(",
    "read_csv(",
    "read_json(",
];

/// What was read.
pub enum Input {
    /// Statements or a command.
    Text(String),
    /// There is no more.
    End,
}

/// A source of statements.
pub enum Editor {
    /// A person.
    Person(Box<rustyline::Editor<Words, DefaultHistory>>, Option<PathBuf>),
    /// A pipe or a file.
    Pipe(Lines<BufReader<Stdin>>),
}

impl Editor {
    /// Reads from standard input; a person's statements are remembered in the state directory.
    pub fn new() -> Result<Self, Failure> {
        if !std::io::stdin().is_terminal() {
            return Ok(Editor::Pipe(BufReader::new(std::io::stdin()).lines()));
        }
        let unusable = |error: ReadlineError| Failure::new(Exit::Input, format!("read from the terminal: {error}"));
        let config = rustyline::Config::builder().auto_add_history(true).max_history_size(REMEMBERED);
        let config = config.map_err(unusable)?.build();
        let mut editor = rustyline::Editor::with_config(config).map_err(unusable)?;
        editor.set_helper(Some(Words::default()));
        let history = history_file();
        if let Some(path) = &history {
            // The first time there is none.
            let _ = editor.load_history(path);
        }
        Ok(Editor::Person(Box::new(editor), history))
    }

    /// Whether a person types.
    pub fn is_interactive(&self) -> bool {
        matches!(self, Editor::Person(..))
    }

    /// The next statement, on a thread of its own: a person may think.
    pub async fn read(self) -> Result<(Editor, Input), Failure> {
        let lost = |_| Failure::new(Exit::Internal, "the thread that reads has ended");
        tokio::task::spawn_blocking(move || {
            let mut editor = self;
            let input = editor.next()?;
            Ok((editor, input))
        })
        .await
        .map_err(lost)?
    }

    fn next(&mut self) -> Result<Input, Failure> {
        match self {
            Editor::Pipe(lines) => piped(lines),
            Editor::Person(editor, history) => loop {
                match editor.readline("bobbin> ") {
                    Ok(text) => {
                        if let Some(path) = history {
                            // A history that cannot be kept is no reason to stop.
                            let _ = editor.append_history(path);
                        }
                        return Ok(Input::Text(text));
                    }
                    // What was typed is given up.
                    Err(ReadlineError::Interrupted) => {}
                    Err(ReadlineError::Eof) => return Ok(Input::End),
                    Err(error) => return Err(Failure::new(Exit::Input, format!("read from the terminal: {error}"))),
                }
            },
        }
    }

    /// Completes these words from now on.
    pub fn learn(&mut self, words: Vec<String>) {
        if let Editor::Person(editor, _) = self
            && let Some(helper) = editor.helper_mut()
        {
            helper.names.extend(words);
        }
    }
}

/// Lines until a statement or a command is whole.
fn piped(lines: &mut Lines<BufReader<Stdin>>) -> Result<Input, Failure> {
    let mut text = String::new();
    for line in lines {
        let line = line.map_err(|error| Failure::new(Exit::Input, format!("read from standard input: {error}")))?;
        text += &line;
        if is_whole(&text) {
            return Ok(Input::Text(text));
        }
        text.push('\n');
    }
    Ok(if text.trim().is_empty() { Input::End } else { Input::Text(text) })
}

/// Whether a text is a command, nothing, or ends with a semicolon outside quotes.
fn is_whole(text: &str) -> bool {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with('\\') {
        return !trimmed.is_empty();
    }
    let mut quote = None;
    for letter in trimmed.chars() {
        match quote {
            Some(open) if open == letter => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            Some(_) | None => {}
        }
    }
    quote.is_none() && trimmed.ends_with(';')
}

/// Where statements are remembered.
fn history_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    let directory = state.join("bobbin");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

/// What completes itself.
#[derive(Default, Helper, Hinter, Highlighter)]
pub struct Words {
    names: BTreeSet<String>,
    files: FilenameCompleter,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        if before.matches('\'').count() % 2 == 1 {
            return self.files.complete(line, at, context);
        }
        let start = before.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
        let word = before[start..].to_lowercase();
        if word.is_empty() {
            return Ok((start, Vec::new()));
        }
        let names = self.names.iter().map(String::as_str).chain(KEYWORDS);
        let fits = names.filter(|name| name.to_lowercase().starts_with(&word));
        let pair = |name: &str| Pair { display: name.to_owned(), replacement: name.to_owned() };
        Ok((start, fits.map(pair).collect()))
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let whole = is_whole(context.input()) || context.input().trim().is_empty();
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_outside_quotes() {
        for (text, expected) in [
            ("select 1;", true),
            ("select 1", false),
            ("select ';", false),
            ("select ';';", true),
            ("\\d", true),
            ("", false),
            ("select \"a;\n", false),
        ] {
            assert_eq!(is_whole(text), expected, "{text:?}");
        }
    }
}
