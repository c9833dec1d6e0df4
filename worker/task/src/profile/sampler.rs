//! The sampler's thread, and what it has counted.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framehop::{CacheNative, FrameAddress, UnwindRegsNative, Unwinder};

use super::modules::Modules;
use super::samples::{Module, Sample, Samples, Tree};
use super::{MOST_A_SECOND, Order};
use crate::sys::{self, Found, Registers, Thread};

/// The most frames of a sample.
const MOST_FRAMES: usize = 512;
/// Samples after which the code in memory is looked at again, where an address is in none of it: libraries come late.
const LOOK_AGAIN: u32 = 100;

static STATE: Mutex<Option<State>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

#[derive(Default)]
struct State {
    /// Samples a second; 0 for none.
    rate: u32,
    tree: Tree,
    has_thread: bool,
}

fn lock() -> MutexGuard<'static, Option<State>> {
    // Counts at worst one sample too few.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn rate() -> u32 {
    lock().as_ref().map_or(0, |state| state.rate)
}

pub(super) fn add(samples: &Samples) {
    lock().get_or_insert_default().tree.merge(samples);
}

pub(super) fn control(order: Order) -> io::Result<Samples> {
    let mut state = lock();
    let state = state.get_or_insert_default();
    let shown = |state: &State| Samples { is_running: state.rate > 0, ..state.tree.samples().clone() };
    match order {
        Order::Show => return Ok(shown(state)),
        Order::Take => {
            let taken = shown(state);
            state.tree = Tree::default();
            return Ok(taken);
        }
        Order::Start(rate) => {
            sys::install()?;
            if !state.has_thread {
                // It begins when the state is let go.
                let thread = std::thread::Builder::new().name("sampler".to_owned());
                thread.spawn(sample_until_stopped)?;
                state.has_thread = true;
            }
            state.rate = rate.clamp(1, MOST_A_SECOND);
            state.tree = Tree::default();
            sys::switch(true);
        }
        Order::Stop => {
            sys::switch(false);
            state.rate = 0;
        }
    }
    CHANGED.notify_all();
    Ok(Samples { is_running: state.rate > 0, ..Samples::default() })
}

fn sample_until_stopped() {
    let mut sampler = Sampler { modules: None, cache: CacheNative::new(), unknown: 0, watched: Vec::new() };
    let mut before = Instant::now();
    let mut state = lock();
    loop {
        let rate = match &mut *state {
            Some(State { rate, .. }) if *rate > 0 => *rate,
            Some(State { has_thread, .. }) => {
                *has_thread = false;
                return;
            }
            None => return,
        };
        let interval = Duration::from_secs(1) / rate;
        let (waited, _) = CHANGED
            .wait_timeout(state, interval.saturating_sub(before.elapsed()))
            .unwrap_or_else(PoisonError::into_inner);
        state = waited;
        let passed = before.elapsed();
        // Whoever has changed something has woken it too early.
        if passed < interval {
            continue;
        }
        before = Instant::now();
        drop(state);
        // It may be late itself: then there were more ticks than it has seen.
        let ticks = (passed.as_nanos() / interval.as_nanos()).max(1) as u64;
        let samples = sampler.tick(ticks, interval);
        state = lock();
        if let Some(state) = state.as_mut() {
            samples.iter().for_each(|taken| state.tree.add(&taken.sample()));
        }
    }
}

/// What its thread has for itself.
struct Sampler {
    modules: Option<Modules>,
    cache: CacheNative<framehop::MayAllocateDuringUnwind>,
    /// So many samples until modules are looked for again, after an address was found in none.
    unknown: u32,
    watched: Vec<Watched>,
}

/// A thread that runs tasks.
struct Watched {
    thread: Arc<Thread>,
    /// Ticks since it was asked.
    asked: u64,
    /// The CPU time that it had used by its last sample, and when that was, nanoseconds.
    last: Option<(u64, u64)>,
}

struct Taken {
    name: &'static str,
    frames: Vec<(Module, u64)>,
    count: u64,
    wall_ns: u64,
    cpu: Option<(u64, u64)>,
}

impl Taken {
    fn sample(&self) -> Sample<'_> {
        let Taken { name, frames, count, wall_ns, cpu } = self;
        Sample { name, frames, count: *count, wall_ns: *wall_ns, cpu: *cpu }
    }
}

