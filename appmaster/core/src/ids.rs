//! The numbers by which the core and its shell name things, and the time that arrives with every event.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A driver knows the jobs of others, of which it has results, by numbers from this one on: this and [`JobId`].
pub const SHARED_JOBS: u32 = 1 << 31;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A task's number in the whole application. The core gives each job a range of its own and never reuses one.
    TaskId(u32),
    "task "
);
id!(
    /// A job's number in the whole application; the shell counts up.
    JobId(u32),
    "job "
);
id!(
    /// A worker's number; the shell counts up, and a process that connects again gets a new one.
    WorkerId(u32),
    "worker "
);
id!(
    /// A driver's number; the shell counts up.
    DriverId(u32),
    "driver "
);
/// What the shell calls one of YARN's containers: in the lowest 40 bits its number in the attempt that it was granted to, in
/// the highest 8 how many attempts there were before that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub u64);

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 >> 56 {
            0 => write!(formatter, "container {}", self.0),
            before => write!(formatter, "container {} of attempt {}", self.0 & (u64::MAX >> 8), before + 1),
        }
    }
}

id!(
    /// One fetch of a result by a worker that is to have a copy of it.
    CopyId(u32),
    "copy "
);
id!(
    /// One request for one container: YARN's allocation request id, which its grant echoes.
    RequestId(u64),
    "request "
);
id!(
    /// A host by its number in the core's table of hosts.
    HostId(u32),
    "host "
);
id!(
    /// A rack by its number in the core's table of racks.
    RackId(u32),
    "rack "
);

impl HostId {
    /// The row of this host.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl RackId {
    /// The row of this rack.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A moment: milliseconds since whatever the shell likes, as long as it never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// How long ago `earlier` was; zero if it is not earlier.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}
