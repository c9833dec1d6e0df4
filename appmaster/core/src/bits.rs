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
}

impl Bits {
    /// Put a number in.
    pub fn insert(&mut self, number: u32) {
        let index = chunk(number);
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, || None);
        }
        let chunk = self.chunks[index].get_or_insert_with(|| Box::new(Chunk { count: 0, words: [0; WORDS] }));
        let word = &mut chunk.words[word(number)];
        chunk.count += u32::from(*word & bit(number) == 0);
        *word |= bit(number);
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
        if chunk.count == 0 {
            *slot = None;
        }
        true
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
        assert!(!bits.contains(1) && !bits.contains(2 * CHUNK) && !bits.contains(u32::MAX));
        assert!(numbers.iter().all(|&number| bits.remove(number)));
        assert!(!numbers.iter().any(|&number| bits.remove(number) || bits.contains(number)));
        assert!(bits.chunks.iter().all(Option::is_none), "empty chunks cost nothing");
    }
}
