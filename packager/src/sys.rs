//! The one place with `unsafe`: a process that begins in a file system of its own.
#![allow(unsafe_code, reason = "a process enters its namespaces between fork and exec")]

use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// What the C library, a shell and programs that everybody has need of a file system. The rest is hidden: homes, mounts,
/// `/opt`, `/usr/local`, other people's temporary files.
const SEEN: [&str; 9] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/bin", "/usr/bin", "/etc", "/proc", "/dev"];

/// A file system in which a process sees one environment and the C library.
#[derive(Clone, Debug)]
pub(crate) struct Isolation {
    /// The identity outside, where a user namespace is needed.
    maps: Option<(Vec<u8>, Vec<u8>)>,
    /// An empty directory, over which the file system is made.
    stage: CString,
    directories: Vec<CString>,
    /// What is seen: from where, to where.
    binds: Vec<(CString, CString)>,
    /// Directories of the node's own Python.
    hidden_directories: Vec<CString>,
    /// Its programs.
    hidden_files: Vec<CString>,
}

impl Isolation {
    /// Shows `root` as `place`.
    pub(crate) fn new(stage: &Path, root: &Path, place: &Path) -> io::Result<Isolation> {
        let inside = |path: &Path| text(&stage.join(path.strip_prefix("/").unwrap_or(path)));
        let mut isolation = Isolation {
            maps: maps(),
            stage: text(stage)?,
            directories: vec![inside(Path::new("/usr"))?, inside(Path::new("/tmp"))?],
            binds: Vec::new(),
            hidden_directories: Vec::new(),
            hidden_files: Vec::new(),
        };
        let seen = SEEN.iter().map(Path::new).filter(|path| path.exists());
        for (from, to) in seen.map(|path| (path, path)).chain([(root, place)]) {
            let mut above: Vec<&Path> = to.ancestors().filter(|path| path.parent().is_some()).collect();
            above.reverse();
            for directory in above {
                isolation.directories.push(inside(directory)?);
            }
            isolation.binds.push((text(from)?, inside(to)?));
        }
        for directory in ["/usr/lib", "/usr/lib64", "/usr/bin"] {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if !entry.file_name().to_string_lossy().starts_with("python") {
                    continue;
                }
                // A link's target has such a name, too.
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    isolation.hidden_directories.push(inside(&entry.path())?);
                } else if kind.is_file() {
                    isolation.hidden_files.push(inside(&entry.path())?);
                }
            }
        }
        Ok(isolation)
    }

    /// Makes system calls only: it neither allocates nor takes a lock.
    fn enter(&self) -> io::Result<()> {
        let own = if self.maps.is_some() { UnshareFlags::NEWUSER } else { UnshareFlags::empty() };
        // SAFETY: neither flag touches the table of file descriptors, which is what makes the function unsafe.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS | own)? };
        if let Some((users, groups)) = &self.maps {
            write(c"/proc/self/setgroups", b"deny")?;
            write(c"/proc/self/uid_map", users)?;
            write(c"/proc/self/gid_map", groups)?;
        }
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount(c"none", &*self.stage, c"tmpfs", MountFlags::empty(), None)?;
        for directory in &self.directories {
            match rustix::fs::mkdir(&**directory, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for (from, to) in &self.binds {
            mount_bind_recursive(&**from, &**to)?;
        }
        for directory in &self.hidden_directories {
            mount(c"none", &**directory, c"tmpfs", MountFlags::empty(), None)?;
        }
        for file in &self.hidden_files {
            mount_bind(c"/dev/null", &**file)?;
        }
        rustix::process::chroot(&*self.stage)?;
        rustix::process::chdir(c"/tmp")?;
        Ok(())
    }
}

/// Has `command` begin in the file system of `isolation`.
pub(crate) fn isolate(command: &mut Command, isolation: &Isolation) {
    let isolation = isolation.clone();
    // SAFETY: `enter` makes system calls only.
    unsafe { command.pre_exec(move || isolation.enter()) };
}

/// Root may mount things; everybody else becomes root in a namespace of users first.
fn maps() -> Option<(Vec<u8>, Vec<u8>)> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let map = |id: u32| format!("0 {id} 1").into_bytes();
    (!user.is_root()).then(|| (map(user.as_raw()), map(group.as_raw())))
}

fn write(path: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text)?;
    Ok(())
}

fn text(path: &Path) -> io::Result<CString> {
    CString::new(OsString::from(path).into_vec()).map_err(io::Error::other)
}
