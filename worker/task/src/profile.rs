//! Where the time of tasks goes: what the threads that run them are found at, some times a second.
//!
//! ```text
//!  task threads        run(name, …): the name, and where the frames of the task begin
//!  sampler's thread    each tick: a signal to each thread that runs a task; its handler copies the stack and returns
//!                      the copy of the tick before: unwound by the tables of the executable, counted in a tree
//!  driver              fetches Samples: addresses within modules, and which builds these are
//! ```
//!
//! The clock is that of the wall: a task that waits for a disk is found waiting there. A thread that does not answer (it waits
//! in the kernel, or for a core) counts at the place where it does so at last, for all the ticks that it took. What a task awaits
//! holds no thread, and is not counted; nor are threads that a function has started itself.
//!
//! Nothing of this is in an executable that does not [`enable`] it.

mod modules;
mod sampler;
mod samples;

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::io;
use std::pin::pin;
use std::sync::OnceLock;

pub use modules::{IMAGE, Identity, identity};
pub use samples::{Frame, Module, Node, ROOT, Samples, TaskSamples, Tree};

use serde::{Deserialize, Serialize};

use crate::sys;

/// The most samples a second.
pub const MOST_A_SECOND: u32 = 1000;
/// As many as are usual.
pub const USUAL_A_SECOND: u32 = 100;

/// Stands for the callers of a frame where they are not known: its stack is too long, or another one than the thread's.
pub const CUT: &str = "[callers not kept]";
/// Stands for code that is in no file.
pub const NO_FILE: &str = "[code of no file]";

/// How the sampler is told.
type Control = fn(Order) -> io::Result<Samples>;

/// The sampler, in executables that have one.
static CONTROL: OnceLock<Control> = OnceLock::new();

/// What the sampler is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Forget what there is, and take so many samples a second.
    Start(u32),
    /// Take none any more; what there is stays.
    Stop,
    /// Say what there is.
    Show,
    /// Say what there is, and forget it.
    Take,
}

/// Makes this executable one that can take samples.
pub fn enable() {
    // Said before: it is the same one.
    let _ = CONTROL.set(sampler::control);
}

/// Tells the sampler of this process.
///
/// # Errors
/// When this executable has none, something else in this process handles SIGPROF, or the system gives no thread.
pub fn control(order: Order) -> io::Result<Samples> {
    match CONTROL.get() {
        Some(control) => control(order),
        None => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this program cannot take samples: mark its main with #[bobbin::main]",
        )),
    }
}

/// Samples a second that the sampler of this process takes; 0 if it takes none.
pub fn rate() -> u32 {
    if sys::is_on() { sampler::rate() } else { 0 }
}

/// Counts samples of a child among those of this process.
pub(crate) fn add(samples: &Samples) {
    sampler::add(samples);
}

/// Runs a part of a task, of which samples say its name.
pub fn run<T>(name: &'static &'static str, work: impl FnOnce() -> T) -> T {
    if !sys::is_on() {
        return work();
    }
    // All frames of the work lie below.
    let mark = 0_u8;
    let _entered = sys::enter(name, (&raw const *black_box(&mark)).addr());
    work()
}

/// As [`run`], of what waits in between: then nothing is counted.
pub async fn under<F: Future>(name: &'static &'static str, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(move |context| run(name, || work.as_mut().poll(context))).await
}
