//! The fixtures, for every test that reads one.
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

use std::io::Read;
use std::path::{Path, PathBuf};

/// A path in `tests/fixtures`; one that is absolute stays as it is.
pub fn fixture(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The bytes of a file in gzip.
pub fn unpack(name: impl AsRef<Path>) -> Vec<u8> {
    let path = fixture(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The last dump of a set.
pub fn evening(set: &str) -> Vec<u8> {
    unpack(format!("{set}/evening.dmp.gz"))
}

/// Every dump of every set: (set, stage, path), in this order.
pub fn dumps() -> Vec<(String, String, PathBuf)> {
    let mut all = Vec::new();
    for set in std::fs::read_dir(fixture("")).unwrap() {
        let set = set.unwrap().file_name().into_string().unwrap();
        for stage in ["afternoon", "evening"] {
            let path = fixture(format!("{set}/{stage}.dmp.gz"));
            if path.exists() {
                all.push((set.clone(), stage.to_owned(), path));
            }
        }
    }
    all.sort();
    assert!(all.len() >= 17, "the fixtures are gone: {} dumps", all.len());
    all
}
