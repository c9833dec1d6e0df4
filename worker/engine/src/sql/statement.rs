//! Statements: what each does, as far as its text says.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's statements are foreign and many")]

use datafusion::sql::parser::{
    CopyToSource, CopyToStatement, CreateExternalTable, DFParserBuilder, Statement as DfStatement,
};
use datafusion::sql::sqlparser::ast::{
    CreateTable, CreateView, Expr, Ident, ObjectName, ObjectType, Statement as SqlStatement, Value,
};

use crate::error::PlanError;
use crate::output::{OutputSpec, RowFormat};
use crate::sql::call::value_of;
use crate::sql::catalog::{Catalog, Entry};
use crate::sql::query_text::QueryText;
use crate::tables::{FileFormat, OptionValue, Source};

/// One statement of a script.
#[derive(Clone, Debug)]
pub struct Statement {
    text: String,
    pub(crate) kind: Kind,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Gives rows.
    Query(QueryText),
    /// Says how a query would run, or how it ran.
    Explain { query: QueryText, analyze: bool },
    /// Gives files or a query a name.
    Create { name: String, entry: Entry, or_replace: bool, if_not_exists: bool },
    /// Keeps a query's rows in the memory of workers, under a name.
    Keep { name: String, query: QueryText, or_replace: bool, if_not_exists: bool },
    /// Forgets names.
    Drop { names: Vec<String>, if_exists: bool },
    /// Writes a query's rows to files.
    Copy { query: QueryText, output: OutputSpec },
    /// Lists the catalog.
    ShowTables,
    /// Says which columns a table has.
    Describe(QueryText),
    /// Says what the values of a table's columns are like: its name in the catalog.
    Summarize(String),
}

impl QueryText {
    /// The query of this text.
    pub(crate) fn parse(sql: &str) -> Result<QueryText, PlanError> {
        query(parsed(sql)?)
    }
}

/// The statements that we run, for messages.
const USABLE: &str = "SELECT, WITH, VALUES, EXPLAIN [ANALYZE], CREATE EXTERNAL TABLE, CREATE TABLE … AS, CREATE VIEW, DROP, COPY, SHOW TABLES and \
                      DESCRIBE";

impl Statement {
    /// The statements of a script.
    ///
    /// # Errors
    /// The text does not follow the grammar, or holds what we do not run.
    pub fn parse(sql: &str) -> Result<Vec<Statement>, PlanError> {
        let parsed = DFParserBuilder::new(sql).build().and_then(|mut parser| parser.parse_statements());
        let statements = parsed.map_err(PlanError::parse)?;
        statements.into_iter().map(Self::of).collect()
    }

    fn of(statement: DfStatement) -> Result<Statement, PlanError> {
        let text = statement.to_string();
        let kind = match statement {
            DfStatement::Explain(explain) => {
                let analyze = explain.options.analyze;
                match *explain.statement {
                    DfStatement::CopyTo(_) if analyze => {
                        let reason = "EXPLAIN ANALYZE COPY would write files and show none of it; explain its query";
                        return Err(PlanError::Statement(reason.into()));
                    }
                    DfStatement::CopyTo(statement) => match copy(statement)? {
                        Kind::Copy { query, .. } => Kind::Explain { query, analyze },
                        other => other,
                    },
                    statement => Kind::Explain { query: query(statement)?, analyze },
                }
            }
            DfStatement::CreateExternalTable(create) => external_table(create)?,
            DfStatement::Statement(inner) => plain(*inner)?,
            DfStatement::CopyTo(statement) => copy(statement)?,
            other @ DfStatement::Reset(_) => return Err(refused(&other.to_string())),
        };
        Ok(Statement { text, kind })
    }

    /// Statistics of the columns of a table or view of the catalog: `SUMMARIZE name`, as DuckDB calls it.
    pub fn summarize(name: &str) -> Statement {
        Statement { text: format!("SUMMARIZE {name}"), kind: Kind::Summarize(name.to_owned()) }
    }

    /// The same statement, which says what running it took instead of giving rows.
    pub fn analyzed(self) -> Statement {
        match self.kind {
            Kind::Query(query) => Statement { kind: Kind::Explain { query, analyze: true }, ..self },
            kind => Statement { kind, ..self },
        }
    }

    /// The statement's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it writes rows, if it does.
    pub fn target(&self) -> Option<&str> {
        match &self.kind {
            Kind::Copy { output, .. } => Some(&output.url),
            _ => None,
        }
    }

