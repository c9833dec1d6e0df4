//! Cuts files into splits. Borders depend on file lengths and the split size only.

use std::collections::{BTreeMap, BTreeSet};

use bobbin_blocks::{BlockPlaces, FileRef};
use bobbin_parse::SplitRange;

/// A byte range of a file, read by one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The file as it was planned.
    pub file: FileRef,
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

impl Split {
    /// The whole file.
    pub fn whole(file: &FileRef) -> Self {
        Self { file: file.clone(), start: 0, end: file.len }
    }

    /// Bytes between the borders.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// The same, as the decoder wants it.
    pub fn range(&self) -> SplitRange {
        SplitRange { start: self.start, end: self.end, file_len: self.file.len }
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

/// Cuts one table's files; those in `unsplit` stay whole.
pub(crate) fn cut(files: &[FileRef], size: u64, unsplit: &BTreeSet<String>) -> Vec<Split> {
    let mut splits = Vec::new();
    for file in files {
        if unsplit.contains(&file.url) {
            splits.push(Split::whole(file));
            continue;
        }
        let mut start = 0;
        while start < file.len {
            let end = start.saturating_add(size).min(file.len);
            splits.push(Split { file: file.clone(), start, end });
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

    #[test]
    fn cuts_at_multiples_of_the_size() {
        assert_eq!(borders(&cut(&[file(10), file(4)], 4, &BTreeSet::new())), [(0, 4), (4, 8), (8, 10), (0, 4)]);
        assert_eq!(borders(&cut(&[file(10)], 4, &BTreeSet::from(["file:///10".to_owned()]))), [(0, 10)]);
        assert_eq!(borders(&cut(&[file(0)], 4, &BTreeSet::new())), []);
        assert_eq!(borders(&cut(&[file(10)], u64::MAX, &BTreeSet::new())), [(0, 10)]);
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
        let split = |start, end| Split { file: file(24), start, end };
        assert_eq!(hosts(&split(0, 8), &places), ["a", "b"]);
        assert_eq!(hosts(&split(4, 12), &places), ["b"]);
        assert_eq!(hosts(&split(12, 20), &places), ["b", "c", "d"]);
        assert_eq!(hosts(&split(0, 8), &[]), Vec::<String>::new());
    }
}
