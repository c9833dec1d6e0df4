//! Prints generated taxi trips as CSV: `cargo run -p bobbin-parse --example taxi -- BYTES [SEED]`. Rows are written
//! while fewer than BYTES bytes have been; the same arguments give the same bytes everywhere. The columns are those of
//! New York's yellow cabs of 2015.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (bytes, seed) = match (arguments.next(), arguments.next()) {
        (Some(Ok(bytes)), None) => (bytes, 42),
        (Some(Ok(bytes)), Some(Ok(seed))) => (bytes, seed),
        _ => {
            eprintln!("usage: taxi BYTES [SEED]");
            return ExitCode::from(64);
        }
    };
    match write_trips(&mut BufWriter::with_capacity(1 << 20, io::stdout().lock()), bytes, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("write trips to standard output: {error}");
            ExitCode::from(1)
        }
    }
}

const HEADER: &str = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,\
    pickup_longitude,pickup_latitude,RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,\
    fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount";

fn write_trips(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    writeln!(out, "{HEADER}")?;
    let mut written = HEADER.len() as u64 + 1;
    let mut line = String::new();
    while written < bytes {
        line.clear();
        random.trip(&mut line);
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    out.flush()
}

/// The generator xorshift64*.
struct Random {
    state: u64,
}

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random { state: seed | 1 };
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Uniform in [0, 1).
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }

    fn pick<T: Copy>(&mut self, weights: &[(T, u64)]) -> T {
        let mut rest = self.below(weights.iter().map(|(_, weight)| weight).sum());
        for &(value, weight) in weights {
            if rest < weight {
                return value;
            }
            rest -= weight;
        }
        weights[0].0
    }

    fn coordinate(&mut self, centre: f32) -> f64 {
        f64::from(centre + (self.fraction() as f32 - 0.5) * 0.2)
    }

    /// Appends one line. The draws happen in exactly this order.
    fn trip(&mut self, line: &mut String) {
        use std::fmt::Write as _;
        let vendor = 1 + self.below(2);
        let pickup = 1_420_070_400 + self.below(31 * 86_400);
        let duration = 60 + self.exponential(700.0) as u64;
        let passengers = self.pick(&[(1, 700), (2, 140), (5, 55), (3, 41), (6, 35), (4, 20), (0, 1)]);
        let distance = (self.exponential(2.8) * 100.0) as i64;
        let [from_x, from_y, to_x, to_y] = self.coordinates();
        let rate = self.pick(&[(1, 970), (2, 20), (5, 4), (3, 3), (4, 2), (99, 1)]);
        let flag = self.pick(&[('N', 990), ('Y', 10)]);
        let payment = self.pick(&[(1, 620), (2, 370), (3, 5), (4, 3), (5, 1)]);
        let [fare, extra, tip, tolls] = self.amounts(distance, duration, payment);
        let total = fare + extra + 50 + tip + tolls + 30;
        let (pickup, dropoff) = (Time(pickup), Time(pickup + duration));
        let (distance, fare, extra, tip) = (Cents(distance), Cents(fare), Cents(extra), Cents(tip));
        let (tolls, total) = (Cents(tolls), Cents(total));
        // Writing to a string cannot fail.
        let _ = writeln!(
            line,
            "{vendor},{pickup},{dropoff},{passengers},{distance},{from_x},{from_y},{rate},{flag},{to_x},{to_y},\
             {payment},{fare},{extra},0.5,{tip},{tolls},0.3,{total}"
        );
    }

    fn coordinates(&mut self) -> [f64; 4] {
        if self.below(50) == 0 {
            return [0.0; 4];
        }
        [-73.98, 40.75, -73.98, 40.75].map(|centre| self.coordinate(centre))
    }

    /// Fare, extra, tip and tolls in cents.
    fn amounts(&mut self, distance: i64, duration: u64, payment: i32) -> [i64; 4] {
        let mut fare = 250 + distance * 250 / 100 + duration.cast_signed() / 60 * 20;
        fare -= fare % 50;
        match self.below(4000) {
            0 => fare = -fare,
            1 | 2 => fare = 0,
            _ => (),
        }
        let extra = [0, 50, 100][self.below(3) as usize];
        let tip = if payment == 1 { 0.max((fare as f64 * 0.22 * self.fraction()) as i64) } else { 0 };
        let tolls = if self.below(20) == 0 { 533 } else { 0 };
        [fare, extra, tip, tolls]
    }
}

/// An amount that prints as `12`, `3.5`, `17.05`.
struct Cents(i64);

impl std::fmt::Display for Cents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0.abs() / 100, self.0.abs() % 100);
        let sign = if self.0 < 0 { "-" } else { "" };
        match rest {
            0 => write!(f, "{sign}{whole}"),
            _ if rest % 10 == 0 => write!(f, "{sign}{whole}.{}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

/// Seconds since 1970 that print as `YYYY-MM-DD HH:MM:SS`; from January to March 2015.
struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = (self.0 - 1_420_070_400) / 86_400;
        let (month, day) = match day {
            0..31 => (1, day + 1),
            31..59 => (2, day - 30),
            _ => (3, day - 58),
        };
        let second = self.0 % 86_400;
        write!(f, "2015-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}
