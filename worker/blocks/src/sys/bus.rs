//! The registry of mapped windows, and the handler of SIGBUS that looks an address up in it.
//!
//! The kernel raises SIGBUS when a mapped page is gone: the file became shorter, or its disk failed. A process cannot go
//! on from there, but it can say which file it was. The handler uses nothing but atomics, `write` and `_exit`.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Most windows that can be mapped at a time; beyond it, files are read into memory of our own.
const SLOTS: usize = 1024;

/// The exit code of a process whose input vanished under it: input missing or unreadable.
const EXIT_INPUT: i32 = 66;

/// `start` of a slot that nobody uses, and of one that is being filled.
const FREE: usize = 0;
const BEING_FILLED: usize = 1;

struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    name: AtomicPtr<u8>,
    name_len: AtomicUsize,
}

static WINDOWS: [Slot; SLOTS] = [const {
    Slot {
        start: AtomicUsize::new(FREE),
        end: AtomicUsize::new(0),
        name: AtomicPtr::new(ptr::null_mut()),
        name_len: AtomicUsize::new(0),
    }
}; SLOTS];

/// Where the search for a free slot begins, so that threads do not all knock at the first one.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A range of addresses that the handler knows by name, for as long as this lives.
#[derive(Debug)]
pub(super) struct Registered {
    slot: usize,
    /// Keeps the bytes alive that the slot points to.
    _name: Arc<str>,
}

impl Registered {
    /// Registers `start..end` as a part of `name`; none when the table is full.
    pub(super) fn new(start: usize, end: usize, name: Arc<str>) -> Option<Registered> {
        install_handler();
        let first = NEXT.fetch_add(1, Ordering::Relaxed);
        for step in 0..SLOTS {
            let slot = first.wrapping_add(step) % SLOTS;
            let window = &WINDOWS[slot];
            if window.start.compare_exchange(FREE, BEING_FILLED, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                window.end.store(end, Ordering::Relaxed);
                window.name.store(name.as_ptr().cast_mut(), Ordering::Relaxed);
                window.name_len.store(name.len(), Ordering::Relaxed);
                window.start.store(start, Ordering::Release);
                return Some(Registered { slot, _name: name });
            }
        }
        None
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        WINDOWS[self.slot].start.store(FREE, Ordering::Release);
    }
}

/// What handled SIGBUS before us, for faults that are not ours.
static mut PREVIOUS: MaybeUninit<libc::sigaction> = MaybeUninit::zeroed();

fn install_handler() {
    static INSTALLED: Once = Once::new();
    // SAFETY: `action` is a whole sigaction with a handler of the SA_SIGINFO form; PREVIOUS is written here only, once,
    // before the handler can run.
    INSTALLED.call_once(|| unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_bus_error as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, ptr::null(), (&raw mut PREVIOUS).cast());
        libc::sigaction(libc::SIGBUS, &action, ptr::null_mut());
    });
}

extern "C" fn on_bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo_t to a handler of the SA_SIGINFO form.
    let address = unsafe { (*info).si_addr() } as usize;
    for window in &WINDOWS {
        let start = window.start.load(Ordering::Acquire);
        if start > BEING_FILLED && start <= address && address < window.end.load(Ordering::Relaxed) {
            end_process(window);
        }
    }
    // SAFETY: PREVIOUS was filled before this handler was installed; its handler has the form that its flags say.
    unsafe { hand_on(signal, info, context) }
}

/// Says which file it was, and ends the process. Async-signal-safe.
fn end_process(window: &Slot) -> ! {
    let (name, name_len) = (window.name.load(Ordering::Relaxed), window.name_len.load(Ordering::Relaxed));
    let parts: [(*const u8, usize); 3] = {
        let (before, after) = (
            "bobbin: ",
            " became shorter while it was being read, or its disk failed; run again when nobody writes the file\n",
        );
        [(before.as_ptr(), before.len()), (name, name_len), (after.as_ptr(), after.len())]
    };
    // SAFETY: `name` points to the bytes of an Arc<str> that the registration of the window keeps alive, and the thread
    // that faulted is reading through that window. `write` and `_exit` may be called in a signal handler.
    unsafe {
        for (bytes, len) in parts {
            libc::write(libc::STDERR_FILENO, bytes.cast(), len);
        }
        libc::_exit(EXIT_INPUT)
    }
}

/// Gives a fault that is not ours to whoever handled it before us.
unsafe fn hand_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: see the caller. Restoring the old action and returning repeats the fault under it.
    unsafe {
        let previous = *(&raw const PREVIOUS).cast::<libc::sigaction>();
        if previous.sa_sigaction == libc::SIG_DFL || previous.sa_sigaction == libc::SIG_IGN {
            libc::sigaction(signal, (&raw const PREVIOUS).cast(), ptr::null_mut());
        } else if previous.sa_flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                std::mem::transmute(previous.sa_sigaction);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(libc::c_int) = std::mem::transmute(previous.sa_sigaction);
            handler(signal);
        }
    }
}
