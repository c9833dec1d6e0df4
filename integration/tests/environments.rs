//! Environments on the real cluster: packed on the gateway, unpacked on nodes that have no Python.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{PackOptions, pack};
use integration::cluster::{Cluster, Host, HostCommand};
use integration::{shared, wait};
use serde_json::Value;
use support::running::{LIMIT, Member, members, nothing_stays};
use support::{Done, done, running_as, spread_trips, yarn_submit};

/// Says where it runs, as JSON. Arguments: what must not be on the node.
const PROGRAM: &str = r#"
import json, os, sys, zlib
import packed
seen = [path for path in sys.argv[1:] if os.path.exists(path)]
place = {"prefix": sys.prefix, "real": os.path.realpath(sys.prefix), "module": os.path.realpath(packed.__file__)}
print(json.dumps({**place, "answer": packed.ANSWER, "venv": os.environ.get("VIRTUAL_ENV"), "seen": seen}))
"#;

/// The parts of the machine's Python.
const PARTS: &str = r#"
import json, os, sys, sysconfig
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "none")
print(json.dumps([os.path.realpath(sys.executable), library, sysconfig.get_path("stdlib")]))
"#;

/// Takes Python, and the environment itself, away from a host.
const HIDE: &str = r#"
set -e
for file in /usr/bin/python3* /usr/local/bin/python3* "$PROGRAM" "$LIBRARY"; do
    if [ -f "$file" ]; then mount --bind /dev/null "$file"; fi
done
mount --bind "$EMPTY" "$STDLIB"
mount --bind "$EMPTY" "$VENV"
"#;

/// The shared cluster, whose workers have no Python, and a virtual environment on its gateway.
struct Place {
    cluster: &'static Cluster,
    directory: PathBuf,
    venv: PathBuf,
    /// Files that no worker has.
    hidden: [PathBuf; 2],
}

