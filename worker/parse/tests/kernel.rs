//! The kernel equals the reference on random bytes, for random options, whatever a file is cut into.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod reference;

use std::collections::BTreeMap;

use bobbin_parse::OnBad;
use proptest::prelude::*;
use reference::{Case, cut, decode, read, rejects};

/// Files a property is tried on.
const CASES: u32 = 2000;

/// Bytes that mean something, and files of records that are nearly right.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(prop::sample::select(b"a1,,\n\n\"\"\r\\# _;.-\xe9\t".to_vec()), 0..200);
    let field = prop_oneof![
        "[0-9]{0,3}",
        "-?[0-9]{1,3}[.;][0-9]",
        "[1-9]_[0-9]{3}",
        "true|FALSE|0|1",
        "NA|-|\\\\N|",
        "[ \t]?\"([a,\n\r#]|\"\"|\\\\\")*\"",
        "[a é#\"\\\\]{0,4}",
        "a{0,90}",
    ];
    let line = (prop::collection::vec(field, 1..5), prop::sample::select(vec!["\n", "\r\n", "\n\n", ",\n", "x\n"]))
        .prop_map(|(fields, end)| fields.join(",") + end);
    let lines = prop::collection::vec(prop_oneof![9 => line, 1 => "#[a,\"#]{0,5}\n"], 0..20);
    let text = lines.prop_map(|lines| lines.concat().into_bytes());
    let wrong = (text.clone(), any::<prop::sample::Index>(), prop::sample::select(b"a,\n\"\r\\#\xff".to_vec()))
        .prop_map(|(mut bytes, at, byte)| {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![2 => bytes, 3 => text, 2 => wrong]
}

fn text(case: &Case, file: &[u8]) -> String {
    format!("{:?} of {case:?}", String::from_utf8_lossy(file))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn equals_the_reference(file in file(), seed: [u8; 12], piece in 1usize..250, knows_len: bool, mark in prop::bool::weighted(0.1)) {
        let case = Case::new(seed);
        prop_assert_eq!(case.options.check(), Ok(()));
        let file = [if mark { b"\xef\xbb\xbf".as_slice() } else { b"" }, &file].concat();
        decode(&case, &file, piece, knows_len).check(&read(&case, &file), &text(&case, &file));
    }

    #[test]
    fn long_records_do_not_depend_on_pieces(file in file(), seed: [u8; 12], piece in 1usize..60, most in 1usize..40) {
        let mut case = Case::new(seed);
        case.options.max_record_bytes = most;
        decode(&case, &file, piece, true).check(&read(&case, &file), &text(&case, &file));
    }

    #[test]
    fn splits_that_know_their_start_give_the_same(
        file in file(),
        seed: [u8; 12],
        piece in 1usize..250,
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let case = Case::new(seed);
        let mut cuts: Vec<usize> = chosen.iter().map(|at| at.index(file.len() + 1)).chain([0, file.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let found = cut(&case, &file, &cuts, piece);
        let expected = read(&case, &file);
        // A lead that goes on behind the first split is an error of its own.
        if found.error.as_ref().is_some_and(|(_, _, kind, _)| *kind == "no header") {
            return Ok(());
        }
        let place = |fault: &reference::Fault| (fault.0, fault.2, fault.3.clone());
        prop_assert_eq!(found.error.as_ref().map(place), expected.error.as_ref().map(place));
        let mut counts = BTreeMap::new();
        expected.bad.iter().for_each(|(_, _, kind, _)| *counts.entry(*kind).or_default() += 1u64);
        prop_assert_eq!(found.bad.counts, counts);
        // Only the first split knows how many records are before its own.
        let plain = |rows: Vec<reference::Row>| rows.into_iter().map(|row| (row.offset, row.values)).collect::<Vec<_>>();
        prop_assert_eq!(plain(found.rows), plain(expected.rows), "cut at {:?}: {}", cuts, text(&case, &file));
    }

    #[test]
    fn rejects_are_what_skipping_leaves_out(file in file(), seed: [u8; 12], piece in 1usize..250) {
        let mut case = Case::new(seed);
        let found = rejects(&case, &file, piece);
        case.options.on_bad = OnBad::Skip;
        let expected = read(&case, &file).bad.into_iter().map(|(offset, _, kind, _)| (offset, kind.to_owned()));
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
