//! Lineage in small graphs.
