//! What can be wrong with an archive, in words that name the entry and the way out.

use std::path::PathBuf;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be opened or read at all.
    #[error("read archive {}", path.display())]
    Open {
        /// The archive.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// YARN would not unpack a file of this name.
    #[error("archive {} cannot be shipped: {reason}", path.display())]
    Unsupported {
        /// The archive.
        path: PathBuf,
        /// What it is, and what to do instead.
        reason: Unsupported,
    },
    /// The compressed stream or the tar format is broken.
    #[error("archive {} is damaged or cut off after {entries} entries ({unpacked_bytes} bytes unpacked); pack or copy it again", path.display())]
    Corrupt {
        /// The archive.
        path: PathBuf,
        /// Entries that could be read.
        entries: u64,
        /// Bytes that could be unpacked.
        unpacked_bytes: u64,
        /// What the decoder said.
        #[source]
        source: std::io::Error,
    },
    /// An entry cannot be unpacked safely, or would not work on a node.
    #[error("archive {}: entry {entry:?} {defect}", path.display())]
    Entry {
        /// The archive.
        path: PathBuf,
        /// Path of the entry inside the archive.
        entry: String,
        /// What is wrong with it.
        defect: Defect,
    },
    /// It would fill the disk.
    #[error("archive {} would unpack to more than {limit}, from {packed_bytes} bytes; it may be made to fill disks: {way}", path.display())]
    TooMuch {
        /// The archive.
        path: PathBuf,
        /// What it exceeds.
        limit: String,
        /// Its length.
        packed_bytes: u64,
        /// What to do if it is meant.
        way: &'static str,
    },
    /// There is nothing in it.
    #[error("archive {} holds no entries; pack the environment's directory with: yarn-submit pack --prefix DIRECTORY -o env.tar.gz", path.display())]
    Empty {
        /// The archive.
        path: PathBuf,
    },
}

/// Names and kinds of files that nobody unpacks on a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// A directory.
    #[error("it is a directory; pack it with: yarn-submit pack --prefix {} -o env.tar.gz", .0.display())]
    Directory(PathBuf),
    /// A compression that YARN does not know.
    #[error(
        "nobody unpacks {0} files on a node; use .tar.gz, .tar.zst or .tar: unpack it and pack the directory with: yarn-submit pack --prefix DIRECTORY -o env.tar.gz"
    )]
    Compression(&'static str),
    /// Any other name.
    #[error(
        "only files whose names end in .tar.gz, .tgz, .tar, .tar.zst or .zip are unpacked on a node; rename it if it is one of these, or pack the directory with: yarn-submit pack --prefix DIRECTORY -o env.tar.gz"
    )]
    Name,
    /// The first bytes are not what the name says.
    #[error(
        "its name ends in {name} but its first bytes are not {expected}; rename it to what it is, or pack it again"
    )]
    Disguised {
        /// Suffix of the name.
        name: &'static str,
        /// What such a file starts with.
        expected: &'static str,
    },
}

/// What is wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// `/etc/passwd`.
    #[error(
        "is an absolute path; pack with paths relative to the environment: yarn-submit pack --prefix DIRECTORY -o env.tar.gz"
    )]
    AbsolutePath,
    /// `../x`.
    #[error("leads out of the archive through \"..\"; pack with: yarn-submit pack --prefix DIRECTORY -o env.tar.gz")]
    ParentPath,
    /// A symbolic link to an absolute path: the file is not in the archive, so a node may not have it.
    #[error(
        "is a link to {target:?}, which is not in the archive and which a node may not have; pack the file itself (an environment with its own interpreter, or tar --dereference)"
    )]
    AbsoluteLink {
        /// Where the link points.
        target: String,
    },
    /// A symbolic link that climbs above the archive's root.
    #[error("is a link to {target:?}, which leads out of the archive; pack the file itself (tar --dereference)")]
    EscapingLink {
        /// Where the link points.
        target: String,
    },
    /// A hard link to something that no earlier entry holds.
    #[error(
        "is a hard link to {target:?}, which no earlier entry of the archive holds; pack with: tar --hard-dereference"
    )]
    DanglingHardLink {
        /// Where the link points.
        target: String,
    },
    /// An entry below a path that is a symbolic link or a file.
    #[error(
        "lies below {parent:?}, which is a link or a file and not a directory; pack it again from a clean directory"
    )]
    BelowLink {
        /// The entry that is no directory.
        parent: String,
    },
    /// A device, a pipe, a socket.
    #[error("is a {kind}; environments hold only files, directories and links: leave it out (tar --exclude)")]
    Special {
        /// What it is.
        kind: &'static str,
    },
    /// Two entries have the same path.
    #[error("is there twice; pack it again from a clean directory")]
    Twice,
    /// A name that no file system takes.
    #[error("has an impossible name (too long, or with a NUL in it), or is a link to nothing")]
    Nul,
    /// All names together are too long.
    #[error("is one too many: the names of all entries and of their directories would fill the memory")]
    Names,
    /// A link in a zip archive.
    #[error("is a link, which YARN turns into a text file when it unpacks a .zip; pack a .tar.gz or a .tar.zst")]
    LinkInZip,
    /// An encrypted entry of a zip archive.
    #[error("is encrypted, and nobody has a password on a node; pack it without one")]
    Encrypted,
    /// A compression that is not supported in zip archives.
    #[error("is compressed with method {0}, which is not supported in a .zip; pack it again with deflate")]
    ZipMethod(u16),
    /// The interpreter cannot be executed.
    #[error("is a program without its executable bit; restore it with chmod +x and pack again")]
    NotExecutable,
    /// A name that is not text.
    #[error("has a name that is not UTF-8; rename it")]
    NotText,
}
