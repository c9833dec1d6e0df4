//! Python environments for tests and benchmarks: made once with pip into a cache outside the repository.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What an environment has in it: names and versions, as pip takes them.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Its directory in the cache. Another list of packages needs another name.
    pub name: &'static str,
    /// Its packages.
    pub packages: &'static [&'static str],
}

/// The environment of somebody who analyses data: 550 MB of compiled libraries and Python.
pub const SCIENCE: Recipe = Recipe {
    name: "science-1",
    packages: &["numpy==2.4.6", "pandas==3.1.1", "scikit-learn==1.9.1", "scipy==1.17.1", "pyarrow==26.0.1"],
};

/// Python alone, with console scripts.
pub const PURE: Recipe =
    Recipe { name: "pure-1", packages: &["rich==14.0.0", "attrs==25.3.0", "markdown-it-py==3.0.0"] };

/// What makes environments and archives, beside pip and ourselves.
pub const TOOLS: Recipe =
    Recipe { name: "tools-1", packages: &["uv", "venv-pack==0.2.0", "conda-pack==0.9.2", "setuptools<80"] };

/// Engines whose answers are compared with ours.
pub const ANALYTICS: Recipe =
    Recipe { name: "analytics-1", packages: &["duckdb==2.0.1", "numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1"] };

/// Engines whose speed is compared with ours.
pub const PEERS: Recipe = Recipe {
    name: "peers-1",
    packages: &[
        "duckdb==2.0.1",
        "numpy==2.4.6",
        "pandas==3.1.1",
        "polars==2.1.0",
        "pyarrow==26.0.1",
        "datafusion==55.0.0",
        "dask[dataframe]==2026.8.0",
        "pyspark==4.3.0",
    ],
};

/// Schedulers of futures that are compared with ours.
pub const DASK: Recipe = Recipe { name: "futures-1", packages: &["distributed==2026.8.0"] };
/// See [`DASK`].
pub const RAY: Recipe = Recipe { name: "ray-1", packages: &["ray==2.60.0"] };
/// See [`DASK`].
pub const HYPERQUEUE: Recipe = Recipe { name: "hyperqueue-1", packages: &["hyperqueue==0.27.0"] };

/// What compiles `.proto` files for Python, and what the compiled ones need.
pub const PROTOBUF: Recipe = Recipe { name: "protobuf-1", packages: &["grpcio-tools==1.85.1", "protobuf==7.36.2"] };

/// The environment, made now unless it is in the cache. A lock keeps two processes from making it at once.
///
/// # Errors
/// Why it cannot be had.
pub fn environment(recipe: &Recipe) -> Result<PathBuf, String> {
    let cache = cache_directory().ok_or("no cache directory: set HOME")?;
    let (root, complete) = (cache.join(recipe.name), cache.join(format!("{}.complete", recipe.name)));
    let failed = |error: std::io::Error| format!("use the cache at {}: {error}", cache.display());
    fs::create_dir_all(&cache).map_err(failed)?;
    let lock = File::create(cache.join(format!("{}.lock", recipe.name))).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if complete.is_file() {
        return Ok(root);
    }
    if root.exists() {
        fs::remove_dir_all(&root).map_err(failed)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&root))?;
    let mut pip = Command::new(root.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(recipe.packages);
    run(&mut pip)?;
    fs::write(&complete, recipe.packages.join("\n")).map_err(failed)?;
    Ok(root)
}

/// A program of an environment.
pub fn program(root: &Path, name: &str) -> PathBuf {
    root.join("bin").join(name)
}

/// `$BOBBIN_PYTHON_CACHE`, else `~/.cache/bobbin-python`.
fn cache_directory() -> Option<PathBuf> {
    let named = std::env::var_os("BOBBIN_PYTHON_CACHE").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/bobbin-python")))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(format!("{command:?} ended with {}: {last}", output.status))
}
