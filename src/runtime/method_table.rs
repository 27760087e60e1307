//! One `MethodTable`: its words, and the self-reference test that tells it from any other bytes.
//!
//! Source: src/coreclr/vm/methodtable.h, class.h. The word `EEClassOrCanonMT` u is tagged: u & 3 = 0: u is the EEClass and the method
//! table is canonical; 1: the canonical one is u - 1 (from 8.0 on); 2: u - 2 (up to 6.0); 3: it is `*(u - 3)` (NGEN images up to 3.1).

use super::layout::Layout;
use crate::error::Result;
use crate::memory::{Addr, Memory, PointerSize};

/// Flag: the low half of the flags is the component size.
pub const HAS_COMPONENT_SIZE: u32 = 0x8000_0000;
/// Flag: a GCDesc lies in front of the method table.
pub const CONTAINS_POINTERS: u32 = 0x0100_0000;
/// Mask and value of "array".
pub const ARRAY_MASK: u32 = 0x000C_0000;
/// See [`ARRAY_MASK`].
pub const ARRAY: u32 = 0x0008_0000;
/// Mask of the category.
pub const CATEGORY_MASK: u32 = 0x000F_0000;
/// Category: single-dimensional, zero-based array.
pub const SZ_ARRAY: u32 = 0x000A_0000;
/// Category: interface.
pub const INTERFACE: u32 = 0x000C_0000;
/// Mask of the generics bits, only meaningful without [`HAS_COMPONENT_SIZE`]: 0 none, 0x10 exact, 0x20 shared, 0x30 open.
pub const GENERICS_MASK: u32 = 0x30;

/// Ranks of an array: the CLR's own limit.
const MAX_RANK: u64 = 32;

/// How `EEClass::m_pMethodTable` is stored: relative (value + address of the field) only in .NET Core 2.1 and 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackPointer {
    /// The address itself.
    Absolute,
    /// Relative to the field.
    Relative,
}

/// The words of one method table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodTable {
    /// Its address.
    pub at: Addr,
    /// Flags; see the constants of this module.
    pub flags: u32,
    /// BaseSize in bytes.
    pub base_size: u32,
    /// The u32 at flags2: up to 8 a u16 of flags and a u16 RID, from 9 on 8 bits of flags and a 24-bit RID.
    pub flags2: u32,
    /// NumVirtuals.
    pub num_virtuals: u16,
    /// NumInterfaces.
    pub num_interfaces: u16,
    /// Parent as stored.
    pub parent: Addr,
    /// Module as stored.
    pub module: Addr,
    /// EEClassOrCanonMT as stored.
    pub canonical: Addr,
    /// PerInstInfo, or element type handle of an array.
    pub per_inst_info: Addr,
}

const WHAT: &str = "method table";

impl MethodTable {
    /// Reads the words; says nothing about whether there is a method table.
    pub fn read(mem: &dyn Memory, l: &Layout, at: Addr) -> Result<MethodTable> {
        let mut buf = [0; 64];
        let m = &l.method_table;
        let size = usize::try_from(m.size).unwrap_or(buf.len()).min(buf.len());
        let bytes = buf.get_mut(..size).unwrap_or_default();
        mem.read(at, bytes, WHAT)?;
        let bytes = &*bytes;
        Ok(MethodTable {
            at,
            flags: u32_at(bytes, m.flags),
            base_size: u32_at(bytes, m.base_size),
            flags2: u32_at(bytes, m.flags2),
            num_virtuals: u16_at(bytes, m.num_virtuals),
            num_interfaces: u16_at(bytes, m.num_interfaces),
            parent: ptr_at(bytes, m.parent, l.pointer),
            module: ptr_at(bytes, m.module, l.pointer),
            canonical: ptr_at(bytes, m.canonical, l.pointer),
            per_inst_info: ptr_at(bytes, m.per_inst_info, l.pointer),
        })
    }

    /// Component size in bytes, if it has one.
    pub fn component_size(&self) -> Option<u32> {
        (self.flags & HAS_COMPONENT_SIZE != 0).then_some(self.flags & 0xFFFF)
    }

    /// True for arrays (not for strings and Free).
    pub fn is_array(&self) -> bool {
        self.flags & HAS_COMPONENT_SIZE != 0 && self.flags & ARRAY_MASK == ARRAY
    }

    /// True for single-dimensional, zero-based arrays.
    pub fn is_sz_array(&self) -> bool {
        self.is_array() && self.flags & CATEGORY_MASK == SZ_ARRAY
    }

    /// The generics bits, 0 where they mean nothing.
    pub fn generics(&self) -> u32 {
        if self.flags & HAS_COMPONENT_SIZE != 0 { 0 } else { self.flags & GENERICS_MASK }
    }

