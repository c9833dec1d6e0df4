//! From a planned query to written rows.

use std::time::{Duration, Instant};

use bobbin::{Answer, JobError, QueryError, Session, unique};
use bobbin_blocks::output::{Output, Part};
use bobbin_blocks::{BlockReader, WriteError};
use bobbin_engine::output::{OutputSpec, parts_of};
use bobbin_engine::{BadRecords, KeptTable, KnownBorders, Shown};
use bobbin_proto::Progress;
use futures::{StreamExt, pin_mut};

use super::script::Work;
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure, chain};
use crate::interrupt::Unfinished;
use crate::output::{self, OutputError, Rows, Target, TargetError};
use crate::progress::Display;
use crate::terminal;

/// How often the progress line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// What came of a query.
pub struct Answered {
    /// What it took.
    pub summary: Progress,
    /// The table that its rows became, if workers keep them.
    pub kept: Option<KeptTable>,
}

/// Everything that a query needs to be answered.
pub struct Asked<'a> {
    /// The options.
    pub args: &'a SqlArgs,
    /// Shows how far it is.
    pub display: &'a Display,
    /// Where an output is left when the user wants no more.
    pub unfinished: &'a Unfinished,
}

/// An output that has begun. Dropped with the query, it is left to whoever ends the process.
struct Begun<'a> {
    output: Option<Output>,
    unfinished: &'a Unfinished,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(output) = self.output.take() {
            self.unfinished.leave(output);
        }
    }
}

impl Asked<'_> {
    /// Runs the query in a session and writes its rows, or has them kept.
    pub async fn answer(&self, session: &Session, work: &Work) -> Result<Answered, Failure> {
        let outcome = if work.request.kept_as().is_some() {
            self.keep_answer(session, work).await
        } else {
            let written = self.write_answer(session, work).await;
            written.map(|summary| Answered { summary, kept: None })
        };
        self.display.clear();
        outcome
    }

    /// Leaves the rows on the workers.
    async fn keep_answer(&self, session: &Session, work: &Work) -> Result<Answered, Failure> {
        let answer = self.compute(session, work).await?;
        self.display.clear();
        report_bad(&answer.bad_records);
        let summary = answer.summary.clone();
        let table = answer.keep()?;
        if !self.args.common.quiet {
            let rows = table.rows().map_or("some".to_owned(), |rows| rows.to_string());
            terminal::note(format_args!("created table {}: {rows} rows, {} bytes", table.name(), table.bytes()));
        }
        Ok(Answered { summary, kept: Some(table) })
    }

    /// Writes the rows. The target is opened first: an answer that could not be written is not worth computing.
    async fn write_answer(&self, session: &Session, work: &Work) -> Result<Progress, Failure> {
        if work.request.output().is_some() {
            return self.write_parts(session, work).await;
        }
        let target = Target::new(self.args.output.as_deref());
        let format = self.args.format.unwrap_or_else(|| target.format());
        if work.request.shown() == Shown::Rows {
            let names = work.plan.schema.fields().iter().map(|field| field.name().as_str());
            let checked = output::row_format(format).map_or(Ok(()), |format| format.check_names(names));
            checked.map_err(|reason| Failure::new(Exit::Usage, reason))?;
        }
        let destination = target.open()?;
        let answer = self.compute(session, work).await?;
        self.display.clear();
        report_bad(&answer.bad_records);
        let summary = answer.summary.clone();
        if let Some(analysis) = &answer.analysis {
            // The rows were computed and are wanted by nobody.
            analysis.lines().for_each(terminal::say);
            return Ok(summary);
        }
        let width = if target.is_stdout() { terminal::width() } else { None };
        let writer = output::open(format, &answer.schema, destination, width).map_err(Failure::from);
        match write_rows(answer, writer?).await {
            Ok(()) => target.commit(session.planner().reader()).await?,
            // Whoever reads has seen enough.
            Err(WriteFailure::BrokenPipe) => {}
            Err(WriteFailure::Failed(failure)) => return Err(failure),
        }
        Ok(summary)
    }

    /// Lets tasks write the rows: a directory of part files that appears when all of them are there.
    async fn write_parts(&self, session: &Session, work: &Work) -> Result<Progress, Failure> {
        let Some(spec) = work.request.output() else {
            return Err(Failure::new(Exit::Internal, "nothing is to be written"));
        };
        let mut begun =
            Begun { output: Some(begin(session.planner().reader(), spec).await?), unfinished: self.unfinished };
        let written = match &begun.output {
            Some(output) => self.fill(session, work, output).await,
            None => Err(Failure::new(Exit::Internal, "the output has ended")),
        };
        self.display.clear();
        let Some(output) = begun.output.take() else { return written.map(|(_, summary)| summary) };
        match written {
            Ok((parts, summary)) => {
                output.commit(&parts).await.map_err(unwritten)?;
                let (rows, bytes) =
                    parts.iter().fold((0, 0), |(rows, bytes), part| (rows + part.rows, bytes + part.bytes));
                if !self.args.common.quiet {
                    let (url, files) = (&spec.url, parts.len());
                    terminal::note(format_args!("wrote {rows} rows to {url}: {files} files, {bytes} bytes"));
                }
                Ok(summary)
            }
            Err(failure) => {
                output.abort().await;
                Err(failure)
            }
        }
    }

    async fn fill(&self, session: &Session, work: &Work, output: &Output) -> Result<(Vec<Part>, Progress), Failure> {
        let request = work.request.clone().staged(output.staging());
        let plan = session.planner().graph(&request, &KnownBorders::default()).await?;
        let answer = self.compute(session, &Work { request, plan }).await?;
        report_bad(&answer.bad_records);
        let summary = answer.summary.clone();
        Ok((parts_of(&answer.collect().await?), summary))
    }

    async fn compute(&self, session: &Session, work: &Work) -> Result<Answer, Failure> {
        let began = Instant::now();
        let mut running = session.start(work.request.clone(), work.plan.clone()).await.map_err(unanswered)?;
        loop {
            let progress = running.progress();
            self.display.query(&progress, began);
            let limit = if self.display.is_shown() { TICK } else { Duration::MAX };
            if tokio::time::timeout(limit, running.job_ended()).await.is_err() {
                continue;
            }
            // From here on nothing is dropped half done: it may be planning again.
            if let Some(finished) = running.step().await.map_err(unanswered)? {
                return Ok(running.into_answer(&finished));
            }
        }
    }
}

