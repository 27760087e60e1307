//! The one contract of the results: what the core writes, what the command line prints as `--format json`, what the page draws, what
//! golden tests compare. Schemas `dropheap.report/1` (one dump) and `dropheap.diff/1` (several).
//!
//! Rules of the schema: addresses are strings of lower-case hex without `0x` (they do not fit into a JavaScript number); counts and
//! byte totals are numbers (below 2^53); times are seconds since 1970 in UTC; absent is `null`, never 0. A field may be added within
//! a version; one that is removed or changes its meaning makes a new version.

use crate::error::Finding;
use serde::{Deserialize, Serialize};

/// Schema name of [`HeapReport`].
pub const REPORT_SCHEMA: &str = "dropheap.report/1";
/// Schema name of [`DiffReport`].
pub const DIFF_SCHEMA: &str = "dropheap.diff/1";

/// Generation names, in the order of every array "by generation".
pub const GENERATIONS: [&str; 6] = ["gen0", "gen1", "gen2", "loh", "poh", "frozen"];

/// Everything about one dump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeapReport {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// Version of dropheap.
    pub tool_version: String,
    /// The file and the process.
    pub dump: DumpFacts,
    /// The CLR.
    pub runtime: RuntimeFacts,
    /// The heap as a whole.
    pub heap: HeapFacts,
    /// One row per type: classic name + assembly simple name. Free is not among them. Descending by size.
    pub types: Vec<TypeRow>,
    /// One row per method table, Free included. Ascending by size, as SOS prints them.
    pub method_tables: Vec<MethodTableRow>,
    /// What else the reader of these numbers should know.
    pub findings: Vec<Finding>,
}

/// The dump file and the process in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DumpFacts {
    /// Name of the file, without a path.
    pub file_name: String,
    /// Bytes of the file.
    pub file_size: u64,
    /// `minidump`.
    pub format: String,
    /// When it was taken: MINIDUMP_HEADER.TimeDateStamp, seconds since 1970, UTC.
    pub captured_at: Option<u64>,
    /// Process id.
    pub pid: Option<u32>,
    /// When the process started, seconds since 1970, UTC.
    pub started_at: Option<u64>,
    /// `captured_at - started_at`, seconds.
    pub uptime: Option<u64>,
    /// Path of the executable.
    pub image_path: Option<String>,
    /// Command line. May hold secrets: the page masks it.
    pub command_line: Option<String>,
    /// e.g. `Windows 10.0.18362`.
    pub os: Option<String>,
    /// The writer's view of the processor: `x64`, `x86`, `arm64`. The runtime's own is [`RuntimeFacts::architecture`].
    pub architecture: Option<String>,
    /// Number of processors.
    pub processors: Option<u32>,
    /// Bytes of process memory in the dump.
    pub memory_bytes: u64,
    /// Memory ranges in the dump.
    pub memory_ranges: u64,
    /// Modules in the module list.
    pub modules: u64,
    /// Threads in the thread list.
    pub threads: u64,
}

/// The CLR of the process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RuntimeFacts {
    /// e.g. `.NET 10.0.14`, `.NET Core 3.1.23`, `.NET Framework 4.8`.
    pub name: String,
    /// `core` or `framework`.
    pub flavour: String,
    /// Four-part file version, e.g. `10.0.1426.52326`, where known.
    pub file_version: Option<String>,
    /// `x64`, `x86`, `arm64`: of the runtime's PE header.
    pub architecture: String,
    /// 4 or 8.
    pub pointer_size: u64,
    /// Path of the module the runtime lives in.
    pub module: String,
    /// Its base address.
    pub base: String,
    /// `workstation` or `server`.
    pub gc_mode: String,
    /// `segments` or `regions`.
    pub gc_layout: String,
    /// Path of a standalone GC module, if one is in use.
    pub gc_module: Option<String>,
    /// Number of GC heaps.
    pub heaps: u64,
    /// True if the dump was taken while a GC moved objects: the counts are then not exact.
    pub gc_in_progress: bool,
    /// Set where no dump of this runtime was ever compared with its own DAC: a sentence that must be shown beside the result.
    pub unproven: Option<String>,
    /// What was found, where, and what proved it.
    pub evidence: Vec<Evidence>,
}

/// One found piece of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// e.g. `GcDacVars`, `String MethodTable`, `Module.Base`.
    pub what: String,
    /// Its value, for people.
    pub value: String,
    /// The strategy that found it and the test that it passed.
    pub how: String,
}

/// The heap as a whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HeapFacts {
    /// True if every byte of every segment was explained and no GC was running: the numbers are then exactly what SOS prints.
    pub complete: bool,
    /// Bytes explained by object headers and proven gaps.
    pub explained_bytes: u64,
    /// Bytes from the first object to each segment's end.
    pub total_bytes: u64,
    /// Objects, Free included, as `!dumpheap -stat` counts.
    pub objects: u64,
    /// Sum of sizes, unaligned, as `!dumpheap -stat` sums.
    pub size: u64,
    /// Sum of aligned sizes: real heap bytes.
    pub aligned_size: u64,
    /// Free blocks apart: objects, size, aligned size (contained in the totals above).
    pub free: Cell,
    /// By generation ([`GENERATIONS`]): objects, size, aligned size; Free included.
    pub generations: Vec<Cell>,
    /// Segments or regions, by heap, generation and address.
    pub segments: Vec<SegmentRow>,
    /// Free blocks of at least [`crate::limits::LARGE_FREE`] bytes, by address.
    pub large_free: Vec<LargeFree>,
}

