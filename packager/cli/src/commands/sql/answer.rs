//! From a planned query to written rows.

use std::time::{Duration, Instant};

use bobbin::{Answer, JobError, QueryError, Session};
use bobbin_blocks::BlockReader;
use bobbin_engine::{Planner, Query};
use bobbin_proto::Progress;
use futures::{StreamExt, pin_mut};

use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, OutputError, Rows, Target, TargetError};
use crate::progress::Display;
use crate::terminal;

/// How often the progress line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Everything that a query needs to be answered.
pub struct Asked<'a> {
    /// The options.
    pub args: &'a SqlArgs,
    /// Plans it again where a quoted field crosses a split's border.
    pub planner: &'a Planner,
    /// Writes its rows to HDFS, where that is asked for.
    pub reader: &'a BlockReader,
    /// Shows how far it is.
    pub display: &'a Display,
}

impl Asked<'_> {
    /// Runs the query in a session and writes its rows; returns what it took. The target is opened first: an answer that could not
    /// be written is not worth computing.
    pub async fn answer(&self, session: &Session, text: &str, plan: Query) -> Result<Progress, Failure> {
        let outcome = self.write_answer(session, text, plan).await;
        self.display.clear();
        outcome
    }

    async fn write_answer(&self, session: &Session, text: &str, plan: Query) -> Result<Progress, Failure> {
        let target = Target::new(self.args.output.as_deref());
        let destination = target.open()?;
        let answer = self.compute(session, text, plan).await?;
        self.display.clear();
        let summary = answer.summary.clone();
        let format = self.args.format.unwrap_or_else(|| target.format());
        let width = if target.is_stdout() { terminal::width() } else { None };
        let writer = output::open(format, &answer.schema, destination, width).map_err(Failure::from);
        match write_rows(answer, writer?).await {
            Ok(()) => target.commit(self.reader).await?,
            // Whoever reads has seen enough.
            Err(WriteFailure::BrokenPipe) => {}
            Err(WriteFailure::Failed(failure)) => return Err(failure),
        }
        Ok(summary)
    }

    async fn compute(&self, session: &Session, text: &str, plan: Query) -> Result<Answer, Failure> {
        let began = Instant::now();
        let mut running = session.start(text, plan).await.map_err(unanswered)?;
        loop {
            let progress = running.progress();
            self.display.query(&progress, began);
            let limit = if self.display.is_shown() { TICK } else { Duration::MAX };
            if tokio::time::timeout(limit, running.job_ended()).await.is_err() {
                continue;
            }
            // From here on nothing is dropped half done: it may be planning again.
            if let Some(finished) = running.step(self.planner).await.map_err(unanswered)? {
                return Ok(running.into_answer(&finished));
            }
        }
    }
}

/// Why there is no row yet. Once there are some, the query cannot be run again for the same output.
fn unanswered(error: QueryError) -> Failure {
    match error {
        QueryError::Job(JobError::Gone(_)) => Failure::of(Exit::Abandoned, &error),
        QueryError::Job(JobError::Failed { .. })
        | QueryError::Plan(_)
        | QueryError::Data { .. }
        | QueryError::Result(_)
        | QueryError::Decode(_) => error.into(),
    }
}

enum WriteFailure {
    BrokenPipe,
    Failed(Failure),
}

async fn write_rows(answer: Answer, mut writer: Rows) -> Result<(), WriteFailure> {
    let batches = answer.batches();
    pin_mut!(batches);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| WriteFailure::Failed(error.into()))?;
        writer.write(&batch)?;
    }
    Ok(writer.finish()?)
}

impl From<OutputError> for WriteFailure {
    fn from(error: OutputError) -> Self {
        if matches!(error, OutputError::Gone) { WriteFailure::BrokenPipe } else { WriteFailure::Failed(error.into()) }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Failure::of(Exit::Input, &error)
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}
