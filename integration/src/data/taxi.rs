//! Taxi trips as CSV, with the columns of New York's yellow cabs of 2015: no quotes, no missing values.

mod tally;

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::Random;
pub use tally::{Describe, Tally};

/// The columns with their SQL types.
pub const COLUMNS: [(&str, &str); 19] = [
    ("VendorID", "BIGINT"),
    ("tpep_pickup_datetime", "TIMESTAMP"),
    ("tpep_dropoff_datetime", "TIMESTAMP"),
    ("passenger_count", "BIGINT"),
    ("trip_distance", "DOUBLE"),
    ("pickup_longitude", "DOUBLE"),
    ("pickup_latitude", "DOUBLE"),
    ("RateCodeID", "BIGINT"),
    ("store_and_fwd_flag", "VARCHAR"),
    ("dropoff_longitude", "DOUBLE"),
    ("dropoff_latitude", "DOUBLE"),
    ("payment_type", "BIGINT"),
    ("fare_amount", "DOUBLE"),
    ("extra", "DOUBLE"),
    ("mta_tax", "DOUBLE"),
    ("tip_amount", "DOUBLE"),
    ("tolls_amount", "DOUBLE"),
    ("improvement_surcharge", "DOUBLE"),
    ("total_amount", "DOUBLE"),
];

/// 2015-01-01, in seconds since 1970.
const FIRST_DAY: u64 = 1_420_070_400;

/// Writes a header, and rows while fewer than `bytes` bytes have been written.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<Tally> {
    let header = COLUMNS.map(|(name, _)| name).join(",") + "\n";
    out.write_all(header.as_bytes())?;
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    tally.bytes = header.len() as u64;
    let mut line = String::new();
    while tally.bytes < bytes {
        let trip = Trip::draw(&mut random);
        line.clear();
        // Writing to a string cannot fail.
        let _ = writeln!(line, "{trip}");
        out.write_all(line.as_bytes())?;
        tally.bytes += line.len() as u64;
        tally.add(&trip);
    }
    out.flush()?;
    Ok(tally)
}

/// One line. Amounts are in cents, distances in hundredths of a mile.
struct Trip {
    vendor: u64,
    pickup: u64,
    dropoff: u64,
    passengers: u64,
    distance: i64,
    /// Longitude and latitude of the pickup, then of the drop-off.
    places: [f64; 4],
    rate: u64,
    flag: char,
    payment: u64,
    fare: i64,
    extra: i64,
    tip: i64,
    tolls: i64,
}

/// What every trip pays.
const TAX: i64 = 50;
const SURCHARGE: i64 = 30;

impl Trip {
    /// The draws happen in exactly this order.
    fn draw(random: &mut Random) -> Trip {
        let vendor = 1 + random.below(2);
        let pickup = FIRST_DAY + random.below(31 * 86_400);
        let duration = 60 + random.exponential(700.0) as u64;
        let passengers = random.pick(&[(1, 700), (2, 140), (5, 55), (3, 41), (6, 35), (4, 20), (0, 1)]);
        let distance = (random.exponential(2.8) * 100.0) as i64;
        let places = places(random);
        let rate = random.pick(&[(1, 970), (2, 20), (5, 4), (3, 3), (4, 2), (99, 1)]);
        let flag = random.pick(&[('N', 990), ('Y', 10)]);
        let payment = random.pick(&[(1, 620), (2, 370), (3, 5), (4, 3), (5, 1)]);
        let mut fare = 250 + distance * 250 / 100 + duration.cast_signed() / 60 * 20;
        fare -= fare % 50;
        match random.below(4000) {
            0 => fare = -fare,
            1 | 2 => fare = 0,
            _ => (),
        }
        let extra = random.one_of(&[0, 50, 100]);
        let tip = if payment == 1 { 0.max((fare as f64 * 0.22 * random.fraction()) as i64) } else { 0 };
        let tolls = if random.once_in(20) { 533 } else { 0 };
        let dropoff = pickup + duration;
        Trip { vendor, pickup, dropoff, passengers, distance, places, rate, flag, payment, fare, extra, tip, tolls }
    }

