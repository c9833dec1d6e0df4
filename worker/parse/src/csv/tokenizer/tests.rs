//! The word-wise scan equals the byte-wise machine, on every processor.

use proptest::prelude::*;

use super::*;
use crate::csv::CsvOptions;
use crate::csv::machine::{self, Step};

/// What a scan gives, record by record, by the machine alone.
fn reference(shape: &Shape, block: &[u8], limits: Limits) -> (Vec<u32>, usize, End) {
    let mut positions = Vec::new();
    let (mut start, mut rows) = (0, 0);
    loop {
        if start >= limits.stop || rows == limits.rows {
            return (positions, start, End::Limit);
        }
        if start == block.len() {
            return (positions, start, End::Block);
        }
        let mut separators = Vec::new();
        let step = machine::run(block, start, limits.at_eof, &shape.grammar, |at| separators.push(at as u32));
        let found = separators.len() + 1;
        let bad = |bad| (positions.clone(), start, End::Bad(bad));
        match step {
            Step::Incomplete { opened: Some(opened) } if limits.at_eof => {
                return bad(Bad::UnterminatedQuote { opened });
            }
            Step::Incomplete { .. } => return (positions, start, End::Block),
            Step::TextAfterQuote { at } => return bad(Bad::TextAfterQuote { at }),
            Step::Complete { end, next } if matches!(&block[start..end], [] | [b'\r']) => start = next,
            Step::Complete { .. } if found != shape.columns => return bad(Bad::FieldCount { found }),
            Step::Complete { end, next } => {
                positions.push(start as u32);
                let kept = shape.kept.iter().take(shape.kept.len() - 1);
                positions.extend(kept.map(|ordinal| separators[*ordinal as usize]));
                positions.push(end as u32);
                (start, rows) = (next, rows + 1);
            }
        }
    }
}

fn check(processor: Processor, shape: &Shape, block: &[u8], limits: Limits) {
    let mut rows = Rows::default();
    let scan = processor.scan(shape, block, 0, limits, &mut rows);
    let found = (rows.positions[..rows.count * shape.stride()].to_vec(), scan.next, scan.end);
    let text = String::from_utf8_lossy(block);
    assert_eq!(found, reference(shape, block, limits), "{processor:?} on {text:?}");
}

/// Every implementation that this processor has.
fn check_all(shape: &Shape, block: &[u8], limits: Limits) {
    check(Processor::Portable, shape, block, limits);
    check(Processor::detect(), shape, block, limits);
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = crate::words_x86::Avx2::detected() {
        check(Processor::Avx2(avx2), shape, block, limits);
    }
}

/// Bytes of all kinds; valid lines; valid lines with one wrong byte near the border of two words.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(prop::sample::select(b"aaaa,,,\n\n\"\r\\ ".to_vec()), 0..300);
    let line = "([ab]{0,20}|\"[ab,\n]{0,30}\"),([ab\r]{0,9}|\"([ab]|\"\"|\\\\\"){0,70}\")\r?\n";
    let valid = prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat().into_bytes());
    let change = (0usize..5, 0usize..4, prop::sample::select(b"a,\n\"\r\\".to_vec()));
    let wrong = (valid.clone(), change).prop_map(|(mut block, (word, around, byte))| {
        if let Some(changed) = block.get_mut(64 * word + 62 + around) {
            *changed = byte;
        }
        block
    });
    prop_oneof![1 => bytes, 1 => valid, 3 => wrong]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn every_scan_equals_the_machine(
        block in block(),
        columns in 1usize..4,
        projection in prop::sample::subsequence(vec![0, 1, 2], 0..=3),
        stop in prop_oneof![Just(usize::MAX), 0usize..300],
        rows in 1usize..20,
        at_eof: bool,
        escape in prop::option::of(Just(b'\\')),
        skip_initial_space: bool,
    ) {
        let projection: Vec<usize> = projection.into_iter().filter(|column| *column < columns).collect();
        let options = CsvOptions { escape, skip_initial_space, ..CsvOptions::default() };
        check_all(&Shape::new(&options, columns, &projection), &block, Limits { stop, rows, at_eof });
    }
}

#[test]
fn quotes_at_every_distance_from_a_word_border() {
    let shape = Shape::new(&CsvOptions::default(), 2, &[1]);
    for len in 0..140 {
        for end in ["\",c\n", "\"b,c\n", "\"\"\",c\n", "\"\r\nx,y\n", "\"\rx,y\n", ",\"c\"\n"] {
            let block = format!("\"{}{end}a,b\n", "a".repeat(len)).into_bytes();
            let limits = Limits { stop: usize::MAX, rows: 9, at_eof: true };
            check_all(&shape, &block, limits);
        }
    }
}
