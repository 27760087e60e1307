//! Dumps with pieces missing: the module list, the images' read-only pages, the metadata of some modules. What can be had is exact, what
//! cannot is refused with its way out, and the user's own files give back what they can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod shared;

use dropheap::dump::trim::write_trimmed;
use dropheap::dump::{self, Dump};
use dropheap::image::PeImage;
use dropheap::image::files::ModuleFile;
use dropheap::memory::{Addr, AddressSpace, Memory};
use dropheap::report::HeapReport;
use dropheap::synth::minidump::{Builder, locate_stream};
use dropheap::synth::pe::PeBuilder;
use dropheap::{Error, Options};
use shared::{evening, fixture};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

type Source = Arc<Vec<u8>>;

fn analyze_with(bytes: Source, options: Options) -> Result<HeapReport, Box<Error>> {
    dropheap::analyze(bytes, Options { file_name: "a.dmp".into(), ..options }, &mut |_| ControlFlow::Continue(()))
}

fn analyze(bytes: Source) -> Result<HeapReport, Box<Error>> {
    analyze_with(bytes, Options::default())
}

fn opened(bytes: &Source) -> (Dump, AddressSpace) {
    let dump = dump::open(&**bytes, "a.dmp").unwrap();
    let space = AddressSpace::new(Arc::clone(bytes) as _, Arc::clone(&dump.regions));
    (dump, space)
}

/// What a dump of private memory and data segments holds: no image pages but those of writable sections.
fn without_image_pages(bytes: &Source, of: impl Fn(&str) -> bool) -> Source {
    let (dump, space) = opened(bytes);
    let mut cut: Vec<(u64, u64)> = Vec::new();
    for module in dump.modules.iter().filter(|m| of(m.name())) {
        let mut at = module.base.0;
        let end = at + module.size;
        let writable = PeImage::open(&space, module.base).map(|i| i.writable_sections()).unwrap_or_default();
        for (start, len) in writable {
            cut.push((at, start.0));
            at = (start.0 + len).next_multiple_of(4096);
        }
        cut.push((at.min(end), end));
    }
    without(bytes, &cut)
}

/// The dump without these ranges of addresses (start, end).
fn without(bytes: &Source, cut: &[(u64, u64)]) -> Source {
    let (dump, _) = opened(bytes);
    let mut cut = cut.to_vec();
    cut.sort_unstable();
    let mut keep = Vec::new();
    for (start, end) in dump.regions.runs() {
        let mut at = start.0;
        for &(from, to) in cut.iter().filter(|c| c.0 < end.0 && c.1 > start.0) {
            if from > at {
                keep.push((Addr(at), from - at));
            }
            at = at.max(to);
        }
        if at < end.0 {
            keep.push((Addr(at), end.0 - at));
        }
    }
    let mut out = Vec::new();
    write_trimmed(&**bytes, &dump, &keep, &mut out).unwrap();
    Arc::new(out)
}

/// method table -> count, size.
fn counts(report: &HeapReport) -> BTreeMap<Addr, (u64, u64)> {
    report.method_tables.iter().map(|r| (r.method_table, (r.count, r.total_size))).collect()
}

/// The same by the runtime's own DAC.
fn expected(set: &str) -> BTreeMap<Addr, (u64, u64)> {
    let text = std::fs::read_to_string(fixture(set).join("expected-evening.csv")).unwrap();
    let row = |line: &str| {
        let mut cells = line.split(',');
        let mut next = || cells.next().unwrap();
        let table = Addr::parse(next()).unwrap();
        (table, (next().parse().unwrap(), next().parse().unwrap()))
    };
    text.lines().skip(1).map(row).collect()
}

/// Without printing whole reports.
#[track_caller]
fn same_rows(what: &str, one: &HeapReport, other: &HeapReport) {
    for (a, b) in one.method_tables.iter().zip(&other.method_tables) {
        assert!(
            a == b,
            "{what}: {} {} {}, {} {} {}; {:?}",
            a.method_table,
            a.count,
            a.type_name,
            b.method_table,
            b.count,
            b.type_name,
            one.findings
        );
    }
    assert_eq!(one.method_tables.len(), other.method_tables.len(), "{what}");
}

