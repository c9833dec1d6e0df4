//! Real environments, packed and brought to places where nothing of them was: by our own unpacking, by the tar that YARN
//! calls, by Java's reader of zip files.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{PackOptions, Packed, UnpackOptions, Verification, VerifyOptions, pack, unpack, verify};
use integration::python::{PURE, Recipe, SCIENCE, TOOLS, environment, program};
use integration::{skip, yarn_submit};

/// The environment, or `None` after saying why there is none; where everything is required, that is a failure.
fn made(recipe: &Recipe) -> Option<PathBuf> {
    match environment(recipe) {
        Ok(root) => Some(root),
        Err(reason) => {
            skip(&reason);
            None
        }
    }
}

fn packed(prefix: &Path, output: &Path) -> Packed {
    let options = PackOptions { force: true, ..PackOptions::new(prefix, output) };
    pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap()
}

fn verified(archive: &Path, imports: &[&str]) -> Verification {
    let imports = imports.iter().map(|name| (*name).to_owned()).collect();
    let options = VerifyOptions { imports, ..VerifyOptions::default() };
    verify(archive, &options, &AtomicBool::new(false)).unwrap()
}

/// What is at every path: a link's target, or a file's mode and content.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut nodes = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let node = if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|child| child.unwrap().path()));
            (metadata.permissions().mode() & 0o777, Vec::new())
        } else if metadata.is_symlink() {
            (0, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes())
        } else {
            (metadata.permissions().mode() & 0o777, fs::read(&path).unwrap())
        };
        nodes.insert(path.strip_prefix(root).unwrap().to_owned(), node);
    }
    nodes
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn libraries_for_data_work_where_nothing_of_them_was() {
    let Some(root) = made(&SCIENCE) else { return };
    let directory = tempfile::tempdir().unwrap();
    let modules =
        ["numpy", "pandas", "sklearn.ensemble", "scipy.sparse", "pyarrow.parquet", "ssl", "sqlite3", "ctypes"];
    for name in ["env.tar.gz", "env.tar.zst"] {
        let archive = packed(&root, &directory.path().join(name)).path;
        let found = verified(&archive, &modules);
        assert_eq!(found.not_hidden, None);
        assert!(found.is_good(), "{name}: {found:?}");
    }
    let all = verified(&directory.path().join("env.tar.zst"), &[]);
    assert!(all.is_good() && all.imports.len() >= 10, "{all:?}");

    // YARN's way: one gzip, one tar. Only the list of files that name their place, and these files, differ.
    let yarn = directory.path().join("yarn");
    fs::create_dir(&yarn).unwrap();
    let archive = directory.path().join("env.tar.gz");
    run(Command::new("bash").arg("-c").arg(format!(
        "gzip -dc '{}' | (cd '{}' && tar -x)",
        archive.display(),
        yarn.display()
    )));
    let ours = directory.path().join("ours");
    let unpacked = unpack(&archive, &ours, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap();
    let (yarn_tree, our_tree) = (tree(&yarn), tree(&ours));
    let other = yarn_tree.iter().filter(|(path, node)| our_tree.get(*path) != Some(node)).count() as u64;
    let lists = u64::from(unpacked.fixed > 0);
    assert_eq!(other, lists + unpacked.fixed);
    assert_eq!(yarn_tree.len() as u64, our_tree.len() as u64 + lists);
    let code = "import sys, numpy, pandas, sklearn, pyarrow; print(sys.prefix)";
    assert_eq!(
        run(Command::new(yarn.join("bin/python")).args(["-c", code]).env_clear()).trim(),
        yarn.display().to_string()
    );
}

#[test]
fn slim_environments_still_import_everything() {
    let Some(root) = made(&SCIENCE) else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut options = PackOptions::new(root, directory.path().join("slim.tar.zst"));
    options.patterns.slim();
    let slim = pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap();
    let found = verified(&slim.path, &["numpy.testing", "pandas", "sklearn", "scipy.stats", "pyarrow.dataset"]);
    assert!(found.is_good(), "{found:?}");
    let saved: u64 = slim.preview.left_out_by_reason().values().map(|(_, bytes)| bytes).sum();
    assert!(saved > 100_000_000, "{saved} bytes saved");
}

#[test]
fn console_scripts_and_an_environment_of_uv_work() {
    let (Some(pure), Some(tools)) = (made(&PURE), made(&TOOLS)) else { return };
    let directory = tempfile::tempdir().unwrap();
    let uv = directory.path().join("uv environment");
    let uv_says = |words: &[&str]| run(Command::new(program(&tools, "uv")).args(words).arg("--quiet"));
    let place = uv.display().to_string();
    uv_says(&["venv", "--no-config", "--python", "python3", &place]);
    uv_says(&[&["pip", "install", "--no-config", "--python", &place][..], PURE.packages].concat());
    for (name, root) in [("pure", &pure), ("uv", &uv)] {
        let archive = packed(root, &directory.path().join(format!("{name}.tar.gz"))).path;
        let found = verified(&archive, &["rich", "attrs", "markdown_it"]);
        assert!(found.is_good() && found.not_hidden.is_none(), "{name}: {found:?}");
    }
    for name in ["pure", "uv"] {
        let (archive, out) =
            (directory.path().join(format!("{name}.tar.gz")), directory.path().join(format!("out {name}")));
        unpack(&archive, &out, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap();
        let script = out.join("bin/markdown-it");
        let said = run(Command::new(script).arg("--version").env_clear().env("PATH", "/usr/bin:/bin"));
        assert!(said.contains("3.0.0"), "{said}");
    }
}

/// Reads a zip file as Java does, and prints each entry's name and CRC-32.
const READER: &str = "
import java.io.*; import java.util.zip.*;
public class Reader {
    public static void main(String[] words) throws Exception {
        try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(new FileInputStream(words[0])))) {
            byte[] buffer = new byte[1 << 16];
            for (ZipEntry entry; (entry = in.getNextEntry()) != null; ) {
                CRC32 sum = new CRC32();
                for (int length; (length = in.read(buffer)) > 0; ) sum.update(buffer, 0, length);
                System.out.println(sum.getValue() + \" \" + entry.getName());
            }
        }
    }
}";

#[test]
fn java_reads_what_is_packed_as_zip() {
    let Some(pure) = made(&PURE) else { return };
    let directory = tempfile::tempdir().unwrap();
    let archive = packed(&pure, &directory.path().join("env.zip")).path;
    let reader = directory.path().join("Reader.java");
    fs::write(&reader, READER).unwrap();
    let said = run(Command::new("java").arg(&reader).arg(&archive));
    let out = directory.path().join("out");
    unpack(&archive, &out, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap();
    let files = tree(&out).into_iter().filter(|(path, _)| !path.as_os_str().is_empty()).count();
    let named = said.lines().filter(|line| !line.ends_with(".bobbin-fixups.json")).count();
    assert_eq!(named, files);
    let python = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)";
    run(Command::new("python3").args(["-c", python]).arg(&archive));
}

/// A disk of one MiB, in a namespace of the test's own.
#[test]
fn a_full_disk_is_said_and_leaves_the_old_archive() {
    let program = yarn_submit().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (root, disk) = (directory.path().join("env"), directory.path().join("disk"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&disk).unwrap();
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(4 << 20)
    .collect();
    fs::write(root.join("noise"), noise).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=1m none '{disk}' && echo old > '{disk}/env.tar.gz' && \
         '{program}' pack --prefix '{root}' -o '{disk}/env.tar.gz' --force; echo \"code $?\"; cat '{disk}/env.tar.gz'; ls -A '{disk}'",
        disk = disk.display(),
        program = program.display(),
        root = root.display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "bash", "-c", &script])
        .env("HOME", directory.path())
        .output()
        .unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "code 1\nold\nenv.tar.gz\n", "{error}");
    assert!(error.contains("No space left on device") && error.contains("env.tar.gz"), "{error}");
}
