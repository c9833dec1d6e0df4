//! The real Hadoop test cluster, end-to-end tests and benchmarks; never published.
