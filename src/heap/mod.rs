//! The GC heap: its segments, the method tables on it, the walk, and which words of an object are references.

pub mod handles;
pub mod hot;
pub mod islands;
pub mod lanes;
pub mod method_tables;
pub mod references;
pub mod segments;
pub mod starts;
pub mod tally;
pub mod walk;
