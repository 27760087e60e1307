//! Walk + names -> the rows of a report.

use crate::compact::{Cells, Samples, Text};
use crate::error::Findings;
use crate::heap::segments::Segment;
use crate::heap::tally::Tally;
use crate::heap::walk::Outcome;
use crate::limits;
use crate::memory::{Addr, Memory};
use crate::names::{self, Names, TypeName};
use crate::report::{ArrayShape, Cell, GENERATIONS, HeapFacts, LargeFree, MethodTableRow, Owner, SegmentRow, TypeRow};
use crate::runtime::Runtime;
use crate::runtime::method_table::MethodTable;
use crate::types::{TypeFacts, Types};
use std::cmp::Reverse;
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

/// The method tables that get a row: those with objects, but the smallest where there are too many. It holds what was counted of them, so that the
/// tallies of the walk, those of all others among them, need not be kept while the rows are made.
#[derive(Debug)]
pub struct Met {
    /// Ascending by address.
    tables: Vec<MethodTable>,
    /// Of each, the objects by generation and addresses of some.
    counted: Vec<(Cells, Samples)>,
    /// How many others there are, and their objects by generation.
    others: (u64, Cells),
}

impl Met {
    /// Picks and reads them.
    pub fn of(mem: &dyn Memory, rt: &Runtime, outcome: &Outcome) -> Met {
        let (known, tallies) = (outcome.census.tables.known(), &outcome.census.tallies);
        let address = |index: u32| known.get(place(index)).map_or(Addr::NULL, |k| k.at);
        // Those without objects were looked up in a gap, never an object.
        let size = |index: u32| {
            let tallies = tallies.of(place(index));
            let sum = tallies.iter().flatten().fold(0u64, |sum, t| sum.saturating_add(t.size));
            tallies.iter().any(Option::is_some).then_some((sum, index))
        };
        let numbers = (0_u32..).zip(known).map(|(index, _)| index);
        let mut order: Vec<(u64, u32)> = numbers.filter_map(size).collect();
        let mut others = (0, Cells::default());
        if order.len() > limits::MAX_ROWS {
            let free = |index| address(index) != rt.known.free;
            crate::order::by_key(&mut order, |&(size, index)| (free(index), Reverse(size), address(index)));
            for (_, index) in order.drain(limits::MAX_ROWS..) {
                others.0 = u64::saturating_add(others.0, 1);
                others.1.add(&cells(tallies.of(place(index))));
            }
        }
        crate::order::by_key(&mut order, |o| address(o.1));
        let mut met = Met { tables: Vec::with_capacity(order.len()), counted: Vec::with_capacity(order.len()), others };
        for (_, index) in order {
            if let Ok(table) = MethodTable::read(mem, &rt.layout, address(index)) {
                met.tables.push(table);
                met.counted.push((cells(tallies.of(place(index))), Samples::of(&tallies.samples(place(index)))));
            }
        }
        met
    }

    /// The method tables.
    pub fn tables(&self) -> &[MethodTable] {
        &self.tables
    }
}

