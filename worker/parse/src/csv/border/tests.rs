//! The map of a split equals what single bytes do, and maps compose.

use proptest::prelude::*;

use super::*;

fn dialect() -> impl Strategy<Value = CsvOptions> {
    let comment = prop::sample::select(vec![None, Some("#"), Some("##"), Some("#a#")]);
    (prop::option::weighted(0.9, Just(b'"')), prop::option::of(Just(b'\\')), comment, any::<bool>()).prop_map(
        |(quote, escape, comment, skip_initial_space)| CsvOptions {
            quote,
            escape,
            comment: comment.map(str::to_owned),
            skip_initial_space,
            header: false,
            ..CsvOptions::default()
        },
    )
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"aab,,\n\n\"\"\r\\## ".to_vec()), 0..400)
}

fn map(options: &CsvOptions, file: &[u8], range: Range<usize>, piece: usize) -> StateMap {
    let split = SplitRange { start: range.start as u64, end: range.end as u64, file_len: file.len() as u64 };
    let mut scanner = BorderScanner::new(options, split);
    while let Some(wanted) = scanner.wants() {
        let from = wanted.start as usize;
        scanner.feed(wanted.start, &file[from..(from + piece).min(wanted.end as usize)]).unwrap();
    }
    scanner.finish().unwrap()
}

/// The map by single bytes.
fn slow_map(options: &CsvOptions, file: &[u8], range: Range<usize>) -> StateMap {
    let rules = Rules::new(options);
    let outcome = |start| {
        let mut state = start;
        let mut first = (start == LINE).then_some(range.start as u64);
        for at in range.clone() {
            state = rules.step(state, file[at]);
            if state == LINE && at + 1 < range.end {
                first.get_or_insert(at as u64 + 1);
            }
        }
        (state, first)
    };
    StateMap((0..rules.states()).map(outcome).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn skipping_equals_stepping(options in dialect(), file in bytes(), start in 1usize..40, piece in 1usize..300) {
        let start = start.min(file.len());
        let found = map(&options, &file, start..file.len(), piece);
        if start < file.len() {
            prop_assert_eq!(found, slow_map(&options, &file, start..file.len()));
        }
    }

    #[test]
    fn the_end_may_be_found_late(options in dialect(), file in bytes(), start in 0usize..40, piece in 1usize..300) {
        let start = start.min(file.len());
        let split = SplitRange { start: start as u64, end: SplitRange::UNKNOWN, file_len: SplitRange::UNKNOWN };
        let mut scanner = BorderScanner::new(&options, split);
        for piece in file[start..].chunks(piece) {
            let wanted = scanner.wants().unwrap();
            scanner.feed(wanted.start, piece).unwrap();
        }
        scanner.end_of_file();
        prop_assert_eq!(scanner.wants(), None);
        prop_assert_eq!(scanner.finish().unwrap(), map(&options, &file, start..file.len(), 100));
    }

    #[test]
    fn maps_compose(options in dialect(), file in bytes(), cuts in (1usize..399, 1usize..399)) {
        let (low, high) = (cuts.0.min(cuts.1).min(file.len()), cuts.0.max(cuts.1).min(file.len()));
        let whole = map(&options, &file, low..file.len(), 100);
        let (left, right) = (map(&options, &file, low..high, 100), map(&options, &file, high..file.len(), 100));
        if low < high && high < file.len() {
            prop_assert_eq!(left.then(&right), Some(whole));
        }
    }
}

#[test]
fn maps_of_other_options_do_not_compose() {
    let short = map(&CsvOptions::default(), b"abc\n", 1..3, 10);
    let comment = CsvOptions { comment: Some("##".into()), ..CsvOptions::default() };
    let long = map(&comment, b"abc\n", 1..3, 10);
    assert_eq!(short.then(&long), None);
}

#[test]
fn the_lead_must_begin_in_the_first_split() {
    let options = CsvOptions { skip_rows: 1, skip_rows_after_header: 1, ..CsvOptions::default() };
    let finish = |end: u64| {
        let file = b"\xef\xbb\xbf\"skipped\n\nname\nskipped\n1\n";
        let split = SplitRange { start: 0, end, file_len: file.len() as u64 };
        let mut scanner = BorderScanner::new(&options, split);
        scanner.feed(0, file).unwrap();
        scanner.finish().map(|map| map.0[0]).map_err(|error| error.reason)
    };
    assert_eq!(finish(17), Err(Reason::NoHeader { end: 17 }));
    assert_eq!(finish(18), Err(Reason::NoHeader { end: 18 }));
    assert_eq!(finish(19), Ok((state::DISCARD, Some(0))));
    assert_eq!(finish(26), Ok((LINE, Some(0))));
}

#[test]
fn bytes_out_of_order_are_an_error() {
    let split = SplitRange { start: 10, end: 20, file_len: 30 };
    let mut scanner = BorderScanner::new(&CsvOptions::default(), split);
    assert_eq!(scanner.wants(), Some(10..20));
    assert_eq!(scanner.feed(11, b"a").unwrap_err().reason, Reason::OutOfOrder { wanted: 10, got: 11 });
}
