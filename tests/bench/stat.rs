//! `stat` beside the raw read of the same bytes: the ratio is the figure, the milliseconds are the machine's.
//!
//! Of a zip: `stat` beside the inflater's own time for the whole stream, with the number of inflations.
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
    steps(c, &std::fs::read(&path).unwrap());
}

/// The steps by themselves, in memory.
fn steps(c: &mut Criterion, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/net10-x64-wks");
    let expected = std::fs::read_to_string(set.join("expected-evening.csv")).unwrap();
    let plan = Plan { objects: 300_000, method_tables: 20_000, ..Plan::default() };
    let made = make(unpacked(), &expected, &plan, folder.path()).unwrap();
    let many = std::fs::read(made.dump).unwrap();
    let mut group = c.benchmark_group("step");
    group.sample_size(10);
    for (name, bytes) in [("walk", bytes), ("walk of 20,000 method tables", &many)] {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.to_vec());
        group.bench_function(name, |b| {
            b.iter_batched(|| located(&bytes), |a| walked(a, &bytes), BatchSize::PerIteration)
        });
    }
    for (name, bytes) in [("names and report", bytes), ("names and report of 20,000 method tables", &many)] {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.to_vec());
        group.bench_function(name, |b| {
            b.iter_batched(|| walked(located(&bytes), &bytes), |a| a.finish().unwrap(), BatchSize::PerIteration);
        });
    }
    let report = |bytes: &[u8]| {
        let bytes = Arc::new(bytes.to_vec());
        walked(located(&bytes), &bytes).finish().unwrap()
    };
    let reports = [report(bytes), report(&many)];
    group
        .bench_function("diff of 273 and 20,000 method tables", |b| b.iter(|| dropheap::diff::diff(&reports).unwrap()));
    group.finish();
}

fn located(bytes: &Arc<Vec<u8>>) -> Analysis {
    let mut analysis = Analysis::open(bytes.clone(), Options::default()).unwrap();
    analysis.locate().unwrap();
    analysis
}

fn walked(mut analysis: Analysis, bytes: &[u8]) -> Analysis {
    while let Some(w) = analysis.upcoming(1).first().copied() {
        let from = usize::try_from(w.offset).unwrap();
        analysis.feed(w.offset, &bytes[from..from + usize::try_from(w.len).unwrap()]).unwrap();
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

    let mut group = c.benchmark_group("zip");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(n.len));
    group.bench_function("inflate", |b| {
        b.iter(|| {
            let mut packed = std::fs::File::open(&path).unwrap();
            packed.seek(SeekFrom::Start(start)).unwrap();
            let packed = std::io::BufReader::with_capacity(1 << 20, packed.take(len));
            std::io::copy(&mut flate2::bufread::DeflateDecoder::new(packed), &mut std::io::sink()).unwrap()
        });
    });
    group.bench_function("stat", |b| {
        b.iter(|| {
            let source = Arc::new(FileSource::open(&path).unwrap());
            dropheap::analyze(source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
        });
    });
    group.finish();
}

criterion_group!(all, benches, archives);
criterion_main!(all);
