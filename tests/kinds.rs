//! Real dumps written again as other tools write them: another order, another list of memory, ranges cut and joined, streams left out or
//! added, a 32-bit process in a 64-bit container. Nothing of that may change a row.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod shared;

use dropheap::dump::{self, Dump};
use dropheap::report::HeapReport;
use dropheap::synth::minidump::{Builder, stream};
use dropheap::{Error, Options};
use shared::evening;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One of each: segments and regions, server, x86, single file, standalone GC.
const SETS: [&str; 7] = [
    "net20-x64-wks",
    "net31-x86-wks",
    "net31-x64-srv",
    "net6-x64-wks",
    "net8-x64-clrgc",
    "net9-x64-wks",
    "net10-x64-singlefile",
];

struct Original {
    set: &'static str,
    bytes: Arc<Vec<u8>>,
    dump: Dump,
    report: HeapReport,
}

fn analyze(bytes: Vec<u8>) -> Result<HeapReport, Box<Error>> {
    let options = Options { file_name: "a.dmp".into(), ..Options::default() };
    dropheap::analyze(Arc::new(bytes), options, &mut |_| ControlFlow::Continue(()))
}

fn originals() -> impl Iterator<Item = Original> {
    SETS.into_iter().map(|set| {
        let bytes = evening(set);
        let dump = dump::open(&bytes, "a.dmp").unwrap();
        let report = analyze(bytes.clone()).unwrap();
        assert!(report.exact() && report.heap.objects > 10_000, "{set}");
        Original { set, bytes: Arc::new(bytes), dump, report }
    })
}

impl Original {
    fn is_x86(&self) -> bool {
        self.dump.facts.architecture.as_deref() == Some("x86")
    }

    /// The ranges of memory with their bytes, ascending.
    fn ranges(&self) -> Vec<(u64, Vec<u8>)> {
        let bytes = |offset: u64, len: u64| self.bytes[offset as usize..][..len as usize].to_vec();
        self.dump.regions.iter().map(|e| (e.addr.0, bytes(e.offset, e.len))).collect()
    }

    /// Its modules in an empty dump.
    fn head(&self) -> Builder {
        let mut builder = if self.is_x86() { Builder::x86() } else { Builder::new() };
        for m in &self.dump.modules {
            builder.module(&m.path, m.base.0, m.size as u32, m.file_version.unwrap_or_default(), m.timestamp);
        }
        builder
    }

    /// The same process, written again.
    fn written(&self, change: impl Fn(&mut Builder)) -> Vec<u8> {
        self.with_ranges(self.ranges(), change)
    }

    fn with_ranges(&self, ranges: Vec<(u64, Vec<u8>)>, change: impl Fn(&mut Builder)) -> Vec<u8> {
        let mut builder = self.head();
        for (addr, bytes) in ranges {
            builder.memory(addr, bytes);
        }
        change(&mut builder);
        builder.finish()
    }

    #[track_caller]
    fn same(&self, how: &str, bytes: Vec<u8>) -> HeapReport {
        let report = analyze(bytes).unwrap_or_else(|e| panic!("{} {how}: {e}", self.set));
        let (set, whole) = (self.set, &self.report);
        assert_eq!(report.method_tables.len(), whole.method_tables.len(), "{set} {how}");
        for (a, b) in report.method_tables.iter().zip(&whole.method_tables) {
            assert!(a == b, "{set} {how}: {} {}, {} {}", a.type_name, a.count, b.type_name, b.count);
        }
        assert_eq!(report.heap.segments, whole.heap.segments, "{set} {how}");
        assert!(report.exact(), "{set} {how}: {:?}", report.findings);
        report
    }
}

#[test]
fn ranges_in_any_order() {
    for original in originals() {
        for seed in [1, 77] {
            original.same("shuffled", original.written(|b| _ = b.shuffle(seed)));
        }
    }
}

/// What older writers make of a full dump: stream 5, with an offset for each range.
#[test]
fn full_memory_in_a_memory_list() {
    for original in originals() {
        original.same("MemoryList", original.written(|b| _ = b.memory_list().shuffle(3)));
        original.same("padded MemoryList", original.written(|b| _ = b.memory_list().padded_lists().padding(3)));
    }
}

