//! What the tests of this room share: reports made of real SOS listings, and snapshots.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: numbers of our own listings, and a mistake in it must be loud"
)]

use super::Names;
use super::select::{Filter, Select, Sort};
use crate::account::{AddressSpaceFacts, ImageRow, MemoryAccount, MemoryOwner, OwnerRow, RegionRow};
use crate::compact::{Cells, Samples};
use crate::memory::Addr;
use crate::report::{
    AssemblyRow, Cell, DiffReport, Evidence, FREE, GENERATIONS, HeapReport, LargeFree, MethodTableRow, Owner,
    SegmentRow, Supertype, TypeRow,
};
use regex::Regex;
use std::io;
use std::path::PathBuf;

/// Text of a file in `tests/fixtures`.
pub fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Compares with `tests/snapshots/NAME.snap`.
#[cfg(test)]
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What is written, as text.
pub fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The comparison of [`pair`].
pub fn compared() -> DiffReport {
    let (a, b) = pair();
    crate::diff::diff(&[a, b]).unwrap()
}

/// As people get it: all rows, C# names.
pub fn for_people(sort: Sort) -> Select {
    Select { names: Names::Csharp, sort, ..select() }
}

/// As `--filter` does.
pub fn matching(regex: &str) -> Filter {
    let regex = Regex::new(regex).unwrap();
    Filter::new(move |name| regex.is_match(name))
}

/// No option given: all rows, classic names, by size.
pub fn select() -> Select {
    Select { names: Names::Sos, filter: None, sort: Sort::Size, top: None, min_delta: 0 }
}

/// An address as it is written.
pub fn at(text: &str) -> Addr {
    Addr::parse(text).unwrap()
}

/// Method tables: address, count, size, name; the C# spelling is a likeness.
pub fn rows(rows: &[(&str, u64, u64, &str)]) -> Vec<MethodTableRow> {
    rows.iter()
        .map(|&(method_table, count, total_size, name)| MethodTableRow {
            method_table: at(method_table),
            type_name: name.into(),
            type_name_csharp: name.replace('+', ".").replace("`1[[", "<").replace(", m]]", ">").into(),
            module: module(name).into(),
            owner: owner(name),
            count,
            total_size,
            aligned_size: total_size,
            generations: Cells::default(),
            samples: Samples::default(),
        })
        .collect()
}

/// An account of a dump whose writer left images out; `more` bytes of objects, a quarter of them Free.
pub fn account(more: u64) -> MemoryAccount {
    let owners = [
        (MemoryOwner::GcObjects, 3_000_000 + more / 4 * 3),
        (MemoryOwner::GcFree, 500_000 + more / 4),
        (MemoryOwner::NativeImages, 65_536),
        (MemoryOwner::NotAttributed, 2_000_000 - more / 2),
    ];
    let owners = owners.map(|(owner, bytes)| OwnerRow { owner, bytes, how: format!("as told of {}", owner.text()) });
    let image = |n: u64| ImageRow {
        name: format!("native{n}\u{1b}.dll"),
        base: format!("{:x}", 0x1000_0000 + n),
        managed: false,
        bytes: if n == 0 { 5465 } else { 5461 },
    };
    MemoryAccount {
        bytes: owners.iter().map(|row| row.bytes).sum(),
        owners: owners.into(),
        images: (0..12).map(image).collect(),
        images_missing: 4_000_000,
        heap_missing: 0,
        address_space: Some(AddressSpaceFacts {
            committed: 10_000_000,
            reserved: 1 << 38,
            regions: vec![RegionRow {
                kind: "private".into(),
                protection: "rw".into(),
                committed: 10_000_000,
                in_dump: 5_565_536,
            }],
        }),
    }
}

fn owner(name: &str) -> Owner {
    if module(name) == "App" { Owner::Yours } else { Owner::Runtime }
}

fn module(name: &str) -> &str {
    match name {
        FREE => "",
        _ if name.starts_with("System.") => "mscorlib",
        _ => "App",
    }
}

/// The report that a listing of the classic SOS tells: rows, Free, large Free blocks.
pub fn parse(listing: &str) -> HeapReport {
    let mut report = HeapReport::new();
    for line in listing.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let hex = |w: &str| matches!(w.len(), 8 | 16) && w.chars().all(|c| c.is_ascii_hexdigit());
        match words[..] {
            [mt, count, size, ..] if hex(mt) && count.parse::<u64>().is_ok() => {
                let name = words[3..].join(" ");
                let (count, size) = (count.parse().unwrap(), size.parse().unwrap());
                report.method_tables.extend(rows(&[(mt, count, size, &name)]));
            }
            [address, size, next, ..] if hex(address) && size.ends_with("MB") => {
                let mega: f64 = size.trim_end_matches("MB").parse().unwrap();
                report.heap.large_free.push(LargeFree {
                    address: at(address),
                    size: (mega * f64::from(1 << 20)) as u64,
                    generation: "gen2".into(),
                    followed_by: Some(at(next)),
                    followed_by_type: Some(words[3..].join(" ").into()),
                });
            }
            _ => {}
        }
    }
    let supertype = |name: &str| Supertype {
        type_name: name.into(),
        type_name_csharp: name.into(),
        module: "mscorlib".into(),
        owner: Owner::Runtime,
    };
    report.supertypes = ["System.Object", "System.Collections.IList"].map(supertype).into();
    report.assemblies = [("App", Owner::Yours), ("mscorlib", Owner::Runtime)]
        .map(|(name, owner)| AssemblyRow { name: name.into(), owner, reason: "said so".into() })
        .into();
    for row in &report.method_tables {
        report.heap.objects += row.count;
        report.heap.size += row.total_size;
        if row.type_name == FREE {
            report.heap.free = Cell { count: row.count, size: row.total_size, aligned_size: row.aligned_size };
        } else {
            report.types.push(TypeRow {
                type_name: row.type_name.clone(),
                type_name_csharp: row.type_name_csharp.clone(),
                module: row.module.clone(),
                namespace: row.type_name.rsplit_once('.').map_or("", |(space, _)| space).into(),
                owner: row.owner,
                base_types: vec![0],
                interfaces: if row.type_name.ends_with("[]") { vec![1] } else { Vec::new() },
                count: row.count,
                total_size: row.total_size,
                aligned_size: row.aligned_size,
                generations: Cells::default(),
                method_tables: vec![row.method_table],
                array: None,
            });
        }
    }
    report.types.sort_by(|a, b| b.total_size.cmp(&a.total_size).then_with(|| a.type_name.cmp(&b.type_name)));
    report.method_tables.sort_by(|a, b| a.sos_order(b));
    report
}

