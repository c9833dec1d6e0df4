//! An application as the ResourceManager reports it.

use hadoop_wire::messages::yarn::{
    ApplicationReport, FinalApplicationStatus, LogAggregationStatus, YarnApplicationState,
};
use hadoop_wire::names::{ApplicationId, IncompleteId};

/// Where an application is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Being recorded and checked.
    Submitted,
    /// Waits for its application master's container, or for the application master to register.
    Accepted,
    /// Its application master has registered.
    Running,
    /// Ended by itself; whether well, the outcome says.
    Finished,
    /// YARN gave it up.
    Failed,
    /// Killed by somebody.
    Killed,
}

impl State {
    /// Whether it is over.
    pub fn is_ended(self) -> bool {
        matches!(self, State::Finished | State::Failed | State::Killed)
    }

    /// The ResourceManager's word for it.
    pub fn name(self) -> &'static str {
        match self {
            State::Submitted => "SUBMITTED",
            State::Accepted => "ACCEPTED",
            State::Running => "RUNNING",
            State::Finished => "FINISHED",
            State::Failed => "FAILED",
            State::Killed => "KILLED",
        }
    }
}

/// How an application ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Succeeded,
    /// Not; with its command's exit code, where a command's end was the reason.
    Failed(Option<u8>),
    /// Killed by somebody.
    Killed,
}

impl Outcome {
    /// The exit code of `run` and `wait`.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Succeeded => 0,
            Outcome::Failed(code) => code.filter(|code| *code != 0).unwrap_or(1),
            Outcome::Killed => 1,
        }
    }
}

/// What the ResourceManager knows about an application. Times are Unix milliseconds, 0 while they have not come.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// Its type; ours is `bobbin`.
    pub kind: String,
    /// Who submitted it.
    pub user: String,
    /// Its queue.
    pub queue: String,
    /// Tags given at submission.
    pub tags: Vec<String>,
    /// Priority within its queue, as the ResourceManager has limited it.
    pub priority: i32,
    /// Where it is in its life.
    pub state: State,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// Between 0 and 1.
    pub progress: f32,
    /// Why it waits, or why it ended.
    pub diagnostics: String,
    /// host:port of its application master, where drivers connect; absent until it runs.
    pub master: Option<(String, u16)>,
    /// Its page, through the ResourceManager's proxy.
    pub tracking_url: String,
    /// When it was submitted.
    pub started_ms: u64,
    /// When it ended.
    pub finished_ms: u64,
    /// Running containers.
    pub containers: u32,
    /// Memory of these, MiB.
    pub memory_mib: u64,
    /// Cores of these.
    pub cores: u32,
    /// Number of the current attempt, from 1.
    pub attempt: u32,
    /// What the nodes have reported about collecting its logs.
    pub aggregation: Option<Aggregation>,
}

/// How far the collection of an application's logs in HDFS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// The cluster does not collect logs.
    Disabled,
    /// Not all nodes have reported their end.
    Pending,
    /// All nodes have.
    Finished,
    /// Some node could not, or took too long.
    Failed,
}

impl TryFrom<ApplicationReport> for Application {
    type Error = IncompleteId;

    fn try_from(report: ApplicationReport) -> Result<Self, IncompleteId> {
        let id = ApplicationId::try_from(&report.application_id.unwrap_or_default())?;
        let state = state_of(&report);
        let outcome = state.is_ended().then(|| outcome_of(&report, state));
        let usage = report.resource_usage.clone().unwrap_or_default();
        let used = usage.used_resources.unwrap_or_default();
        Ok(Application {
            id,
            state,
            outcome,
            master: master_of(&report),
            aggregation: aggregation_of(&report),
            progress: report.progress().clamp(0.0, 1.0),
            started_ms: count(report.start_time()),
            finished_ms: count(report.finish_time()),
            containers: u32::try_from(usage.num_used_containers.unwrap_or_default()).unwrap_or_default(),
            memory_mib: count(used.memory.unwrap_or_default()),
            cores: u32::try_from(used.virtual_cores.unwrap_or_default()).unwrap_or_default(),
            attempt: report.current_application_attempt_id.and_then(|id| id.attempt_id).map_or(0, i32::unsigned_abs),
            name: report.name.unwrap_or_default(),
            kind: report.application_type.unwrap_or_default(),
            user: report.user.unwrap_or_default(),
            queue: report.queue.unwrap_or_default(),
            tags: report.application_tags,
            priority: report.priority.and_then(|priority| priority.priority).unwrap_or_default(),
            diagnostics: report.diagnostics.unwrap_or_default().trim().to_owned(),
            tracking_url: report.tracking_url.filter(|url| url != "N/A").unwrap_or_default(),
        })
    }
}

impl Application {
    /// What to tell somebody who waits for it to run: the ResourceManager's reason, and what it means.
    pub fn waiting_for(&self) -> Option<String> {
        if self.state > State::Accepted {
            return None;
        }
        let reason = self.diagnostics.as_str();
        let waits = match self.state {
            State::Accepted if reason.contains("AM resource limit") || reason.contains("am-share") => {
                "the queue's share for application masters is used up: another application has to end first \
                 (yarn.scheduler.capacity.maximum-am-resource-percent)"
            }
            State::Accepted if reason.contains("launched") || reason.contains("registered") => {
                "its application master's container starts"
            }
            State::Accepted => "no container for its application master is free in the queue",
            State::Submitted | State::Running | State::Finished | State::Failed | State::Killed => {
                "the ResourceManager checks it"
            }
        };
        let text = if reason.is_empty() { waits.to_owned() } else { format!("{waits} ({})", brief(reason)) };
        Some(text)
    }
}

