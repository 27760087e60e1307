//! Walk + names -> the rows of a report.

use crate::error::Findings;
use crate::heap::segments::Segment;
use crate::heap::tally::Tally;
use crate::heap::walk::Outcome;
use crate::limits;
use crate::memory::{Addr, Memory};
use crate::names::{Names, TypeName};
use crate::report::{ArrayShape, Cell, GENERATIONS, HeapFacts, LargeFree, MethodTableRow, SegmentRow, TypeRow};
use crate::runtime::Runtime;
use crate::runtime::method_table::MethodTable;
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

/// Name of the row that counts what is beyond [`limits::MAX_ROWS`].
pub const OTHERS: &str = "<other method tables>";

/// The method tables that get a row, ascending by address: those with objects, but the smallest where there are too many.
#[derive(Debug)]
pub struct Met {
    /// Index of the tally and the method table.
    rows: Vec<(usize, MethodTable)>,
    /// Indexes of the others.
    others: Vec<usize>,
}

impl Met {
    /// Picks and reads them.
    pub fn of(mem: &dyn Memory, rt: &Runtime, outcome: &Outcome) -> Met {
        let mut order: Vec<(u64, Addr, usize)> = outcome
            .census
            .tables
            .known()
            .iter()
            .enumerate()
            .filter_map(|(index, known)| {
                let tallies = outcome.census.tallies.of(index);
                let size = tallies.iter().flatten().fold(0u64, |sum, t| sum.saturating_add(t.size));
                // Those without were looked up in a gap, never an object.
                tallies.iter().any(Option::is_some).then_some((size, known.at, index))
            })
            .collect();
        let mut others = Vec::new();
        if order.len() > limits::MAX_ROWS {
            crate::order::by_key(&mut order, |&(size, at, _)| (at != rt.known.free, std::cmp::Reverse(size), at));
            others = order.split_off(limits::MAX_ROWS).into_iter().map(|o| o.2).collect();
        }
        crate::order::by_key(&mut order, |o| o.1);
        let read = |(_, at, index)| MethodTable::read(mem, &rt.layout, at).ok().map(|table| (index, table));
        Met { rows: order.into_iter().filter_map(read).collect(), others }
    }

    /// The method tables.
    pub fn tables(&self) -> Vec<MethodTable> {
        self.rows.iter().map(|r| r.1).collect()
    }
}

/// Names and describes every method table and folds the tallies.
pub fn fold(
    outcome: &Outcome,
    met: &Met,
    segments: &[Arc<Segment>],
    free: Addr,
    names: &mut Names<'_>,
    types: &mut Types<'_>,
    findings: &mut Findings,
) -> Rows {
    let mut heap = HeapFacts { generations: vec![Cell::default(); GENERATIONS.len()], ..HeapFacts::default() };
    let mut method_tables = Vec::new();
    let mut described: Vec<Described> = Vec::new();
    for (index, table) in &met.rows {
        let generations = cells(outcome.census.tallies.of(*index));
        let total = generations.iter().fold(Cell::default(), |sum, c| sum.plus(*c));
        for (sum, c) in heap.generations.iter_mut().zip(&generations) {
            *sum = sum.plus(*c);
        }
        let name: Rc<TypeName> = names.name(table.at, findings);
        let facts = types.describe(table, &name, names, findings);
        names.forget_some();
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
            samples: outcome.census.tallies.samples(*index).map(|all| all.iter().map(Addr::to_string).collect()).into(),
        });
        let array = table.component_size().filter(|_| table.is_array()).map(|component| ArrayShape {
            base_size: u64::from(table.base_size),
            component_size: u64::from(component),
        });
        described.push(Described { namespace: name.namespace.clone(), facts, array });
    }
    if let Some((row, described_as)) = others(outcome, met) {
        for (sum, c) in heap.generations.iter_mut().zip(&row.generations) {
            *sum = sum.plus(*c);
        }
        findings.add_many("too-many-rows", true, met.others.len() as u64, || {
            format!(
                "the heap has more than {} method tables: the smallest {}, with {} objects and {} bytes, are counted in one row without a name",
                limits::MAX_ROWS,
                met.others.len(),
                row.count,
                row.total_size
            )
        });
        method_tables.push(row);
        described.push(described_as);
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
    crate::order::by_key(&mut blocks, |b| b.at);
    if blocks.len() > limits::MAX_LARGE_FREE {
        findings.add("large-free-list", false, || {
            format!("more than {} large Free blocks; the list is cut, the totals are not", limits::MAX_LARGE_FREE)
        });
        blocks.truncate(limits::MAX_LARGE_FREE);
    }
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
    crate::order::by(&mut method_tables, MethodTableRow::sos_order);
    Rows { types, method_tables, heap }
}

/// One row for all that have none of their own.
fn others(outcome: &Outcome, met: &Met) -> Option<(MethodTableRow, Described)> {
    let mut generations = vec![Cell::default(); GENERATIONS.len()];
    for &index in &met.others {
        for (sum, c) in generations.iter_mut().zip(cells(outcome.census.tallies.of(index))) {
            *sum = sum.plus(c);
        }
    }
    let total = generations.iter().fold(Cell::default(), |sum, c| sum.plus(*c));
    let row = MethodTableRow {
        method_table: Addr::NULL.to_string(),
        type_name: OTHERS.to_owned(),
        type_name_csharp: OTHERS.to_owned(),
        module: String::new(),
        owner: TypeFacts::default().owner,
        count: total.count,
        total_size: total.size,
        aligned_size: total.aligned_size,
        generations,
        samples: vec![Vec::new(); GENERATIONS.len()],
    };
    let described = Described { namespace: String::new(), facts: TypeFacts::default(), array: None };
    (!met.others.is_empty()).then_some((row, described))
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
    namespace: String,
    facts: TypeFacts,
    array: Option<ArrayShape>,
}

/// Types of the same name and assembly are one row, which then has the base types and interfaces of all of them.
fn by_type(rows: &[MethodTableRow], described: &[Described], free: &str) -> Vec<TypeRow> {
    let mut index: FxHashMap<(&str, &str), usize> = FxHashMap::default();
    let mut types: Vec<TypeRow> = Vec::new();
    for (row, Described { namespace, facts, array }) in
        rows.iter().zip(described).filter(|(r, _)| r.method_table != free)
    {
        let number = *index.entry((&row.type_name, &row.module)).or_insert_with(|| {
            types.push(TypeRow {
                type_name: row.type_name.clone(),
                type_name_csharp: row.type_name_csharp.clone(),
                module: row.module.clone(),
                namespace: namespace.clone(),
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
        crate::order::by_key(&mut t.method_tables, |m| u64::from_str_radix(m, 16).unwrap_or(0));
    }
    crate::order::by(&mut types, |a, b| {
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

fn cells(tallies: [Option<Tally>; 6]) -> Vec<Cell> {
    let cell = |t: Tally| Cell { count: t.count, size: t.size, aligned_size: t.aligned };
    tallies.map(|t| t.map_or_else(Cell::default, cell)).into()
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
