//! Suspects on real pairs, on series made of them, and on pairs without a leak.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod shared;

use dropheap::compact::Cells;
use dropheap::export::md;
use dropheap::export::select::{Select, Sort};
use dropheap::report::{Cell, DiffReport, HeapReport, share};
use dropheap::suspects::{MIN_NUMBER, Suspects, Together, suspects};
use dropheap::{Options, diff};
use shared::unpack;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The service with Application Insights, whose dumps are too large for a fixture: its reports.
fn incident() -> [HeapReport; 2] {
    ["afternoon", "evening"]
        .map(|stage| serde_json::from_slice(&unpack(format!("net10-x64-appinsights/{stage}.report.json.gz"))).unwrap())
}

fn dumps(set: &str) -> [HeapReport; 2] {
    ["afternoon", "evening"].map(|stage| {
        let options = Options { file_name: format!("{stage}.dmp"), ..Options::default() };
        let bytes = unpack(format!("{set}/{stage}.dmp.gz"));
        dropheap::analyze(Arc::new(bytes), options, &mut |_| ControlFlow::Continue(())).unwrap()
    })
}

fn compared(reports: &[HeapReport]) -> (DiffReport, Suspects) {
    let report = diff::diff(reports).unwrap();
    let found = suspects(&report);
    whole(&report, &found);
    (report, found)
}

/// What holds of any comparison: each growing type is in one row of the sections that add up, and they add up to the growth.
fn whole(report: &DiffReport, found: &Suspects) {
    let mut seen = BTreeSet::new();
    let rows = found.same_number.iter().flat_map(|s| s.types.rows.clone());
    for row in rows.chain(found.resized.iter().map(|r| r.row)).chain(found.alone.clone()) {
        assert!(seen.insert(row), "row {row} is in two sections");
    }
    let growing = report.rows.iter().filter(|r| r.totals.delta_size > 0);
    assert_eq!(seen.len(), growing.clone().count());
    let sum: i64 = seen.iter().map(|&row| report.rows[row as usize].totals.delta_size).sum();
    assert_eq!(u64::try_from(sum).unwrap(), found.growth);
    assert_eq!(found.growing_types, growing.count() as u64);
    for together in found.by_supertype.iter().map(|s| &s.types).chain(found.same_number.iter().map(|s| &s.types)) {
        let sum: i64 = together.rows.iter().map(|&row| report.rows[row as usize].totals.delta_size).sum();
        assert_eq!(sum, together.totals.delta_size);
        assert!(together.rows.len() >= 2);
    }
}

/// What is printed: computed, never guessed. (No name on this heap has the word in it.)
#[track_caller]
fn words(report: &DiffReport, found: &Suspects) {
    let report = DiffReport { suspects: Some(found.clone()), ..report.clone() };
    let mut out = Vec::new();
    md::diff(&report, &Select::everything(Sort::Delta, true), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap().to_lowercase();
    assert!(text.contains("on their own") && !text.contains("leak"), "{text}");
}

fn names(report: &DiffReport, rows: &[u32]) -> Vec<String> {
    rows.iter().map(|&row| report.rows[row as usize].type_name_csharp.to_string()).collect()
}

fn supertype(report: &DiffReport, number: u32) -> &str {
    report.supertypes[number as usize].type_name.rsplit('.').next().unwrap()
}

/// A line as the page shows it: change, share, change of count, sizes, counts.
type Line<'a> = (i64, &'a str, i64, [u64; 2], [u64; 2]);

#[track_caller]
fn line(types: &Together, growth: u64, expected: Line<'_>) {
    let t = &types.totals;
    let of = |v: &[u64]| [v[0], v[v.len() - 1]];
    let have = (t.delta_size, &*share(t.delta_size.unsigned_abs(), growth), t.delta_count, of(&t.sizes), of(&t.counts));
    assert_eq!(have, expected);
}