    /// Whether it gives rows.
    pub fn is_query(&self) -> bool {
        matches!(self.kind, Kind::Query(_))
    }

    /// Whether it runs tasks: others need nobody but the driver.
    pub fn runs(&self) -> bool {
        matches!(
            self.kind,
            Kind::Query(_)
                | Kind::Copy { .. }
                | Kind::Keep { .. }
                | Kind::Summarize(_)
                | Kind::Explain { analyze: true, .. }
        )
    }

    /// The paths that it reads, also through views of `catalog`.
    ///
    /// # Errors
    /// A name that means nothing.
    pub fn paths(&self, catalog: &Catalog) -> Result<Vec<String>, PlanError> {
        let mut paths = Vec::new();
        match &self.kind {
            Kind::Query(query)
            | Kind::Copy { query, .. }
            | Kind::Keep { query, .. }
            | Kind::Explain { query, .. }
            | Kind::Describe(query) => {
                collect(query, catalog, &mut paths)?;
            }
            Kind::Create { entry: Entry::Table(source), .. } => paths.extend(source.paths.iter().cloned()),
            Kind::Create { entry: Entry::View(query), .. } => collect(query, catalog, &mut paths)?,
            Kind::Create { entry: Entry::Kept(table), .. } => paths.extend(table.paths().iter().cloned()),
            Kind::Summarize(name) => collect(&select_all(name)?, catalog, &mut paths)?,
            Kind::Drop { .. } | Kind::ShowTables => {}
        }
        Ok(paths)
    }
}

impl Statement {
    /// Takes a statement that keeps rows for done where nothing runs: its name means the query.
    ///
    /// # Errors
    /// Something has the name.
    pub fn assume(&self, catalog: &mut Catalog) -> Result<(), PlanError> {
        if let Kind::Keep { name, query, or_replace, if_not_exists } = &self.kind {
            catalog.create(name, Entry::View(query.clone()), (*or_replace, *if_not_exists))?;
        }
        Ok(())
    }

    /// The paths that statements read which run one after the other.
    ///
    /// # Errors
    /// A name that means nothing where it is used.
    pub fn paths_of(statements: &[Statement]) -> Result<Vec<String>, PlanError> {
        let mut catalog = Catalog::default();
        let mut paths = Vec::new();
        for statement in statements {
            paths.extend(statement.paths(&catalog)?);
            match &statement.kind {
                Kind::Create { name, entry, or_replace, if_not_exists } => {
                    catalog.create(name, entry.clone(), (*or_replace, *if_not_exists))?;
                }
                Kind::Keep { .. } => statement.assume(&mut catalog)?,
                Kind::Drop { names, if_exists } => {
                    names.iter().try_for_each(|name| catalog.drop(name, *if_exists))?;
                }
                Kind::Query(_)
                | Kind::Copy { .. }
                | Kind::Explain { .. }
                | Kind::ShowTables
                | Kind::Describe(_)
                | Kind::Summarize(_) => {}
            }
        }
        Ok(paths)
    }
}

fn collect(query: &QueryText, catalog: &Catalog, paths: &mut Vec<String>) -> Result<(), PlanError> {
    for source in query.sources.values() {
        paths.extend(source.paths.iter().cloned());
    }
    for (relation, is_quoted) in &query.relations {
        match catalog.get(relation.table()).filter(|_| !is_quoted) {
            Some(Entry::Table(source)) => paths.extend(source.paths.iter().cloned()),
            Some(Entry::View(query)) => collect(query, catalog, paths)?,
            Some(Entry::Kept(table)) => paths.extend(table.paths().iter().cloned()),
            None => paths.extend(QueryText::file(relation, *is_quoted)?.paths),
        }
    }
    Ok(())
}

/// The only query of a text.
///
/// # Errors
/// It holds no statement, several, or one that gives no rows.
pub(crate) fn one_query(sql: &str) -> Result<Statement, PlanError> {
    let mut statements = Statement::parse(sql)?;
    match (statements.pop(), statements.len()) {
        (None, _) => Err(PlanError::Statement("the query is empty; write one SELECT".into())),
        (Some(statement), 0) => Ok(statement),
        (Some(_), others) => {
            Err(PlanError::Statement(format!("the text holds {} statements; write one query at a time", others + 1)))
        }
    }
}

