//! Programs with libraries of their own, and the interpreters that this machine has.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{UnpackOptions, VerifyOptions, unpack, verify};
use support::{Place, pack_into};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Compiles a library, and a program at `program` that looks for it by its absolute path: that of its directory, or, where
/// the library has no name of its own, that of the library.
fn compile(root: &Path, program: &str, tag: &str, soname: Option<&str>) {
    fs::create_dir_all(root).unwrap();
    let sources = root.parent().unwrap();
    fs::write(sources.join("word.c"), "const char *word(void) { return \"found\"; }\n").unwrap();
    let main = "#include <stdio.h>\nconst char *word(void);\nint main(void) { puts(word()); return 0; }\n";
    fs::write(sources.join("main.c"), main).unwrap();
    let lib = root.join("lib");
    fs::create_dir_all(&lib).unwrap();
    fs::create_dir_all(root.join(program).parent().unwrap()).unwrap();
    let library = lib.join("libword.so");
    let mut make = Command::new("cc");
    make.args(["-shared", "-fPIC"]).args(soname.map(|name| format!("-Wl,-soname,{name}")));
    run(make.arg("-o").arg(&library).arg(sources.join("word.c")));
    let path = format!("-Wl,{tag},-rpath,{}", lib.display());
    let mut link = Command::new("cc");
    link.arg("-o").arg(root.join(program)).arg(sources.join("main.c")).arg(&library).arg(path);
    run(&mut link);
}

#[test]
fn a_program_finds_its_library_in_another_place() {
    // The new path is shorter than the old one, which it is written over; then longer, so that tables move.
    for program in ["bin/tool", "libexec/very/deep/down/below/all/the/others/in/here/tool"] {
        for tag in ["--enable-new-dtags", "--disable-new-dtags"] {
            let place = Place::new();
            let root = place.path("e");
            compile(&root, program, tag, Some("libword.so"));
            assert_eq!(run(&mut Command::new(root.join(program))), "found\n");
            let packed = pack_into(&root, &place.path("e.tar.gz"), |_| ());
            assert_eq!(packed.remains, [], "{program} {tag}");
            fs::rename(&root, place.path("gone")).unwrap();
            let out = place.path("another/place");
            unpack(&packed.path, &out, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap();
            assert_eq!(run(&mut Command::new(out.join(program))), "found\n", "{program} {tag}");
            let verified = verify(&packed.path, &VerifyOptions::default(), &AtomicBool::new(false)).unwrap();
            assert!(verified.is_good(), "{verified:?}");
        }
    }
}

#[test]
fn a_library_without_a_name_is_found_too() {
    let place = Place::new();
    let root = place.path("a/longer/place");
    compile(&root, "bin/tool", "--enable-new-dtags", None);
    let packed = pack_into(&root, &place.path("e.tar.gz"), |_| ());
    fs::rename(&root, place.path("gone")).unwrap();
    unpack(&packed.path, &place.path("out"), &UnpackOptions::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(run(&mut Command::new(place.path("out/bin/tool"))), "found\n");
    let verified = verify(&packed.path, &VerifyOptions::default(), &AtomicBool::new(false)).unwrap();
    assert!(verified.is_good(), "{verified:?}");
}

#[test]
fn a_library_that_is_nowhere_is_named() {
    let place = Place::new();
    let root = place.path("e");
    compile(&root, "bin/tool", "--enable-new-dtags", Some("libword.so"));
    fs::remove_file(root.join("lib/libword.so")).unwrap();
    let packed = pack_into(&root, &place.path("e.tar.gz"), |_| ());
    let verified = verify(&packed.path, &VerifyOptions::default(), &AtomicBool::new(false)).unwrap();
    let missing = &verified.missing_libraries[0];
    assert_eq!((missing.library.as_str(), missing.needed_by.as_str()), ("libword.so", "bin/tool"));
    assert!(!verified.is_good());
}

#[test]
fn every_interpreter_of_this_machine_travels() {
    let modules = ["ssl", "sqlite3", "ctypes", "zlib", "lzma", "pyexpat", "sysconfig"].map(str::to_owned);
    for python in ["python3", "/usr/bin/python3"]
        .into_iter()
        .filter(|python| !python.starts_with('/') || Path::new(python).exists())
    {
        for copies in ["--symlinks", "--copies"] {
            let place = Place::new();
            let root = place.path("env");
            run(Command::new(python).args(["-m", "venv", "--without-pip", copies]).arg(&root));
            let packed = pack_into(&root, &place.path("env.tar.gz"), |_| ());
            let options = VerifyOptions { imports: modules.to_vec(), ..VerifyOptions::default() };
            let verified = verify(&packed.path, &options, &AtomicBool::new(false)).unwrap();
            assert!(verified.is_good() && verified.not_hidden.is_none(), "{python} {copies}: {verified:?}");
            assert_eq!(verified.node_libraries, Vec::<String>::new(), "{python} {copies}");
        }
    }
}
