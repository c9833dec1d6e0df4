//! The committed code is what the `.proto` files say. `BOBBIN_REGENERATE=1 cargo test -p hadoop-wire --test generated`
//! writes it anew.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

const PACKAGES: [&str; 5] = ["common", "security", "yarn", "hdfs", "datatransfer"];

#[test]
fn committed_code_matches_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = PACKAGES.map(|package| format!("{package}.proto"));
    let descriptors = protox::compile(files, [root.join("protos")]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    prost_build::Config::new().bytes(["."]).format(true).out_dir(fresh.path()).compile_fds(descriptors).unwrap();
    for package in PACKAGES {
        check(package, fresh.path(), &root.join("src/generated"));
    }
}

fn check(package: &str, fresh: &Path, committed: &Path) {
    let name = format!("{package}.rs");
    let new = std::fs::read_to_string(fresh.join(&name)).unwrap();
    let committed = committed.join(&name);
    if std::env::var_os("BOBBIN_REGENERATE").is_some() {
        std::fs::write(&committed, &new).unwrap();
    }
    let old = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(old == new, "generated code of {name} is stale: run with BOBBIN_REGENERATE=1");
}
