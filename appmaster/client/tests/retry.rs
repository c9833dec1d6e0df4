//! Futures that have failed and are retried: alone, with what they read, and by whoever reads them.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin::{Files, FutureError, LocalOptions, RetryError, Session, Status, TaskOptions};
use bobbin_blocks::{BlockReader, PathBase};
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

/// A place where calls leave their names, and look for what they need.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    /// From now on calls find this.
    fn put(&self, what: &str) {
        std::fs::write(self.0.path().join(what), "").unwrap();
    }

    /// The calls that were made, in their order.
    fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn note(place: &Path, name: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(place.join("calls")).unwrap();
    file.write_all(format!("{name}\n").as_bytes()).unwrap();
}

/// Fails until there is a file of this name.
#[bobbin::task]
fn needs(place: String, what: String) -> Result<u64, String> {
    let place = PathBuf::from(place);
    note(&place, &format!("needs {what}"));
    if place.join(&what).exists() { Ok(20) } else { Err(format!("there is no {what}")) }
}

#[bobbin::task]
fn plus(place: String, left: u64, right: u64) -> u64 {
    note(Path::new(&place), "plus");
    left + right
}

/// Fails until there is a file of this name.
#[bobbin::task]
fn needs_too(place: String, what: String, number: u64) -> Result<u64, String> {
    let found = Path::new(&place).join(&what).exists();
    if found { Ok(number * 2) } else { Err(format!("there is no {what}")) }
}

/// Stays until it is stopped, or there is a file `end`.
#[bobbin::task]
fn stays(place: String) -> Result<u64, String> {
    let place = PathBuf::from(place);
    note(&place, "stays");
    while !place.join("end").exists() {
        bobbin::checkpoint().map_err(|error| error.to_string())?;
        std::thread::yield_now();
    }
    Ok(1)
}

async fn session(directory: &Path) -> Session {
    let spill_directory = directory.join("spill");
    let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    Session::begin(&options, Files::new(BlockReader::local(), PathBase::Local)).await.unwrap()
}

#[tokio::test]
async fn what_has_failed_is_made_again_with_what_it_reads() {
    let place = Place::new();
    let session = session(place.0.path()).await;
    let path = || place.path();
    let first = session.submit(needs, (path(), "bread".to_owned()));
    let second = session.submit(plus, (path(), &first, 1u64));
    let third = session.submit(plus, (path(), &second, &first));
    let other = session.submit(plus, (path(), &first, 5u64));
    let error = soon(third.result()).await.unwrap_err();
    assert!(error.to_string().contains("there is no bread"), "{error}");
    soon(other.wait()).await;
    assert_eq!(place.calls(), ["needs bread"]);
    // Again, and it fails again.
    third.retry().unwrap();
    assert!(soon(third.result()).await.is_err());
    // It reads both, and may hear of the first one's failure before the second one does.
    soon(second.wait()).await;
    assert_eq!((first.status(), second.status()), (Status::Failed, Status::Failed));
    assert_eq!(place.calls(), ["needs bread", "needs bread"]);
    place.put("bread");
    third.retry().unwrap();
    assert_eq!(soon(third.result()).await.unwrap(), 41);
    assert_eq!((soon(first.result()).await.unwrap(), soon(second.result()).await.unwrap()), (20, 21));
    assert_eq!(place.calls()[2..], ["needs bread", "plus", "plus"]);
    // Whoever else had failed because of it stays so, until it is asked, too; what is there is not made again.
    assert_eq!(other.status(), Status::Failed);
    other.retry().unwrap();
    assert_eq!(soon(other.result()).await.unwrap(), 25);
    assert_eq!(place.calls()[5..], ["plus"]);
    let name = |error: RetryError| matches!(error, RetryError::NotFailed(name) if name.starts_with("retry::plus "));
    assert!(name(other.retry().unwrap_err()));
    // Later calls read it like any other.
    assert_eq!(soon(session.submit(plus, (path(), &third, &other)).result()).await.unwrap(), 66);
}

#[tokio::test]
async fn who_holds_only_the_last_one_has_all_made_again() {
    let place = Place::new();
    let session = session(place.0.path()).await;
    let path = || place.path();
    let last = {
        let first = session.submit(needs, (path(), "salt".to_owned()));
        let second = session.submit(plus, (path(), &first, &first));
        session.submit(plus, (path(), &second, 1u64))
    };
    soon(last.wait()).await;
    place.put("salt");
    last.retry().unwrap();
    assert_eq!(soon(last.result()).await.unwrap(), 41);
    assert_eq!(place.calls(), ["needs salt", "needs salt", "plus", "plus"]);
}

#[tokio::test]
async fn what_nobody_holds_is_named() {
    let place = Place::new();
    let session = session(place.0.path()).await;
    let path = || place.path();
    let input = session.submit(plus, (path(), 3u64, 4u64));
    let reader = session.submit(needs_too, (path(), "oil".to_owned(), &input));
    soon(reader.wait()).await;
    assert_eq!(reader.status(), Status::Failed);
    place.put("oil");
    let name = input.key()[..8].to_owned();
    let held = input.clone();
    drop(input);
    // Held by a clone.
    reader.retry().unwrap();
    assert_eq!(soon(reader.result()).await.unwrap(), 14);
    let reader = session.submit(needs_too, (path(), "wine".to_owned(), held));
    soon(reader.wait()).await;
    let error = reader.retry().unwrap_err();
    assert!(matches!(&error, RetryError::Dropped { input, .. } if input.ends_with(&name)), "{error}");
    assert_eq!(reader.status(), Status::Failed);
}

#[tokio::test]
async fn what_was_cancelled_can_be_retried() {
    let place = Place::new();
    let session = session(place.0.path()).await;
    let options = TaskOptions { pure: Some(false), ..TaskOptions::default() };
    let future = session.submit_with::<stays>((place.path(),), &options);
    soon(async {
        while place.calls().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    future.cancel();
    assert!(matches!(soon(future.result()).await, Err(FutureError::Cancelled { .. })));
    place.put("end");
    future.retry().unwrap();
    assert_eq!(soon(future.result()).await.unwrap(), 1);
}
