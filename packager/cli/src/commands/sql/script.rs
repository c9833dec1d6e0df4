//! The statements of one command, one after the other: what the driver does alone is done on the way.

use std::collections::VecDeque;

use bobbin_engine::{Catalog, KnownBorders, PlanError, Planner, Prepared, Query, Request, Statement};

use crate::exit::Failure;
use crate::terminal;

/// A text of statements.
pub struct Script {
    /// As it was written.
    pub text: String,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// The paths that they read.
    pub paths: Vec<String>,
}

/// A statement whose tasks are planned.
pub struct Work {
    /// What it was planned from.
    pub request: Request,
    /// Its tasks.
    pub plan: Query,
}

/// Statements that are still to be run.
pub struct Remaining<'a> {
    statements: VecDeque<Statement>,
    catalog: Catalog,
    planner: &'a Planner,
    quiet: bool,
}

impl Script {
    /// The statements of a text.
    ///
    /// # Errors
    /// It does not follow the grammar, or names what is not there.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let statements = Statement::parse(text)?;
        let paths = Statement::paths_of(&statements)?;
        Ok(Self { text: text.to_owned(), statements, paths })
    }

    /// How many of the statements give rows.
    pub fn queries(&self) -> usize {
        self.statements.iter().filter(|statement| statement.is_query()).count()
    }

    /// Whether some path is on HDFS.
    pub fn has_hdfs(&self) -> bool {
        self.paths.iter().any(|path| bobbin_engine::scheme(path).is_some_and(|scheme| scheme != "file"))
    }

    /// All statements, to be run one after the other.
    pub fn start<'a>(&self, planner: &'a Planner, quiet: bool) -> Remaining<'a> {
        Remaining { statements: self.statements.clone().into(), catalog: Catalog::default(), planner, quiet }
    }
}

impl Remaining<'_> {
    /// Goes on to the next statement that needs tasks; `None` when all is done.
    pub async fn next(&mut self) -> Result<Option<Work>, Failure> {
        while let Some(statement) = self.statements.pop_front() {
            match self.planner.prepare(&statement, &mut self.catalog).await? {
                Prepared::Request(request) => {
                    let plan = self.planner.graph(&request, &KnownBorders::default()).await?;
                    return Ok(Some(Work { request, plan }));
                }
                Prepared::Done(message) if !self.quiet => terminal::note(message),
                Prepared::Done(_) => {}
            }
        }
        Ok(None)
    }
}
