//! Many short lists in two allocations.

use std::ops::Range;

/// A list of `T` for each of 0..n.
#[derive(Clone, Debug)]
pub(crate) struct Lists<T> {
    /// Where each list ends; it starts where the one before ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists { ends: Vec::new(), items: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// Append one list. False, and nothing appended, if it would be too much to count.
    pub fn push(&mut self, list: impl IntoIterator<Item = T>) -> bool {
        let before = self.items.len();
        self.items.extend(list);
        match u32::try_from(self.items.len()) {
            Ok(end) => {
                self.ends.push(end);
                true
            }
            Err(_) => {
                self.items.truncate(before);
                false
            }
        }
    }

    /// Make room for so many more lists, and items of all together.
    pub fn reserve(&mut self, lists: usize, items: usize) {
        self.ends.reserve_exact(lists);
        self.items.reserve_exact(items);
    }

    /// The list number `index`, empty if there is none.
    pub fn of(&self, index: usize) -> &[T] {
        // Where all lists are empty, nobody need look where one ends.
        if self.items.is_empty() {
            return &[];
        }
        let Some(&end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.items[start as usize..end as usize]
    }

    /// All items of all lists.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T> Lists<T> {
    /// For each of `0..count`, the lists that contain an item with this key, as often as they do.
    pub fn inverted(&self, count: usize, key: impl Fn(&T) -> u32) -> Lists<u32> {
        let pairs = || (0..self.ends.len()).flat_map(|list| self.of(list).iter().map(move |item| (list, item)));
        Lists::filled(count, || pairs().map(|(list, item)| (key(item), list as u32)))
    }
}

impl Lists<u32> {
    /// For each of `0..count`, the ranges that contain it.
    pub fn covering(count: usize, ranges: impl Iterator<Item = Range<u32>> + Clone) -> Lists<u32> {
        let pairs = || (0..).zip(ranges.clone()).flat_map(|(number, range)| range.map(move |member| (member, number)));
        Lists::filled(count, pairs)
    }

    /// For each of `0..count`, what is paired with it, in order. The pairs are walked twice: counted, then taken.
    pub fn filled<I: Iterator<Item = (u32, u32)>>(count: usize, pairs: impl Fn() -> I) -> Lists<u32> {
        let mut ends = vec![0u32; count];
        for (list, _) in pairs() {
            ends[list as usize] += 1;
        }
        let mut next = Vec::with_capacity(count);
        let mut sum = 0;
        for end in &mut ends {
            next.push(sum);
            sum += *end;
            *end = sum;
        }
        let mut items = vec![0u32; sum as usize];
        for (list, item) in pairs() {
            let slot = &mut next[list as usize];
            items[*slot as usize] = item;
            *slot += 1;
        }
        Lists { ends, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverts_with_repetitions() {
        let mut inputs = Lists::default();
        for list in [vec![], vec![0], vec![0, 1, 0]] {
            assert!(inputs.push(list));
        }
        let consumers = inputs.inverted(3, |&input| input);
        assert_eq!(consumers.of(0), [1, 2, 2]);
        assert_eq!(consumers.of(1), [2]);
        assert_eq!(consumers.of(2), [0u32; 0]);
        assert_eq!(consumers.of(9), [0u32; 0]);
    }

    #[test]
    fn covers() {
        let covered = Lists::covering(4, [0..3, 2..4, 1..1].into_iter());
        assert_eq!([covered.of(0), covered.of(2), covered.of(3)], [&[0][..], &[0, 1], &[1]]);
    }
}
