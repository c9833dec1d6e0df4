//! A set of numbers, one bit each: for many that lie close together.

/// Numbers of a chunk.
const CHUNK: u32 = 4096;
const WORDS: usize = CHUNK as usize / 64;

/// Some of [`CHUNK`] consecutive numbers.
#[derive(Clone, Debug)]
struct Chunk {
    count: u32,
    words: [u64; WORDS],
}

/// The set. Numbers that are not near others in it cost half a KiB each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    chunks: Vec<Option<Box<Chunk>>>,
    count: usize,
    /// The last one that became empty: sets of few numbers come and go.
    spare: Option<Box<Chunk>>,
}

impl Chunk {
    fn empty() -> Box<Chunk> {
        Box::new(Chunk { count: 0, words: [0; WORDS] })
    }

    /// The first number from this position on.
    fn first(&self, position: u32) -> Option<u32> {
        let start = word(position);
        let first = self.words[start] & (u64::MAX << (position % 64));
        let rest = self.words.iter().copied().enumerate().skip(start + 1);
        let (index, found) = std::iter::once((start, first)).chain(rest).find(|&(_, word)| word != 0)?;
        Some(index as u32 * 64 + found.trailing_zeros())
    }
}

impl Bits {
    /// Put a number in.
    pub fn insert(&mut self, number: u32) {
        let index = chunk(number);
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, || None);
        }
        let spare = &mut self.spare;
        let chunk = self.chunks[index].get_or_insert_with(|| spare.take().unwrap_or_else(Chunk::empty));
        let word = &mut chunk.words[word(number)];
        let is_new = *word & bit(number) == 0;
        *word |= bit(number);
        chunk.count += u32::from(is_new);
        self.count += usize::from(is_new);
    }

    /// Take a number out. False if it is not in.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(slot) = self.chunks.get_mut(chunk(number)) else { return false };
        let Some(chunk) = slot else { return false };
        let word = &mut chunk.words[word(number)];
        if *word & bit(number) == 0 {
            return false;
        }
        *word &= !bit(number);
        chunk.count -= 1;
        self.count -= 1;
        if chunk.count == 0 {
            self.spare = slot.take();
        }
        true
    }

    /// Put a number in, or take it out.
    pub fn set(&mut self, number: u32, belongs: bool) {
        if belongs {
            self.insert(number);
        } else {
            self.remove(number);
        }
    }

    /// The first number from this one on.
    pub fn first_from(&self, number: u32) -> Option<u32> {
        let mut position = number % CHUNK;
        for (index, chunk) in self.chunks.iter().enumerate().skip(chunk(number)) {
            if let Some(found) = chunk.as_ref().and_then(|chunk| chunk.first(position)) {
                return Some(index as u32 * CHUNK + found);
            }
            position = 0;
        }
        None
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let next = |&last: &u32| self.first_from(last.checked_add(1)?);
        std::iter::successors(self.first_from(0), next)
    }

    /// Is nothing in?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Is this number in?
    pub fn contains(&self, number: u32) -> bool {
        let chunk = self.chunks.get(chunk(number)).and_then(Option::as_ref);
        chunk.is_some_and(|chunk| chunk.words[word(number)] & bit(number) != 0)
    }
}

fn chunk(number: u32) -> usize {
    (number / CHUNK) as usize
}

fn word(number: u32) -> usize {
    (number % CHUNK / 64) as usize
}

fn bit(number: u32) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_is_in_until_it_is_taken_out() {
        let mut bits = Bits::default();
        let numbers = [0, 63, 64, CHUNK - 1, CHUNK, 9 * CHUNK + 7];
        numbers.iter().for_each(|&number| bits.insert(number));
        bits.insert(64);
        assert!(numbers.iter().all(|&number| bits.contains(number)));
        assert_eq!(bits.iter().collect::<Vec<_>>(), numbers);
        assert_eq!([bits.first_from(65), bits.first_from(9 * CHUNK + 8)], [Some(CHUNK - 1), None]);
        assert!(!bits.contains(1) && !bits.contains(2 * CHUNK) && !bits.contains(u32::MAX));
        assert!(numbers.iter().all(|&number| bits.remove(number)));
        assert!(!numbers.iter().any(|&number| bits.remove(number) || bits.contains(number)));
        assert!(bits.is_empty());
        assert!(bits.chunks.iter().all(Option::is_none), "empty chunks cost nothing");
    }
}
