//! A directory of part files that appears as a whole or not at all.
//!
//! The driver begins an [`Output`]: a hidden staging directory. Tasks write parts there with a [`PartWriter`], each
//! attempt under a name of its own. The driver commits the parts of the attempts that won:
//!
//! ```text
//! .table.bobbin-ID/            beside the destination; inside it (.bobbin-ID) when parts are added to it
//!     attempts/…               what tasks write
//!     table/                   the winners' parts and _SUCCESS, then renamed to the destination
//!     old/                     what was at the destination, between two renames
//! ```
//!
//! Names that begin with `.` or `_` are hidden from listings here and in Hive and Spark. A driver that dies leaves only a
//! staging directory; whoever begins an output of the same destination a day later removes it.

mod commit;
mod part;
mod staging;
mod store;
mod sweep;

pub use part::{Part, PartName, PartWriter};
pub use staging::Staging;

pub(crate) use store::Store;

use std::time::SystemTime;

use self::staging::Layout;
use crate::error::WriteError;
use crate::reader::BlockReader;

/// What to do with what is at the destination already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputMode {
    /// Refuse, unless it is an empty directory.
    #[default]
    Error,
    /// Replace it.
    Overwrite,
    /// Add files to the directory.
    Append,
}

/// An output that has begun. Without a commit nobody sees anything of it; dropping it leaves its staging directory behind,
/// so call [`Output::abort`].
#[derive(Debug)]
pub struct Output {
    store: Store,
    layout: Layout,
    id: String,
    manner: Manner,
}

/// How parts get to the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A new directory takes a name that is free, or an empty directory's.
    New,
    /// A new directory takes the name of what is there.
    Replace,
    /// Files go into the directory that is there.
    Add,
}

impl Output {
    /// Begins an output at `url`, a directory whose parent is there. `id` tells this run from all others (letters, digits,
    /// `-`, `_`, `.`) and becomes part of the files' names. Leaves the destination as it is.
    ///
    /// # Errors
    /// Something is there and `mode` refuses it, or this user may not write there.
    pub async fn begin(reader: &BlockReader, url: &str, mode: OutputMode, id: &str) -> Result<Output, WriteError> {
        if id.is_empty() || !id.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)) {
            let reason = format!("its run is called {id:?}; letters, digits, '-', '_' and '.' may be in that name");
            return Err(WriteError::Unsupported { url: url.to_owned(), reason });
        }
        let (store, destination) = reader.store(url)?;
        let destination = store.resolve(destination);
        let Some(beside) = Layout::beside(&destination, id) else {
            let reason = "it is no directory that could be made; name one below it".to_owned();
            return Err(WriteError::Unsupported { url: url.to_owned(), reason });
        };
        sweep::sweep(&store, &beside, SystemTime::now()).await;
        let manner = manner(&store, &destination, mode).await?;
        let layout = match manner {
            Manner::New | Manner::Replace => beside,
            Manner::Add => Layout::inside(&destination, id),
        };
        if manner == Manner::Add {
            sweep::sweep(&store, &layout, SystemTime::now()).await;
        }
        let made = store.make_directory(layout.root()).await;
        if !made.map_err(|error| error.about(store.url(&destination)))? {
            return Err(WriteError::Exists { url: store.url(layout.root()) });
        }
        store.make_directory(&layout.attempts()).await?;
        Ok(Output { store, layout, id: id.to_owned(), manner })
    }

    /// What tasks need to know to write parts.
    pub fn staging(&self) -> Staging {
        Staging { url: self.store.url(self.layout.root()), id: self.id.clone() }
    }

    /// Publishes exactly these parts and removes the staging directory. A directory that is new or replaces another
    /// appears at once, with `_SUCCESS` in it. Files that are added appear one after the other, each whole, and
    /// `_SUCCESS` after the last.
    ///
    /// # Errors
    /// The file system failed. Then the destination is as it was and the staging directory is gone, but for
    /// [`WriteError::NotRestored`], which says what to do by hand.
    pub async fn commit(self, parts: &[Part]) -> Result<(), WriteError> {
        let committed = commit::commit(&self, parts).await;
        if !matches!(committed, Err(WriteError::NotRestored { .. })) {
            self.abort().await;
        }
        committed
    }

    /// Removes the staging directory. When that fails the log says so, and a later output sweeps it.
    pub async fn abort(self) {
        if let Err(error) = self.store.remove_tree(self.layout.root()).await {
            let staging = self.store.url(self.layout.root());
            tracing::warn!(%staging, %error, "a staging directory stays behind");
        }
    }
}

async fn manner(store: &Store, destination: &str, mode: OutputMode) -> Result<Manner, WriteError> {
    let Some(found) = store.look(destination).await? else { return Ok(Manner::New) };
    let url = || store.url(destination);
    match mode {
        OutputMode::Overwrite => Ok(Manner::Replace),
        OutputMode::Append if found.is_directory => Ok(Manner::Add),
        OutputMode::Append => Err(WriteError::AppendToFile { url: url() }),
        OutputMode::Error if found.is_directory && store.children(destination).await?.is_empty() => Ok(Manner::New),
        OutputMode::Error => Err(WriteError::OutputExists { url: url() }),
    }
}

#[cfg(test)]
mod tests;