fn state_of(report: &ApplicationReport) -> State {
    match YarnApplicationState::try_from(report.yarn_application_state.unwrap_or_default()) {
        Ok(YarnApplicationState::Accepted) => State::Accepted,
        Ok(YarnApplicationState::Running) => State::Running,
        Ok(YarnApplicationState::Finished) => State::Finished,
        Ok(YarnApplicationState::Failed) => State::Failed,
        Ok(YarnApplicationState::Killed) => State::Killed,
        Ok(YarnApplicationState::New | YarnApplicationState::NewSaving | YarnApplicationState::Submitted) | Err(_) => {
            State::Submitted
        }
    }
}

fn outcome_of(report: &ApplicationReport, state: State) -> Outcome {
    let killed = report.final_application_status == Some(FinalApplicationStatus::Killed as i32);
    let succeeded = report.final_application_status == Some(FinalApplicationStatus::Succeeded as i32);
    if killed || state == State::Killed {
        Outcome::Killed
    } else if succeeded && state == State::Finished {
        Outcome::Succeeded
    } else {
        Outcome::Failed(exit_code_in(report.diagnostics()))
    }
}

/// The number of the last `exit=N` in the diagnostics, where the application master records its command's end.
fn exit_code_in(diagnostics: &str) -> Option<u8> {
    let (_, rest) = diagnostics.rsplit_once("exit=")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn aggregation_of(report: &ApplicationReport) -> Option<Aggregation> {
    Some(match LogAggregationStatus::try_from(report.log_aggregation_status?).ok()? {
        LogAggregationStatus::Disabled => Aggregation::Disabled,
        LogAggregationStatus::NotStart | LogAggregationStatus::Running | LogAggregationStatus::RunningWithFailure => {
            Aggregation::Pending
        }
        LogAggregationStatus::Succeeded => Aggregation::Finished,
        LogAggregationStatus::Failed | LogAggregationStatus::TimeOut => Aggregation::Failed,
    })
}

fn master_of(report: &ApplicationReport) -> Option<(String, u16)> {
    let host = report.host.as_deref().filter(|host| !host.is_empty() && *host != "N/A")?;
    let port = u16::try_from(report.rpc_port?).ok().filter(|port| *port > 0)?;
    Some((host.to_owned(), port))
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The scheduler's words without the time in front and the figures behind.
fn brief(text: &str) -> String {
    let text = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(_, rest)| rest);
    let text = text.split("Details :").next().unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hadoop_wire::messages::yarn;

    fn report(state: YarnApplicationState, outcome: FinalApplicationStatus, diagnostics: &str) -> Application {
        let report = ApplicationReport {
            application_id: Some(yarn::ApplicationId { id: Some(7), cluster_timestamp: Some(1_700_000_000_000) }),
            yarn_application_state: Some(state as i32),
            final_application_status: Some(outcome as i32),
            diagnostics: Some(diagnostics.to_owned()),
            host: Some("N/A".to_owned()),
            rpc_port: Some(-1),
            ..ApplicationReport::default()
        };
        Application::try_from(report).unwrap()
    }

    #[test]
    fn the_commands_code_is_the_applications() {
        let check = |state, outcome, diagnostics: &str, expected: Outcome, code: u8| {
            let application = report(state, outcome, diagnostics);
            assert_eq!(application.outcome, Some(expected), "{diagnostics}");
            assert_eq!(expected.exit_code(), code);
        };
        use FinalApplicationStatus as Final;
        use YarnApplicationState as Yarn;
        check(Yarn::Finished, Final::Succeeded, "exit=0", Outcome::Succeeded, 0);
        check(Yarn::Finished, Final::Failed, "command failed: exit=3", Outcome::Failed(Some(3)), 3);
        check(Yarn::Finished, Final::Failed, "exit=137 (signal 9)", Outcome::Failed(Some(137)), 137);
        check(Yarn::Finished, Final::Failed, "exit=999", Outcome::Failed(None), 1);
        check(Yarn::Finished, Final::Failed, "lost its driver", Outcome::Failed(None), 1);
        check(Yarn::Failed, Final::Failed, "AM Container ... exitCode: 1", Outcome::Failed(None), 1);
        check(Yarn::Killed, Final::Killed, "killed by user", Outcome::Killed, 1);
    }

    #[test]
    fn an_application_that_waits_says_for_what() {
        let waits = |diagnostics: &str| {
            let undefined = FinalApplicationStatus::Undefined;
            report(YarnApplicationState::Accepted, undefined, diagnostics).waiting_for().unwrap()
        };
        let text = waits(
            "Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.",
        );
        assert!(text.contains("share for application masters"), "{text}");
        let text =
            waits("[Fri Nov 20 23:36:14 +0000 2026] Application is Activated, waiting. Details : AM Partition = x");
        assert!(text.ends_with("is free in the queue (Application is Activated, waiting.)"), "{text}");
        assert!(waits("AM container is launched, waiting for AM container to Register with RM").contains("starts"));
        let running = report(YarnApplicationState::Running, FinalApplicationStatus::Undefined, "");
        assert_eq!((running.waiting_for(), running.outcome, running.master), (None, None, None));
    }

    #[test]
    fn a_report_without_id_is_refused() {
        assert!(Application::try_from(ApplicationReport::default()).is_err());
    }
}
