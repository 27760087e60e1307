//! The one contract of the results: what the core writes, what the command line prints as `--format json`, what the page draws, what
//! golden tests compare. Schemas, each named by the field `schema` of its top object:
//!
//! | schema | type | written by |
//! | --- | --- | --- |
//! | `dropheap.report/1` | [`HeapReport`] | `stat --format json`, the page |
//! | `dropheap.diff/1` | [`DiffReport`] | `diff --format json`, the page |
//! | `dropheap.info/1` | [`InfoReport`] | `info --format json` |
//! | `dropheap.verify/1` | `verify::VerifyReport` | `verify --format json` |
//! | `dropheap.events/1` | [`crate::events::EventsReport`] | `events --format json`, the page |
//!
//! Rules of the schemas:
//! - addresses are strings of lower-case hex without `0x` (they do not fit into a JavaScript number);
//! - counts and byte totals are numbers (below 2^53), deltas may be negative;
//! - whose the memory is: [`crate::account`];
//! - times are seconds since 1970 in UTC; absent is `null`, never 0;
//! - names are as the dump has them: a stranger's text, with whatever characters a `.NET` name can hold;
//! - the rows of a report may be a selection (`--filter`, `--top`, `--min-delta`) in another order (`--sort`); totals and facts always
//!   cover the whole heap;
//! - a field may be added within a version; one that is removed or changes its meaning makes a new version. Readers ignore fields
//!   that they do not know.

use crate::account::{MemoryAccount, MemoryGrowth};
use crate::compact::{Cells, Samples, Text};
use crate::error::{Error, Finding};
use crate::memory::Addr;
use crate::printing::{shown, spoken};
use crate::reading::{record, word};
use crate::suspects::Suspects;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Schema name of [`HeapReport`].
pub const REPORT_SCHEMA: &str = "dropheap.report/1";
/// Schema name of [`DiffReport`].
pub const DIFF_SCHEMA: &str = "dropheap.diff/1";
/// Schema name of [`InfoReport`].
pub const INFO_SCHEMA: &str = "dropheap.info/1";

/// The name of free blocks among types.
pub const FREE: &str = "Free";

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
    /// The base types and interfaces of the types, each once; rows name them by their index here.
    #[serde(default)]
    pub supertypes: Vec<Supertype>,
    /// The assemblies of the types and what decided whose they are. By name.
    #[serde(default)]
    pub assemblies: Vec<AssemblyRow>,
    /// Whose the memory in the dump is; `null` in reports of listings.
    #[serde(default)]
    pub memory: Option<MemoryAccount>,
    /// What else the reader of these numbers should know.
    pub findings: Vec<Finding>,
}

impl HeapReport {
    /// A report of this schema and version that says nothing yet.
    pub fn new() -> HeapReport {
        HeapReport {
            schema: REPORT_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            dump: DumpFacts::default(),
            runtime: RuntimeFacts::default(),
            heap: HeapFacts::default(),
            types: Vec::new(),
            method_tables: Vec::new(),
            supertypes: Vec::new(),
            assemblies: Vec::new(),
            memory: None,
            findings: Vec::new(),
        }
    }

    /// True if the numbers are exactly what SOS prints: the whole heap was explained, no GC was moving objects, and no finding casts
    /// a doubt on a count.
    pub fn exact(&self) -> bool {
        self.heap.complete && !self.runtime.gc_in_progress && !self.findings.iter().any(|f| f.partial)
    }
}

impl Default for HeapReport {
    fn default() -> HeapReport {
        HeapReport::new()
    }
}

/// What `dropheap info` prints: a [`HeapReport`] without its rows, or as much of one as could be found. Made to be pasted into a bug
/// report, so it holds no rows, and no command line unless that is asked for ([`DumpFacts::redact`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InfoReport {
    /// [`INFO_SCHEMA`].
    pub schema: String,
    /// Version of dropheap.
    pub tool_version: String,
    /// The file and the process.
    pub dump: DumpFacts,
    /// The CLR; `null` if it could not be located.
    pub runtime: Option<RuntimeFacts>,
    /// The heap as a whole; `null` if it could not be walked.
    pub heap: Option<HeapFacts>,
    /// Whose the memory in the dump is.
    #[serde(default)]
    pub memory: Option<MemoryAccount>,
    /// What else the reader should know.
    pub findings: Vec<Finding>,
    /// Why the analysis ended early; `null` if it did not.
    pub error: Option<ErrorFacts>,
}

