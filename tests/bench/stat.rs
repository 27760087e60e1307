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

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropheap::dump::packed::Unpacking;
use dropheap::source::ByteSource;
use dropheap::source::file::FileSource;
use dropheap::source::zip;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn dump(folder: &Path) -> PathBuf {
    if let Some(path) = std::env::var_os("DROPHEAP_DUMP") {
        return path.into();
    }
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/net10-x64-wks/evening.dmp.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap();
    let path = folder.join("evening.dmp");
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    path
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
            dropheap::analyze(source, dropheap::Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
        });
    });
    group.finish();
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
    dropheap::analyze(unpacked.source, dropheap::Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
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
            dropheap::analyze(source, dropheap::Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
        });
    });
    group.finish();
}

criterion_group!(all, benches, archives);
criterion_main!(all);
