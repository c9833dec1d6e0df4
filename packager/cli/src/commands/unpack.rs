//! `unpack`: an archive becomes a directory.

use bobbin_packager::{ArchiveError, Limits, UnpackError, UnpackOptions, unpack};

use super::{pack, stoppable};
use crate::args::{LimitArgs, UnpackArgs};
use crate::exit::{Exit, Failure};
use crate::terminal::say;
use crate::units;

/// Runs the subcommand.
pub async fn run(args: UnpackArgs) -> Result<Exit, Failure> {
    let prefix = pack::destination(args.dest_prefix.as_deref())?;
    let options = UnpackOptions { limits: limits(&args.limits), prefix, ..UnpackOptions::default() };
    let (archive, directory) = (args.archive, args.directory);
    let unpacked = stoppable(move |stop| unpack(&archive, &directory, &options, stop)).await?.map_err(failure)?;
    if !args.common.quiet {
        let (path, bytes, seconds) = (unpacked.path.display(), unpacked.bytes, unpacked.elapsed.as_secs_f64());
        let fixed = match unpacked.fixed {
            0 => String::new(),
            files => format!("; its place written into {files} of them"),
        };
        say(format_args!("{path}: {} entries, {} in {seconds:.2} s{fixed}", unpacked.entries, units::bytes(bytes)));
    }
    Ok(Exit::Code(0))
}

/// What options say about limits.
pub fn limits(args: &LimitArgs) -> Limits {
    Limits { bytes: args.max_size.0, entries: args.max_entries, ratio: args.max_ratio }
}

/// What went wrong, with the contract's exit code.
pub fn failure(error: UnpackError) -> Failure {
    let exit = match &error {
        UnpackError::Interrupted => Exit::Interrupted,
        UnpackError::Archive(ArchiveError::Open { .. }) => Exit::Input,
        UnpackError::Archive(_) | UnpackError::Fixups { .. } => Exit::Input,
        UnpackError::Exists(_) | UnpackError::TooLong { .. } => Exit::Usage,
        UnpackError::Write { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => Exit::Permission,
        UnpackError::Write { .. } => Exit::Failed,
    };
    Failure::of(exit, &error)
}
