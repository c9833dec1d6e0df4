//! Options of the commands that need no cluster: packing, verifying and unpacking environments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CommonArgs, Size};

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArchiveFormat {
    /// Gzip, which YARN unpacks.
    #[value(name = "tar.gz")]
    TarGz,
    /// Zstandard, which bobbin's own processes unpack.
    #[value(name = "tar.zst")]
    TarZst,
    /// Not compressed.
    Tar,
    /// Zip, which YARN unpacks without its links.
    Zip,
}

/// `pack`
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The environment: virtual environment, conda prefix or any directory [default: the active one].
    #[arg(short, long, value_name = "DIR", conflicts_with = "requirements")]
    pub prefix: Option<PathBuf>,
    /// Build a virtual environment of these requirements first, with uv or pip.
    #[arg(short, long, value_name = "FILE")]
    pub requirements: Option<PathBuf>,
    /// The archive; its suffix says the format [default: NAME.tar.gz].
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Format of the archive [default: by its name].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ArchiveFormat>,
    /// Replace a file that was not packed from this environment.
    #[arg(long)]
    pub force: bool,
    /// Forget what was packed or built before, and do it anew.
    #[arg(long)]
    pub fresh: bool,
    /// Say what would be packed; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// List what is left out and why, and the largest directories.
    #[arg(long)]
    pub report: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Leave out what matches; repeatable. A name matches at any depth, a path from the root; ** crosses directories.
    #[arg(long, value_name = "GLOB", help_heading = "Content")]
    pub exclude: Vec<String>,
    /// Take in what matches, although --exclude or --slim leaves it out; repeatable.
    #[arg(long, value_name = "GLOB", help_heading = "Content")]
    pub include: Vec<String>,
    /// Leave out what programs do not need: bytecode, tests, headers, static libraries, documentation.
    #[arg(long, help_heading = "Content")]
    pub slim: bool,
    /// Compile all Python files, so that nodes need not.
    #[arg(long, help_heading = "Content")]
    pub bytecode: bool,
    /// Leave the interpreter of a virtual environment out; nodes must have the same one.
    #[arg(long, help_heading = "Content")]
    pub no_interpreter: bool,
    /// Go on when files of installed packages are missing or links lead nowhere.
    #[arg(long, help_heading = "Content")]
    pub ignore_missing: bool,
    /// Go on when packages are installed in editable mode, without their code.
    #[arg(long, help_heading = "Content")]
    pub ignore_editable: bool,
    /// Files that may name the environment's old place where that matters; repeatable.
    #[arg(long, value_name = "GLOB", help_heading = "Content")]
    pub allow_prefix: Vec<String>,
    /// Where the archive will be unpacked, if that is known: files name that place.
    #[arg(long, value_name = "DIR", help_heading = "Content")]
    pub dest_prefix: Option<PathBuf>,
    /// Level of compression: 0 to 12 for gzip and zip [default: 3 and 4], 1 to 19 for zstd [default: 3].
    #[arg(long, value_name = "N")]
    pub level: Option<i32>,
    /// Threads that read and compress [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The most that is unpacked.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// Bytes of all files.
    #[arg(long, value_name = "SIZE", default_value = "200GiB", help_heading = "Limits")]
    pub max_size: Size,
    /// Entries.
    #[arg(long, value_name = "N", default_value = "10000000", help_heading = "Limits")]
    pub max_entries: u64,
    /// Bytes for each byte of the archive, beyond the first GiB.
    #[arg(long, value_name = "N", default_value = "300", help_heading = "Limits")]
    pub max_ratio: u64,
}

/// `unpack`
#[derive(Debug, Args)]
pub struct UnpackArgs {
    /// The archive: .tar.gz, .tgz, .tar.zst, .tar or .zip.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// The directory that it becomes; it must not exist, or be empty.
    #[arg(short, long, value_name = "DIR")]
    pub directory: PathBuf,
    /// The place that files are to name, if it is another than DIR.
    #[arg(long, value_name = "DIR")]
    pub dest_prefix: Option<PathBuf>,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The archive.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// Modules to import [default: every top-level module].
    #[arg(long, value_name = "MODULE,…", value_delimiter = ',', conflicts_with = "no_import")]
    pub import: Vec<String>,
    /// Import nothing.
    #[arg(long)]
    pub no_import: bool,
    /// Where to unpack it for the time of the test [default: the directory for temporary files].
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}
