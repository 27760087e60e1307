//! What the types of real dumps are: base types, interfaces, and whose they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod shared;

use dropheap::classes::{self, Move};
use dropheap::report::{DiffReport, GroupBy, GroupRow, HeapReport, Owner, TypeRow};
use dropheap::suspects::suspects;
use dropheap::{Options, diff};
use shared::{dumps, unpack};
use std::ops::ControlFlow;
use std::sync::Arc;

fn analyze(set: &str, stage: &str) -> HeapReport {
    let options = Options { file_name: format!("{stage}.dmp"), ..Options::default() };
    let bytes = unpack(format!("{set}/{stage}.dmp.gz"));
    dropheap::analyze(Arc::new(bytes), options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The last dump of every set of fixtures.
fn evenings() -> Vec<(String, HeapReport)> {
    let sets = dumps().into_iter().filter(|(_, stage, _)| stage == "evening");
    let all: Vec<_> = sets.map(|(set, stage, _)| (set.clone(), analyze(&set, &stage))).collect();
    assert!(all.len() >= 13, "the fixtures are gone: {} sets", all.len());
    all
}

fn row<'r>(report: &'r HeapReport, name: &str) -> &'r TypeRow {
    report.types.iter().find(|t| t.type_name == name).unwrap_or_else(|| panic!("{name} is not on the heap"))
}

fn names<'r>(report: &'r HeapReport, numbers: &[u32]) -> Vec<&'r str> {
    numbers.iter().map(|&i| report.supertypes[i as usize].type_name.as_str()).collect()
}

fn pair(set: &str) -> DiffReport {
    diff::diff(&["afternoon", "evening"].map(|stage| analyze(set, stage))).unwrap()
}

fn grouped(report: &DiffReport, by: GroupBy, name: &str) -> GroupRow {
    let groups = diff::group(report, by);
    groups.rows.into_iter().find(|g| g.name == name).unwrap_or_else(|| panic!("no group {name}"))
}

#[test]
fn base_types_and_interfaces_are_those_of_the_libraries() {
    for (set, report) in evenings() {
        let string = row(&report, "System.String");
        assert_eq!(names(&report, &string.base_types), ["System.Object"], "{set}");
        let mut want = vec![
            "System.Collections.Generic.IEnumerable`1[[System.Char, System.Private.CoreLib]]",
            "System.Collections.IEnumerable",
            "System.ICloneable",
            "System.IComparable",
            "System.IComparable`1[[System.String, System.Private.CoreLib]]",
            "System.IConvertible",
            "System.IEquatable`1[[System.String, System.Private.CoreLib]]",
        ];
        if ["net8", "net9", "net10"].iter().any(|version| set.starts_with(version)) {
            want.push("System.IParsable`1[[System.String, System.Private.CoreLib]]");
            want.push("System.ISpanParsable`1[[System.String, System.Private.CoreLib]]");
        }
        let mut have = names(&report, &string.interfaces);
        have.sort_unstable();
        assert_eq!(have, want, "{set}");

        // Arrays have theirs from System.Array, in every version.
        let array = row(&report, "System.Byte[]");
        assert_eq!(names(&report, &array.base_types), ["System.Array", "System.Object"], "{set}");
        assert_eq!(array.interfaces.len(), 6, "{set}");

        // From 6 on the map has a marker instead of the type itself.
        let int = row(&report, "System.Int32");
        assert_eq!(names(&report, &int.base_types), ["System.ValueType", "System.Object"], "{set}");
        let itself = "System.IEquatable`1[[System.Int32, System.Private.CoreLib]]";
        assert!(names(&report, &int.interfaces).contains(&itself), "{set}: {:?}", names(&report, &int.interfaces));
        for s in &report.supertypes {
            assert!(!s.type_name.contains('!') && !s.type_name.contains("__Canon"), "{set}: {}", s.type_name);
            assert!(!s.type_name.ends_with("`1"), "{set}: {} is open", s.type_name);
        }
    }
}

#[test]
fn every_chain_ends_at_object_and_nothing_is_unresolved() {
    for (set, report) in evenings() {
        for t in report.types.iter().filter(|t| t.type_name != "System.Object") {
            assert_eq!(names(&report, &t.base_types).last(), Some(&"System.Object"), "{set}: {}", t.type_name);
        }
        let unresolved: Vec<_> = report.findings.iter().filter(|f| f.code.starts_with("unresolved")).collect();
        assert!(unresolved.is_empty(), "{set}: {unresolved:?}");
    }
}

