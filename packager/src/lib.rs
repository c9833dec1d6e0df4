//! Environment archives: what is in them and whether they can be trusted.
