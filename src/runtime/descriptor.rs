//! Data descriptors: type -> field -> offset, and globals. One parser for our own layout files and for the contract descriptor that
//! .NET 9 and later carry in their memory.
//!
//! Source: dotnet/runtime docs/design/datacontracts/{data_descriptor,contract-descriptor}.md. A contract descriptor is a header with the
//! magic `DNCCDAC\0`, a pointer to compact JSON and an array of pointers that indirect globals index.

use crate::error::{Error, Result};
use crate::maps::Sorted;
use crate::memory::{Addr, Memory, PointerSize, unreadable};
use crate::reading::{self, Json};

/// Bytes of JSON accepted; the largest seen has 10,826.
const MAX_JSON: u32 = 1 << 20;
/// Entries of pointer_data accepted; the largest seen has 25.
const MAX_POINTERS: u32 = 4096;

/// Sub-descriptors followed; one is known.
const MAX_SUB_DESCRIPTORS: usize = 16;

/// A composed or single descriptor.
#[derive(Debug, Clone, Default)]
pub struct Descriptor {
    /// Name of the descriptor that this one builds on; `empty` for none.
    pub baseline: String,
    types: Sorted<String, Sorted<String, u64>>,
    globals: Sorted<String, Global>,
}

/// Value of a global.
#[derive(Debug, Clone, PartialEq)]
pub enum Global {
    /// A number.
    Number(u64),
    /// A string.
    Text(String),
    /// The address of a variable (through pointer_data).
    Pointer(Addr),
}

impl Descriptor {
    /// Parses the compact JSON; indirect globals are left out.
    pub fn parse(text: &str) -> Result<Descriptor> {
        Self::parse_with(text, &[])
    }

    /// Parses the compact JSON; `[index]` globals become pointers. Unknown keys and odd values are ignored, as the specification wants.
    pub fn parse_with(text: &str, pointers: &[Addr]) -> Result<Descriptor> {
        Self::parse_all(text, pointers).map(|parsed| parsed.0)
    }

    /// Also the slots of its sub-descriptors.
    fn parse_all(text: &str, pointers: &[Addr]) -> Result<(Descriptor, Vec<Addr>)> {
        let json: Json = reading::from_slice(text.as_bytes()).map_err(|e| Error::Damaged {
            what: "the runtime's contract descriptor".into(),
            detail: format!("its JSON does not parse: {e}"),
        })?;
        let mut d = Descriptor { baseline: "empty".to_owned(), ..Descriptor::default() };
        if let Some(Json::Text(baseline)) = json.field("baseline") {
            d.baseline.clone_from(baseline);
        }
        for (name, fields) in json.fields("types") {
            let mut out = Sorted::default();
            for (field, value) in fields.entries() {
                let offset = match value {
                    Json::List(parts) => parts.first().and_then(number),
                    other => number(other),
                };
                if let Some(offset) = offset {
                    out.insert(field.clone(), offset);
                }
            }
            d.types.insert(name.clone(), out);
        }
        for (name, value) in json.fields("globals") {
            if let Some(g) = global(value, pointers) {
                d.globals.insert(name.clone(), g);
            }
        }
        let slots = json.fields("subDescriptors").iter().filter_map(|(_, value)| match global(value, pointers) {
            Some(Global::Pointer(slot)) => Some(slot),
            _ => None,
        });
        let slots = slots.collect();
        Ok((d, slots))
    }

    /// Reads the contract descriptor at `at` (export `DotNetRuntimeContractDescriptor`) and lays its sub-descriptors over it.
    pub fn read(mem: &dyn Memory, at: Addr, pointer: PointerSize) -> Result<Descriptor> {
        let (mut whole, slots) = Self::read_one(mem, at, pointer)?;
        for slot in slots.into_iter().take(MAX_SUB_DESCRIPTORS) {
            // A slot is the address of a pointer to another header; null until that part of the runtime has started.
            let Ok(sub) = mem.ptr(slot, pointer, "pointer to a sub-descriptor") else { continue };
            if let Ok((part, _)) = Self::read_one(mem, sub, pointer) {
                whole.overlay(part);
            }
        }
        Ok(whole)
    }

