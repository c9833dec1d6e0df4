//! The right answers to the benchmark's questions about a file of trips, kept while it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{COLUMNS, Cents, SURCHARGE, TAX, Time, Trip};

/// What is in a file of trips.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Bytes, with the header.
    pub bytes: u64,
    /// Rows, without the header.
    pub rows: u64,
    /// The sum of `passenger_count`.
    pub passengers: u64,
    /// Rows by `payment_type`.
    pub payments: BTreeMap<u64, u64>,
    /// Rows by `RateCodeID`.
    pub rates: BTreeMap<u64, u64>,
    /// By hour of the pickup: the trips that paid a fare, not in cash, and the sum of their tips over their fares.
    pub tips: BTreeMap<u64, (u64, f64)>,
    /// Rows by fare in cents.
    pub fares: BTreeMap<i64, u64>,
    /// The largest value of each column, as the file has it.
    pub most: Vec<String>,
    /// The same as numbers, as long as there are more rows.
    #[serde(skip)]
    numbers: Vec<f64>,
}

/// Statistics of one column of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Describe {
    /// Values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The sample's standard deviation.
    pub deviation: f64,
    /// The least.
    pub min: f64,
    /// Quartiles, interpolated.
    pub quartiles: [f64; 3],
    /// The largest.
    pub max: f64,
}

impl Tally {
    pub(super) fn add(&mut self, trip: &Trip) {
        self.rows += 1;
        self.passengers += trip.passengers;
        *self.payments.entry(trip.payment).or_default() += 1;
        *self.rates.entry(trip.rate).or_default() += 1;
        *self.fares.entry(trip.fare).or_default() += 1;
        if trip.fare > 0 && trip.payment != 2 {
            let (count, sum) = self.tips.entry(trip.pickup / 3600 % 24).or_default();
            *count += 1;
            *sum += (trip.tip as f64 / 100.0) / (trip.fare as f64 / 100.0);
        }
        self.raise(trip);
    }

    fn raise(&mut self, trip: &Trip) {
        let numbers = numbers(trip);
        if self.most.is_empty() {
            self.most = vec![String::new(); COLUMNS.len()];
            self.numbers = vec![f64::NEG_INFINITY; COLUMNS.len()];
        }
        for (index, &number) in numbers.iter().enumerate() {
            if number > self.numbers[index] {
                self.numbers[index] = number;
                self.most[index] = cells(trip)[index].clone();
            }
        }
    }

    /// The statistics of `fare_amount`.
    pub fn describe(&self) -> Describe {
        let amounts = || self.fares.iter().map(|(&cents, &rows)| (cents as f64 / 100.0, rows as f64));
        let count = self.rows as f64;
        let mean = amounts().map(|(amount, rows)| amount * rows).sum::<f64>() / count;
        let squares: f64 = amounts().map(|(amount, rows)| (amount - mean).powi(2) * rows).sum();
        Describe {
            count: self.rows,
            mean,
            deviation: (squares / (count - 1.0)).sqrt(),
            min: self.at(0),
            quartiles: [0.25, 0.5, 0.75].map(|share| self.quantile(share)),
            max: self.at(self.rows.saturating_sub(1)),
        }
    }

    fn quantile(&self, share: f64) -> f64 {
        let place = share * self.rows.saturating_sub(1) as f64;
        let (low, high) = (self.at(place as u64), self.at(place.ceil() as u64));
        low + (high - low) * place.fract()
    }

    /// The fare at a place in their order.
    fn at(&self, place: u64) -> f64 {
        let mut before = 0;
        for (&cents, &rows) in &self.fares {
            before += rows;
            if place < before {
                return cents as f64 / 100.0;
            }
        }
        f64::NAN
    }
}

/// The values in the order of the columns, each as a number that is ordered as the value is.
fn numbers(trip: &Trip) -> [f64; COLUMNS.len()] {
    let whole = |number: u64| number as f64;
    let cents = |amount: i64| amount as f64;
    let [from_x, from_y, to_x, to_y] = trip.places;
    [
        whole(trip.vendor),
        whole(trip.pickup),
        whole(trip.dropoff),
        whole(trip.passengers),
        cents(trip.distance),
        from_x,
        from_y,
        whole(trip.rate),
        f64::from(u32::from(trip.flag)),
        to_x,
        to_y,
        whole(trip.payment),
        cents(trip.fare),
        cents(trip.extra),
        cents(TAX),
        cents(trip.tip),
        cents(trip.tolls),
        cents(SURCHARGE),
        cents(trip.total()),
    ]
}

/// The same as the file has them.
fn cells(trip: &Trip) -> [String; COLUMNS.len()] {
    let [from_x, from_y, to_x, to_y] = trip.places;
    [
        trip.vendor.to_string(),
        Time(trip.pickup).to_string(),
        Time(trip.dropoff).to_string(),
        trip.passengers.to_string(),
        Cents(trip.distance).to_string(),
        from_x.to_string(),
        from_y.to_string(),
        trip.rate.to_string(),
        trip.flag.to_string(),
        to_x.to_string(),
        to_y.to_string(),
        trip.payment.to_string(),
        Cents(trip.fare).to_string(),
        Cents(trip.extra).to_string(),
        Cents(TAX).to_string(),
        Cents(trip.tip).to_string(),
        Cents(trip.tolls).to_string(),
        Cents(SURCHARGE).to_string(),
        Cents(trip.total()).to_string(),
    ]
}
