//! Outer joins with `USING` or `NATURAL`: a shared column is that of either side, and the planner takes it of one. What
//! would be wrong is refused.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's joins are foreign and many")]

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Statement, Visit, Visitor,
};

use crate::error::PlanError;

/// Refuses joins whose shared columns would be those of the wrong side.
pub(super) fn check(statement: &Statement) -> Result<(), PlanError> {
    match statement.visit(&mut Joins) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Joins;

impl Visitor for Joins {
    type Break = PlanError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<PlanError> {
        of_body(&query.body)
    }
}

fn of_body(body: &SetExpr) -> ControlFlow<PlanError> {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            of_body(left)?;
            of_body(right)
        }
        // Queries in parentheses are visited as queries.
        _ => ControlFlow::Continue(()),
    }
}

fn of_select(select: &Select) -> ControlFlow<PlanError> {
    let takes_all = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    for join in select.from.iter().flat_map(|table| &table.joins) {
        let (constraint, kind) = match &join.join_operator {
            JoinOperator::FullOuter(constraint) => (constraint, "FULL"),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (constraint, "RIGHT"),
            // The planner finds a shared column on the left side; only of * it takes the first by name.
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) if takes_all => (constraint, "LEFT"),
            _ => continue,
        };
        if matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural) {
            return ControlFlow::Break(PlanError::Statement(format!(
                "{kind} JOIN with USING or NATURAL: a shared column would be that of one side, and NULL where only the \
                 other has a row; write ON l.id = r.id, and name the columns: coalesce(l.id, r.id) AS id"
            )));
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use crate::sql::one_query;

    #[test]
    fn shared_columns_are_those_of_the_right_side_or_refused() {
        for (sql, is_right) in [
            ("SELECT * FROM 'a' a JOIN 'b' b USING (id)", true),
            ("SELECT id, n FROM 'a' a LEFT JOIN 'b' b USING (id)", true),
            ("SELECT * FROM 'a' a FULL JOIN 'b' b ON a.id = b.id", true),
            ("SELECT * FROM 'b' b LEFT JOIN 'a' a USING (id)", false),
            ("SELECT id FROM 'a' a FULL JOIN 'b' b USING (id)", false),
            ("SELECT 1 UNION ALL (SELECT id FROM 'a' a NATURAL RIGHT JOIN 'b' b)", false),
            ("SELECT count(*) FROM (SELECT id FROM 'a' a RIGHT JOIN 'b' b USING (id))", false),
        ] {
            let refused = one_query(sql).err().map(|error| error.to_string());
            assert_eq!(refused.is_none(), is_right, "{sql}: {refused:?}");
            assert!(refused.is_none_or(|message| message.contains("coalesce")), "{sql}");
        }
    }
}