    fn read_one(mem: &dyn Memory, at: Addr, pointer: PointerSize) -> Result<(Descriptor, Vec<Addr>)> {
        const WHAT: &str = "the runtime's contract descriptor";
        let magic = mem.u64(at, WHAT)?;
        if &magic.to_le_bytes() != b"DNCCDAC\0" {
            return Err(Error::Damaged { what: WHAT.into(), detail: "its magic number is wrong".into() }.into());
        }
        let p = pointer.bytes();
        let json_len = mem.u32(at.plus(12), WHAT)?;
        let json = mem.ptr(at.plus(16), pointer, WHAT)?;
        let count = mem.u32(at.plus(16).plus(p), WHAT)?;
        let data = mem.ptr(at.plus(24).plus(p), pointer, WHAT)?;
        if json_len > MAX_JSON || count > MAX_POINTERS {
            return Err(Error::Limit {
                what: format!("{WHAT}: JSON length or pointer count"),
                value: u64::from(json_len.max(count)),
                limit: u64::from(MAX_JSON),
            }
            .into());
        }
        let text = mem.bytes(json, usize::try_from(json_len).map_err(|_| unreadable(WHAT, json, 0))?, WHAT)?;
        let pointers = (0..u64::from(count))
            .map(|i| mem.ptr(data.plus(i.wrapping_mul(p)), pointer, WHAT))
            .collect::<Result<Vec<Addr>>>()?;
        Self::parse_all(&String::from_utf8_lossy(&text), &pointers)
    }

    /// Lays `delta` over this one: later appearances win.
    pub fn overlay(&mut self, delta: Descriptor) {
        for (name, fields) in delta.types.into_entries() {
            let known = self.types.entry(name, Sorted::default);
            for (field, offset) in fields.into_entries() {
                known.insert(field, offset);
            }
        }
        for (name, global) in delta.globals.into_entries() {
            self.globals.insert(name, global);
        }
    }

    /// Offset of a field, or with `!` the size of a type.
    pub fn field(&self, name: &str, field: &str) -> Option<u64> {
        self.types.get(name)?.get(field).copied()
    }

    /// A direct number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.globals.get(name)? {
            Global::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The address of a variable.
    pub fn pointer(&self, name: &str) -> Option<Addr> {
        match self.globals.get(name)? {
            Global::Pointer(a) => Some(*a),
            _ => None,
        }
    }

    /// Any global.
    pub fn global(&self, name: &str) -> Option<&Global> {
        self.globals.get(name)
    }

    /// How many types it has.
    pub fn type_count(&self) -> usize {
        self.types.len()
    }
}

/// A number in JSON, or in a string as decimal or hex.
fn number(v: &Json) -> Option<u64> {
    match v {
        Json::Number(n) => Some(*n),
        Json::Text(s) => match s.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => s.parse().ok(),
        },
        _ => None,
    }
}

