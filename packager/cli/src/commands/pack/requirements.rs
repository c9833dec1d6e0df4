//! `--requirements`: the environment is built before it is packed, and built again only when the requirements change.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bobbin::yarn::{Digest, cache_directory};
use tokio::process::Command;

use crate::exit::{Exit, Failure};
use crate::progress::Display;

/// Builds a virtual environment of the requirements in `file`. Returns its directory.
pub async fn build(file: &Path, fresh: bool, display: &Display) -> Result<PathBuf, Failure> {
    let unreadable =
        |error: &std::io::Error| Failure::new(Exit::Input, format!("--requirements {}: {error}", file.display()));
    let digest = Digest::of_file(file).map_err(|error| unreadable(&error))?;
    let directory = cache_directory().unwrap_or_else(std::env::temp_dir).join("requirements").join(digest.to_string());
    let (environment, complete) = (directory.join("environment"), directory.join("complete"));
    if complete.is_file() && !fresh {
        display.tell(&format!(
            "yarn-submit: {}: built before from the same requirements; --fresh builds it again",
            environment.display()
        ));
        return Ok(environment);
    }
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("build an environment in {}: {error}", directory.display()))
    };
    if directory.exists() {
        std::fs::remove_dir_all(&directory).map_err(failed)?;
    }
    std::fs::create_dir_all(&directory).map_err(failed)?;
    let tool = Tool::find().await.ok_or_else(|| {
        Failure::new(Exit::Input, "--requirements: neither uv nor python3 with venv is here; install one of them")
    })?;
    display.say(format!("building an environment with {}", tool.name()));
    for command in tool.commands(&environment, file) {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        run(command, &program, file).await?;
    }
    display.clear();
    std::fs::write(&complete, "").map_err(failed)?;
    Ok(environment)
}

/// What builds environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Uv,
    Pip,
}

impl Tool {
    /// The first that is here.
    async fn find() -> Option<Tool> {
        for (tool, words) in
            [(Tool::Uv, &["uv", "--version"][..]), (Tool::Pip, &["python3", "-c", "import venv, ensurepip"])]
        {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().await.is_ok_and(|status| status.success()) {
                return Some(tool);
            }
        }
        None
    }

    fn name(self) -> &'static str {
        match self {
            Tool::Uv => "uv",
            Tool::Pip => "pip",
        }
    }

    fn commands(self, environment: &Path, file: &Path) -> [Command; 2] {
        let python = environment.join("bin/python");
        let command = |program: &Path| Command::new(program);
        match self {
            Tool::Uv => {
                let mut make = command(Path::new("uv"));
                make.args(["venv", "--quiet"]).arg(environment);
                let mut install = command(Path::new("uv"));
                install.args(["pip", "install", "--quiet", "--link-mode", "copy", "--python"]).arg(python);
                install.arg("-r").arg(file);
                [make, install]
            }
            Tool::Pip => {
                let mut make = command(Path::new("python3"));
                make.args(["-m", "venv"]).arg(environment);
                let mut install = command(&python);
                install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(file);
                [make, install]
            }
        }
    }
}

/// What the tool says goes to the user.
async fn run(mut command: Command, program: &str, file: &Path) -> Result<(), Failure> {
    let failed =
        |reason: String| Failure::new(Exit::Input, format!("--requirements {}: {program}: {reason}", file.display()));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let status = command.status().await.map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
}
