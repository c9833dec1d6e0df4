//! `yarn-submit`.

fn main() {}
