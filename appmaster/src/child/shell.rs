//! A command that begins in a shell: packages of a conda prefix export variables (`GDAL_DATA` and the like) by scripts that
//! can only be sourced.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::process::Command;

/// Arguments: the scripts' directory, the user's variables as `NAME=VALUE`, `--`, the command. The scripts run in a
/// function without arguments, so that they see none of the command's and change none; the user has the last word about
/// variables; and the command takes the shell's place, so that signals and exit codes are its own.
const SCRIPT: &str = r#"
directory=$1
shift
activate() { local script; for script in "$directory"/*.sh; do . "$script"; done; }
activate
while [ "$1" != -- ]; do export "$1"; shift; done
shift
exec -- "$@"
"#;

/// A shell that sources all scripts in `directory` and becomes `program`, whose arguments are still to be added.
pub(super) fn after_scripts(directory: &Path, variables: &BTreeMap<String, String>, program: &Path) -> Command {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-c", SCRIPT, "yarn-submit"]).arg(directory);
    command.args(variables.iter().map(|(name, value)| format!("{name}={value}"))).arg("--").arg(program);
    command
}

#[cfg(test)]
mod tests {
    use std::process::Output;

    use super::*;

    /// Runs `argv` after the script `text`, with the user's variable `MINE=my "own" $value`.
    async fn run(text: &str, argv: &[&str]) -> Output {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("b.sh"), text).unwrap();
        std::fs::write(directory.path().join("a.sh"), "export ORDER=a\n").unwrap();
        std::fs::write(directory.path().join("a.fish"), "exit 3\n").unwrap();
        let variables = BTreeMap::from([("MINE".to_owned(), "my \"own\" $value".to_owned())]);
        let mut command = after_scripts(directory.path(), &variables, Path::new(argv[0]));
        command.args(&argv[1..]).output().await.unwrap()
    }

    async fn printed(text: &str, argv: &[&str]) -> String {
        String::from_utf8(run(text, argv).await.stdout).unwrap()
    }

    #[tokio::test]
    async fn scripts_export_and_the_command_gets_its_words() {
        let text = "export ORDER=$ORDER,b; MINE=theirs; script=x; set -- lost\n";
        let program = "printf '%s|' \"$ORDER\" \"$MINE\" \"$@\"";
        let words = ["sh", "-c", program, "-", "a \"b\" $HOME `x`", "--", "X=1"];
        assert_eq!(printed(text, &words).await, "a,b|my \"own\" $value|a \"b\" $HOME `x`|--|X=1|");
    }

    #[tokio::test]
    async fn scripts_that_fail_or_look_at_arguments_do_no_harm() {
        assert_eq!(printed("false\nexport COUNT=$#\n", &["sh", "-c", "echo $COUNT"]).await, "0\n");
        assert_eq!(printed("return 1\n", &["echo", "--"]).await, "--\n");
    }

    #[tokio::test]
    async fn codes_and_signals_stay_the_commands_own() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(run("", &["sh", "-c", "exit 7"]).await.status.code(), Some(7));
        assert_eq!(run("", &["sh", "-c", "kill -9 $$"]).await.status.signal(), Some(9));
        assert_eq!(run("", &["no-such-tool"]).await.status.code(), Some(127));
        assert_eq!(run("", &["/dev/null"]).await.status.code(), Some(126));
    }
}
