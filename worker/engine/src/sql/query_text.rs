//! The tables that a query names.
//!
//! A table is a path in single quotes (`FROM 'trips.csv'`, a directory, a pattern, a URL), a call of one of our functions
//! (`read_csv` and its like), or a name that a catalog knows. Calls are replaced by quoted names, under which the planner
//! registers the table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

use crate::error::PlanError;
use crate::sql::call::Function;
use crate::sql::using;
use crate::tables::Source;

/// How many rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// As many as there are.
    All,
    /// The first ones.
    First(usize),
}

/// One query, and the tables that it names.
#[derive(Clone, Debug)]
pub(crate) struct QueryText {
    /// The query; every table is a quoted name.
    pub statement: SqlStatement,
    /// The tables that are calls of our functions, by the names under which the statement uses them.
    pub sources: BTreeMap<String, Source>,
    /// Everything else that it reads from, and whether the name stands in quotes.
    pub relations: Vec<(TableReference, bool)>,
}

impl QueryText {
    /// Finds the tables of a query.
    pub fn of(mut statement: SqlStatement) -> Result<Self, PlanError> {
        using::check(&statement)?;
        let mut sources = BTreeMap::new();
        let mut rewriter = Rewriter { sources: &mut sources, functions: BTreeSet::new(), quoted: BTreeSet::new() };
        if let ControlFlow::Break(error) = statement.visit(&mut rewriter) {
            return Err(error);
        }
        let Rewriter { functions, quoted, .. } = rewriter;
        let whole = DfStatement::Statement(Box::new(statement.clone()));
        let (found, _) = resolve_table_references(&whole, true).map_err(PlanError::plan)?;
        let is_ours =
            |relation: &TableReference| functions.contains(relation.table()) || sources.contains_key(relation.table());
        let with_quotes = |relation: TableReference| {
            let is_quoted = quoted.contains(relation.table());
            (relation, is_quoted)
        };
        let relations = found.into_iter().filter(|relation| !is_ours(relation)).map(with_quotes).collect();
        Ok(Self { statement, sources, relations })
    }

    /// The rows of its only table that it gives with all columns, if it is `SELECT * FROM table [LIMIT n]`.
    pub fn of_whole_table(&self) -> Option<Rows> {
        let text = self.statement.to_string();
        let rest = text.strip_prefix("SELECT * FROM ")?;
        let names = self.sources.keys().map(String::as_str);
        let name = names.chain(self.relations.iter().map(|(relation, _)| relation.table())).next()?;
        let quoted = |quote: char| format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")));
        let rest =
            [quoted('"'), quoted('\''), name.to_owned()].iter().find_map(|name| rest.strip_prefix(name.as_str()))?;
        match rest.strip_prefix(" LIMIT ") {
            None => rest.is_empty().then_some(Rows::All),
            Some(rows) => rows.parse().ok().map(Rows::First),
        }
    }

    /// The files that a name means which no catalog knows.
    pub fn file(relation: &TableReference, is_quoted: bool) -> Result<Source, PlanError> {
        let path = path_of(relation, is_quoted)?;
        let named = path.clone();
        Source::at(path).map_err(|error| PlanError::Statement(format!("read '{named}': {error}")))
    }
}

/// The path that a table's name means.
fn path_of(relation: &TableReference, is_quoted: bool) -> Result<String, PlanError> {
    let TableReference::Bare { table } = relation else {
        let written = relation.to_string();
        return Err(PlanError::Statement(format!(
            "{written} is not a table; put the path in quotes: FROM '{written}'"
        )));
    };
    let looks_like_path = table.contains(['/', '.', '*']);
    if is_quoted || looks_like_path {
        return Ok(table.to_string());
    }
    Err(PlanError::Statement(format!(
        "there is no table {table}; a table is a path in quotes, as in FROM '{table}.csv', or made by CREATE EXTERNAL \
         TABLE or CREATE VIEW"
    )))
}

/// Replaces calls of our functions by names, and remembers which names were in single quotes.
struct Rewriter<'a> {
    sources: &'a mut BTreeMap<String, Source>,
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
        let called = name.to_string();
        let Some(ours) = Function::named(&called) else {
            self.functions.insert(called.to_lowercase());
            return ControlFlow::Continue(());
        };
        let source = match ours.source(&function.args) {
            Ok(source) => source,
            Err(error) => return ControlFlow::Break(error),
        };
        let written: Vec<String> = function.args.iter().map(|argument| argument.to_string()).collect();
        let call = format!("{}({})", ours.name, written.join(", "));
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
    use crate::sql::Statement;

    use super::*;

    fn paths(sql: &str) -> Vec<String> {
        let mut paths = Statement::parse(sql).unwrap()[0].paths(&crate::sql::Catalog::default()).unwrap();
        paths.sort();
        paths
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
    fn finds_calls_of_our_functions() {
        assert_eq!(paths("SELECT * FROM read_csv('a b.csv', header => false) t WHERE t.x > 1"), ["a b.csv"]);
        assert_eq!(paths("SELECT * FROM READ_CSV('a.csv') AS t JOIN read_csv('a.csv') AS u USING (x)"), ["a.csv"]);
        assert_eq!(paths("SELECT * FROM read_json(['a', 'b'], strict => true)"), ["a", "b"]);
    }

    #[test]
    fn whole_tables_are_known() {
        for (sql, expected) in [
            ("select * from 'a''b.csv'", Some(Rows::All)),
            ("SELECT * FROM trips", Some(Rows::All)),
            ("SELECT * FROM \"Trips\" LIMIT 3", Some(Rows::First(3))),
            ("SELECT * FROM read_csv('a.csv', sep => ';') LIMIT 0", Some(Rows::First(0))),
            ("SELECT * FROM trips t", None),
            ("SELECT * FROM trips LIMIT 3 OFFSET 1", None),
            ("SELECT * FROM trips WHERE a > 1", None),
            ("SELECT * FROM a, b", None),
            ("SELECT a FROM trips", None),
            ("SELECT * FROM trips LIMIT 1 + 1", None),
        ] {
            assert_eq!(QueryText::parse(sql).unwrap().of_whole_table(), expected, "{sql}");
        }
    }
}
