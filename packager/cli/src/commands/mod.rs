//! One module a subcommand.

mod apps;
mod doctor;
mod kill;
mod logs;
mod run;
mod sql;
mod status;
mod submission;
mod wait;

use crate::args::{Command, CommonArgs};
use crate::exit::{Exit, Failure};
use crate::log;

/// Runs a subcommand to its end.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    log::start(common(&command));
    match command {
        Command::Sql(args) => sql::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Apps(args) => apps::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Kill(args) => kill::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
    }
}

fn common(command: &Command) -> &CommonArgs {
    match command {
        Command::Sql(args) => &args.common,
        Command::Run(args) => &args.common,
        Command::Apps(args) => &args.common,
        Command::Status(args) => &args.common,
        Command::Wait(args) | Command::Kill(args) => &args.common,
        Command::Logs(args) => &args.common,
        Command::Doctor(args) => &args.common,
    }
}
