//! Wrong requests and wrong data: each ends soon, with the right exit code and a message that names the thing.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::{Path, PathBuf};

use integration::cluster::{Cluster, Host};
use integration::{shared, wait};
use support::running::LIMIT;
use support::{Done, done, spread_trips, yarn_submit};

fn run(cluster: &Cluster, arguments: &[&str]) -> Done {
    done(yarn_submit(cluster).args(arguments))
}

fn sql(cluster: &Cluster, text: &str) -> Done {
    run(cluster, &["sql", "--workers", "1", "--worker-memory", "512MiB", text])
}

/// The cluster's configuration with other values.
fn configuration(cluster: &Cluster, file: &str, changes: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    for entry in std::fs::read_dir(cluster.configuration_directory()).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "xml") {
            std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
    }
    let path = directory.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let added: String = changes
        .iter()
        .map(|(name, value)| format!("<property><name>{name}</name><value>{value}</value></property>"))
        .collect();
    std::fs::write(&path, text.replace("</configuration>", &format!("{added}</configuration>"))).unwrap();
    directory
}

#[test]
fn no_configuration_names_the_variable() {
    let Some(cluster) = shared() else { return };
    let mut command = yarn_submit(cluster);
    command.env_remove("HADOOP_CONF_DIR").args(["sql", "--master", "yarn", "SELECT 1 AS one FROM '/x.csv'"]);
    let refused = done(&mut command);
    assert!(refused.code == 64 || refused.code == 66 || refused.code == 69, "{}\n{}", refused.code, refused.stderr);
    refused.says(&["HADOOP_CONF_DIR", "yarn-site.xml"]);
}

#[test]
fn a_wrong_address_is_named_with_its_key_within_seconds() {
    let Some(cluster) = shared() else { return };
    let cases = [
        ("yarn-site.xml", "yarn.resourcemanager.address", "master.hadoop.test:8039", "8039"),
        ("yarn-site.xml", "yarn.resourcemanager.address", "nowhere.hadoop.test:8032", "nowhere.hadoop.test"),
        ("core-site.xml", "fs.defaultFS", "hdfs://master.hadoop.test:8019", "8019"),
    ];
    for (file, key, value, named) in cases {
        let directory = configuration(cluster, file, &[(key, value)]);
        let began = std::time::Instant::now();
        let mut command = yarn_submit(cluster);
        command.env("HADOOP_CONF_DIR", directory.path()).args(["run", "--", "true"]);
        let refused = done(&mut command).expect(69);
        refused.says(&[named, key]);
        assert!(began.elapsed().as_secs() < 60, "{:?}\n{}", began.elapsed(), refused.stderr);
    }
}

#[test]
fn kerberos_is_refused_before_anything_is_uploaded() {
    let Some(cluster) = shared() else { return };
    let directory = configuration(cluster, "core-site.xml", &[("hadoop.security.authentication", "kerberos")]);
    let mut command = yarn_submit(cluster);
    command.env("HADOOP_CONF_DIR", directory.path()).args(["run", "--", "true"]);
    let refused = done(&mut command);
    assert_ne!(refused.code, 0);
    refused.says(&["Kerberos", "core-site.xml"]);
}

#[test]
fn a_missing_queue_is_named() {
    let Some(cluster) = shared() else { return };
    let refused = run(cluster, &["run", "--queue", "nights", "--", "true"]);
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    refused.says(&["nights", "queue"]);
}

#[test]
fn a_container_beyond_the_maximum_is_refused_with_the_limit() {
    let Some(cluster) = shared() else { return };
    let refused = run(cluster, &["run", "--master-memory", "900GiB", "--", "true"]).expect(64);
    refused.says(&["--master-memory", "maximum"]);
    let (url, _) = spread_trips(cluster);
    let refused =
        run(cluster, &["sql", "--worker-memory", "900GiB", &format!("SELECT count(*) FROM '{url}'")]).expect(64);
    refused.says(&["--worker-memory", "maximum"]);
    let refused = run(cluster, &["sql", "--worker-cores", "900", &format!("SELECT count(*) FROM '{url}'")]).expect(64);
    refused.says(&["--worker-cores", "maximum"]);
}

