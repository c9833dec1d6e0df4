//! The committed code is what the `.proto` files say. `BOBBIN_REGENERATE=1 cargo test -p bobbin-proto --test generated`
//! writes it anew.

use std::path::Path;

#[test]
fn the_file_says_which_version_it_is() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protos/bobbin.proto")).unwrap();
    let version = format!("// Version of this file's protocol: {}.", bobbin_proto::PROTOCOL_VERSION);
    assert!(text.contains(&version), "bobbin.proto does not say: {version}");
}

#[test]
fn committed_code_matches_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(["bobbin.proto"], [root.join("protos")]).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    prost_build::Config::new().bytes(["."]).format(true).out_dir(fresh.path()).compile_fds(descriptors).unwrap();
    let new = std::fs::read_to_string(fresh.path().join("bobbin.v1.rs")).unwrap();
    let committed = root.join("src/generated/bobbin.v1.rs");
    if std::env::var_os("BOBBIN_REGENERATE").is_some() {
        std::fs::write(&committed, &new).unwrap();
    }
    let old = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(old == new, "generated code is stale: run with BOBBIN_REGENERATE=1");
}
