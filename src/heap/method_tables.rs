//! The method tables met on the heap: each is looked up and proven once, then found by its address in the hot loop.

use crate::limits;
use crate::memory::{Addr, Memory};
use crate::runtime::Runtime;
use crate::runtime::method_table::MethodTable;
use rustc_hash::{FxHashMap, FxHashSet};

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

/// Method tables by address. Not a method table is remembered, too.
#[derive(Debug)]
pub struct MethodTables {
    by_address: FxHashMap<u64, Shape>,
    tables: Vec<MethodTable>,
    rejected: FxHashSet<u64>,
    recent: Vec<(u64, Shape)>,
}

/// Direct-mapped cache in front of the map: 1,024 entries of 24 bytes stay in the first-level cache.
const RECENT: usize = 1024;
const NONE: Shape = Shape { index: u32::MAX, base_size: 0, component_size: 0, free: false };

impl Default for MethodTables {
    fn default() -> Self {
        MethodTables {
            by_address: FxHashMap::default(),
            tables: Vec::new(),
            rejected: FxHashSet::default(),
            recent: vec![(0, NONE); RECENT],
        }
    }
}

impl MethodTables {
    /// The shape of the method table at `at`, or `None` if there is none. Reads memory once per address.
    #[inline]
    pub fn get(&mut self, mem: &dyn Memory, rt: &Runtime, at: u64) -> Option<Shape> {
        let slot = slot(at);
        if let Some(&(known, shape)) = self.recent.get(slot)
            && known == at
            && known != 0
        {
            return Some(shape);
        }
        let shape = self.look_up(mem, rt, at)?;
        if let Some(entry) = self.recent.get_mut(slot) {
            *entry = (at, shape);
        }
        Some(shape)
    }

    #[cold]
    fn look_up(&mut self, mem: &dyn Memory, rt: &Runtime, at: u64) -> Option<Shape> {
        if let Some(shape) = self.by_address.get(&at) {
            return Some(*shape);
        }
        if at == 0 || self.rejected.contains(&at) || self.tables.len() >= limits::MAX_METHOD_TABLES {
            return None;
        }
        match prove(mem, rt, Addr(at)) {
            Some(table) => {
                let shape = Shape {
                    index: u32::try_from(self.tables.len()).ok()?,
                    base_size: table.base_size,
                    component_size: table.component_size().unwrap_or(0),
                    free: table.at == rt.known.free,
                };
                self.tables.push(table);
                self.by_address.insert(at, shape);
                Some(shape)
            }
            None => {
                if self.rejected.len() < limits::MAX_REJECTED {
                    self.rejected.insert(at);
                }
                None
            }
        }
    }

    /// The method tables, by [`Shape::index`].
    pub fn tables(&self) -> &[MethodTable] {
        &self.tables
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

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked to the cache's size")]
fn slot(at: u64) -> usize {
    ((at >> 3) ^ (at >> 13)) as usize & (RECENT - 1)
}
