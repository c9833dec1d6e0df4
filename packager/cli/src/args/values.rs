//! The values that options take, each with its own spelling.

use std::str::FromStr;
use std::time::Duration;

/// A number of bytes: `2GiB`, `512m`, `1.5g`, `64kb`, `1000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Memory of a container, in whole MiB: like a [`Size`], but at least [`Memory::LEAST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Rounded up.
    pub mebibytes: u64,
}

/// A length of time: `10min`, `30s`, `500ms`, `1.5h`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// `NAME=VALUE`; the value may be empty and may hold further `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// Before the first `=`.
    pub key: String,
    /// After it.
    pub value: String,
}

/// How many workers: `8`, or `2..50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerCount {
    /// Those that stay when there is nothing to do; absent of a plain number.
    pub least: Option<u32>,
    /// How many, or the most.
    pub most: u32,
}

/// Where work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    /// In this process, with so many threads (absent: all cores).
    Local(Option<u32>),
    /// On the cluster.
    Yarn,
}

/// First and last port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange(pub u16, pub u16);

/// A file to ship and the name that it gets in containers: `PATH` or `PATH#ALIAS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Local path, or a URL on HDFS.
    pub source: String,
    /// Name in the container's working directory.
    pub alias: String,
}

/// Why a value is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a size.
    #[error("not a size: write a number and B, KiB, MiB, GiB or TiB, such as 512MiB or 2g")]
    Size,
    /// Too little memory for any process.
    #[error("{0} bytes are too little for a container, which needs at least 64MiB; is the unit missing?")]
    LittleMemory(u64),
    /// Not a duration.
    #[error("not a length of time: write a number and ms, s, min, h or d, such as 10min")]
    Span,
    /// No `=`, or nothing before it.
    #[error("not of the form NAME=VALUE")]
    KeyValue,
    /// Not a number of workers.
    #[error("not a number of workers: write N, or LEAST..MOST such as 2..50")]
    Workers,
    /// Not a master.
    #[error("not a place to run: write local, local[N] with N ≥ 1, or yarn")]
    Master,
    /// Not a port range.
    #[error("not a range of ports: write FIRST-LAST, such as 40000-40100")]
    PortRange,
    /// The alias cannot be a name in the working directory.
    #[error(
        "{0:?} cannot be a name in a container's working directory: write PATH#ALIAS with a relative path without .."
    )]
    Alias(String),
}

impl Memory {
    /// Least memory that a container may be given, MiB.
    pub const LEAST: u64 = 64;
}

impl FromStr for Size {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (number, unit) = number_and_unit(text).ok_or(ValueError::Size)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1u64,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return Err(ValueError::Size),
        };
        scaled(number, factor).map(Size).ok_or(ValueError::Size)
    }
}

impl FromStr for Memory {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let Size(bytes) = text.parse()?;
        let mebibytes = bytes.div_ceil(1 << 20);
        if mebibytes < Self::LEAST {
            return Err(ValueError::LittleMemory(bytes));
        }
        Ok(Memory { mebibytes })
    }
}

impl FromStr for Span {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (number, unit) = number_and_unit(text).ok_or(ValueError::Span)?;
        let milliseconds = match unit.to_ascii_lowercase().as_str() {
            "ms" => 1,
            "s" | "sec" => 1000,
            "m" | "min" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            _ => return Err(ValueError::Span),
        };
        scaled(number, milliseconds).map(|total| Span(Duration::from_millis(total))).ok_or(ValueError::Span)
    }
}

impl FromStr for KeyValue {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(KeyValue { key: key.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err(ValueError::KeyValue),
        }
    }
}

impl FromStr for WorkerCount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| ValueError::Workers);
        match text.split_once("..") {
            None => Ok(WorkerCount { least: None, most: number(text)? }),
            Some((least, most)) => {
                let (least, most) = (number(least)?, number(most)?);
                if least > most { Err(ValueError::Workers) } else { Ok(WorkerCount { least: Some(least), most }) }
            }
        }
    }
}

impl FromStr for Master {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "yarn" => return Ok(Master::Yarn),
            "local" | "local[*]" => return Ok(Master::Local(None)),
            _ => {}
        }
        let threads = text.strip_prefix("local[").and_then(|rest| rest.strip_suffix(']'));
        let threads = threads.and_then(|threads| threads.parse().ok()).filter(|threads| *threads > 0);
        threads.map(|threads| Master::Local(Some(threads))).ok_or(ValueError::Master)
    }
}

