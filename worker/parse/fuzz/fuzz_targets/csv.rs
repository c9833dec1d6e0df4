//! The CSV kernel equals the reference reader, for any bytes, options and cuts.
#![no_main]

#[path = "../../tests/reference/mod.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use reference::{Case, cut, decode, read};

fuzz_target!(|input: &[u8]| {
    let Some((seed, rest)) = input.split_first_chunk::<12>() else { return };
    let Some((&[piece, low, high], file)) = rest.split_first_chunk::<3>() else { return };
    let case = Case::new(*seed);
    let piece = 1 + usize::from(piece);
    let expected = read(&case, file);
    decode(&case, file, piece, low % 2 == 0).check(&expected, "in pieces");
    let mut cuts = vec![0, file.len().min(low.into()), file.len().min(high.into()), file.len()];
    cuts.sort_unstable();
    cuts.dedup();
    let found = cut(&case, file, &cuts, piece);
    if found.error.is_none() {
        assert_eq!(found.rows.len(), expected.rows.len(), "in splits");
    }
});