impl InfoReport {
    /// The facts of a whole report.
    pub fn of(report: HeapReport) -> InfoReport {
        InfoReport {
            runtime: Some(report.runtime),
            heap: Some(report.heap),
            memory: report.memory,
            findings: report.findings,
            error: None,
            ..InfoReport::head(report.dump)
        }
    }

    /// What is known of a dump whose analysis ended with an error.
    pub fn failed(dump: DumpFacts, error: &Error) -> InfoReport {
        InfoReport { error: Some(ErrorFacts::of(error)), ..InfoReport::head(dump) }
    }

    fn head(dump: DumpFacts) -> InfoReport {
        InfoReport {
            schema: INFO_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            dump,
            runtime: None,
            heap: None,
            memory: None,
            findings: Vec::new(),
            error: None,
        }
    }
}

/// An [`Error`] as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFacts {
    /// [`Error::code`].
    pub code: String,
    /// One sentence.
    pub message: String,
    /// [`Error::hint`]: the user's next step.
    pub hint: String,
    /// What was tried, a line each; empty but for an unknown runtime.
    pub evidence: Vec<String>,
}

impl ErrorFacts {
    /// The words of an error.
    pub fn of(error: &Error) -> ErrorFacts {
        let evidence = match error {
            Error::UnknownRuntime { evidence, .. } => evidence.clone(),
            _ => Vec::new(),
        };
        ErrorFacts { code: error.code().to_owned(), message: error.to_string(), hint: error.hint(), evidence }
    }
}

/// The dump file and the process in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DumpFacts {
    /// Name of the file, without a path.
    pub file_name: String,
    /// Bytes of the file.
    pub file_size: u64,
    /// `minidump`, `minidump in zip`, `minidump in gzip`.
    pub format: String,
    /// The dump in the archive; `null` where the file is the dump itself.
    #[serde(default)]
    pub entry: Option<EntryFacts>,
    /// When it was taken: MINIDUMP_HEADER.TimeDateStamp, seconds since 1970, UTC.
    pub captured_at: Option<u64>,
    /// Process id; of a clone the original's, where the dump has it.
    pub pid: Option<u32>,
    /// When the process started, seconds since 1970, UTC.
    pub started_at: Option<u64>,
    /// When its first thread started, where the writer noted the times of threads.
    #[serde(default)]
    pub first_thread_at: Option<u64>,
    /// Set if the dump is of a clone (snapshot) of the process: `procdump -r`, Kudu.
    #[serde(default)]
    pub clone: Option<CloneFacts>,
    /// `captured_at - started_at`, seconds.
    pub uptime: Option<u64>,
    /// Path of the executable.
    pub image_path: Option<String>,
    /// Command line. May hold secrets: the page masks it, exports leave it out unless asked for ([`DumpFacts::redact`]).
    pub command_line: Option<String>,
    /// What the writer noted (procdump: its own command line). Treated like the command line.
    #[serde(default)]
    pub comment: Option<String>,
    /// `APP_POOL_ID`: the application pool of IIS.
    #[serde(default)]
    pub app_pool: Option<String>,
    /// `WEBSITE_INSTANCE_ID`: which machine of an App Service plan.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// `WEBSITE_SITE_NAME`: which App Service.
    #[serde(default)]
    pub site_name: Option<String>,
    /// Bytes that the process's job may commit, where ProcessVmCounters has a limit.
    #[serde(default)]
    pub memory_limit: Option<u64>,
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

/// A dump in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntryFacts {
    /// Its path in the archive; empty where a gzip archive has none.
    pub name: String,
    /// Bytes unpacked, as far as they could be.
    pub size: u64,
    /// Bytes packed.
    pub packed_size: u64,
    /// `Stored`, `Deflate`.
    pub method: String,
}

impl DumpFacts {
    /// Drops what may hold secrets: command line and comment.
    pub fn redact(&mut self) {
        self.command_line = None;
        self.comment = None;
    }
}

/// A dump that was taken of a clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CloneFacts {
    /// The clone's own process id, where it differs from the original's.
    pub pid: Option<u32>,
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
    /// Every runtime of the process, this one included, by number.
    #[serde(default)]
    pub candidates: Vec<RuntimeCandidate>,
    /// What was found, where, and what proved it.
    pub evidence: Vec<Evidence>,
}