fn place(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Names and describes every method table and folds the tallies.
pub fn fold(
    outcome: &Outcome,
    met: Met,
    segments: &[Arc<Segment>],
    free: Addr,
    names: &mut Names<'_>,
    types: &mut Types<'_>,
    findings: &mut Findings,
) -> Rows {
    let mut heap = HeapFacts::default();
    let mut of_heap = Cells::default();
    let mut method_tables = Vec::with_capacity(met.tables.len().saturating_add(1));
    let mut of_types: Vec<TypeRow> = Vec::with_capacity(met.tables.len().saturating_add(1));
    for (table, (generations, samples)) in met.tables.into_iter().zip(met.counted) {
        let name: Rc<TypeName> = names.name(table.at, findings);
        let facts = types.describe(&table, &name, names, findings);
        names.forget_some();
        let array = table.component_size().filter(|_| table.is_array()).map(|component| ArrayShape {
            base_size: u64::from(table.base_size),
            component_size: u64::from(component),
        });
        of_heap.add(&generations);
        let row = method_table(table.at, &name, facts.owner, generations, samples);
        if table.at == free {
            heap.free = Cell { count: row.count, size: row.total_size, aligned_size: row.aligned_size };
        } else {
            of_types.push(of_type(&row, &name, facts, array));
        }
        method_tables.push(row);
    }
    let (others, generations) = met.others;
    if others > 0 {
        of_heap.add(&generations);
        let name = names::plain(OTHERS, Text::default());
        let facts = TypeFacts::default();
        let row = method_table(Addr::NULL, &name, facts.owner, generations, Samples::of(&[const { Vec::new() }; 6]));
        findings.add_many("too-many-rows", true, others, || {
            format!(
                "the heap has more than {} method tables: the smallest {others}, with {} objects and {} bytes, are counted in one row without a name",
                limits::MAX_ROWS,
                row.count,
                row.total_size
            )
        });
        of_types.push(of_type(&row, &name, facts, None));
        method_tables.push(row);
    }
    heap.generations = (0..GENERATIONS.len()).map(|generation| of_heap.get(generation)).collect();
    let all = heap.generations.iter().fold(Cell::default(), |sum, c| sum.plus(*c));
    (heap.objects, heap.size, heap.aligned_size) = (all.count, all.size, all.aligned_size);
    heap.before_first_error = before_first_error(outcome);
    heap.segments.reserve_exact(segments.len());
    let mut generation = Text::default();
    for (segment, result) in segments.iter().zip(&outcome.segments) {
        let name = if segment.ephemeral { "ephemeral" } else { segment.generation().name() };
        if generation != *name {
            generation = name.into();
        }
        let bytes = segment.end.since(segment.start);
        heap.explained_bytes = heap.explained_bytes.saturating_add(result.explained);
        heap.total_bytes = heap.total_bytes.saturating_add(bytes);
        heap.segments.push(SegmentRow {
            address: segment.address,
            heap: segment.heap as u64,
            generation: generation.clone(),
            start: segment.start,
            end: segment.end,
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
            address: b.at,
            size: b.size,
            generation: b.generation.name().into(),
            followed_by: b.followed_by.map(|(at, _)| at),
            followed_by_type: b.followed_by.map(|(_, table)| names.name(table, findings).classic.clone()),
        })
        .collect();
    names.note_missing(findings);
    let types = by_type(of_types);
    crate::order::by(&mut method_tables, MethodTableRow::sos_order);
    Rows { types, method_tables, heap }
}

/// The row of a method table.
fn method_table(at: Addr, name: &TypeName, owner: Owner, generations: Cells, samples: Samples) -> MethodTableRow {
    let total = generations.iter().fold(Cell::default(), Cell::plus);
    MethodTableRow {
        method_table: at,
        type_name: name.classic.clone(),
        type_name_csharp: name.csharp.clone(),
        module: name.module.clone(),
        owner,
        count: total.count,
        total_size: total.size,
        aligned_size: total.aligned_size,
        generations,
        samples,
    }
}

/// The row of a type that has this method table and no other.
fn of_type(row: &MethodTableRow, name: &TypeName, facts: TypeFacts, array: Option<ArrayShape>) -> TypeRow {
    let TypeFacts { owner, base_types, interfaces } = facts;
    TypeRow {
        type_name: row.type_name.clone(),
        type_name_csharp: row.type_name_csharp.clone(),
        module: row.module.clone(),
        namespace: name.namespace.clone(),
        owner,
        base_types: base_types.to_vec(),
        interfaces,
        count: row.count,
        total_size: row.total_size,
        aligned_size: row.aligned_size,
        generations: row.generations.clone(),
        method_tables: vec![row.method_table],
        array,
    }
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

/// Types of the same name and assembly become one row, which then has the base types and interfaces of all of them. Given in the order of their method
/// tables.
fn by_type(mut types: Vec<TypeRow>) -> Vec<TypeRow> {
    // Stable: rows of one type stay in the order of their method tables.
    crate::order::by(&mut types, |a, b| a.type_name.cmp(&b.type_name).then_with(|| a.module.cmp(&b.module)));
    types.dedup_by(|row, t| {
        let same = row.type_name == t.type_name && row.module == t.module;
        if same {
            t.owner = t.owner.max(row.owner);
            if t.array != row.array {
                t.array = None;
            }
            add_new(&mut t.base_types, &row.base_types);
            add_new(&mut t.interfaces, &row.interfaces);
            t.count = t.count.saturating_add(row.count);
            t.total_size = t.total_size.saturating_add(row.total_size);
            t.aligned_size = t.aligned_size.saturating_add(row.aligned_size);
            t.generations.add(&row.generations);
            t.method_tables.append(&mut row.method_tables);
        }
        same
    });
    crate::order::by_key(&mut types, |t| Reverse(t.total_size));
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

fn cells(tallies: [Option<Tally>; 6]) -> Cells {
    let cell = |t: Tally| Cell { count: t.count, size: t.size, aligned_size: t.aligned };
    tallies.into_iter().map(|t| t.map_or_else(Cell::default, cell)).collect()
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
