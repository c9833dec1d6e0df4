//! Small deterministic tables.

use std::fmt::Write;

/// A generator of numbers: xorshift64*.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Taxi trips: integers, floats, times, texts, empty fields, capitals in a name; `id` is unique.
pub fn trips(rows: u64) -> String {
    let mut numbers = Numbers::new(42);
    let mut text =
        String::from("id,VendorID,pickup,passenger_count,trip_distance,payment_type,fare_amount,tip_amount,flag\n");
    for id in 0..rows {
        let vendor = 1 + numbers.below(2);
        let second = numbers.below(31 * 86_400);
        let (day, hour, minute, rest) = (1 + second / 86_400, second / 3_600 % 24, second / 60 % 60, second % 60);
        let passengers = match numbers.below(20) {
            0 => String::new(),
            other => (other % 7).to_string(),
        };
        let distance = numbers.below(3_000);
        let payment = 1 + numbers.below(5);
        let fare = 250 + numbers.below(9_000);
        let tip = if payment == 1 { numbers.below(2_000) } else { 0 };
        let flag = ["N", "Y", "long enough to live outside a view", ""][numbers.below(4) as usize];
        writeln!(
            text,
            "{id},{vendor},2015-01-{day:02} {hour:02}:{minute:02}:{rest:02},{passengers},{}.{:02},{payment},{}.{:02},{}.{:02},{flag}",
            distance / 100, distance % 100, fare / 100, fare % 100, tip / 100, tip % 100
        )
        .unwrap();
    }
    text
}

/// Names of the payment types; one of them never occurs, and one that occurs has no name.
pub const PAYMENTS: &str = "payment_type,name\n1,card\n2,cash\n3,none\n4,dispute\n9,voided\n";
