//! Learns the columns of a table of JSON lines from samples of its files: every key that any of them shows.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use bobbin_blocks::{BlockReader, FileRef};
use bobbin_parse::json::{Sample, infer};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::PlanError;
use crate::tables::inference::{Learned, rule};
use crate::tables::options::Reading;
use crate::tables::sample::{self, Head};

/// Bytes of the first file that are looked at first.
const SAMPLE_BYTES: usize = 2 << 20;
/// Bytes of every other file that are looked at first.
const HEAD_BYTES: usize = 128 << 10;
/// A look that shows no whole record is repeated on so many times the bytes.
const GROWTH: usize = 4;
/// Files whose heads are read at the same time.
const HEADS_AT_ONCE: usize = 16;

/// Looks at the head of every file, and into the first.
pub(crate) async fn learn(
    reader: &BlockReader,
    table: &str,
    files: &[FileRef],
    reading: &Reading,
) -> Result<Learned, PlanError> {
    let looks = files.iter().cloned().enumerate().map(|(number, file)| async move {
        let first_look = if number == 0 { SAMPLE_BYTES } else { HEAD_BYTES };
        let first_look = reading.table.sample_bytes.map_or(first_look, |bytes| bytes as usize);
        look(reader, table, &file, (first_look, reading)).await
    });
    let heads: Vec<Head> = stream::iter(looks).buffered(HEADS_AT_ONCE).try_collect().await?;
    let Some(first) = files.first() else {
        return Err(PlanError::Table(format!("table '{table}' is empty: its files hold no bytes")));
    };
    let inner = sample::inner(reader, table, first, reading).await?;
    let of_heads = heads.iter().map(|head| Sample { bytes: &head.bytes, complete: head.complete, starts_record: true });
    let of_inner = inner.iter().map(|bytes| Sample { bytes, complete: false, starts_record: false });
    let samples: Vec<Sample<'_>> = of_heads.chain(of_inner).collect();
    let inferred = infer(&samples, &reading.json)
        .map_err(|source| PlanError::InferJson { file: first.url.clone(), source: Box::new(source) })?;
    for note in &inferred.notes {
        tracing::warn!("table '{table}': {note}");
    }
    let bytes: u64 = samples.iter().map(|sample| sample.bytes.len() as u64).sum();
    let records = inferred.sampled_records;
    let (mut fields, mut origins, mut unknown): (Vec<FieldRef>, Vec<String>, Vec<usize>) = Default::default();
    for (at, field) in inferred.schema.fields().iter().enumerate() {
        let is_known = !inferred.unknown.contains(field.name());
        origins.push(if is_known { rule(field.data_type(), records, bytes, files.len()) } else { UNSEEN.to_owned() });
        if !is_known {
            unknown.push(at);
        }
        fields.push(Arc::clone(field));
    }
    let record_bytes = (bytes / (records as u64).max(1)).max(1);
    let files = (0..files.len()).map(|at| (at, Vec::new())).collect();
    Ok(Learned { schema: Arc::new(Schema::new(fields)), origins, unknown, record_bytes, files })
}

/// What is said of a column without values.
const UNSEEN: &str = "no value was seen";

/// The head of a file with at least one whole record, if it has any.
async fn look(
    reader: &BlockReader,
    table: &str,
    file: &FileRef,
    (first_look, reading): (usize, &Reading),
) -> Result<Head, PlanError> {
    let most = reading.json.max_record_bytes.saturating_add(1);
    let mut limit = first_look;
    loop {
        let head = sample::head(reader, table, file, (reading, limit)).await?;
        if head.complete || limit > most || head.bytes.contains(&b'\n') {
            return Ok(head);
        }
        limit = limit.saturating_mul(GROWTH);
    }
}