/// Ranges cut where no page ends, each part elsewhere in the file; and ranges that touch, joined to one.
#[test]
fn ranges_cut_and_joined() {
    for original in originals() {
        let mut cut = Vec::new();
        for (addr, bytes) in original.ranges() {
            let mut at = 0;
            while at < bytes.len() {
                let len = (bytes.len() - at).min(0x6_1237 + at % 4099);
                cut.push((addr + at as u64, bytes[at..at + len].to_vec()));
                at += len;
            }
        }
        original.same("cut", original.with_ranges(cut, |b| _ = b.shuffle(9)));
        let mut joined: Vec<(u64, Vec<u8>)> = Vec::new();
        for (addr, bytes) in original.ranges() {
            match joined.last_mut() {
                Some((start, all)) if *start + all.len() as u64 == addr => all.extend(bytes),
                _ => joined.push((addr, bytes)),
            }
        }
        original.same("joined", original.with_ranges(joined, |_| ()));
    }
}

/// A page that is in two ranges, as writers do with stacks.
#[test]
fn memory_that_is_there_twice() {
    for original in originals() {
        let mut ranges = original.ranges();
        let again: Vec<_> = ranges.iter().step_by(7).map(|(a, b)| (*a, b[..b.len().min(0x1800)].to_vec())).collect();
        // And ranges of nothing, in front of all and at other's addresses.
        ranges.splice(0..0, [(0, Vec::new()), (ranges[0].0, Vec::new()), (u64::MAX, Vec::new())]);
        ranges.extend(again);
        original.same("twice", original.with_ranges(ranges, |_| ()));
    }
}

/// Kudu's flags and streams alone; and everything that `procdump -ma` adds, whatever is in it.
#[test]
fn streams_left_out_and_added() {
    for original in originals() {
        let few = original.written(|b| {
            b.flags(0x2_0002);
            b.without(stream::THREAD_LIST).without(stream::MISC_INFO);
        });
        original.same("few streams", few);
        let many = original.written(|b| {
            b.flags(0x0000_0000_0046_1907).unused_entries(6).directory_last().misc_info(4711, 1_700_000_000);
            b.thread(11, 0x7FF6_0000, 0x1000, 0x100);
            // Comments (10, 11), handles, functions, tokens, system and VM counters, threads' names, and some that no tool has.
            for kind in [10, 11, 12, 13, 19, 21, 22, 23, 0x4B47_4301, 0xFFF0] {
                b.stream(kind, vec![kind as u8; 77]);
            }
            let list = [16u32.to_le_bytes(), 48u32.to_le_bytes(), 1u32.to_le_bytes(), [0; 4]].concat();
            b.stream(stream::MEMORY_INFO_LIST, [list, vec![0x5A; 48]].concat());
        });
        original.same("many streams", many);
    }
}

