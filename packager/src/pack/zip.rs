//! Zip archives.

use super::output::Output;
use super::{PackError, Progress, Work, Written};

pub(super) fn write(_work: &Work<'_>, _output: Output, _watch: &mut dyn FnMut(Progress)) -> Result<Written, PackError> {
    Err(PackError::Interrupted)
}
