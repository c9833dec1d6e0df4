//! One module a subcommand.

mod apps;
mod doctor;
mod kill;
mod logs;
mod pack;
mod run;
mod session;
mod sql;
mod status;
mod submission;
mod unpack;
mod verify;
mod wait;

use std::sync::atomic::AtomicBool;

use crate::args::{Command, CommonArgs};
use crate::background::Background;
use crate::exit::{Exit, Failure};
use crate::interrupt::Signals;
use crate::log;

/// Runs a subcommand to its end.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    log::start(common(&command));
    match command {
        Command::Sql(args) => sql::run(args).await,
        Command::Schema(args) => sql::table::run(args, None, sql::table::Question::Schema).await,
        Command::Head(args) => sql::table::head(args).await,
        Command::Describe(args) => sql::table::ask(args, sql::table::Question::Describe).await,
        Command::Count(args) => sql::table::ask(args, sql::table::Question::Count).await,
        Command::Run(args) => run::run(args).await,
        Command::Session(args) => session::run(args).await,
        Command::Apps(args) => apps::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Kill(args) => kill::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Pack(args) => pack::run(args).await,
        Command::Unpack(args) => unpack::run(args).await,
        Command::Verify(args) => verify::run(args).await,
    }
}

/// Runs blocking work that looks at a flag now and then. Ctrl-C and TERM set the flag, and what the work then leaves is in
/// order; a second one ends us at once.
async fn stoppable<T: Send + 'static>(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Result<T, Failure> {
    let mut signals = Signals::new();
    let mut work = Background::start(work);
    tokio::select! {
        outcome = work.done() => return Ok(outcome),
        _ = signals.next() => work.stop(),
    }
    tokio::select! {
        outcome = work.done() => Ok(outcome),
        exit = signals.next() => std::process::exit(i32::from(exit.code())),
    }
}

fn common(command: &Command) -> &CommonArgs {
    match command {
        Command::Sql(args) => &args.common,
        Command::Schema(args) => &args.common,
        Command::Describe(args) | Command::Count(args) => &args.table.common,
        Command::Head(args) => &args.table.common,
        Command::Run(args) => &args.common,
        Command::Session(args) => &args.common,
        Command::Apps(args) => &args.common,
        Command::Status(args) => &args.common,
        Command::Wait(args) | Command::Kill(args) => &args.common,
        Command::Logs(args) => &args.common,
        Command::Doctor(args) => &args.common,
        Command::Pack(args) => &args.common,
        Command::Unpack(args) => &args.common,
        Command::Verify(args) => &args.common,
    }
}
