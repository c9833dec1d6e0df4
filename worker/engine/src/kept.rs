//! Tables that workers keep in memory: the results of a job that is done, which later jobs of the same session read.
//!
//! `CREATE TABLE … AS` makes one in SQL. A stage that reads one has a task for each result, on the worker that holds it.

mod exec;
mod provider;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

pub(crate) use exec::KeptExec;
pub(crate) use provider::KeptProvider;

/// A table in the memory of workers. Cheap to clone; the workers drop it when its last clone is gone.
#[derive(Clone)]
pub struct KeptTable(Arc<Kept>);

/// What there is to say about a kept table.
pub struct Kept {
    /// What it is called.
    pub name: String,
    /// Its columns.
    pub schema: SchemaRef,
    /// The paths of the files that its rows come from, as they were written.
    pub paths: Vec<String>,
    /// The session whose workers hold it.
    pub session: u64,
    /// The job whose results it is, by its number in the session.
    pub job: u32,
    /// These results, in the order of their rows.
    pub parts: Vec<KeptPart>,
    /// Keeps the results alive.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPart {
    /// Its task, by its number in the job.
    pub task: u32,
    /// Its rows, where that is known.
    pub rows: Option<u64>,
    /// Its bytes.
    pub bytes: u64,
}

/// What a request's rows become once it has run.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    pub name: String,
    /// The paths that the query reads.
    pub paths: Vec<String>,
}

impl KeptTable {
    /// A kept table.
    pub fn new(kept: Kept) -> Self {
        Self(Arc::new(kept))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    /// The paths of the files that its rows come from.
    pub fn paths(&self) -> &[String] {
        &self.0.paths
    }

    /// The session whose workers hold it.
    pub fn session(&self) -> u64 {
        self.0.session
    }

    /// The job whose results it is.
    pub fn job(&self) -> u32 {
        self.0.job
    }

    /// The results that it consists of.
    pub fn parts(&self) -> &[KeptPart] {
        &self.0.parts
    }

    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.parts().iter().map(|part| part.bytes).sum()
    }

    /// Its rows, where that is known.
    pub fn rows(&self) -> Option<u64> {
        self.parts().iter().map(|part| part.rows).sum()
    }
}

impl fmt::Debug for KeptTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeptTable").field("name", &self.name()).field("parts", &self.parts().len()).finish()
    }
}