fn refused(text: &str) -> PlanError {
    let word = text.split_whitespace().next().unwrap_or("this").to_uppercase();
    PlanError::Statement(format!("{word} is not a statement that bobbin runs; it runs {USABLE}"))
}

fn query(statement: DfStatement) -> Result<QueryText, PlanError> {
    match statement {
        DfStatement::Statement(inner) if matches!(*inner, SqlStatement::Query(_)) => QueryText::of(*inner),
        other => Err(refused(&other.to_string())),
    }
}

fn plain(statement: SqlStatement) -> Result<Kind, PlanError> {
    Ok(match statement {
        SqlStatement::Query(_) => Kind::Query(QueryText::of(statement)?),
        SqlStatement::CreateView(create) => view(create)?,
        SqlStatement::CreateTable(create) => kept_table(create)?,
        SqlStatement::Drop { object_type: ObjectType::Table | ObjectType::View, if_exists, names, .. } => {
            Kind::Drop { names: names.iter().map(name).collect::<Result<_, _>>()?, if_exists }
        }
        SqlStatement::ShowTables { .. } => Kind::ShowTables,
        SqlStatement::ExplainTable { table_name, .. } => {
            Kind::Describe(query(parsed(&format!("SELECT * FROM {table_name}"))?)?)
        }
        other => return Err(refused(&other.to_string())),
    })
}

/// All rows of a table of the catalog.
pub(crate) fn select_all(name: &str) -> Result<QueryText, PlanError> {
    query(parsed(&format!("SELECT * FROM \"{}\"", name.replace('"', "\"\"")))?)
}

fn parsed(sql: &str) -> Result<DfStatement, PlanError> {
    let parsed = DFParserBuilder::new(sql).build().and_then(|mut parser| parser.parse_statements());
    let first = parsed.map_err(PlanError::parse)?.pop_front();
    first.ok_or_else(|| PlanError::Internal(format!("{sql} is no statement")))
}

/// The name of a table or view, which has no schema before it.
fn name(name: &ObjectName) -> Result<String, PlanError> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(folded),
        _ => None,
    }
    .ok_or_else(|| PlanError::Statement(format!("{name}: name tables and views with one word")))
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn view(create: CreateView) -> Result<Kind, PlanError> {
    if create.materialized {
        return Err(PlanError::Statement("a materialized view is not kept anywhere; write CREATE VIEW".into()));
    }
    if !create.columns.is_empty() {
        let message = format!("view {}: name its columns in the SELECT list, with AS", create.name);
        return Err(PlanError::Statement(message));
    }
    let name = name(&create.name)?;
    let entry = Entry::View(QueryText::of(SqlStatement::Query(create.query))?);
    Ok(Kind::Create { name, entry, or_replace: create.or_replace, if_not_exists: create.if_not_exists })
}

/// `CREATE TABLE … AS`: other tables hold no rows of ours.
fn kept_table(create: CreateTable) -> Result<Kind, PlanError> {
    let refuse = |reason: &str| PlanError::Statement(format!("create table {}: {reason}", create.name));
    let Some(query) = create.query else {
        return Err(refuse("say what is in it: CREATE TABLE … AS SELECT …; of files, CREATE EXTERNAL TABLE makes one"));
    };
    if !create.columns.is_empty() {
        return Err(refuse("name its columns in the SELECT list, with AS, and CAST them to their types"));
    }
    let (or_replace, if_not_exists) = (create.or_replace, create.if_not_exists);
    let query = QueryText::of(SqlStatement::Query(query))?;
    Ok(Kind::Keep { name: name(&create.name)?, query, or_replace, if_not_exists })
}

fn copy(statement: CopyToStatement) -> Result<Kind, PlanError> {
    let refuse = |reason: String| PlanError::Statement(format!("copy to {}: {reason}", statement.target));
    let query = match statement.source {
        CopyToSource::Query(inner) => QueryText::of(SqlStatement::Query(inner))?,
        CopyToSource::Relation(name) => query(parsed(&format!("SELECT * FROM {name}"))?)?,
    };
    let target = statement.target.trim_end_matches('/');
    let extension = target.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let format = match &statement.stored_as {
        Some(name) => RowFormat::named(name).ok_or_else(|| refuse(format!("STORED AS {name}: {FORMATS}")))?,
        None => extension.and_then(RowFormat::named).ok_or_else(|| refuse(format!("say STORED AS: {FORMATS}")))?,
    };
    let mut options: Vec<(String, OptionValue)> = Vec::new();
    for (name, value) in statement.options {
        let value = option_value(value).ok_or_else(|| refuse(format!("option {name} takes a constant")))?;
        options.push((name, value));
    }
    let output = OutputSpec::new(&statement.target, format, statement.partitioned_by, &options).map_err(refuse)?;
    Ok(Kind::Copy { query, output })
}

