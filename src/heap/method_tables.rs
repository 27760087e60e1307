//! The method tables met on the heap: each is looked up and proven once, then found by its address in the hot loop.

use crate::limits;
use crate::maps::{NumberSet, Numbers};
use crate::memory::{Addr, Memory};
use crate::runtime::Runtime;
use crate::runtime::method_table::MethodTable;
use std::sync::Arc;

/// What the walk needs of a method table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of the method table, in order of first occurrence.
    pub index: u32,
    /// BaseSize.
    pub base_size: u32,
    /// Component size; 0 without components.
    pub component_size: u32,
    /// True for the Free pseudo type.
    pub free: bool,
}

/// A proven method table, as little of it as the walk needs: there may be a million.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its address.
    pub at: Addr,
    base_size: u32,
    /// A u16 in the runtime.
    component_size: u16,
    free: bool,
}

impl Known {
    fn shape(self, index: u32) -> Shape {
        let (base_size, component_size) = (self.base_size, u32::from(self.component_size));
        Shape { index, base_size, component_size, free: self.free }
    }
}

/// Method tables by address. What is none is remembered, too.
#[derive(Debug, Default)]
pub struct MethodTables {
    by_address: Numbers<u64, u32>,
    known: Vec<Known>,
    rejected: NumberSet<u64>,
    refused: bool,
    /// The heap's segments, ascending: no method table lies among the objects.
    heap: Arc<[(Addr, Addr)]>,
}

impl MethodTables {
    /// None so far. What points into the `heap`, stale words behind objects, is not looked up there: the walk may have passed it.
    pub fn beside(heap: Arc<[(Addr, Addr)]>) -> MethodTables {
        MethodTables { heap, ..MethodTables::default() }
    }

    /// The shape of the method table at `at`, or `None` if there is none. Reads memory once per address.
    pub fn get(&mut self, mem: &dyn Memory, rt: &Runtime, at: u64) -> Option<Shape> {
        if let Some(&index) = self.by_address.get(&at) {
            return Some(self.known.get(usize::try_from(index).ok()?)?.shape(index));
        }
        if at == 0 || self.rejected.contains(&at) || self.is_in_heap(Addr(at)) {
            return None;
        }
        let Some(table) = prove(mem, rt, Addr(at)) else {
            if self.rejected.len() < limits::MAX_REJECTED {
                self.rejected.insert(at);
            }
            return None;
        };
        let known = Known {
            at: table.at,
            base_size: table.base_size,
            component_size: u16::try_from(table.component_size().unwrap_or(0)).ok()?,
            free: table.at == rt.known.free,
        };
        Some(known.shape(self.adopt(known)?))
    }

    fn is_in_heap(&self, at: Addr) -> bool {
        super::walk::is_in(&self.heap, at)
    }

    /// The index of a method table that was proven elsewhere; `None` beyond [`limits::MAX_METHOD_TABLES`].
    pub fn adopt(&mut self, known: Known) -> Option<u32> {
        if let Some(&index) = self.by_address.get(&known.at.0) {
            return Some(index);
        }
        if self.known.len() >= limits::MAX_METHOD_TABLES {
            self.refused = true;
            return None;
        }
        let index = u32::try_from(self.known.len()).ok()?;
        self.known.push(known);
        self.by_address.insert(known.at.0, index);
        Some(index)
    }

    /// Keeps [`known`](MethodTables::known) alone.
    pub fn forget_index(&mut self) {
        (self.by_address, self.rejected) = (Numbers::default(), NumberSet::default());
    }

    /// True if there were more than [`limits::MAX_METHOD_TABLES`].
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// So it was in a part that is merged into this.
    pub fn note_refused(&mut self, refused: bool) {
        self.refused |= refused;
    }

    /// The method tables, by [`Shape::index`].
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// All words of the method tables, by [`Shape::index`]; read again.
    pub fn tables(&self, mem: &dyn Memory, rt: &Runtime) -> Vec<MethodTable> {
        self.each(mem, rt).collect()
    }

    /// The same, one after the other: there may be a million.
    pub fn each<'a>(&'a self, mem: &'a dyn Memory, rt: &'a Runtime) -> impl Iterator<Item = MethodTable> + 'a {
        self.known.iter().filter_map(|k| MethodTable::read(mem, &rt.layout, k.at).ok())
    }
}

/// Reads and proves the method table of an object.
pub fn prove(mem: &dyn Memory, rt: &Runtime, at: Addr) -> Option<MethodTable> {
    if at.0.checked_rem(rt.layout.p()) != Some(0) {
        return None;
    }
    let table = MethodTable::read(mem, &rt.layout, at).ok()?;
    if at == rt.known.free {
        return Some(table);
    }
    if table.component_size().is_some() && !table.is_array() && at != rt.known.string {
        // Nothing else has a length.
        return None;
    }
    (table.has_object_size(&rt.layout) && table.proves_itself(mem, &rt.layout, rt.back_pointer)).then_some(table)
}
