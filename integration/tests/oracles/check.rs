//! One question, several times: on this machine with splits of fixed and of drawn sizes, printed in both formats, and on the
//! real cluster with its files in blocks of HDFS.

use std::borrow::Cow;

use integration::oracle::{Answer, Format, Manner, Oracle, Order, Ours, Question, Table, Value, compare};
use integration::{shared, skip};

use super::splits::Splits;

/// One question.
pub struct Case {
    /// bobbin's words, with `{table}` for tables. Every column of the answer has a name.
    pub sql: Cow<'static, str>,
    /// DuckDB's words, where they are others.
    pub duckdb: Option<&'static str>,
    /// pandas' words.
    pub pandas: Option<&'static str>,
    /// Whether the question orders its answer completely.
    pub order: Order,
}

impl Case {
    /// A question whose answer may come in any order.
    pub fn of(sql: impl Into<Cow<'static, str>>) -> Case {
        Case { sql: sql.into(), duckdb: None, pandas: None, order: Order::Any }
    }

    /// A question that orders its answer completely.
    pub fn ordered(sql: impl Into<Cow<'static, str>>) -> Case {
        Case { order: Order::Total, ..Case::of(sql) }
    }

    /// DuckDB is asked in other words.
    pub fn duckdb(self, words: &'static str) -> Case {
        Case { duckdb: Some(words), ..self }
    }

    /// pandas is asked too.
    pub fn pandas(self, words: &'static str) -> Case {
        Case { pandas: Some(words), ..self }
    }

    /// Compares with the right answer.
    fn compare(&self, expected: &Answer, found: Result<Answer, String>) -> Result<(), String> {
        found.and_then(|found| compare(expected, &found, self.order))
    }
}

/// Where questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legs {
    /// On this machine.
    Local,
    /// On the cluster too, where there can be one.
    Cluster,
}

/// bobbin, the others, and the sizes of splits to ask with.
pub struct Place {
    here: Ours,
    there: Option<Ours>,
    oracle: Oracle,
    splits: Splits,
    runs: Vec<Manner>,
}

impl Place {
    /// `None`, after saying why, where there are no other engines.
    pub fn new(tables: &[Table], runs: &[(&str, Format)]) -> Option<Place> {
        let mut oracle = match Oracle::start() {
            Ok(oracle) => oracle,
            Err(reason) => {
                skip(&reason);
                return None;
            }
        };
        oracle.load(tables).unwrap();
        let runs = runs.iter().map(|&(split, format)| Manner { split: split.to_owned(), format }).collect();
        let mut place = Place { here: Ours::find().unwrap(), there: None, oracle, splits: Splits::of(tables), runs };
        place.load(tables, Legs::Cluster);
        Some(place)
    }

    /// Other tables in place of those of the same names.
    pub fn load(&mut self, tables: &[Table], legs: Legs) {
        self.oracle.load(tables).unwrap();
        self.splits = Splits::of(tables);
        let cluster = if legs == Legs::Cluster { shared() } else { None };
        self.there = cluster.map(|cluster| Ours::on(cluster, self.oracle.tables()).unwrap());
    }

    /// The right answers to some questions, and everything that is wrong with bobbin's.
    pub fn ask(&mut self, cases: &[Case]) -> (Vec<Answer>, Vec<String>) {
        let (mut known, mut expected, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for case in cases {
            match self.right_answer(case) {
                Ok(answer) => {
                    known.push(case);
                    expected.push(answer);
                }
                Err(reason) => wrong.push(format!("{}\n    {reason}", case.sql)),
            }
        }
        let right: Vec<_> = known.into_iter().zip(&expected).collect();
        for manner in self.runs.clone() {
            wrong.extend(self.check_all(&self.here, &right, &manner, "here"));
        }
        wrong.extend(self.check_drawn(&right));
        if let Some(there) = &self.there {
            let manner = Manner { split: self.splits.draw(), format: self.runs[0].format };
            wrong.extend(self.check_all(there, &right, &manner, "on the cluster"));
        }
        (expected, wrong)
    }

    fn right_answer(&mut self, case: &Case) -> Result<Answer, String> {
        let expected = self.oracle.duckdb(case.duckdb.unwrap_or(&case.sql))?;
        if let Some(words) = case.pandas {
            let other = self.oracle.pandas(words)?;
            compare(&expected, &other, case.order).map_err(|reason| format!("pandas and DuckDB differ: {reason}"))?;
        }
        Ok(expected)
    }

    /// All questions in one script.
    fn check_all(&self, ours: &Ours, right: &[(&Case, &Answer)], manner: &Manner, place: &str) -> Vec<String> {
        let questions: Vec<Question<'_>> = right.iter().map(|(case, expected)| question(case, expected)).collect();
        let found = ours.ask_all(&questions, self.oracle.tables(), manner);
        let judged = right.iter().zip(found).map(|((case, expected), found)| (case, case.compare(expected, found)));
        judged.filter_map(|(case, outcome)| told(case, manner, place, outcome)).collect()
    }

    /// Every question by itself, each with another size of splits.
    fn check_drawn(&mut self, right: &[(&Case, &Answer)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (at, (case, expected)) in right.iter().enumerate() {
            let format = self.runs[at % self.runs.len()].format;
            let manner = Manner { split: self.splits.draw(), format };
            let found = self.here.ask(question(case, expected), self.oracle.tables(), &manner);
            wrong.extend(told(case, &manner, "here", case.compare(expected, found)));
        }
        wrong
    }

    /// Fails the test with everything that is wrong. Every answer has values, or the question asks nothing.
    pub fn check(&mut self, cases: &[Case]) {
        let (expected, mut wrong) = self.ask(cases);
        let hollow = expected.iter().filter(|answer| answer.rows.iter().flatten().all(|value| *value == Value::Null));
        wrong.extend(hollow.map(|answer| format!("nothing is selected: {answer:?}")));
        assert!(wrong.is_empty(), "{} wrong answers to {} questions:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }
}

fn question<'a>(case: &'a Case, expected: &'a Answer) -> Question<'a> {
    Question { sql: &case.sql, columns: &expected.columns }
}

/// A wrong answer, with all that asking again takes.
fn told(case: &Case, manner: &Manner, place: &str, outcome: Result<(), String>) -> Option<String> {
    let reason = outcome.err()?;
    let Manner { split, format } = manner;
    Some(format!("{}\n    {place}, --split-size {split}, {format:?}: {reason}", case.sql))
}
