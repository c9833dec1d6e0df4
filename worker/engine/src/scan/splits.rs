//! Cuts files into splits. Borders depend on the files and the split size only.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bobbin_blocks::compression::{Compression, FrameStart};
use bobbin_blocks::{BlockPlaces, FileRef};
use bobbin_parse::SplitRange;

/// A byte range of a file's text, read by one task. The text of a compressed file is what it unpacks to.
///
/// A decoder begins one byte before its split, to see whether a record begins at its start. So a split of a compressed
/// file begins with the second byte of a frame: that frame is the first that its reader unpacks, and the split before it
/// is not read to its end before that frame is found where it should begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The file as it was planned.
    pub file: FileRef,
    /// What else is known of the file.
    pub facts: Arc<FileFacts>,
    /// First byte.
    pub start: u64,
    /// Byte after the last; [`SplitRange::UNKNOWN`] at the end of a compressed file.
    pub end: u64,
    /// Offset of the first record, where it is known for certain; the split's end if none begins in it.
    pub first_record: Option<u64>,
    /// The bytes of the file that hold the text: the same ones, or frames.
    pub stored: Range<u64>,
}

/// What a table knows of one of its files, beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// How it is compressed.
    pub compression: Compression,
    /// Values of the table's partition columns, as its path has them.
    pub values: Vec<Option<String>>,
    /// For each of the file's columns, which of the table's it is; empty: it has the table's, in their order.
    pub columns: Vec<usize>,
    /// Where it may be cut if it is compressed, further apart than the smallest splits are long. For planning only.
    pub frames: Vec<FrameStart>,
}

/// Where the first record of each split of a file begins, by URL, for files whose splits do not begin outside quotes.
pub(crate) type FirstRecords = BTreeMap<String, Arc<[u64]>>;

/// How files are cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitSettings {
    /// Bytes of a split.
    pub size: u64,
    /// What a look at their borders has shown.
    pub first_records: Arc<FirstRecords>,
}

impl Split {
    /// The whole file.
    pub fn whole(file: &FileRef, facts: &Arc<FileFacts>) -> Self {
        let end = facts.text_len(file);
        Self { file: file.clone(), facts: Arc::clone(facts), start: 0, end, first_record: None, stored: 0..file.len }
    }

    /// Bytes of the file that it takes.
    pub fn bytes(&self) -> u64 {
        self.stored.end - self.stored.start
    }

    /// Whether it is the last of its file.
    pub fn ends_file(&self) -> bool {
        self.end == self.facts.text_len(&self.file)
    }

    /// The frame that its reader begins with, and the one that the next split's does.
    pub fn frames(&self) -> (FrameStart, Option<FrameStart>) {
        let frame = |compressed, second: u64| FrameStart { compressed, decompressed: second.saturating_sub(1) };
        let next = Some(frame(self.stored.end, self.end)).filter(|_| !self.ends_file());
        (frame(self.stored.start, self.start), next)
    }

    /// Whether it surely starts where a record does.
    pub fn is_certain(&self) -> bool {
        self.start == 0 || self.first_record.is_some()
    }

    /// The same, as the decoder wants it.
    pub fn range(&self) -> SplitRange {
        SplitRange { start: self.start, end: self.end, file_len: self.facts.text_len(&self.file) }
    }
}

impl FileFacts {
    /// Bytes of the text of a file. Nobody knows how many a compressed file has before its end.
    pub fn text_len(&self, file: &FileRef) -> u64 {
        match self.compression {
            Compression::None => file.len,
            Compression::Gzip | Compression::Zstd | Compression::Bzip2 => SplitRange::UNKNOWN,
        }
    }
}

/// The split size that cuts all files into at most `most` splits: `wanted`, doubled as often as needed.
pub(crate) fn split_size(files: &[FileRef], wanted: u64, most: u64) -> u64 {
    let mut size = wanted.max(1);
    let count = |size: u64| files.iter().map(|file| file.len.div_ceil(size)).sum::<u64>();
    while count(size) > most && files.iter().any(|file| file.len > size) {
        size = size.saturating_mul(2);
    }
    size
}