fn finding<'r>(report: &'r HeapReport, code: &str) -> Option<&'r dropheap::Finding> {
    report.findings.iter().find(|f| f.code == code)
}

/// The files of the modules, as they lay on the disk: each image's sections at their places in the file. What the dump lacks is zero.
fn module_files(bytes: &Source, of: impl Fn(&str) -> bool) -> Vec<ModuleFile> {
    let (dump, space) = opened(bytes);
    let mut files = Vec::new();
    for module in dump.modules.iter().filter(|m| of(m.name())) {
        let Ok(image) = PeImage::open(&space, module.base) else { continue };
        let mut pieces = vec![(0, 0, 0x1000)];
        pieces.extend(image.sections.iter().map(|s| (s.rva, s.raw_offset, s.raw_size)));
        let len = pieces.iter().map(|p| p.1 + p.2).max().unwrap();
        let mut file = vec![0; len as usize];
        for (rva, offset, size) in pieces {
            for page in (0..size).step_by(4096) {
                let n = (size - page).min(4096) as usize;
                let into = &mut file[(offset + page) as usize..][..n];
                let _ = space.read(module.base.plus(u64::from(rva + page)), into, "page");
            }
        }
        files.push(ModuleFile::new(module.name(), Arc::new(file)));
    }
    files
}

/// Sets whose method tables are all in private memory, and those where some lie in the core library's image.
const PRIVATE: [&str; 8] = [
    "net31-x64-srv",
    "net31-x64-wks",
    "net31-x86-wks",
    "net6-x64-wks",
    "net8-x64-wks",
    "net8-x64-clrgc",
    "net10-x64-srv",
    "net10-x64-wks",
];
const PRECOMPILED: [&str; 3] = ["net20-x64-wks", "net21-x64-wks", "net21-x86-wks"];

/// A type for each of its method tables.
fn groups(report: &HeapReport) -> Vec<&[Addr]> {
    let mut groups: Vec<&[Addr]> = report.types.iter().map(|t| t.method_tables.as_slice()).collect();
    groups.sort_unstable();
    groups
}

#[test]
fn without_image_pages_counts_are_exact_and_names_are_tokens() {
    for set in PRIVATE {
        let whole = Arc::new(evening(set));
        let cut = analyze(without_image_pages(&whole, |_| true)).unwrap();
        assert_eq!(counts(&cut), expected(set), "{set}");
        assert!(cut.exact(), "{set}: {:?}", cut.findings);
        assert_eq!(cut.runtime.pointer_size, if set.contains("x86") { 4 } else { 8 });
        let lost = finding(&cut, "metadata-missing").unwrap();
        assert!(lost.count > 200 && lost.message.starts_with("the metadata of "), "{lost:?}");

        // The same method tables are one type, whatever it is called.
        let named = analyze(whole).unwrap();
        assert_eq!(groups(&cut), groups(&named), "{set}");
        let token = |name: &str| {
            let row = named.types.iter().find(|t| t.type_name == name).unwrap();
            let row = cut.types.iter().find(|t| t.method_tables == row.method_tables).unwrap();
            (row.type_name.clone(), row.module.clone())
        };
        let (element, module) = token("LeakSim.Telemetry.RequestTelemetry");
        assert!(
            element.starts_with("LeakSim!0x020000") && element.len() == 18 && module == "LeakSim",
            "{set}: {element}"
        );
        assert_eq!(token("LeakSim.Telemetry.RequestTelemetry[]").0, format!("{element}[]"), "{set}");
        assert_eq!(token("System.String").0, "System.String");
        assert_eq!(token("System.Object[]").0, "System.Object[]");
        let list = "System.Collections.Generic.List`1[[LeakSim.Telemetry.RequestTelemetry, LeakSim]]";
        let (generic, module) = token(list);
        assert!(generic.starts_with("System.Private.CoreLib!0x0200"), "{set}: {generic}");
        assert!(
            generic.ends_with(&format!("[[{element}, LeakSim]]")) && module == "System.Private.CoreLib",
            "{generic}"
        );
    }
}

#[test]
fn without_the_core_library_it_is_refused_with_the_way_out() {
    for set in PRECOMPILED {
        let error = analyze(without_image_pages(&Arc::new(evening(set)), |_| true)).unwrap_err();
        assert_eq!(error.code(), "unknown-runtime", "{set}: {error}");
        assert!(error.to_string().contains("take a full dump, or add the framework's files"), "{set}: {error}");
        assert!(error.hint().contains("full dump") && error.hint().contains("--modules"));
    }
}

