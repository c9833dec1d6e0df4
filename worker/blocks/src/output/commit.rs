//! From parts in a staging directory to a table: all of them, or what was there before.

use std::collections::BTreeSet;

use futures::StreamExt;

use super::part::{self, Part};
use super::store::Store;
use super::{Manner, Output};
use crate::error::WriteError;

/// Renames that a NameNode is asked for at the same time.
const AT_ONCE: usize = 16;

const MARKER: &str = "_SUCCESS";

/// Publishes the parts. An error means that the destination is as it was, unless it is [`WriteError::NotRestored`].
pub(super) async fn commit(output: &Output, parts: &[Part]) -> Result<(), WriteError> {
    check(output, parts)?;
    let (store, layout) = (&output.store, &output.layout);
    if output.manner == Manner::Add {
        return Addition::new(output, layout.destination()).add(parts).await;
    }
    store.make_directory(&layout.table()).await?;
    Addition::new(output, &layout.table()).add(parts).await?;
    match output.manner {
        Manner::Replace => replace(output).await,
        Manner::New | Manner::Add => store.move_directory(&layout.table(), layout.destination()).await,
    }
}

/// Puts the new directory in the place of what is at the destination.
pub(super) async fn replace(output: &Output) -> Result<(), WriteError> {
    let (store, layout) = (&output.store, &output.layout);
    let (old, destination) = (layout.old(), layout.destination());
    if store.look(destination).await?.is_some() {
        store.move_directory(destination, &old).await?;
    }
    let Err(error) = store.move_directory(&layout.table(), destination).await else { return Ok(()) };
    if store.look(&old).await.is_ok_and(|found| found.is_none()) {
        return Err(error);
    }
    match store.move_directory(&old, destination).await {
        Ok(()) => Err(error),
        Err(_) => Err(WriteError::NotRestored {
            url: store.url(destination),
            way_out: format!("what was there is in {}; move it back", store.url(&old)),
            source: Box::new(error),
        }),
    }
}

fn check(output: &Output, parts: &[Part]) -> Result<(), WriteError> {
    let url = output.store.url(output.layout.destination());
    let mut paths = BTreeSet::new();
    for part in parts {
        part::check(&part.path, &url)?;
        if part.temporary.contains('/') || !paths.insert(&part.path) {
            return Err(WriteError::BadPart { url, path: part.path.clone() });
        }
    }
    Ok(())
}

/// Parts on their way into a directory, and how to take them out again.
struct Addition<'a> {
    store: &'a Store,
    attempts: String,
    directory: String,
    /// Directories that were not there before, outer ones first.
    made: Vec<String>,
    /// Renames that were done: from, to.
    moved: Vec<(String, String)>,
}

impl<'a> Addition<'a> {
    fn new(output: &'a Output, directory: &str) -> Addition<'a> {
        let attempts = output.layout.attempts();
        Addition {
            store: &output.store,
            attempts,
            directory: directory.to_owned(),
            made: Vec::new(),
            moved: Vec::new(),
        }
    }

    /// Moves the parts and marks the directory; takes all back when one step fails.
    async fn add(mut self, parts: &[Part]) -> Result<(), WriteError> {
        match self.try_add(parts).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.undo(error).await),
        }
    }

    async fn try_add(&mut self, parts: &[Part]) -> Result<(), WriteError> {
        self.make_directories(parts).await?;
        let directory = &self.directory;
        let moves = parts
            .iter()
            .map(|part| (format!("{}/{}", self.attempts, part.temporary), format!("{directory}/{}", part.path)));
        let done = move_files(self.store, moves.collect()).await;
        let mut failed = None;
        for (moved, result) in done {
            match result {
                Ok(()) => self.moved.push(moved),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)?;
        let marker = format!("{directory}/{MARKER}");
        if self.store.look(&marker).await?.is_none() {
            self.store.create(&marker).await?.close().await?;
        }
        Ok(())
    }

    async fn make_directories(&mut self, parts: &[Part]) -> Result<(), WriteError> {
        let mut wanted = BTreeSet::new();
        for part in parts {
            wanted.extend(part.path.match_indices('/').map(|(slash, _)| &part.path[..slash]));
        }
        // In this order a directory comes before those in it.
        for path in wanted {
            let path = format!("{}/{path}", self.directory);
            if self.store.make_directory(&path).await? {
                self.made.push(path);
            }
        }
        Ok(())
    }

    /// Gives the error that remains: the one that led here, or that something of it is left.
    async fn undo(self, error: WriteError) -> WriteError {
        let back = self.moved.into_iter().map(|(from, to)| (to, from)).collect();
        let left = move_files(self.store, back).await.into_iter().find(|(_, result)| result.is_err());
        if let Some(((path, _), _)) = left {
            return WriteError::NotRestored {
                url: self.store.url(&self.directory),
                way_out: format!("some files of this run are in it, such as {}; remove them", self.store.url(&path)),
                source: Box::new(error),
            };
        }
        for directory in self.made.iter().rev() {
            // Somebody else may have put a file there meanwhile; then the directory is theirs.
            if let Err(error) = self.store.remove_empty(directory).await {
                tracing::debug!(%directory, %error, "a directory stays");
            }
        }
        error
    }
}

/// Renames, some at a time; says of each whether it was done.
async fn move_files(store: &Store, moves: Vec<(String, String)>) -> Vec<((String, String), Result<(), WriteError>)> {
    let moving = moves.into_iter().map(|(from, to)| async move {
        let result = store.move_file(&from, &to).await;
        ((from, to), result)
    });
    futures::stream::iter(moving).buffer_unordered(AT_ONCE).collect().await
}
