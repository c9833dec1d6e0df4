//! Virtual environments and conda prefixes: packed here, unpacked there, and at work with nothing of their old place.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{
    Limits, PackError, PackOptions, Place as Where, Style, UnpackOptions, VerifyOptions, pack, preview, unpack, verify,
};
use support::{Place, chmod, pack_into};

/// A virtual environment with one package, a console script and a `.pth` file, all of them naming its directory.
fn venv(root: &Path) {
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(root));
    let packages = packages(root);
    fs::create_dir(packages.join("greeting")).unwrap();
    fs::write(packages.join("greeting/__init__.py"), "def main():\n    print('hello')\n").unwrap();
    let other = root.join("share/more packages");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("elsewhere.py"), "VALUE = 7\n").unwrap();
    fs::write(packages.join("more.pth"), format!("{}\n", other.display())).unwrap();
    let script = format!("#!{}/bin/python3 -E\nimport greeting\ngreeting.main()\n", root.display());
    fs::write(root.join("bin/greet"), script).unwrap();
    chmod(&root.join("bin/greet"), 0o755);
    let long = format!(
        "#!/bin/sh\n'''exec' \"{}/bin/python\" \"$0\" \"$@\"\n' '''\nimport elsewhere\nprint(elsewhere.VALUE)\n",
        root.display()
    );
    fs::write(root.join("bin/value"), long).unwrap();
    chmod(&root.join("bin/value"), 0o755);
    fs::write(root.join("share/kernel.json"), format!("{{\"argv\": [\"{}/bin/python\"]}}", root.display())).unwrap();
    run(Command::new(root.join("bin/python")).args(["-m", "compileall", "-q"]).arg(&packages));
}