/// One of the runtimes of the process: what `--runtime` and the page offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuntimeCandidate {
    /// What `--runtime` takes; counted from 0 in the order of the module list.
    pub number: usize,
    /// e.g. `.NET 10.0.14`, `.NET Framework 4.8`.
    pub name: String,
    /// Path of the module it lives in.
    pub module: String,
    /// Its base address.
    pub base: String,
    /// Bytes of its heap, from the first object to each segment's end; `null` if its heap could not be located.
    pub heap_bytes: Option<u64>,
    /// True for the one that this result is about.
    pub used: bool,
    /// Why its heap cannot be had; `null` if it can.
    pub why_not: Option<String>,
}

/// One found piece of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// Only where the walk met an error: what lies in front of each segment's first one (all of a segment without any). The totals above
    /// go on behind errors, at the next object that those behind it confirm; a debugger stops at the first error.
    #[serde(default)]
    pub before_first_error: Option<Cell>,
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SegmentRow {
    /// Address of the `heap_segment`.
    pub address: Addr,
    /// Number of the GC heap.
    pub heap: u64,
    /// One of [`GENERATIONS`], or `ephemeral` for a segment that holds gen0, gen1 and part of gen2.
    pub generation: Text,
    /// First object.
    pub start: Addr,
    /// End of objects.
    pub end: Addr,
    /// `end - start`.
    pub bytes: u64,
    /// Objects in it, Free included.
    pub objects: u64,
    /// Bytes explained; equal to `bytes` where everything is well.
    pub explained_bytes: u64,
}

/// A large Free block.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LargeFree {
    /// Its address.
    pub address: Addr,
    /// Its size in bytes, as SOS reports it.
    pub size: u64,
    /// One of [`GENERATIONS`].
    pub generation: Text,
    /// Address of the object behind it, if there is one.
    pub followed_by: Option<Addr>,
    /// Classic type name of that object.
    pub followed_by_type: Option<Text>,
}

/// Whose a type or an assembly is, decided by assembly and never by the name of a type; see [`crate::types`] for the rule. A constructed
/// type or an array is the highest of its definition, element and arguments, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Comes with the runtime: .NET itself, ASP.NET Core.
    Runtime,
    /// Neither: packages, whoever wrote them.
    #[default]
    Library,
    /// The application's own.
    Yours,
}

impl Owner {
    /// As in JSON.
    pub fn text(self) -> &'static str {
        match self {
            Owner::Runtime => "runtime",
            Owner::Library => "library",
            Owner::Yours => "yours",
        }
    }
}

/// A base type or an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Supertype {
    /// Classic (SOS, DAC) type name.
    pub type_name: Text,
    /// C# spelling.
    pub type_name_csharp: Text,
    /// Assembly simple name of its definition.
    pub module: Text,
    /// Whose it is, type arguments included: `IEquatable<Order>` is yours. Where its definition was declared, its assembly tells.
    pub owner: Owner,
}

/// An assembly.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AssemblyRow {
    /// Simple name.
    pub name: Text,
    /// Whose it is.
    pub owner: Owner,
    /// What decided that, for people, e.g. `product Microsoft® .NET`.
    pub reason: String,
}

/// One method table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MethodTableRow {
    /// Its address.
    pub method_table: Addr,
    /// Classic (SOS, DAC) type name; `Free` for free blocks.
    pub type_name: Text,
    /// C# spelling.
    pub type_name_csharp: Text,
    /// Assembly simple name of the type's module; empty for Free.
    pub module: Text,
    /// Whose the type is. What it derives from is in the [`TypeRow`] of the same name and module.
    #[serde(default)]
    pub owner: Owner,
    /// Objects.
    pub count: u64,
    /// Unaligned bytes, as SOS sums.
    pub total_size: u64,
    /// Aligned bytes.
    pub aligned_size: u64,
    /// By generation ([`GENERATIONS`]).
    pub generations: Cells,
    /// Up to [`crate::limits::SAMPLES`] object addresses of each generation, spread over the heap.
    pub samples: Samples,
}

impl MethodTableRow {
    /// The order in which SOS prints: ascending by total size, equal sizes by descending method table. (`HeapStat::Sort` in
    /// SOS' `eeheap.cpp` builds the list backwards from a tree by address; all 2,406 equal neighbours in 14 real listings agree.)
    pub fn sos_order(&self, other: &MethodTableRow) -> Ordering {
        self.total_size.cmp(&other.total_size).then_with(|| other.method_table.cmp(&self.method_table))
    }
}

