//! Queries of a session: planned here, run as jobs, their rows fetched as they are asked for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bobbin_blocks::WriteError;
use bobbin_engine::{
    BadRecords, Borders, DecodeError, Kept, KeptPart, KeptTable, KnownBorders, PlanError, Planner, Prepared, Query,
    Request, Shown, Statement, decode_result,
};
use bobbin_link::Identity;
use bobbin_proto as wire;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::Stream;
use futures::stream::try_unfold;

use crate::driver::{Finished, Job, JobError};
use crate::fetch::ResultError;
use crate::local::LocalOptions;
use crate::session::{Files, Session, SessionError, describe};

/// A query on its way.
pub struct Running {
    session: Session,
    job: Job,
    query: Arc<Query>,
    request: Request,
    known: KnownBorders,
}

/// A query whose tasks are done; its rows are still on the workers.
pub struct Answer {
    /// Columns of the rows.
    pub schema: SchemaRef,
    /// What the query took.
    pub summary: wire::Progress,
    /// Records that were left out or changed, by table and reason.
    pub bad_records: Vec<BadRecords>,
    /// What it took stage by stage, where that is what was asked for.
    pub analysis: Option<String>,
    session: Session,
    job: Job,
    query: Arc<Query>,
    /// The name and the origin of the table that the rows become, if they do.
    kept_as: Option<(String, Vec<String>)>,
    notes: Arc<Finished>,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It failed on the way.
    #[error(transparent)]
    Job(#[from] JobError),
    /// A record cannot be read.
    #[error("{message}")]
    Data {
        /// What the user should read.
        message: String,
        /// The exit code that this error deserves.
        exit_code: u8,
    },
    /// Files could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A result could not be fetched.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// A result is not what it should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl QueryError {
    /// The exit code of a command that fails because of this.
    pub fn exit_code(&self) -> u8 {
        match self {
            QueryError::Plan(error) => error.exit_code(),
            QueryError::Job(JobError::Failed { exit_code, .. }) => {
                u8::try_from(*exit_code).ok().filter(|code| *code != 0).unwrap_or(1)
            }
            QueryError::Data { exit_code, .. } => *exit_code,
            QueryError::Write(error) => error.exit_code(),
            QueryError::Job(JobError::Gone(_)) | QueryError::Result(_) => 1,
            QueryError::Decode(_) => 70,
        }
    }
}

impl Session {
    /// A name for a table that nobody has named.
    pub(crate) fn next_name(&self) -> String {
        format!("kept {}", self.shared.names.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A session in this process, whose tables are found, and whose statements are planned, by `planner`.
    ///
    /// # Errors
    /// When the machine gives no threads.
    pub async fn local(options: &LocalOptions, planner: Planner) -> Result<Self, SessionError> {
        Ok(Session::begin(options, files_of(&planner)).await?.with_planner(planner))
    }

    /// A session with the application whose master is at `address` (host:port); `identity` is of its authority.
    ///
    /// # Errors
    /// When the application master cannot be reached or refuses us.
    pub async fn attach(
        address: &str,
        identity: &Identity,
        name: &str,
        planner: Planner,
    ) -> Result<Self, SessionError> {
        Ok(Session::join(address, identity, name, files_of(&planner)).await?.with_planner(planner))
    }

    /// A session with the one on this machine that serves this socket (see [`crate::machine`]).
    ///
    /// # Errors
    /// When nobody of this user serves it.
    pub async fn attach_machine(socket: &Path, name: &str, planner: Planner) -> Result<Self, SessionError> {
        Ok(Session::join_machine(socket, name, files_of(&planner)).await?.with_planner(planner))
    }

    /// The same session with another planner: other splits, another meaning of paths.
    pub fn with_planner(&self, planner: Planner) -> Self {
        Session { files: files_of(&planner), planner, ..self.clone() }
    }

    /// Finds tables and plans.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Starts a planned query. `request` is what it was planned from, in case it has to be planned again.
    ///
    /// # Errors
    /// When the application is gone, or a table was kept by another session.
    pub async fn start(&self, request: Request, query: Query) -> Result<Running, QueryError> {
        if let Some(table) = query.kept.iter().find(|table| table.session() != self.shared.number) {
            let message = format!(
                "table '{}' was kept by the workers of another application, or of one that has ended; make it again, from \
                 files that are where those of this query are",
                table.name()
            );
            return Err(QueryError::Data { message, exit_code: 66 });
        }
        let job = self.driver.submit(job_of(&query)).await?;
        let (query, known) = (Arc::new(query), KnownBorders::default());
        Ok(Running { session: self.clone(), job, query, request, known })
    }

    /// Plans and runs the statements of a text and waits until all their tasks are done; the answer is that of the last
    /// one that gives rows.
    ///
    /// # Errors
    /// When it cannot be planned, or fails.
    pub async fn run(&self, text: &str) -> Result<Answer, QueryError> {
        let request = self.last_request(text).await?;
        self.compute(request).await
    }

    /// Plans and runs a request and waits until all its tasks are done. What was left out of its tables is logged.
    ///
    /// # Errors
    /// When it cannot be planned, or fails.
    pub(crate) async fn compute(&self, request: Request) -> Result<Answer, QueryError> {
        let query = self.planner.graph(&request, &KnownBorders::default()).await?;
        let answer = self.start(request, query).await?.answer().await?;
        for bad in &answer.bad_records {
            tracing::warn!(table = bad.table, kind = bad.kind, count = bad.count, "bad records");
        }
        Ok(answer)
    }

    /// Runs all statements of a text but the last one that gives rows, which nothing may follow.
    pub(crate) async fn last_request(&self, text: &str) -> Result<Request, QueryError> {
        let mut catalog = self.shared.catalog.lock().await;
        let statements = Statement::parse(text)?;
        let none = || PlanError::Statement("the last statement of the text gives no rows; end it with a SELECT".into());
        let last = statements.len().checked_sub(1).ok_or_else(none)?;
        for (at, statement) in statements.iter().enumerate() {
            let Prepared::Request(request) = self.planner.prepare(statement, &mut catalog).await? else { continue };
            let gives_rows = request.output().is_none() && request.kept_as().is_none();
            if at == last && gives_rows {
                return Ok(request);
            }
            if request.output().is_some() {
                self.write(request).await?;
                continue;
            }
            let answer = self.compute(request).await?;
            if !gives_rows {
                catalog.keep(answer.keep()?);
            }
        }
        Err(none().into())
    }
}

fn files_of(planner: &Planner) -> Files {
    let options = planner.options();
    let (reader, base) = (planner.reader().clone(), options.default_scheme.clone());
    Files { reader, base, split_size: options.split_size }
}

impl Running {
    /// How far it is.
    pub fn progress(&self) -> wire::Progress {
        self.job.progress()
    }

    /// Waits until there is something new to say about it.
    pub async fn changed(&mut self) {
        self.job.changed().await;
    }

    /// Waits until all its tasks are done. A file in which a quoted field crosses a split's border is looked through, and
    /// read again from the borders that were found.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn answer(mut self) -> Result<Answer, QueryError> {
        loop {
            if let Some(answer) = self.step().await? {
                return Ok(self.into_answer(&answer));
            }
        }
    }

    /// Waits until the job that runs now is over, well or not. Dropping the future loses nothing.
    pub async fn job_ended(&mut self) {
        self.job.ended().await;
    }

    /// Waits for the job that runs now; `None` when another one has taken its place. A future that is dropped while it
    /// plans that one has to begin again.
    pub async fn step(&mut self) -> Result<Option<Arc<Finished>>, QueryError> {
        let ended = self.job.finished().await;
        let notes = match &ended {
            Ok(finished) => &finished.notes,
            // A later task may have failed on rows that a wrongly started split made up.
            Err(JobError::Failed { notes, .. }) if self.query.has_all_notes(notes) => notes.as_ref(),
            Err(error) => return Err(error.clone().into()),
        };
        match self.query.check_borders(notes) {
            Borders::Exact => {
                let finished = ended?;
                match self.query.too_many_bad(&finished.notes) {
                    Some(message) => Err(QueryError::Data { message, exit_code: 66 }),
                    None => Ok(Some(finished)),
                }
            }
            Borders::Failed { message, exit_code } => Err(QueryError::Data { message, exit_code }),
            Borders::Replan(files) => {
                let known = self.known.with(self.search_borders(&files).await?);
                let query = self.session.planner.graph(&self.request, &known).await?;
                self.job = self.session.driver.submit(job_of(&query)).await?;
                (self.query, self.known) = (Arc::new(query), known);
                Ok(None)
            }
        }
    }

    /// Where records begin in files whose splits do not fit together.
    async fn search_borders(&self, files: &BTreeSet<String>) -> Result<KnownBorders, QueryError> {
        let unproved = |reason: &str| QueryError::Data {
            message: format!("find the borders of {}: {reason}", files.iter().cloned().collect::<Vec<_>>().join(", ")),
            exit_code: 70,
        };
        if files.iter().any(|url| self.known.knows(url)) {
            return Err(unproved("they were found and do not fit; please report this"));
        }
        tracing::info!(?files, "a quoted field crosses a border between splits; looking where records begin");
        let search = self.query.border_search(files)?;
        let mut job = self.session.driver.submit(job_of(&search.query)).await?;
        let finished = job.finished().await?;
        search.known(&finished.notes).ok_or_else(|| unproved("a task said nothing"))
    }

    /// The answer, after [`Self::step`] has said that all tasks are done.
    pub fn into_answer(self, finished: &Arc<Finished>) -> Answer {
        let Running { session, job, query, request, .. } = self;
        let kept_as = request.kept_as().map(|(name, paths)| (name.to_owned(), paths.to_vec()));
        let analysis = (request.shown() == Shown::Analysis).then(|| query.analysis(&finished.notes));
        let bad_records = query.bad_records(&finished.notes);
        Answer {
            schema: query.schema.clone(),
            summary: finished.summary.clone(),
            bad_records,
            analysis,
            session,
            job,
            query,
            kept_as,
            notes: Arc::clone(finished),
        }
    }
}

impl Answer {
    /// The rows, fetched as they are asked for, in order.
    pub fn batches(self) -> impl Stream<Item = Result<RecordBatch, QueryError>> {
        let wanted: std::collections::VecDeque<u32> = self.query.wanted.iter().copied().collect();
        try_unfold((self, wanted, Vec::new().into_iter()), |(mut answer, mut wanted, mut ready)| async move {
            loop {
                if let Some(batch) = ready.next() {
                    return Ok(Some((batch, (answer, wanted, ready))));
                }
                let Some(task) = wanted.pop_front() else { return Ok(None) };
                ready = answer.result(task).await?.into_iter();
            }
        })
    }

