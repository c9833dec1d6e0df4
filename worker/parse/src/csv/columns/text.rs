//! Text columns. Blanks stay, quotes go, and every byte is checked to be UTF-8.

mod strings;
mod views;

pub(super) use strings::Strings;
pub(super) use views::StringViews;

use crate::Reason;
use crate::csv::fields::shown;

/// Refuses a text that is not UTF-8.
fn utf8(text: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(text).map_err(|_| Reason::NotUtf8 { value: shown(text) })
}