/// The processor comes from the runtime's own image, the version from its resources.
#[test]
fn without_what_the_container_says_of_the_process() {
    for original in originals() {
        let report = original.same("no SystemInfo", original.written(|b| _ = b.without(stream::SYSTEM_INFO)));
        assert_eq!(report.runtime.architecture, original.report.runtime.architecture);
        let renamed = |path: &dyn Fn(&str) -> String| {
            let mut builder = if original.is_x86() { Builder::x86() } else { Builder::new() };
            for m in &original.dump.modules {
                builder.module(&path(&m.path), m.base.0, m.size as u32, [0; 4], m.timestamp);
            }
            for (addr, bytes) in original.ranges() {
                builder.memory(addr, bytes);
            }
            builder.finish()
        };
        let upper = renamed(&|path| format!(r"\\?\{}", path.to_ascii_uppercase()));
        let report = original.same("upper case, no versions", upper);
        let flavour = |name: &str| name.split(['.', ' ']).take(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(flavour(&report.runtime.name), flavour(&original.report.runtime.name));
        // Nothing tells the version: what depends on it is refused, never guessed.
        let published = |path: &str| format!(r"C:\app\{}", path.rsplit(['\\', '/']).next().unwrap());
        let late = original.set >= "net8" || original.set.starts_with("net10");
        match analyze(renamed(&published)) {
            Ok(_) if late => _ = original.same("no version", renamed(&published)),
            Ok(report) => assert!(report.runtime.file_version.is_some(), "{}", original.set),
            Err(e) => {
                assert!(!late && e.to_string().ends_with("its version is not in the dump"), "{}: {e}", original.set)
            }
        }
    }
}

/// A 32-bit process by a 64-bit tool: x64 in SystemInfo, 64-bit modules beside the 32-bit ones, 64-bit contexts, memory above 4 GB.
#[test]
fn a_32_bit_process_in_a_64_bit_dump() {
    let original = originals().find(Original::is_x86).unwrap();
    let mut builder = Builder::new();
    let system = [("wow64.dll", 0x7FFB_1000_0000u64), ("wow64cpu.dll", 0x7750_0000), ("ntdll.dll", 0x7FFB_2000_0000)];
    for (name, base) in system {
        builder.module(&format!(r"C:\Windows\System32\{name}"), base, 0x8_0000, [10, 0, 20348, 1], 1);
        builder.memory(base, vec![0x4D; 0x1000]);
    }
    for m in &original.dump.modules {
        builder.module(&m.path, m.base.0, m.size as u32, m.file_version.unwrap_or_default(), m.timestamp);
    }
    for (addr, bytes) in original.ranges() {
        builder.memory(addr, bytes);
    }
    builder.memory(0x7FFB_4000_0000, vec![0x77; 0x2_0000]);
    builder.thread(77, 0x0030_0000, 0x1000, 0x100);
    let report = original.same("WOW64", builder.shuffle(5).finish());
    assert_eq!(report.dump.architecture.as_deref(), Some("x64"));
    assert_eq!((report.runtime.architecture.as_str(), report.runtime.pointer_size), ("x86", 4));
}

/// Without the table that names the GC's variables they are found by their shape, as those of the .NET Framework must be.
#[test]
fn without_the_table_of_the_gcs_variables() {
    // The fixture of a standalone GC has not kept that module's variables.
    for original in originals().filter(|o| !o.set.ends_with("clrgc")) {
        let evidence = &original.report.runtime.evidence;
        let table = evidence.iter().find(|e| e.what == "GcDacVars").unwrap();
        let at = u64::from_str_radix(table.value.split(',').next().unwrap(), 16).unwrap();
        let mut ranges = original.ranges();
        let (start, bytes) = ranges.iter_mut().rev().find(|r| r.0 <= at).unwrap();
        bytes[(at - *start) as usize] = 0x77;
        let report = original.same("no GcDacVars", original.with_ranges(ranges, |_| ()));
        let runtime = &report.runtime;
        assert!(runtime.evidence.iter().any(|e| e.what.starts_with("generation table") && e.how.contains("shape")));
        assert!(runtime.unproven.is_some());
        assert_eq!(
            (runtime.heaps, &runtime.gc_layout),
            (original.report.runtime.heaps, &original.report.runtime.gc_layout)
        );
    }
}

/// A build that was never seen is read with its neighbour's layout. .NET Core 2 is left out: its sizes, as SOS prints them, are its own.
#[test]
fn versions_that_nobody_has_seen() {
    for original in originals() {
        let neighbours: &[u16] = match original.set.split('-').next().unwrap() {
            "net31" => &[5, 6, 7],
            "net6" => &[5, 7],
            "net8" => &[7, 9, 10, 11],
            "net9" | "net10" => &[7, 8, 10, 11, 12, 77],
            _ => &[],
        };
        for &major in neighbours {
            let mut builder = if original.is_x86() { Builder::x86() } else { Builder::new() };
            for m in &original.dump.modules {
                builder.module(&m.path, m.base.0, m.size as u32, [major, 0, 1726, 1], m.timestamp);
            }
            for (addr, bytes) in original.ranges() {
                builder.memory(addr, bytes);
            }
            let report = original.same(&format!("as .NET {major}"), builder.finish());
            let own = original.set.contains("singlefile");
            assert!(own || report.runtime.name == format!(".NET {major}.0.17"), "{}", report.runtime.name);
        }
    }
}

/// The sizes that SOS counts depend on the version: one that is not the runtime's own is refused where anything contradicts it.
#[test]
fn a_version_that_cannot_be() {
    for original in originals() {
        let version = match original.set {
            "net20-x64-wks" => [4, 700, 19, 1],
            "net31-x64-srv" => [4, 6, 30411, 1],
            "net6-x64-wks" => [4, 6, 27317, 7],
            _ => continue,
        };
        let mut builder = Builder::new();
        for m in &original.dump.modules {
            builder.module(&m.path, m.base.0, m.size as u32, version, m.timestamp);
        }
        for (addr, bytes) in original.ranges() {
            builder.memory(addr, bytes);
        }
        let error = analyze(builder.finish()).unwrap_err();
        assert_eq!(error.code(), "unknown-runtime", "{}: {error}", original.set);
    }
}