impl Sampler {
    /// Takes what threads have answered, and asks those that run tasks.
    fn tick(&mut self, ticks: u64, interval: Duration) -> Vec<Taken> {
        let threads = sys::threads();
        self.watched.retain(|watched| threads.iter().any(|thread| Arc::ptr_eq(thread, &watched.thread)));
        for thread in threads {
            if !self.watched.iter().any(|watched| Arc::ptr_eq(&thread, &watched.thread)) {
                self.watched.push(Watched { thread, asked: 0, last: None });
            }
        }
        let mut watched = std::mem::take(&mut self.watched);
        let taken = watched.iter_mut().filter_map(|watched| self.look_at(watched, ticks, interval)).collect();
        self.watched = watched;
        taken
    }

    fn look_at(&mut self, watched: &mut Watched, ticks: u64, interval: Duration) -> Option<Taken> {
        watched.asked += ticks;
        let thread = Arc::clone(&watched.thread);
        let (count, last) = (watched.asked, watched.last.take());
        let taken = thread.take(|found| {
            let since = |(used, when)| (found.cpu_ns.saturating_sub(used), found.at_ns.saturating_sub(when));
            let cpu = last.map(since);
            watched.last = Some((found.cpu_ns, found.at_ns));
            let frames = self.unwind(&found);
            let wall_ns = nanoseconds(interval).saturating_mul(count);
            Taken { name: found.name, frames, count, wall_ns, cpu }
        });
        if !thread.is_inside() {
            thread.withdraw();
            watched.last = None;
        } else if thread.is_asked() {
            watched.last = last;
            return taken;
        } else {
            thread.ask();
        }
        watched.asked = 0;
        taken
    }

    /// The frames of a sample, the outermost first.
    fn unwind(&mut self, found: &Found<'_>) -> Vec<(Module, u64)> {
        if self.modules.is_none() || self.unknown == 1 {
            self.modules = Modules::here().ok();
        }
        self.unknown = self.unknown.saturating_sub(1);
        // What is in memory is not ours to judge: where the tables make no sense, the innermost frame has to do.
        let unwound = catch_unwind(AssertUnwindSafe(|| self.addresses(found)));
        let (addresses, is_cut) = unwound.unwrap_or_else(|_| (vec![found.registers.pc], true));
        let no_file = |what: &str| Module { path: what.to_owned(), identity: String::new(), is_program: false };
        let mut frames = Vec::with_capacity(addresses.len() + 1);
        if is_cut {
            frames.push((no_file(super::CUT), 0));
        }
        for address in addresses.into_iter().rev() {
            let module = self.modules.as_ref().and_then(|modules| modules.find(address));
            if module.is_none() && self.unknown == 0 {
                self.unknown = LOOK_AGAIN;
            }
            frames.push(match module {
                Some((module, address)) => (module.clone(), address),
                None => (no_file(super::NO_FILE), address),
            });
        }
        frames
    }

    /// Its instructions, the innermost first, and whether there are more.
    fn addresses(&mut self, found: &Found<'_>) -> (Vec<u64>, bool) {
        let Registers { pc, sp, .. } = found.registers;
        let Some(modules) = &self.modules else { return (vec![pc], true) };
        let mut word = |address: u64| {
            let offset = address.checked_sub(sp).filter(|offset| offset.is_multiple_of(8)).ok_or(())?;
            let place = usize::try_from(offset / 8).ok().and_then(|number| found.stack.get(number));
            place.map(|word: &AtomicU64| word.load(Ordering::Relaxed)).ok_or(())
        };
        let registers = registers(&found.registers);
        let mut frames = modules.tables.iter_frames(pc, registers, &mut self.cache, &mut word);
        let mut addresses = Vec::new();
        // An error is where the task's own stack ends.
        while let Ok(Some(frame)) = frames.next() {
            addresses.push(FrameAddress::address_for_lookup(frame));
            if addresses.len() == MOST_FRAMES {
                return (addresses, true);
            }
        }
        (addresses, found.is_cut)
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(found: &Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(found.pc, found.sp, found.fp)
}

#[cfg(target_arch = "aarch64")]
fn registers(found: &Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(found.lr, found.sp, found.fp)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
