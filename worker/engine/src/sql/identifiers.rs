//! Lets queries name columns without regard to case: SQL folds `VendorID` to `vendorid`, and CSV headers are often
//! written with capitals. An unquoted name that fits exactly one column but for case is replaced by that column's name.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's expressions are foreign and many")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement,
    TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use crate::sql::scopes::{self, Known, Listed, Scope, folded};

/// Replaces names of columns in `statement`, whose tables have these names and columns.
pub(crate) fn respell<'a>(statement: &mut Statement, tables: impl Iterator<Item = (&'a str, &'a SchemaRef)>) {
    let tables: Vec<_> = tables.collect();
    let spellings = spellings(tables.iter().map(|(_, schema)| *schema));
    if spellings.is_empty() {
        return;
    }
    let columns = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().to_lowercase()).collect();
    let tables = tables.iter().map(|(name, schema)| (name.to_lowercase(), columns(schema))).collect();
    let known = vec![Known { tables, ..Known::default() }];
    let _ = statement.visit(&mut Speller { spellings, known, scopes: Vec::new() });
}

/// Spellings by folded name, of columns that folding would hide.
fn spellings<'a>(schemas: impl Iterator<Item = &'a SchemaRef>) -> BTreeMap<String, String> {
    let mut by_folded: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for schema in schemas {
        for field in schema.fields() {
            by_folded.entry(field.name().to_lowercase()).or_default().insert(field.name());
        }
    }
    by_folded
        .into_iter()
        .filter_map(|(folded, names)| match Vec::from_iter(names).as_slice() {
            [only] if *only != folded => Some((folded, (*only).to_owned())),
            _ => None,
        })
        .collect()
}

/// Goes through a statement from the outside to the inside.
struct Speller {
    spellings: BTreeMap<String, String>,
    /// What is known outside and, on top, in the query at hand.
    known: Vec<Known>,
    /// What the queries around the place at hand see, outermost first.
    scopes: Vec<Scope>,
}

impl Speller {
    fn respell(&self, qualifier: Option<&str>, ident: &mut Ident) {
        if ident.quote_style.is_none()
            && let Some(spelling) = self.spellings.get(&folded(ident))
            && !self.is_given(qualifier, ident, spelling)
        {
            *ident = Ident::with_quote('"', spelling);
        }
    }

    /// Whether a name means something that the query named itself. What the SELECT list gives is seen by ORDER BY and
    /// HAVING only, where the column's own spelling still means the column.
    fn is_given(&self, qualifier: Option<&str>, ident: &Ident, spelling: &str) -> bool {
        let name = folded(ident);
        for scope in self.scopes.iter().rev() {
            let written = scope.listed(&name).filter(|_| qualifier.is_none());
            if written.is_some_and(|written| ident.value != spelling || ident.value == written) {
                return true;
            }
            if let Some(given) = scope.is_given(qualifier, &name) {
                return given;
            }
        }
        false
    }

    fn known(&self) -> &Known {
        static NOTHING: Known = Known { tables: BTreeMap::new(), expressions: BTreeMap::new() };
        self.known.last().unwrap_or(&NOTHING)
    }

    /// The columns of USING are names, not expressions.
    fn respell_using(&self, table: &mut TableWithJoins) {
        for join in &mut table.joins {
            if let Some(JoinConstraint::Using(columns)) = constraint(&mut join.join_operator) {
                columns.iter_mut().for_each(|column| self.respell_name(column));
            }
        }
    }

    fn respell_name(&self, name: &mut ObjectName) {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice() {
            self.respell(None, ident);
        }
    }
}

