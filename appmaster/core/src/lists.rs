//! Many short lists in two allocations.

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

    /// The list number `index`, empty if there is none.
    pub fn of(&self, index: usize) -> &[T] {
        let Some(&end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.items[start as usize..end as usize]
    }

    /// All items of all lists.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl Lists<u32> {
    /// For each of 0..n, the lists that contain it, as often as they do.
    pub fn inverted(&self) -> Lists<u32> {
        let count = self.ends.len();
        let mut ends = vec![0u32; count];
        for &item in &self.items {
            ends[item as usize] += 1;
        }
        let mut next = Vec::with_capacity(count);
        let mut sum = 0;
        for end in &mut ends {
            next.push(sum);
            sum += *end;
            *end = sum;
        }
        let mut items = vec![0u32; self.items.len()];
        for list in 0..count {
            for &item in self.of(list) {
                let slot = &mut next[item as usize];
                items[*slot as usize] = list as u32;
                *slot += 1;
            }
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
        let consumers = inputs.inverted();
        assert_eq!(consumers.of(0), [1, 2, 2]);
        assert_eq!(consumers.of(1), [2]);
        assert_eq!(consumers.of(2), [0u32; 0]);
        assert_eq!(consumers.of(9), [0u32; 0]);
    }
}
