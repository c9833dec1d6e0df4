//! Packing and unpacking a 550 MB environment against other packers: CPU-seconds, seconds, size, memory.

mod support;

use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use integration::python::{SCIENCE, TOOLS, environment, program};
use integration::{Usage, measured};
use support::{median, table};

const RUNS: usize = 3;

/// One way to pack or unpack.
struct Way {
    name: &'static str,
    /// What it writes, as a name in the folder.
    output: &'static str,
    command: Box<dyn Fn(&Bench) -> Command>,
}

struct Bench {
    ours: PathBuf,
    environment: PathBuf,
    tools: PathBuf,
    folder: PathBuf,
    runs: Cell<u32>,
}

fn main() {
    support::title("packing: numpy, pandas, scikit-learn, scipy, pyarrow; median of 3 runs, page cache warm");
    let Some(ours) = support::yarn_submit() else { return };
    let (environment, tools) = match (environment(&SCIENCE), environment(&TOOLS)) {
        (Ok(environment), Ok(tools)) => (environment, tools),
        (Err(reason), _) | (_, Err(reason)) => return support::skip("packing", &reason),
    };
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return support::skip("packing", &error.to_string()),
    };
    let bench = Bench { ours, environment, tools, folder: folder.path().to_owned(), runs: Cell::new(0) };
    bench.compare("pack", &packers());
    bench.compare("unpack", &unpackers());
    bench.again();
}

fn packers() -> Vec<Way> {
    vec![
        Way { name: "yarn-submit pack .tar.gz", output: "a.tar.gz", command: Box::new(|it| it.pack("a.tar.gz", true)) },
        Way {
            name: "yarn-submit pack .tar.zst",
            output: "a.tar.zst",
            command: Box::new(|it| it.pack("a.tar.zst", true)),
        },
        Way {
            name: "yarn-submit pack .tar.gz, 1 thread",
            output: "a.tar.gz",
            command: Box::new(|it| it.pack_alone("a.tar.gz")),
        },
        Way {
            name: "yarn-submit pack .tar.zst, 1 thread",
            output: "a.tar.zst",
            command: Box::new(|it| it.pack_alone("a.tar.zst")),
        },
        Way {
            name: "the same with interpreter, .tar.gz",
            output: "i.tar.gz",
            command: Box::new(|it| it.pack("i.tar.gz", false)),
        },
        Way {
            name: "the same with interpreter, .tar.zst",
            output: "i.tar.zst",
            command: Box::new(|it| it.pack("i.tar.zst", false)),
        },
        Way { name: "venv-pack", output: "v.tar.gz", command: Box::new(Bench::venv_pack) },
        Way {
            name: "tar, gzip -4",
            output: "g.tar.gz",
            command: Box::new(|it| it.shell("tar c -C {env} . | gzip -4 > g.tar.gz")),
        },
        Way {
            name: "tar, pigz -4 -p2",
            output: "p.tar.gz",
            command: Box::new(|it| it.shell("tar c -C {env} . | pigz -4 -p2 > p.tar.gz")),
        },
        Way {
            name: "tar, zstd -3 -T2",
            output: "z.tar.zst",
            command: Box::new(|it| it.shell("tar c -C {env} . | zstd -q -3 -T2 -f -o z.tar.zst")),
        },
        Way { name: "tar", output: "t.tar", command: Box::new(|it| it.shell("tar cf t.tar -C {env} .")) },
    ]
}

fn unpackers() -> Vec<Way> {
    vec![
        Way { name: "yarn-submit unpack .tar.zst", output: "out", command: Box::new(|it| it.unpack("a.tar.zst")) },
        Way { name: "yarn-submit unpack .tar.gz", output: "out", command: Box::new(|it| it.unpack("a.tar.gz")) },
        Way {
            name: "tar xf, not compressed",
            output: "out",
            command: Box::new(|it| it.shell("mkdir out && tar xf t.tar -C out")),
        },
        Way {
            name: "gzip -dc, tar x (YARN's way)",
            output: "out",
            command: Box::new(|it| it.shell("mkdir out && gzip -dc a.tar.gz | (cd out && tar x)")),
        },
        Way {
            name: "zstd -dc, tar x",
            output: "out",
            command: Box::new(|it| it.shell("mkdir out && zstd -dcq a.tar.zst | (cd out && tar x)")),
        },
    ]
}

impl Bench {
    fn pack(&self, output: &str, without_interpreter: bool) -> Command {
        let mut command = Command::new(&self.ours);
        command.args(["pack", "--quiet", "--fresh", "--prefix"]).arg(&self.environment).args(["-o", output]);
        if without_interpreter {
            // What the others pack.
            command.arg("--no-interpreter");
        }
        command
    }