#[test]
fn tables_that_are_not_there_are_named() {
    let Some(cluster) = shared() else { return };
    let missing = sql(cluster, "SELECT * FROM 'hdfs:///user/alice/no/such.csv'").expect(66);
    missing.says(&["/user/alice/no/such.csv"]);
    let empty = sql(cluster, "SELECT * FROM 'hdfs:///user/alice/no*.csv'").expect(66);
    empty.says(&["no*.csv"]);
    cluster.put(b"", "/user/alice/bad/empty.csv", 1, Host::Edge).unwrap();
    sql(cluster, "SELECT * FROM 'hdfs:///user/alice/bad/empty.csv'").expect(66).says(&["empty.csv", "empty"]);
    cluster.make_directory("/user/alice/hollow", "alice", "755").unwrap();
    sql(cluster, "SELECT * FROM 'hdfs:///user/alice/hollow'").expect(66).says(&["hollow"]);
    cluster.put(&[0, 1, 2, 3, 0, 255, 254, 10, 0], "/user/alice/bad/binary.csv", 1, Host::Edge).unwrap();
    sql(cluster, "SELECT * FROM 'hdfs:///user/alice/bad/binary.csv'").expect(66).says(&["binary.csv"]);
}

/// HDFS shows the blocks of such a file that are full, where a row is cut, and nothing at all before the first is.
#[test]
fn a_file_that_is_being_written_is_refused_by_name() {
    let Some(cluster) = shared() else { return };
    cluster.put(b"a,b\n1,23\n", "/user/alice/growing/old.csv", 1, Host::Edge).unwrap();
    let block = usize::try_from(cluster.options().block_size).unwrap();
    // Its writer asks for a second block with the first packet for it.
    for (bytes, shown) in [(20, 0), (block + (1 << 20), block)] {
        let rows: Vec<u8> = b"a,b\n".iter().chain(b"1,23\n".iter().cycle()).copied().take(bytes - 1).collect();
        let writer = cluster.begin_file(&rows, "/user/alice/growing/new.csv", 1).unwrap();
        let seen = wait::until(LIMIT, || {
            let entries = cluster.list("/user/alice/growing").unwrap().unwrap();
            entries.into_iter().find(|entry| entry.name == "new.csv" && entry.length == shown as u64)
        });
        assert!(seen.is_some(), "{shown} bytes are never shown");
        let count = "SELECT count(*) AS n FROM 'hdfs:///user/alice/growing'";
        sql(cluster, count).expect(66).says(&["new.csv", "still being written", "recoverLease"]);
        let one = "SELECT count(*) AS n FROM 'hdfs:///user/alice/growing/new.csv'";
        sql(cluster, one).expect(66).says(&["new.csv", "still being written"]);
        drop(writer);
        let closed =
            wait::until(LIMIT, || Some(run(cluster, &["sql", "--dry-run", one])).filter(|done| done.code == 0));
        assert!(closed.is_some(), "a file whose writer is gone is never closed");
    }
}

#[test]
fn a_file_of_somebody_else_is_not_permitted() {
    let Some(cluster) = shared() else { return };
    cluster.put(b"a,b\n1,2\n", "/user/alice/private/data.csv", 1, Host::Edge).unwrap();
    let mut command = yarn_submit(cluster);
    command.env("HADOOP_USER_NAME", "bob").args(["sql", "SELECT * FROM 'hdfs:///user/alice/private/data.csv'"]);
    done(&mut command).expect(77).says(&["bob", "/user/alice"]);
}

#[test]
fn one_file_of_many_that_may_not_be_read_is_named() {
    let Some(cluster) = shared() else { return };
    cluster.make_directory("/data/mixed", "alice", "755").unwrap();
    cluster.make_directory("/user/bob", "bob", "700").unwrap();
    for number in 1..=9 {
        cluster.spread(b"a,b\n1,2\n", &format!("/data/mixed/{number}.csv")).unwrap();
    }
    let as_bob = |text: &str| {
        let mut command = yarn_submit(cluster);
        command.env("HADOOP_USER_NAME", "bob").args(["sql", "--name", "bob-mixed", "--workers", "1"]);
        done(command.args(["--worker-memory", "512MiB", text]))
    };
    let learned = "SELECT sum(a) AS s FROM 'hdfs:///data/mixed'";
    let declared = "SELECT sum(a) AS s FROM read_csv('hdfs:///data/mixed', columns => 'a BIGINT, b BIGINT')";
    assert_eq!(as_bob(learned).expect(0).stdout, "s\n9\n");
    cluster.set_permission("/data/mixed/7.csv", "600").unwrap();
    for text in [learned, declared] {
        as_bob(text).expect(77).says(&["/data/mixed/7.csv", "bob", "ask its owner for read permission"]);
    }
    assert_eq!(sql(cluster, declared).expect(0).stdout, "s\n9\n", "its owner may");
}