/// Two dumps of one process of the .NET Framework: the customers of `netfx-x86-two-dumps.txt`; facts invented.
pub fn pair() -> (HeapReport, HeapReport) {
    let text = fixture("sos/netfx-x86-two-dumps.txt");
    let (first, second) = text.split_once("# --- second dump").unwrap();
    let of = |listing: &str, name: &str, captured_at: u64| {
        let mut r = parse(listing);
        r.dump.file_name = name.into();
        r.dump.file_size = 123_456_789;
        r.dump.format = "minidump".into();
        r.dump.pid = Some(4711);
        r.dump.started_at = Some(1_700_000_000);
        r.dump.captured_at = Some(captured_at);
        r.dump.uptime = Some(captured_at - 1_700_000_000);
        r.dump.image_path = Some(r"D:\home\site\MemoryLeakApplication.exe".into());
        r.dump.command_line = Some("MemoryLeakApplication.exe --password hunter2".into());
        r.dump.os = Some("Windows 10.0.18363".into());
        r.dump.architecture = Some("x86".into());
        r.dump.processors = Some(4);
        (r.dump.memory_bytes, r.dump.memory_ranges, r.dump.modules, r.dump.threads) = (120_000_000, 321, 45, 9);
        r.runtime.name = ".NET Framework 4.8".into();
        r.runtime.flavour = "framework".into();
        r.runtime.file_version = Some("4.8.4200.0".into());
        r.runtime.architecture = "x86".into();
        r.runtime.pointer_size = 4;
        r.runtime.module = r"C:\Windows\Microsoft.NET\Framework\v4.0.30319\clr.dll".into();
        r.runtime.base = "6da10000".into();
        r.runtime.gc_mode = "workstation".into();
        r.runtime.gc_layout = "segments".into();
        r.runtime.heaps = 1;
        r.runtime.evidence = vec![Evidence {
            what: "g_pFreeObjectMethodTable".into(),
            value: "11b7998".into(),
            how: "DAC table; the first object of each segment is Free".into(),
        }];
        r.heap.complete = true;
        r.heap.total_bytes = r.heap.size + 50;
        r.heap.explained_bytes = r.heap.total_bytes;
        r.heap.aligned_size = r.heap.total_bytes;
        r.heap.generations = vec![Cell::default(); GENERATIONS.len()];
        r.heap.generations[0] = Cell { count: r.heap.objects, size: r.heap.size, aligned_size: r.heap.total_bytes };
        r.heap.segments = vec![SegmentRow {
            address: at("2a20000"),
            heap: 0,
            generation: "ephemeral".into(),
            start: at("2a21000"),
            end: at("2a29ffc"),
            bytes: r.heap.total_bytes,
            objects: r.heap.objects,
            explained_bytes: r.heap.total_bytes,
        }];
        r
    };
    (of(first, "first.dmp", 1_700_000_192), of(second, "second.dmp", 1_700_003_792))
}

/// The listing as the how-to tells it: customers 136 -> 496, their array 8 -> 9, the iterator 16 -> 31.
#[cfg(test)]
#[test]
fn the_customers_grew() {
    let (a, b) = pair();
    let report = crate::diff::diff(&[a, b]).unwrap();
    assert_eq!(report.findings, []);
    // The how-to left out small rows: its own total is 917.
    assert_eq!(report.total.counts, [459, 852]);
    let delta = |name: &str| {
        let row = report.rows.iter().find(|r| r.type_name == name).unwrap();
        (row.totals.counts.clone(), row.totals.delta_count, row.totals.delta_size)
    };
    assert_eq!(delta("MemoryLeakApplication.Customer"), (vec![136, 496], 360, 8640));
    assert_eq!(delta("MemoryLeakApplication.Customer[]"), (vec![8, 9], 1, 2060));
    assert_eq!(delta("MemoryLeakApplication.Program+<GetCustomers>d__1"), (vec![16, 31], 15, 480));
    assert_eq!(delta("System.String"), (vec![203, 218], 15, 300));
    assert_eq!(delta("System.Object[]"), (vec![6, 6], 0, 0));
    assert_eq!((report.free.delta_count, report.free.delta_size), (2, 20));
    assert_eq!(report.rows[0].type_name, "MemoryLeakApplication.Customer");
}
