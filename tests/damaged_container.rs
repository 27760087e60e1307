//! Damaged minidumps: whatever the bytes, no panic, an end, and no more memory than the file can account for.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use dropheap::Error;
use dropheap::dump::{self, Dump, trim::write_trimmed};
use dropheap::memory::{Addr, AddressSpace, Memory};
use dropheap::source::ByteSource;
use dropheap::synth::minidump::{Builder, SparseSource, locate_stream, stream};
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[allow(unsafe_code, reason = "a global allocator is an unsafe trait; it only counts and passes on")]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    thread_local! {
        static NOW: Cell<usize> = const { Cell::new(0) };
        static PEAK: Cell<usize> = const { Cell::new(0) };
    }

    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            NOW.set(NOW.get().wrapping_add(layout.size()));
            // Memory of another thread may be freed here: then the count is "negative", far above half of the range.
            if NOW.get() < usize::MAX / 2 {
                PEAK.set(PEAK.get().max(NOW.get()));
            }
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
            NOW.set(NOW.get().wrapping_sub(layout.size()));
            unsafe { System.dealloc(at, layout) }
        }
    }

    /// Runs it; gives its result and the largest number of bytes that this thread held at once because of it.
    pub fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
        NOW.set(0);
        PEAK.set(0);
        let result = run();
        (result, PEAK.get())
    }
}

