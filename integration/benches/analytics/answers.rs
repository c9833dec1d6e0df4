//! Whether an answer is right.

/// Largest relative error of a number that counts as right: engines add up in different orders.
const EXACT: f64 = 1e-9;
/// Largest relative error of a quartile that an engine says is approximate.
const NEAR: f64 = 0.06;

/// What an engine should say.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// So many rows, whichever.
    Rows(usize),
    /// These rows, in this order.
    Cells(Vec<Vec<String>>),
}

/// How right an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right.
    Right,
    /// Off by less than an approximate algorithm may be.
    Near,
    /// Wrong.
    Wrong,
}

impl Expected {
    /// Rows of texts.
    pub fn cells<R: IntoIterator>(rows: impl IntoIterator<Item = R>) -> Expected
    where
        R::Item: Into<String>,
    {
        Expected::Cells(rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect())
    }

    /// Compares an answer.
    pub fn verdict(&self, answer: &[Vec<String>]) -> Verdict {
        let cells = match self {
            Expected::Rows(count) if *count == answer.len() => return Verdict::Right,
            Expected::Rows(_) => return Verdict::Wrong,
            Expected::Cells(cells) => cells,
        };
        let same_shape = cells.len() == answer.len() && cells.iter().zip(answer).all(|(a, b)| a.len() == b.len());
        let within = |error| cells.iter().flatten().zip(answer.iter().flatten()).all(|(a, b)| equal(a, b, error));
        match () {
            () if !same_shape => Verdict::Wrong,
            () if within(EXACT) => Verdict::Right,
            () if within(NEAR) => Verdict::Near,
            () => Verdict::Wrong,
        }
    }
}

/// Numbers within a relative error; texts and times as they are, but for the `T` between day and hour.
fn equal(expected: &str, found: &str, error: f64) -> bool {
    match (expected.parse::<f64>(), found.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= error * a.abs().max(b.abs()),
        _ => expected == found || expected == found.replacen('T', " ", 1),
    }
}
