//! The questions: how bobbin is asked, and what is right.

use integration::data::taxi::COLUMNS;

use super::Data;
use super::answers::Expected;

/// One question to every engine. The peers' words for it are in `peers.py`.
pub struct Question {
    /// Its name.
    pub id: &'static str,
    /// What it asks.
    pub title: &'static str,
    /// Whether it is about the events.
    pub json: bool,
    /// bobbin's words for it.
    pub sql: fn(&Data) -> String,
    /// The right answer.
    pub answer: fn(&Data) -> Expected,
}

/// All questions, in the order of the tables.
pub const QUESTIONS: [Question; 11] = [
    Question {
        id: "start",
        title: "`select 1`, from the start of the process",
        json: false,
        sql: |_| "SELECT 1".to_owned(),
        answer: |_| Expected::cells([["1"]]),
    },
    Question {
        id: "head",
        title: "head: the first ten rows",
        json: false,
        sql: |data| format!("SELECT * FROM {} LIMIT 10", trips(data)),
        answer: |_| Expected::Rows(10),
    },
    Question {
        id: "c1",
        title: "c1: count",
        json: false,
        sql: |data| format!("SELECT count(*) FROM {}", trips(data)),
        answer: |data| Expected::cells([[data.trips.tally.rows.to_string()]]),
    },
    Question {
        id: "c2",
        title: "c2: sum of a column",
        json: false,
        sql: |data| format!("SELECT sum(passenger_count) FROM {}", trips(data)),
        answer: |data| Expected::cells([[data.trips.tally.passengers.to_string()]]),
    },
    Question {
        id: "c3",
        title: "c3: count by payment type",
        json: false,
        sql: |data| {
            format!("SELECT payment_type, count(*) FROM {} GROUP BY payment_type ORDER BY payment_type", trips(data))
        },
        answer: |data| counts(data.trips.tally.payments.iter()),
    },
    Question {
        id: "c4",
        title: "c4: mean share of the tip by hour, filtered",
        json: false,
        sql: |data| {
            format!(
                "SELECT date_part('hour', tpep_pickup_datetime), avg(tip_amount / fare_amount) FROM {} \
                 WHERE fare_amount > 0 AND payment_type <> 2 GROUP BY 1 ORDER BY 1",
                trips(data)
            )
        },
        answer: tips,
    },
    Question {
        id: "c5",
        title: "c5: describe a column",
        json: false,
        sql: |data| {
            let quartiles = [0.25, 0.5, 0.75]
                .map(|share| format!("percentile_cont({share}) WITHIN GROUP (ORDER BY fare_amount)"))
                .join(", ");
            format!(
                "SELECT count(fare_amount), avg(fare_amount), stddev(fare_amount), min(fare_amount), {quartiles}, \
                 max(fare_amount) FROM {}",
                trips(data)
            )
        },
        answer: describe,
    },
    Question {
        id: "c6",
        title: "c6: maxima of all 19 columns",
        json: false,
        sql: |data| {
            let maxima = COLUMNS.map(|(name, _)| format!("max(\"{name}\")")).join(", ");
            format!("SELECT {maxima} FROM {}", trips(data))
        },
        answer: |data| Expected::Cells(vec![data.trips.tally.most.clone()]),
    },
    Question {
        id: "value_counts",
        title: "value counts of a column",
        json: false,
        sql: |data| {
            format!("SELECT \"RateCodeID\", count(*) FROM {} GROUP BY \"RateCodeID\" ORDER BY 2 DESC", trips(data))
        },
        answer: |data| {
            let mut rates: Vec<(&u64, &u64)> = data.trips.tally.rates.iter().collect();
            rates.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            counts(rates.into_iter())
        },
    },
    Question {
        id: "j1",
        title: "j1: events by type",
        json: true,
        sql: |data| format!("SELECT type, count(*) FROM '{}' GROUP BY type ORDER BY type", data.events.path.display()),
        answer: |data| counts(data.events.tally.types.iter()),
    },
    Question {
        id: "j2",
        title: "j2: ten busiest actors of `jupyter/*`",
        json: true,
        sql: |data| {
            format!(
                "SELECT actor.login, count(*) FROM '{}' WHERE repo.name LIKE 'jupyter/%' GROUP BY actor.login \
                 ORDER BY 2 DESC, 1 LIMIT 10",
                data.events.path.display()
            )
        },
        answer: |data| {
            let busiest = data.events.tally.busiest();
            counts(busiest.iter().map(|(login, count)| (login, count)))
        },
    },
];

/// The CSV file with its types.
fn trips(data: &Data) -> String {
    let types = COLUMNS.map(|(name, kind)| format!("{name} {kind}")).join(", ");
    format!("read_csv('{}', types => '{types}')", data.trips.path.display())
}

fn counts<'a, K: ToString + 'a>(pairs: impl Iterator<Item = (&'a K, &'a u64)>) -> Expected {
    Expected::cells(pairs.map(|(key, count)| [key.to_string(), count.to_string()]))
}

fn tips(data: &Data) -> Expected {
    let hours = data.trips.tally.tips.iter();
    Expected::cells(hours.map(|(hour, (count, sum))| [hour.to_string(), (sum / *count as f64).to_string()]))
}

fn describe(data: &Data) -> Expected {
    let it = data.trips.tally.describe();
    let [low, middle, high] = it.quartiles;
    let numbers = [it.mean, it.deviation, it.min, low, middle, high, it.max].map(|number| number.to_string());
    Expected::Cells(vec![[it.count.to_string()].into_iter().chain(numbers).collect()])
}
