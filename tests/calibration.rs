//! Every field that has ever moved between builds of the CLR, moved at random: what comes out is exactly what is in the process, or a
//! refusal that says what was not found; never a wrong number.
//!
//! `PROPTEST_CASES=2000 cargo test --test calibration -- --nocapture` runs more cases and prints the share that is solved.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic is a failed test"
)]

use dropheap::synth::clr::{Scenario, Synth, SynthLayout, modern};
use dropheap::{Error, Options, analyze};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

fn scenario() -> impl Strategy<Value = Scenario> {
    let layout = (prop_oneof![Just(4u64), Just(8)], any::<u64>())
        .prop_map(|(pointer, seed)| SynthLayout::framework(pointer).shifted(seed));
    let heaps = prop_oneof![3 => Just(0usize), 1 => 1usize..3, 1 => 3usize..9];
    (layout, heaps, any::<u64>(), 4u64..60, any::<[bool; 5]>()).prop_map(
        |(layout, server_heaps, seed, objects, [wow64, shared_reference_arrays, core, stale, stale_variables])| {
            Scenario {
                wow64: wow64 && layout.pointer == 4,
                server_heaps,
                seed,
                objects,
                shared_reference_arrays: shared_reference_arrays && !core,
                core,
                version: if core { [4, 6, 25211, 1] } else { [4, 8, 4300, 0] },
                stale,
                stale_variables,
                ..Scenario { layout: layout.clone(), ..Scenario::framework(layout.pointer) }
            }
        },
    )
}

enum Verdict {
    Exact,
    /// Exact counts; the names of some modules are lost, and a finding says so.
    Unnamed,
    /// What was missing, without its numbers.
    Refused(String),
    /// The difference.
    Wrong(String),
}

fn judge(synth: Synth) -> Verdict {
    let report = match analyze(Arc::new(synth.dump), Options::default(), &mut |_| ControlFlow::Continue(())) {
        Ok(report) => report,
        Err(e) => match *e {
            Error::UnknownRuntime { missing, .. } => {
                return Verdict::Refused(missing.chars().filter(|c| !c.is_ascii_hexdigit()).collect());
            }
            e => return Verdict::Wrong(e.to_string()),
        },
    };
    let mut wrong = Vec::new();
    let mut unnamed = 0u32;
    let said = report.findings.iter().any(|f| f.code == "metadata-missing");
    let token = |name: &str| name.contains("!0x02");
    let mut rows: BTreeMap<u64, _> = report
        .method_tables
        .iter()
        .map(|r| (r.method_table.0, (&*r.type_name, &*r.module, r.count, r.total_size)))
        .collect();
    for (table, row) in &synth.expected.rows {
        let truth = (&*row.name, &*row.module, row.count, row.size);
        match rows.remove(table) {
            Some(found) if found == truth => {}
            // The way to a module's image was not found: its types have their tokens for names, and a finding says so.
            Some(found) if said && (found.2, found.3) == (truth.2, truth.3) && token(found.0) => unnamed += 1,
            found => wrong.push(format!("{table:x}: {found:?} for {truth:?}")),
        }
    }
    wrong.extend(rows.into_values().map(|r| format!("not there: {r:?}")));
    for (g, truth) in synth.expected.generations.iter().enumerate() {
        let found = report.heap.generations[g];
        if (found.count, found.size) != *truth {
            wrong.push(format!("generation {g}: {found:?} for {truth:?}"));
        }
    }
    if !report.heap.complete {
        wrong.push(format!("incomplete: {:?}", report.findings));
    }
    if wrong.is_empty() && unnamed > 0 {
        Verdict::Unnamed
    } else if wrong.is_empty() {
        Verdict::Exact
    } else {
        Verdict::Wrong(format!("{wrong:#?} {:#?}", report.runtime.evidence))
    }
}

/// .NET 5 to 11: they tell more of themselves, and the ways from a Module to its image are searched for as before.
fn modern() -> impl Strategy<Value = Scenario> {
    let machine = prop_oneof![Just(modern::X64), Just(modern::X86), Just(modern::ARM64)];
    let heaps = prop_oneof![2 => Just(0usize), 1 => 1usize..6];
    (5u16..=11, machine, heaps, any::<u64>(), 4u64..60).prop_map(|(major, machine, server_heaps, seed, objects)| {
        Scenario { server_heaps, seed, objects, ..Scenario::net(major, machine) }.moved(seed)
    })
}

#[test]
fn moved_fields_give_the_truth_or_a_refusal() {
    solve(scenario(), 8);
}

#[test]
fn moved_fields_of_net_5_to_11() {
    solve(modern(), 9);
}

/// Tells the share that is solved; it must be `tenths` or more, and nothing wrong.
fn solve(scenarios: impl Strategy<Value = Scenario>, tenths: u32) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let counts = RefCell::new((0u32, BTreeMap::<String, u32>::new(), 0u32));
    TestRunner::new(config)
        .run(&scenarios, |scenario| {
            match judge(scenario.build()) {
                Verdict::Exact => counts.borrow_mut().0 += 1,
                Verdict::Unnamed => counts.borrow_mut().2 += 1,
                Verdict::Refused(why) => *counts.borrow_mut().1.entry(why).or_default() += 1,
                Verdict::Wrong(what) => return Err(TestCaseError::fail(what)),
            }
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
    let (exact, refused, unnamed) = counts.into_inner();
    println!("{exact} of {cases} exact; {unnamed} exact but for names that are said to be lost; refused: {refused:#?}");
    assert!(exact * 10 >= cases * tenths, "only {exact} of {cases} are solved: {refused:#?}");
}