/// Objects and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cell {
    /// Objects.
    pub count: u64,
    /// Unaligned bytes, as SOS sums.
    pub size: u64,
    /// Aligned bytes.
    pub aligned_size: u64,
}

/// One heap segment or region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRow {
    /// Address of the `heap_segment`.
    pub address: String,
    /// Number of the GC heap.
    pub heap: u64,
    /// One of [`GENERATIONS`], or `ephemeral` for a segment that holds gen0, gen1 and part of gen2.
    pub generation: String,
    /// First object.
    pub start: String,
    /// End of objects.
    pub end: String,
    /// `end - start`.
    pub bytes: u64,
    /// Objects in it, Free included.
    pub objects: u64,
    /// Bytes explained; equal to `bytes` where everything is well.
    pub explained_bytes: u64,
}

/// A large Free block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeFree {
    /// Its address.
    pub address: String,
    /// Its size in bytes, as SOS reports it.
    pub size: u64,
    /// One of [`GENERATIONS`].
    pub generation: String,
    /// Address of the object behind it, if there is one.
    pub followed_by: Option<String>,
    /// Classic type name of that object.
    pub followed_by_type: Option<String>,
}

/// One method table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodTableRow {
    /// Its address.
    pub method_table: String,
    /// Classic (SOS, DAC) type name; `Free` for free blocks.
    pub type_name: String,
    /// C# spelling.
    pub type_name_csharp: String,
    /// Assembly simple name of the type's module; empty for Free.
    pub module: String,
    /// Objects.
    pub count: u64,
    /// Unaligned bytes, as SOS sums.
    pub total_size: u64,
    /// Aligned bytes.
    pub aligned_size: u64,
    /// By generation ([`GENERATIONS`]).
    pub generations: Vec<Cell>,
    /// Up to [`crate::limits::SAMPLES`] object addresses of each generation, spread over the heap.
    pub samples: Vec<Vec<String>>,
}

/// All method tables of one type (classic name + assembly simple name).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeRow {
    /// Classic (SOS, DAC) type name.
    pub type_name: String,
    /// C# spelling.
    pub type_name_csharp: String,
    /// Assembly simple name of the type's module.
    pub module: String,
    /// Objects.
    pub count: u64,
    /// Unaligned bytes.
    pub total_size: u64,
    /// Aligned bytes.
    pub aligned_size: u64,
    /// By generation ([`GENERATIONS`]).
    pub generations: Vec<Cell>,
    /// Addresses of the method tables, ascending.
    pub method_tables: Vec<String>,
}

/// The comparison of any number of dumps, in the order given; delta is last minus first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffReport {
    /// [`DIFF_SCHEMA`].
    pub schema: String,
    /// Version of dropheap.
    pub tool_version: String,
    /// One per dump, in order.
    pub dumps: Vec<DiffDump>,
    /// One row per type, Free apart. Descending by absolute size delta.
    pub rows: Vec<DiffRow>,
    /// Free blocks.
    pub free: DiffTotals,
    /// All types and Free: what `!dumpheap -stat` totals.
    pub total: DiffTotals,
    /// What the reader should know before believing a delta: other process, other runtime, partial dumps.
    pub findings: Vec<Finding>,
}

/// One dump of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffDump {
    /// The file and the process.
    pub dump: DumpFacts,
    /// The runtime's name, e.g. `.NET 10.0.14`.
    pub runtime: String,
    /// `x64`, `x86`, `arm64`.
    pub architecture: String,
    /// [`HeapFacts::complete`].
    pub complete: bool,
    /// Coverage: explained and total bytes.
    pub explained_bytes: u64,
    /// Bytes of all segments.
    pub total_bytes: u64,
    /// By generation ([`GENERATIONS`]).
    pub generations: Vec<Cell>,
}

/// Counts and sizes of one line of a comparison, an element per dump.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiffTotals {
    /// Objects by dump.
    pub counts: Vec<u64>,
    /// Unaligned bytes by dump.
    pub sizes: Vec<u64>,
    /// Last minus first.
    pub delta_count: i64,
    /// Last minus first.
    pub delta_size: i64,
}

/// One type in several dumps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffRow {
    /// Classic (SOS, DAC) type name.
    pub type_name: String,
    /// C# spelling.
    pub type_name_csharp: String,
    /// Assembly simple name.
    pub module: String,
    /// Counts and sizes; 0 where the type does not occur.
    #[serde(flatten)]
    pub totals: DiffTotals,
    /// By dump: addresses of its method tables there; empty where it does not occur.
    pub method_tables: Vec<Vec<String>>,
}