#[test]
fn the_users_files_give_everything_back() {
    for set in PRIVATE.into_iter().chain(PRECOMPILED) {
        let whole = Arc::new(evening(set));
        let named = analyze(Arc::clone(&whole)).unwrap();
        let modules = module_files(&whole, |_| true);
        let cut =
            analyze_with(without_image_pages(&whole, |_| true), Options { modules, ..Options::default() }).unwrap();
        same_rows(set, &cut, &named);
        assert!(cut.exact() && finding(&cut, "metadata-missing").is_none(), "{set}: {:?}", cut.findings);
        assert!(finding(&cut, "module-files").is_some_and(|f| f.count >= 5), "{set}: {:?}", cut.findings);
        assert_eq!(finding(&cut, "module-file-refused"), None, "{set}");
    }
}

/// One application assembly without its metadata: only its types lose their names.
#[test]
fn only_what_is_missing_loses_its_name() {
    let whole = Arc::new(evening("net8-x64-wks"));
    let named = analyze(Arc::clone(&whole)).unwrap();
    let bytes = without_image_pages(&whole, |name| name == "LeakSim.dll");
    let cut = analyze(Arc::clone(&bytes)).unwrap();
    assert!(cut.exact());
    for row in &cut.method_tables {
        let full = named.method_tables.iter().find(|r| r.method_table == row.method_table).unwrap();
        if full.type_name.contains("LeakSim") {
            assert!(row.type_name.contains("LeakSim!0x0200"), "{row:?}");
        } else {
            assert_eq!(row.type_name, full.type_name);
        }
    }
    assert!(finding(&cut, "metadata-missing").unwrap().message.starts_with("the metadata of 1 modules "));

    // Files of other modules, and of the same name but another build.
    let mut modules = module_files(&whole, |name| name.starts_with("System.") || name == "LeakSim.dll");
    let other = |file: &ModuleFile| {
        let mut bytes = vec![0; file.source.len() as usize];
        file.source.read_at(0, &mut bytes, "file").unwrap();
        let pe = u32::from_le_bytes(bytes[0x3C..0x40].try_into().unwrap()) as usize;
        bytes[pe + 8] ^= 1; // TimeDateStamp
        ModuleFile::new(file.name.clone(), Arc::new(bytes))
    };
    let own = modules.iter().position(|f| f.name == "LeakSim.dll").unwrap();
    let wrong = other(&modules[own]);
    let right = std::mem::replace(&mut modules[own], wrong.clone());
    let refused = analyze_with(Arc::clone(&bytes), Options { modules: modules.clone(), ..Options::default() }).unwrap();
    same_rows("refused", &refused, &cut);
    let said = finding(&refused, "module-file-refused").unwrap();
    assert!(said.count == 1 && said.message.contains("LeakSim.dll") && said.message.contains("time stamp"), "{said:?}");

    // With the right one among them, names in any case and with a path.
    modules.push(ModuleFile::new(r"C:\app\leaksim.DLL", right.source));
    let given = analyze_with(bytes, Options { modules, ..Options::default() }).unwrap();
    same_rows("given", &given, &named);
    assert_eq!(finding(&given, "module-file-refused"), None);
}

/// The dump still holds the MVID: a file with another one is another build, whatever its header says.
#[test]
fn a_file_with_another_mvid_is_refused() {
    let whole = Arc::new(evening("net31-x64-wks"));
    let (dump, space) = opened(&whole);
    let mvid = |base| PeImage::open(&space, base)?.metadata(&space)?.map(|m| m.mvid(&space)).transpose();
    let (name, mvid) =
        dump.modules.iter().find_map(|m| Some((m.name(), mvid(m.base).ok()??))).expect("no MVID in the fixture");
    let file = module_files(&whole, |n| n == name).remove(0);
    let mut bytes = vec![0; file.source.len() as usize];
    file.source.read_at(0, &mut bytes, "file").unwrap();
    let places: Vec<usize> = (0..bytes.len() - 16).filter(|&i| bytes[i..i + 16] == mvid).collect();
    assert!(!places.is_empty() && mvid != [0; 16], "{name} {mvid:x?}");
    for at in places {
        bytes[at] ^= 1;
    }
    let modules = vec![ModuleFile::new(name, Arc::new(bytes))];
    let report = analyze_with(Arc::clone(&whole), Options { modules, ..Options::default() }).unwrap();
    let said = finding(&report, "module-file-refused").unwrap();
    assert!(said.message.contains("MVID"), "{said:?}");
    assert_eq!(finding(&report, "module-files"), None);
}

