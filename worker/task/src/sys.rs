//! The handler of SIGPROF, which copies a task's stack where the sampler finds it; and what one has to do with the other.
//!
//! ```text
//!            sampler: ask, SIGPROF                     thread's handler
//!   Idle ----------------------------> Asked ----------------------------> Taking --> Taken
//!    ^  <-------- withdraw --------------'                                              |
//!    '---------------------------------- sampler: take ---------------------------------'
//! ```
//!
//! The handler may interrupt anything: it uses atomics, reads of its own thread's stack and one system call that is only a
//! question, and neither memory nor locks nor `errno`. It is never taken away again, since a signal that is still on its way
//! would end the process.
#![allow(
    unsafe_code,
    reason = "signal handlers and a thread's stack are the system's; each block says why it is sound"
)]

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, compiler_fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::getpid;
use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};

/// Words of a stack that are copied, from its innermost frame on: 256 KiB.
const WORDS: usize = 32 << 10;
/// Bytes of one.
const WORD: usize = size_of::<u64>();

const IDLE: u8 = 0;
const ASKED: u8 = 1;
const TAKING: u8 = 2;
const TAKEN: u8 = 3;

/// Are threads to say what they run?
static ON: AtomicBool = AtomicBool::new(false);

/// Threads that have run tasks meanwhile.
static THREADS: Mutex<Vec<Arc<Thread>>> = Mutex::new(Vec::new());

thread_local! {
    /// What the handler finds of its thread. Without a destructor, so that it can be looked at at any moment.
    static CURRENT: Cell<*const Thread> = const { Cell::new(ptr::null()) };
    /// Keeps it alive.
    static OWNED: RefCell<Option<Owned>> = const { RefCell::new(None) };
}

/// What a thread was doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    /// The next instruction.
    pub pc: u64,
    /// The innermost word of the stack.
    pub sp: u64,
    /// The frame pointer, if it is one.
    pub fp: u64,
    /// Where the function returns to, if the processor has a register for that.
    pub lr: u64,
}

/// What the handler leaves. It is the handler's while the state is Taking, and the sampler's while it is Taken.
#[derive(Default)]
struct Capture {
    pc: AtomicU64,
    sp: AtomicU64,
    fp: AtomicU64,
    lr: AtomicU64,
    name: AtomicPtr<&'static str>,
    /// Words that were copied.
    words: AtomicUsize,
    is_cut: AtomicBool,
    cpu_ns: AtomicU64,
    at_ns: AtomicU64,
}

/// A thread that runs tasks.
pub(crate) struct Thread {
    id: i32,
    /// The lowest address of its stack.
    low: usize,
    /// The frames of its task lie below this address; 0 outside of tasks.
    top: AtomicUsize,
    /// What the task is called.
    name: AtomicPtr<&'static str>,
    state: AtomicU8,
    capture: Capture,
    stack: Box<[AtomicU64]>,
}

/// What a thread was found at.
pub(crate) struct Found<'a> {
    /// What its task is called.
    pub name: &'static str,
    /// Its registers.
    pub registers: Registers,
    /// Its stack from `registers.sp` on, as far as it is the task's.
    pub stack: &'a [AtomicU64],
    /// The stack is longer, or another one.
    pub is_cut: bool,
    /// CPU time that the thread had used then, nanoseconds.
    pub cpu_ns: u64,
    /// When that was, by the clock that never goes back, nanoseconds.
    pub at_ns: u64,
}

/// A clock of the calling thread's, nanoseconds.
fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
}

/// Removes the thread from the sampler's list when it ends.
struct Owned(Arc<Thread>);

impl Drop for Owned {
    fn drop(&mut self) {
        // First the handler, which runs on this very thread, and then the memory.
        CURRENT.set(ptr::null());
        compiler_fence(Ordering::SeqCst);
        lock().retain(|thread| !Arc::ptr_eq(thread, &self.0));
    }
}

