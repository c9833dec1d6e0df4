//! Lets queries name columns without regard to case: SQL folds `VendorID` to `vendorid`, and CSV headers are often
//! written with capitals. An unquoted name that fits exactly one column but for case is replaced by that column's name.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's expressions are foreign and many")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, VisitMut, VisitorMut};

/// Replaces names of columns in `statement`.
pub(crate) fn respell<'a>(statement: &mut Statement, schemas: impl Iterator<Item = &'a SchemaRef>) {
    let mut aliases = Aliases::default();
    let _ = statement.visit(&mut aliases);
    let mut speller = Speller { spellings: spellings(schemas, &aliases.0) };
    if !speller.spellings.is_empty() {
        let _ = statement.visit(&mut speller);
    }
}

/// Spellings by folded name, of columns that folding would hide.
fn spellings<'a>(schemas: impl Iterator<Item = &'a SchemaRef>, aliases: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut by_folded: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for schema in schemas {
        for field in schema.fields() {
            by_folded.entry(field.name().to_lowercase()).or_default().insert(field.name());
        }
    }
    by_folded
        .into_iter()
        .filter(|(folded, _)| !aliases.contains(folded))
        .filter_map(|(folded, names)| match Vec::from_iter(names).as_slice() {
            [only] if *only != folded => Some((folded, (*only).to_owned())),
            _ => None,
        })
        .collect()
}

/// Collects the names that the query gives itself: they mean its own expressions.
#[derive(Default)]
struct Aliases(BTreeSet<String>);

impl VisitorMut for Aliases {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.0.insert(alias.value.to_lowercase());
            }
        }
        ControlFlow::Continue(())
    }
}

struct Speller {
    spellings: BTreeMap<String, String>,
}

impl Speller {
    fn respell(&self, ident: &mut Ident) {
        if ident.quote_style.is_none()
            && let Some(spelling) = self.spellings.get(&ident.value.to_lowercase())
        {
            *ident = Ident::with_quote('"', spelling);
        }
    }
}

impl VisitorMut for Speller {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(ident) => self.respell(ident),
            Expr::CompoundIdentifier(parts) => parts.iter_mut().skip(1).for_each(|part| self.respell(part)),
            _ => {}
        }
        ControlFlow::Continue(())
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
        respell(&mut statement, [&schema].into_iter());
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
        assert_eq!(respelled("SELECT count(*) AS n FROM t ORDER BY n"), "SELECT count(*) AS n FROM t ORDER BY n");
    }
}
