//! Sizes of splits by chance: from such that make many tasks to one that holds every file whole.

use integration::data::Random;
use integration::oracle::Table;

/// Most splits of the largest table. A table of fewer bytes has splits of one byte, too.
const MOST_SPLITS: u64 = 400;

/// Draws sizes; the same ones in every run.
pub struct Splits {
    random: Random,
    least: f64,
    most: f64,
}

impl Splits {
    /// Sizes that suit these tables.
    pub fn of(tables: &[Table]) -> Splits {
        let lengths = tables.iter().map(|table| std::fs::metadata(&table.path).unwrap().len());
        let largest = lengths.max().unwrap();
        let least = (largest / MOST_SPLITS).max(1) as f64;
        Splits { random: Random::new(largest), least, most: 2.0 * largest as f64 }
    }

    /// The next size; its logarithm is uniform.
    pub fn draw(&mut self) -> String {
        let share = self.random.fraction();
        let size = self.least.ln() + share * (self.most / self.least).ln();
        format!("{}", size.exp() as u64)
    }
}
