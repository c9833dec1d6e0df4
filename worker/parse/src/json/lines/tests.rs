//! The law of splits: any cut, fed in pieces of any size, gives the lines of the uncut file.

use super::*;
use proptest::prelude::*;

/// Lines by offset, with their numbers; a too long one without its text.
#[derive(Default, Debug, PartialEq)]
struct Found(Vec<(u64, u64, Option<Vec<u8>>)>);

impl Sink for Found {
    fn records(&mut self, group: Group<'_>) -> Result<(), RecordError> {
        for (index, span) in group.spans.iter().enumerate() {
            let text = group.bytes[span.start..span.end].to_vec();
            self.0.push((group.offset_of(index), number(group.line_of(index)), Some(text)));
        }
        Ok(())
    }

    fn broken(&mut self, error: RecordError, _head: &[u8]) -> Result<(), RecordError> {
        self.0.push((error.offset, number(error.line), None));
        Ok(())
    }
}

fn number(line: crate::Line) -> u64 {
    match line {
        crate::Line::OfFile(line) | crate::Line::OfSplit(line) => line,
    }
}

const LIMIT: usize = 12;

/// The lines of `[start, end)`, from pieces of at most `piece` bytes.
fn split(file: &[u8], start: usize, end: usize, piece: usize) -> (Found, Borders) {
    let split = SplitRange { start: start as u64, end: end as u64, file_len: file.len() as u64 };
    let (mut lines, mut found) = (Lines::new(split, LIMIT), Found::default());
    while let Some(wanted) = lines.wants() {
        let bytes = &file[wanted.start as usize..wanted.end as usize];
        lines.feed(wanted.start, &bytes[..bytes.len().min(piece)], &mut found).unwrap();
    }
    (found, lines.borders())
}

/// What the lines are, the slow way.
fn expected(file: &[u8]) -> Found {
    let mark = if file.starts_with(BYTE_ORDER_MARK) { 3 } else { 0 };
    let (mut found, mut at) = (Found::default(), mark);
    for (index, line) in file[mark..].split(|byte| *byte == b'\n').enumerate() {
        if line.len() > LIMIT {
            found.0.push((at as u64, index as u64 + 1, None));
        } else if !is_blank(line) {
            found.0.push((at as u64, index as u64 + 1, Some(line.to_vec())));
        }
        at += line.len() + 1;
    }
    found
}

/// A file whose length nobody knows.
fn stream(file: &[u8], piece: usize) -> Found {
    let split = SplitRange { start: 0, end: u64::MAX, file_len: SplitRange::UNKNOWN };
    let (mut lines, mut found) = (Lines::new(split, LIMIT), Found::default());
    for (index, bytes) in file.chunks(piece).enumerate() {
        assert_eq!(lines.wants().unwrap().start, (index * piece) as u64);
        lines.feed((index * piece) as u64, bytes, &mut found).unwrap();
    }
    lines.end_of_file(&mut found).unwrap();
    assert_eq!(lines.wants(), None);
    found
}

fn files() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![&b"\n"[..], b"\r\n", b" ", b"{}", b"a", b"\xef\xbb\xbf", b"\xef"]),
        1 => Just(&b"{\"a\":12345}"[..]),
        1 => Just(&b"much longer than that"[..]),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_lines(
        file in files(),
        cuts in prop::collection::btree_set(1usize..200, 0..5),
        piece in 1usize..40,
    ) {
        let expected = expected(&file);
        prop_assert_eq!(&stream(&file, piece).0, &expected.0);
        let mut edges: Vec<usize> = cuts.into_iter().filter(|cut| *cut < file.len()).collect();
        edges.insert(0, 0);
        edges.push(file.len());
        let (mut found, mut next) = (Vec::new(), 0);
        for pair in edges.windows(2) {
            let (lines, borders) = split(&file, pair[0], pair[1], piece);
            prop_assert_eq!(borders.first_record, next);
            next = borders.next_record;
            found.extend(lines.0.into_iter().map(|(offset, _, text)| (offset, text)));
        }
        let expected: Vec<_> = expected.0.into_iter().map(|(offset, _, text)| (offset, text)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(next, file.len() as u64);
    }
}

#[test]
fn line_numbers_count_all_lines() {
    let file = b"\n\n1\n\n2\nmuch longer than that\n3";
    assert_eq!(split(file, 0, file.len(), 5).0, expected(file));
    assert_eq!(split(file, 0, file.len(), 100).0, expected(file));
}

#[test]
fn bytes_out_of_order_are_refused() {
    let mut lines = Lines::new(SplitRange { start: 0, end: 9, file_len: 9 }, LIMIT);
    let error = lines.feed(3, b"x", &mut Found::default()).unwrap_err();
    assert_eq!(error.reason, Reason::OutOfOrder { wanted: 0, got: 3 });
}