impl Place {
    fn shared() -> Option<&'static Place> {
        static ONCE: OnceLock<Option<Place>> = OnceLock::new();
        ONCE.get_or_init(|| shared().map(Place::new)).as_ref()
    }

    fn new(cluster: &'static Cluster) -> Place {
        let directory = cluster.directory().join("environments");
        let [venv, empty] = ["venv", "empty"].map(|name| directory.join(name));
        std::fs::create_dir_all(&empty).unwrap();
        output(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&venv));
        let library = std::fs::read_dir(venv.join("lib")).unwrap().next().unwrap().unwrap().path();
        write(&library.join("site-packages/packed/__init__.py"), "ANSWER = 42\n");
        let parts: [PathBuf; 3] = serde_json::from_str(&output(Command::new("python3").args(["-c", PARTS]))).unwrap();
        let [program, library, standard] = &parts;
        for host in cluster.workers() {
            let mut hide = cluster.exec(host, "bash");
            hide.args(["-c", HIDE]).env("EMPTY", &empty).env("VENV", &venv);
            hide.env("PROGRAM", program).env("LIBRARY", library).env("STDLIB", standard);
            done(&mut hide).expect(0);
        }
        let hidden = [standard.join("os.py"), venv.join("bin/python")];
        assert!(hidden.iter().all(|file| file.exists()), "the gateway has its Python");
        Place { cluster, directory, venv, hidden }
    }

    /// `yarn-submit` with a cache directory of this run.
    fn yarn_submit(&self) -> HostCommand {
        let mut command = yarn_submit(self.cluster);
        command.env("XDG_CACHE_HOME", self.directory.join("cache"));
        command
    }

    /// A command in an environment.
    fn run(&self, environment: impl AsRef<Path>, words: &[&str]) -> Done {
        let mut command = self.yarn_submit();
        done(command.args(["run", "--env"]).arg(environment.as_ref()).arg("--").args(words))
    }

    /// What the program says of its place.
    fn answer(&self, done: &Done) -> Value {
        let printed = self.printed(done);
        let answer: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        assert_eq!((answer["answer"].as_u64(), answer["seen"].as_array().unwrap().len()), (Some(42), 0), "{answer}");
        answer
    }

    fn printed(&self, ended: &Done) -> String {
        let mut command = self.yarn_submit();
        done(command.args(["logs", ended.application(), "--container", "master", "--log", "stdout"])).expect(0).stdout
    }

    fn python(&self) -> Vec<&str> {
        let hidden = self.hidden.iter().map(|file| file.to_str().unwrap());
        ["python", "-c", PROGRAM].into_iter().chain(hidden).collect()
    }

    /// The virtual environment in an archive of this name.
    fn packed(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        pack(&PackOptions::new(&self.venv, &path), &AtomicBool::new(false), &mut |_| {}).unwrap();
        path
    }

    /// Puts an archive on HDFS.
    fn put(&self, bytes: &[u8], name: &str) -> String {
        let path = format!("/user/alice/environments/{name}");
        self.cluster.put(bytes, &path, 1, Host::Edge).unwrap();
        format!("hdfs://{path}")
    }

    /// How many files of this name have been uploaded.
    fn uploads(&self, name: &str) -> usize {
        let root = "/user/alice/.bobbin/cache";
        let list = |path: &str| self.cluster.list(path).unwrap().unwrap_or_default();
        let files = list(root).into_iter().flat_map(|digest| list(&format!("{root}/{}", digest.name)));
        files.filter(|file| file.name == name).count()
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A file that can be executed, with its directories.
fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_directory_is_packed_and_uploaded_once() {
    let Some(place) = Place::shared() else { return };
    let first = place.run(&place.venv, &place.python()).expect(0);
    first.says(&[&format!("packed {}: ", place.venv.display())]);
    let answer = place.answer(&first);
    let shared = format!("/usercache/alice/appcache/{}/bobbin-environment", first.application());
    assert!(answer["real"].as_str().unwrap().ends_with(&shared), "{answer}");
    assert!(answer["module"].as_str().unwrap().contains(&format!("{shared}/lib/python3")), "{answer}");
    let second = place.run(&place.venv, &place.python()).expect(0);
    assert!(!second.stderr.contains("packed"), "{}", second.stderr);
    place.answer(&second);
    assert_eq!(place.uploads("venv.tar.zst"), 1);
}

#[test]
fn yarn_unpacks_what_it_can() {
    let Some(place) = Place::shared() else { return };
    let run = place.run(place.packed("venv.tar.gz"), &place.python()).expect(0);
    let answer = place.answer(&run);
    assert!(answer["real"].as_str().unwrap().contains("/usercache/alice/filecache/"), "{answer}");
}

/// Four containers on three nodes: two of them share one.
#[test]
fn containers_of_a_node_share_one_copy_of_an_archive_on_hdfs() {
    let Some(place) = Place::shared() else { return };
    let cluster = place.cluster;
    let (trips, _) = spread_trips(cluster);
    let url = place.put(&std::fs::read(place.packed("shared.tar.zst")).unwrap(), "shared.tar.zst");
    let end = place.directory.join("end");
    let script = format!(
        "python -c \"$0\" \"$@\"\n\
         ./yarn-submit sql --master yarn --split-size 16KiB \"SELECT count(*) FROM '{trips}'\" >/dev/null &\n\
         until test -e '{}'; do sleep 0.1; done; kill $!; wait $!; exit 0",
        end.display()
    );
    let mut command = place.yarn_submit();
    command.args(["run", "--name", "sharing", "--workers", "3", "--worker-memory", "512MiB", "--worker-cores", "1"]);
    command.args(["--env", &url, "--", "bash", "-c", &script, PROGRAM]).args(&place.hidden);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = running_as(cluster, "sharing");
    let all = wait::until(2 * LIMIT, || {
        let mut all = members(cluster, &id);
        all.retain(|member| {
            ["appmaster", "worker"].iter().any(|role| member.process.arguments.get(1).is_some_and(|word| word == role))
        });
        (all.len() == 4 && all.iter().all(|member| !member.listens_on().is_empty())).then_some(all)
    });
    let all = all.expect("an application master and three workers");
    let mut copies: BTreeMap<Host, Vec<(PathBuf, u64)>> = BTreeMap::new();
    for member in &all {
        copies.entry(member.host).or_default().push(copy(member));
        if member.process.arguments[1] == "worker" {
            let inside = std::fs::read_link(format!("/proc/{}/cwd", member.process.identity.pid())).unwrap();
            let environment = inside.join("environment").display().to_string();
            assert_eq!(member.variable("VIRTUAL_ENV").as_ref(), Some(&environment));
            assert!(member.variable("PATH").unwrap().starts_with(&format!("{environment}/bin:")));
        }
    }
    assert!(copies.values().any(|copies| copies.len() > 1), "{copies:?}");
    for copies in copies.values() {
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{copies:?}");
        assert!(copies[0].0.ends_with(format!("{id}/bobbin-environment")), "{copies:?}");
    }
    std::fs::write(end, "").unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let ended = Done { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr }.expect(0);
    let answer = place.answer(&ended);
    assert!(answer["venv"].as_str().unwrap().ends_with("/environment"), "{answer}");
}

/// Where a container's environment is, and which directory that is on its host's disk.
fn copy(member: &Member) -> (PathBuf, u64) {
    let process = PathBuf::from(format!("/proc/{}", member.process.identity.pid()));
    let target = std::fs::read_link(process.join("cwd/environment")).unwrap();
    let outside = process.join("root").join(target.strip_prefix("/").unwrap());
    (target, std::fs::metadata(outside).unwrap().ino())
}

#[test]
fn a_damaged_archive_on_hdfs_ends_the_application() {
    let Some(place) = Place::shared() else { return };
    let whole = std::fs::read(place.packed("cut.tar.zst")).unwrap();
    let url = place.put(&whole[..whole.len() / 2], "cut.tar.zst");
    let failed = place.run(&url, &["python", "--version"]).expect(1);
    failed.says(&["cut.tar.zst on w", ".hadoop.test: unpack the environment", "is damaged or cut off after"]);
    nothing_stays(place.cluster, failed.application());
}

/// Makes a zip archive of a program and, if it is said, of a link to it.
fn zip(path: &Path, with_link: bool) {
    let make = r##"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    def add(name, mode, content):
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, content)
    add("bin/tool", 0o100755, "#!/bin/sh\necho zipped\n")
    if sys.argv[2] == "true":
        add("bin/link", 0o120777, "tool")
"##;
    output(Command::new("python3").args(["-c", make]).arg(path).arg(with_link.to_string()));
}

