//! The first seeds of what `examples/fuzz.rs` runs for as long as one likes.

mod fuzzing;
mod json_reader;
mod reference;

/// Seeds that are tried.
const SEEDS: u64 = 2000;

#[test]
fn nothing_breaks() {
    for (_, check) in fuzzing::TARGETS {
        (0..SEEDS).for_each(check);
    }
}