fn packages(root: &Path) -> PathBuf {
    let lib = fs::read_dir(root.join("lib")).unwrap().map(|entry| entry.unwrap().path());
    lib.map(|path| path.join("site-packages")).find(|path| path.is_dir()).unwrap()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn unpacked(archive: &Path, directory: &Path) -> bobbin_packager::Unpacked {
    unpack(archive, directory, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap()
}

fn failure(options: &PackOptions) -> PackError {
    pack(options, &AtomicBool::new(false), &mut |_| ()).unwrap_err()
}

#[test]
fn a_virtual_environment_works_in_another_place() {
    let place = Place::new();
    let (root, moved) = (place.path("old place"), place.path("new/deep/place"));
    venv(&root);
    let packed = pack_into(&root, &place.path("env.tar.zst"), |_| ());
    assert_eq!(packed.preview.style, Style::Venv);
    fs::rename(&root, place.path("gone")).unwrap();
    let unpacked = unpacked(&packed.path, &moved);
    assert_eq!(unpacked.fixed, 1 + u64::from(packed.remains.iter().any(|it| it.path.ends_with("Makefile"))));
    let python = |code: &str| run(Command::new(moved.join("bin/python")).args(["-c", code]).env_clear());
    let prefix = fs::canonicalize(&moved).unwrap().display().to_string();
    assert_eq!(python("import sys; print(sys.prefix)").trim(), prefix);
    assert_eq!(python("import elsewhere, greeting; print(elsewhere.VALUE)").trim(), "7");
    let env = || [("PATH", "/usr/bin:/bin")];
    assert_eq!(run(Command::new(moved.join("bin/greet")).env_clear().envs(env())).trim(), "hello");
    assert_eq!(run(Command::new(moved.join("bin/value")).env_clear().envs(env())).trim(), "7");
    assert!(fs::read_to_string(moved.join("share/kernel.json")).unwrap().contains(&prefix));
    let script =
        "source bin/activate; echo \"$VIRTUAL_ENV\"; command -v python; deactivate; echo \"${VIRTUAL_ENV-gone}\"";
    let said = run(Command::new("bash").args(["-c", script]).current_dir(&moved).env_clear().envs(env()));
    assert_eq!(said, format!("{prefix}\n{prefix}/bin/python\ngone\n"));
}

#[test]
fn compiled_files_stay_valid() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let packed = pack_into(&root, &place.path("env.tar"), |_| ());
    unpacked(&packed.path, &place.path("out"));
    let code = "import greeting, sys; print(greeting.main.__code__.co_filename)";
    let output = Command::new(place.path("out/bin/python")).args(["-v", "-c", code]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let cached = said.lines().any(|line| line.contains("greeting") && line.contains("matches"));
    assert!(cached, "{said}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(Path::new(shown.trim()), packages(&place.path("out")).join("greeting/__init__.py"));
}

#[test]
fn the_place_does_not_show() {
    let place = Place::new();
    let (first, second) = (place.path("a"), place.path("b/a/much/longer/path"));
    venv(&first);
    fs::create_dir_all(second.parent().unwrap()).unwrap();
    venv(&second);
    for name in ["env.tar.gz", "env.tar.zst", "env.tar", "env.zip"] {
        let one = pack_into(&first, &place.path(name), |options| options.threads = 1);
        let other = pack_into(&second, &place.path(&format!("other-{name}")), |options| options.threads = 3);
        assert_eq!(one.hash, other.hash, "{name}: {:?} {:?}", one.remains, other.remains);
    }
}

#[test]
fn verification_hides_everything_else() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let packed = pack_into(&root, &place.path("env.tar.gz"), |_| ());
    let verified = verify(&packed.path, &VerifyOptions::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(verified.not_hidden, None, "these tests may make namespaces");
    assert_eq!(verified.interpreter.unwrap().prefix, "/srv/bobbin/environment");
    let imports: Vec<_> = verified.imports.iter().map(|it| (it.module.as_str(), it.failure.as_deref())).collect();
    assert_eq!(imports, [("greeting", None)]);
    assert_eq!((verified.missing_libraries, verified.broken_links), (Vec::new(), Vec::new()));

    let options =
        VerifyOptions { imports: vec!["greeting".to_owned(), "nobody".to_owned()], ..VerifyOptions::default() };
    let verified = verify(&packed.path, &options, &AtomicBool::new(false)).unwrap();
    assert!(!verified.is_good());
    assert!(
        verified.imports[1].failure.as_ref().unwrap().contains("No module named 'nobody'"),
        "{:?}",
        verified.imports
    );
}

#[test]
fn verification_finds_what_is_wrong() {
    let place = Place::new();
    let root = place.path("tree");
    fs::create_dir_all(root.join("bin")).unwrap();
    symlink("nowhere", root.join("bin/link")).unwrap();
    fs::write(root.join("bin/tool"), "#!/home/somebody/python\n").unwrap();
    let packed = pack_into(&root, &place.path("tree.tar.zst"), |_| ());
    let verified = verify(&packed.path, &VerifyOptions::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(verified.broken_links, ["bin/link -> nowhere"]);
    assert_eq!(verified.foreign_places, ["bin/tool: is started by /home/somebody/python"]);
    assert!(!verified.is_good());
    let options = VerifyOptions {
        unpack: UnpackOptions { limits: Limits { entries: 1, ..Limits::default() }, ..UnpackOptions::default() },
        ..VerifyOptions::default()
    };
    assert!(verify(&packed.path, &options, &AtomicBool::new(false)).is_err());
}

#[test]
fn without_its_interpreter_an_environment_names_none() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let packed = pack_into(&root, &place.path("env.tar.zst"), |options| options.without_interpreter = true);
    assert!(packed.preview.paths.iter().all(|path| !path.starts_with("bin/python")), "{:?}", packed.preview.paths);
    unpacked(&packed.path, &place.path("out"));
    assert!(fs::read_to_string(place.path("out/bin/greet")).unwrap().starts_with("#!/usr/bin/env -S python3 -E\n"));
    assert!(!fs::read_to_string(place.path("out/pyvenv.cfg")).unwrap().contains(root.to_str().unwrap()));
}

#[test]
fn bytecode_is_made_and_slim_leaves_it_out() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let is_compiled = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "pyc");
    let slim = pack_into(&root, &place.path("slim.tar.zst"), |options| options.patterns.slim());
    assert!(!slim.preview.paths.iter().any(is_compiled));
    assert!(!slim.preview.left_out_by_reason().is_empty());
    let compiled = pack_into(&root, &place.path("compiled.tar.zst"), |options| {
        options.patterns.slim();
        options.bytecode = true;
    });
    let count = compiled.preview.paths.iter().filter(|path| is_compiled(path)).count();
    assert!(count > 500, "{count} compiled files");
    unpacked(&compiled.path, &place.path("out"));
    let code = "import sys; sys.dont_write_bytecode = True; import greeting; print(greeting.__cached__)";
    let cached = run(Command::new(place.path("out/bin/python")).args(["-c", code]));
    assert!(Path::new(cached.trim()).is_file(), "{cached}");
}

#[test]
fn code_that_is_elsewhere_is_an_error_that_names_it() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let source = place.path("project");
    fs::create_dir(&source).unwrap();
    let info = packages(&root).join("project-1.0.dist-info");
    fs::create_dir(&info).unwrap();
    let url = format!("file://{}", source.display());
    fs::write(info.join("direct_url.json"), format!("{{\"url\": \"{url}\", \"dir_info\": {{\"editable\": true}}}}"))
        .unwrap();
    fs::write(packages(&root).join("__editable__.pth"), format!("{}\n", source.display())).unwrap();
    let mut options = PackOptions::new(&root, place.path("env.tar.gz"));
    let message = failure(&options).to_string();
    assert!(message.contains(&format!("project-1.0 ({url})")) && message.contains("--ignore-editable"), "{message}");
    assert!(message.contains("__editable__.pth"), "{message}");
    options.ignore_editable = true;
    pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap();
}

