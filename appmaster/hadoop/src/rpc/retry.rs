//! When a failed call is tried again, where, and after how long: plain functions, no clock.

use std::time::Duration;

use hadoop_wire::rpc::{HandshakeError, RemoteError};

use super::error::{ConnectFailure, Failure, LostCause};
use super::exception::Exception;

/// How long a call goes on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// No attempt begins later than this after the call began.
    pub total: Duration,
    /// The pause after the first round through all servers.
    pub first_delay: Duration,
    /// The pause doubles up to this.
    pub longest_delay: Duration,
}

impl RetryPolicy {
    /// Each server is asked once.
    pub const ONCE: RetryPolicy =
        RetryPolicy { total: Duration::ZERO, first_delay: Duration::ZERO, longest_delay: Duration::ZERO };

    /// A person waits for the answer: a few seconds.
    pub const BRIEF: RetryPolicy = RetryPolicy {
        total: Duration::from_secs(3),
        first_delay: Duration::from_millis(250),
        longest_delay: Duration::from_secs(1),
    };

    /// An application master survives a ResourceManager's restart: Hadoop's own 15 minutes.
    pub const PATIENT: RetryPolicy = RetryPolicy {
        total: Duration::from_secs(900),
        first_delay: Duration::from_millis(250),
        longest_delay: Duration::from_secs(10),
    };

    /// A NodeManager that restarts or is gone: its containers will be reported lost anyway.
    pub const NODE: RetryPolicy = RetryPolicy {
        total: Duration::from_secs(30),
        first_delay: Duration::from_millis(250),
        longest_delay: Duration::from_secs(5),
    };

    /// The pause of the given round, counted from 1.
    pub fn pause(&self, round: u32) -> Duration {
        let doublings = round.saturating_sub(1).min(16);
        self.first_delay.saturating_mul(1 << doublings).min(self.longest_delay)
    }
}

/// The attempts of one call: decides after each failure whether there is another.
#[derive(Debug)]
pub(super) struct Attempts {
    policy: RetryPolicy,
    servers: u32,
    /// Failed attempts that count.
    pub(super) made: u32,
    /// Times that a server asked us to come back later.
    postponed: u32,
    /// Whether a connection that died under the call was already replaced for nothing.
    replaced: bool,
}

/// The next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// After how long.
    pub(super) pause: Duration,
    /// Whether the connection that failed, with its server, is to be left.
    pub(super) leave: bool,
}

impl Attempts {
    pub(super) fn new(policy: RetryPolicy, servers: usize) -> Attempts {
        let servers = u32::try_from(servers).unwrap_or(u32::MAX).max(1);
        Attempts { policy, servers, made: 0, postponed: 0, replaced: false }
    }

    /// The attempt after one that failed; none when the call has failed.
    pub(super) fn next(&mut self, failure: &Failure, repeatable: bool, elapsed: Duration) -> Option<Next> {
        let advice = advise(failure, repeatable);
        // Servers drop idle connections: the first one found dead is replaced at once, and says nothing about its server.
        if advice == Advice::NextServer && matches!(failure, Failure::Lost { .. }) && !self.replaced {
            self.replaced = true;
            return Some(Next { pause: Duration::ZERO, leave: false });
        }
        self.made += 1;
        match advice {
            Advice::GiveUp => None,
            Advice::NextServer if self.made < self.servers => Some(Next { pause: Duration::ZERO, leave: true }),
            Advice::NextServer if !self.made.is_multiple_of(self.servers) => {
                self.in_time(Next { pause: Duration::ZERO, leave: true }, elapsed)
            }
            Advice::NextServer => {
                let pause = self.policy.pause(self.made / self.servers);
                self.in_time(Next { pause, leave: true }, elapsed)
            }
            Advice::SameServer => {
                self.postponed += 1;
                self.in_time(Next { pause: self.policy.pause(self.postponed), leave: false }, elapsed)
            }
        }
    }

    fn in_time(&self, next: Next, elapsed: Duration) -> Option<Next> {
        (elapsed + next.pause < self.policy.total).then_some(next)
    }
}

/// What to do about a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Tell the caller.
    GiveUp,
    /// Ask the next server.
    NextServer,
    /// Ask the same server again, later.
    SameServer,
}

/// What to do about this failure; `repeatable` says that the server may see the call twice.
fn advise(failure: &Failure, repeatable: bool) -> Advice {
    match failure {
        Failure::Connect(failure) => advise_connect(failure),
        Failure::Remote(error) => advise_exception(error),
        Failure::Lost { source, .. } if matches!(**source, LostCause::Garbled(_)) => Advice::GiveUp,
        Failure::Lost { sent: false, .. } => Advice::NextServer,
        Failure::Lost { sent: true, .. } | Failure::Silent(_) if repeatable => Advice::NextServer,
        Failure::Lost { .. }
        | Failure::Silent(_)
        | Failure::Answer(_)
        | Failure::Incomplete(_)
        | Failure::TooLong(_)
        | Failure::Unfinished => Advice::GiveUp,
    }
}

