//! Walk + names -> the rows of a report.

use crate::error::Findings;
use crate::heap::segments::Segment;
use crate::heap::walk::{Outcome, Tally};
use crate::limits;
use crate::memory::Addr;
use crate::names::{Names, TypeName};
use crate::report::{ArrayShape, Cell, GENERATIONS, HeapFacts, LargeFree, MethodTableRow, SegmentRow, TypeRow};
use crate::types::{TypeFacts, Types};
use rustc_hash::FxHashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The rows of one dump.
#[derive(Debug)]
pub struct Rows {
    /// By type, descending by size.
    pub types: Vec<TypeRow>,
    /// By method table, ascending by size.
    pub method_tables: Vec<MethodTableRow>,
    /// Totals.
    pub heap: HeapFacts,
}

/// Names and describes every method table and folds the tallies.
pub fn fold(
    outcome: &Outcome,
    segments: &[Arc<Segment>],
    free: Addr,
    names: &mut Names<'_>,
    types: &mut Types<'_>,
    findings: &mut Findings,
) -> Rows {
    let mut heap = HeapFacts { generations: vec![Cell::default(); GENERATIONS.len()], ..HeapFacts::default() };
    let mut method_tables = Vec::new();
    let mut described: Vec<Described> = Vec::new();
    for (index, table) in outcome.tables.tables().iter().enumerate() {
        let tallies: Vec<Option<&Tally>> =
            outcome.tallies.iter().map(|g| g.get(index).filter(|t| t.count > 0)).collect();
        let generations: Vec<Cell> = tallies.iter().map(|t| t.map_or_else(Cell::default, cell)).collect();
        let total = generations.iter().fold(Cell::default(), |sum, c| sum.plus(*c));
        if total.count == 0 {
            // Looked up in a gap, never an object.
            continue;
        }
        for (sum, c) in heap.generations.iter_mut().zip(&generations) {
            *sum = sum.plus(*c);
        }
        let name: Rc<TypeName> = names.name(table.at, findings);
        let facts = types.describe(table, &name, names, findings);
        if table.at == free {
            heap.free = total;
        }
        method_tables.push(MethodTableRow {
            method_table: table.at.to_string(),
            type_name: name.classic.clone(),
            type_name_csharp: name.csharp.clone(),
            module: name.module.clone(),
            owner: facts.owner,
            count: total.count,
            total_size: total.size,
            aligned_size: total.aligned_size,
            generations,
            samples: tallies
                .iter()
                .map(|t| t.map_or_else(Vec::new, |t| t.sample().iter().map(Addr::to_string).collect()))
                .collect(),
        });
        let array = table.component_size().filter(|_| table.is_array()).map(|component| ArrayShape {
            base_size: u64::from(table.base_size),
            component_size: u64::from(component),
        });
        described.push(Described { name, facts, array });
    }
    let all = heap.generations.iter().fold(Cell::default(), |sum, c| sum.plus(*c));
    (heap.objects, heap.size, heap.aligned_size) = (all.count, all.size, all.aligned_size);
    heap.before_first_error = before_first_error(outcome);
    for (segment, result) in segments.iter().zip(&outcome.segments) {
        let bytes = segment.end.since(segment.start);
        heap.explained_bytes = heap.explained_bytes.saturating_add(result.explained);
        heap.total_bytes = heap.total_bytes.saturating_add(bytes);
        heap.segments.push(SegmentRow {
            address: segment.address.to_string(),
            heap: segment.heap as u64,
            generation: if segment.ephemeral { "ephemeral" } else { segment.generation().name() }.to_owned(),
            start: segment.start.to_string(),
            end: segment.end.to_string(),
            bytes,
            objects: result.objects,
            explained_bytes: result.explained,
        });
    }
    let mut blocks: Vec<_> = outcome.large_free.iter().collect();
    blocks.sort_by_key(|b| b.at);
    blocks.truncate(limits::MAX_LARGE_FREE);
    heap.large_free = blocks
        .into_iter()
        .map(|b| LargeFree {
            address: b.at.to_string(),
            size: b.size,
            generation: b.generation.name().to_owned(),
            followed_by: b.followed_by.map(|(at, _)| at.to_string()),
            followed_by_type: b.followed_by.map(|(_, table)| names.name(table, findings).classic.clone()),
        })
        .collect();
    names.note_missing(findings);
    let types = by_type(&method_tables, &described, &free.to_string());
    method_tables.sort_by(MethodTableRow::sos_order);
    Rows { types, method_tables, heap }
}