fn lock() -> MutexGuard<'static, Vec<Arc<Thread>>> {
    // Nothing in here panics half way.
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads that have run tasks since threads say so, and have not ended.
pub(crate) fn threads() -> Vec<Arc<Thread>> {
    lock().clone()
}

/// Are threads to say what they run?
pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// From now on threads say what they run, or no longer.
pub(crate) fn switch(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Sets the handler up, once.
///
/// # Errors
/// When the signal belongs to somebody else in this process.
pub(crate) fn install() -> io::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    // The first time it is asked, it looks for the way to the answer; the handler must not.
    let _ = (nanoseconds(ClockId::ThreadCPUTime), nanoseconds(ClockId::Monotonic));
    // SAFETY: both structures are plain data, for which zeros are valid; the handler is one for SA_SIGINFO, and does only what
    // handlers may.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGPROF, ptr::null(), &raw mut before) != 0 {
            return Err(io::Error::last_os_error());
        }
        if before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "something else in this process handles SIGPROF"));
        }
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = handle as *const () as usize;
        // On the thread's stack for signals, if it has one: its own may be short.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        if libc::sigaction(libc::SIGPROF, &raw const ours, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    *installed = true;
    Ok(())
}

/// A task runs on this thread until this is dropped; then whatever did before.
pub(crate) struct Entered {
    thread: *const Thread,
    before: (usize, *mut &'static str),
}

/// A task of this name runs on this thread, in frames below the address `top`. Nothing where the thread cannot be watched.
pub(crate) fn enter(name: &'static &'static str, top: usize) -> Option<Entered> {
    let mut thread = CURRENT.get();
    if thread.is_null() {
        thread = register()?;
    }
    // SAFETY: OWNED keeps it as long as the thread runs tasks, and CURRENT is null from then on.
    let here = unsafe { &*thread };
    let before = (here.top.load(Ordering::Relaxed), here.name.load(Ordering::Relaxed));
    here.runs(top, ptr::from_ref(name).cast_mut());
    Some(Entered { thread, before })
}

impl Drop for Entered {
    fn drop(&mut self) {
        if CURRENT.get() == self.thread {
            // SAFETY: as in `enter`; this is not `Send`.
            unsafe { &*self.thread }.runs(self.before.0, self.before.1);
        }
    }
}

/// Makes this thread known to the sampler.
fn register() -> Option<*const Thread> {
    let thread = Arc::new(Thread {
        id: gettid().as_raw_nonzero().get(),
        low: lowest_address()?,
        top: AtomicUsize::new(0),
        name: AtomicPtr::new(ptr::null_mut()),
        state: AtomicU8::new(IDLE),
        capture: Capture::default(),
        stack: std::iter::repeat_with(AtomicU64::default).take(WORDS).collect(),
    });
    let pointer = Arc::as_ptr(&thread);
    // A thread that is ending runs no task any more.
    OWNED.try_with(|owned| owned.replace(Some(Owned(Arc::clone(&thread))))).ok()?;
    lock().push(thread);
    CURRENT.set(pointer);
    Some(pointer)
}

/// The lowest address of this thread's stack.
fn lowest_address() -> Option<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the first call makes the attributes of this thread, which the others read and free.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (known == 0).then_some(low as usize)
    }
}