/// All method tables of one type (classic name + assembly simple name).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TypeRow {
    /// Classic (SOS, DAC) type name.
    pub type_name: Text,
    /// C# spelling.
    pub type_name_csharp: Text,
    /// Assembly simple name of the type's module.
    pub module: Text,
    /// Namespace of the type (nested: of the outermost one), of arrays and pointers of their element; may be empty.
    #[serde(default)]
    pub namespace: Text,
    /// Whose it is.
    #[serde(default)]
    pub owner: Owner,
    /// Base types, nearest first, up to `System.Object`: indexes into [`HeapReport::supertypes`].
    #[serde(default)]
    pub base_types: Vec<u32>,
    /// Interfaces, inherited ones too: indexes into [`HeapReport::supertypes`].
    #[serde(default)]
    pub interfaces: Vec<u32>,
    /// Objects.
    pub count: u64,
    /// Unaligned bytes.
    pub total_size: u64,
    /// Aligned bytes.
    pub aligned_size: u64,
    /// By generation ([`GENERATIONS`]).
    pub generations: Cells,
    /// Addresses of the method tables, ascending.
    pub method_tables: Vec<Addr>,
    /// Of an array; `null` for other types, and where the method tables of the type differ.
    #[serde(default)]
    pub array: Option<ArrayShape>,
}

/// What the size of an array is made of: `base_size` for each array, and `component_size` for each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArrayShape {
    /// Bytes of an array without elements.
    pub base_size: u64,
    /// Bytes of an element.
    pub component_size: u64,
}

impl ArrayShape {
    /// Elements of so many arrays of so many bytes together; `None` where that cannot be.
    pub fn slots(self, count: u64, size: u64) -> Option<u64> {
        let elements = size.checked_sub(self.base_size.checked_mul(count)?)?;
        (elements.checked_rem(self.component_size) == Some(0)).then(|| elements.checked_div(self.component_size))?
    }
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
    /// The base types and interfaces of the types, each once; rows name them by their index here.
    #[serde(default)]
    pub supertypes: Vec<Supertype>,
    /// The assemblies of the types. By name.
    #[serde(default)]
    pub assemblies: Vec<AssemblyRow>,
    /// The rows grouped, where that was asked for (`--group-by`).
    #[serde(default)]
    pub groups: Option<Groups>,
    /// The growing types grouped, where that was asked for (`--suspects`).
    #[serde(default)]
    pub suspects: Option<Suspects>,
    /// Free blocks.
    pub free: DiffTotals,
    /// By dump: free blocks by generation ([`GENERATIONS`]).
    #[serde(default)]
    pub free_generations: Vec<Vec<Cell>>,
    /// All types and Free: what `!dumpheap -stat` totals.
    pub total: DiffTotals,
    /// What grew: the process, and of it the managed heap. `null` unless the first dump and the last have an account.
    #[serde(default)]
    pub memory: Option<MemoryGrowth>,
    /// What the reader should know before believing a delta: other process, other runtime, partial dumps. See [`crate::diff`] for
    /// the codes. The findings of each single dump are in its own report.
    pub findings: Vec<Finding>,
}

impl DiffReport {
    /// True if every dump of it is [exact](HeapReport::exact).
    pub fn exact(&self) -> bool {
        self.dumps.iter().all(|d| d.complete) && !self.findings.iter().any(|f| f.partial)
    }
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
    /// [`HeapReport::memory`].
    #[serde(default)]
    pub memory: Option<MemoryAccount>,
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
    pub type_name: Text,
    /// C# spelling.
    pub type_name_csharp: Text,
    /// Assembly simple name.
    pub module: Text,
    /// [`TypeRow::namespace`].
    #[serde(default)]
    pub namespace: Text,
    /// [`TypeRow::owner`]; if dumps differ, the highest.
    #[serde(default)]
    pub owner: Owner,
    /// Base types, nearest first: indexes into [`DiffReport::supertypes`].
    #[serde(default)]
    pub base_types: Vec<u32>,
    /// Interfaces: indexes into [`DiffReport::supertypes`].
    #[serde(default)]
    pub interfaces: Vec<u32>,
    /// Counts and sizes; 0 where the type does not occur.
    #[serde(flatten)]
    pub totals: DiffTotals,
    /// By dump: its objects by generation ([`GENERATIONS`]); empty where it does not occur, or where the side has no generations.
    #[serde(default)]
    pub generations: Vec<Cells>,
    /// [`TypeRow::array`]; `null` if the dumps differ.
    #[serde(default)]
    pub array: Option<ArrayShape>,
    /// By dump: addresses of its method tables there; empty where it does not occur.
    pub method_tables: Vec<Vec<Addr>>,
}

