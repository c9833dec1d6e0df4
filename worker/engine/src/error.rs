//! Why a query cannot be planned, or a result not be read.

/// Why a query cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text is not a query that we run.
    #[error("{0}")]
    Statement(String),
}

impl PlanError {
    /// The exit code of a command that fails because of this.
    pub fn exit_code(&self) -> u8 {
        64
    }
}

/// Why a task's result cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("decode a task's result")]
pub struct DecodeError {
    #[source]
    source: arrow::error::ArrowError,
}

impl From<arrow::error::ArrowError> for DecodeError {
    fn from(source: arrow::error::ArrowError) -> Self {
        Self { source }
    }
}
