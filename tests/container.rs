//! Minidumps of every shape, made by the builder, through the public API: what was put in comes out.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use dropheap::Error;
use dropheap::dump::regions::Regions;
use dropheap::dump::{self, Dump, trim::write_trimmed};
use dropheap::memory::{Addr, AddressSpace, Memory, Recorder};
use dropheap::report::DumpFacts;
use dropheap::source::counted::Counted;
use dropheap::source::{ByteSource, file::FileSource};
use dropheap::synth::minidump::{Builder, locate_stream, stream};
use std::sync::Arc;

const TEB: u64 = 0x7f_0000_0000;
const PEB: u64 = 0x7f_0010_0000;
const IMAGE: &str = r"D:\home\site\wwwroot\Shop.exe";
const COMMAND: &str = "\"D:\\home\\site\\wwwroot\\Shop.exe\" --urls http://*:80 ä€𝄞";

fn bytes(seed: u64, len: u64) -> Vec<u8> {
    (0..len).map(|i| ((i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

/// Four heap ranges, three of them adjacent to one another, modules, threads, an environment block.
fn sample() -> Builder {
    let mut builder = Builder::new();
    builder
        .misc_info(4242, 1_699_990_000)
        .module(IMAGE, 0x1_4000_0000, 0x20000, [1, 2, 3, 4], 0x5555)
        .module(r"C:\Windows\System32\ntdll.dll", 0x7ffe_0000_0000, 0x1f_0000, [10, 0, 19041, 1], 0x6666)
        .module("/odd/path/coreclr.dll", 0x7ffd_0000_0000, 0x50_0000, [9, 0, 1, 65535], 0x7777)
        .thread(100, TEB, 0x10_0000, 0x2000)
        .thread(104, TEB + 0x10000, 0x20_0000, 0x1000)
        .service_pack("Service Pack 9")
        .memory(0x2_0000_0000, bytes(1, 0x1000))
        .memory(0x2_0000_1000, bytes(2, 0x2001))
        .memory(0x2_0000_3001, bytes(3, 0xfff))
        .memory(0x3_0000_0000, bytes(4, 0x123))
        .environment(TEB, PEB, 4242, IMAGE, COMMAND);
    builder
}

fn open(bytes: &[u8]) -> Dump {
    dump::open(&bytes, "sample.dmp").unwrap()
}

fn space<S: ByteSource>(source: S, dump: &Dump) -> AddressSpace<S, Arc<Regions>> {
    AddressSpace::new(source, dump.regions.clone())
}

fn codes(dump: &Dump) -> Vec<(&str, u64, bool)> {
    dump.findings.as_slice().iter().map(|f| (f.code.as_str(), f.count, f.partial)).collect()
}

/// Everything that `sample` puts in, whatever the form of the file.
fn check_sample(source: &impl ByteSource) {
    let dump = dump::open(source, "sample.dmp").unwrap();
    assert_eq!(codes(&dump), []);
    let facts = &dump.facts;
    assert_eq!(facts.file_name, "sample.dmp");
    assert_eq!((facts.file_size, facts.format.as_str()), (source.len(), "minidump"));
    assert_eq!(
        (facts.captured_at, facts.started_at, facts.uptime),
        (Some(1_700_000_000), Some(1_699_990_000), Some(10_000))
    );
    assert_eq!((facts.pid, facts.processors), (Some(4242), Some(4)));
    assert_eq!((facts.os.as_deref(), facts.architecture.as_deref()), (Some("Windows 10.0.19045"), Some("x64")));
    assert_eq!((facts.image_path.as_deref(), facts.command_line.as_deref()), (Some(IMAGE), Some(COMMAND)));
    assert_eq!((facts.modules, facts.threads, facts.memory_ranges), (3, 2, 7));
    assert_eq!(facts.memory_bytes, 0x1000 + 0x2001 + 0xfff + 0x123 + 0x4000);

    let modules: Vec<_> =
        dump.modules.iter().map(|m| (m.name(), m.base, m.size, m.timestamp, m.file_version)).collect();
    let expected = [
        ("Shop.exe", Addr(0x1_4000_0000), 0x20000, 0x5555, Some([1, 2, 3, 4])),
        ("ntdll.dll", Addr(0x7ffe_0000_0000), 0x1f_0000, 0x6666, Some([10, 0, 19041, 1])),
        ("coreclr.dll", Addr(0x7ffd_0000_0000), 0x50_0000, 0x7777, Some([9, 0, 1, 65535])),
    ];
    assert_eq!(modules, expected);
    assert_eq!(dump.modules[0].path, IMAGE);
    assert!(dump.modules[0].contains(Addr(0x1_4001_ffff)) && !dump.modules[0].contains(Addr(0x1_4002_0000)));
    let thread = &dump.threads[1];
    assert_eq!(
        (thread.id, thread.teb, thread.stack, thread.stack_size),
        (104, Addr(TEB + 0x10000), Addr(0x20_0000), 0x1000)
    );
    assert_eq!(dump.context(&dump.threads[0]).unwrap(), [100; 1232]);
    assert_eq!(dump.context(thread).unwrap(), [104; 1232]);

    let memory = space(source, &dump);
    let expected = [bytes(1, 0x1000), bytes(2, 0x2001), bytes(3, 0xfff)].concat();
    assert_eq!(memory.bytes(Addr(0x2_0000_0000), 0x4000, "heap").unwrap(), expected);
    assert_eq!(memory.run(Addr(0x2_0000_0fff)), 0x3001);
    assert_eq!(memory.bytes(Addr(0x3_0000_0000), 0x123, "heap").unwrap(), bytes(4, 0x123));
    assert_eq!(memory.run(Addr(0x3_0000_0123)), 0);
    dump.require_heap_memory().unwrap();
}

#[test]
fn plain() {
    check_sample(&sample().finish());
}

#[test]
fn ranges_out_of_order() {
    for seed in 0..20 {
        check_sample(&sample().shuffle(seed).finish());
    }
}

#[test]
fn directory_last() {
    check_sample(&sample().directory_last().finish());
}

#[test]
fn unaligned_rvas_and_unused_directory_entries() {
    check_sample(&sample().padding(3).unused_entries(5).finish());
    check_sample(&sample().padding(7).unused_entries(2).directory_last().shuffle(3).finish());
}

#[test]
fn memory_list_instead_of_memory64_list() {
    check_sample(&sample().memory_list().finish());
}

#[test]
fn lists_padded_to_eight_bytes() {
    check_sample(&sample().memory_list().padded_lists().finish());
}

#[test]
fn an_empty_memory64_list_does_not_hide_the_memory_list() {
    check_sample(&sample().memory_list().stream(stream::MEMORY64_LIST, [0; 16]).finish());
}

#[test]
fn memory_beyond_four_gigabytes_of_file() {
    for base in [0xffff_fff0, 0x1_0000_0000, 0x1_2345_6789, 1 << 40] {
        let source = sample().base_rva(base).finish_sparse();
        assert!(source.len > 0xffff_ffff);
        check_sample(&source);
        let dump = dump::open(&source, "").unwrap();
        assert_eq!(dump.regions.find(Addr(0x2_0000_0010)).unwrap().offset, base + 0x10);
    }
}

#[test]
fn memory_behind_a_range_of_five_gigabytes() {
    let (long, gap) = (0x10_0000_0000, 5u64 << 30);
    let mut source = Builder::new().memory(long, bytes(1, 64)).memory(0x2000, bytes(2, 64)).finish_sparse();
    let (_, list, _) = locate_stream(&source.pieces[0].1, stream::MEMORY64_LIST).unwrap();
    source.pieces[0].1[list + 24..list + 32].copy_from_slice(&(64 + gap).to_le_bytes());
    let (base, data) = source.pieces.pop().unwrap();
    source.pieces.push((base, data[..64].to_vec()));
    source.pieces.push((base + gap + 64, data[64..].to_vec()));
    source.len += gap;
    let dump = dump::open(&source, "").unwrap();
    assert_eq!(dump.facts.memory_bytes, gap + 128);
    let memory = space(&source, &dump);
    assert_eq!(memory.bytes(Addr(0x2000), 64, "x").unwrap(), bytes(2, 64));
    assert_eq!(memory.bytes(Addr(long), 64, "x").unwrap(), bytes(1, 64));
    assert_eq!(memory.bytes(Addr(long + gap), 64, "x").unwrap(), [0; 64]);
    assert_eq!(memory.run(Addr(long + 1)), gap + 63);
}

#[test]
fn a_hundred_thousand_ranges() {
    let n = 100_000u64;
    let mut builder = Builder::new();
    for i in 0..n {
        // Every third one is adjacent to the next.
        builder.memory(0x10_0000 + i * 0x40, bytes(i, if i % 3 == 0 { 0x40 } else { 0x30 }));
    }
    let source = Counted::new(builder.shuffle(7).finish());
    let dump = dump::open(&source, "").unwrap();
    assert_eq!(codes(&dump), [("stream-missing", 1, false)]);
    assert_eq!(dump.facts.memory_ranges, n);
    assert!(source.bytes() < 4 << 20, "{} bytes read to open it", source.bytes());
    let memory = space(&source, &dump);
    for i in (0..n).step_by(998) {
        let addr = Addr(0x10_0000 + i * 0x40);
        assert_eq!(memory.bytes(addr, 0x30, "x").unwrap(), bytes(i, 0x30));
        let run = match i % 3 {
            0 if i + 1 < n => 0x70,
            0 => 0x40,
            _ => 0x30,
        };
        assert_eq!(memory.run(addr), run, "{i}");
    }
}

#[test]
fn overlapping_ranges_are_counted_and_each_address_is_there_once() {
    let mut builder = Builder::new();
    builder.memory(0x2000, bytes(0, 0x1000)).memory(0x2800, bytes(0x800, 0x1000)).memory(0x2100, bytes(0x100, 16));
    let file = builder.misc_info(1, 1).finish();
    let dump = open(&file);
    assert_eq!(codes(&dump), [("memory-overlap", 2, false)]);
    assert_eq!(dump.facts.memory_bytes, 0x1800);
    assert_eq!(space(&file, &dump).bytes(Addr(0x2000), 0x1800, "x").unwrap(), bytes(0, 0x1800));
}

#[test]
fn overlapping_ranges_that_disagree_make_the_result_partial() {
    let mut builder = Builder::new();
    builder.memory(0x2000, bytes(0, 0x1000)).memory(0x2800, bytes(1, 0x1000)).misc_info(1, 1);
    assert_eq!(codes(&open(&builder.finish())), [("memory-overlap", 1, false), ("memory-contradiction", 1, true)]);
}

#[test]
fn without_misc_info_the_pid_comes_from_the_teb() {
    let dump = open(&sample().without(stream::MISC_INFO).finish());
    assert_eq!(codes(&dump), [("stream-missing", 1, false)]);
    assert_eq!(dump.facts.pid, Some(4242));
    assert_eq!((dump.facts.started_at, dump.facts.uptime), (None, None));
}

#[test]
fn each_small_stream_may_be_missing() {
    for kind in [stream::SYSTEM_INFO, stream::MISC_INFO, stream::THREAD_LIST, stream::MODULE_LIST] {
        let file = sample().without(kind).finish();
        let dump = open(&file);
        assert_eq!(codes(&dump), [("stream-missing", 1, false)]);
        assert_eq!(dump.modules.is_empty(), kind == stream::MODULE_LIST);
        assert_eq!(dump.threads.is_empty(), kind == stream::THREAD_LIST);
        assert_eq!(dump.facts.architecture.is_none(), kind == stream::SYSTEM_INFO);
        assert_eq!(space(&file, &dump).bytes(Addr(0x3_0000_0000), 0x123, "heap").unwrap(), bytes(4, 0x123));
    }
}

#[test]
fn each_small_stream_may_be_damaged() {
    for kind in [stream::SYSTEM_INFO, stream::MISC_INFO, stream::THREAD_LIST, stream::MODULE_LIST] {
        let mut file = sample().finish();
        let (entry, ..) = locate_stream(&file, kind).unwrap();
        file[entry + 8..entry + 12].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
        let dump = open(&file);
        assert_eq!(codes(&dump), [("stream-unreadable", 1, false)], "{kind}");
        assert_eq!(space(&file, &dump).bytes(Addr(0x3_0000_0000), 0x123, "heap").unwrap(), bytes(4, 0x123));
    }
}

#[test]
fn a_bad_name_or_record_costs_only_itself() {
    let mut file = sample().finish();
    let (_, list, _) = locate_stream(&file, stream::MODULE_LIST).unwrap();
    let second = list + 4 + 108;
    file[second + 20..second + 24].copy_from_slice(&0xffff_ff00u32.to_le_bytes());
    let third = second + 108;
    file[third + 80..third + 84].copy_from_slice(&0xffff_ff00u32.to_le_bytes());
    let dump = open(&file);
    assert_eq!(codes(&dump), [("name-unreadable", 1, false), ("record-unreadable", 1, false)]);
    assert_eq!(dump.modules.iter().map(|m| m.name()).collect::<Vec<_>>(), ["Shop.exe", "", "coreclr.dll"]);
    assert_eq!(dump.modules[1].base, Addr(0x7ffe_0000_0000));
}

#[test]
fn a_codeview_record_that_is_cut_off_costs_no_module() {
    for record in [&b"RSDS\x01"[..], b"NB10", b"R"] {
        let dump = open(&sample().codeview(record).finish());
        assert_eq!(dump.modules.len(), 3);
        assert_eq!(codes(&dump), []);
    }
}

#[test]
fn a_module_name_that_is_no_utf_16() {
    let mut file = sample().finish();
    let (_, list, _) = locate_stream(&file, stream::MODULE_LIST).unwrap();
    let name = u32::from_le_bytes(file[list + 24..list + 28].try_into().unwrap()) as usize;
    file[name + 4..name + 6].copy_from_slice(&0xd800u16.to_le_bytes());
    let dump = open(&file);
    assert_eq!((dump.modules.len(), dump.modules[0].name()), (3, "Shop.exe"));
    assert!(dump.modules[0].path.starts_with("\u{fffd}:"));
}

#[test]
fn start_time_comes_from_the_oldest_thread_where_misc_info_has_none() {
    let file_time = |unix: u64| (unix + 11_644_473_600) * 10_000_000 + 1234;
    let mut builder = sample();
    builder
        .without(stream::MISC_INFO)
        .thread_info(100, file_time(1_699_999_000))
        .thread_info(104, file_time(1_699_999_900));
    let dump = open(&builder.thread_info(108, 0).finish());
    assert_eq!((dump.facts.started_at, dump.facts.uptime), (Some(1_699_999_000), Some(1000)));
}

#[test]
fn a_32_bit_process() {
    let mut builder = Builder::x86();
    builder
        .misc_info(7, 1_699_990_000)
        .module(r"C:\app\w3wp.exe", 0x40_0000, 0x8000, [10, 0, 0, 1], 1)
        .thread(8, 0x7ef0_0000, 0x1_0000, 0x1000)
        .environment(0x7ef0_0000, 0x7ef1_0000, 7, r"C:\app\w3wp.exe", r#"w3wp.exe -ap "Shop""#);
    let dump = open(&builder.finish());
    assert_eq!(dump.facts.architecture.as_deref(), Some("x86"));
    assert_eq!(dump.facts.command_line.as_deref(), Some(r#"w3wp.exe -ap "Shop""#));
    assert_eq!(dump.facts.image_path.as_deref(), Some(r"C:\app\w3wp.exe"));
    assert_eq!(dump.context(&dump.threads[0]).unwrap().len(), 716);
}

#[test]
fn sign_extended_addresses_of_a_32_bit_process() {
    // A large-address-aware process; its writer has widened addresses above 2 GiB as signed numbers.
    let mut builder = Builder::x86();
    builder.memory(0xffff_ffff_8000_0000, bytes(1, 0x1000)).module(
        "a.dll",
        0xffff_ffff_9000_0000,
        0x1000,
        [1, 0, 0, 0],
        1,
    );
    let file = builder.thread(1, 0xffff_ffff_a000_0000, 0xffff_ffff_b000_0000, 16).finish();
    let dump = open(&file);
    assert_eq!(space(&file, &dump).bytes(Addr(0x8000_0000), 0x1000, "x").unwrap(), bytes(1, 0x1000));
    assert_eq!((dump.modules[0].base, dump.threads[0].teb), (Addr(0x9000_0000), Addr(0xa000_0000)));
    // Not so in a 64-bit one.
    let file = Builder::new().memory(0xffff_ffff_8000_0000, bytes(1, 0x1000)).finish();
    assert_eq!(open(&file).regions.run(Addr(0xffff_ffff_8000_0000)), 0x1000);
}

#[test]
fn a_32_bit_process_dumped_by_a_64_bit_tool() {
    const TEB32: u64 = 0x7ef0_2000;
    const PEB32: u64 = 0x7ef1_0000;
    // The three ways from the 64-bit TEB to the 32-bit one.
    for way in 0..3 {
        let mut builder = Builder::x86();
        builder.environment(TEB32, PEB32, 7, r"C:\app\32.exe", "32.exe /from-peb32").system_info(9, 4, [10, 0, 19045]);
        let teb64: u64 = if way == 2 { TEB32 - 0x2000 } else { 0x7ee0_0000 };
        let mut page = vec![0; 0x2000];
        let mut put = |at: usize, value: u64| page[at..at + 8].copy_from_slice(&value.to_le_bytes());
        put(0x30, teb64);
        put(0x40, 7);
        put(0x60, 0x7ee1_0000);
        match way {
            0 => put(0, TEB32),
            1 => put(0x180c, TEB32 - teb64),
            _ => {}
        }
        builder.memory(teb64, page).thread(8, teb64, 0x1_0000, 0x1000);
        let dump = open(&builder.finish());
        assert_eq!(dump.facts.command_line.as_deref(), Some("32.exe /from-peb32"), "way {way}");
        assert_eq!((dump.facts.architecture.as_deref(), dump.facts.pid), (Some("x64"), Some(7)));
    }
}

#[test]
fn process_parameters_that_are_not_normalised_yet_hold_offsets() {
    let mut file = sample().finish();
    let parameters = open(&file).regions.find(Addr(PEB + 0x1000)).unwrap().offset as usize;
    file[parameters + 8..parameters + 12].fill(0);
    for field in [0x60 + 8, 0x70 + 8] {
        let place = &mut file[parameters + field..][..8];
        let pointer = u64::from_le_bytes((&*place).try_into().unwrap());
        place.copy_from_slice(&(pointer - (PEB + 0x1000)).to_le_bytes());
    }
    check_sample(&file);
}

#[test]
fn a_teb_that_is_not_one_is_not_believed() {
    // Its own address is wrong: then neither its PEB nor its process id is taken.
    let mut file = sample().without(stream::MISC_INFO).finish();
    let teb = open(&file).regions.find(Addr(TEB)).unwrap().offset as usize;
    file[teb + 0x30] ^= 1;
    let facts = open(&file).facts;
    assert_eq!((facts.pid, facts.command_line, facts.image_path.as_deref()), (None, None, Some(IMAGE)));
}

#[test]
fn without_environment_block_the_image_is_the_first_module() {
    let mut builder = Builder::new();
    let dump = open(&builder.module(IMAGE, 0x1_4000_0000, 0x1000, [1, 0, 0, 0], 1).memory(0x1000, [1; 64]).finish());
    assert_eq!((dump.facts.image_path.as_deref(), dump.facts.command_line), (Some(IMAGE), None));
}

#[test]
fn a_dump_without_heap_is_refused_with_a_way_out() {
    let mut builder = Builder::new();
    builder
        .module(IMAGE, 0x1_4000_0000, 0x20000, [1, 0, 0, 0], 1)
        .thread(1, TEB, 0x10_0000, 0x8000)
        .flags(0)
        .memory_list()
        .memory(0x10_0000, bytes(1, 0x8000))
        .memory(TEB, bytes(2, 0x2000))
        .memory(0x1_4000_1000, bytes(3, 0x3000))
        .memory(0x5000_0100, bytes(4, 256));
    let error = open(&builder.finish()).require_heap_memory().unwrap_err();
    assert_eq!(error.code(), "no-heap-memory");
    assert!(error.hint().contains("dumpType=2"), "{}", error.hint());

    // One page elsewhere may be a heap; so may one that begins where a stack ends.
    open(&builder.memory(0x6000_0000, bytes(5, 4096)).finish()).require_heap_memory().unwrap();
    let mut builder = Builder::new();
    builder.thread(1, TEB, 0x10_0000, 0x1000).memory(0x10_0000, bytes(1, 0x1000)).memory(0x10_1000, bytes(1, 0x1000));
    open(&builder.finish()).require_heap_memory().unwrap();

    for file in [Builder::new().finish(), Builder::new().without(stream::MEMORY64_LIST).finish()] {
        let error = open(&file).require_heap_memory().unwrap_err();
        assert!(matches!(*error, Error::NoHeapMemory { .. }), "{error}");
    }
}

#[test]
fn a_cut_file_keeps_what_is_there() {
    let file = sample().finish();
    let whole = open(&file);
    let heap = whole.regions.find(Addr(0x3_0000_0000)).unwrap().offset as usize;
    let cut = &file[..heap + 0x23];
    let dump = open(cut);
    assert_eq!(codes(&dump), [("memory-truncated", 4, true)]);
    let memory = space(&cut, &dump);
    assert_eq!(memory.run(Addr(0x3_0000_0000)), 0x23);
    assert_eq!(memory.bytes(Addr(0x3_0000_0000), 0x23, "x").unwrap(), bytes(4, 0x23));
    assert_eq!(memory.bytes(Addr(0x2_0000_0000), 0x1000, "x").unwrap(), bytes(1, 0x1000));
    assert_eq!(dump.modules, whole.modules);
    assert_eq!(dump.facts.command_line, None);
}

#[test]
fn a_file_and_bytes_say_the_same() {
    let bytes = sample().finish();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sample.dmp");
    std::fs::write(&path, &bytes).unwrap();
    check_sample(&FileSource::open(&path).unwrap());
    check_sample(&(Arc::new(bytes) as Arc<dyn ByteSource>));
}

fn trimmed(source: &impl ByteSource, dump: &Dump, keep: &[(Addr, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    let written = write_trimmed(source, dump, keep, &mut out).unwrap();
    assert_eq!(written, out.len() as u64);
    out
}

#[test]
fn a_trimmed_dump_says_the_same() {
    let mut builder = sample();
    builder
        .thread_name(100, "main")
        .thread_info(100, 133_000_000_000_000_000)
        .stream(stream::COMMENT_W, b"p\0r\0o\0c\0".to_vec())
        .stream(stream::HANDLE_DATA, vec![1; 64])
        .stream(stream::MEMORY_INFO_LIST, vec![2; 64])
        .padding(5);
    for source in [builder.finish_sparse(), builder.shuffle(4).directory_last().base_rva(9 << 30).finish_sparse()] {
        let dump = dump::open(&source, "a.dmp").unwrap();
        let keep = [
            (Addr(0x2_0000_0800), 0x1000),
            (Addr(0x2_0000_1000), 0x10),
            (Addr(0x3_0000_0000), u64::MAX),
            (Addr(0x2_0000_3f00), 0x1000),
        ];
        let small = trimmed(&source, &dump, &keep);
        let again = open(&small);
        assert_eq!(codes(&again), []);
        assert_eq!((&again.modules, &again.threads, again.flags), (&dump.modules, &dump.threads, dump.flags));
        for (a, b) in again.threads.iter().zip(&dump.threads) {
            assert_eq!(again.context(a), dump.context(b));
        }
        let facts = DumpFacts {
            file_name: "sample.dmp".into(),
            file_size: small.len() as u64,
            memory_bytes: again.facts.memory_bytes,
            memory_ranges: again.facts.memory_ranges,
            ..dump.facts.clone()
        };
        assert_eq!(again.facts, facts);
        // Kept: what was asked for; of TEB, PEB and parameters the pages that the facts are in. The last wish goes on to the end of memory.
        let kept: Vec<_> = again.regions.runs().map(|(start, end)| (start.0, end.0 - start.0)).collect();
        let expected =
            [(0x2_0000_0800, 0x1000), (0x2_0000_3f00, 0x100), (0x3_0000_0000, 0x123), (TEB, 0x1000), (PEB, 0x3000)];
        assert_eq!(kept, expected);
        let (old, new) = (space(&source, &dump), space(&small, &again));
        for (start, len) in kept {
            let len = len as usize;
            assert_eq!(new.bytes(Addr(start), len, "x").unwrap(), old.bytes(Addr(start), len, "x").unwrap());
        }
        for kind in [stream::COMMENT_W, stream::THREAD_NAMES, stream::THREAD_INFO_LIST, stream::SYSTEM_INFO] {
            assert!(locate_stream(&small, kind).is_some(), "stream {kind}");
        }
        assert!(locate_stream(&small, stream::MEMORY_INFO_LIST).is_none());
        // CodeView records survive.
        assert!(small.windows(12).any(|w| w == b"Shop.exe.pdb"));
        // Trimmed once more with the same wishes: the same file.
        assert_eq!(trimmed(&small, &again, &keep), small);
    }
}

#[test]
fn only_the_pages_of_the_facts_are_kept_unasked() {
    let file = sample().finish();
    let dump = open(&file);
    let again = open(&trimmed(&file, &dump, &[]));
    let kept: Vec<_> = again.regions.runs().map(|(start, end)| (start.0, end.0 - start.0)).collect();
    assert_eq!(kept, [(TEB, 0x1000), (PEB, 0x2000)]);
    assert_eq!(again.facts.command_line, dump.facts.command_line);
}

#[test]
fn what_a_recorder_saw_is_enough_to_see_it_again() {
    let file = sample().finish();
    let dump = open(&file);
    let recorder = Recorder::new(space(&file, &dump));
    let read = |memory: &dyn Memory| {
        let a = memory.u64(Addr(0x2_0000_0ffc), "across two ranges").unwrap();
        let b = memory.bytes(Addr(0x3_0000_0020), 0x80, "x").unwrap();
        (a, b)
    };
    let seen = read(&recorder);
    let small = trimmed(&file, &dump, &recorder.touched());
    let again = open(&small);
    assert_eq!(read(&space(&small, &again)), seen);
    assert_eq!(space(&small, &again).run(Addr(0x2_0000_0000)), 0x2000);
}

#[test]
fn a_dump_trimmed_to_nothing_still_opens() {
    let file = Builder::new().memory(0x1000, [7; 64]).finish();
    let small = trimmed(&file, &open(&file), &[]);
    assert_eq!(open(&small).facts.memory_bytes, 0);
}

#[test]
fn a_write_that_fails_is_said() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let file = sample().finish();
    let error = write_trimmed(&file, &open(&file), &[], &mut Full).unwrap_err();
    assert_eq!(error.code(), "write");
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(*dump::open(&Vec::new(), "").unwrap_err(), Error::EmptyFile));
    let error = dump::open(&b"PK\x03\x04 a zip".to_vec(), "").unwrap_err();
    assert!(matches!(*error, Error::NotADump { .. }), "{error}");
    assert!(error.hint().contains("Unpack"));
    let error = dump::open(&b"MD".to_vec(), "").unwrap_err();
    assert!(matches!(*error, Error::NotADump { .. }), "{error}");
    let error = dump::open(&b"MDMP\x93\xa7".to_vec(), "").unwrap_err();
    assert!(matches!(*error, Error::Truncated { len: 32, file_len: 6, .. }), "{error}");
}

#[test]
fn opening_reads_little_of_a_large_dump() {
    let source = Counted::new(sample().base_rva(100 << 30).finish_sparse());
    dump::open(&source, "").unwrap();
    assert!(source.bytes() < 1 << 20, "{} bytes", source.bytes());
    assert!(source.reads() < 16, "{} reads", source.reads());
}