fn bytes(seed: u64, len: u64) -> Vec<u8> {
    (0..len).map(|i| ((i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect()
}

fn sample() -> Builder {
    let mut builder = Builder::new();
    builder
        .misc_info(4242, 1_699_990_000)
        .module(r"C:\app\Shop.exe", 0x1_4000_0000, 0x20000, [1, 2, 3, 4], 0x5555)
        .module(r"C:\Windows\System32\ntdll.dll", 0x7ffe_0000_0000, 0x1f_0000, [10, 0, 19041, 1], 0x6666)
        .thread(100, 0x7f_0000_0000, 0x10_0000, 0x2000)
        .thread(104, 0x7f_0001_0000, 0x20_0000, 0x1000)
        .thread_info(100, 133_000_000_000_000_000)
        .thread_name(100, "main")
        .memory(0x2_0000_0000, bytes(1, 0x1000))
        .memory(0x2_0000_1000, bytes(2, 0x1001))
        .memory(0x3_0000_0000, bytes(4, 0x123))
        .environment(0x7f_0000_0000, 0x7f_0010_0000, 4242, r"C:\app\Shop.exe", "Shop.exe --urls");
    builder
}

/// Everything that can be done with a dump. Gives the dump if it opens.
fn exercise(source: &dyn ByteSource) -> Result<Dump, Box<Error>> {
    let dump = dump::open(source, "damaged.dmp")?;
    let _ = dump.require_heap_memory();
    assert!(dump.regions.total_bytes() <= source.len().saturating_mul(dump.facts.memory_ranges));
    let memory = AddressSpace::new(source, &*dump.regions);
    let mut last_end = 0;
    for extent in dump.regions.iter() {
        assert!(extent.len > 0 && extent.addr.0 >= last_end);
        assert!(extent.offset + extent.len <= source.len());
        last_end = extent.addr.0 + extent.len;
        memory.u8(extent.addr, "first byte").unwrap();
        memory.u8(Addr(last_end - 1), "last byte").unwrap();
    }
    for thread in &dump.threads {
        let _ = dump.context(thread);
    }
    let keep: Vec<_> = dump.regions.iter().take(100).map(|extent| (extent.addr, extent.len.min(5000))).collect();
    let mut small = Vec::new();
    write_trimmed(source, &dump, &keep, &mut small)?;
    let again = dump::open(&small, "damaged.dmp")?;
    assert_eq!(again.modules, dump.modules);
    let threads = |dump: &Dump| -> Vec<_> {
        let context = |thread| dump.context(thread).map(<[u8]>::to_vec);
        dump.threads.iter().map(|t| (t.id, t.teb, t.stack, t.stack_size, context(t))).collect()
    };
    assert_eq!(threads(&again), threads(&dump));
    assert_eq!(again.facts.image_path, dump.facts.image_path);
    Ok(dump)
}

/// The same, within time and memory that suit a file of some 60 KB.
fn exercise_small(source: &dyn ByteSource) -> Result<Dump, Box<Error>> {
    let start = Instant::now();
    let (result, peak) = counting::peak(|| exercise(source));
    assert!(peak < 8 << 20, "{peak} bytes held at once");
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    result
}

fn codes(dump: &Dump) -> Vec<(&str, bool)> {
    dump.findings.as_slice().iter().map(|f| (f.code.as_str(), f.partial)).collect()
}

/// Numbers that break arithmetic, beside plain random ones.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        prop::sample::select(vec![
            0,
            1,
            2,
            3,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0xffff_fff0,
            0xffff,
            0x10000,
            0x1_0001
        ]),
        0u32..0x10000,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(
        edits in prop::collection::vec((0usize..100_000, any::<u8>(), prop::bool::weighted(0.8)), 1..20),
        directory_last in any::<bool>(),
        memory_list in any::<bool>(),
    ) {
        let mut builder = sample();
        if directory_last { builder.directory_last(); }
        if memory_list { builder.memory_list(); }
        let mut file = builder.finish();
        let (len, head) = (file.len(), file.len() - 0x6124);
        for (at, value, in_head) in edits {
            // Behind the signature: a file without it is no dump at all.
            file[4 + at % (if in_head { head } else { len } - 4)] = value;
        }
        let _ = exercise_small(&file);
    }

    #[test]
    fn words_that_break_arithmetic(
        edits in prop::collection::vec((0usize..100_000, word()), 1..12),
        memory_list in any::<bool>(),
    ) {
        let mut builder = sample();
        if memory_list { builder.memory_list(); }
        let mut file = builder.finish();
        let words = (file.len() - 0x6124) / 4;
        for (at, value) in edits {
            let at = (1 + at % (words - 1)) * 4;
            file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let _ = exercise_small(&file);
        // The same head in a file of 50 GB, where nearly every offset exists.
        let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
        let start = Instant::now();
        let (_, peak) = counting::peak(|| dump::open(&huge, ""));
        prop_assert!(peak < 100 << 20, "{} bytes held at once", peak);
        prop_assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    }

    #[test]
    fn cut_anywhere(at in 0usize..100_000, directory_last in any::<bool>()) {
        let mut builder = sample();
        if directory_last { builder.directory_last(); }
        let file = builder.finish();
        let cut = &file[..at % file.len()];
        if let Ok(dump) = exercise_small(&cut) {
            // Never silently: something of the end is missing.
            prop_assert!(dump.findings.partial(), "cut at {}: {:?}", cut.len(), codes(&dump));
        }
    }

    #[test]
    fn arbitrary_bytes_behind_a_header(mut file in prop::collection::vec(any::<u8>(), 32..2000), count in 0u8..40) {
        file[..8].copy_from_slice(b"MDMP\x93\xa7\0\0");
        file[8..16].copy_from_slice(&[count, 0, 0, 0, 32, 0, 0, 0]);
        // Known stream types, else nothing is read.
        for entry in file[32..].chunks_mut(12) {
            if let [kind, rest @ ..] = entry {
                *kind %= 25;
                for (i, byte) in rest.iter_mut().enumerate() {
                    if i < 3 || i % 4 > 1 { *byte = 0; }
                }
            }
        }
        let _ = exercise_small(&file);
    }
}

fn patched(kind: u32, offset_in_stream: usize, value: &[u8]) -> Vec<u8> {
    let mut file = sample().finish();
    let (_, at, _) = locate_stream(&file, kind).unwrap();
    file[at + offset_in_stream..][..value.len()].copy_from_slice(value);
    file
}

#[test]
fn four_thousand_million_streams() {
    let mut file = sample().finish();
    file[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = exercise_small(&file).unwrap_err();
    assert!(matches!(*error, Error::Limit { value: 0xffff_ffff, limit: 10_000, .. }), "{error}");
}

#[test]
fn more_streams_than_the_file_has_room_for() {
    let mut file = sample().directory_last().memory_list().without(stream::MEMORY_LIST).finish();
    file[8..12].copy_from_slice(&9_999u32.to_le_bytes());
    let dump = exercise_small(&file).unwrap();
    assert!(codes(&dump).contains(&("stream-directory-cut", true)), "{:?}", codes(&dump));
    assert_eq!(dump.modules.len(), 2);

    file[12..16].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    let error = exercise_small(&file).unwrap_err();
    assert!(matches!(*error, Error::Truncated { offset: 0xffff_fff0, .. }), "{error}");
}

#[test]
fn a_directory_of_zeros_is_a_dump_that_was_never_finished() {
    let mut file = sample().finish();
    let (count, at) = (file[8] as usize, u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize);
    file[at..at + count * 12].fill(0);
    let error = exercise_small(&file).unwrap_err();
    assert_eq!(error.code(), "damaged");
    assert!(error.to_string().contains("did not finish"), "{error}");
}

#[test]
fn two_to_the_sixtieth_ranges() {
    let dump = exercise_small(&patched(stream::MEMORY64_LIST, 0, &(1u64 << 60).to_le_bytes())).unwrap();
    assert_eq!(codes(&dump), [("memory-list-cut", true)]);
    assert_eq!(dump.facts.memory_ranges, 6);
    let mut file = sample().memory_list().finish();
    let (_, at, _) = locate_stream(&file, stream::MEMORY_LIST).unwrap();
    file[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(codes(&exercise_small(&file).unwrap()), [("memory-list-cut", true)]);
}

#[test]
fn more_ranges_than_any_dump_has() {
    // The list is really there: 2^24 descriptors in a file of 50 GB.
    let mut file = sample().finish();
    let (entry, at, _) = locate_stream(&file, stream::MEMORY64_LIST).unwrap();
    file[entry + 4..entry + 8].copy_from_slice(&(16 + (16u32 << 24)).to_le_bytes());
    file[at..at + 8].copy_from_slice(&(1u64 << 24).to_le_bytes());
    let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
    let (result, peak) = counting::peak(|| dump::open(&huge, ""));
    assert!(matches!(*result.unwrap_err(), Error::Limit { value: 0x100_0000, limit: 1_000_000, .. }));
    assert!(peak < 8 << 20, "{peak}");
}

#[test]
fn a_million_ranges_stay_within_the_budget() {
    let n = 1_000_000u64;
    let mut list = [n.to_le_bytes(), (1u64 << 30).to_le_bytes()].concat();
    for i in 0..n {
        // Descending, of uneven sizes, so that nothing can be merged.
        list.extend(((n - i) * 0x1000).to_le_bytes());
        list.extend((1 + i % 4096).to_le_bytes());
    }
    let file = sample().stream(stream::MEMORY64_LIST, list).finish();
    let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
    let start = Instant::now();
    let (dump, peak) = counting::peak(|| dump::open(&huge, "").unwrap());
    assert_eq!(dump.facts.memory_ranges, n);
    assert!(!dump.findings.partial());
    assert!(peak < 100 << 20, "{} MB", peak >> 20);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn ranges_that_add_up_to_more_than_there_are_numbers() {
    let mut file = sample().finish();
    let (_, at, _) = locate_stream(&file, stream::MEMORY64_LIST).unwrap();
    for i in 0..3 {
        file[at + 16 + i * 16 + 8..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    }
    let dump = exercise_small(&file).unwrap();
    assert!(codes(&dump).contains(&("memory-truncated", true)), "{:?}", codes(&dump));
    let dump = exercise_small(&patched(stream::MEMORY64_LIST, 8, &u64::MAX.to_le_bytes())).unwrap();
    assert_eq!((codes(&dump), dump.facts.memory_bytes), (vec![("memory-truncated", true)], 0));
}

#[test]
fn four_thousand_million_modules_threads_and_names() {
    for (kind, at) in
        [(stream::MODULE_LIST, 0), (stream::THREAD_LIST, 0), (stream::THREAD_NAMES, 0), (stream::THREAD_INFO_LIST, 8)]
    {
        let file = patched(kind, at, &u32::MAX.to_le_bytes());
        let dump = exercise_small(&file).unwrap();
        assert_eq!(codes(&dump), [("list-cut", false)], "stream {kind}");
        assert_eq!((dump.modules.len(), dump.threads.len()), (2, 2));
        // In a huge file the stream can say that they are all there.
        let (entry, ..) = locate_stream(&file, kind).unwrap();
        let mut file = file;
        file[entry + 4..entry + 8].copy_from_slice(&u32::MAX.to_le_bytes());
        let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
        let (dump, peak) = counting::peak(|| dump::open(&huge, "").unwrap());
        assert!(codes(&dump).contains(&("list-cut", false)), "stream {kind}: {:?}", codes(&dump));
        assert!(dump.modules.len() <= 10_000 && dump.threads.len() <= 100_000);
        assert!(peak < 100 << 20, "stream {kind}: {} MB", peak >> 20);
    }
}

#[test]
fn a_small_stream_of_four_gigabytes_is_left_out() {
    let mut file = sample().finish();
    let (entry, ..) = locate_stream(&file, stream::MISC_INFO).unwrap();
    file[entry + 4..entry + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
    let (dump, peak) = counting::peak(|| dump::open(&huge, "").unwrap());
    assert_eq!(codes(&dump), [("stream-unreadable", false)]);
    assert_eq!(dump.modules.len(), 2);
    assert!(peak < 8 << 20, "{peak}");
}

#[test]
fn a_thread_context_of_four_gigabytes_is_left_out() {
    let file = patched(stream::THREAD_LIST, 4 + 40, &u32::MAX.to_le_bytes());
    let huge = SparseSource { len: 50 << 30, pieces: vec![(0, file)] };
    let dump = dump::open(&huge, "").unwrap();
    assert_eq!(codes(&dump), [("record-unreadable", false)]);
    assert_eq!((dump.context(&dump.threads[0]), dump.context(&dump.threads[1]).map(<[u8]>::len)), (None, Some(1232)));
}
