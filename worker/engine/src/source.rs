//! The text of a query before any planning: is it one query, and which tables does it name?
//!
//! A table is a path in single quotes (`FROM 'trips.csv'`, a directory, a pattern, a URL) or a call of `read_csv`.
//! Both are replaced by a quoted name, under which the planner registers the table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

use crate::error::PlanError;
use crate::read_csv::{self, CsvSource};

/// A table as the text of a query names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// The path, directory, glob or URL as written.
    pub path: String,
}

impl TableName {
    /// The scheme of the path, such as `hdfs`; `None` for a plain path.
    pub fn scheme(&self) -> Option<&str> {
        scheme(&self.path)
    }
}

/// The scheme of a path, such as `hdfs`; `None` for a plain path.
pub(crate) fn scheme(path: &str) -> Option<&str> {
    let (scheme, rest) = path.split_once(':')?;
    let is_word = !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+');
    (is_word && (rest.starts_with("//") || scheme == "file")).then_some(scheme)
}

/// One query, and the tables that it names.
#[derive(Debug)]
pub(crate) struct Request {
    /// The query; every table is a quoted name.
    pub statement: Statement,
    /// Whether only the plan is wanted.
    pub explain: bool,
    /// Sources by the names under which the statement uses them.
    pub sources: BTreeMap<String, CsvSource>,
}

impl Request {
    /// Parses a text that has to hold one query.
    pub fn parse(sql: &str) -> Result<Self, PlanError> {
        let (mut statement, explain) = one_query(sql)?;
        let mut sources = BTreeMap::new();
        let mut rewriter = Rewriter { sources: &mut sources, functions: BTreeSet::new(), quoted: BTreeSet::new() };
        if let Statement::Statement(inner) = &mut statement
            && let ControlFlow::Break(error) = inner.visit(&mut rewriter)
        {
            return Err(error);
        }
        let Rewriter { functions, quoted, .. } = rewriter;
        let (relations, _) = resolve_table_references(&statement, true).map_err(PlanError::plan)?;
        for relation in relations {
            if functions.contains(relation.table()) || sources.contains_key(relation.table()) {
                continue;
            }
            let path = path_of(&relation, &quoted)?;
            sources.insert(path.clone(), CsvSource::at(path));
        }
        Ok(Self { statement, explain, sources })
    }
}

/// The only statement of the text, if it is a query; and whether it was explained only.
fn one_query(sql: &str) -> Result<(Statement, bool), PlanError> {
    let parsed = DFParserBuilder::new(sql).build().and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(PlanError::parse)?;
    let Some(statement) = statements.pop_front() else {
        return Err(PlanError::Statement("the query is empty; write one SELECT".into()));
    };
    if !statements.is_empty() {
        let count = statements.len() + 1;
        return Err(PlanError::Statement(format!("the text holds {count} statements; write one query at a time")));
    }
    match statement {
        Statement::Explain(explain) if explain.options.analyze => {
            Err(PlanError::Statement("EXPLAIN ANALYZE is not supported; use EXPLAIN, or run the query with -v".into()))
        }
        Statement::Explain(explain) => Ok((only_query(*explain.statement)?, true)),
        Statement::Statement(_) | Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {
            Ok((only_query(statement)?, false))
        }
    }
}

fn only_query(statement: Statement) -> Result<Statement, PlanError> {
    if let Statement::Statement(inner) = &statement
        && matches!(inner.as_ref(), SqlStatement::Query(_))
    {
        return Ok(statement);
    }
    let text = statement.to_string();
    let word = text.split_whitespace().next().unwrap_or("this").to_uppercase();
    Err(PlanError::Statement(format!("{word} is not a query; bobbin runs SELECT, WITH, VALUES and EXPLAIN")))
}

/// The path that a table's name means.
fn path_of(relation: &TableReference, quoted: &BTreeSet<String>) -> Result<String, PlanError> {
    let TableReference::Bare { table } = relation else {
        let written = relation.to_string();
        return Err(PlanError::Statement(format!(
            "{written} is not a table; put the path in quotes: FROM '{written}'"
        )));
    };
    let looks_like_path = table.contains(['/', '.', '*']);
    if quoted.contains(table.as_ref()) || looks_like_path {
        return Ok(table.to_string());
    }
    Err(PlanError::Statement(format!(
        "there is no table {table}; a table is a path in quotes, as in FROM '{table}.csv'"
    )))
}

