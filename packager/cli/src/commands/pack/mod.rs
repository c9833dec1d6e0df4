//! `pack`: an environment becomes one archive.

mod report;
mod requirements;

use std::path::{Path, PathBuf};

use bobbin::yarn::cache_directory;
use bobbin_packager::{DEFAULT_TIME, Format, PackError, PackOptions, Patterns, pack, preview};

use super::stoppable;
use crate::args::{ArchiveFormat, PackArgs};
use crate::bar::Bar;
use crate::exit::{Exit, Failure, chain};
use crate::progress::Display;

/// Runs the subcommand.
pub async fn run(args: PackArgs) -> Result<Exit, Failure> {
    let prefix = match &args.requirements {
        Some(file) => requirements::build(file, args.fresh, &Display::new(&args.common)).await?,
        None => prefix(&args)?,
    };
    let options = options(&args, prefix)?;
    if args.dry_run {
        let preview = stoppable(move |_| preview(&options)).await?.map_err(failure)?;
        report::preview(&preview, args.report, args.json);
        return Ok(Exit::Code(0));
    }
    let bar = Bar::new(&args.common);
    let shown = bar.clone();
    let packed = stoppable(move |stop| pack(&options, stop, &mut |progress| shown.show(&progress))).await;
    bar.clear();
    let packed = packed?.map_err(failure)?;
    if !args.common.quiet || args.json {
        report::packed(&packed, args.report, args.json);
    }
    Ok(Exit::Code(0))
}

/// What was named, or what is active.
fn prefix(args: &PackArgs) -> Result<PathBuf, Failure> {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().find_map(std::env::var_os).map(PathBuf::from);
    args.prefix.clone().or(active).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "no environment is active (VIRTUAL_ENV, CONDA_PREFIX); activate one, or name one with --prefix DIR",
        )
    })
}

fn options(args: &PackArgs, prefix: PathBuf) -> Result<PackOptions, Failure> {
    let output = args.output.clone().unwrap_or_else(|| default_output(&prefix, args));
    let mut options = PackOptions::new(prefix, output);
    options.format = args.format.map(|format| match format {
        ArchiveFormat::TarGz => Format::TarGz,
        ArchiveFormat::TarZst => Format::TarZst,
        ArchiveFormat::Tar => Format::Tar,
        ArchiveFormat::Zip => Format::Zip,
    });
    options.patterns = patterns(args).map_err(|error| Failure::of(Exit::Usage, &error))?;
    for glob in &args.allow_prefix {
        options.allowed.exclude(glob).map_err(|error| Failure::of(Exit::Usage, &error))?;
    }
    options.level = args.level;
    options.threads = args.threads.unwrap_or(options.threads).max(1);
    options.without_interpreter = args.no_interpreter;
    options.ignore_missing = args.ignore_missing;
    options.ignore_editable = args.ignore_editable;
    options.bytecode = args.bytecode;
    options.destination = destination(args.dest_prefix.as_deref())?;
    options.time = time(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())?;
    options.force = args.force;
    options.memory = cache_directory().map(|directory| directory.join("packs"));
    options.fresh = args.fresh;
    Ok(options)
}

/// `--include` has the last word.
fn patterns(args: &PackArgs) -> Result<Patterns, bobbin_packager::BadPattern> {
    let mut patterns = Patterns::default();
    if args.slim {
        patterns.slim();
    }
    args.exclude.iter().try_for_each(|glob| patterns.exclude(glob))?;
    args.include.iter().try_for_each(|glob| patterns.include(glob))?;
    Ok(patterns)
}

/// `NAME.tar.gz` in the working directory, for an environment in a directory NAME or `.NAME`.
fn default_output(prefix: &Path, args: &PackArgs) -> PathBuf {
    let absolute = std::fs::canonicalize(prefix).unwrap_or_else(|_| prefix.to_owned());
    let name = absolute.file_name().map(|name| name.to_string_lossy().trim_start_matches('.').to_owned());
    let suffix = match args.format.unwrap_or(ArchiveFormat::TarGz) {
        ArchiveFormat::TarGz => "tar.gz",
        ArchiveFormat::TarZst => "tar.zst",
        ArchiveFormat::Tar => "tar",
        ArchiveFormat::Zip => "zip",
    };
    PathBuf::from(format!("{}.{suffix}", name.filter(|name| !name.is_empty()).unwrap_or("environment".to_owned())))
}

/// Files name the place as it is written, so it must be a whole one.
pub fn destination(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    match path {
        Some(path) if !path.is_absolute() => {
            let message = format!("--dest-prefix {}: the path must be absolute", path.display());
            Err(Failure::new(Exit::Usage, message))
        }
        path => Ok(path.map(Path::to_owned)),
    }
}

/// The time of everything in the archive.
fn time(epoch: Option<&str>) -> Result<u64, Failure> {
    match epoch.filter(|text| !text.is_empty()).map(str::parse) {
        None => Ok(DEFAULT_TIME),
        Some(Ok(time)) => Ok(time),
        Some(Err(_)) => Err(Failure::new(Exit::Usage, "SOURCE_DATE_EPOCH must be a number of seconds since 1970")),
    }
}

/// What went wrong, with the contract's exit code.
pub fn failure(error: PackError) -> Failure {
    let is_denied = |error: &std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    let exit = match &error {
        PackError::Interrupted => Exit::Interrupted,
        PackError::Read { source, .. } | PackError::Write { source, .. } if is_denied(source) => Exit::Permission,
        PackError::Pattern(_)
        | PackError::Suffix(_)
        | PackError::DestPrefix { .. }
        | PackError::OutputIsDirectory(_)
        | PackError::OutputInside { .. }
        | PackError::Exists(_) => Exit::Usage,
        PackError::Write { .. } => Exit::Failed,
        PackError::NoDirectory(_)
        | PackError::Empty(_)
        | PackError::Read { .. }
        | PackError::Special { .. }
        | PackError::Changed { .. }
        | PackError::Links(_)
        | PackError::MissingFiles(_)
        | PackError::Editable(_)
        | PackError::Prefixes(_)
        | PackError::Interpreter { .. }
        | PackError::Relocate { .. }
        | PackError::Library { .. }
        | PackError::Collision { .. }
        | PackError::Compile(_) => Exit::Input,
    };
    Failure::new(exit, chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        assert_eq!(time(None).unwrap(), DEFAULT_TIME);
        assert_eq!(time(Some("1700000000")).unwrap(), 1_700_000_000);
        assert_eq!(time(Some("yesterday")).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn places_are_absolute() {
        assert!(destination(Some(Path::new("env"))).is_err());
        assert_eq!(destination(Some(Path::new("/opt/env"))).unwrap(), Some(PathBuf::from("/opt/env")));
        assert_eq!(destination(None).unwrap(), None);
    }
}