    fn pack_alone(&self, output: &str) -> Command {
        let mut command = self.pack(output, true);
        command.args(["--threads", "1"]);
        command
    }

    fn unpack(&self, archive: &str) -> Command {
        let mut command = Command::new(&self.ours);
        command.args(["unpack", "--quiet", archive, "-d", "out"]);
        command
    }

    fn venv_pack(&self) -> Command {
        let mut command = Command::new(program(&self.tools, "venv-pack"));
        command.arg("-q").arg("-p").arg(&self.environment).args(["-f", "-o", "v.tar.gz"]);
        command
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        let line = line.replace("{env}", &self.environment.display().to_string());
        command.args(["-o", "pipefail", "-c", &line]);
        command
    }

    fn run(&self, way: &Way) -> Result<(Usage, u64), String> {
        let output = self.folder.join(way.output);
        // Some file systems are slow to make files where others have just been removed: nothing is removed before the end.
        let aside = self.folder.join(format!("{}", self.runs.get()));
        self.runs.set(self.runs.get() + 1);
        let _ = std::fs::rename(self.folder.join("out"), aside);
        let mut command = (way.command)(self);
        command.current_dir(&self.folder).env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.folder.join("cache"));
        let usage = measured(command.stdout(Stdio::null())).map_err(|error| error.to_string())?;
        let size = std::fs::metadata(&output).map(|it| if it.is_dir() { 0 } else { it.len() });
        Ok((usage, size.map_err(|error| error.to_string())?))
    }

    /// Prints the ways side by side. They take turns, so that what else the machine does meets all of them.
    fn compare(&self, title: &str, ways: &[Way]) {
        let mut runs: Vec<Vec<(Usage, u64)>> = ways.iter().map(|_| Vec::new()).collect();
        let mut obstacles: Vec<Option<String>> = vec![None; ways.len()];
        for _ in 0..RUNS {
            for ((way, runs), obstacle) in ways.iter().zip(&mut runs).zip(&mut obstacles) {
                if obstacle.is_none() {
                    match self.run(way) {
                        Ok(run) => runs.push(run),
                        Err(reason) => *obstacle = Some(reason),
                    }
                }
            }
        }
        println!();
        let mut rows = vec![[title, "CPU-s", "s", "MB", "peak MB"].map(str::to_owned).to_vec()];
        for (way, runs) in ways.iter().zip(&runs).filter(|(_, runs)| !runs.is_empty()) {
            let middle = |value: fn(&(Usage, u64)) -> f64| median(runs.iter().map(value)).unwrap_or_default();
            rows.push(vec![
                way.name.to_owned(),
                format!("{:.2}", middle(|run| run.0.cpu)),
                format!("{:.2}", middle(|run| run.0.wall)),
                format!("{:.1}", middle(|run| run.1 as f64 / 1e6)),
                format!("{:.0}", middle(|run| run.0.peak as f64 / 1e6)),
            ]);
        }
        table(&rows);
        for (way, obstacle) in ways.iter().zip(obstacles) {
            if let Some(reason) = obstacle {
                support::skip(way.name, &reason);
            }
        }
    }

    /// Packing what has not changed, and what has changed in one file.
    fn again(&self) {
        let copy = self.folder.join("environment");
        let cache = self.folder.join("cache");
        let pack = |name: &str| -> Result<Usage, String> {
            let mut command = Command::new(&self.ours);
            command.args(["pack", "--quiet", "--no-interpreter", "--ignore-missing", "--prefix"]).arg(&copy);
            command.args(["-o", "again.tar.gz"]).env("XDG_CACHE_HOME", &cache).current_dir(&self.folder);
            measured(command.stdout(Stdio::null())).map_err(|error| format!("{name}: {error}"))
        };
        let copied = Command::new("cp").arg("-a").arg(&self.environment).arg(&copy).status();
        if !copied.is_ok_and(|status| status.success()) {
            return support::skip("again", "the environment cannot be copied");
        }
        let mut rows = vec![["again, .tar.gz", "CPU-s", "s"].map(str::to_owned).to_vec()];
        for (name, change) in [("all", ""), ("nothing changed", ""), ("one file changed", "lib/changed.py")] {
            if !change.is_empty() && std::fs::write(copy.join(change), "changed").is_err() {
                return support::skip(name, "the copy cannot be changed");
            }
            match pack(name) {
                Ok(usage) => {
                    rows.push(vec![name.to_owned(), format!("{:.2}", usage.cpu), format!("{:.2}", usage.wall)])
                }
                Err(reason) => return support::skip("again", &reason),
            }
        }
        println!();
        table(&rows);
    }
}