/// Every number of the four sections, as they were worked out by hand from the DAC's rows.
#[test]
fn the_incident() {
    let (report, found) = compared(&incident());
    assert_eq!((report.rows.len(), found.growing_types, found.growth), (2471, 100, 20_772_150));
    assert_eq!((report.total.delta_size, report.free.delta_size), (22_053_622, 1_283_960));
    assert_eq!(found.old_delta_size, Some(20_808_218));
    assert_eq!(found.withheld, []);
    words(&report, &found);
    let growth = found.growth;

    assert_eq!(found.by_supertype.len(), 2);
    let telemetry = &found.by_supertype[0];
    assert_eq!(supertype(&report, telemetry.supertype), "ITelemetry");
    let mut equal: Vec<&str> = telemetry.equal.iter().map(|&n| supertype(&report, n)).collect();
    equal.sort_unstable();
    assert_eq!(
        equal,
        ["IAiSerializableTelemetry", "ISupportAdvancedSampling", "ISupportProperties", "ISupportSampling"]
    );
    assert_eq!((telemetry.types.rows.len(), telemetry.all_types, telemetry.same_number), (5, 5, Some(0)));
    line(&telemetry.types, growth, (1_725_400, "8.3 %", 10_851, [1_240_240, 2_965_640], [7800, 18_651]));
    let operation = &found.by_supertype[1];
    assert_eq!(supertype(&report, operation.supertype), "OperationTelemetry");
    assert_eq!((operation.types.rows.len(), operation.same_number), (2, None));
    line(&operation.types, growth, (1_509_472, "7.3 %", 8776, [1_084_976, 2_594_448], [6308, 15_084]));

    let lockstep: Vec<(u64, usize, i64, String)> = found
        .same_number
        .iter()
        .map(|s| {
            (
                s.number,
                s.types.rows.len(),
                s.types.totals.delta_size,
                share(s.types.totals.delta_size.unsigned_abs(), growth),
            )
        })
        .collect();
    let expected = [
        (10_851, 8, 7_552_296, "36.4 %"),
        (4388, 3, 1_755_200, "8.4 %"),
        (6463, 3, 672_152, "3.2 %"),
        (878, 6, 379_296, "1.8 %"),
        (2043, 2, 326_880, "1.6 %"),
        (1757, 2, 144_056, "0.7 %"),
    ];
    assert_eq!(lockstep, expected.map(|(n, types, bytes, share)| (n, types, bytes, share.to_owned())));
    let first = &found.same_number[0];
    assert_eq!(
        (first.ranges.as_slice(), first.steps.as_slice()),
        (&[[7800, 7811], [18_651, 18_662]][..], &[10_851][..])
    );
    assert_eq!((first.types.totals.sizes[0], first.types.totals.sizes[1]), (5_432_312, 12_984_608));
    assert_eq!(first.types.totals.delta_size / 10_851, 696);
    let short: Vec<String> = names(&report, &first.types.rows)
        .iter()
        .map(|n| {
            n.rsplit_once("ApplicationInsights").map_or(n.as_str(), |x| x.1).rsplit('.').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        short[..5],
        ["TelemetryContext", "OperationContext", "InternalContext", "CloudContext", "ComponentContext"]
    );
    assert_eq!(
        names(&report, &first.types.rows[5..]),
        ["+VolatileNode[]", "+Tables", ""].map(|inner| {
            format!("System.Collections.Concurrent.ConcurrentDictionary<System.String, System.String>{}", inner)
        })
    );
    let sizes = |index: usize| {
        let s = &found.same_number[index];
        (s.types.totals.sizes.clone(), s.ranges.clone())
    };
    assert_eq!(sizes(1), (vec![1_282_376, 3_037_576], vec![[3154, 3525], [7542, 7913]]));
    assert_eq!(sizes(2), (vec![483_184, 1_155_336], vec![[4646, 4646], [11_109, 11_109]]));
    assert_eq!(sizes(3), (vec![311_088, 690_384], vec![[631, 791], [1509, 1669]]));
    assert_eq!(sizes(4), (vec![234_880, 561_760], vec![[1468, 1468], [3511, 3511]]));
    assert_eq!(sizes(5), (vec![106_856, 250_912], vec![[1287, 1334], [3044, 3091]]));

    let resized: Vec<_> = found
        .resized
        .iter()
        .map(|r| {
            let t = &report.rows[r.row as usize].totals;
            (t.delta_size, t.counts.clone(), [r.slots[0].unwrap(), r.slots[1].unwrap()])
        })
        .collect();
    assert_eq!(
        resized,
        [
            (192_000, vec![1, 1], [8000, 32_000]),
            (16_944, vec![1, 1], [1931, 4049]),
            (8096, vec![1, 1], [919, 1931]),
            (7680, vec![31, 31], [960, 1920]),
        ]
    );
    assert!(names(&report, &[found.resized[0].row])[0].ends_with(".ITelemetry[]"));

    let alone: Vec<(String, i64)> = found.alone[..3]
        .iter()
        .map(|&row| (names(&report, &[row])[0].clone(), report.rows[row as usize].totals.delta_size))
        .collect();
    let node = "System.Collections.Concurrent.ConcurrentDictionary<System.String, System.String>+Node";
    let dictionary = "System.Collections.Generic.Dictionary<System.String, System.Object>";
    assert_eq!(
        alone,
        [("System.String", 4_074_206), (node, 2_017_008), (dictionary, 1_736_080)].map(|(n, s)| (n.to_owned(), s))
    );
}

/// In a series the number must be the same in every step. The middle is made: every count half-way.
#[test]
fn a_series_of_three() {
    let [first, last] = incident();
    let mut middle = last.clone();
    middle.dump.captured_at = first.dump.captured_at.map(|t| t + 6);
    middle.dump.file_name = "middle.dmp".into();
    for ty in &mut middle.types {
        let before = first.types.iter().find(|t| (&t.type_name, &t.module) == (&ty.type_name, &ty.module));
        if let Some(before) = before {
            let half = |a: u64, b: u64| a + b.saturating_sub(a) / 2;
            (ty.count, ty.total_size) = (half(before.count, ty.count), half(before.total_size, ty.total_size));
        }
    }
    let (report, found) = compared(&[first.clone(), middle.clone(), last.clone()]);
    assert_eq!(report.findings, []);
    let group = &found.same_number[0];
    assert_eq!((group.number, group.steps.as_slice(), group.types.rows.len()), (10_851, &[5425, 5426][..], 8));
    assert_eq!(group.ranges, [[7800, 7811], [13_225, 13_236], [18_651, 18_662]]);
    assert_eq!(found.by_supertype[0].types.totals.counts, [7800, 13_225, 18_651]);
    assert_eq!(found.by_supertype[0].same_number, Some(0));
    assert_eq!(found.resized[0].slots, [Some(8000), Some(20_000), Some(32_000)]);

    // One of the eight goes another way in between and ends with the same number: it is no longer one of them.
    let of = |t: &&mut dropheap::report::TypeRow| t.type_name.ends_with(".CloudContext");
    middle.types.iter_mut().find(of).unwrap().count += 3;
    let (report, found) = compared(&[first, middle, last]);
    assert_eq!((found.same_number[0].number, found.same_number[0].types.rows.len()), (10_851, 7));
    assert!(names(&report, &found.alone).iter().any(|n| n.ends_with(".CloudContext")));
}

#[test]
fn other_real_pairs() {
    for set in ["net10-x64-wks", "net31-x64-wks", "net8-x64-wks", "net9-x64-wks"] {
        let (report, found) = compared(&dumps(set));
        assert_eq!(found.withheld, [], "{set}");
        // Base type and interface have the same six types: one row, named as `ITelemetry[]` names it.
        let telemetry = &found.by_supertype[0];
        assert_eq!(supertype(&report, telemetry.supertype), "ITelemetry", "{set}");
        assert_eq!(
            telemetry.equal.iter().map(|&n| supertype(&report, n)).collect::<Vec<_>>(),
            ["TelemetryBase"],
            "{set}"
        );
        assert_eq!((telemetry.types.rows.len(), &telemetry.types.totals.counts[..]), (6, &[7800, 18_650][..]), "{set}");
        assert_eq!(telemetry.types.totals.delta_size, 972_000, "{set}");
        assert!(found.same_number.iter().any(|s| s.number == 2712 && s.types.rows.len() >= 2), "{set}");
        // `Double[]` and others by chance +4.
        assert!(found.same_number.iter().all(|s| s.number >= MIN_NUMBER.unsigned_abs()), "{set}");
    }
}

#[test]
fn two_processes_and_partial_dumps_have_no_same_number() {
    let [first, mut last] = incident();
    last.dump.pid = Some(1984);
    let (_, found) = compared(&[first.clone(), last.clone()]);
    assert!(found.same_number.is_empty() && !found.by_supertype.is_empty());
    assert_eq!(
        found.withheld.iter().map(|w| (&*w.section, &*w.code)).collect::<Vec<_>>(),
        [("same_number", "other-process")]
    );
    last.dump.pid = first.dump.pid;
    last.heap.complete = false;
    let (_, found) = compared(&[first, last]);
    assert_eq!(
        found.withheld.iter().map(|w| (&*w.section, &*w.code)).collect::<Vec<_>>(),
        [("same_number", "partial")]
    );
    assert_eq!(found.resized.len(), 4);
}

/// No leak: a busy site at two moments. Half of the types have some more objects, half some fewer; many by the same number.
#[test]
fn a_heap_that_only_fluctuates_has_no_groups() {
    let [mut first, last] = incident();
    first.dump.captured_at = last.dump.captured_at.map(|t| t - 3600);
    (first.types, first.heap) = (last.types.clone(), last.heap.clone());
    let (mut balance, mut count) = (0_i64, 0);
    for ty in first.types.iter_mut().filter(|t| t.generations.get(2).count > 40) {
        let mut old = ty.generations.get(2);
        let size = old.size / old.count;
        let n = 10 + count % 4 * 10;
        let sign = if balance > 0 { -1 } else { 1 };
        count += 1;
        balance += sign * i64::try_from(n * size).unwrap();
        let change = |number: &mut u64, by: u64| *number = if sign > 0 { *number + by } else { *number - by };
        change(&mut ty.count, n);
        change(&mut ty.total_size, n * size);
        change(&mut old.count, n);
        change(&mut old.size, n * size);
        ty.generations.set(2, old);
        change(&mut first.heap.generations[2].size, n * size);
    }
    assert!(count > 80 && balance.unsigned_abs() < 20_000, "{count} types, {balance} bytes");
    let mut part = last.clone();
    part.heap.complete = false;
    let (_, of_part) = compared(&[first.clone(), part]);
    let why = of_part.withheld.iter().find(|w| w.code == "no-growth").unwrap();
    assert!(why.reason.starts_with("What was read of the old generations did not grow"), "{}", why.reason);
    let (report, found) = compared(&[first, last]);
    assert!(found.growing_types > 30 && found.growth > 10_000, "{} {}", found.growing_types, found.growth);
    assert!(!found.any_group(), "{:?}", found.by_supertype);
    words(&report, &found);
    assert_eq!(found.alone.len() as u64, found.growing_types);
    assert_eq!(found.withheld.iter().map(|w| (&*w.section, &*w.code)).collect::<Vec<_>>(), [("groups", "no-growth")]);
    assert_eq!(report.findings, []);
}

/// No leak: more requests in flight. Nine types in step, but all of it in gen0.
#[test]
fn young_objects_alone_make_no_groups() {
    let [first, _] = incident();
    let mut last = first.clone();
    last.dump.captured_at = first.dump.captured_at.map(|t| t + 3600);
    let mut grown = 0;
    for ty in last.types.iter_mut().filter(|t| t.count > 1000 && !t.type_name.starts_with("System.String")) {
        let size = ty.total_size / ty.count;
        let more = Cell { count: 5000, size: 5000 * size, aligned_size: 5000 * size };
        ty.count += more.count;
        ty.total_size += more.size;
        ty.generations.set(0, ty.generations.get(0).plus(more));
        last.heap.generations[0] = last.heap.generations[0].plus(more);
        grown += 1;
    }
    assert!(grown >= 9);
    let (report, found) = compared(&[first, last]);
    assert!(found.growth > 1_000_000);
    assert!(!found.any_group());
    words(&report, &found);
    assert_eq!(found.old_delta_size, Some(0));
}

#[test]
fn nothing_grows_between_a_dump_and_itself() {
    let [first, _] = incident();
    let (_, found) = compared(&[first.clone(), first]);
    assert_eq!((found.growth, found.alone.len(), found.withheld.len()), (0, 0, 0));
}

/// A side without generations: ranked by the whole growth.
#[test]
fn a_listing_has_groups_too() {
    let [first, mut last] = incident();
    last.heap.generations.clear();
    for ty in &mut last.types {
        ty.generations = Cells::default();
    }
    let (_, found) = compared(&[first, last]);
    assert_eq!((found.old_delta_size, found.same_number[0].types.old_delta_size), (None, None));
    assert_eq!((found.same_number[0].number, found.by_supertype.len(), found.resized.len()), (10_851, 2, 4));
}
