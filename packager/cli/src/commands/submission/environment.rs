//! A directory given as environment: packed before it is submitted, into the user's cache directory, where the next run
//! finds it. What has not changed is neither packed nor uploaded again.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bobbin::yarn::{Digest, Environment, Request, Source, cache_directory};
use bobbin_packager::{PackError, PackOptions, Packed, pack};

use super::super::pack;
use crate::background::Background;
use crate::exit::{Exit, Failure};
use crate::progress::Display;
use crate::request;

/// The request as it can be submitted: with an archive where a directory was given.
pub async fn packed(request: &Request, display: &Display) -> Result<Request, Failure> {
    let mut request = request.clone();
    let Some(Environment { source: Source::Local(path), .. }) = &request.environment else { return Ok(request) };
    if path.is_dir() {
        let Some(cache) = cache_directory() else {
            let message = "--env: there is no place for the packed environment; set HOME or XDG_CACHE_HOME";
            return Err(Failure::new(Exit::Usage, message));
        };
        let packed = archive(path, &cache, display).await.map_err(|error| failure(path, error))?;
        let kind = request::kind(packed.preview.style);
        request.environment = Some(Environment { source: Source::Local(packed.path), kind, unpacked_by_yarn: false });
    }
    Ok(request)
}

async fn archive(directory: &Path, cache: &Path, display: &Display) -> Result<Packed, PackError> {
    let name = directory.display().to_string();
    display.say(format!("packing {name}"));
    let options = options(directory, cache)?;
    let shown = display.clone();
    let mut packing = Background::start(move |stop| pack(&options, stop, &mut |progress| shown.packing(&progress)));
    let packed = packing.done().await?;
    if !packed.is_unchanged {
        display.packed(&name, &packed);
    }
    Ok(packed)
}

/// Where the archive of a directory is, and what is remembered of it.
fn options(directory: &Path, cache: &Path) -> Result<PackOptions, PackError> {
    let failed = |source| PackError::Read { path: directory.to_owned(), source };
    let root = std::fs::canonicalize(directory).map_err(failed)?;
    let name = root.file_name().unwrap_or("environment".as_ref()).to_string_lossy().into_owned();
    // Directories of the same name have different ones here.
    let key = Digest::of(root.as_os_str().as_bytes()).to_string();
    let folder = cache.join("environments").join(&key[..16]);
    let output = folder.join(format!("{name}.tar.zst"));
    std::fs::create_dir_all(folder).map_err(|source| PackError::Write { path: output.clone(), source })?;
    let mut options = PackOptions::new(directory, output);
    options.memory = Some(cache.join("packs"));
    // Nobody else writes there.
    options.force = true;
    Ok(options)
}

/// What the user has to hear, in the words of the option that they gave.
fn failure(directory: &Path, error: PackError) -> Failure {
    let directory = directory.display();
    let names_options = names_options(&error);
    let failure = pack::failure(error);
    let mut text = format!("--env {directory}: {failure}");
    if names_options {
        text.push_str(&format!(
            "\nthese options are those of: yarn-submit pack --prefix {directory} -o ENV.tar.zst, whose archive --env takes"
        ));
    }
    Failure::new(failure.exit(), text)
}

/// Whether the way out that the error names is an option of `pack`, which only an archive of its own can have.
fn names_options(error: &PackError) -> bool {
    matches!(
        error,
        PackError::Special { .. }
            | PackError::Links(_)
            | PackError::MissingFiles(_)
            | PackError::Editable(_)
            | PackError::Prefixes(_)
            | PackError::Interpreter { .. }
            | PackError::Relocate { .. }
            | PackError::Library { .. }
            | PackError::Collision { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain environment and a cache directory.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(root.path().join("etl/bin")).unwrap();
            std::fs::write(root.path().join("etl/bin/tool"), "#!/bin/sh\n").unwrap();
            Place(root)
        }

        async fn pack(&self) -> Packed {
            let path = |name: &str| self.0.path().join(name);
            archive(&path("etl"), &path("cache"), &Display::new(&crate::args::CommonArgs::default())).await.unwrap()
        }
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_packed_again() {
        let place = Place::new();
        let first = place.pack().await;
        assert!(!first.is_unchanged && first.path.ends_with("etl.tar.zst"), "{first:?}");
        let second = place.pack().await;
        assert!(second.is_unchanged && second.path == first.path, "{second:?}");
        std::fs::write(place.0.path().join("etl/bin/other"), "#!/bin/sh\n").unwrap();
        let third = place.pack().await;
        assert!(!third.is_unchanged && third.path == first.path, "{third:?}");
        assert_eq!(std::fs::read_dir(first.path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn failures_are_said_in_the_words_of_the_option() {
        let text = |error: PackError| {
            let failure = failure(Path::new("/envs/etl"), error);
            (failure.to_string(), failure.exit().code())
        };
        assert_eq!(text(PackError::Empty("/envs/etl".into())).1, 66);
        let (editable, code) = text(PackError::Editable(vec!["mine".to_owned()]));
        assert!(editable.starts_with("--env /envs/etl: 1 package is installed in editable mode"), "{editable}");
        assert!(editable.contains("yarn-submit pack --prefix /envs/etl") && code == 66, "{editable}");
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let (full, _) = text(PackError::Write { path: "/cache/etl.tar.zst".into(), source: full });
        assert_eq!(full, "--env /envs/etl: write /cache/etl.tar.zst: no storage space");
    }
}