#[test]
fn a_home_that_takes_no_files_is_named_before_anything_runs() {
    let Some(cluster) = shared() else { return };
    let mut command = yarn_submit(cluster);
    command.env("HADOOP_USER_NAME", "nobody-here").args(["run", "--", "true"]);
    let refused = done(&mut command);
    assert!(refused.code == 66 || refused.code == 77, "{}\n{}", refused.code, refused.stderr);
    refused.says(&["/user/nobody-here"]);
    cluster.make_directory("/user/carol", "root", "755").unwrap();
    let mut command = yarn_submit(cluster);
    command.env("HADOOP_USER_NAME", "carol").args(["run", "--", "true"]);
    done(&mut command).expect(77).says(&["/user/carol"]);
}

/// A gzipped tar made by Python, whose library writes any member.
fn archive(directory: &Path, name: &str, members: &str) -> PathBuf {
    let path = directory.join(name);
    let program = format!(
        "import io, sys, tarfile\nt = tarfile.open(sys.argv[1], 'w:gz')\ndef add(name, text='x', mode=0o755):\n    i = tarfile.TarInfo(name); i.size = len(text); i.mode = mode; t.addfile(i, io.BytesIO(text.encode()))\n{members}\nt.close()"
    );
    let output = std::process::Command::new("python3").arg("-c").arg(program).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

#[test]
fn archives_that_cannot_be_trusted_are_refused_by_entry() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let refuse = |path: &Path, words: &[&str]| {
        let refused = run(cluster, &["run", "--env", path.to_str().unwrap(), "--", "true"]);
        assert!(refused.code == 64 || refused.code == 66, "{}\n{}", refused.code, refused.stderr);
        refused.says(words);
    };
    refuse(&archive(directory.path(), "up.tar.gz", "add('bin/x')\nadd('../evil')"), &["../evil"]);
    refuse(&archive(directory.path(), "root.tar.gz", "add('/etc/evil')"), &["/etc/evil"]);
    let whole = archive(directory.path(), "whole.tar.gz", "add('bin/x', 'y' * 100000)");
    let bytes = std::fs::read(&whole).unwrap();
    let cut = directory.path().join("cut.tar.gz");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    refuse(&cut, &["cut.tar.gz"]);
    let text = directory.path().join("text.tar.gz");
    std::fs::write(&text, "this is no archive").unwrap();
    refuse(&text, &["text.tar.gz"]);
    refuse(&directory.path().join("missing.tar.gz"), &["missing.tar.gz"]);
}

/// YARN makes every file that it localizes executable, so an archive that lost the bit works; elsewhere it is missed.
#[test]
fn a_lost_executable_bit_is_mended_by_yarn_or_named() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let path =
        archive(directory.path(), "env.tar.gz", "add('bin/tool', '#!/bin/sh\\necho hello from the tool\\n', 0o644)");
    let mended = run(cluster, &["run", "--env", path.to_str().unwrap(), "--", "environment/bin/tool"]).expect(0);
    let logs = run(cluster, &["logs", mended.application()]).expect(0);
    assert!(logs.stdout.contains("hello from the tool"), "{}", logs.stdout);
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\nexit 0\n").unwrap();
    let failed = run(cluster, &["run", "--", plain.to_str().unwrap()]).expect(126);
    failed.says(&[plain.to_str().unwrap(), "executable bit"]);
    let failed = run(cluster, &["run", "--", "no-such-program"]).expect(127);
    failed.says(&["no-such-program"]);
}

#[test]
fn wrong_words_are_usage_errors() {
    let Some(cluster) = shared() else { return };
    for words in [
        &["nonsense"][..],
        &["run", "--workers", "many", "--", "true"],
        &["run", "--worker-memory", "2 parsecs", "--", "true"],
        &["sql", "--format", "xls", "SELECT 1"],
        &["sql", "SELEKT 1"],
        &["sql", "DROP TABLE x"],
        &["status", "application_x"],
    ] {
        let refused = run(cluster, words);
        assert_eq!(refused.code, 64, "{words:?}\n{}\n{}", refused.stdout, refused.stderr);
        assert!(!refused.stderr.trim().is_empty(), "{words:?}");
    }
    let local = run(cluster, &["sql", "--master", "yarn", "SELECT * FROM 'file:///etc/hosts'"]);
    assert_eq!(local.code, 64, "{}", local.stderr);
    local.says(&["--master local"]);
}