#[test]
fn a_zip_archive_is_taken_unless_it_has_links() {
    let Some(place) = Place::shared() else { return };
    let [plain, linked] = ["plain.zip", "linked.zip"].map(|name| place.directory.join(name));
    zip(&plain, false);
    zip(&linked, true);
    let refused = place.run(&linked, &["tool"]).expect(66);
    refused.says(&["linked.zip", "bin/link", "is a link, which YARN turns into a text file"]);
    assert!(!refused.stderr.contains("application_"), "{}", refused.stderr);
    assert_eq!(place.uploads("linked.zip"), 0);
    let run = place.run(&plain, &["tool"]).expect(0);
    assert_eq!(place.printed(&run), "zipped\n");
}

#[test]
fn scripts_of_a_conda_prefix_run_before_the_command() {
    let Some(place) = Place::shared() else { return };
    let prefix = place.directory.join("conda");
    write(&prefix.join("conda-meta/history"), "");
    write(&prefix.join("bin/tool"), "#!/bin/sh\necho \"$GDAL_DATA|$PROJ|$*\"\neval \"$1\"\n");
    write(&prefix.join("etc/conda/activate.d/gdal.sh"), "export GDAL_DATA=\"$CONDA_PREFIX/share/gdal\" PROJ=theirs\n");
    let run = |words: &[&str]| {
        let mut command = place.yarn_submit();
        command.args(["run", "--env"]).arg(&prefix).args(["--env-var", "PROJ=mine", "--", "tool"]).args(words);
        done(&mut command)
    };
    let failed = run(&["exit 7", "a \"b\" $HOME"]).expect(7);
    let printed = place.printed(&failed);
    assert!(printed.ends_with("/environment/share/gdal|mine|exit 7 a \"b\" $HOME\n"), "{printed}");
    assert_eq!(run(&["kill -9 $$"]).code, 137);
}

#[test]
fn a_dry_run_packs_nothing_and_what_cannot_be_packed_is_named() {
    let Some(place) = Place::shared() else { return };
    let cache = place.directory.join("dry");
    let run = |words: &[&str], environment: &Path| {
        let mut command = yarn_submit(place.cluster);
        command.env("XDG_CACHE_HOME", &cache).arg("run").args(words).arg("--env").arg(environment);
        done(command.args(["--", "true"]))
    };
    let plan: Value = serde_json::from_str(&run(&["--dry-run"], &place.venv).expect(0).stdout).unwrap();
    assert_eq!(plan["files"][1]["source"]["pack"], place.venv.to_str().unwrap());
    assert!(!cache.join("bobbin/environments").exists());
    let hollow = place.directory.join("hollow");
    std::fs::create_dir(&hollow).unwrap();
    let refused = run(&[], &hollow).expect(66);
    refused.says(&[&format!("yarn-submit: --env {}: ", hollow.display()), "empty"]);
    let data = format!("--archives={}", place.packed("data.tar.zst").display());
    run(&[&data], &place.venv).expect(66).says(&["YARN does not unpack .tar.zst", ".tar.gz"]);
}
