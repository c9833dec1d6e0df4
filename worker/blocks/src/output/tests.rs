//! Outputs on the local file system. HDFS differs in `Store` alone.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use super::*;

/// Local operations never wait, so that one poll is enough.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a local operation waited"),
    }
}

/// A directory, and the table in it that a test writes.
struct Place {
    dir: tempfile::TempDir,
    reader: BlockReader,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap(), reader: BlockReader::local() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn begin(&self, mode: OutputMode, id: &str) -> Result<Output, WriteError> {
        now(Output::begin(&self.reader, self.path("table").to_str().unwrap(), mode, id))
    }

    fn part(&self, output: &Output, directory: &str, number: u32, content: &str) -> Part {
        let name = PartName { directory, stem: &format!("part-{number:05}"), extension: "csv" };
        let mut writer = now(PartWriter::create(&self.reader, &output.staging(), name, "task 3/0")).unwrap();
        for piece in content.as_bytes().chunks(2) {
            now(writer.write(bytes::Bytes::copy_from_slice(piece))).unwrap();
        }
        let part = now(writer.finish(7)).unwrap();
        assert_eq!((part.bytes, part.rows), (content.len() as u64, 7));
        part
    }

    /// Begins, writes `parts` (directory, number, content), commits.
    fn write(&self, mode: OutputMode, id: &str, parts: &[(&str, u32, &str)]) -> Result<(), WriteError> {
        let output = self.begin(mode, id)?;
        let parts: Vec<Part> = parts.iter().map(|(dir, number, text)| self.part(&output, dir, *number, text)).collect();
        now(output.commit(&parts))
    }

    /// All files and empty directories, hidden ones too: `path=content`, sorted.
    fn tree(&self) -> Vec<String> {
        fn walk(root: &Path, path: &Path, seen: &mut Vec<String>) {
            let children: Vec<_> = fs::read_dir(path).unwrap().map(|child| child.unwrap().path()).collect();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if children.is_empty() && path != root {
                seen.push(format!("{name}/"));
            }
            for child in children {
                match fs::read_to_string(&child) {
                    Ok(text) => seen.push(format!("{}={text}", child.strip_prefix(root).unwrap().display())),
                    Err(_) => walk(root, &child, seen),
                }
            }
        }
        let mut seen = Vec::new();
        walk(self.dir.path(), self.dir.path(), &mut seen);
        seen.sort();
        seen
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(self.tree(), expected);
    }
}

#[test]
fn a_new_table_appears_as_a_whole() {
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "7").unwrap();
    let first = place.part(&output, "", 0, "a\n");
    let loser = place.part(&output, "", 0, "a\n");
    let second = place.part(&output, "k=1/j=2", 1, "b\n");
    assert_ne!(first.temporary, loser.temporary);
    assert!(!place.path("table").exists());
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 1, "only the staging directory");
    now(output.commit(&[first, second])).unwrap();
    place.check(&["table/_SUCCESS=", "table/k=1/j=2/part-00001-7.csv=b\n", "table/part-00000-7.csv=a\n"]);
}

#[test]
fn an_existing_table_is_refused_unless_empty() {
    let place = Place::new();
    fs::create_dir(place.path("table")).unwrap();
    place.write(OutputMode::Error, "1", &[("", 0, "x")]).unwrap();
    let error = place.begin(OutputMode::Error, "2").unwrap_err();
    assert!(matches!(error, WriteError::OutputExists { .. }) && error.to_string().contains("--mode append"));
    assert_eq!(error.exit_code(), 66);
    place.check(&["table/_SUCCESS=", "table/part-00000-1.csv=x"]);
}

#[test]
fn a_table_that_appears_meanwhile_is_kept() {
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "1").unwrap();
    let part = place.part(&output, "", 0, "x");
    fs::create_dir(place.path("table")).unwrap();
    fs::write(place.path("table/other"), "other").unwrap();
    assert!(now(output.commit(&[part])).is_err());
    place.check(&["table/other=other"]);
}

#[test]
fn overwriting_replaces_all() {
    let place = Place::new();
    place.write(OutputMode::Overwrite, "1", &[("k=1", 0, "old"), ("", 1, "old")]).unwrap();
    place.write(OutputMode::Overwrite, "2", &[("", 0, "new")]).unwrap();
    place.check(&["table/_SUCCESS=", "table/part-00000-2.csv=new"]);
    fs::remove_dir_all(place.path("table")).unwrap();
    fs::write(place.path("table"), "a file").unwrap();
    place.write(OutputMode::Overwrite, "3", &[]).unwrap();
    place.check(&["table/_SUCCESS="]);
}