/// By what the types of a comparison are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// A base type: it and what derives from it.
    Base,
    /// An interface: what implements it.
    Interface,
    /// The namespace.
    Namespace,
    /// The assembly.
    Assembly,
    /// [`Owner`].
    Kind,
}

impl GroupBy {
    /// True if a type may be in several groups, or in none: the groups do not add up to the total.
    pub fn overlaps(self) -> bool {
        matches!(self, GroupBy::Base | GroupBy::Interface)
    }
}

/// The types of a comparison, grouped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// By what.
    pub by: GroupBy,
    /// True if a type may be in several groups or in none; then the rows must not be added up.
    pub overlap: bool,
    /// Descending by absolute size delta. With Free ([`DiffReport::free`]) they add up to the total, unless they overlap.
    pub rows: Vec<GroupRow>,
    /// Types that are in no group.
    pub outside_types: u64,
    /// Their objects.
    pub outside: DiffTotals,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Classic name of the base type or interface; namespace (may be empty); assembly simple name; or [`Owner`].
    pub name: Text,
    /// C# spelling of the name, where it is a type's.
    pub name_csharp: Text,
    /// Assembly simple name of the base type or interface, or the assembly; empty else.
    pub module: Text,
    /// Whose the base type, interface or assembly is; `null` for a namespace.
    pub owner: Option<Owner>,
    /// Types in it.
    pub types: u64,
    /// Counts and sizes.
    #[serde(flatten)]
    pub totals: DiffTotals,
}

/// A time of a report for people: `2026-10-01 12:34:56 UTC`.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "divides by constants first: no u64 of seconds can overflow what follows"
)]
pub fn utc(seconds: u64) -> String {
    // Days to a civil date by 400-year eras of years that begin in March (H. Hinnant, chrono-compatible low-level date algorithms).
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", time / 3600, time / 60 % 60, time % 60)
}

/// A share for people, e.g. `99.98 %`: rounded down, so that only all of it is `100 %`.
pub fn percent(part: u64, whole: u64) -> String {
    if part >= whole {
        return "100 %".to_owned();
    }
    let (part, whole) = shortened(part, whole);
    let parts = part.saturating_mul(10_000).checked_div(whole).unwrap_or(0);
    format!("{}.{:02} %", parts.wrapping_div(100), parts.wrapping_rem(100))
}

/// A part of the growth for people, e.g. `36.4 %`: rounded, halves up.
pub fn share(part: u64, whole: u64) -> String {
    let (part, whole) = shortened(part, whole);
    let tenths = part.saturating_mul(2000).saturating_add(whole).checked_div(whole.saturating_mul(2)).unwrap_or(0);
    format!("{}.{} %", tenths.wrapping_div(10), tenths.wrapping_rem(10))
}

/// The same share in 48 bits, the whole rounded up: what comes after multiplies by thousands. A division of 128 bits would be two kilobytes of the
/// WebAssembly.
fn shortened(part: u64, whole: u64) -> (u64, u64) {
    match 16u32.saturating_sub(part.max(whole).leading_zeros()) {
        0 => (part, whole),
        bits => (part >> bits, (whole >> bits).saturating_add(1)),
    }
}

record!(HeapReport { schema, tool_version, dump, runtime, heap, types, method_tables, supertypes = late, assemblies = late, memory = late, findings });
record!(DumpFacts { file_name, file_size, format, entry = late, captured_at, pid, started_at, first_thread_at = late, clone = late, uptime, image_path, command_line, comment = late, app_pool = late, instance_id = late, site_name = late, memory_limit = late, os, architecture, processors, memory_bytes, memory_ranges, modules, threads });
record!(EntryFacts { name, size, packed_size, method });
record!(CloneFacts { pid });
record!(RuntimeFacts { name, flavour, file_version, architecture, pointer_size, module, base, gc_mode, gc_layout, gc_module, heaps, gc_in_progress, unproven, candidates = late, evidence });
record!(RuntimeCandidate { number, name, module, base, heap_bytes, used, why_not });
record!(Evidence { what, value, how });
record!(HeapFacts { complete, explained_bytes, total_bytes, objects, size, aligned_size, free, generations, before_first_error = late, segments, large_free });
record!(Cell { count, size, aligned_size });
record!(SegmentRow { address, heap, generation, start, end, bytes, objects, explained_bytes });
record!(LargeFree { address, size, generation, followed_by, followed_by_type });
record!(Supertype { type_name, type_name_csharp, module, owner });
record!(AssemblyRow { name, owner, reason });
record!(MethodTableRow { method_table, type_name, type_name_csharp, module, owner = late, count, total_size, aligned_size, generations, samples });
record!(TypeRow { type_name, type_name_csharp, module, namespace = late, owner = late, base_types = late, interfaces = late, count, total_size, aligned_size, generations, method_tables, array = late });
record!(ArrayShape { base_size, component_size });
word!(Owner { Runtime, Library, Yours });