impl FromStr for PortRange {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (first, last) = text.split_once('-').ok_or(ValueError::PortRange)?;
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => Ok(PortRange(first, last)),
            _ => Err(ValueError::PortRange),
        }
    }
}

impl FromStr for Shipped {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (source, alias) = match text.rsplit_once('#') {
            Some((source, alias)) => (source, alias),
            None => (text, text.trim_end_matches('/').rsplit('/').next().unwrap_or_default()),
        };
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_safe = alias.chars().all(|letter| !letter.is_control() && !"\"'`$\\<>{}".contains(letter));
        if source.is_empty() || !is_safe || !alias.split('/').all(is_plain) {
            return Err(ValueError::Alias(alias.to_owned()));
        }
        Ok(Shipped { source: source.to_owned(), alias: alias.to_owned() })
    }
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// `number × factor`, if that is at least one and can be counted exactly.
fn scaled(number: f64, factor: u64) -> Option<u64> {
    const EXACT: f64 = (1u64 << 53) as f64;
    let product = (number * factor as f64).round();
    (1.0..=EXACT).contains(&product).then_some(product as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(text.parse::<Size>().ok(), expected.map(Size), "{text}");
        };
        check("2GiB", Some(2 << 30));
        check("512m", Some(512 << 20));
        check("1.5 g", Some(3 << 29));
        check("1000", Some(1000));
        check("64KB", Some(64 << 10));
        for wrong in ["", "GiB", "2GX", "-1", "0", "1e9", "1.2.3", "99999999t", "∞"] {
            check(wrong, None);
        }
    }

    #[test]
    fn memory_is_whole_mebibytes_and_has_a_unit() {
        assert_eq!("1.5GiB".parse(), Ok(Memory { mebibytes: 1536 }));
        assert_eq!(format!("{}", (100 << 20) + 1).parse(), Ok(Memory { mebibytes: 101 }));
        assert_eq!("2048".parse::<Memory>(), Err(ValueError::LittleMemory(2048)));
    }

    #[test]
    fn spans() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(text.parse::<Span>().ok(), expected.map(|total| Span(Duration::from_millis(total))), "{text}");
        };
        check("10min", Some(600_000));
        check("90s", Some(90_000));
        check("250ms", Some(250));
        check("1.5h", Some(5_400_000));
        check("2d", Some(172_800_000));
        check("10", None);
        check("fast", None);
    }

    #[test]
    fn masters() {
        assert_eq!("local".parse(), Ok(Master::Local(None)));
        assert_eq!("local[4]".parse(), Ok(Master::Local(Some(4))));
        assert_eq!("yarn".parse(), Ok(Master::Yarn));
        for wrong in ["local[0]", "local[]", "YARN", "spark://x"] {
            assert_eq!(wrong.parse::<Master>(), Err(ValueError::Master), "{wrong}");
        }
    }

    #[test]
    fn shipped_files_have_names() {
        let check = |text: &str, source: &str, alias: &str| {
            let expected = Shipped { source: source.to_owned(), alias: alias.to_owned() };
            assert_eq!(text.parse(), Ok(expected));
        };
        check("/a/etl.py", "/a/etl.py", "etl.py");
        check("etl.py#lib/main.py", "etl.py", "lib/main.py");
        check("hdfs:///d/x.csv#y", "hdfs:///d/x.csv", "y");
        for wrong in ["", "a#", "a#../b", "a#/b", "#x", "a#b\"c", ".."] {
            assert!(wrong.parse::<Shipped>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pairs_and_ranges() {
        assert_eq!("A=b=c".parse(), Ok(KeyValue { key: "A".to_owned(), value: "b=c".to_owned() }));
        assert_eq!("=x".parse::<KeyValue>(), Err(ValueError::KeyValue));
        assert_eq!("40000-40100".parse(), Ok(PortRange(40000, 40100)));
        assert_eq!("5-4".parse::<PortRange>(), Err(ValueError::PortRange));
    }

    #[test]
    fn workers_are_a_number_or_a_range() {
        let count = |text: &str| text.parse::<WorkerCount>().ok().map(|count| (count.least, count.most));
        assert_eq!(
            (count("8"), count("2..50"), count("0..1")),
            (Some((None, 8)), Some((Some(2), 50)), Some((Some(0), 1)))
        );
        assert_eq!((count("5..2"), count("2.."), count("many")), (None, None, None));
    }
}