#[test]
fn files_that_are_missing_are_named() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    let info = packages(&root).join("tool-1.0.dist-info");
    fs::create_dir(&info).unwrap();
    fs::write(info.join("RECORD"), "greeting/__init__.py,,\ngreeting/lost.py,sha256=x,1\n../../../bin/greet,,\n")
        .unwrap();
    let mut options = PackOptions::new(&root, place.path("env.tar.gz"));
    let PackError::MissingFiles(files) = failure(&options) else { panic!() };
    assert_eq!(files.len(), 1);
    assert!(files[0].ends_with("greeting/lost.py (tool-1.0)"), "{files:?}");
    options.patterns.exclude("lost.py").unwrap();
    preview(&options).unwrap();
    symlink("/nowhere/at/all", root.join("bin/dead")).unwrap();
    symlink("round", root.join("bin/round")).unwrap();
    symlink("/usr/bin/env", root.join("bin/env")).unwrap();
    symlink(root.join("share"), root.join("data")).unwrap();
    let PackError::Links(links) = failure(&options) else { panic!() };
    assert!(links.len() == 1 && links[0].contains("bin/dead -> /nowhere/at/all"), "{links:?}");
    options.ignore_missing = true;
    let packed = pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap();
    unpacked(&packed.path, &place.path("out"));
    assert_eq!(fs::read_link(place.path("out/data")).unwrap(), Path::new("share"));
    assert!(fs::symlink_metadata(place.path("out/bin/env")).unwrap().is_file(), "a file from elsewhere comes along");
    assert!(fs::symlink_metadata(place.path("out/bin/dead")).is_err());
}

#[test]
fn programs_that_would_look_in_the_old_place_are_an_error() {
    let place = Place::new();
    let root = place.path("env");
    venv(&root);
    fs::write(root.join("bin/start"), format!("#!/bin/sh\nexec {}/lib/run\n", root.display())).unwrap();
    chmod(&root.join("bin/start"), 0o755);
    let mut options = PackOptions::new(&root, place.path("env.tar.gz"));
    let message = failure(&options).to_string();
    assert!(message.contains("bin/start (a program's text)") && message.contains("--allow-prefix"), "{message}");
    assert!(!place.path("env.tar.gz").exists());
    options.allowed.exclude("bin/start").unwrap();
    let packed = pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap();
    assert!(packed.remains.iter().any(|it| it.path == "bin/start" && it.place == Where::Program));

    // Where bobbin unpacks, it is put right; and where the place is known, it is written.
    let packed = pack_into(&root, &place.path("env.tar.zst"), |_| ());
    unpacked(&packed.path, &place.path("out"));
    let start = |directory: &str| fs::read_to_string(place.path(directory).join("bin/start")).unwrap();
    assert!(start("out").contains(&format!("exec {}/lib/run", fs::canonicalize(place.path("out")).unwrap().display())));
    let packed = pack_into(&root, &place.path("known.tar.gz"), |options| options.destination = Some("/opt/env".into()));
    unpacked(&packed.path, &place.path("known"));
    assert!(start("known").contains("exec /opt/env/lib/run"));
    assert!(
        packed.remains.iter().all(|it| it.place == Where::Harmless || it.place == Where::Data),
        "{:?}",
        packed.remains
    );
}