/// Files that are no images, empty, cut short or damaged do no harm.
#[test]
fn bad_files_do_no_harm() {
    let whole = Arc::new(evening("net10-x64-wks"));
    let bytes = without_image_pages(&whole, |_| true);
    let without = analyze(Arc::clone(&bytes)).unwrap();
    let good = module_files(&whole, |name| name == "System.Private.CoreLib.dll").remove(0);
    let mut image = vec![0; good.source.len() as usize];
    good.source.read_at(0, &mut image, "file").unwrap();
    for (what, file) in [
        ("empty", Vec::new()),
        ("text", b"no image at all".to_vec()),
        ("half a header", image[..0x90].to_vec()),
        ("headers", image[..0x1000].to_vec()),
        ("zeros behind the headers", [&image[..0x400], &vec![0; 0x10_0000]].concat()),
    ] {
        let modules = vec![ModuleFile::new("System.Private.CoreLib.dll", Arc::new(file))];
        let report = analyze_with(Arc::clone(&bytes), Options { modules, ..Options::default() }).unwrap();
        assert_eq!(counts(&report), counts(&without), "{what}");
        assert!(report.exact(), "{what}: {:?}", report.findings);
    }
}

/// The dump without its ModuleList.
fn without_module_list(bytes: &Source) -> Source {
    let mut bytes = bytes.to_vec();
    let (entry, _, _) = locate_stream(&bytes, MODULE_LIST).unwrap();
    bytes[entry..entry + 4].fill(0);
    Arc::new(bytes)
}

const MODULE_LIST: u32 = 4;

#[test]
fn without_a_module_list_the_runtime_is_found_by_its_headers() {
    for set in PRIVATE.into_iter().chain(PRECOMPILED).chain(["net10-x64-singlefile", "net9-x64-wks"]) {
        let whole = Arc::new(evening(set));
        let named = analyze(Arc::clone(&whole)).unwrap();
        let report = analyze(without_module_list(&whole)).unwrap();
        same_rows(set, &report, &named);
        assert!(report.exact(), "{set}: {:?}", report.findings);
        let said = finding(&report, "module-list-missing").unwrap();
        assert!(!said.partial && said.message.starts_with("the dump has no module list; "), "{said:?}");
        assert_eq!(report.runtime.gc_module.is_some(), set.contains("clrgc"), "{set}");
        assert_eq!(report.runtime.name.split('.').next(), named.runtime.name.split('.').next(), "{set}");
    }
}

/// A list that is there but has lost the runtime, as those of processes with hundreds of assemblies do.
#[test]
fn a_module_list_without_the_runtime() {
    for set in ["net31-x86-wks", "net8-x64-clrgc"] {
        let whole = Arc::new(evening(set));
        let named = analyze(Arc::clone(&whole)).unwrap();
        let mut bytes = whole.to_vec();
        let (_, at, _) = locate_stream(&bytes, MODULE_LIST).unwrap();
        let (dump, _) = opened(&whole);
        let runtime = dump.modules.iter().position(|m| m.name() == "coreclr.dll").unwrap();
        // MINIDUMP_MODULE.BaseOfImage
        bytes[at + 4 + 108 * runtime..][..8].copy_from_slice(&0x7777_0000u64.to_le_bytes());
        let report = analyze(Arc::new(bytes)).unwrap();
        same_rows(set, &report, &named);
        let said = finding(&report, "module-list-missing").unwrap();
        assert!(said.message.starts_with("the module list lacks the runtime; "), "{said:?}");
        assert_eq!(report.runtime.gc_module.is_some(), set.contains("clrgc"), "{set}");
    }
}

