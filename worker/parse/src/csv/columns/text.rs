//! Text columns. Blanks stay, quotes go, and every byte is checked to be UTF-8.

mod strings;
mod views;

pub(super) use strings::Strings;
pub(super) use views::StringViews;

use crate::Reason;
use crate::csv::fields::shown;

/// What is wrong with a text that is not UTF-8.
fn not_utf8(text: &[u8]) -> Reason {
    Reason::NotUtf8 { value: shown(text) }
}