#[test]
fn a_failed_overwrite_leaves_the_old() {
    let place = Place::new();
    place.write(OutputMode::Error, "1", &[("", 0, "old")]).unwrap();
    let output = place.begin(OutputMode::Overwrite, "2").unwrap();
    let part = place.part(&output, "", 0, "new");
    let missing = Part { path: "part-9".to_owned(), temporary: "none".to_owned(), bytes: 0, rows: 0 };
    assert!(now(output.commit(&[part, missing])).is_err());
    place.check(&["table/_SUCCESS=", "table/part-00000-1.csv=old"]);
}

#[test]
fn the_old_comes_back_when_the_new_cannot_take_its_place() {
    let place = Place::new();
    place.write(OutputMode::Error, "1", &[("", 0, "old")]).unwrap();
    let output = place.begin(OutputMode::Overwrite, "2").unwrap();
    // The new directory vanishes between the two renames.
    let table = output.layout.table();
    assert!(now(commit::replace(&output)).is_err());
    assert!(!Path::new(&table).exists());
    now(output.abort());
    place.check(&["table/_SUCCESS=", "table/part-00000-1.csv=old"]);
}

#[test]
fn appending_adds() {
    let place = Place::new();
    place.write(OutputMode::Append, "1", &[("k=1", 0, "one")]).unwrap();
    place.write(OutputMode::Append, "2", &[("k=1", 0, "two"), ("k=2", 0, "two")]).unwrap();
    place.check(&[
        "table/_SUCCESS=",
        "table/k=1/part-00000-1.csv=one",
        "table/k=1/part-00000-2.csv=two",
        "table/k=2/part-00000-2.csv=two",
    ]);
    fs::write(place.path("file"), "").unwrap();
    let url = place.path("file");
    let error = now(Output::begin(&place.reader, url.to_str().unwrap(), OutputMode::Append, "3")).unwrap_err();
    assert!(matches!(error, WriteError::AppendToFile { .. }), "{error}");
}

#[test]
fn a_failed_append_takes_its_files_back() {
    let place = Place::new();
    place.write(OutputMode::Error, "1", &[("", 0, "old")]).unwrap();
    fs::remove_file(place.path("table/_SUCCESS")).unwrap();
    let output = place.begin(OutputMode::Append, "2").unwrap();
    let parts = [place.part(&output, "", 0, "new"), place.part(&output, "k=1/j=1", 1, "new")];
    // Somebody has the second part's name.
    let taken = place.path("table/k=1/j=1");
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("part-00001-2.csv"), "theirs").unwrap();
    assert!(now(output.commit(&parts)).is_err());
    place.check(&["table/k=1/j=1/part-00001-2.csv=theirs", "table/part-00000-1.csv=old"]);
}

#[test]
fn directories_that_a_failed_append_made_go() {
    let place = Place::new();
    place.write(OutputMode::Error, "1", &[("", 0, "old")]).unwrap();
    let output = place.begin(OutputMode::Append, "2").unwrap();
    let part = place.part(&output, "k=1/j=1", 1, "new");
    let missing = Part { path: "part-9".to_owned(), temporary: "none".to_owned(), bytes: 0, rows: 0 };
    assert!(now(output.commit(&[part, missing])).is_err());
    place.check(&["table/_SUCCESS=", "table/part-00000-1.csv=old"]);
}

#[test]
fn parts_that_are_none() {
    let place = Place::new();
    for path in ["../part", "part", "_part"] {
        let output = place.begin(OutputMode::Error, "1").unwrap();
        let mut part = place.part(&output, "", 0, "x");
        part.path = path.to_owned();
        let twin = place.part(&output, "", 0, "x");
        let parts = [part.clone(), Part { path: part.path.clone(), ..twin }];
        assert!(matches!(now(output.commit(&parts)), Err(WriteError::BadPart { .. })));
        place.check(&[]);
    }
}