/// A file's first split is at least so long, bytes: a byte order mark belongs to the first line.
const SHORTEST_FIRST: u64 = 4;

/// Those frames of a file, in order, before which it is cut into splits of at least `size` bytes, compressed and not.
pub(crate) fn spaced(frames: impl IntoIterator<Item = FrameStart>, size: u64) -> Vec<FrameStart> {
    let mut last = FrameStart::default();
    let mut chosen = Vec::new();
    for frame in frames {
        let compressed = frame.compressed.saturating_sub(last.compressed);
        if compressed.min(frame.decompressed.saturating_sub(last.decompressed)) >= size {
            chosen.push(frame);
            last = frame;
        }
    }
    chosen
}

/// Cuts one table's files; all are one split each if `whole`.
pub(crate) fn cut<'a>(
    files: impl Iterator<Item = (&'a FileRef, &'a Arc<FileFacts>)>,
    settings: &SplitSettings,
    whole: bool,
) -> Vec<Split> {
    let mut splits = Vec::new();
    for (file, facts) in files {
        let all = Split::whole(file, facts);
        if whole {
            splits.push(all);
            continue;
        }
        let known = settings.first_records.get(&file.url);
        let (mut start, mut stored) = (0, 0);
        for (number, border) in borders(file, facts, settings.size).into_iter().enumerate() {
            let first_record = known.and_then(|known| known.get(number)).copied();
            splits.push(Split { start, end: border.text, first_record, stored: stored..border.stored, ..all.clone() });
            (start, stored) = (border.text, border.stored);
        }
    }
    splits
}

/// Where a split ends, in the text and in the file.
struct Border {
    text: u64,
    stored: u64,
}

/// The ends of all splits of a file.
fn borders(file: &FileRef, facts: &FileFacts, size: u64) -> Vec<Border> {
    let last = Border { text: facts.text_len(file), stored: file.len };
    let mut borders = Vec::new();
    if facts.compression == Compression::None {
        let mut at = 0_u64;
        while at < file.len {
            let size = if at == 0 { size.max(SHORTEST_FIRST) } else { size };
            at = at.saturating_add(size).min(file.len);
            borders.push(Border { text: at, stored: at });
        }
        return borders;
    }
    let frames = facts.frames.iter().copied().filter(|frame| frame.decompressed >= SHORTEST_FIRST);
    let ends = spaced(frames, size).into_iter();
    borders.extend(ends.map(|frame| Border { text: frame.decompressed + 1, stored: frame.compressed }));
    borders.push(last);
    borders
}

