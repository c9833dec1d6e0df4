//! The statements of one command, one after the other: what the driver does alone is done on the way.

use std::collections::VecDeque;

use bobbin_engine::output::OutputSpec;
use bobbin_engine::{Catalog, KnownBorders, PlanError, Planner, Prepared, Query, Request, Statement};

use super::answer::Answered;
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
    /// Nothing is said of statements that give no rows.
    silent: bool,
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
    /// The one that runs.
    current: Option<Statement>,
    catalog: Catalog,
    planner: &'a Planner,
    quiet: bool,
    output: Option<OutputSpec>,
}

impl Script {
    /// The statements of a text.
    ///
    /// # Errors
    /// It does not follow the grammar, or names what is not there.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        Self::of(text.to_owned(), Statement::parse(text)?)
    }

    /// These statements, which were made of a text.
    ///
    /// # Errors
    /// They name what is not there.
    pub fn of(text: String, statements: Vec<Statement>) -> Result<Self, PlanError> {
        let paths = Statement::paths_of(&statements)?;
        Ok(Self { text, statements, paths, silent: false })
    }

    /// The same script, whose queries say what running them took.
    pub fn analyzed(self) -> Self {
        Self { statements: self.statements.into_iter().map(Statement::analyzed).collect(), ..self }
    }

    /// The same script, of which nobody has to hear.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// How many of the statements give rows.
    pub fn queries(&self) -> usize {
        self.statements.iter().filter(|statement| statement.is_query()).count()
    }

    /// Whether some path, to be read or written, is on HDFS.
    pub fn has_hdfs(&self) -> bool {
        let is_remote = |path: &str| bobbin_engine::scheme(path).is_some_and(|scheme| scheme != "file");
        self.paths.iter().any(|path| is_remote(path)) || self.targets().any(is_remote)
    }

    /// Where statements write rows.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().filter_map(Statement::target)
    }

    /// All statements, to be run one after the other; rows of queries go to `output`, where tasks write them.
    pub fn start<'a>(&self, planner: &'a Planner, quiet: bool, output: Option<OutputSpec>) -> Remaining<'a> {
        let quiet = quiet || self.silent;
        Remaining {
            statements: self.statements.clone().into(),
            current: None,
            catalog: Catalog::default(),
            planner,
            quiet,
            output,
        }
    }
}

impl Remaining<'_> {
    /// Takes what came of the last statement.
    pub fn done(&mut self, answered: Answered) {
        if let Some(table) = answered.kept {
            self.catalog.keep(table);
        }
    }

    /// The last statement is not run: those after it see what it would have made.
    ///
    /// # Errors
    /// Something has the name of what it would have made.
    pub fn skipped(&mut self) -> Result<(), Failure> {
        if let Some(statement) = &self.current {
            statement.assume(&mut self.catalog)?;
        }
        Ok(())
    }

    /// Goes on to the next statement that needs tasks; `None` when all is done.
    pub async fn next(&mut self) -> Result<Option<Work>, Failure> {
        while let Some(statement) = self.statements.pop_front() {
            match self.planner.prepare(&statement, &mut self.catalog).await? {
                Prepared::Request(request) => {
                    let request = match &self.output {
                        Some(output) if request.output().is_none() && request.kept_as().is_none() => {
                            request.with_output(output.clone())?
                        }
                        Some(_) | None => request,
                    };
                    let plan = self.planner.graph(&request, &KnownBorders::default()).await?;
                    self.current = Some(statement);
                    return Ok(Some(Work { request, plan }));
                }
                Prepared::Done(message) if !self.quiet => terminal::note(message),
                Prepared::Done(_) => {}
            }
        }
        Ok(None)
    }
}
