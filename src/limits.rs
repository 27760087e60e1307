//! Every cap and the memory budget, with the reason. A count in a dump is a stranger's number: nothing is allocated or looped over
//! because of one before it was compared with a limit of this page.
//!
//! The budget: one analysis holds at most 256 MiB beside the operating system's file cache, whatever the size of the dump, natively as in
//! WebAssembly, so that two of them fit into a browser tab (wasm32 ends at 4 GB, many machines earlier). Of a usual dump it is some 35 MiB.

/// Streams in the directory. dbghelp writes 10 to 20; ClrMD stops at 10,000.
pub const MAX_STREAMS: u32 = 10_000;

/// Bytes of all small streams together that are copied to the compact head. 500 modules with names and CodeView records are 150 KB,
/// 2,000 thread contexts 2.5 MB, a MemoryInfoList of 10^6 regions 48 MB (never copied: it is read apart, and only its
/// committed regions are kept).
pub const MAX_HEAD: u64 = 64 << 20;

/// Memory ranges. Dumps of big Windows processes have tens of thousands; a range entry takes 24 bytes here: 24 MB.
pub const MAX_RANGES: u64 = 1_000_000;

/// Modules. The largest module list seen in an issue tracker had under 1,000.
pub const MAX_MODULES: usize = 10_000;

/// Files that the user gives for the process's modules: an SDK with its packages has some 100,000. None is read unless the process has a
/// module of its name.
pub const MAX_MODULE_FILES: usize = 200_000;

/// Threads. Thread pools out of control reach some 30,000.
pub const MAX_THREADS: usize = 100_000;

/// Exported names read from one module. The largest system DLL exports under 10,000.
pub const MAX_EXPORTS: u32 = 100_000;

/// Sections of one PE image; the format's own limit is 96 for the loader of Windows XP, 65,535 for the field.
pub const MAX_SECTIONS: usize = 96;

/// Addresses that are looked at for an image where the module list does not help: each costs one read of a page. At a multiple of 64 KiB
/// each, 4 GB of process memory.
pub const MAX_IMAGE_PROBES: usize = 65_536;

/// Places that are looked at for the GC's bookkeeping where no variable leads to it (before .NET 7): each costs one read of a page, and only those
/// with enough memory behind them count.
pub const MAX_BOOKKEEPING_PROBES: usize = 1_024;

/// Tables, fragments and sections of the runtime's map of code. A process with 100,000 dynamic methods has some 1,000 code heaps.
pub const MAX_CODE_RANGES: usize = 200_000;

/// Blocks of loader heaps: of 64 KB each, 6 GB.
pub const MAX_LOADER_BLOCKS: usize = 100_000;

/// Threads whose TEB is read for the bounds of the stack; of others the thread list's stack is taken. TEBs follow one another, so that a read of a
/// page has eight of them.
pub const MAX_STACKS: usize = 20_000;

/// Native heaps in the PEB's list, and segments of all of them.
pub const MAX_NATIVE_HEAPS: u64 = 1_024;
/// See [`MAX_NATIVE_HEAPS`].
pub const MAX_NATIVE_SEGMENTS: usize = 100_000;

/// Bytes of the environment block that are looked through. Windows' own limit was 64 KB for long; there is none since Vista.
pub const MAX_ENVIRONMENT: u64 = 1 << 20;

/// Bytes of one metadata root (`BSJB`). System.Private.CoreLib has 4 MB, the largest known assemblies some 30 MB. It is read lazily
/// by page; this caps offsets only.
pub const MAX_METADATA: u64 = 256 << 20;

/// Size of one cached page of the file for structures, in bytes. A random read in a browser costs about the same up to 64 KiB.
pub const PAGE: u64 = 64 << 10;

/// Pages in the cache: 24 MB. Structures of 2,500 types (method tables, classes, metadata) touch some 400 pages.
pub const CACHE_PAGES: usize = 384;

/// The same for each thread of the walk: 4 MB.
pub const CACHE_PAGES_OF_THREAD: usize = 64;

/// Bytes of a deflated dump between two checkpoints, at first: a page of structures costs as much to inflate. It doubles whenever the
/// checkpoints take more than [`CHECKPOINTS`].
pub const CHECKPOINT_SPACING: u64 = 128 << 10;

/// Bytes of the checkpoints of one deflated dump. Each takes what its 32 KiB of history are squeezed to, some 6 to 12 KB: 12 GB have one
/// every 4 MiB.
pub const CHECKPOINTS: u64 = 40 << 20;

/// Inflated bytes of a deflated dump that are being read: of 12 GB five spans, one or two for each of a walk's threads, and the last
/// structures.
pub const OPEN: u64 = 24 << 20;

/// What was read as structures of a deflated dump, squeezed: the structures of 2,500 types lie in some 50 MB of one, those of larger
/// processes are spread over spans of larger dumps.
pub const HELD: u64 = 64 << 20;

/// Entries of a zip that are looked at for a dump.
pub const MAX_ENTRIES: usize = 10_000;

/// Bytes of one window of the heap walk natively: two walks' windows stay in the second-level cache.
pub const WINDOW_NATIVE: u64 = 256 << 10;