/// A conda prefix of one package with a file of each kind.
fn conda(root: &Path) {
    const ROOM: &str = "/opt/conda/placeholder/placeholder/placeholder/placeholder/placeholder/placeholder/placeholder/placeholder/placeholder";
    let prefix = root.display().to_string();
    for directory in ["bin", "lib", "conda-meta", "etc/conda/activate.d", "lib/python3.11/site-packages/noarch_tool"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let pad = |text: String| {
        let mut bytes = text.replace("PREFIX", &prefix).into_bytes();
        bytes.resize(bytes.len() + (ROOM.len() - prefix.len()) + 1, 0);
        bytes
    };
    let data = [b"\x00data ".to_vec(), pad("PREFIX/share/terminfo".to_owned()), b"more\0".to_vec()].concat();
    fs::write(root.join("lib/libterm.so"), data).unwrap();
    fs::write(root.join("lib/settings.conf"), format!("path = {prefix}/share\n")).unwrap();
    fs::write(root.join("bin/conda-tool"), format!("#!{prefix}/bin/python\nprint('tool')\n")).unwrap();
    chmod(&root.join("bin/conda-tool"), 0o755);
    fs::write(root.join("bin/python"), "#!/bin/sh\nexec python3 \"$@\"\n").unwrap();
    chmod(&root.join("bin/python"), 0o755);
    fs::write(root.join("lib/python3.11/site-packages/noarch_tool/__init__.py"), "").unwrap();
    fs::write(root.join("etc/conda/activate.d/data.sh"), "export TOOL_DATA=$CONDA_PREFIX/share\n").unwrap();
    let path = |path: &str, mode: &str| {
        format!("{{\"_path\": \"{path}\", \"file_mode\": \"{mode}\", \"prefix_placeholder\": \"{ROOM}\"}}")
    };
    let paths = [path("lib/libterm.so", "binary"), path("lib/settings.conf", "text"), path("bin/conda-tool", "text")];
    let record = format!(
        "{{\"name\": \"tool\", \"files\": [\"bin/python\", \"lib/python3.11/site-packages/noarch_tool/__init__.py\"], \"noarch\": \"python\", \"extracted_package_dir\": \"{prefix}/../pkgs/tool\", \"paths_data\": {{\"paths\": [{}]}}}}",
        paths.join(", ")
    );
    fs::write(root.join("conda-meta/tool-1.0.json"), record).unwrap();
}

#[test]
fn a_conda_prefix_is_written_anew_where_it_is_unpacked() {
    let place = Place::new();
    let root = place.path("conda");
    conda(&root);
    let packed = pack_into(&root, &place.path("env.tar.zst"), |_| ());
    assert_eq!(packed.preview.style, Style::Conda);
    let unpacked = unpacked(&packed.path, &place.path("out"));
    assert_eq!(unpacked.fixed, 2);
    let prefix = unpacked.path.display().to_string();
    let library = fs::read(place.path("out/lib/libterm.so")).unwrap();
    assert_eq!(library.len(), fs::read(root.join("lib/libterm.so")).unwrap().len());
    let text = format!("{prefix}/share/terminfo\0");
    assert!(memchr::memmem::find(&library, text.as_bytes()).is_some() && library.ends_with(b"\0more\0"));
    assert_eq!(fs::read_to_string(place.path("out/lib/settings.conf")).unwrap(), format!("path = {prefix}/share\n"));
    assert_eq!(
        run(Command::new(place.path("out/bin/conda-tool")).env("PATH", std::env::var("PATH").unwrap())).trim(),
        "tool"
    );
    assert!(!fs::read_to_string(place.path("out/conda-meta/tool-1.0.json")).unwrap().contains("pkgs/tool"));
    let script = "source bin/activate; echo \"$CONDA_PREFIX\"; echo \"$TOOL_DATA\"";
    let said = run(Command::new("bash").args(["-c", script]).current_dir(place.path("out")));
    assert_eq!(said, format!("{prefix}\n{prefix}/share\n"));

    let too_long = place.path(&"x".repeat(180));
    let error = unpack(&packed.path, &too_long, &UnpackOptions::default(), &AtomicBool::new(false)).unwrap_err();
    assert!(error.to_string().contains("too long for lib/libterm.so"), "{error}");
    assert!(!too_long.exists());
}

#[test]
fn a_conda_prefix_does_not_show_where_it_was() {
    let place = Place::new();
    let (first, second) = (place.path("a"), place.path("another/place"));
    conda(&first);
    fs::create_dir_all(second.parent().unwrap()).unwrap();
    conda(&second);
    let one = pack_into(&first, &place.path("a.tar.gz"), |_| ());
    let other = pack_into(&second, &place.path("b.tar.gz"), |_| ());
    assert_eq!(one.hash, other.hash);
    let known = pack_into(&first, &place.path("c.tar.gz"), |options| options.destination = Some("/opt/env".into()));
    assert_eq!(known.remains, []);

    let mut options = PackOptions::new(&first, place.path("d.tar.gz"));
    options.destination = Some(format!("/opt/{}", "x".repeat(200)).into());
    let message = failure(&options).to_string();
    assert!(message.contains("lib/libterm.so has room for") && message.contains("a shorter place"), "{message}");
    assert!(!place.path("d.tar.gz").exists());
}
