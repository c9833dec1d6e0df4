//! `schema`, `head`, `describe`, `count`: one table, looked at without a query.

use bobbin_engine::{FileFormat, Statement};

use super::super::session;
use super::script::Script;
use crate::args::{HeadArgs, QuestionArgs, SqlArgs, TableArgs, WriteMode};
use crate::exit::{Exit, Failure};
use crate::place::Place;

/// What to say of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Its columns.
    Schema,
    /// Its first rows.
    Head(u64),
    /// Statistics of its columns.
    Describe,
    /// How many rows it has.
    Count,
}

/// The name under which statements know the table.
const NAME: &str = "data";

/// Prints the first rows.
pub async fn head(args: HeadArgs) -> Result<Exit, Failure> {
    run(args.table, None, Question::Head(args.rows)).await
}

/// Answers a question about a table, in a session if one is named.
pub async fn ask(args: QuestionArgs, question: Question) -> Result<Exit, Failure> {
    run(args.table, args.session, question).await
}

/// Answers a question about a table.
pub async fn run(args: TableArgs, session: Option<String>, question: Question) -> Result<Exit, Failure> {
    if session.is_some() {
        session::refuse_beside(&args.submit)?;
    }
    let script = script(&args, question)?;
    // What a few bytes of a file answer needs no application.
    let here = matches!(question, Question::Schema | Question::Head(_)).then_some(Place::Local { threads: Some(1) });
    super::run_script(SqlArgs { session, ..sql_args(args) }, &script, here).await
}

fn script(args: &TableArgs, question: Question) -> Result<Script, Failure> {
    let format = match FileFormat::of(&args.path) {
        FileFormat::Csv => "CSV",
        FileFormat::Json => "JSON",
    };
    let options: Vec<String> =
        args.options.iter().map(|option| format!("{} {}", quoted(&option.key), quoted(&option.value))).collect();
    let options = if options.is_empty() { String::new() } else { format!("OPTIONS ({})", options.join(", ")) };
    let path = quoted(&args.path);
    let mut text = if args.options.is_empty() {
        // The names of a directory's files say more than its own.
        format!("CREATE VIEW {NAME} AS SELECT * FROM {path};")
    } else {
        format!("CREATE EXTERNAL TABLE {NAME} STORED AS {format} LOCATION {path} {options};")
    };
    match question {
        Question::Schema => text += &format!("DESCRIBE {NAME}"),
        Question::Head(rows) => text += &format!("SELECT * FROM {NAME} LIMIT {rows}"),
        Question::Count => text += &format!("SELECT count(*) AS rows FROM {NAME}"),
        Question::Describe => {}
    }
    let mut statements = Statement::parse(&text)?;
    if question == Question::Describe {
        statements.push(Statement::summarize(NAME));
    }
    Ok(Script::of(text, statements)?.silent())
}

/// The options of `sql` that these stand for.
fn sql_args(args: TableArgs) -> SqlArgs {
    SqlArgs {
        session: None,
        query: None,
        file: None,
        explain: false,
        analyze: false,
        format: args.format,
        output: args.output,
        mode: WriteMode::Error,
        partition_by: Vec::new(),
        compression: None,
        single_file: false,
        split_size: args.split_size,
        submit: args.submit,
        common: args.common,
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