    /// True for interfaces.
    pub fn is_interface(&self) -> bool {
        self.flags & HAS_COMPONENT_SIZE == 0 && self.flags & CATEGORY_MASK == INTERFACE
    }

    /// True for a generic type over its own parameters.
    pub fn is_open(&self) -> bool {
        self.generics() == GENERICS_MASK
    }

    /// Neither array, string nor generic: its module word is its module in every version.
    pub fn is_plain(&self) -> bool {
        self.flags & HAS_COMPONENT_SIZE == 0 && self.generics() == 0
    }

    /// The canonical method table by the tag rule.
    pub fn canonical_table(&self, mem: &dyn Memory, l: &Layout) -> Result<Addr> {
        let u = self.canonical;
        Ok(match u.0 & 3 {
            0 => self.at,
            1 => u.minus(1),
            2 => u.minus(2),
            _ => mem.ptr(u.minus(3), l.pointer, "indirection cell of a canonical method table")?,
        })
    }

    /// The parent; follows the indirection of NGEN images, where the flag says so (the stored value is then a base whose own
    /// parent word is the parent).
    pub fn parent_table(&self, mem: &dyn Memory, l: &Layout) -> Result<Addr> {
        if l.has_indirect_parent != 0 && u64::from(self.flags) & l.has_indirect_parent != 0 {
            return mem.ptr(self.parent.plus(l.method_table.parent), l.pointer, "indirect parent of a method table");
        }
        Ok(self.parent)
    }

    /// The self-reference test: the EEClass of the canonical method table points back to it.
    pub fn proves_itself(&self, mem: &dyn Memory, l: &Layout, mode: BackPointer) -> bool {
        self.self_reference(mem, l, mode).unwrap_or(false)
    }

    /// As [`proves_itself`](MethodTable::proves_itself), telling memory that is missing from memory that says otherwise.
    ///
    /// # Errors
    /// [`Error::Unreadable`](crate::Error::Unreadable).
    pub fn self_reference(&self, mem: &dyn Memory, l: &Layout, mode: BackPointer) -> Result<bool> {
        let p = l.p();
        let aligned = |a: Addr| !a.is_null() && a.0.checked_rem(p) == Some(0);
        let canonical = self.canonical_table(mem, l)?;
        if !aligned(canonical) {
            return Ok(false);
        }
        let class = if canonical == self.at {
            self.canonical
        } else {
            mem.ptr(canonical.plus(l.method_table.canonical), l.pointer, WHAT)?
        };
        if !aligned(class) {
            return Ok(false);
        }
        let field = class.plus(l.eeclass_method_table);
        let stored = mem.ptr(field, l.pointer, "EEClass")?;
        let back = match mode {
            BackPointer::Absolute => stored,
            BackPointer::Relative => relative(field, stored, l.pointer),
        };
        Ok(back == canonical)
    }

    /// BaseSize that an object can have: at least two pointers (interfaces have 0), whole pointers where nothing is counted behind it; of
    /// an array the header alone, with a pointer more where arrays name their element type, and two i32 for each rank.
    pub fn has_object_size(&self, l: &Layout) -> bool {
        let (base, p) = (u64::from(self.base_size), l.p());
        if self.is_sz_array() {
            base == l.multi_dim_base || base == l.multi_dim_base.wrapping_add(p)
        } else if self.is_array() {
            let bounds = base.saturating_sub(l.multi_dim_base);
            bounds >= 8 && bounds <= MAX_RANK.wrapping_mul(8).wrapping_add(p) && bounds.checked_rem(p) == Some(0)
        } else {
            base >= p.wrapping_mul(2) && (self.component_size().is_some() || base.checked_rem(p) == Some(0))
        }
    }
}

/// A relative pointer: value + address of the field, in the pointer's width.
pub fn relative(field: Addr, stored: Addr, pointer: PointerSize) -> Addr {
    let sum = stored.plus(field.0);
    match pointer {
        PointerSize::Eight => sum,
        PointerSize::Four => Addr(sum.0 & 0xFFFF_FFFF),
    }
}

fn u16_at(b: &[u8], at: u64) -> u16 {
    take(b, at).map_or(0, u16::from_le_bytes)
}

fn u32_at(b: &[u8], at: u64) -> u32 {
    take(b, at).map_or(0, u32::from_le_bytes)
}

fn ptr_at(b: &[u8], at: u64, pointer: PointerSize) -> Addr {
    Addr(match pointer {
        PointerSize::Four => u64::from(u32_at(b, at)),
        PointerSize::Eight => take(b, at).map_or(0, u64::from_le_bytes),
    })
}

fn take<const N: usize>(b: &[u8], at: u64) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    b.get(at..at.checked_add(N)?)?.try_into().ok()
}