    /// The table that the rows become: they stay on the workers. Its name is what the request says.
    ///
    /// # Errors
    /// The request does not want them kept.
    pub fn keep(self) -> Result<KeptTable, QueryError> {
        let Answer { schema, session, job, query, kept_as, notes, .. } = self;
        let other = || PlanError::Internal("the rows of this query were not to be kept".into());
        let (name, paths) = kept_as.ok_or_else(other)?;
        let rows = query.result_rows(&notes.notes);
        let sizes = job.result_bytes();
        let parts = query.wanted.iter().map(|task| KeptPart {
            task: *task,
            rows: rows.get(task).copied(),
            bytes: sizes.get(task).copied().unwrap_or_default(),
        });
        let (parts, number) = (parts.collect(), job.number());
        let session = session.shared.number;
        Ok(KeptTable::new(Kept { name, schema, paths, session, job: number, parts, guard: Box::new(job) }))
    }

    /// All rows.
    ///
    /// # Errors
    /// When a result is lost for good.
    pub async fn collect(self) -> Result<Vec<RecordBatch>, QueryError> {
        use futures::TryStreamExt;
        self.batches().try_collect().await
    }

    async fn result(&mut self, task: u32) -> Result<Vec<RecordBatch>, QueryError> {
        let mut announced = self.job.result(task, None).await?;
        loop {
            match self.session.fetcher.fetch(&announced.ready).await {
                Ok(bytes) => return Ok(decode_result(bytes)?),
                // The application computes it again and announces it anew, or fails the job after so many times.
                Err(error) => {
                    let reason = describe(&error);
                    tracing::info!(reason, "a result cannot be fetched; waiting for it to be computed again");
                    self.job.unreadable(&announced, reason).await;
                    announced = self.job.result(task, Some(&announced)).await?;
                }
            }
        }
    }
}

fn job_of(query: &Query) -> wire::SubmitJob {
    let sets = query.stages.iter().map(|stage| wire::TaskSet {
        name: stage.name.clone(),
        shared: stage.shared.clone(),
        tasks: stage.tasks.iter().map(task_of).collect(),
        rows_wanted: stage.rows_wanted,
        kind: wire::TaskKind::Plan.into(),
        options: None,
    });
    wire::SubmitJob { task_sets: sets.collect(), wanted: query.wanted.clone(), ..wire::SubmitJob::default() }
}

fn task_of(task: &bobbin_engine::TaskPlan) -> wire::TaskSpec {
    wire::TaskSpec {
        body: task.body.clone(),
        places: task.places.clone(),
        input_bytes: task.input_bytes,
        inputs: task.inputs.iter().map(range_of).collect(),
    }
}

fn range_of(input: &bobbin_engine::InputRange) -> wire::InputRange {
    wire::InputRange { job: input.job, first: input.first, count: input.count, part: input.part }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use bobbin_blocks::BlockReader;
    use bobbin_engine::PlannerOptions;

    use crate::fetch::Fetcher;

    use super::*;

    /// The worker is well, the application knows nothing: only the driver finds that a result is not there.
    #[tokio::test]
    async fn a_result_that_cannot_be_fetched_is_computed_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.csv");
        std::fs::write(&path, "n\n1\n2\n3\n").unwrap();
        let options = LocalOptions {
            threads: 1,
            memory_bytes: 64 << 20,
            spill_directory: directory.path().to_owned(),
            resources: Vec::new(),
        };
        let planner = Planner::new(BlockReader::local(), PlannerOptions::default());
        let session = Session::local(&options, planner).await.unwrap();
        let text = format!("SELECT sum(n) AS total FROM '{}'", path.display());
        let mut answer = session.run(&text).await.unwrap();
        let Fetcher::Local(served) = &session.fetcher else { panic!("not in this process") };
        let announced = answer.job.result(answer.query.wanted[0], None).await.unwrap();
        served.store.drop_results(&[announced.ready.result]);
        let batches = answer.collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}
