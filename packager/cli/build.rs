//! Links the release executable for its size: every container downloads it, and every process keeps it in memory.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    // Where Rust links with its own lld by default; other linkers do not know the first option.
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        // Functions with the same code are kept once.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
        // At a fixed address: else 5 MB of relocations are read, and 3 MB of tables written, at each start. Stack, heap
        // and libraries stay at random addresses.
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
