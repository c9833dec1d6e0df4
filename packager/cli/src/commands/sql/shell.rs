//! The interactive shell: statements end with a semicolon, commands begin with a backslash, Ctrl-C stops a query only.

mod editor;
mod sessions;

use std::time::{Duration, Instant};

use bobbin_engine::{Catalog, KnownBorders, Prepared, Statement};

use self::editor::{Editor, Input};
use self::sessions::Sessions;
use super::Seat;
use super::script::Work;
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::{Guarded, Signals};
use crate::progress::Display;
use crate::terminal;

/// What `\?` says.
const HELP: &str = "\
statements end with ; and may span lines
  FROM 'path' or read_csv('path', name => value, …), read_json(…): files, directories, patterns, hdfs:// URLs
  CREATE EXTERNAL TABLE, CREATE VIEW, COPY … TO: names for files and queries, rows to files
  CREATE TABLE … AS: rows that stay in the memory of workers
commands
  \\d          tables and views        \\d NAME or 'path'   columns and where their types come from
  \\timing     show how long statements take
  \\q          leave (or Ctrl-D)       Ctrl-C              stop the statement";

struct Shell<'a> {
    sessions: Sessions<'a>,
    catalog: Catalog,
    timing: bool,
}

/// Reads and runs statements until the user leaves.
pub async fn run(args: &SqlArgs, seat: Seat, guarded: &Guarded) -> Result<Exit, Failure> {
    let display = Display::new(&args.common);
    let mut editor = Editor::new()?;
    let mut shell =
        Shell { sessions: Sessions::new(args, seat, (&display, guarded)), catalog: Catalog::default(), timing: false };
    if !args.common.quiet && editor.is_interactive() {
        terminal::say(format_args!("bobbin {}; \\? is help, \\q leaves", env!("CARGO_PKG_VERSION")));
    }
    let mut failed = false;
    loop {
        let (back, input) = editor.read().await?;
        editor = back;
        let text = match input {
            Input::End => break,
            Input::Text(text) => text,
        };
        match shell.run(&text).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) => {
                failed = true;
                terminal::note(format_args!("yarn-submit: {failure}"));
            }
        }
        editor.learn(shell.words());
    }
    shell.sessions.end().await;
    // A script that was piped in tells its caller.
    let code = if failed && !editor.is_interactive() { 1 } else { 0 };
    Ok(Exit::Code(code))
}

impl Shell<'_> {
    /// Runs what was typed; false when the user wants to leave.
    async fn run(&mut self, text: &str) -> Result<bool, Failure> {
        let text = text.trim();
        match text.strip_prefix('\\') {
            Some(command) => return self.command(command.trim_end_matches(';').trim()).await,
            None if text.trim_end_matches(';').is_empty() => return Ok(true),
            None => {}
        }
        for statement in Statement::parse(text)? {
            self.statement(&statement).await?;
        }
        Ok(true)
    }

    async fn command(&mut self, command: &str) -> Result<bool, Failure> {
        match command.split_once(' ').map_or((command, ""), |(word, rest)| (word, rest.trim())) {
            ("q" | "quit", _) => return Ok(false),
            ("?" | "h" | "help", _) => terminal::say(HELP),
            ("timing", _) => {
                self.timing = !self.timing;
                terminal::say(if self.timing { "timing is on" } else { "timing is off" });
            }
            ("d" | "dt", "") => self.text("SHOW TABLES").await?,
            ("d", name) => self.text(&format!("DESCRIBE {name}")).await?,
            (other, _) => terminal::note(format_args!("there is no command \\{other}; \\? lists them")),
        }
        Ok(true)
    }

    async fn text(&mut self, sql: &str) -> Result<(), Failure> {
        for statement in Statement::parse(sql)? {
            self.statement(&statement).await?;
        }
        Ok(())
    }

    /// Runs one statement; an interrupt stops it and nothing else.
    async fn statement(&mut self, statement: &Statement) -> Result<(), Failure> {
        let began = Instant::now();
        let mut signals = Signals::new();
        let outcome = tokio::select! {
            outcome = self.answer(statement) => outcome,
            _ = signals.next() => {
                terminal::note("stopped");
                Ok(())
            }
        };
        self.sessions.forget_output().await;
        if self.timing {
            terminal::say(format_args!("time: {}", shown(began.elapsed())));
        }
        outcome
    }

    async fn answer(&mut self, statement: &Statement) -> Result<(), Failure> {
        let place = self.sessions.place(&statement.paths(&self.catalog)?)?;
        let planner = self.sessions.planner(place)?;
        match planner.prepare(statement, &mut self.catalog).await? {
            Prepared::Done(message) => terminal::say(message),
            Prepared::Request(request) => {
                let plan = planner.graph(&request, &KnownBorders::default()).await?;
                let has_tasks_elsewhere = statement.runs();
                let answered = self.sessions.answer(place, &Work { request, plan }, has_tasks_elsewhere).await?;
                if let Some(table) = answered.kept {
                    self.catalog.keep(table);
                }
            }
        }
        Ok(())
    }

    /// Names that statements may use.
    fn words(&self) -> Vec<String> {
        self.catalog.names().map(|(name, _)| name.to_owned()).chain(self.sessions.columns().iter().cloned()).collect()
    }
}

/// A duration with as many digits as matter.
fn shown(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(1) {
        format!("{:.1} ms", elapsed.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", elapsed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(shown(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(shown(Duration::from_millis(61_234)), "61.23 s");
    }
}