/// What files of rows can be, for messages.
const FORMATS: &str = "bobbin writes CSV, JSON, ARROW and PARQUET";

fn external_table(create: CreateExternalTable) -> Result<Kind, PlanError> {
    let name = name(&create.name)?;
    let refuse = |reason: String| PlanError::Statement(format!("create table {name}: {reason}"));
    let format = match create.file_type.to_uppercase().as_str() {
        "CSV" | "TSV" => FileFormat::Csv,
        "JSON" | "NDJSON" | "JSONL" => FileFormat::Json,
        other => return Err(refuse(format!("STORED AS {other}: bobbin reads CSV and JSON"))),
    };
    if !create.order_exprs.is_empty() || create.unbounded || !create.constraints.is_empty() {
        return Err(refuse("WITH ORDER, UNBOUNDED and constraints say what no reader of text files can check".into()));
    }
    let mut options: Vec<(String, OptionValue)> = Vec::new();
    if create.file_type.eq_ignore_ascii_case("TSV") {
        options.push(("sep".into(), "\t".into()));
    }
    if !create.columns.is_empty() {
        let columns: Vec<String> = create.columns.iter().map(|column| column.to_string()).collect();
        options.push(("columns".into(), columns.join(", ").into()));
    }
    if !create.table_partition_cols.is_empty() {
        options.push(("hive_partitioning".into(), true.into()));
    }
    for (name, value) in create.options {
        let value = option_value(value).ok_or_else(|| refuse(format!("option {name} takes a constant")))?;
        options.push((name, value));
    }
    let source = Source::new(create.locations, Some(format), options).map_err(|error| refuse(error.to_string()))?;
    let entry = Entry::Table(source);
    Ok(Kind::Create { name, entry, or_replace: create.or_replace, if_not_exists: create.if_not_exists })
}

fn option_value(value: Value) -> Option<OptionValue> {
    value_of(&Expr::value(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(sql: &str) -> String {
        one_query(sql).unwrap_err().to_string()
    }

    #[test]
    fn refuses_what_it_does_not_run() {
        for (sql, part) in [
            ("", "is empty"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("INSERT INTO x VALUES (1)", "INSERT is not a statement"),
            ("CREATE TABLE x (a INT)", "CREATE TABLE … AS SELECT"),
            ("CREATE TABLE x (a INT) AS SELECT 1", "in the SELECT list"),
            ("CREATE MATERIALIZED VIEW x AS SELECT 1", "CREATE VIEW"),
            ("CREATE EXTERNAL TABLE t STORED AS ORC LOCATION 'x'", "CSV and JSON"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x' OPTIONS ('colour' 'red')", "no option colour"),
            ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x' STORED AS CSV", "explain its query"),
            ("SELEC 1", "the query"),
        ] {
            let message = refusal(sql);
            assert!(message.contains(part), "{sql}: {message}");
        }
    }

    #[test]
    fn catalogs_know_names() {
        let mut catalog = Catalog::default();
        let script =
            "CREATE EXTERNAL TABLE Trips STORED AS CSV LOCATION 'trips.csv' OPTIONS ('format.has_header' 'false');
                      CREATE VIEW v AS SELECT * FROM trips; SELECT * FROM v";
        for statement in Statement::parse(script).unwrap() {
            match statement.kind {
                Kind::Create { name, entry, or_replace, if_not_exists } => {
                    assert!(catalog.create(&name, entry, (or_replace, if_not_exists)).unwrap());
                }
                _ => assert_eq!(statement.paths(&catalog).unwrap(), ["trips.csv"]),
            }
        }
        assert_eq!(catalog.names().collect::<Vec<_>>(), [("trips", "table"), ("v", "view")]);
        assert!(catalog.drop("w", false).unwrap_err().to_string().contains("no such table"));
        assert!(
            one_query("SELECT * FROM w").unwrap().paths(&catalog).unwrap_err().to_string().contains("FROM 'w.csv'")
        );
    }
}
