//! One question, several times: with splits of different sizes, printed in both formats.

use integration::oracle::{Format, Oracle, Order, Ours, Table, compare};
use integration::skip;

/// One question.
pub struct Case {
    /// bobbin's words, with `{table}` for tables. Every column of the answer has a name.
    pub sql: &'static str,
    /// DuckDB's words, where they are others.
    pub duckdb: Option<&'static str>,
    /// pandas' words.
    pub pandas: Option<&'static str>,
    /// Whether the question orders its answer completely.
    pub order: Order,
}

impl Case {
    /// A question whose answer may come in any order.
    pub const fn of(sql: &'static str) -> Case {
        Case { sql, duckdb: None, pandas: None, order: Order::Any }
    }

    /// A question that orders its answer completely.
    pub const fn ordered(sql: &'static str) -> Case {
        Case { sql, duckdb: None, pandas: None, order: Order::Total }
    }

    /// DuckDB is asked in other words.
    pub const fn duckdb(self, words: &'static str) -> Case {
        Case { duckdb: Some(words), ..self }
    }

    /// pandas is asked too.
    pub const fn pandas(self, words: &'static str) -> Case {
        Case { pandas: Some(words), ..self }
    }
}

/// bobbin, the others, and the sizes of splits to ask with.
pub struct Place {
    ours: Ours,
    pub oracle: Oracle,
    runs: Vec<(&'static str, Format)>,
}

impl Place {
    /// `None`, after saying why, where there are no other engines.
    pub fn new(tables: &[Table], runs: &[(&'static str, Format)]) -> Option<Place> {
        let mut oracle = match Oracle::start() {
            Ok(oracle) => oracle,
            Err(reason) => {
                skip(&reason);
                return None;
            }
        };
        oracle.load(tables).unwrap();
        Some(Place { ours: Ours::find().unwrap(), oracle, runs: runs.to_vec() })
    }

    /// What is wrong with bobbin's answers to one question; the right answer's number of rows, too.
    pub fn ask(&mut self, case: &Case) -> Result<usize, String> {
        let expected = self.oracle.duckdb(case.duckdb.unwrap_or(case.sql))?;
        if let Some(words) = case.pandas {
            let other = self.oracle.pandas(words)?;
            compare(&expected, &other, case.order).map_err(|reason| format!("pandas and DuckDB differ: {reason}"))?;
        }
        for &(split, format) in &self.runs {
            let found = self.ours.ask(case.sql, self.oracle.tables(), (split, format), &expected.columns);
            found
                .and_then(|found| compare(&expected, &found, case.order))
                .map_err(|reason| format!("splits of {split}, {format:?}: {reason}"))?;
        }
        Ok(expected.rows.len())
    }

    /// Fails the test with everything that is wrong. Every answer has rows, or the question asks nothing.
    pub fn check(&mut self, cases: &[Case]) {
        let mut wrong = Vec::new();
        for case in cases {
            match self.ask(case) {
                Ok(0) => wrong.push(format!("{}\n    nothing is selected", case.sql)),
                Ok(_) => (),
                Err(reason) => wrong.push(format!("{}\n    {reason}", case.sql)),
            }
        }
        assert!(wrong.is_empty(), "{} of {} questions:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }
}
