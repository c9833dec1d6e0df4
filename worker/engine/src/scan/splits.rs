//! Cuts files into splits. Borders depend on file lengths and the split size only.

use std::collections::BTreeMap;
use std::sync::Arc;

use bobbin_blocks::compression::Compression;
use bobbin_blocks::{BlockPlaces, FileRef};
use bobbin_parse::SplitRange;

/// A byte range of a file, read by one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The file as it was planned.
    pub file: FileRef,
    /// What else is known of the file.
    pub facts: Arc<FileFacts>,
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
    /// Offset of the first record, where it is known for certain; the split's end if none begins in it.
    pub first_record: Option<u64>,
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
        Self { file: file.clone(), facts: Arc::clone(facts), start: 0, end: file.len, first_record: None }
    }

    /// Bytes between the borders.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it surely starts where a record does.
    pub fn is_certain(&self) -> bool {
        self.start == 0 || self.first_record.is_some()
    }

    /// The same, as the decoder wants it. Nobody knows how long a compressed file is before its end.
    pub fn range(&self) -> SplitRange {
        match self.facts.compression {
            Compression::None => SplitRange { start: self.start, end: self.end, file_len: self.file.len },
            Compression::Gzip | Compression::Zstd | Compression::Bzip2 => {
                SplitRange { start: 0, end: SplitRange::UNKNOWN, file_len: SplitRange::UNKNOWN }
            }
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

/// Cuts one table's files; those that are compressed, and all if `whole`, are one split each.
pub(crate) fn cut<'a>(
    files: impl Iterator<Item = (&'a FileRef, &'a Arc<FileFacts>)>,
    settings: &SplitSettings,
    whole: bool,
) -> Vec<Split> {
    let mut splits = Vec::new();
    for (file, facts) in files {
        if whole || facts.compression != Compression::None {
            splits.push(Split::whole(file, facts));
            continue;
        }
        let known = settings.first_records.get(&file.url);
        let mut start = 0;
        for number in 0.. {
            if start >= file.len {
                break;
            }
            let size = if start == 0 { settings.size.max(SHORTEST_FIRST) } else { settings.size };
            let end = start.saturating_add(size).min(file.len);
            let first_record = known.and_then(|known| known.get(number)).copied();
            splits.push(Split { file: file.clone(), facts: Arc::clone(facts), start, end, first_record });
            start = end;
        }
    }
    splits
}

/// The hosts that hold most of a split's bytes, by name; `places` are those of its file, in order.
pub(crate) fn hosts(split: &Split, places: &[BlockPlaces]) -> Vec<String> {
    let mut held: BTreeMap<&str, u64> = BTreeMap::new();
    let first = places.partition_point(|place| place.offset.saturating_add(place.len) <= split.start);
    for place in places[first..].iter().take_while(|place| place.offset < split.end) {
        let start = place.offset.max(split.start);
        let end = place.offset.saturating_add(place.len).min(split.end);
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
        let split = |start, end| Split { start, end, ..Split::whole(&file(24), &facts) };
        assert_eq!(hosts(&split(0, 8), &places), ["a", "b"]);
        assert_eq!(hosts(&split(4, 12), &places), ["b"]);
        assert_eq!(hosts(&split(12, 20), &places), ["b", "c", "d"]);
        assert_eq!(hosts(&split(0, 8), &[]), Vec::<String>::new());
    }
}