/// A dump without memory (Kudu's default) holds stacks and the environment block; nothing in it tells what runs there.
#[test]
fn a_dump_without_any_image_has_no_heap() {
    let mut builder = Builder::new();
    builder.module(r"C:\Windows\dotnet\coreclr.dll", 0x1_4000_0000, 0x50_0000, [8, 0, 424, 16909], 0x5f00_0000);
    builder.module(r"C:\site\app.exe", 0x1_5000_0000, 0x2000, [1, 0, 0, 0], 0x5f00_0000);
    builder.thread(7, 0x7000_0000, 0x7100_0000, 0x4000);
    builder.environment(0x7000_0000, 0x7200_0000, 4711, r"C:\site\app.exe", "app.exe");
    builder.memory(0x7100_0000, vec![0x11; 0x4000]);
    // A few bytes of code around a return address, and more of an environment than a page.
    builder.memory(0x1_4001_0000, vec![0xCC; 256]);
    builder.memory(0x7300_0000, vec![0x22; 0x8000]);
    let error = analyze(Arc::new(builder.finish())).unwrap_err();
    assert_eq!(error.code(), "no-heap-memory", "{error}");
    assert!(error.hint().contains("dumpType=2"));

    // A single file has no module that a name could tell.
    let error = analyze(without_image_pages(&Arc::new(evening("net10-x64-singlefile")), |_| true)).unwrap_err();
    assert_eq!(error.code(), "no-heap-memory", "{error}");
}

/// `coreclr.dll` and `clr.dll` in one process; what calls itself clr.dll here is none.
#[test]
fn two_runtimes() {
    let whole = Arc::new(evening("net8-x64-wks"));
    let named = analyze(Arc::clone(&whole)).unwrap();
    let mut bytes = whole.to_vec();
    let (_, at, _) = locate_stream(&bytes, MODULE_LIST).unwrap();
    let (dump, space) = opened(&whole);
    let other = dump
        .modules
        .iter()
        .position(|m| m.size >= 1 << 20 && m.name() != "coreclr.dll" && PeImage::open(&space, m.base).is_ok())
        .unwrap();
    let name = u32::from_le_bytes(bytes[at + 4 + 108 * other + 20..][..4].try_into().unwrap()) as usize;
    let path: Vec<u8> = "clr.dll\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes[name..name + 4].copy_from_slice(&14u32.to_le_bytes());
    bytes[name + 4..][..path.len()].copy_from_slice(&path);
    let bytes = Arc::new(bytes);

    let report = analyze(Arc::clone(&bytes)).unwrap();
    same_rows("two", &report, &named);
    let said = finding(&report, "several-runtimes").unwrap();
    assert!(said.message.starts_with("the process has 2 runtimes: 0: "), "{said:?}");
    assert!(said.message.contains(".NET 8.0.4") && said.message.contains(".NET Framework"), "{said:?}");
    let evidence = report.runtime.evidence.iter().find(|e| e.what == "another runtime module").unwrap();
    assert!(evidence.value.starts_with("clr.dll at ") && evidence.how.starts_with("not used: "), "{evidence:?}");

    let coreclr = dump.modules.iter().position(|m| m.name() == "coreclr.dll").unwrap();
    let chosen = |runtime| analyze_with(Arc::clone(&bytes), Options { runtime: Some(runtime), ..Options::default() });
    let (right, wrong) = if coreclr < other { (0, 1) } else { (1, 0) };
    same_rows("chosen", &chosen(right).unwrap(), &named);
    assert_eq!(chosen(wrong).unwrap_err().code(), "unknown-runtime");
    let error = chosen(2).unwrap_err();
    assert!(error.code() == "usage" && error.to_string().contains("the process has 2"), "{error}");
}

/// A process with one native module that exports these names.
fn native(module: &str, exports: &[&str]) -> Source {
    let mut image = PeBuilder::new(0x8664);
    image.section(".text", 0x6000_0020, vec![0xCC; 0x1000], 2 << 20);
    let exports: Vec<_> = exports.iter().map(|&name| (name, Ok(0x1000))).collect();
    image.exports(module, &exports);
    let image = image.mapped();
    let mut builder = Builder::new();
    let size = image.len() as u32;
    builder.module(&format!(r"C:\app\{module}"), 0x1_4000_0000, size, [1, 0, 0, 0], 0x6000_0001);
    builder.memory(0x1_4000_0000, image);
    builder.memory(0x2_0000_0000, vec![0; 0x10_0000]);
    Arc::new(builder.finish())
}