#[test]
fn whose_a_type_is() {
    for (set, report) in evenings() {
        let owner = |name: &str| row(&report, name).owner;
        assert_eq!(owner("LeakSim.Telemetry.RequestTelemetry"), Owner::Yours, "{set}");
        assert_eq!(owner("LeakSim.Telemetry.ITelemetry[]"), Owner::Yours, "{set}: an array of an interface of yours");
        assert_eq!(owner("System.String"), Owner::Runtime, "{set}");
        assert_eq!(owner("System.Byte[]"), Owner::Runtime, "{set}");
        let list = "System.Collections.Generic.List`1[[LeakSim.Telemetry.ITelemetry, LeakSim]]";
        assert_eq!(owner(list), Owner::Yours, "{set}: constructed over a type of yours");
        assert_eq!(owner("LeakPlugin.PluginTelemetry"), Owner::Library, "{set}");

        for t in &report.types {
            let constructed = t.type_name.contains("[[");
            match t.module.as_str() {
                "LeakSim" => assert_eq!(t.owner, Owner::Yours, "{set}: {}", t.type_name),
                module if module.starts_with("System.") && !constructed => {
                    assert_eq!(t.owner, Owner::Runtime, "{set}: {}", t.type_name);
                }
                _ => {}
            }
        }
        for m in &report.method_tables {
            let same = report.types.iter().find(|t| t.type_name == m.type_name && t.module == m.module);
            // Two assemblies of one name may differ; here they do not.
            assert_eq!(m.owner, same.map_or(Owner::Runtime, |t| t.owner), "{set}: {}", m.type_name);
        }
        for a in &report.assemblies {
            let want = match a.name.as_str() {
                "LeakSim" => Owner::Yours,
                name if name.starts_with("System.") => Owner::Runtime,
                name if name.starts_with("Leak") => Owner::Library,
                other => panic!("{set}: who is {other}?"),
            };
            assert_eq!(a.owner, want, "{set}: {a:?}");
        }
        let entry = report.runtime.evidence.iter().find(|e| e.what == "entry assembly").unwrap();
        assert_eq!(entry.value, "LeakSim", "{set}");
    }
}

/// In a single file no module list knows the assemblies: their version resources lie in the bundle as in the file.
#[test]
fn a_single_file_is_told_apart_by_product() {
    let report = analyze("net10-x64-singlefile", "evening");
    let collections = report.assemblies.iter().find(|a| a.name == "System.Collections").unwrap();
    assert_eq!((collections.owner, collections.reason.as_str()), (Owner::Runtime, "product Microsoft® .NET"));
    let report = analyze("net8-x64-wks", "evening");
    let collections = report.assemblies.iter().find(|a| a.name == "System.Collections").unwrap();
    assert_eq!(collections.reason, r"its file is in shared\Microsoft.NETCore.App");
}

#[test]
fn the_incident_by_group() {
    for set in ["net10-x64-wks", "net31-x64-wks", "net8-x64-wks", "net9-x64-wks"] {
        let report = pair(set);
        let telemetry = grouped(&report, GroupBy::Interface, "LeakSim.Telemetry.ITelemetry");
        assert_eq!(telemetry.totals.counts, [7_800, 18_650], "{set}");
        assert_eq!((telemetry.totals.delta_count, telemetry.owner), (10_850, Some(Owner::Yours)), "{set}");
        assert_eq!((telemetry.types, telemetry.module.as_str()), (6, "LeakSim"), "{set}");

        for by in [GroupBy::Namespace, GroupBy::Assembly, GroupBy::Kind] {
            let groups = diff::group(&report, by);
            assert!(!groups.overlap && groups.outside_types == 0);
            let types: u64 = groups.rows.iter().map(|g| g.types).sum();
            assert_eq!(types, report.rows.len() as u64, "{set}: {by:?}");
            let bytes: u64 = groups.rows.iter().map(|g| g.totals.sizes[1]).sum();
            assert_eq!(bytes + report.free.sizes[1], report.total.sizes[1], "{set}: {by:?}");
        }
        let yours = grouped(&report, GroupBy::Kind, "yours");
        assert!(yours.totals.delta_count > telemetry.totals.delta_count, "{set}: {yours:?}");
        let all = grouped(&report, GroupBy::Base, "System.Object");
        assert_eq!(all.types, report.rows.len() as u64, "{set}");
    }
}

