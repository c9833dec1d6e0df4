//! The settings of DataFusion that our splits, our determinism and our stages rest on.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::prelude::SessionConfig;

use crate::functions;
use crate::scan::SplitSettings;

/// Settings that driver and workers share, and why.
const SHARED: &[(&str, &str)] = &[
    // One partition is one split, and a task is one partition. The driver plans exchanges with more.
    ("datafusion.execution.target_partitions", "1"),
    ("datafusion.optimizer.repartition_file_scans", "false"),
    ("datafusion.optimizer.enable_round_robin_repartition", "false"),
    // Filters that an operator makes while it runs would have to cross stages. Only the text form of this switch
    // reaches every operator.
    ("datafusion.optimizer.enable_dynamic_filter_pushdown", "false"),
    // Would let one task read the splits of all others.
    ("datafusion.execution.enable_file_stream_work_stealing", "false"),
    // Drops groups while it aggregates, which only a whole aggregate may do.
    ("datafusion.optimizer.enable_topk_aggregation", "false"),
    // One way of sorting for any number of rows: those that compare equal come out in the same order in every run, though
    // not always in the order in which they went in.
    ("datafusion.execution.sort_in_place_threshold_bytes", "0"),
    ("datafusion.catalog.information_schema", "false"),
];

/// The largest build side that every task of a join gets, bytes. It costs so much memory in each thread.
const BROADCAST_BYTES: &str = "33554432";

/// The same session for plans whose exchanges have so many buckets. Joins of two large sides compare hashes if a bucket
/// of the smaller side fits in memory; the operator cannot spill. Else they sort both sides.
pub(crate) fn with_buckets(session: &SessionState, buckets: usize, hash_joins: bool) -> Result<SessionState> {
    let mut session = session.clone();
    let options = session.config_mut().options_mut();
    options.set("datafusion.execution.target_partitions", &buckets.to_string())?;
    options.set("datafusion.optimizer.hash_join_single_partition_threshold", BROADCAST_BYTES)?;
    options.set("datafusion.optimizer.prefer_hash_join", if hash_joins { "true" } else { "false" })?;
    Ok(session)
}

/// A session that plans: its tables are cut into splits like this.
pub(crate) fn planning(batch_rows: usize, runtime: Arc<RuntimeEnv>, splits: SplitSettings) -> Result<SessionState> {
    state(config(batch_rows)?.with_extension(Arc::new(splits)), runtime)
}

/// A session with our settings and functions.
pub(crate) fn session(batch_rows: usize, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    state(config(batch_rows)?, runtime)
}

fn config(batch_rows: usize) -> Result<SessionConfig> {
    let mut options = ConfigOptions::new();
    for (key, value) in SHARED {
        options.set(key, value)?;
    }
    Ok(SessionConfig::from(options).with_batch_size(batch_rows))
}

fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    let mut planners = SessionStateDefaults::default_expr_planners();
    planners.push(Arc::new(functions::Arrows));
    // DataFusion's defaults, but for its own readers of files: we have none of them do anything, and they are megabytes.
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(planners)
        .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .with_table_function_list(functions::table_functions())
        .build();
    for function in functions::all() {
        datafusion::execution::FunctionRegistry::register_udf(&mut state, Arc::new(function))?;
    }
    for function in functions::aggregates() {
        datafusion::execution::FunctionRegistry::register_udaf(&mut state, Arc::new(function))?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_known() {
        let state = session(100, Arc::new(RuntimeEnv::default())).unwrap();
        let options = state.config_options();
        assert_eq!(options.execution.target_partitions, 1);
        assert!(!options.optimizer.enable_join_dynamic_filter_pushdown);
        assert!(!options.optimizer.enable_topk_dynamic_filter_pushdown);
        assert!(!options.optimizer.enable_aggregate_dynamic_filter_pushdown);
        assert!(!options.execution.enable_file_stream_work_stealing);
        assert_eq!(state.config().batch_size(), 100);
    }
}
