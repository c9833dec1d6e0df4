//! A program's own functions in sessions on one machine: which session it is in, and where its functions run.
//!
//! This executable is the program, its sessions and their children, so it has no harness that would take their words.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod machine;

use std::process::{Command, ExitCode, Output};

use machine::{Done, Machine, done, number};

/// The word that makes this executable the program.
const PROGRAM: &str = "where";

/// Its process, and the one that has started that.
#[bobbin::task(pure = false)]
fn processes() -> (u32, u32) {
    (std::process::id(), std::os::unix::process::parent_id())
}

mod program {
    //! Says where a function runs.

    use std::error::Error;
    use std::process::ExitCode;

    use bobbin::Session;

    #[bobbin::main]
    async fn main() -> Result<(), Box<dyn Error>> {
        let (process, parent) = Session::connect().await?.submit(super::processes, ()).result().await?;
        println!("{} {process} {parent}", std::process::id());
        Ok(())
    }

    /// Its `main`.
    pub fn run() -> ExitCode {
        main()
    }
}

fn main() -> ExitCode {
    let word = std::env::args().nth(1);
    // Tests are chosen by words, too.
    if word.as_deref().is_some_and(|word| [PROGRAM, "local-session", "task"].contains(&word)) {
        return program::run();
    }
    let tests: [(&str, fn()); 3] = [
        ("a_variable_names_the_session", a_variable_names_the_session),
        ("a_name_of_nothing_is_told_by_what_says_it", a_name_of_nothing_is_told_by_what_says_it),
        ("functions_run_where_the_user_says", functions_run_where_the_user_says),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// This executable's path.
fn executable() -> String {
    std::env::current_exe().unwrap().display().to_string()
}

/// The program as a user starts it, with a variable.
fn alone(machine: &Machine, (name, value): (&str, &str)) -> Command {
    let mut command = machine.clean(&executable());
    command.arg(PROGRAM).env(name, value);
    command
}

/// What the program says: its own process, that of the function, and the parent of this.
fn said(output: Output) -> [u64; 3] {
    let said = done(output).expect(0).stdout;
    let numbers: Vec<u64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

fn session(machine: &Machine, name: &str) -> u64 {
    number(&machine.status(name), "pid")
}

fn a_variable_names_the_session() {
    let machine = Machine::new();
    let program = executable();
    machine.start("one", &["--bin", &program]);
    machine.start("two", &["--bin", &program]);
    for name in ["one", "two"] {
        let [_, process, _] = said(alone(&machine, ("BOBBIN_SESSION", name)).output().unwrap());
        assert_eq!(process, session(&machine, name), "it ran in session {name}");
        let [_, process, _] =
            said(alone(&machine, ("BOBBIN_SESSION", name)).env("BOBBIN_MASTER", "local[3]").output().unwrap());
        assert_eq!(process, session(&machine, name));
    }
    let [own, process, _] = said(alone(&machine, ("BOBBIN_SESSION", "")).output().unwrap());
    assert_eq!(process, own, "a variable without a value says nothing");
    // Who is started in a session is part of that one, whatever the surroundings say.
    let mut run = machine.command(&["run", "--session", "one", "--", &program, PROGRAM]);
    let [_, process, _] = said(run.env("BOBBIN_SESSION", "two").output().unwrap());
    assert_eq!(process, session(&machine, "one"));
    let inner = ["run", "--session", "one", "--", "sh", "-c", "echo \"<$BOBBIN_SESSION>\""];
    let mut inner = machine.command(&inner);
    assert_eq!(done(inner.env("BOBBIN_SESSION", "two").output().unwrap()).expect(0).stdout, "<>\n");
    let mut run = machine.command(&["run", "--", &program, PROGRAM]);
    let [_, process, _] = said(run.env("BOBBIN_SESSION", "two").output().unwrap());
    assert_eq!(process, session(&machine, "two"));
    // The flag goes before the variable, and this before the file.
    std::fs::write(machine.path("config.toml"), "session = 'one'\n").unwrap();
    let finished = |name| number(&machine.status(name), "tasks_finished");
    let counted = |variable: &str| {
        let mut count = machine.command(&["count", "t.csv"]);
        let before = (finished("one"), finished("two"));
        count.env("BOBBIN_CONFIG", machine.path("config.toml")).env("BOBBIN_SESSION", variable);
        done(count.output().unwrap()).expect(0);
        (finished("one") > before.0, finished("two") > before.1)
    };
    assert_eq!((counted(""), counted("two")), ((true, false), (false, true)));
}

fn a_name_of_nothing_is_told_by_what_says_it() {
    let machine = Machine::new();
    let refused =
        |mut command: Command, code: i32, parts: &[&str]| done(command.output().unwrap()).refused(code, parts);
    let nothing =
        ["BOBBIN_SESSION is \"gone\": there is no session \"gone\"", "run/bobbin/gone.sock", "HADOOP_CONF_DIR"];
    refused(alone(&machine, ("BOBBIN_SESSION", "gone")), 1, &nothing);
    let mut here = alone(&machine, ("BOBBIN_SESSION", "gone"));
    here.env("BOBBIN_MASTER", "local");
    refused(
        here,
        1,
        &["BOBBIN_SESSION is \"gone\": there is no session \"gone\" on this machine", "session start gone"],
    );
    let mut there = alone(&machine, ("BOBBIN_SESSION", "gone"));
    there.env("BOBBIN_MASTER", "yarn");
    refused(there, 1, &["no Hadoop configuration", "HADOOP_CONF_DIR"]);
    refused(alone(&machine, ("BOBBIN_SESSION", "a/b")), 1, &["BOBBIN_SESSION is \"a/b\"", "is no name of a session"]);
    let variable = |words: &[&str]| {
        let mut command = machine.command(words);
        command.env("BOBBIN_SESSION", "gone");
        command
    };
    let named = ["environment variable BOBBIN_SESSION: ", "there is no session \"gone\""];
    for words in [&["sql", "SELECT 1"][..], &["count", "t.csv"], &["run", "--", "true"]] {
        refused(variable(words), 66, &named);
    }
    let mut master = variable(&["sql", "--master", "local", "SELECT 1"]);
    master.env("BOBBIN_QUEUE", "etl");
    refused(master, 66, &named);
    let program = executable();
    let both = ["--bin", "session start --bin", "do without environment variable BOBBIN_SESSION"];
    refused(variable(&["run", "--bin", &program]), 64, &both);
    refused(variable(&["run", "--workers", "2", "--", "true"]), 64, &["--workers", both[2]]);
    std::fs::write(machine.path("config.toml"), "\nsession = 'gone'\n").unwrap();
    let mut file = machine.command(&["sql", "SELECT 1"]);
    file.env("BOBBIN_CONFIG", machine.path("config.toml"));
    refused(file, 66, &["config.toml line 2: session: ", "there is no session \"gone\""]);
    machine.run(&["sql", "--session", "gone", "SELECT 1"]).refused(66, &["yarn-submit: there is no session \"gone\""]);
}

fn functions_run_where_the_user_says() {
    let machine = Machine::new();
    let program = executable();
    let local = |options: &[&str]| {
        let words = [&["run", "--master", "local[2]"], options, &["--", &program, PROGRAM]].concat();
        machine.command(&words)
    };
    let [own, process, _] = said(local(&[]).output().unwrap());
    assert_eq!(process, own);
    let [own, process, parent] = said(local(&["--isolation", "process"]).output().unwrap());
    assert!(process != own && parent == own, "a child of the program, which is its worker");
    let [own, process, _] =
        said(local(&["--isolation", "thread"]).env("BOBBIN_ISOLATION", "process").output().unwrap());
    assert_eq!(process, own, "the flag goes before the variable");
    std::fs::write(machine.path("config.toml"), "isolation = 'process'\n").unwrap();
    let [own, process, _] = said(local(&[]).env("BOBBIN_CONFIG", machine.path("config.toml")).output().unwrap());
    assert_ne!(process, own, "the file says so");
    let refused: Done = done(local(&["--isolation", "jail"]).output().unwrap());
    refused.refused(64, &["jail", "--isolation", "thread, process"]);
    let refused: Done = done(local(&[]).env("BOBBIN_ISOLATION", "jail").output().unwrap());
    refused.refused(64, &["environment variable BOBBIN_ISOLATION", "jail", "thread, process"]);

    machine.start("apart", &["--bin", &program, "--isolation", "process"]);
    machine.start("together", &["--bin", &program]);
    let within = |name: &str, options: &[&str]| {
        let words = [&["run", "--session", name], options, &["--", &program, PROGRAM]].concat();
        let [_, process, parent] = said(machine.command(&words).output().unwrap());
        let session = session(&machine, name);
        assert!(
            process == session || parent == session,
            "{process}, child of {parent}, is neither in {session} nor its child"
        );
        process != session
    };
    assert_eq!((within("together", &[]), within("apart", &[])), (false, true));
    let driver = |name| within(name, &["--isolation", "thread"]);
    assert!(!driver("apart") && !driver("together"), "what a driver says goes before what was said for the session");
    assert!(within("together", &["--isolation", "process"]));
    let [_, process, _] = said(alone(&machine, ("BOBBIN_SESSION", "apart")).output().unwrap());
    assert_ne!(process, session(&machine, "apart"));
}
