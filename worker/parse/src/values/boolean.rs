//! Booleans: `true` and `false` in any case, nothing else.

/// A truth value.
pub(crate) fn parse(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}