#[test]
fn an_aborted_output_leaves_nothing_and_takes_no_more_parts() {
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "1").unwrap();
    let staging = output.staging();
    place.part(&output, "", 0, "x");
    now(output.abort());
    place.check(&[]);
    let name = PartName { directory: "", stem: "part-0", extension: "" };
    let error = now(PartWriter::create(&place.reader, &staging, name, "0")).unwrap_err();
    assert!(matches!(error, WriteError::NoDirectory { .. }), "{error}");
}

#[test]
fn a_discarded_part_is_gone() {
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "1").unwrap();
    let name = PartName { directory: "", stem: "part-0", extension: "" };
    let writer = now(PartWriter::create(&place.reader, &output.staging(), name, "0")).unwrap();
    now(writer.discard()).unwrap();
    place.check(&[".table.bobbin-1/attempts/"]);
}

#[test]
fn what_cannot_begin() {
    let place = Place::new();
    let begin = |url: &str, id: &str| now(Output::begin(&place.reader, url, OutputMode::Overwrite, id)).unwrap_err();
    let missing = place.path("none/table");
    assert!(matches!(begin(missing.to_str().unwrap(), "1"), WriteError::NoDirectory { .. }));
    assert!(matches!(begin("/", "1"), WriteError::Unsupported { .. }));
    assert!(matches!(begin("s3://bucket/a", "1"), WriteError::Unsupported { .. }));
    assert!(matches!(begin("hdfs:///a", "1"), WriteError::Unsupported { .. }));
    assert!(matches!(begin(place.path("table").to_str().unwrap(), "../1"), WriteError::Unsupported { .. }));
    let _other = place.begin(OutputMode::Error, "1").unwrap();
    assert!(matches!(place.begin(OutputMode::Error, "1"), Err(WriteError::Exists { .. })), "the id is taken");
}

#[test]
fn a_link_to_a_directory_stands_for_it() {
    let place = Place::new();
    fs::create_dir(place.path("real")).unwrap();
    std::os::unix::fs::symlink(place.path("real"), place.path("table")).unwrap();
    place.write(OutputMode::Error, "1", &[("", 0, "x")]).unwrap();
    place.write(OutputMode::Append, "2", &[("", 0, "y")]).unwrap();
    assert!(place.path("table").is_symlink());
    assert_eq!(fs::read_to_string(place.path("real/part-00000-2.csv")).unwrap(), "y");
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2);
}

#[test]
fn no_permission_is_an_error_at_the_beginning() {
    let place = Place::new();
    fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere.
    if fs::write(place.path("probe"), "").is_err() {
        assert!(matches!(place.begin(OutputMode::Error, "1"), Err(WriteError::PermissionDenied { .. })));
    }
    fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

fn sweep_in(place: &Place, after: Duration) {
    let layout = Layout::beside(place.path("table").to_str().unwrap(), "new").unwrap();
    now(sweep::sweep(&Store::Local, &layout, SystemTime::now() + after));
}

#[test]
fn stale_staging_directories_are_swept() {
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "1").unwrap();
    place.part(&output, "", 0, "x");
    drop(output);
    fs::create_dir(place.path(".other.bobbin-1")).unwrap();
    sweep_in(&place, Duration::from_secs(23 * 3600));
    assert!(place.path(".table.bobbin-1/attempts").exists());
    sweep_in(&place, Duration::from_secs(25 * 3600));
    place.check(&[".other.bobbin-1/"]);
}

#[test]
fn sweeping_gives_back_what_a_dead_driver_had_moved_aside() {
    let place = Place::new();
    place.write(OutputMode::Error, "1", &[("", 0, "old")]).unwrap();
    let output = place.begin(OutputMode::Overwrite, "2").unwrap();
    fs::rename(place.path("table"), output.layout.old()).unwrap();
    drop(output);
    sweep_in(&place, Duration::from_secs(25 * 3600));
    place.check(&["table/_SUCCESS=", "table/part-00000-1.csv=old"]);
}

#[test]
fn outputs_go_to_any_thread() {
    fn check<T: Send>(_: &T) {}
    let place = Place::new();
    let output = place.begin(OutputMode::Error, "1").unwrap();
    let (staging, name) = (output.staging(), PartName { directory: "", stem: "part-0", extension: "" });
    check(&PartWriter::create(&place.reader, &staging, name, "0"));
    check(&Output::begin(&place.reader, "table", OutputMode::Error, "2"));
    check(&output.commit(&[]));
}