/// What a walk that gives up a segment at its first error would have counted; `None` if there was no error.
fn before_first_error(outcome: &Outcome) -> Option<Cell> {
    let failed = outcome.segments.iter().any(|s| s.before_first_error.is_some());
    failed.then(|| {
        outcome.segments.iter().fold(Cell::default(), |sum, s| {
            let whole = (s.objects, s.size, s.explained.saturating_sub(s.gaps));
            let (count, size, aligned_size) = s.before_first_error.unwrap_or(whole);
            sum.plus(Cell { count, size, aligned_size })
        })
    })
}

/// What is known of a method table beside its counts.
struct Described {
    name: Rc<TypeName>,
    facts: TypeFacts,
    array: Option<ArrayShape>,
}

/// Types of the same name and assembly are one row, which then has the base types and interfaces of all of them.
fn by_type(rows: &[MethodTableRow], described: &[Described], free: &str) -> Vec<TypeRow> {
    let mut index: FxHashMap<(&str, &str), usize> = FxHashMap::default();
    let mut types: Vec<TypeRow> = Vec::new();
    for (row, Described { name, facts, array }) in rows.iter().zip(described).filter(|(r, _)| r.method_table != free) {
        let number = *index.entry((&row.type_name, &row.module)).or_insert_with(|| {
            types.push(TypeRow {
                type_name: row.type_name.clone(),
                type_name_csharp: row.type_name_csharp.clone(),
                module: row.module.clone(),
                namespace: name.namespace.clone(),
                owner: facts.owner,
                base_types: Vec::new(),
                interfaces: Vec::new(),
                count: 0,
                total_size: 0,
                aligned_size: 0,
                generations: vec![Cell::default(); GENERATIONS.len()],
                method_tables: Vec::new(),
                array: *array,
            });
            types.len().saturating_sub(1)
        });
        if let Some(t) = types.get_mut(number) {
            t.owner = t.owner.max(facts.owner);
            if t.array != *array {
                t.array = None;
            }
            add_new(&mut t.base_types, &facts.base_types);
            add_new(&mut t.interfaces, &facts.interfaces);
            t.count = t.count.saturating_add(row.count);
            t.total_size = t.total_size.saturating_add(row.total_size);
            t.aligned_size = t.aligned_size.saturating_add(row.aligned_size);
            for (sum, c) in t.generations.iter_mut().zip(&row.generations) {
                *sum = sum.plus(*c);
            }
            t.method_tables.push(row.method_table.clone());
        }
    }
    for t in &mut types {
        t.method_tables.sort_by_key(|m| u64::from_str_radix(m, 16).unwrap_or(0));
    }
    types.sort_by(|a, b| {
        b.total_size
            .cmp(&a.total_size)
            .then_with(|| a.type_name.cmp(&b.type_name))
            .then_with(|| a.module.cmp(&b.module))
    });
    types
}

/// Appends what is not there yet.
pub(crate) fn add_new(to: &mut Vec<u32>, more: &[u32]) {
    for number in more {
        if !to.contains(number) {
            to.push(*number);
        }
    }
}

fn cell(t: &Tally) -> Cell {
    Cell { count: t.count, size: t.size, aligned_size: t.aligned }
}

impl Cell {
    /// The sum of two, saturating.
    #[must_use]
    pub fn plus(self, other: Cell) -> Cell {
        Cell {
            count: self.count.saturating_add(other.count),
            size: self.size.saturating_add(other.size),
            aligned_size: self.aligned_size.saturating_add(other.aligned_size),
        }
    }
}
