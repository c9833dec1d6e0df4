//! CSV: what the kernel makes of a file, in pieces and in splits, is what the reference reads.

use std::collections::BTreeMap;

use bobbin_parse::OnBad;

use super::random::Random;
use crate::reference::{Case, cut, decode, read, rejects};

const SAMPLES: [&[u8]; 20] = [
    b"1,2015-01-31,12.5,true\n",
    b"a,b,c,d\r\n",
    b"\"a,b\",\"c\nd\",\"e\"\"f\",\n",
    b"\"\",,\"\",\n",
    b"1\n",
    b"1,2\n",
    b"-1,+2\r\n",
    b"9223372036854775808,-9223372036854775808\n",
    b"1_000,12;5\n",
    b"NA,\\N,-,\n",
    b"# comment, \"with quotes\n",
    b"## comment\n",
    b"\\\",\\,,\\\n,a\n",
    b" \t1 , \"x\" ,\t,\n",
    b"3,5\" pipe,TRUE,FALSE\n",
    b"\xef\xbb\xbfa,b\n",
    b"caf\xc3\xa9,caf\xe9,\xff\n",
    b"a text that is longer than twelve bytes,and another one with some more of them,999.9,-999.95\n",
    b"\"a quoted text, with a separator, that goes on and on, to the next word of sixty-four bytes\",1,0,1\n",
    b"\n\r\n,\n",
];

pub fn check(seed: u64) {
    let mut random = Random::new(seed);
    let mut case = Case::new(random.bytes());
    let is_short = random.once_in(8);
    if is_short {
        case.options.max_record_bytes = 1 + random.below(60);
    }
    let file = random.file(&SAMPLES, b"\",\n\r\\ #01a.-_\t");
    let text = format!("seed {seed}: {:?} of {case:?}", String::from_utf8_lossy(&file));
    let piece = 1 + random.below(250);
    let expected = read(&case, &file);
    decode(&case, &file, piece, random.once_in(2)).check(&expected, &text);
    // A file's first split is longer than a byte order mark.
    let mut cuts = random.cuts(file.len());
    cuts.retain(|cut| !(1..=3).contains(cut) || *cut == file.len());
    let found = cut(&case, &file, &cuts, piece);
    // A lead that goes on behind the first split is an error of its own; maps of splits do not cut long records off.
    if !is_short && found.error.as_ref().is_none_or(|(_, _, kind, _)| *kind != "no header") {
        let fault = |fault: &crate::reference::Fault| (fault.0, fault.2, fault.3.clone());
        assert_eq!(found.error.as_ref().map(fault), expected.error.as_ref().map(fault), "in splits: {text}");
        let values = |rows: Vec<crate::reference::Row>| -> Vec<_> {
            rows.into_iter().map(|row| (row.offset, row.values)).collect()
        };
        assert_eq!(values(found.rows), values(expected.rows), "in splits: {text}");
        let mut counts = BTreeMap::new();
        expected.bad.iter().for_each(|(_, _, kind, _)| *counts.entry(*kind).or_default() += 1u64);
        assert_eq!(found.bad.counts, counts, "in splits: {text}");
    }
    let found = rejects(&case, &file, piece);
    case.options.on_bad = OnBad::Skip;
    let expected = read(&case, &file).bad.into_iter().map(|(offset, _, kind, _)| (offset, kind.to_owned()));
    assert_eq!(found, expected.collect::<Vec<_>>(), "rejects: {text}");
}