#[test]
fn other_virtual_machines_are_refused_by_name() {
    for (module, exports, runtime) in [
        ("app.exe", &["DotNetRuntimeContractDescriptor"][..], "NativeAOT (app.exe)"),
        ("app.exe", &["DotNetRuntimeDebugHeader"], "NativeAOT (app.exe)"),
        ("mono-2.0-bdwgc.dll", &["mono_get_root_domain", "mono_jit_init"], "Mono (mono-2.0-bdwgc.dll)"),
        ("mscorwks.dll", &["DllMain"], "the CLR 2.0"),
    ] {
        let bytes = native(module, exports);
        for bytes in [Arc::clone(&bytes), without_module_list(&bytes)] {
            let error = analyze(bytes).unwrap_err();
            assert_eq!(error.code(), "unsupported-runtime", "{module}: {error}");
            assert!(error.to_string().starts_with(runtime), "{error}");
        }
    }
    assert_eq!(analyze(native("app.exe", &["main"])).unwrap_err().code(), "no-runtime");
}

/// Taken in the middle of a GC: both counts.
#[test]
fn an_error_in_the_heap_gives_two_counts() {
    let whole = Arc::new(evening("net31-x64-wks"));
    let named = analyze(Arc::clone(&whole)).unwrap();
    assert_eq!(named.heap.before_first_error, None);
    // The middle of the largest segment: an object header that is none.
    let segment = named.heap.segments.iter().max_by_key(|s| s.bytes).unwrap();
    let start = segment.start.0;
    let row = named.method_tables.iter().max_by_key(|r| r.count).unwrap();
    let sample = row.samples.all().map(|at| at.0);
    let object = sample.filter(|at| (start + segment.bytes / 4..start + segment.bytes).contains(at)).min().unwrap();
    let (dump, _) = opened(&whole);
    let offset = dump.regions.find(Addr(object)).unwrap().offset as usize;
    let mut bytes = whole.to_vec();
    bytes[offset..offset + 8].copy_from_slice(&0x1234_5678_9ABC_DEF0u64.to_le_bytes());
    let report = analyze(Arc::new(bytes)).unwrap();
    assert!(!report.exact());
    let before = report.heap.before_first_error.unwrap();
    assert!(0 < before.count && before.count < report.heap.objects, "{before:?}");
    assert!(report.heap.objects < named.heap.objects && report.heap.objects > named.heap.objects * 9 / 10);
    assert!(before.size < report.heap.size && before.aligned_size < report.heap.aligned_size);
}

/// A page with a header of a segment, or one of the GC's variables: no search finds a smaller heap in its place.
#[test]
fn without_one_page_of_the_gcs_structures() {
    for set in
        ["net21-x86-wks", "net31-x64-srv", "net6-x64-wks", "net8-x64-wks", "net10-x64-srv", "net10-x64-singlefile"]
    {
        let whole = Arc::new(evening(set));
        let report = analyze(Arc::clone(&whole)).unwrap();
        let (_, space) = opened(&whole);
        let runtime = PeImage::open(&space, Addr::parse(&report.runtime.base).unwrap()).unwrap();
        let vars = report.runtime.evidence.iter().find(|e| e.what == "GcDacVars").unwrap();
        let mut pages = vec![u64::from_str_radix(vars.value.split(',').next().unwrap(), 16).unwrap()];
        pages.extend(report.heap.segments.iter().flat_map(|s| [s.address.0, s.start.0]));
        // The runtime's variables: without the right one a stale one may stand for it.
        for (start, len) in runtime.writable_sections() {
            pages.extend((0..len.min(0x2_0000)).step_by(0x1000).map(|at| start.0 + at));
        }
        pages.iter_mut().for_each(|page| *page &= !0xFFF);
        pages.sort_unstable();
        pages.dedup();
        let mut lost = 0;
        for page in pages {
            match analyze(without(&whole, &[(page, page + 0x1000)])) {
                Ok(cut) if cut.exact() => assert_eq!(counts(&cut), counts(&report), "{set}: without page {page:x}"),
                _ => lost += 1,
            }
        }
        assert!(lost > 1, "{set}");
    }
}