/// What a move decides from the names of types is what the rule decided from the modules behind them: each assembly taken out of its class and moved back.
#[test]
fn a_move_decides_as_the_rule_did() {
    // A service with Application Insights has ten times the types; its dumps are too large for a fixture.
    let insights = serde_json::from_slice(&unpack("net10-x64-appinsights/evening.report.json.gz")).unwrap();
    for (set, report) in evenings().into_iter().chain([("net10-x64-appinsights".to_owned(), insights)]) {
        for (i, assembly) in report.assemblies.iter().enumerate() {
            let mut moved = report.clone();
            moved.assemblies[i].owner = if assembly.owner == Owner::Library { Owner::Yours } else { Owner::Library };
            classes::apply(&mut moved, &[Move { assembly: assembly.name.to_string(), owner: assembly.owner }]);
            assert_ne!(moved.assemblies[i].reason, assembly.reason);
            moved.assemblies[i].reason.clone_from(&assembly.reason);
            assert!(moved == report, "{set}: {}", assembly.name);
        }
    }
}

#[test]
fn a_moved_assembly_takes_along_what_is_made_of_it() {
    let moves = |class: Owner| [Move { assembly: "LeakSim".into(), owner: class }];
    let sides = |class: Owner| {
        ["afternoon", "evening"].map(|stage| {
            let mut report = analyze("net10-x64-wks", stage);
            classes::apply(&mut report, &moves(class));
            report
        })
    };
    let before = pair("net10-x64-wks");
    let after = diff::diff(&sides(Owner::Runtime)).unwrap();
    let owner = |report: &DiffReport, name: &str| report.rows.iter().find(|r| r.type_name == name).unwrap().owner;
    for name in [
        "LeakSim.Telemetry.RequestTelemetry",
        "LeakSim.Telemetry.ITelemetry[]",
        "System.Collections.Generic.List`1[[LeakSim.Telemetry.ITelemetry, LeakSim]]",
    ] {
        assert_eq!((owner(&before, name), owner(&after, name)), (Owner::Yours, Owner::Runtime), "{name}");
    }
    // Only classes change: numbers and order do not.
    let numbers = |r: &DiffReport| r.rows.iter().map(|r| (r.type_name.clone(), r.totals.clone())).collect::<Vec<_>>();
    assert_eq!(numbers(&before), numbers(&after));
    assert!(grouped(&before, GroupBy::Kind, "yours").types > 10);
    assert!(diff::group(&after, GroupBy::Kind).rows.iter().all(|g| g.name != "yours"));
    assert_eq!(grouped(&after, GroupBy::Assembly, "LeakSim").owner, Some(Owner::Runtime));
    assert_eq!(grouped(&after, GroupBy::Interface, "LeakSim.Telemetry.ITelemetry").owner, Some(Owner::Runtime));

    // Suspects by interface or base type are those declared in a library or by you; inside a number yours come first.
    let named = |report: &DiffReport| -> Vec<String> {
        let found = suspects(report).by_supertype;
        found.iter().map(|g| report.supertypes[g.supertype as usize].type_name.to_string()).collect()
    };
    assert!(named(&before).contains(&"LeakSim.Telemetry.ITelemetry".to_owned()), "{:?}", named(&before));
    assert!(!named(&after).iter().any(|name| name.starts_with("LeakSim")), "{:?}", named(&after));
    let core = [Move { assembly: "System.Private.CoreLib".into(), owner: Owner::Yours }];
    let sides = ["afternoon", "evening"].map(|stage| {
        let mut report = analyze("net10-x64-wks", stage);
        classes::apply(&mut report, &[moves(Owner::Library).to_vec(), core.to_vec()].concat());
        report
    });
    let turned = diff::diff(&sides).unwrap();
    let first = |report: &DiffReport| -> Vec<Owner> {
        let found = suspects(report).same_number;
        let owners: Vec<Vec<Owner>> =
            found.iter().map(|g| g.types.rows.iter().map(|&i| report.rows[i as usize].owner).collect()).collect();
        assert!(!owners.is_empty() && owners.iter().all(|o| o.is_sorted_by(|a, b| a >= b)), "{owners:?}");
        owners.concat()
    };
    assert_ne!(first(&before), first(&turned));
}
