//! The same query over the same data in plain DataFusion: one process, one partition, tables in memory.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::block_on;

/// Runs a query over tables that are files of these schemas.
pub fn run(sql: &str, tables: &[(&str, SchemaRef)]) -> Vec<RecordBatch> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    for (path, schema) in tables {
        let reader = ReaderBuilder::new(Arc::clone(schema)).with_header(true).build(File::open(path).unwrap()).unwrap();
        let batches = reader.collect::<Result<Vec<_>, _>>().unwrap();
        let table = MemTable::try_new(Arc::clone(schema), vec![batches]).unwrap();
        context.register_table(TableReference::bare(*path), Arc::new(table)).unwrap();
    }
    block_on(async { context.sql(sql).await.unwrap().collect().await.unwrap() })
}
