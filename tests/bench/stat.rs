//! Groups: `dump`, `walk`, `method table cache`, `names`, `diff`, `inflate` (tests/README.md says what each measures). Of two in a group the ratio is the
//! figure; the milliseconds are the machine's.
//!
//! `cargo bench` takes the largest fixture; `DROPHEAP_DUMP=path cargo bench` another dump, `DROPHEAP_ZIP=path` another zip. The file cache is warm in both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    missing_docs
)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dropheap::dump::packed::Unpacking;
use dropheap::error::Findings;
use dropheap::heap::method_tables::MethodTables;
use dropheap::memory::{Addr, AddressSpace};
use dropheap::modules::Modules;
use dropheap::names::Names;
use dropheap::report::HeapReport;
use dropheap::runtime::method_table::MethodTable;
use dropheap::runtime::{self, Runtime, identity};
use dropheap::source::ByteSource;
use dropheap::source::file::FileSource;
use dropheap::source::zip;
use dropheap::synth::big::{Plan, make};
use dropheap::{Analysis, Options};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn dump(folder: &Path) -> PathBuf {
    if let Some(path) = std::env::var_os("DROPHEAP_DUMP") {
        return path.into();
    }
    let path = folder.join("evening.dmp");
    std::fs::File::create(&path).unwrap().write_all(&unpacked()).unwrap();
    path
}

fn unpacked() -> Vec<u8> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/net10-x64-wks/evening.dmp.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn benches(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = dump(folder.path());
    let mut group = c.benchmark_group("dump");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(std::fs::metadata(&path).unwrap().len()));
    group.bench_function("raw read", |b| {
        b.iter(|| {
            let source = FileSource::open(&path).unwrap();
            let mut buffer = vec![0; 1 << 20];
            let mut at = 0;
            while at < source.len() {
                let len = (source.len() - at).min(buffer.len() as u64);
                source.read_at(at, &mut buffer[..usize::try_from(len).unwrap()], "benchmark").unwrap();
                at += len;
            }
        });
    });
    group.bench_function("stat", |b| {
        b.iter(|| {
            let source = Arc::new(FileSource::open(&path).unwrap());
            dropheap::analyze(source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
        });
    });
    group.finish();
    steps(c, std::fs::read(&path).unwrap());
}