impl Thread {
    /// What the handler of this thread finds from now on. Only on the thread itself.
    fn runs(&self, top: usize, name: *mut &'static str) {
        self.top.store(0, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.name.store(name, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.top.store(top, Ordering::Relaxed);
    }

    /// Does it run a task?
    pub fn is_inside(&self) -> bool {
        self.top.load(Ordering::Relaxed) != 0
    }

    /// Was it asked, and has not answered?
    pub fn is_asked(&self) -> bool {
        matches!(self.state.load(Ordering::Relaxed), ASKED | TAKING)
    }

    /// Asks it what it does. It answers when the system lets it run.
    pub fn ask(&self) {
        if self.state.compare_exchange(IDLE, ASKED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            // SAFETY: sends a signal that has a handler to a thread of this process, or to nobody when it has ended.
            unsafe { libc::syscall(libc::SYS_tgkill, getpid().as_raw_nonzero().get(), self.id, libc::SIGPROF) };
        }
    }

    /// It need not answer any more. One that does so right now goes on.
    pub fn withdraw(&self) {
        // It may have answered meanwhile: then that is taken.
        let _ = self.state.compare_exchange(ASKED, IDLE, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Its answer, if there is one; it can be asked again from then on. For the one sampler.
    pub fn take<T>(&self, look: impl FnOnce(Found<'_>) -> T) -> Option<T> {
        if self.state.load(Ordering::Acquire) != TAKEN {
            return None;
        }
        let Capture { pc, sp, fp, lr, name, words, is_cut, cpu_ns, at_ns } = &self.capture;
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let registers = Registers { pc: read(pc), sp: read(sp), fp: read(fp), lr: read(lr) };
        let stack = &self.stack[..words.load(Ordering::Relaxed).min(WORDS)];
        let (is_cut, cpu_ns, at_ns) = (is_cut.load(Ordering::Relaxed), read(cpu_ns), read(at_ns));
        // SAFETY: null, or a reference to a static value, as `enter` was given it.
        let name = unsafe { name.load(Ordering::Relaxed).as_ref() };
        // Nothing where it had left the task before the signal came.
        let seen = name.map(|name| look(Found { name, registers, stack, is_cut, cpu_ns, at_ns }));
        self.state.store(IDLE, Ordering::Release);
        seen
    }

    /// What the handler does when it was asked.
    fn answer(&self, registers: Registers) {
        let (sp, top) = (registers.sp as usize, self.top.load(Ordering::Relaxed));
        let name = if top == 0 { ptr::null_mut() } else { self.name.load(Ordering::Relaxed) };
        let is_ours = self.low <= sp && sp < top && sp.is_multiple_of(WORD);
        let there = if is_ours { (top - sp) / WORD } else { 0 };
        let words = there.min(WORDS);
        for (number, place) in self.stack[..words].iter().enumerate() {
            let from = ptr::with_exposed_provenance::<u64>(sp + number * WORD);
            // SAFETY: between this thread's stack pointer and a frame that is still open, the stack is there, and nobody else
            // uses it now.
            place.store(unsafe { from.read_volatile() }, Ordering::Relaxed);
        }
        // Both by the thread itself: while it is kept from the second, it uses nothing.
        let (cpu_ns, at_ns) = (nanoseconds(ClockId::ThreadCPUTime), nanoseconds(ClockId::Monotonic));
        let capture = &self.capture;
        capture.pc.store(registers.pc, Ordering::Relaxed);
        capture.sp.store(registers.sp, Ordering::Relaxed);
        capture.fp.store(registers.fp, Ordering::Relaxed);
        capture.lr.store(registers.lr, Ordering::Relaxed);
        capture.name.store(name, Ordering::Relaxed);
        capture.words.store(words, Ordering::Relaxed);
        capture.is_cut.store(!is_ours || words < there, Ordering::Relaxed);
        capture.cpu_ns.store(cpu_ns, Ordering::Relaxed);
        capture.at_ns.store(at_ns, Ordering::Relaxed);
    }
}

extern "C" fn handle(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: null, or kept by OWNED; the handler runs on the same thread.
    let Some(thread) = (unsafe { CURRENT.get().as_ref() }) else { return };
    if thread.state.compare_exchange(ASKED, TAKING, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return;
    }
    // SAFETY: with SA_SIGINFO the kernel gives the interrupted thread's context.
    let registers = registers(unsafe { &*context.cast::<libc::ucontext_t>() });
    thread.answer(registers);
    thread.state.store(TAKEN, Ordering::Release);
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let register = |number: libc::c_int| context.uc_mcontext.gregs[number as usize].cast_unsigned();
    Registers { pc: register(libc::REG_RIP), sp: register(libc::REG_RSP), fp: register(libc::REG_RBP), lr: 0 }
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let machine = &context.uc_mcontext;
    Registers { pc: machine.pc, sp: machine.sp, fp: machine.regs[29], lr: machine.regs[30] }
}
