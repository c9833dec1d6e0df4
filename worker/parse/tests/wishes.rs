//! What a scan may want beside plain columns, and columns that are written in another way.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use bobbin_parse::csv::{ColumnOptions, CsvDecoder, CsvOptions, infer, pandas_null_tokens};
use bobbin_parse::{Decoder, Reason, RecordError, RowFilter, SplitRange, Wanted};

/// One column's values as text, NULL as `-`.
fn column(options: &CsvOptions, data_type: &DataType, text: &str) -> Result<Vec<String>, RecordError> {
    let schema = Arc::new(Schema::new(vec![Field::new("a", data_type.clone(), true)]));
    let split = SplitRange { start: 0, end: text.len() as u64, file_len: text.len() as u64 };
    let options = CsvOptions { header: false, ..options.clone() };
    let mut decoder = CsvDecoder::new(Arc::new(options), Wanted::rows(schema, &[0], 1000), split);
    decoder.feed(0, text.as_bytes())?;
    let Some(batch) = decoder.next_batch() else { return Ok(Vec::new()) };
    let array = batch.column(0);
    let cell = |row| if array.is_valid(row) { array_value_to_string(array, row).unwrap() } else { "-".to_owned() };
    Ok((0..batch.num_rows()).map(cell).collect())
}

fn with_format(format: &str) -> CsvOptions {
    let own = ColumnOptions { format: Some(format.into()), null_tokens: vec!["never".into()] };
    CsvOptions { columns: [("a".to_owned(), own)].into(), ..CsvOptions::default() }
}

#[test]
fn dates_in_a_format() {
    let days = with_format("%d/%m/%Y");
    assert_eq!(column(&days, &DataType::Date32, "31/1/2015\nnever\n\" 01/02/2015 \"\n").unwrap()[2], "2015-02-01");
    assert!(column(&days, &DataType::Date32, "2015-01-31\n").is_err());
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    let found = column(&with_format("%b %d %Y %I:%M %p"), &seconds, "Jan 31 2015 01:05 PM\n").unwrap();
    assert_eq!(found, ["2015-01-31T13:05:00"]);
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    let found = column(&with_format("%Y%m%d%H%M%S.%f"), &millis, "20150131235959.1239\n").unwrap();
    assert_eq!(found, ["2015-01-31T23:59:59.123"]);
}

#[test]
fn decimals_and_other_numbers() {
    let default = CsvOptions::default();
    let decimal = DataType::Decimal128(6, 2);
    assert_eq!(column(&default, &decimal, "1.5\n-1234.25\n\" 7\"\n\"\"\n").unwrap(), ["1.50", "-1234.25", "7.00", "-"]);
    for text in ["1.505\n", "12345.00\n", "1e2\n"] {
        let error = column(&default, &decimal, text).unwrap_err();
        assert!(matches!(error.reason, Reason::BadValue { sql_type: "DECIMAL", .. }), "{text}");
    }
    let german = CsvOptions { separator: b';', decimal_separator: b',', thousands: Some(b'.'), ..default };
    assert_eq!(column(&german, &decimal, "1.234,5\n0,25\n").unwrap(), ["1234.50", "0.25"]);
    assert_eq!(column(&german, &DataType::Float64, "1.234,5\n").unwrap(), ["1234.5"]);
    assert_eq!(column(&german, &DataType::Int32, "-1.234\n").unwrap(), ["-1234"]);
    assert!(column(&german, &DataType::Float64, "1.5\n").is_err());
}

#[test]
fn truths_and_nulls() {
    let options = CsvOptions {
        true_values: vec!["yes".into(), "1".into()],
        false_values: vec!["no".into()],
        null_tokens: pandas_null_tokens(),
        ..CsvOptions::default()
    };
    let found = column(&options, &DataType::Boolean, "yes\n no \n1\nTRUE\nNA\n<NA>\n").unwrap();
    assert_eq!(found, ["true", "false", "true", "true", "-", "-"]);
    assert!(column(&options, &DataType::Boolean, "Yes\n").is_err());
    assert_eq!(column(&options, &DataType::Float64, "NaN\n-nan\n1\n").unwrap(), ["-", "-", "1.0"]);
}

#[test]
fn what_is_inferred_follows_the_options() {
    let types = |options: &CsvOptions, sample: &str| {
        let inferred = infer(sample.as_bytes(), true, options).unwrap();
        let names: Vec<_> = inferred.schema.fields().iter().map(|field| field.name().clone()).collect();
        let types: Vec<_> = inferred.schema.fields().iter().map(|field| field.data_type().clone()).collect();
        (names.join(","), types)
    };
    let german =
        CsvOptions { separator: b';', decimal_separator: b',', thousands: Some(b'.'), ..CsvOptions::default() };
    assert_eq!(types(&german, "x;y\n1,5;1.000\n").1, [DataType::Float64, DataType::Int64]);
    assert_eq!(types(&with_format("%d.%m.%Y"), "a\n31.12.2015\n").1, [DataType::Date32]);
    let odd = CsvOptions {
        skip_rows: 1,
        skip_rows_after_header: 1,
        comment: Some("#".into()),
        allow_trailing_sep: true,
        allow_short_rows: true,
        true_values: vec!["yes".into()],
        ..CsvOptions::default()
    };
    let (names, found) = types(&odd, "made by\n#\"\nx,y,\n-,-\n1,yes,\n#\n2\n");
    assert_eq!((names.as_str(), found), ("x,y", vec![DataType::Int64, DataType::Boolean]));
    let named = CsvOptions { header: false, names: Some(vec!["p".into(), "q".into()]), ..CsvOptions::default() };
    assert_eq!(types(&named, "1,x\n").0, "p,q");
    let message = infer(b"1\n", true, &named).unwrap_err().to_string();
    assert_eq!(message, "names has 2 names but the file has 1 columns; name each column once");
}

/// A filter that fails, or gives too few answers.
struct Faulty {
    answers: Option<usize>,
}

impl RowFilter for Faulty {
    fn columns(&self) -> &[usize] {
        &[0]
    }

    fn keep(&mut self, _: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let answers = self.answers.ok_or_else(|| ArrowError::ComputeError("no".into()))?;
        Ok(BooleanArray::from(vec![true; answers]))
    }
}

#[test]
fn a_filter_that_fails_ends_the_scan() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    for (answers, part) in [(None, "no"), (Some(1), "the filter gives 1 answers for 2 records")] {
        let filter = Some(Box::new(Faulty { answers }) as Box<dyn RowFilter>);
        let wanted = Wanted { filter, ..Wanted::rows(Arc::clone(&schema), &[0], 10) };
        let split = SplitRange { start: 0, end: 6, file_len: 6 };
        let mut decoder = CsvDecoder::new(Arc::new(CsvOptions::default()), wanted, split);
        let message = decoder.feed(0, b"a\n1\n2\n").unwrap_err().to_string();
        assert!(message.contains("the filter cannot be computed") && message.contains(part), "{message}");
    }
}