    fn total(&self) -> i64 {
        self.fare + self.extra + TAX + self.tip + self.tolls + SURCHARGE
    }
}

fn places(random: &mut Random) -> [f64; 4] {
    if random.once_in(50) {
        return [0.0; 4];
    }
    let mut near = |centre: f32| f64::from(centre + (random.fraction() as f32 - 0.5) * 0.2);
    [near(-73.98), near(40.75), near(-73.98), near(40.75)]
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trip { vendor, passengers, rate, flag, payment, places: [from_x, from_y, to_x, to_y], .. } = self;
        let (pickup, dropoff) = (Time(self.pickup), Time(self.dropoff));
        let (distance, fare, extra) = (Cents(self.distance), Cents(self.fare), Cents(self.extra));
        let (tip, tolls, total) = (Cents(self.tip), Cents(self.tolls), Cents(self.total()));
        let (tax, surcharge) = (Cents(TAX), Cents(SURCHARGE));
        write!(
            f,
            "{vendor},{pickup},{dropoff},{passengers},{distance},{from_x},{from_y},{rate},{flag},{to_x},{to_y},\
             {payment},{fare},{extra},{tax},{tip},{tolls},{surcharge},{total}"
        )
    }
}

/// An amount that prints as `12`, `3.5`, `17.05`.
struct Cents(i64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = (self.0 - FIRST_DAY) / 86_400;
        let (month, day) = match day {
            0..31 => (1, day + 1),
            31..59 => (2, day - 30),
            _ => (3, day - 58),
        };
        let second = self.0 % 86_400;
        write!(f, "2015-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rows themselves say, to compare with the tally.
    fn column(text: &str, index: usize) -> impl Iterator<Item = &str> {
        text.lines().skip(1).filter_map(move |line| line.split(',').nth(index))
    }

    #[test]
    fn bytes_are_the_agreed_ones() {
        use std::process::{Command, Stdio};
        let mut sum = Command::new("md5sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = io::BufWriter::new(sum.stdin.take().unwrap());
        let tally = write(&mut input, 30_000_000, 42).unwrap();
        drop(input);
        let said = String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(tally.rows, 196_385);
        assert!(said.starts_with("b8c1975e724ce4ff9a3c8068a3fde748"), "{said}");
    }

    #[test]
    fn the_tally_is_what_the_rows_say() {
        let mut out = Vec::new();
        let tally = write(&mut out, 500_000, 7).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(tally.bytes, text.len() as u64);
        assert_eq!(tally.rows, text.lines().count() as u64 - 1);
        let passengers: u64 = column(&text, 3).map(|cell| cell.parse::<u64>().unwrap()).sum();
        assert_eq!(tally.passengers, passengers);
        let card = column(&text, 11).filter(|&cell| cell == "1").count() as u64;
        assert_eq!(tally.payments[&1], card);
        let mut fares: Vec<f64> = column(&text, 12).map(|cell| cell.parse().unwrap()).collect();
        fares.sort_by(f64::total_cmp);
        let described = tally.describe();
        assert!((described.mean - fares.iter().sum::<f64>() / fares.len() as f64).abs() < 1e-9);
        assert_eq!((described.min, described.max), (fares[0], fares[fares.len() - 1]));
        assert_eq!(described.quartiles[1], (fares[(fares.len() - 1) / 2] + fares[fares.len() / 2]) / 2.0);
        for (index, most) in [(1, &tally.most[1]), (8, &tally.most[8])] {
            assert_eq!(column(&text, index).max(), Some(most.as_str()));
        }
        let most = column(&text, 18).map(|cell| cell.parse::<f64>().unwrap()).fold(f64::MIN, f64::max);
        assert_eq!(tally.most[18].parse(), Ok(most));
    }
}