pub(super) fn advise_connect(failure: &ConnectFailure) -> Advice {
    match failure {
        ConnectFailure::Resolve(_)
        | ConnectFailure::Refused
        | ConnectFailure::Silent(_)
        | ConnectFailure::Closed
        | ConnectFailure::Io(_) => Advice::NextServer,
        ConnectFailure::SetUp(HandshakeError::Refused(error)) => advise_exception(error),
        ConnectFailure::SetUp(_) | ConnectFailure::NoServer | ConnectFailure::Random(_) => Advice::GiveUp,
    }
}

fn advise_exception(error: &RemoteError) -> Advice {
    match Exception::of(error) {
        Exception::Standby => Advice::NextServer,
        // A NameNode that starts leaves safe mode once its DataNodes have reported.
        Exception::Retriable | Exception::SafeMode => Advice::SameServer,
        Exception::NotRegistered
        | Exception::AttemptNotFound
        | Exception::ApplicationNotFound
        | Exception::InvalidMasterRequest
        | Exception::InvalidResourceRequest
        | Exception::InvalidToken
        | Exception::AccessControl
        | Exception::FileNotFound
        | Exception::NoSuchMethod
        | Exception::Other => Advice::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        total: Duration::from_secs(10),
        first_delay: Duration::from_secs(1),
        longest_delay: Duration::from_secs(4),
    };

    fn refused() -> Failure {
        Failure::Connect(Arc::new(ConnectFailure::Refused))
    }

    fn lost(sent: bool) -> Failure {
        Failure::Lost { sent, source: Arc::new(LostCause::Closed) }
    }

    fn pauses(attempts: &mut Attempts, failure: &Failure, times: usize) -> Vec<Option<u64>> {
        let mut pause = || attempts.next(failure, true, Duration::ZERO).map(|next| next.pause.as_secs());
        (0..times).map(|_| pause()).collect()
    }

    #[test]
    fn pauses_grow_after_each_round() {
        let mut attempts = Attempts::new(POLICY, 2);
        let expected = [0, 1, 0, 2, 0, 4, 0, 4].map(Some);
        assert_eq!(pauses(&mut attempts, &refused(), 8), expected);
    }

    #[test]
    fn every_server_is_asked_and_then_the_time_counts() {
        let mut attempts = Attempts::new(RetryPolicy::ONCE, 3);
        assert_eq!(pauses(&mut attempts, &refused(), 3), [Some(0), Some(0), None]);
        let mut attempts = Attempts::new(POLICY, 1);
        assert!(attempts.next(&refused(), true, Duration::from_secs(8)).is_some());
        assert_eq!(attempts.next(&refused(), true, Duration::from_secs(9)), None);
        assert_eq!(attempts.made, 2);
    }

    #[test]
    fn a_name_node_that_starts_is_waited_for() {
        let safe_mode = RemoteError {
            class: "org.apache.hadoop.hdfs.server.namenode.SafeModeException".to_owned(),
            message: String::new(),
            detail: None,
            fatal: false,
        };
        let mut attempts = Attempts::new(POLICY, 1);
        let next = attempts.next(&Failure::Remote(safe_mode), true, Duration::ZERO);
        assert_eq!(next, Some(Next { pause: Duration::from_secs(1), leave: false }));
    }

    #[test]
    fn a_dead_connection_is_replaced_once_for_nothing() {
        let mut attempts = Attempts::new(RetryPolicy::ONCE, 1);
        let next = attempts.next(&lost(true), true, Duration::ZERO);
        assert_eq!(next, Some(Next { pause: Duration::ZERO, leave: false }));
        assert_eq!(attempts.next(&lost(true), true, Duration::ZERO), None);
    }

    #[test]
    fn what_the_server_may_have_seen_is_repeated_only_if_harmless() {
        for (failure, harmless, harmful) in [
            (refused(), true, true),
            (lost(false), true, true),
            (lost(true), true, false),
            (Failure::Silent(Duration::ZERO), true, false),
            (Failure::Unfinished, false, false),
        ] {
            let tried_again =
                |repeatable| Attempts::new(POLICY, 1).next(&failure, repeatable, Duration::ZERO).is_some();
            assert_eq!((tried_again(true), tried_again(false)), (harmless, harmful), "{failure:?}");
        }
    }
}
