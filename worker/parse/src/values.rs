//! Texts to values: numbers, truth values, dates and timestamps, the same for every format.

mod boolean;
mod decimal;
mod decimal128;
mod digits;
mod integer;
mod kind;
mod locale;
mod quotient;
mod strptime;
mod time;

pub(crate) use boolean::parse as parse_boolean;
pub(crate) use decimal::{F32, F64, parse_f64};
pub(crate) use decimal128::Decimal;
pub(crate) use integer::{I8, I16, I32, I64, U8, U16, U32, U64, parse_i64};
pub(crate) use kind::{Kind, Moment};
pub(crate) use locale::Locale;
pub(crate) use strptime::Format;
pub use strptime::FormatError;
pub(crate) use time::{Date, Micros, Millis, Nanos, Seconds, is_utc, parse_date, parse_timestamp};