/// Replaces calls of `read_csv` by names, and remembers which names were in single quotes.
struct Rewriter<'a> {
    sources: &'a mut BTreeMap<String, CsvSource>,
    functions: BTreeSet<String>,
    quoted: BTreeSet<String>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = PlanError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PlanError> {
        let TableFactor::Table { name, args, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(function) = args else {
            return ControlFlow::Continue(());
        };
        let called = name.to_string().to_lowercase();
        if called != "read_csv" {
            self.functions.insert(called);
            return ControlFlow::Continue(());
        }
        let source = match read_csv::parse(&function.args) {
            Ok(source) => source,
            Err(error) => return ControlFlow::Break(error),
        };
        let written: Vec<String> = function.args.iter().map(|argument| argument.to_string()).collect();
        let call = format!("read_csv({})", written.join(", "));
        *name = ObjectName::from(vec![Ident::with_quote('\'', call.clone())]);
        *args = None;
        self.sources.insert(call, source);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<PlanError> {
        if let [part] = relation.0.as_slice()
            && let Some(ident) = part.as_ident()
            && ident.quote_style == Some('\'')
        {
            self.quoted.insert(ident.value.clone());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(sql: &str) -> Vec<String> {
        Request::parse(sql).unwrap().sources.into_values().map(|source| source.path).collect()
    }

    fn refusal(sql: &str) -> String {
        Request::parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn finds_quoted_paths() {
        assert_eq!(paths("SELECT * FROM 'trips.csv'"), ["trips.csv"]);
        assert_eq!(paths("SELECT 1"), Vec::<String>::new());
        assert_eq!(paths("SELECT a FROM 'hdfs:///d/*.csv' JOIN 'dir' USING (a)"), ["dir", "hdfs:///d/*.csv"]);
        assert_eq!(paths("WITH t AS (SELECT * FROM \"x.csv\") SELECT * FROM t"), ["x.csv"]);
        assert_eq!(paths("SELECT (SELECT max(b) FROM 'Inner.csv') FROM 'Outer.csv' o"), ["Inner.csv", "Outer.csv"]);
        assert_eq!(paths("EXPLAIN SELECT * FROM 'a.csv'"), ["a.csv"]);
        assert_eq!(paths("SELECT * FROM generate_series(1, 3)"), Vec::<String>::new());
    }

    #[test]
    fn finds_calls_of_read_csv() {
        assert_eq!(paths("SELECT * FROM read_csv('a b.csv', header => false) t WHERE t.x > 1"), ["a b.csv"]);
        assert_eq!(paths("SELECT * FROM READ_CSV('a.csv') AS t JOIN read_csv('a.csv') AS u USING (x)"), ["a.csv"]);
    }

    #[test]
    fn refuses_what_is_not_one_query() {
        for (sql, part) in [
            ("", "is empty"),
            ("SELECT 1; SELECT 2", "2 statements"),
            ("DROP TABLE x", "DROP is not a query"),
            ("INSERT INTO x VALUES (1)", "INSERT is not a query"),
            ("CREATE TABLE x (a INT)", "CREATE is not a query"),
            ("COPY t TO 'x'", "COPY is not a query"),
            ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE"),
            ("SELECT * FROM trips", "FROM 'trips.csv'"),
            ("SELECT * FROM trips.csv", "FROM 'trips.csv'"),
            ("SELEC 1", "the query"),
        ] {
            let message = refusal(sql);
            assert!(message.contains(part), "{sql}: {message}");
        }
    }

    #[test]
    fn tells_schemes() {
        let scheme_of = |path: &str| TableName { path: path.into() }.scheme().map(str::to_owned);
        assert_eq!(scheme_of("hdfs:///a").as_deref(), Some("hdfs"));
        assert_eq!(scheme_of("file:/a").as_deref(), Some("file"));
        assert_eq!(scheme_of("a/b:c.csv"), None);
        assert_eq!(scheme_of("trips.csv"), None);
    }
}
