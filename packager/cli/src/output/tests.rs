//! Each format, against what it is to look like.

use std::sync::Mutex;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::*;

/// A destination that can still be read after the writer has taken it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("trips", DataType::Int64, true),
        Field::new("fare", DataType::Float64, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]))
}

fn rows() -> RecordBatch {
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("a, \"b\""), None])),
        Arc::new(Int64Array::from(vec![Some(12), Some(-7)])),
        Arc::new(Float64Array::from(vec![Some(1.5), None])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(1_700_000_000_000), None])),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn encoded(format: Format, batches: &[RecordBatch], width: Option<u16>) -> Vec<u8> {
    let shared = Shared::default();
    let mut writer = open(format, &schema(), Box::new(shared.clone()), width).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    let bytes = shared.0.lock().unwrap();
    bytes.clone()
}

fn check(format: Format, batches: &[RecordBatch], expected: &str) {
    assert_eq!(String::from_utf8(encoded(format, batches, None)).unwrap(), expected);
}

#[test]
fn csv_has_a_header_and_quotes_what_needs_it() {
    let expected = "name,trips,fare,at\n\"a, \"\"b\"\"\",12,1.5,2023-11-14T22:13:20\n,-7,,\n";
    check(Format::Csv, &[rows()], expected);
    check(Format::Csv, &[], "name,trips,fare,at\n");
}

/// The rows of one column, in one format.
fn encoded_column(format: Format, column: arrow::array::ArrayRef) -> String {
    let batch = RecordBatch::try_from_iter([("v", column)]).unwrap();
    let shared = Shared::default();
    let mut writer = open(format, &batch.schema(), Box::new(shared.clone()), None).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let bytes = shared.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn csv_tells_missing_values_from_empty_texts() {
    let texts = StringArray::from(vec![Some(""), None, Some("a\nb"), Some(" c ")]);
    let batch = RecordBatch::try_from_iter([
        ("t", Arc::new(texts) as arrow::array::ArrayRef),
        ("n", Arc::new(arrow::array::NullArray::new(4)) as _),
    ])
    .unwrap();
    let shared = Shared::default();
    let mut writer = open(Format::Csv, &batch.schema(), Box::new(shared.clone()), None).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text, "t,n\n\"\",\n,\n\"a\nb\",\n c ,\n");
    let numbers = Arc::new(Int64Array::from(vec![Some(1), None]));
    assert_eq!(encoded_column(Format::Csv, numbers), "v\n1\n\"\"\n");
}

#[test]
fn what_is_no_number_is_null_in_json() {
    let numbers = Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, 0.5]));
    assert_eq!(encoded_column(Format::Json, numbers.clone()), "{\"v\":null}\n{\"v\":null}\n{\"v\":0.5}\n");
    assert_eq!(encoded_column(Format::Csv, numbers), "v\nNaN\ninf\n0.5\n");
}

#[test]
fn json_has_every_column_in_every_line() {
    let expected = "{\"name\":\"a, \\\"b\\\"\",\"trips\":12,\"fare\":1.5,\"at\":\"2023-11-14T22:13:20\"}\n\
                    {\"name\":null,\"trips\":-7,\"fare\":null,\"at\":null}\n";
    check(Format::Json, &[rows()], expected);
    check(Format::Json, &[], "");
}

#[test]
fn a_table_is_for_reading() {
    let expected = "\
| name   | trips | fare | at                  |
|--------|-------|------|---------------------|
| a, \"b\" |    12 |  1.5 | 2023-11-14T22:13:20 |
| NULL   |    -7 | NULL | NULL                |
2 rows
";
    check(Format::Table, &[rows()], expected);
    check(Format::Table, &[rows().slice(0, 0)], "| name | trips | fare | at |\n|------|-------|------|----|\n0 rows\n");
}

#[test]
fn a_table_fits_the_terminal() {
    let text = String::from_utf8(encoded(Format::Table, &[rows()], Some(40))).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
}

#[test]
fn a_long_table_is_drawn_in_parts() {
    let batches = vec![rows(); 501];
    let text = String::from_utf8(encoded(Format::Table, &batches, None)).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("trips")).count(), 2);
    assert!(text.ends_with("1002 rows\n"));
}

#[test]
fn arrow_and_parquet_give_the_same_rows_back() {
    let bytes = encoded(Format::Arrow, &[rows(), rows()], None);
    let reader = arrow::ipc::reader::StreamReader::try_new(io::Cursor::new(bytes), None).unwrap();
    assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), [rows(), rows()]);

    let bytes = bytes::Bytes::from(encoded(Format::Parquet, &[rows()], None));
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    assert_eq!(reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap(), [rows()]);
}

#[test]
fn a_reader_that_has_gone_is_recognized_in_every_format() {
    for format in [Format::Table, Format::Csv, Format::Json, Format::Arrow, Format::Parquet] {
        let write_all = || -> Result<(), OutputError> {
            let mut writer = open(format, &schema(), Box::new(Broken), None)?;
            writer.write(&rows())?;
            writer.finish()
        };
        let error = write_all().unwrap_err();
        assert!(matches!(error, OutputError::Gone), "{format:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_appears_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answer.parquet");
    let target = Target::new(path.to_str());
    assert_eq!(target.format(), Format::Parquet);
    target.open().unwrap().write_all(b"half").unwrap();
    drop(target);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let target = Target::new(path.to_str());
    target.open().unwrap().write_all(b"whole").unwrap();
    assert!(!path.exists());
    target.commit(&bobbin_blocks::BlockReader::local()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"whole");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let error = Target::new(Some("/nowhere/x.csv")).open().err().unwrap();
    assert_eq!((error.to_string().as_str(), error.exit_code()), ("write --output /nowhere/x.csv", 66));
    assert_eq!(Target::new(Some("hdfs:///a/b.json")).format(), Format::Json);
}