impl VisitorMut for Speller {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut known = self.known().clone();
        for expression in query.with.iter().flat_map(|with| &with.cte_tables) {
            let (name, names) = scopes::of_expression(expression, &known);
            known.expressions.insert(name, names);
        }
        // Its own ORDER BY sees what its SELECT list gives.
        let scope = match query.body.as_ref() {
            SetExpr::Select(select) => Scope::of(select, &known).with_listed(scopes::listed(select)),
            _ => Scope::default(),
        };
        self.known.push(known);
        self.scopes.push(scope);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.known.pop();
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let scope = Scope::of(select, self.known());
        let listed = scopes::listed(select);
        self.scopes.push(scope.clone().with_listed(listed.clone()));
        for late in [&mut select.having, &mut select.qualify].into_iter().flatten() {
            let _ = late.visit(self);
            let _ = late.visit(&mut Quoter { listed: &listed });
        }
        self.scopes.pop();
        self.scopes.push(scope);
        select.from.iter_mut().for_each(|table| self.respell_using(table));
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            self.respell_using(table_with_joins);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(ident) => self.respell(None, ident),
            Expr::CompoundIdentifier(parts) => {
                let qualifier = parts.first().map(folded);
                parts.iter_mut().skip(1).for_each(|part| self.respell(qualifier.as_deref(), part));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Quotes names that a SELECT list gives, as SQL folds them: they are settled.
struct Quoter<'a> {
    listed: &'a Listed,
}

impl VisitorMut for Quoter<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(ident) = expression
            && ident.quote_style.is_none()
            && self.listed.contains_key(&folded(ident))
        {
            *ident = Ident::with_quote('"', folded(ident));
        }
        ControlFlow::Continue(())
    }
}

/// What a join compares.
fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn respelled(sql: &str) -> String {
        let fields: Vec<Field> =
            ["VendorID", "plain", "N"].iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let mut statement = Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0);
        respell(&mut statement, [("t", &schema)].into_iter());
        statement.to_string()
    }

    #[test]
    fn spells_columns_as_the_file_does() {
        assert_eq!(respelled("SELECT vendorid, t.VendorID FROM t"), "SELECT \"VendorID\", t.\"VendorID\" FROM t");
        assert_eq!(respelled("SELECT plain FROM t"), "SELECT plain FROM t");
        assert_eq!(respelled("SELECT \"vendorid\" FROM t"), "SELECT \"vendorid\" FROM t");
        assert_eq!(
            respelled("SELECT max(VENDORID) FROM t GROUP BY plain ORDER BY vendorID"),
            "SELECT max(\"VendorID\") FROM t GROUP BY plain ORDER BY \"VendorID\""
        );
    }

    #[test]
    fn leaves_names_that_the_query_gives() {
        for sql in [
            "SELECT count(*) AS n FROM t ORDER BY n",
            "SELECT count(*) AS n FROM t GROUP BY plain HAVING \"n\" > 2 ORDER BY n",
            "WITH x (vendorid) AS (SELECT plain FROM t) SELECT vendorid, x.vendorid FROM x",
            "SELECT vendorid FROM (VALUES (1)) u (vendorid)",
            "SELECT y.n FROM (SELECT * FROM (SELECT plain AS n FROM t) AS z) AS y WHERE n > 1",
            "SELECT a FROM t AS u (a, n) WHERE n > 1 AND u.n > 2",
        ] {
            assert_eq!(respelled(sql), sql);
        }
        assert_eq!(
            respelled("SELECT count(*) AS n FROM t HAVING n > 2"),
            "SELECT count(*) AS n FROM t HAVING \"n\" > 2"
        );
    }

    #[test]
    fn a_given_name_hides_no_column_elsewhere() {
        assert_eq!(respelled("SELECT sum(N) AS n FROM t WHERE n > 2"), "SELECT sum(\"N\") AS n FROM t WHERE \"N\" > 2");
        assert_eq!(
            respelled("SELECT sum(n) AS n FROM t HAVING sum(N) > 2 ORDER BY n"),
            "SELECT sum(\"N\") AS n FROM t HAVING sum(\"N\") > 2 ORDER BY n"
        );
        assert_eq!(
            respelled("SELECT t.n, u.n FROM t JOIN (SELECT 1 AS n) AS u ON t.N = u.n"),
            "SELECT t.\"N\", u.n FROM t JOIN (SELECT 1 AS n) AS u ON t.\"N\" = u.n"
        );
        assert_eq!(
            respelled("SELECT (SELECT max(n) FROM t) FROM (SELECT 1 AS n) AS u"),
            "SELECT (SELECT max(\"N\") FROM t) FROM (SELECT 1 AS n) AS u"
        );
    }

    #[test]
    fn joins_by_name_are_spelled_too() {
        assert_eq!(
            respelled("SELECT 1 FROM t JOIN t AS u USING(vendorid, plain)"),
            "SELECT 1 FROM t JOIN t AS u USING(\"VendorID\", plain)"
        );
    }
}
