//! `verify`: whether an archive works where nothing of the environment's old place is left.

use bobbin_packager::{Import, UnpackOptions, Verification, VerifyError, VerifyOptions, verify};
use serde_json::{Value, json};

use super::{stoppable, unpack};
use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::terminal::{note, say};
use crate::units;

/// Lines that a list has.
const LISTED: usize = 20;

/// Runs the subcommand: 0 when everything works, 1 when something does not.
pub async fn run(args: VerifyArgs) -> Result<Exit, Failure> {
    let options = VerifyOptions {
        imports: args.import,
        directory: args.scratch,
        unpack: UnpackOptions { limits: unpack::limits(&args.limits), ..UnpackOptions::default() },
        without_imports: args.no_import,
    };
    let archive = args.archive.clone();
    let found = stoppable(move |stop| verify(&archive, &options, stop)).await?.map_err(failure)?;
    if args.json {
        say(description(&found));
    } else if !args.common.quiet || !found.is_good() {
        tell(&args.archive.display().to_string(), &found);
    }
    Ok(if found.is_good() { Exit::Code(0) } else { Exit::Failed })
}

fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Unpack(error) => unpack::failure(error),
        error @ (VerifyError::Directory { .. } | VerifyError::Read { .. }) => Failure::of(Exit::Failed, &error),
    }
}

fn tell(archive: &str, found: &Verification) {
    let (bytes, seconds) = (units::bytes(found.bytes), found.elapsed.as_secs_f64());
    say(format_args!("{archive}: {} entries, {bytes}, verified in {seconds:.1} s", found.entries));
    match &found.interpreter {
        Some(python) => say(format_args!("interpreter: Python {}, sys.prefix {}", python.version, python.prefix)),
        None => say("interpreter: none"),
    }
    let good = found.imports.iter().filter(|import| import.failure.is_none()).count();
    if !found.imports.is_empty() {
        say(format_args!("imports: {good} of {} modules", found.imports.len()));
    }
    if !found.node_libraries.is_empty() {
        say(format_args!("every node must have: {}", found.node_libraries.join(", ")));
    }
    if let Some(reason) = &found.not_hidden {
        note(format_args!("yarn-submit: this machine's own files could not be hidden from it: {reason}"));
    }
    let failed = found.imports.iter().filter_map(|Import { module, failure }| Some((module, failure.as_ref()?)));
    list("cannot be imported:", failed.map(|(module, failure)| format!("{module}: {failure}")));
    list("the interpreter does not start:", found.interpreter_failure.iter().cloned());
    let missing = found.missing_libraries.iter();
    list("libraries that are nowhere:", missing.map(|it| format!("{} (for {})", it.library, it.needed_by)));
    list("links that lead nowhere:", found.broken_links.iter().cloned());
    list("places that a node does not have:", found.foreign_places.iter().cloned());
}

fn list(title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    say(title);
    items.iter().take(LISTED).for_each(|item| say(format_args!("  {item}")));
    if items.len() > LISTED {
        say(format_args!("  and {} more (--json names all)", items.len() - LISTED));
    }
}

fn description(found: &Verification) -> Value {
    let imports: Vec<Value> =
        found.imports.iter().map(|it| json!({ "module": it.module, "failure": it.failure })).collect();
    let missing: Vec<Value> =
        found.missing_libraries.iter().map(|it| json!({ "library": it.library, "needed_by": it.needed_by })).collect();
    json!({
        "good": found.is_good(),
        "entries": found.entries,
        "bytes": found.bytes,
        "interpreter": found.interpreter.as_ref().map(|it| json!({ "version": it.version, "prefix": it.prefix })),
        "interpreter_failure": found.interpreter_failure,
        "imports": imports,
        "missing_libraries": missing,
        "node_libraries": found.node_libraries,
        "broken_links": found.broken_links,
        "foreign_places": found.foreign_places,
        "not_hidden": found.not_hidden,
        "seconds": found.elapsed.as_secs_f64(),
    })
}