/// `value | [value, "type"] | [index] | [[index], "type"]`.
fn global(v: &Json, pointers: &[Addr]) -> Option<Global> {
    let indirect = |i: &Json| {
        let index = usize::try_from(number(i)?).ok()?;
        pointers.get(index).copied().filter(|a| !a.is_null()).map(Global::Pointer)
    };
    match v {
        Json::List(parts) => match parts.as_slice() {
            [index] => indirect(index),
            [Json::List(inner), _] => indirect(inner.first()?),
            [value, _] => global(value, pointers),
            _ => None,
        },
        Json::Text(s) => Some(number(v).map_or_else(|| Global::Text(s.clone()), Global::Number)),
        other => number(other).map(Global::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compact_grammar() {
        let text = r#"{"version":0,"baseline":"empty","unknown":[1],
            "types":{"Object":{"m_pMethTab":[0,"pointer"],"!":8},"Odd":7},
            "globals":{"A":7,"B":["0x10","uint8"],"C":[1],"D":[[2],"pointer"],"E":"windows","F":[9],"G":[[0],"pointer"]}}"#;
        let d = Descriptor::parse_with(text, &[Addr(0), Addr(0x100), Addr(0x200)]).unwrap();
        assert_eq!(d.field("Object", "m_pMethTab"), Some(0));
        assert_eq!(d.field("Object", "!"), Some(8));
        assert_eq!(d.number("A"), Some(7));
        assert_eq!(d.number("B"), Some(16));
        assert_eq!(d.pointer("C"), Some(Addr(0x100)));
        assert_eq!(d.pointer("D"), Some(Addr(0x200)));
        assert_eq!(d.number("E"), None);
        assert_eq!(d.pointer("F"), None, "an index beyond the array");
        assert_eq!(d.pointer("G"), None, "slot 0 is a null placeholder");
    }

    #[test]
    fn sub_descriptors_are_laid_over() {
        // Two headers, their JSON and pointer data in one piece of memory at 0x1000.
        struct Bytes(Vec<u8>);
        impl Memory for Bytes {
            fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
                let from = usize::try_from(addr.since(Addr(0x1000))).unwrap();
                let bytes = addr.0.checked_sub(0x1000).and_then(|_| self.0.get(from..from + buf.len()));
                buf.copy_from_slice(bytes.ok_or_else(|| unreadable(what, addr, buf.len() as u64))?);
                Ok(())
            }
            fn run(&self, addr: Addr) -> u64 {
                addr.0.checked_sub(0x1000).map_or(0, |at| (self.0.len() as u64).saturating_sub(at))
            }
        }
        let mut m = vec![0; 0x800];
        let mut header = |at: usize, json: &str, json_at: usize, pointers: &[u64], data_at: usize| {
            m[at..at + 8].copy_from_slice(b"DNCCDAC\0");
            m[at + 8..at + 12].copy_from_slice(&1u32.to_le_bytes());
            m[at + 12..at + 16].copy_from_slice(&u32::try_from(json.len()).unwrap().to_le_bytes());
            m[at + 16..at + 24].copy_from_slice(&(0x1000 + json_at as u64).to_le_bytes());
            m[at + 24..at + 28].copy_from_slice(&u32::try_from(pointers.len()).unwrap().to_le_bytes());
            m[at + 32..at + 40].copy_from_slice(&(0x1000 + data_at as u64).to_le_bytes());
            m[json_at..json_at + json.len()].copy_from_slice(json.as_bytes());
            for (i, p) in pointers.iter().enumerate() {
                m[data_at + 8 * i..data_at + 8 * i + 8].copy_from_slice(&p.to_le_bytes());
            }
        };
        let main = r#"{"types":{"Module":{"Base":200}},"subDescriptors":{"GC":[1],"Later":[2]}}"#;
        header(0, main, 0x100, &[0, 0x1700, 0x1708], 0x300);
        let gc = r#"{"types":{"Generation":{"!":256,"StartSegment":56}},"globals":{"GCIdentifiers":"workstation,regions","Table":[1]}}"#;
        header(0x400, gc, 0x500, &[0, 0x7777], 0x680);
        m[0x700..0x708].copy_from_slice(&0x1400u64.to_le_bytes());
        let d = Descriptor::read(&Bytes(m), Addr(0x1000), PointerSize::Eight).unwrap();
        assert_eq!((d.field("Module", "Base"), d.field("Generation", "!")), (Some(200), Some(256)));
        assert_eq!(d.global("GCIdentifiers"), Some(&Global::Text("workstation,regions".into())));
        assert_eq!(d.pointer("Table"), Some(Addr(0x7777)));
    }

    #[test]
    fn later_appearances_win() {
        let mut a = Descriptor::parse(r#"{"types":{"T":{"x":1,"y":2}},"globals":{"g":1}}"#).unwrap();
        a.overlay(Descriptor::parse(r#"{"types":{"T":{"y":3}},"globals":{"g":2}}"#).unwrap());
        assert_eq!((a.field("T", "x"), a.field("T", "y"), a.number("g")), (Some(1), Some(3), Some(2)));
    }
}
