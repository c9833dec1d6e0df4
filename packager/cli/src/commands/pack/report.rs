//! What a person, or a script, is told about an archive.

use bobbin_packager::{Packed, Place, Preview, Remain};
use serde_json::{Value, json};

use crate::terminal::say;
use crate::units;

/// Directories that a report names.
const LARGEST: usize = 20;
/// Files that a list names.
const LISTED: usize = 10;

/// The summary of an archive.
pub fn packed(packed: &Packed, report: bool, as_json: bool) {
    let preview = &packed.preview;
    if as_json {
        let mut value = description(preview, report);
        value["archive"] = json!(packed.path);
        value["bytes"] = json!(packed.bytes);
        value["sha256"] = json!(packed.hash);
        value["unchanged"] = json!(packed.is_unchanged);
        value["reused_bytes"] = json!(packed.reused);
        value["seconds"] = json!(packed.elapsed.as_secs_f64());
        value["old_prefix_in"] = packed.remains.iter().map(remain).collect();
        return say(value);
    }
    let seconds = packed.elapsed.as_secs_f64();
    let sizes = format!(
        "{} files, {} -> {} ({} %)",
        preview.files,
        units::bytes(preview.content),
        units::bytes(packed.bytes),
        packed.bytes * 100 / preview.content.max(1)
    );
    let path = packed.path.display();
    if packed.is_unchanged {
        say(format_args!("{path}: {sizes}; nothing has changed since it was packed ({seconds:.2} s)"));
    } else {
        let rate = units::bytes((preview.content as f64 / seconds.max(0.001)) as u64);
        let reused = match packed.reused {
            0 => String::new(),
            bytes => format!(", {} of them as they were", units::bytes(bytes)),
        };
        say(format_args!("{path}: {sizes}{reused} in {seconds:.2} s ({rate}/s)"));
    }
    say(format_args!("sha256 {}", packed.hash));
    details(preview, report);
    remains(&packed.remains);
}

/// What would be packed.
pub fn preview(preview: &Preview, report: bool, as_json: bool) {
    if as_json {
        return say(description(preview, report));
    }
    let (root, style) = (preview.root.display(), style(preview));
    say(format_args!("{root}: {style}, {} files, {}", preview.files, units::bytes(preview.content)));
    details(preview, report);
}

fn style(preview: &Preview) -> &'static str {
    match preview.style {
        bobbin_packager::Style::Venv => "virtual environment",
        bobbin_packager::Style::Conda => "conda prefix",
        bobbin_packager::Style::Plain => "directory",
    }
}

fn details(preview: &Preview, report: bool) {
    for note in &preview.notes {
        say(note);
    }
    for (reason, (entries, bytes)) in preview.left_out_by_reason() {
        say(format_args!("left out: {} ({entries}, {})", reason.text(), units::bytes(bytes)));
        let paths = preview.left_out.iter().filter(|it| it.reason == reason && report);
        paths.for_each(|it| say(format_args!("  {}  {}", it.path.display(), units::bytes(it.bytes))));
    }
    if report {
        say("largest directories:");
        for directory in preview.directories.iter().take(LARGEST) {
            let (path, bytes) = (directory.path.display(), units::bytes(directory.bytes));
            say(format_args!("  {bytes:>10}  {:>6} files  {path}", directory.files));
        }
    }
}

/// The files that still name the place where the environment was installed.
fn remains(remains: &[Remain]) {
    let (fixed, left): (Vec<&Remain>, Vec<&Remain>) =
        remains.iter().filter(|remain| remain.place != Place::Harmless).partition(|remain| remain.fixed_at_unpacking);
    let list = |title: &str, remains: &[&Remain]| {
        if remains.is_empty() {
            return;
        }
        say(title);
        for remain in remains.iter().take(LISTED) {
            say(format_args!("  {} ({})", remain.path, remain.place.text()));
        }
        if remains.len() > LISTED {
            say(format_args!("  and {} more (--json names all)", remains.len() - LISTED));
        }
    };
    list("these files name their place; bobbin's own unpacking writes the new one, YARN's does not:", &fixed);
    list("these files still name the environment's old place:", &left);
}

fn remain(remain: &Remain) -> Value {
    json!({
        "path": remain.path,
        "place": remain.place.text(),
        "fixed_at_unpacking": remain.fixed_at_unpacking,
        "harmless": remain.place == Place::Harmless,
    })
}

fn description(preview: &Preview, report: bool) -> Value {
    let left_out: Vec<Value> = preview
        .left_out
        .iter()
        .map(|it| json!({ "path": it.path.to_string_lossy(), "reason": it.reason.text(), "bytes": it.bytes }))
        .collect();
    let directories: Vec<Value> = preview
        .directories
        .iter()
        .take(LARGEST)
        .map(|it| json!({ "path": it.path.to_string_lossy(), "files": it.files, "bytes": it.bytes }))
        .collect();
    let mut value = json!({
        "environment": preview.root.to_string_lossy(),
        "kind": style(preview),
        "files": preview.files,
        "entries": preview.entries,
        "content_bytes": preview.content,
        "left_out": left_out,
        "largest_directories": directories,
        "notes": preview.notes,
    });
    if report {
        value["paths"] = preview.paths.iter().map(|path| path.to_string_lossy()).collect();
    }
    value
}
