//! Makes a big dump to measure on, and its right answer beside it: `cargo run --release --example big-dump -- --objects 50M --out DIR`.
#![allow(missing_docs, reason = "a tool of the developers")]

use clap::Parser;
use dropheap::synth::big::{BASES, Base, Plan, make};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Grows a fixture. Numbers may end in K, M, G (thousands) or Ki, Mi, Gi (1,024).
#[derive(Parser)]
struct Arguments {
    /// Folder for evening.dmp and expected-evening.csv
    #[arg(long)]
    out: PathBuf,
    /// Which fixture: net10-x64-wks (regions), net31-x64-wks (segments)
    #[arg(long, default_value = "net10-x64-wks", value_parser = base)]
    base: &'static Base,
    /// Objects to add
    #[arg(long, default_value = "1M", value_parser = number)]
    objects: u64,
    /// Regions or segments to spread them over (default: regions of 4 MB, segments of 256 MB)
    #[arg(long, default_value = "0", value_parser = number)]
    segments: u64,
    /// Memory ranges to cut them into (default: one each)
    #[arg(long, default_value = "0", value_parser = number)]
    ranges: u64,
    /// Memory ranges in the file in any order
    #[arg(long)]
    shuffled: bool,
    /// Instantiations of a generic type to add
    #[arg(long, default_value = "0", value_parser = number)]
    method_tables: u64,
    /// Modules to add to the module list
    #[arg(long, default_value = "0", value_parser = number)]
    modules: u64,
    /// Length of the file, filled up with holes: native memory and large arrays
    #[arg(long, default_value = "0", value_parser = number)]
    file_size: u64,
    /// The added structures in pieces, spread over the file
    #[arg(long)]
    scattered: bool,
    /// Fields, arrays and native memory that pack as a process's memory does, instead of zeros; not for verify
    #[arg(long)]
    filled: bool,
    /// In a zip as Kudu's, streamed: evening.zip; the dump itself is never written
    #[arg(long, conflicts_with = "shuffled")]
    zip: bool,
    /// Another number, another dump
    #[arg(long, default_value = "1", value_parser = number)]
    seed: u64,
}

fn base(name: &str) -> Result<&'static Base, String> {
    let names = BASES.map(|b| b.set).join(", ");
    BASES.into_iter().find(|b| b.set == name).ok_or_else(|| format!("there are {names}"))
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.strip_prefix(digits).unwrap_or_default() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        other => return Err(format!("unknown unit {other}")),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(|| format!("{text} is no number"))
}

fn main() -> std::io::Result<()> {
    let a = Arguments::parse();
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(a.base.set);
    let mut fixture = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(set.join("evening.dmp.gz"))?).read_to_end(&mut fixture)?;
    let expected = std::fs::read_to_string(set.join("expected-evening.csv"))?;
    let plan = Plan {
        base: a.base,
        objects: a.objects,
        segments: a.segments,
        ranges: a.ranges,
        shuffled: a.shuffled,
        method_tables: a.method_tables,
        modules: a.modules,
        file_size: a.file_size,
        scattered: a.scattered,
        filled: a.filled,
        zip: a.zip,
        seed: a.seed,
    };
    let made = make(fixture, &expected, &plan, &a.out)?;
    println!(
        "{}: {} bytes, {} memory ranges, {} objects of {} bytes; the answer is {}",
        made.dump.display(),
        made.file_size,
        made.ranges,
        made.objects,
        made.bytes,
        made.expected.display()
    );
    Ok(())
}
