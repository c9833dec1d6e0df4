//! Choices by xorshift64*, and damages to bytes.

/// A sequence of choices.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Seeds that follow each other must not begin alike.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| {
            random.next();
        });
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number less than `limit`, 0 if there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    /// A file of pieces of `samples`, damaged here and there, with more of the `marks` than others.
    pub fn file(&mut self, samples: &[&[u8]], marks: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        for _ in 0..1 + self.below(12) {
            file.extend_from_slice(self.pick(samples));
        }
        for _ in 0..self.below(8) {
            self.damage(&mut file, marks);
        }
        file
    }

    /// Changes some bytes of `file`.
    fn damage(&mut self, file: &mut Vec<u8>, marks: &[u8]) {
        let at = self.below(file.len());
        let end = (at + 1 + self.below(40)).min(file.len());
        let byte = if self.once_in(4) { self.next() as u8 } else { marks[self.below(marks.len())] };
        match self.below(6) {
            0 => file.truncate(end),
            1 => drop(file.drain(at..end)),
            2 => file.insert(at, byte),
            // Long runs, so that what follows comes to lie anywhere in a word.
            3 => {
                let run = vec![byte; self.below(90)];
                drop(file.splice(at..at, run));
            }
            4 => {
                let copy = file[at..end].to_vec();
                let to = self.below(file.len());
                drop(file.splice(to..to, copy));
            }
            _ if at < file.len() => file[at] = byte,
            _ => {}
        }
    }

    /// Ascending places where a file of `len` bytes is cut, its ends among them.
    pub fn cuts(&mut self, len: usize) -> Vec<usize> {
        let mut cuts = vec![0, len];
        (0..self.below(6)).for_each(|_| cuts.push(self.below(len + 1)));
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}
