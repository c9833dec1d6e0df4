//! The one source of chance of all generators: xorshift64*, the same on every machine.

/// The generator xorshift64*.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator for a seed. Its first draws, which are alike for small seeds, are thrown away.
    pub fn new(seed: u64) -> Random {
        let mut random = Random { state: seed | 1 };
        for _ in 0..8 {
            random.draw();
        }
        random
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in [0, `limit`).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// Uniform in [`first`, `last`].
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below(first.abs_diff(last) + 1).cast_signed()
    }

    /// True once in `times` draws.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Uniform in [0, 1).
    pub fn fraction(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponentially distributed.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }

    /// A rank in [0, `limit`) whose logarithm is uniform: few ranks get most of the draws, as by Zipf's law.
    pub fn rank(&mut self, limit: u64) -> u64 {
        let rank = (self.fraction() * (limit as f64).ln()).exp() as u64;
        rank.clamp(1, limit) - 1
    }

    /// One of the values, by weight.
    pub fn pick<T: Copy>(&mut self, weights: &[(T, u64)]) -> T {
        let mut rest = self.below(weights.iter().map(|(_, weight)| weight).sum());
        for &(value, weight) in weights {
            if rest < weight {
                return value;
            }
            rest -= weight;
        }
        weights[0].0
    }

    /// One of the values, each as likely as the others.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_xorshift64_star() {
        let mut random = Random { state: 1 };
        // By hand: 1 -> 0x2001 -> 0x2041 (>> 7 of 0x2001 is 0x40) -> 0x2041 ^ 0x40820000.
        assert_eq!(random.draw(), 0x4082_2041_u64.wrapping_mul(0x2545_f491_4f6c_dd1d));
    }

    #[test]
    fn every_kind_of_draw_stays_in_its_range() {
        let mut random = Random::new(3);
        for _ in 0..10_000 {
            assert!((-3..=4).contains(&random.between(-3, 4)));
            assert!((0.0..1.0).contains(&random.fraction()));
            assert!(random.rank(7) < 7);
            assert!(random.exponential(2.0) >= 0.0);
            assert_ne!(random.pick(&[('a', 1), ('b', 0), ('c', 3)]), 'b');
        }
    }
}
