//! The GC heap: its segments, the method tables met on it, the walk over its objects.

pub mod handles;
pub mod method_tables;
pub mod segments;
pub mod walk;