/// The same in a browser, where a window more costs some calls. Measured in Chromium and Firefox: `npm --prefix www run bench`.
pub const WINDOW_WEB: u64 = 512 << 10;

/// The same in the large object heap, where the body of an array is skipped once its header was seen.
pub const WINDOW_LARGE: u64 = 1 << 20;

/// Heaps of a server GC. The CLR's own limit is 1,024 processors.
pub const MAX_HEAPS: u64 = 1024;

/// Segments or regions of all heaps. Regions are 4 MB: 10^6 of them are 4 TB.
pub const MAX_SEGMENTS: usize = 1_000_000;

/// Method tables met on the heap. Large services have 10^4. The walk takes some 120 bytes of each; rows are another matter, see
/// [`MAX_ROWS`].
pub const MAX_METHOD_TABLES: usize = 1 << 20;

/// Method tables that get a row with a name, the largest first: some 1.3 KB each where names are long, so that 10^5 of them take some 210 MB with all
/// else. The objects of the others are counted in one row without a name, and a finding says so.
pub const MAX_ROWS: usize = 110_000;

/// Method tables up to which the page shows what was walked so far: with 10^6 the walk waited 7 s for it (measured in Chromium).
pub const MAX_PARTIAL_TABLES: usize = 20_000;

/// Names kept for the types that are made of others; large services have 10^4 types.
pub const MAX_KNOWN_NAMES: usize = 20_000;

/// Words that are no method table, remembered so that they are not looked up twice; beyond it they are looked up again.
pub const MAX_REJECTED: usize = 100_000;

/// Bytes of the bitmaps of object starts that checking references takes, beside the budget above: 1/64 of the heap (1/32 on x86), so
/// that 64 GB of heap are checked whole. What is beyond is not checked, and said.
pub const STARTS: u64 = 1 << 30;

/// Series of references of one method table. A type has at most 65,535 fields (`EEClass` counts them in a u16), so every other one.
pub const MAX_GC_SERIES: u64 = 32_768;

/// Series of references of all method tables: 64 MB.
pub const MAX_GC_SERIES_TOTAL: usize = 4 << 20;

/// Large Free blocks kept with address and size, the largest first in the report.
pub const MAX_LARGE_FREE: usize = 10_000;

/// Free blocks of at least this many bytes are kept one by one: SOS's "Fragmented blocks larger than 0.5 MB".
pub const LARGE_FREE: u64 = 512 << 10;

/// Sample addresses per method table and generation.
pub const SAMPLES: usize = 8;

/// Tallies (a method table in a generation) up to which each has [`SAMPLES`] addresses: 8 MB.
pub const MAX_SAMPLED: usize = 1 << 17;

/// Sample addresses of each where there are more.
pub const SAMPLES_OF_MANY: usize = 2;

/// Distinct codes of findings in one report.
pub const MAX_FINDING_CODES: usize = 200;

/// Nesting of types in types, of generic arguments in generic arguments, of arrays in arrays. Real code reaches 20.
pub const MAX_NAME_DEPTH: usize = 64;

/// Bytes of one type name; deep generics reach 4 KB.
pub const MAX_NAME: usize = 64 << 10;

/// Characters of one UTF-16 or UTF-8 string read from the process (paths, command lines: Windows' own limit is 32,767).
pub const MAX_STRING: usize = 32_768;

/// Dumps in one diff.
pub const MAX_DUMPS: usize = 100;

/// Bytes of one line of a saved listing: the longest name, and the columns in front of it.
pub const MAX_LINE: usize = MAX_NAME + 256;

/// Bytes of the names of one saved listing, and 64 for each of its rows. 200,000 rows of a large service have 30 MB.
pub const MAX_LISTING_NAMES: usize = 64 << 20;

/// Listings in one file of text; a second one that differs is refused, so this caps a refusal.
pub const MAX_LISTINGS: usize = 16;

/// Lines of a listing that may be the rest of a wrapped row.
pub const MAX_LISTING_RESTS: usize = 100_000;

/// Bytes of a report in JSON that stands for a dump. 2,500 types with samples are 6 MB.
pub const MAX_REPORT: u64 = 64 << 20;

/// Bytes of one element of an event log: an event's text holds at most 32,766 characters (the API's limit), each of up to 6 bytes in XML.
pub const MAX_EVENT: usize = 4 << 20;

/// Bytes kept of one `Data` of an event: what is looked for stands in front of stack traces.
pub const MAX_EVENT_TEXT: usize = 4 << 10;

/// `Data` elements kept of one event; ASP.NET writes 30.
pub const MAX_EVENT_DATA: usize = 64;

/// Bytes kept of a provider's or a machine's name.
pub const MAX_EVENT_NAME: usize = 512;

/// Events kept of a log: ends of processes, and errors that they survived, each: some 300 bytes. A worker that crashes every minute for two months.
pub const MAX_LOG_EVENTS: usize = 100_000;

/// Machines, and pairs of provider and id, that are told apart in a log.
pub const MAX_LOG_NAMES: usize = 1_000;

/// Lives that a trend is computed of, the latest: each is compared with each.
pub const MAX_TREND: usize = 2_000;
