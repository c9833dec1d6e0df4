//! Where a function panicked: the hook knows, the one who catches it does not.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// What the hook saw of a panic on this thread, while a function runs on it.
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

enum Seen {
    Nothing,
    Panic { place: String, backtrace: String },
}

/// Watches this thread for panics.
pub struct Watch(());

impl Watch {
    /// From now on.
    pub fn begin() -> Watch {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let watched = SEEN.with_borrow_mut(|seen| {
                    let watched = seen.is_some();
                    if watched {
                        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
                        *seen = Some(Seen::Panic { place, backtrace: Backtrace::force_capture().to_string() });
                    }
                    watched
                });
                // What is reported need not be printed, too.
                if !watched {
                    before(info);
                }
            }));
        });
        SEEN.set(Some(Seen::Nothing));
        Watch(())
    }

    /// What a caught panic said and where it happened; its backtrace.
    pub fn describe(&self, panic: &(dyn Any + Send)) -> (String, String) {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        match SEEN.replace(Some(Seen::Nothing)) {
            Some(Seen::Panic { place, backtrace }) => (format!("panicked at {place}: {text}"), backtrace),
            Some(Seen::Nothing) | None => (format!("panicked: {text}"), String::new()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}
