//! Links the release executable for its size: every container downloads it, and every process keeps it in memory.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        fold_functions()?;
        // At a fixed address: else 5 MB of relocations are read, and 3 MB of tables written, at each start. Stack, heap
        // and libraries stay at random addresses.
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    Ok(())
}

/// Functions with the same code are kept once, by linkers that can.
fn fold_functions() -> io::Result<()> {
    match env::var_os("RUSTC_LINKER") {
        // Rust's own lld.
        None => println!("cargo::rustc-link-arg-bins=-Wl,--icf=all"),
        Some(linker) if is_zig(Path::new(&linker)) => {
            // zig links with lld, too, and refuses this one option. But it hands on the names of symbols that must be there
            // as they are, and lld reads more options from a file where one begins with @.
            let options = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("lld-options");
            fs::write(&options, "main --icf=all")?;
            println!("cargo::rustc-link-arg-bins=-Wl,-u,@{}", options.display());
        }
        Some(_) => {}
    }
    Ok(())
}

/// Whether this is the script that cargo-zigbuild names as the linker.
fn is_zig(linker: &Path) -> bool {
    linker.file_name().is_some_and(|name| name.to_string_lossy().starts_with("zigcc"))
}
