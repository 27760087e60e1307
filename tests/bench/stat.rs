//! `stat` beside the raw read of the same bytes: the ratio is the figure, the milliseconds are the machine's.
//!
//! `cargo bench` takes the largest fixture; `DROPHEAP_DUMP=path cargo bench` another dump. The file cache is warm in both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    missing_docs
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropheap::source::ByteSource;
use dropheap::source::file::FileSource;
use std::io::{Read, Write};
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

criterion_group!(all, benches);
criterion_main!(all);
