//! Rows to files: a directory of part files that appears when all of them are there.

use bobbin_blocks::output::{Output, Part};
use bobbin_engine::output::parts_of;
use bobbin_engine::{PlanError, Request};

use crate::query::QueryError;
use crate::session::Session;
use crate::unique;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows in all files.
    pub rows: u64,
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Written {
    /// The sum of these parts.
    fn of(parts: &[Part]) -> Self {
        let zero = Written { files: parts.len(), ..Written::default() };
        parts.iter().fold(zero, |sum, part| Written {
            rows: sum.rows + part.rows,
            bytes: sum.bytes + part.bytes,
            ..sum
        })
    }
}

/// Writes the rows of a request.
pub(super) async fn run(session: &Session, request: Request) -> Result<Written, QueryError> {
    let missing = || PlanError::Statement("the request has no output; say where its rows go".into());
    let spec = request.output().ok_or_else(missing)?;
    let output = Output::begin(session.planner().reader(), &spec.url, spec.mode, &unique()).await?;
    match fill(session, request.staged(output.staging())).await {
        Ok(parts) => {
            output.commit(&parts).await?;
            Ok(Written::of(&parts))
        }
        Err(error) => {
            output.abort().await;
            Err(error)
        }
    }
}

async fn fill(session: &Session, request: Request) -> Result<Vec<Part>, QueryError> {
    Ok(parts_of(&session.compute(request).await?.collect().await?))
}