/// The steps by themselves, in memory, a group each: on a fixture of 273 method tables, and grown to 20,000.
fn steps(c: &mut Criterion, bytes: Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/net10-x64-wks");
    let expected = std::fs::read_to_string(set.join("expected-evening.csv")).unwrap();
    let plan = Plan { objects: 300_000, method_tables: 20_000, ..Plan::default() };
    let many = std::fs::read(make(unpacked(), &expected, &plan, folder.path()).unwrap().dump).unwrap();
    let dumps = [Heap::of(bytes), Heap::of(many)];

    let mut group = c.benchmark_group("walk");
    group.sample_size(10);
    for heap in &dumps {
        group.throughput(Throughput::Elements(heap.report.heap.objects));
        group
            .bench_function(heap.title(), |b| b.iter_batched(|| located(&heap.bytes), walked, BatchSize::PerIteration));
    }
    group.finish();

    let mut group = c.benchmark_group("method table cache");
    for heap in &dumps {
        group.throughput(Throughput::Elements(heap.tables.len() as u64));
        let look_up = |cache: &mut MethodTables| {
            for at in &heap.tables {
                std::hint::black_box(cache.get(&heap.space, &heap.rt, at.0).unwrap());
            }
        };
        group.bench_function(format!("{}, read and proven", heap.title()), |b| {
            b.iter_batched_ref(MethodTables::default, look_up, BatchSize::PerIteration);
        });
        let mut cache = MethodTables::default();
        look_up(&mut cache);
        group.bench_function(format!("{}, again", heap.title()), |b| b.iter(|| look_up(&mut cache)));
    }
    group.finish();

    let mut group = c.benchmark_group("names");
    group.sample_size(10);
    for heap in &dumps {
        group.throughput(Throughput::Elements(heap.tables.len() as u64));
        let tables: Vec<MethodTable> =
            heap.tables.iter().map(|at| MethodTable::read(&heap.space, &heap.rt.layout, *at).unwrap()).collect();
        let names = || {
            let modules = Modules::calibrate(&heap.space, &heap.rt, &tables, &mut Vec::new());
            Names::new(&heap.space, &heap.rt, modules)
        };
        group.bench_function(heap.title(), |b| {
            b.iter_batched_ref(
                names,
                |names| {
                    let mut findings = Findings::default();
                    for at in &heap.tables {
                        std::hint::black_box(names.name(*at, &mut findings));
                    }
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("{}, with types and the whole report", heap.title()), |b| {
            b.iter_batched(|| walked(located(&heap.bytes)), |a| a.finish().unwrap(), BatchSize::PerIteration);
        });
    }
    group.finish();

    let mut group = c.benchmark_group("diff");
    for (before, after) in [(0, 0), (1, 1)] {
        let reports = [&dumps[before].report, &dumps[after].report];
        group.throughput(Throughput::Elements(reports.iter().map(|r| r.types.len() as u64).sum()));
        group.bench_function(dumps[after].title(), |b| b.iter(|| dropheap::diff::diff(&reports).unwrap()));
    }
    group.finish();
}

/// A dump in memory, and what is known of its heap.
struct Heap {
    bytes: Arc<Vec<u8>>,
    space: AddressSpace<Arc<dyn ByteSource>>,
    rt: Runtime,
    report: HeapReport,
    /// Addresses of its method tables, in the order of the report.
    tables: Vec<Addr>,
}

impl Heap {
    fn of(bytes: Vec<u8>) -> Heap {
        let bytes = Arc::new(bytes);
        let dump = dropheap::dump::open(&*bytes, "").unwrap();
        let source: Arc<dyn ByteSource> = bytes.clone();
        let space = AddressSpace::new(source, Arc::clone(&dump.regions));
        let module = identity::find(&space, &dump.modules, None).unwrap().0.remove(0);
        let rt = runtime::locate(&space, &dump.modules, &module).unwrap();
        let report = walked(located(&bytes)).finish().unwrap();
        let tables = report.method_tables.iter().map(|row| row.method_table).collect();
        Heap { bytes, space, rt, report, tables }
    }

    fn title(&self) -> String {
        format!("{} objects of {} method tables", self.report.heap.objects, self.tables.len())
    }
}

fn located(bytes: &Arc<Vec<u8>>) -> Analysis {
    let mut analysis = Analysis::open(bytes.clone(), Options::default()).unwrap();
    analysis.locate().unwrap();
    analysis
}

/// As the page walks, with the bytes in memory.
fn walked(mut analysis: Analysis) -> Analysis {
    let mut open: Vec<usize> = (0..analysis.lanes()).collect();
    while !open.is_empty() {
        open.retain(|&lane| {
            if !analysis.busy(lane) {
                let Some(next) = analysis.upcoming_on(lane, 1).first().copied() else { return false };
                analysis.begin(lane, next);
                analysis.read_window(lane).unwrap();
            }
            true
        });
        analysis.step().unwrap();
    }
    analysis
}

fn archives(c: &mut Criterion) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/zip/net31-x64-wks-afternoon.zip");
    let path = std::env::var_os("DROPHEAP_ZIP").map_or(fixture, PathBuf::from);
    let file: Arc<dyn ByteSource> = Arc::new(FileSource::open(&path).unwrap());
    let entry = zip::directory(&file).unwrap().entries.into_iter().find(|e| e.name.ends_with(".dmp")).unwrap();
    let (start, len) = entry.place(&*file).unwrap();

    let unpacked = Unpacking::begin(Arc::clone(&file), None).unwrap().finish().unwrap();
    let inflated = unpacked.inflated.expect("a deflated dump");
    let checkpoints = inflated.checkpoint_bytes();
    dropheap::analyze(unpacked.source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    let n = inflated.inflations();
    eprintln!(
        "{}: {} bytes, inflated {:.3} times in all, no byte more than {} times; a checkpoint every {} bytes, {checkpoints} bytes of them",
        path.display(),
        n.len,
        n.inflated as f64 / n.len as f64,
        n.most,
        inflated.spacing(),
    );
    drop(inflated);

    let mut group = c.benchmark_group("inflate");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(n.len));
    group.bench_function("the stream alone", |b| {
        b.iter(|| {
            let mut packed = std::fs::File::open(&path).unwrap();
            packed.seek(SeekFrom::Start(start)).unwrap();
            let packed = std::io::BufReader::with_capacity(1 << 20, packed.take(len));
            std::io::copy(&mut flate2::bufread::DeflateDecoder::new(packed), &mut std::io::sink()).unwrap()
        });
    });
    group.bench_function("stat of the zip", |b| {
        b.iter(|| {
            let source = Arc::new(FileSource::open(&path).unwrap());
            dropheap::analyze(source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
        });
    });
    group.finish();
}

criterion_group!(all, benches, archives);
criterion_main!(all);
