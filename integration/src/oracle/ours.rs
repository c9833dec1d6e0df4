//! bobbin's answers: one process for one query, or one for a script of many; in this process's machine, or on the cluster.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::answer::{Answer, Column};
use super::printed::Format;
use super::script;
use super::table::{Table, filled};
use crate::cluster::{Cluster, HdfsError, Host};
use crate::programs::yarn_submit;

/// Statements of one script that may fail before the rest of them is given up.
const MOST_FAILURES: usize = 5;

/// One question, and the columns that its answer is to have.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// With `{table}` for tables.
    pub sql: &'a str,
    /// The columns.
    pub columns: &'a [Column],
}

/// How a question is asked.
#[derive(Clone, Debug)]
pub struct Manner {
    /// `--split-size`.
    pub split: String,
    /// `--format`.
    pub format: Format,
}

/// The executable under test, and where it works.
#[derive(Debug)]
pub struct Ours {
    program: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Here,
    There { cluster: &'static Cluster, folder: String },
}

impl Ours {
    /// The one that other tests run too, in local mode.
    ///
    /// # Errors
    /// When it has not been built.
    pub fn find() -> Result<Ours, String> {
        let program = yarn_submit().map_err(|error| error.to_string())?;
        Ok(Ours { program, place: Place::Here })
    }

    /// The same on a cluster, whose HDFS gets the tables in several blocks each.
    ///
    /// # Errors
    /// When it has not been built, or HDFS takes no files.
    pub fn on(cluster: &'static Cluster, tables: &[Table]) -> Result<Ours, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = format!("/user/alice/oracles-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        for table in tables {
            let bytes = std::fs::read(&table.path).map_err(|error| format!("{}: {error}", table.path.display()))?;
            let spread = cluster.spread_in(&bytes, &there(&folder, &table.path), block_size(bytes.len()));
            spread.map_err(|error: HdfsError| error.to_string())?;
        }
        Ok(Ours { place: Place::There { cluster, folder }, ..Ours::find()? })
    }

    /// The answer to one question, read as values of its columns.
    ///
    /// # Errors
    /// What bobbin complains of, or what of its answer cannot be read.
    pub fn ask(&self, question: Question<'_>, tables: &[Table], manner: &Manner) -> Result<Answer, String> {
        let output = self.run(&self.filled(question.sql, tables), manner)?;
        match output.status.success() {
            true => manner.format.read(&text(output.stdout)?, question.columns),
            false => Err(complaint(&output)),
        }
    }

    /// The answers to many questions: one script, and another one with the rest of them after each that fails.
    pub fn ask_all(
        &self,
        questions: &[Question<'_>],
        tables: &[Table],
        manner: &Manner,
    ) -> Vec<Result<Answer, String>> {
        let statements: Vec<String> = questions.iter().map(|question| self.filled(question.sql, tables)).collect();
        let mut answers: Vec<Result<Answer, String>> = Vec::new();
        let mut failures = 0;
        while answers.len() < questions.len() && failures < MOST_FAILURES {
            let begin = answers.len();
            let (printed, failure) = match self.script(&statements[begin..], manner) {
                Ok(run) => run,
                Err(reason) => (Vec::new(), Some(reason)),
            };
            let read = printed.iter().zip(&questions[begin..]);
            answers.extend(read.map(|(text, question)| manner.format.read(text, question.columns)));
            if let Some(reason) = failure {
                answers.push(Err(reason));
                failures += 1;
            }
        }
        answers.resize(questions.len(), Err(format!("not asked: {failures} statements before it failed")));
        answers
    }

    /// What a script prints for each of its statements, and why the one after those failed.
    fn script(&self, statements: &[String], manner: &Manner) -> Result<(Vec<String>, Option<String>), String> {
        let output = self.run(&script::written(statements), manner)?;
        let is_whole = output.status.success();
        let failure = (!is_whole).then(|| complaint(&output));
        let mut printed = script::answers(&text(output.stdout)?, manner.format);
        if is_whole && printed.len() != statements.len() {
            return Err(format!("{} of {} statements are answered", printed.len(), statements.len()));
        }
        if !is_whole {
            // What the one that failed has printed.
            printed.pop();
        }
        Ok((printed, failure))
    }

    fn filled(&self, sql: &str, tables: &[Table]) -> String {
        filled(sql, tables, |table| match &self.place {
            Place::Here => table.ours(&table.path.display().to_string()),
            Place::There { folder, .. } => table.ours(&format!("hdfs://{}", there(folder, &table.path))),
        })
    }

    fn run(&self, sql: &str, Manner { split, format }: &Manner) -> Result<Output, String> {
        let words = ["sql", "--quiet", "--split-size", split, "--format", format.word()];
        let output = match &self.place {
            Place::Here => {
                let mut command = Command::new(&self.program);
                command.args(words).args(["--master", "local[2]", sql]);
                command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null()).output()
            }
            Place::There { cluster, .. } => there_output(cluster, &self.program, &words, sql),
        };
        output.map_err(|error| format!("{}: {error}", self.program.display()))
    }
}

/// On the gateway, with workers that fit beside those of other tests.
fn there_output(cluster: &Cluster, program: &Path, words: &[&str], sql: &str) -> io::Result<Output> {
    let mut command = cluster.exec(Host::Edge, program);
    command.args(words).args(["--workers", "2", "--worker-memory", "512MiB", "--worker-cores", "1", sql]);
    command.env("XDG_CONFIG_HOME", "/nonexistent").output()
}

/// A table's path in HDFS.
fn there(folder: &str, path: &Path) -> String {
    format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

/// So that a file has five blocks; at least what the NameNode wants, and a multiple of what has a checksum.
fn block_size(bytes: usize) -> usize {
    (bytes / 5).next_multiple_of(512).max(4096)
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn complaint(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())
}