shown!(InfoReport { schema, tool_version, dump, runtime, heap, memory, findings, error });
shown!(ErrorFacts { code, message, hint, evidence });
shown!(DiffReport {
    schema,
    tool_version,
    dumps,
    rows,
    supertypes,
    assemblies,
    groups,
    suspects,
    free,
    free_generations,
    total,
    memory,
    findings
});
shown!(DiffDump { dump, runtime, architecture, complete, explained_bytes, total_bytes, generations, memory });
shown!(DiffTotals { counts, sizes, delta_count, delta_size });
shown!(DiffRow {
    type_name,
    type_name_csharp,
    module,
    namespace,
    owner,
    base_types,
    interfaces,
    totals: "",
    generations,
    array,
    method_tables
});
spoken!(GroupBy { Base, Interface, Namespace, Assembly, Kind });
shown!(Groups { by, overlap, rows, outside_types, outside });
shown!(GroupRow { name, name_csharp, module, owner, types, totals: "" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded() {
        assert_eq!(share(7_552_296, 20_772_150), "36.4 %");
        assert_eq!(share(1, 2000), "0.1 %");
        assert_eq!(share(1, 2001), "0.0 %");
        assert_eq!(share(5, 5), "100.0 %");
        assert_eq!(share(1, 0), "0.0 %");
        assert_eq!(share(u64::MAX, u64::MAX), "100.0 %");
    }

    #[test]
    fn utc_knows_leap_years() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(951_868_800), "2000-03-01 00:00:00 UTC");
        assert_eq!(utc(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(utc(1_546_751_448), "2019-01-06 05:10:48 UTC");
        assert!(utc(u64::MAX).ends_with(" UTC"));
    }

    #[test]
    fn percent_never_rounds_up_to_all() {
        assert_eq!(percent(0, 0), "100 %");
        assert_eq!(percent(999_999, 1_000_000), "99.99 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(1, u64::MAX), "0.00 %");
        assert_eq!(percent(u64::MAX - 1, u64::MAX), "99.99 %");
        assert_eq!(percent(7, 7), "100 %");
    }

    #[test]
    fn exact_means_complete_and_without_doubt() {
        let mut whole = HeapReport::new();
        assert!(!whole.exact());
        whole.heap.complete = true;
        let finding = |partial| Finding { code: "f".into(), count: 1, message: "m".into(), partial };
        whole.findings.push(finding(false));
        assert!(whole.exact());
        let mut doubtful = whole.clone();
        doubtful.findings.push(finding(true));
        assert!(!doubtful.exact());
        whole.runtime.gc_in_progress = true;
        assert!(!whole.exact());
    }

    #[test]
    fn redacted_facts_hold_no_command_line() {
        let mut report = HeapReport::new();
        report.dump.command_line = Some("app.exe --password hunter2".into());
        report.dump.comment = Some("*** procdump -ma 7 \\\\share\\hunter2".into());
        report.dump.pid = Some(7);
        report.dump.redact();
        assert_eq!(report.dump, DumpFacts { pid: Some(7), ..DumpFacts::default() });
        assert_eq!(InfoReport::failed(report.dump, &Error::EmptyFile).error.unwrap().code, "empty-file");
    }

    #[test]
    fn a_report_survives_json() {
        let mut report = HeapReport::new();
        report.dump.file_name = "a\u{1b}[31m\u{202e}.dmp".into();
        report.heap.generations = vec![Cell { count: 1, size: 2, aligned_size: 3 }; GENERATIONS.len()];
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.starts_with(r#"{"schema":"dropheap.report/1","#), "{text}");
        assert_eq!(serde_json::from_str::<HeapReport>(&text).unwrap(), report);
    }
}