/// The hosts that hold most of a split's bytes, by name; `places` are those of its file, in order.
pub(crate) fn hosts(split: &Split, places: &[BlockPlaces]) -> Vec<String> {
    let mut held: BTreeMap<&str, u64> = BTreeMap::new();
    let stored = &split.stored;
    let first = places.partition_point(|place| place.offset.saturating_add(place.len) <= stored.start);
    for place in places[first..].iter().take_while(|place| place.offset < stored.end) {
        let start = place.offset.max(stored.start);
        let end = place.offset.saturating_add(place.len).min(stored.end);
        for host in &place.hosts {
            *held.entry(host).or_default() += end.saturating_sub(start);
        }
    }
    let most = held.values().copied().max().unwrap_or(0);
    held.into_iter().filter(|(_, bytes)| *bytes == most).map(|(host, _)| host.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(len: u64) -> FileRef {
        FileRef { url: format!("file:///{len}"), len, modified_ms: 0 }
    }

    fn borders(splits: &[Split]) -> Vec<(u64, u64)> {
        splits.iter().map(|split| (split.start, split.end)).collect()
    }

    fn cut_borders(files: &[FileRef], size: u64, whole: bool) -> Vec<(u64, u64)> {
        let facts = Arc::new(FileFacts::default());
        let settings = SplitSettings { size, ..SplitSettings::default() };
        borders(&cut(files.iter().map(|file| (file, &facts)), &settings, whole))
    }

    #[test]
    fn cuts_at_multiples_of_the_size() {
        assert_eq!(cut_borders(&[file(10), file(4)], 4, false), [(0, 4), (4, 8), (8, 10), (0, 4)]);
        assert_eq!(cut_borders(&[file(10)], 4, true), [(0, 10)]);
        assert_eq!(cut_borders(&[file(0)], 4, false), []);
        assert_eq!(cut_borders(&[file(10)], u64::MAX, false), [(0, 10)]);
    }

    #[test]
    fn known_borders_are_told() {
        let facts = Arc::new(FileFacts::default());
        let known = FirstRecords::from([("file:///10".to_owned(), Arc::from([0, 7, 8]))]);
        let settings = SplitSettings { size: 4, first_records: Arc::new(known) };
        let splits = cut([(&file(10), &facts), (&file(4), &facts)].into_iter(), &settings, false);
        let first: Vec<Option<u64>> = splits.iter().map(|split| split.first_record).collect();
        assert_eq!(first, [Some(0), Some(7), Some(8), None]);
    }

    #[test]
    fn compressed_files_are_cut_at_frames_that_are_far_enough_apart() {
        let frame = |compressed, decompressed| FrameStart { compressed, decompressed };
        let frames = vec![frame(0, 0), frame(3, 9), frame(5, 20), frame(11, 22), frame(15, 40), frame(18, 60)];
        let facts = |compression| Arc::new(FileFacts { compression, frames: frames.clone(), ..FileFacts::default() });
        let cut_at = |facts: &Arc<FileFacts>, size, whole| {
            let settings = SplitSettings { size, ..SplitSettings::default() };
            let splits = cut([(&file(20), facts)].into_iter(), &settings, whole);
            splits.iter().map(|split| (split.start, split.end, split.stored.clone())).collect::<Vec<_>>()
        };
        const END: u64 = SplitRange::UNKNOWN;
        let zstd = facts(Compression::Zstd);
        let expected = [(0, 21, 0..5), (21, 41, 5..15), (41, END, 15..20)];
        assert_eq!(cut_at(&zstd, 5, false), expected, "a split is long enough in the file and in the text");
        assert_eq!(cut_at(&zstd, 19, false), [(0, END, 0..20)]);
        assert_eq!(cut_at(&zstd, 5, true), [(0, END, 0..20)]);
        assert_eq!(
            cut_at(&Arc::new(FileFacts { compression: Compression::Gzip, ..FileFacts::default() }), 5, false),
            [(0, END, 0..20)]
        );
    }

    #[test]
    fn doubles_until_there_are_few_enough() {
        assert_eq!(split_size(&[file(100)], 10, 10), 10);
        assert_eq!(split_size(&[file(101)], 10, 10), 20);
        assert_eq!(split_size(&[file(1000), file(1000)], 10, 4), 640);
        assert_eq!(split_size(&vec![file(5); 9], 1, 4), 8, "files cannot be joined: the size stops growing");
        assert_eq!(split_size(&[file(u64::MAX)], 0, 2), 1 << 63);
    }

    #[test]
    fn prefers_the_hosts_with_most_bytes() {
        let place = |offset, len, hosts: &[&str]| BlockPlaces {
            offset,
            len,
            hosts: hosts.iter().map(|host| host.to_string()).collect(),
        };
        let places = [place(0, 8, &["a", "b"]), place(8, 8, &["b", "c"]), place(16, 8, &["d"])];
        let facts = Arc::new(FileFacts::default());
        let split = |start, end| Split { stored: start..end, ..Split::whole(&file(24), &facts) };
        assert_eq!(hosts(&split(0, 8), &places), ["a", "b"]);
        assert_eq!(hosts(&split(4, 12), &places), ["b"]);
        assert_eq!(hosts(&split(12, 20), &places), ["b", "c", "d"]);
        assert_eq!(hosts(&split(0, 8), &[]), Vec::<String>::new());
    }
}