/// Says what was left out or changed: nothing is, without a word.
fn report_bad(tables: &[BadRecords]) {
    for bad in tables {
        let BadRecords { table, kind, count, samples } = bad;
        terminal::note(format_args!("'{table}': {count} bad records ({kind}) were left out or changed"));
        for sample in samples {
            terminal::note(format_args!("  {sample}"));
        }
    }
}

/// Begins an output.
async fn begin(reader: &BlockReader, spec: &OutputSpec) -> Result<Output, Failure> {
    let begun = Output::begin(reader, &spec.url, spec.mode, &unique()).await;
    begun.map_err(|error| Failure::new(Exit::Code(error.exit_code()), format!("write {}: {}", spec.url, chain(&error))))
}

/// Whether an output could begin: rows that have no place are not worth an application.
pub async fn check_output(reader: &BlockReader, spec: &OutputSpec) -> Result<(), Failure> {
    begin(reader, spec).await?.abort().await;
    Ok(())
}

fn unwritten(error: WriteError) -> Failure {
    Failure::of(Exit::Code(error.exit_code()), &error)
}

/// Why there is no row yet. Once there are some, the query cannot be run again for the same output.
fn unanswered(error: QueryError) -> Failure {
    match error {
        QueryError::Job(JobError::Gone(_)) => Failure::of(Exit::Abandoned, &error),
        QueryError::Job(JobError::Failed { .. })
        | QueryError::Plan(_)
        | QueryError::Data { .. }
        | QueryError::Write(_)
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
