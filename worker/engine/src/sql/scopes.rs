//! Which names a part of a query sees: the columns of tables, or the names that the query gave itself.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's nodes are foreign and many")]

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{
    Cte, Ident, ObjectName, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins,
};

/// Names without regard to case.
pub(crate) type Names = BTreeSet<String>;

/// Names that a SELECT list gives, folded and as they are written.
pub(crate) type Listed = BTreeMap<String, String>;

/// A name without regard to case.
pub(crate) fn folded(ident: &Ident) -> String {
    ident.value.to_lowercase()
}

/// Tables and common table expressions by name, with what they offer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Columns of tables, folded.
    pub tables: BTreeMap<String, Names>,
    /// Names that common table expressions give to their columns, folded.
    pub expressions: BTreeMap<String, Names>,
}

/// What one source of a FROM clause offers.
#[derive(Clone, Debug)]
enum Offer {
    /// Columns of a table, spelled as in its file.
    Columns(Names),
    /// Names that the query gave.
    Given(Names),
}

/// What an expression sees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    by_alias: BTreeMap<String, Offer>,
    unnamed: Vec<Offer>,
    /// Names that the SELECT list gives, where they are seen.
    listed: Listed,
}

impl Scope {
    /// What the expressions of `select` see in its FROM clause.
    pub fn of(select: &Select, known: &Known) -> Self {
        let mut scope = Self::default();
        for table in &select.from {
            scope.add_joined(table, known);
        }
        scope
    }

    /// The same, for clauses that see what the SELECT list gives.
    pub fn with_listed(mut self, listed: Listed) -> Self {
        self.listed = listed;
        self
    }

    /// How the SELECT list writes the name that it gives, if it gives this one.
    pub fn listed(&self, name: &str) -> Option<&str> {
        self.listed.get(name).map(String::as_str)
    }

    /// Whether a name is one that the query gave itself; `None` if this scope does not know it.
    pub fn is_given(&self, qualifier: Option<&str>, name: &str) -> Option<bool> {
        if let Some(qualifier) = qualifier {
            return self
                .by_alias
                .get(qualifier)
                .map(|offer| matches!(offer, Offer::Given(names) if names.contains(name)));
        }
        let mut given = None;
        for offer in self.by_alias.values().chain(&self.unnamed) {
            match offer {
                Offer::Columns(names) if names.contains(name) => return Some(false),
                Offer::Given(names) if names.contains(name) => given = Some(true),
                Offer::Columns(_) | Offer::Given(_) => {}
            }
        }
        given
    }

    fn add_joined(&mut self, table: &TableWithJoins, known: &Known) {
        let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
        for factor in factors {
            self.add(factor, known);
        }
    }

    fn add(&mut self, factor: &TableFactor, known: &Known) {
        match factor {
            TableFactor::Table { name, alias, .. } => self.offer(alias.as_ref(), named(name), table(name, known)),
            TableFactor::Derived { subquery, alias, .. } => {
                self.offer(alias.as_ref(), None, Offer::Given(given(subquery, known)));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.add_joined(table_with_joins, known),
            _ => {}
        }
    }

    fn offer(&mut self, alias: Option<&TableAlias>, name: Option<String>, offer: Offer) {
        let renamed: Names = alias.iter().flat_map(|alias| &alias.columns).map(|column| folded(&column.name)).collect();
        let offer = if renamed.is_empty() { offer } else { Offer::Given(renamed) };
        match alias.map(|alias| folded(&alias.name)).or(name) {
            Some(name) => drop(self.by_alias.insert(name, offer)),
            None => self.unnamed.push(offer),
        }
    }

    /// All names that the query gave and that this scope sees.
    fn all_given(&self) -> Names {
        let offers = self.by_alias.values().chain(&self.unnamed);
        offers
            .filter_map(|offer| if let Offer::Given(names) = offer { Some(names) } else { None })
            .flatten()
            .cloned()
            .collect()
    }
}

/// The names that the columns of a common table expression get.
pub(crate) fn of_expression(expression: &Cte, known: &Known) -> (String, Names) {
    let columns: Names = expression.alias.columns.iter().map(|column| folded(&column.name)).collect();
    let names = if columns.is_empty() { given(&expression.query, known) } else { columns };
    (folded(&expression.alias.name), names)
}

/// The names that a SELECT list gives.
pub(crate) fn listed(select: &Select) -> Listed {
    let alias = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some((folded(alias), alias.value.clone())),
        _ => None,
    };
    select.projection.iter().filter_map(alias).collect()
}

/// The names that a query gives to its columns, or passes on from below.
fn given(query: &Query, known: &Known) -> Names {
    match &query.with {
        None => given_by(&query.body, known),
        Some(with) => {
            let mut inner = known.clone();
            for expression in &with.cte_tables {
                let (name, names) = of_expression(expression, &inner);
                inner.expressions.insert(name, names);
            }
            given_by(&query.body, &inner)
        }
    }
}

fn given_by(body: &SetExpr, known: &Known) -> Names {
    match body {
        SetExpr::Select(select) => {
            let mut names = Scope::of(select, known).all_given();
            names.extend(listed(select).into_keys());
            names
        }
        SetExpr::Query(query) => given(query, known),
        SetExpr::SetOperation { left, .. } => given_by(left, known),
        _ => Names::new(),
    }
}

/// What a table or a common table expression offers.
fn table(name: &ObjectName, known: &Known) -> Offer {
    let Some(name) = named(name) else {
        return Offer::Given(Names::new());
    };
    match (known.expressions.get(&name), known.tables.get(&name)) {
        (Some(names), _) => Offer::Given(names.clone()),
        (None, Some(names)) => Offer::Columns(names.clone()),
        (None, None) => Offer::Given(Names::new()),
    }
}

fn named(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(folded)
}
