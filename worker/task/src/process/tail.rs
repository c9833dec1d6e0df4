//! The last lines that a child has written on standard error. All of them go on to that of its worker.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines that are kept.
const LINES: usize = 10;
/// Bytes of a line that are kept, and read at once.
const LINE_BYTES: u64 = 1 << 10;
/// How long the end of a child that is dead is waited for: what it has started itself may hold it open.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps the last lines.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Inner>);

#[derive(Default)]
struct Inner {
    lines: Mutex<Lines>,
    ended: Condvar,
}

#[derive(Default)]
struct Lines {
    last: VecDeque<String>,
    ended: bool,
}

impl Tail {
    /// Reads on a thread of its own, until the end.
    pub fn of(stderr: ChildStderr) -> std::io::Result<Tail> {
        let tail = Tail::default();
        let reader = tail.clone();
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || reader.read(stderr))?;
        Ok(tail)
    }

    fn read(&self, stderr: impl Read) {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        // What cannot be read has ended.
        while stderr.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            // Who does not listen misses it.
            let _ = std::io::stderr().write_all(&line);
            self.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
        self.lock().ended = true;
        self.0.ended.notify_all();
    }

    fn push(&self, line: String) {
        let mut lines = self.lock();
        if lines.last.len() == LINES {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    /// A new task begins: what others have said is no matter of it.
    pub fn clear(&self) {
        self.lock().last.clear();
    }

    /// The last lines of a child that is dead.
    pub fn last(&self) -> Vec<String> {
        let lines = self.lock();
        let waited = self.0.ended.wait_timeout_while(lines, PATIENCE, |lines| !lines.ended);
        let (lines, _) = waited.unwrap_or_else(PoisonError::into_inner);
        lines.last.iter().filter(|line| !line.is_empty()).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Nothing in here panics half way.
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let tail = Tail::default();
        let text: String = (0..30).map(|number| format!("line {number}\n\n")).collect();
        tail.read(text.as_bytes());
        assert_eq!(tail.last(), ["line 25", "line 26", "line 27", "line 28", "line 29"]);
        tail.clear();
        tail.read(vec![b'x'; 5000].as_slice());
        assert_eq!(tail.last().iter().map(String::len).collect::<Vec<_>>(), [1024, 1024, 1024, 1024, 904]);
    }
}
