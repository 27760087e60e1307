//! Command line (see `src/README.md`).
fn main() {}
