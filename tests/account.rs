//! Whose the memory is: sums exact to the byte on every fixture, each owner on synthetic processes, and what of a process never leaves it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic is a failed test"
)]

mod shared;

use assert_cmd::Command;
use dropheap::account::{MemoryAccount, MemoryOwner, without_heap};
use dropheap::dump::{self, Dump};
use dropheap::error::Findings;
use dropheap::memory::{Addr, AddressSpace, Memory};
use dropheap::report::{DumpFacts, HeapReport};
use dropheap::synth::minidump::{Builder, Info, stream};
use dropheap::{Options, analyze};
use shared::{dumps, evening, unpack};
use std::ops::ControlFlow;
use std::sync::Arc;

const TEB: u64 = 0x7f_0000_0000;
const PEB: u64 = 0x7f_0010_0000;
const COMMIT: u32 = 0x1000;
const RESERVE: u32 = 0x2000;
const PRIVATE: u32 = 0x2_0000;
const MAPPED: u32 = 0x4_0000;
const IMAGE: u32 = 0x100_0000;

fn run(bytes: Vec<u8>) -> HeapReport {
    analyze(Arc::new(bytes), Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

fn sum(account: &MemoryAccount) -> u64 {
    account.owners.iter().map(|row| row.bytes).sum()
}

/// The parts of an account that must agree, whatever the dump.
fn assert_adds_up(account: &MemoryAccount, facts: &DumpFacts) {
    assert_eq!((account.bytes, sum(account)), (facts.memory_bytes, facts.memory_bytes), "{account:#?}");
    assert!(account.owners.is_sorted_by_key(|row| row.owner) && account.owners.iter().all(|row| row.bytes > 0));
    let images = |managed| account.images.iter().filter(|row| row.managed == managed).map(|row| row.bytes).sum::<u64>();
    assert_eq!(images(true), account.of(MemoryOwner::ManagedImages));
    assert_eq!(images(false), account.of(MemoryOwner::NativeImages));
    if let Some(space) = &account.address_space {
        assert_eq!(space.regions.iter().map(|row| row.committed).sum::<u64>(), space.committed);
        assert!(space.regions.iter().all(|row| row.in_dump <= row.committed));
    }
}

#[test]
fn every_fixture_adds_up_and_agrees_with_its_heap() {
    for (.., path) in dumps() {
        let report = run(unpack(&path));
        let account = report.memory.as_ref().unwrap();
        assert_adds_up(account, &report.dump);
        let (heap, of) = (&report.heap, |owner| account.of(owner));
        let name = path.display();
        assert_eq!(account.heap_missing, 0, "{name}: the trimmed dumps hold their segments");
        assert_eq!(of(MemoryOwner::GcFree), heap.free.aligned_size, "{name}");
        assert_eq!(of(MemoryOwner::GcObjects), heap.aligned_size - heap.free.aligned_size, "{name}");
        assert_eq!(of(MemoryOwner::GcUnexplained), 0, "{name}");
        // Objects, Free and open allocation contexts are all of the segments up to their ends, and those are the generations.
        let gaps = heap.explained_bytes - heap.aligned_size;
        assert_eq!(heap.explained_bytes, heap.total_bytes, "{name}");
        assert!(of(MemoryOwner::GcEmpty) >= gaps, "{name}");
        assert_eq!(heap.generations.iter().map(|g| g.aligned_size).sum::<u64>(), heap.aligned_size, "{name}");
        let rows: u64 = report.method_tables.iter().map(|row| row.aligned_size).sum();
        assert_eq!(of(MemoryOwner::GcObjects) + of(MemoryOwner::GcFree), rows, "{name}");
        assert!(of(MemoryOwner::ManagedImages) > 0 && of(MemoryOwner::ThreadStacks) > 0, "{name}: {account:#?}");
        // A trimmed dump says that it is less than the process.
        assert!(account.images_missing > 0 && account.incomplete().unwrap().contains("of its modules"), "{name}");
        assert!(!report.findings.iter().any(|f| f.code == "memory-claimed-twice"), "{name}: {:?}", report.findings);
    }
}

#[test]
fn a_comparison_says_what_grew() {
    let reports = ["afternoon", "evening"].map(|stage| run(unpack(format!("net10-x64-wks/{stage}.dmp.gz"))));
    let diff = dropheap::diff::diff(&reports).unwrap();
    let memory = diff.memory.unwrap();
    let [a, b] = reports.map(|report| report.memory.unwrap());
    assert_eq!(memory.process, b.bytes.cast_signed() - a.bytes.cast_signed());
    let objects = |account: &MemoryAccount| account.of(MemoryOwner::GcObjects).cast_signed();
    assert_eq!(memory.objects, objects(&b) - objects(&a));
    assert!(memory.sentence.starts_with("process +"), "{}", memory.sentence);
    assert_eq!(diff.dumps[1].memory.as_ref(), Some(&b));
}

fn open(bytes: &[u8]) -> Dump {
    dump::open(&bytes, "synthetic.dmp").unwrap()
}

fn account_of(bytes: &[u8]) -> (MemoryAccount, Vec<String>) {
    let dump = open(bytes);
    let mut findings = Findings::default();
    let account = without_heap(&bytes, &dump, &mut findings);
    assert_adds_up(&account, &dump.facts);
    (account, findings.into_vec().into_iter().map(|f| f.code).collect())
}

fn owners(account: &MemoryAccount) -> Vec<(MemoryOwner, u64)> {
    account.owners.iter().map(|row| (row.owner, row.bytes)).collect()
}

/// Two threads, an image, memory of its own.
fn process() -> Builder {
    let mut builder = Builder::new();
    builder
        .misc_info(4242, 1_699_990_000)
        .module(r"C:\app\Shop.exe", 0x1_4000_0000, 0x3000, [1, 2, 3, 4], 0x5555)
        .memory(0x1_4000_0000, vec![0; 0x1000])
        .thread(100, TEB, 0x10_8000, 0x2000)
        .environment(TEB, PEB, 4242, r"C:\app\Shop.exe", "Shop.exe")
        .memory(TEB + 0x1000, vec![0; 0x1000])
        .memory(0x10_0000, vec![0; 0xa000])
        .memory(0x3_0000_0000, vec![0; 0x5000]);
    builder
}

#[test]
fn without_memory_info_what_nobody_claims_is_not_attributed() {
    let mut builder = process();
    builder.stack_bounds(TEB, true, [0x10_a000, 0x10_7000, 0x10_2000]);
    let (account, findings) = account_of(&builder.finish());
    assert_eq!(
        owners(&account),
        [
            (MemoryOwner::NativeImages, 0x1000),
            // From DeallocationStack to StackBase; what the thread list has of it is not counted twice.
            (MemoryOwner::ThreadStacks, 0x8000),
            (MemoryOwner::ProcessBlocks, 0x3000),
            // Below the stack, the process parameters, the rest.
            (MemoryOwner::NotAttributed, 0x2000 + 0x2000 + 0x5000),
        ]
    );
    assert_eq!((account.images_missing, account.address_space.is_none(), findings.len()), (0x2000, true, 0));
    assert_eq!(account.images[0].name, "Shop.exe");
    let says = account.incomplete().unwrap();
    assert_eq!(says, "the account is of the dump's memory: the dump lacks 8.0 KB of its modules");
}

#[test]
fn bounds_of_a_stack_that_make_no_sense_are_not_used() {
    for bounds in [[0, 0, 0], [0x10_a000, 0x10_b000, 0], [u64::MAX, 0x1000, 0x1000]] {
        let mut builder = process();
        builder.stack_bounds(TEB, true, bounds);
        // The thread list's part of it is left.
        assert_eq!(account_of(&builder.finish()).0.of(MemoryOwner::ThreadStacks), 0x2000, "{bounds:x?}");
    }
    let mut builder = process();
    builder.stack_bounds(TEB, true, [0x10_a000, 0x10_7000, 0x10_9000]);
    assert_eq!(account_of(&builder.finish()).0.of(MemoryOwner::ThreadStacks), 0x3000);
}

#[test]
fn memory_info_divides_the_rest_by_type() {
    let info =
        |base, size, state, protection, kind| Info { base, allocation: base & !0xffff, size, state, protection, kind };
    let mut builder = process();
    builder.memory_info(&[
        info(0x10_0000, 0x1_0000, COMMIT, 4, PRIVATE),
        info(0x20_0000, 0x10_0000, RESERVE, 0, PRIVATE),
        info(0x1_4000_0000, 0x1000, COMMIT, 2, IMAGE),
        info(0x1_4000_1000, 0x2000, COMMIT, 0x20, IMAGE),
        info(0x2_0000_0000, 0x7000_0000, 0x1_0000, 1, 0),
        info(0x3_0000_0000, 0x1000, COMMIT, 2, MAPPED),
        info(0x3_0000_1000, 0x1000, COMMIT, 0x104, PRIVATE),
        info(0x3_0000_2000, 0x1000, COMMIT, 0x20, IMAGE),
        info(0x3_0000_3000, 0x1000, COMMIT, 4, 0x77),
        info(0x3_0000_4000, 0x1000, COMMIT, 0x40, MAPPED),
        // Runs backwards: it must not count twice.
        info(0x3_0000_0000, 0x2000, COMMIT, 4, PRIVATE),
    ]);
    let (account, _) = account_of(&builder.finish());
    assert_eq!(
        owners(&account),
        [
            (MemoryOwner::NativeImages, 0x1000),
            (MemoryOwner::ThreadStacks, 0x2000),
            (MemoryOwner::ProcessBlocks, 0x3000),
            (MemoryOwner::OtherExecutable, 0x1000),
            (MemoryOwner::OtherPrivate, 0x8000 + 0x1000),
            (MemoryOwner::OtherMapped, 0x1000),
            (MemoryOwner::OtherImages, 0x1000),
            // Of no type, and what the list does not have.
            (MemoryOwner::NotAttributed, 0x1000 + 0x2000),
        ]
    );
    let space = account.address_space.as_ref().unwrap();
    assert_eq!((space.committed, space.reserved), (0x1_8000, 0x10_0000));
    let rows: Vec<_> =
        space.regions.iter().map(|r| (r.kind.as_str(), r.protection.as_str(), r.committed, r.in_dump)).collect();
    assert_eq!(
        rows,
        [
            ("private", "rw", 0x1_0000, 0xa000),
            ("private", "rw, guard", 0x1000, 0x1000),
            ("mapped", "r", 0x1000, 0x1000),
            ("mapped", "rwx", 0x1000, 0x1000),
            ("image", "r", 0x1000, 0x1000),
            ("image", "rx", 0x3000, 0x1000),
            ("other", "rw", 0x1000, 0x1000),
        ]
    );
    assert!(account.incomplete().unwrap().ends_with("8.0 KB of its modules and 32.0 KB of all committed memory"));
}

#[test]
fn a_damaged_memory_info_list_is_left_out() {
    let whole = process().memory_info(&[]).finish();
    assert!(open(&whole).memory_info.is_some());
    let list = |header: u32, entry: u32, count: u64| {
        [&header.to_le_bytes()[..], &entry.to_le_bytes(), &count.to_le_bytes(), &[0; 96]].concat()
    };
    for bytes in [list(16, 47, 1), list(16, 48, 3), list(16, 48, u64::MAX), list(8, 48, 1), list(16, 0, 1), vec![1; 9]]
    {
        let file = process().stream(stream::MEMORY_INFO_LIST, bytes.clone()).finish();
        let dump = open(&file);
        assert_eq!(
            (dump.memory_info.is_none(), dump.findings.as_slice()[0].code.as_str()),
            (true, "stream-unreadable")
        );
        assert!(account_of(&file).0.address_space.is_none());
    }
    // Entries may be longer than what is known of them.
    let mut longer = list(16, 56, 1);
    longer[16..24].copy_from_slice(&0x3_0000_0000u64.to_le_bytes());
    longer[16 + 24..16 + 32].copy_from_slice(&0x1000u64.to_le_bytes());
    longer[16 + 32..16 + 36].copy_from_slice(&COMMIT.to_le_bytes());
    let file = process().stream(stream::MEMORY_INFO_LIST, longer).finish();
    assert_eq!(open(&file).memory_info.unwrap().committed_bytes(), 0x1000);
}

#[test]
fn both_stacks_of_a_32_bit_process_on_64_bit_windows() {
    const TEB32: u64 = 0x7ef0_2000;
    let teb64 = TEB32 - 0x2000;
    let mut builder = Builder::x86();
    builder.environment(TEB32, 0x7ef1_0000, 7, r"C:\app\32.exe", "32.exe").system_info(9, 4, [10, 0, 19045]);
    builder.memory(teb64, vec![0; 0x2000]).patch(teb64 + 0x30, teb64, 8).patch(teb64 + 0x40, 7, 8);
    builder.stack_bounds(teb64, true, [0x24_0000, 0x23_8000, 0x20_0000]);
    builder.stack_bounds(TEB32, false, [0x34_0000, 0x33_c000, 0x30_0000]);
    builder.memory(0x23_8000, vec![0; 0x8000]).memory(0x33_c000, vec![0; 0x4000]);
    builder.thread(8, teb64, 0x33_f000, 0x1000).variables(0x7ef1_0000, &VARIABLES);
    let (account, findings) = account_of(&builder.finish());
    assert_eq!(open(&builder.finish()).facts.site_name.as_deref(), Some("shop-site"));
    assert_eq!((account.of(MemoryOwner::ThreadStacks), findings.len()), (0xc000, 0));
    // Two TEBs and a PEB.
    assert_eq!(account.of(MemoryOwner::ProcessBlocks), 0x2000 + 0x1000 + 0x1000);
}

#[test]
fn sources_that_contradict_each_other_are_counted_once_and_said() {
    let mut builder = process();
    builder.stack_bounds(TEB, true, [0x10_a000, 0x10_7000, 0x10_2000]);
    // A second thread in the first one's stack, a module in both.
    builder.thread(104, 0, 0x10_9000, 0x1000).module("odd.dll", 0x10_9000, 0x1000, [1, 0, 0, 0], 1);
    let (account, findings) = account_of(&builder.finish());
    assert_eq!(findings, ["memory-claimed-twice"]);
    assert_eq!((account.of(MemoryOwner::NativeImages), account.of(MemoryOwner::ThreadStacks)), (0x2000, 0x7000));
}

#[test]
fn segments_of_native_heaps_prove_themselves() {
    const HEAP: u64 = 0x5_0000_0000;
    const SECOND: u64 = 0x5_1000_0000;
    let head = HEAP + 0x120;
    let mut builder = process();
    builder.patch(PEB + 0xe8, 2, 4).patch(PEB + 0xf0, PEB + 0x900, 8).patch(PEB + 0x900, HEAP, 8);
    // The second heap of the list is a segment heap: nothing is claimed of it.
    builder.patch(PEB + 0x908, 0x6_0000_0000, 8).memory(0x6_0000_0000, vec![0xdd; 0x1000]);
    builder.memory(HEAP, vec![0; 0x4000]).memory(SECOND, vec![0; 0x2000]);
    for (at, pages, next) in [(HEAP, 16, SECOND + 0x18), (SECOND, 4, head)] {
        builder.patch(at + 0x10, 0xffee_ffee, 4).patch(at + 0x18, next, 8).patch(at + 0x28, HEAP, 8);
        builder.patch(at + 0x30, at, 8).patch(at + 0x38, pages, 4);
    }
    builder.patch(head, HEAP + 0x18, 8);
    assert_eq!(account_of(&builder.finish()).0.of(MemoryOwner::NativeHeaps), 0x6000);
    // A segment that says to be elsewhere is none.
    builder.patch(SECOND + 0x30, HEAP, 8);
    assert_eq!(account_of(&builder.finish()).0.of(MemoryOwner::NativeHeaps), 0x4000);
    builder.patch(HEAP + 0x10, 0xddee_ddee, 4);
    assert_eq!(account_of(&builder.finish()).0.of(MemoryOwner::NativeHeaps), 0);
}

/// What must never be seen.
const SECRET: &str = "hunter2-5f3a";

const VARIABLES: [(&str, &str); 8] = [
    ("=C:", r"C:\hunter2-5f3a"),
    ("APPINSIGHTS_INSTRUMENTATIONKEY", SECRET),
    ("app_pool_id", "Shop"),
    ("APP_POOL_ID_SECRET", SECRET),
    ("ConnectionStrings__Default", "Server=db;Password=hunter2-5f3a;"),
    ("WEBSITE_INSTANCE_ID", "0a1b2c"),
    ("WEBSITE_SITE_NAME", "shop-site"),
    ("WEBSITE_SITE_NAME2", SECRET),
];

#[test]
fn three_variables_of_the_environment_are_kept_and_no_other() {
    let facts = |builder: &Builder| open(&builder.finish()).facts;
    let mut builder = process();
    let known = facts(builder.variables(PEB, &VARIABLES));
    let kept = |f: &DumpFacts| (f.app_pool.clone(), f.instance_id.clone(), f.site_name.clone());
    let all = (Some("Shop".into()), Some("0a1b2c".into()), Some("shop-site".into()));
    assert_eq!(kept(&known), all);
    assert!(!format!("{known:?}").contains(SECRET));
    // Whatever EnvironmentSize says.
    for size in [0, u64::MAX, 1 << 40] {
        assert_eq!(kept(&facts(builder.patch(PEB + 0x1000 + 0x3f0, size, 8))), all, "{size:x}");
    }
    // Behind the end of the block nothing is read.
    let short = facts(builder.patch(PEB + 0x1000 + 0x3f0, 120, 8));
    assert_eq!(kept(&short), (None, None, None));
    for odd in [
        &[("WEBSITE_SITE_NAME", "")][..],
        &[("WEBSITE_SITE_NAME", &"x".repeat(257))],
        &[("", "x"), ("APP_POOL_ID", "")],
    ] {
        assert_eq!(kept(&facts(process().variables(PEB, odd))), (None, None, None), "{odd:?}");
    }
    // Of a 32-bit process.
    let mut x86 = Builder::x86();
    x86.thread(8, 0x7ef0_0000, 0x1_0000, 0x1000).environment(0x7ef0_0000, 0x7ef1_0000, 7, "a.exe", "a.exe");
    assert_eq!(kept(&facts(x86.variables(0x7ef1_0000, &VARIABLES))), all);
}

#[test]
fn a_trimmed_dump_does_not_get_the_environment() {
    let file = process().variables(PEB, &VARIABLES).finish();
    let dump = open(&file);
    let mut small = Vec::new();
    dump::trim::write_trimmed(&file, &dump, &[(Addr(0x3_0000_0000), 0x1000)], &mut small).unwrap();
    assert_eq!((open(&small).facts.command_line, open(&small).facts.site_name), (dump.facts.command_line, None));
    let wide: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let holds = |bytes: &[u8]| bytes.windows(wide.len()).any(|w| w == wide);
    assert!(holds(&file) && !holds(&small));
}

/// A real, trimmed dump whose environment block, command line and comment hold secrets. The block is put where nothing else is: over the oldest
/// bytes of a stack.
fn with_secrets() -> Vec<u8> {
    const COMMENT_A: usize = 10;
    let mut file = evening("net10-x64-wks");
    let dump = open(&file);
    let (parameters, stack) = {
        let space = AddressSpace::new(&file, dump.regions.clone());
        let peb = Addr(space.u64(dump.threads[0].teb.plus(0x60), "PEB").unwrap());
        (
            Addr(space.u64(peb.plus(0x20), "parameters").unwrap()),
            dump.threads.iter().find(|t| t.stack_size > 0x1000).unwrap().stack,
        )
    };
    let offset = |at: Addr| dump.regions.find(at).unwrap().offset as usize;
    let text: String = VARIABLES.iter().map(|(name, value)| format!("{name}={value}\0")).chain(["\0".into()]).collect();
    let block: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    file[offset(stack)..][..block.len()].copy_from_slice(&block);
    file[offset(parameters.plus(0x80))..][..8].copy_from_slice(&stack.0.to_le_bytes());
    file[offset(parameters.plus(0x3f0))..][..8].copy_from_slice(&(block.len() as u64).to_le_bytes());
    // The command line, as long as it was.
    let line = parameters.plus(0x70);
    let at = u64::from_le_bytes(file[offset(line.plus(8))..][..8].try_into().unwrap());
    let wide: Vec<u8> = format!("x {SECRET}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = u16::from_le_bytes(file[offset(line)..][..2].try_into().unwrap());
    assert!(usize::from(len) >= wide.len(), "{len}");
    file[offset(Addr(at))..][..wide.len()].copy_from_slice(&wide);
    file[offset(line)..][..2].copy_from_slice(&(wide.len() as u16).to_le_bytes());
    // A comment behind everything, in the place of a stream that is not needed.
    let (entry, _, _) = dropheap::synth::minidump::locate_stream(&file, stream::THREAD_INFO_LIST).unwrap();
    let comment = format!("*** procdump -ma 32 \\\\share\\{SECRET}\0");
    let words = [COMMENT_A as u32, comment.len() as u32, file.len() as u32];
    file[entry..entry + 12].copy_from_slice(&words.map(u32::to_le_bytes).concat());
    file.extend(comment.bytes());
    file
}

#[test]
fn no_format_of_any_command_prints_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.dmp");
    std::fs::write(&path, with_secrets()).unwrap();
    let path = path.to_str().unwrap();
    let facts = run(std::fs::read(path).unwrap()).dump;
    assert_eq!((facts.site_name.as_deref(), facts.app_pool.as_deref()), (Some("shop-site"), Some("Shop")));
    assert!(facts.command_line.unwrap().ends_with(SECRET) && facts.comment.unwrap().ends_with(SECRET));

    let run = |arguments: &[&str]| {
        let output = Command::cargo_bin("dropheap").unwrap().args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {text}");
        text
    };
    let mut seen = 0;
    for (command, formats) in [
        (&["stat", path][..], &["table", "sos", "csv", "json", "md"][..]),
        (&["stat", "--by", "mt", path], &["table", "csv", "json", "md"]),
        (&["diff", path, path], &["table", "csv", "json", "md"]),
        (&["diff", "--group-by", "kind", path, path], &["table", "csv", "json", "md"]),
        (&["info", path], &["table", "json"]),
        (&["verify", path], &["table", "json"]),
    ] {
        for format in formats {
            let text = run(&[command, &["--format", format]].concat());
            assert!(!text.contains(SECRET) && !text.contains("INSTRUMENTATIONKEY"), "{command:?} {format}: {text}");
            seen += usize::from(text.contains("shop-site"));
        }
    }
    assert!(seen >= 5, "the site is named where facts are printed: {seen}");
    // Asked for, the command line and the comment are there, and still no other variable.
    for command in [
        &["stat", "--format", "json", path][..],
        &["diff", "--format", "json", path, path],
        &["info", path],
        &["info", "--format", "json", path],
    ] {
        let text = run(&[command, &["--with-command-line"]].concat());
        assert!(text.contains(&format!("x {SECRET}")) && text.contains("procdump"), "{command:?}");
        assert!(!text.contains("INSTRUMENTATIONKEY") && !text.contains("Password"), "{command:?}");
    }
}

#[test]
fn a_clone_is_known_by_its_threads_or_by_its_writer() {
    let file_time = |unix: u64| (unix + 11_644_473_600) * 10_000_000;
    let facts = |builder: &Builder| open(&builder.finish()).facts;
    // MiscInfo of the clone, made when the dump was; the TEBs are the original's.
    let mut builder = process();
    let clone = facts(builder.misc_info(9000, 1_699_999_998));
    assert_eq!(
        (clone.pid, clone.clone.unwrap().pid, clone.started_at, clone.uptime),
        (Some(4242), Some(9000), None, None)
    );
    // The original's start by its oldest thread.
    let timed = facts(builder.thread_info(100, file_time(1_699_990_000)));
    assert_eq!((timed.pid, timed.started_at, timed.uptime), (Some(4242), Some(1_699_990_000), Some(10_000)));
    // Threads of the clone itself say nothing.
    let mut builder = process();
    let young = facts(builder.misc_info(9000, 1_699_999_998).thread_info(100, file_time(1_699_999_998)));
    assert_eq!((young.pid, young.started_at), (Some(4242), None));
    // Only procdump's own command line tells.
    let wide: Vec<u8> = "\n*** procdump64 -accepteula -r -ma 4242\n*** Manual dump\0"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let told = facts(process().stream(stream::COMMENT_W, wide));
    assert_eq!((told.pid, told.clone.unwrap().pid, told.started_at), (Some(4242), None, Some(1_699_990_000)));
    for other in ["*** procdump -ma 4242", "*** procdump  -ma -e -x C:\\dumps shop.exe -r", "rm -r /", ""] {
        let plain = facts(process().stream(stream::COMMENT_A, format!("{other}\0junk")));
        assert_eq!((plain.clone, plain.comment.as_deref()), (None, Some(other).filter(|o| !o.is_empty())));
    }
}

#[test]
fn the_limit_of_a_job_is_known_where_the_counters_have_it() {
    let counters = |revision: u16, flags: u16, limits: [u64; 2]| {
        let mut bytes = [revision.to_le_bytes(), flags.to_le_bytes()].concat();
        bytes.resize(8 + 16 * 8, 0x11);
        bytes.extend(limits.map(u64::to_le_bytes).concat());
        open(&process().stream(stream::PROCESS_VM_COUNTERS, bytes).finish()).facts.memory_limit
    };
    assert_eq!(counters(2, 0x1f, [2 << 30, 3 << 30]), Some(2 << 30));
    assert_eq!(counters(2, 0x1f, [0, 3 << 30]), Some(3 << 30));
    assert_eq!(
        (counters(2, 0x1f, [0, u64::MAX]), counters(2, 0x0f, [1, 1]), counters(1, 0x1f, [1, 1])),
        (None, None, None)
    );
}

/// The same dump with one range of memory more.
fn with_memory(file: &[u8], addr: u64, bytes: &[u8]) -> Vec<u8> {
    let (entry, rva, len) = dropheap::synth::minidump::locate_stream(file, stream::MEMORY64_LIST).unwrap();
    let mut list = file[rva..rva + len].to_vec();
    let count = u64::from_le_bytes(list[..8].try_into().unwrap());
    list[..8].copy_from_slice(&(count + 1).to_le_bytes());
    list.extend([addr, bytes.len() as u64].map(u64::to_le_bytes).concat());
    // Its data are the last ones of the file, as the trimmed writer makes them.
    let mut out = [file, bytes].concat();
    let words = [list.len() as u32, out.len() as u32];
    out[entry + 4..entry + 12].copy_from_slice(&words.map(u32::to_le_bytes).concat());
    out.extend(list);
    out
}

#[test]
fn a_card_table_counts_only_if_it_covers_every_segment() {
    const AT: u64 = 0x9_0000_0000;
    let file = evening("net31-x64-wks");
    let plain = run(file.clone());
    let segments = &plain.heap.segments;
    let lowest = segments.iter().map(|s| s.address.0).min().unwrap();
    let highest = segments.iter().map(|s| s.end.0).max().unwrap() + (1 << 30);
    let before = plain.memory.unwrap().of(MemoryOwner::GcBookkeeping);
    // The table has a bit for 256 bytes, a brick for 4 KB, and is rounded up to its last page.
    let size = 0x40 + (highest - lowest) / 2048 * 2 + 5;
    let good = [1, lowest, highest, AT + 0x40 + (highest - lowest) / 2048, 0, 0, size, 0];
    let with = |words: [u64; 8], at: u64| {
        let mut bytes = words.map(u64::to_le_bytes).concat();
        bytes.resize(size.next_multiple_of(0x1000) as usize + 0x3000, 0xcc);
        let report = run(with_memory(&file, at, &bytes));
        let account = report.memory.unwrap();
        assert_adds_up(&account, &report.dump);
        account.of(MemoryOwner::GcBookkeeping) - before
    };
    assert_eq!(with(good, AT), size.next_multiple_of(0x1000));
    for (place, value) in [
        (0, 0),
        (0, 0x1_0000),
        (1, lowest + 0x2000),
        (2, highest - (1 << 30) - 8),
        (2, 0),
        (3, AT),
        (3, AT + size),
        (6, 1 << 50),
    ] {
        let mut bad = good;
        bad[place] = value;
        assert_eq!(with(bad, AT), 0, "word {place}: {value:x}");
    }
    // Not where a reservation begins.
    assert_eq!(with(good, AT + 0x8000), 0);
}

#[test]
fn code_heaps_are_those_of_the_runtimes_own_map() {
    use dropheap::image::pe::PeImage;
    use dropheap::memory::PointerSize;
    use dropheap::runtime::descriptor::Descriptor;
    const AT: u64 = 0x9_0000_0000;
    let mut file = evening("net10-x64-wks");
    let dump = open(&file);
    let plain = run(file.clone());
    let before = plain.memory.as_ref().unwrap().of(MemoryOwner::LoaderHeaps);
    let code = plain.memory.as_ref().unwrap().of(MemoryOwner::CodeHeaps);
    assert_eq!(code, 0, "the trimmed dump lacks the map's lower levels");
    let map = {
        let space = AddressSpace::new(&file[..], dump.regions.clone());
        let base = Addr(u64::from_str_radix(&plain.runtime.base, 16).unwrap());
        let image = PeImage::open(&space, base).unwrap();
        let export = image.find_exports(&space, &["DotNetRuntimeContractDescriptor"]).unwrap()[0].1;
        let descriptor = Descriptor::read(&space, export, PointerSize::Eight).unwrap();
        descriptor.pointer("ExecutionManagerCodeRangeMapAddress").unwrap()
    };
    // One way through five levels, all at their entry 3, to three fragments of a list.
    let top = dump.regions.find(map).unwrap().offset as usize;
    file[top..top + 256 * 8].fill(0);
    file[top + 3 * 8..][..8].copy_from_slice(&(AT + 1).to_le_bytes());
    let mut bytes = vec![0u8; 0x8000];
    let mut put = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    for level in 0..4 {
        put(level * 0x800 + 3 * 8, AT + (level as u64 + 1) * 0x800);
    }
    let fragments = [0x2000, 0x2100, 0x2200];
    let sections = [0x3000, 0x3100, 0x3200];
    for (i, (&fragment, &section)) in fragments.iter().zip(&sections).enumerate() {
        put(fragment, fragments.get(i + 1).map_or(0, |&next| AT + next as u64 + 1));
        put(fragment + 24, AT + section as u64);
        put(section, AT + 0x4000 + i as u64 * 0x1000);
        put(section + 8, AT + 0x4000 + i as u64 * 0x1000 + 0x800);
    }
    // The list leads from the last level to the first fragment: code of a heap, stubs, code of an image.
    put(3 * 0x800 + 3 * 8, AT + fragments[0] as u64);
    put(sections[0] + 40, AT + 0x7000);
    put(sections[1] + 16, 4);
    put(sections[2] + 32, AT + 0x7000);
    let account = |file: &[u8], bytes: &[u8]| {
        let report = run(with_memory(file, AT, bytes));
        assert_adds_up(report.memory.as_ref().unwrap(), &report.dump);
        let account = report.memory.unwrap();
        (account.of(MemoryOwner::CodeHeaps), account.of(MemoryOwner::LoaderHeaps) - before)
    };
    assert_eq!(account(&file, &bytes), (0x800, 0x800));
    // A list that meets itself, or that leads out of the dump, proves nothing.
    for next in [AT + fragments[0] as u64, 0xdead_0000] {
        bytes[fragments[2]..fragments[2] + 8].copy_from_slice(&next.to_le_bytes());
        assert_eq!(account(&file, &bytes), (0, 0));
    }
}

#[test]
fn a_loader_heap_among_the_variables_proves_itself() {
    use dropheap::image::pe::PeImage;
    const AT: u64 = 0x9_0000_0000;
    let file = evening("net31-x64-wks");
    let dump = open(&file);
    let plain = run(file.clone());
    let before = plain.memory.unwrap().of(MemoryOwner::LoaderHeaps);
    // A free place in the runtime's writable sections.
    let space = AddressSpace::new(&file[..], dump.regions.clone());
    let image = PeImage::open(&space, Addr(u64::from_str_radix(&plain.runtime.base, 16).unwrap())).unwrap();
    let places =
        image.writable_sections().into_iter().flat_map(|(start, len)| (0..len / 64).map(move |i| start.plus(i * 64)));
    let place =
        places.into_iter().find(|&at| space.bytes(at, 64, "zeros").is_ok_and(|b| b.iter().all(|&b| b == 0))).unwrap();
    let offset = dump.regions.find(place).unwrap().offset as usize;
    let with = |skip: usize, words: [u64; 4], blocks: [[u64; 3]; 2]| {
        let mut file = file.clone();
        for (i, word) in [0, skip, skip + 1, skip + 2].into_iter().zip(words) {
            file[offset + i * 8..][..8].copy_from_slice(&word.to_le_bytes());
        }
        let mut bytes = vec![0u8; 0x2_0000];
        for (i, block) in blocks.iter().enumerate() {
            bytes[i * 0x100..i * 0x100 + 24].copy_from_slice(&block.map(u64::to_le_bytes).concat());
        }
        let report = run(with_memory(&file, AT, &bytes));
        let account = report.memory.unwrap();
        assert_adds_up(&account, &report.dump);
        account.of(MemoryOwner::LoaderHeaps) - before
    };
    let words = [AT, AT + 0x4123, AT + 0x6000, AT + 0x8000];
    let blocks = [[AT + 0x100, AT + 0x4000, 0x4000], [0, AT + 0x1_0000, 0x3000]];
    for skip in [1, 3] {
        assert_eq!(with(skip, words, blocks), 0x7000, "{skip}");
    }
    assert_eq!(with(2, words, blocks), 0);
    for (i, value) in [
        (0, AT + 4),
        (0, AT + 0x200),
        (1, AT + 0x3fff),
        (1, AT + 0x6001),
        (2, AT + 0x9000),
        (2, AT + 0x6001),
        (3, AT + 0x9000),
    ] {
        let mut bad = words;
        bad[i] = value;
        assert_eq!(with(1, bad, blocks), 0, "word {i}: {value:x}");
    }
    // A chain ends where it is none, and where it meets itself.
    assert_eq!(with(1, words, [blocks[0], [0, AT + 0x1_0001, 0x3000]]), 0x4000);
    assert_eq!(with(1, words, [blocks[0], [AT, AT + 0x1_0000, 0x3000]]), 0x7000);
}
