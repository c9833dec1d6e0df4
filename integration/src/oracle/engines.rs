//! DuckDB and pandas: one Python process that is asked over its standard streams.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Column, Value};
use super::table::{Table, filled};
use crate::python::{ANALYTICS, environment, program};

const SCRIPT: &str = include_str!("oracle.py");

/// A running Python process with tables in it.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    tables: Vec<Table>,
}

/// What the process prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Error { error: String },
    Answer { columns: Vec<Column>, rows: Vec<Vec<Option<String>>> },
}

impl Oracle {
    /// Starts the process in its environment, which is made unless it is there.
    ///
    /// # Errors
    /// Why there is none.
    pub fn start() -> Result<Oracle, String> {
        let mut command = Command::new(program(&environment(&ANALYTICS)?, "python"));
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("it has no output")?);
        Ok(Oracle { child, input, output: BufReader::new(output), tables: Vec::new() })
    }

    /// Reads tables; later ones replace earlier ones of the same name.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn load(&mut self, tables: &[Table]) -> Result<(), String> {
        self.say(&json!({ "tables": tables }))?;
        self.tables.retain(|known| tables.iter().all(|table| table.name != known.name));
        self.tables.extend_from_slice(tables);
        Ok(())
    }

    /// The tables that are there.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// DuckDB's answer to a query.
    ///
    /// # Errors
    /// What DuckDB complains of.
    pub fn duckdb(&mut self, sql: &str) -> Result<Answer, String> {
        let sql = filled(sql, &self.tables, |table| table.name.clone());
        self.say(&json!({ "duckdb": sql })).map_err(|error| format!("DuckDB: {error}: {sql}"))
    }

    /// The value of an expression over data frames, one of each table's name.
    ///
    /// # Errors
    /// What Python complains of.
    pub fn pandas(&mut self, expression: &str) -> Result<Answer, String> {
        self.say(&json!({ "pandas": expression })).map_err(|error| format!("pandas: {error}: {expression}"))
    }

    fn say(&mut self, question: &serde_json::Value) -> Result<Answer, String> {
        let input = self.input.as_mut().ok_or("it has no input")?;
        writeln!(input, "{question}").and_then(|()| input.flush()).map_err(|error| error.to_string())?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        match serde_json::from_str(&line).map_err(|error| format!("{error}: it said {line:?}"))? {
            Said::Error { error } => Err(error),
            Said::Answer { columns, rows } => typed(columns, &rows),
        }
    }
}

fn typed(columns: Vec<Column>, rows: &[Vec<Option<String>>]) -> Result<Answer, String> {
    let mut typed = Vec::new();
    for row in rows {
        let cells = row.iter().zip(&columns).map(|(cell, column)| Value::read(cell.as_deref(), column.kind));
        typed.push(cells.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Answer { columns, rows: typed })
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // The end of its input is the end of the process.
        self.input = None;
        let _ = self.child.wait();
    }
}
