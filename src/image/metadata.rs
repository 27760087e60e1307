//! The ECMA-335 metadata of a managed module, as far as naming types needs it: types, their nesting, their generic parameters, bases and
//! interfaces, the names of the assembly and the module.
//!
//! The format is Partition II, chapters 22 and 24; where the runtime goes beyond it (`#-` with its pointer and edit-and-continue tables,
//! the extra data of the root and of the table stream, `#JTD`) the names are those of its `md/` sources. Rows are read when they are
//! asked for: [`Metadata`] holds offsets alone, since one dump has a hundred modules and needs a few rows of each.

use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{Addr, Memory};

/// `BSJB`, the first four bytes of a metadata root.
pub const SIGNATURE: u32 = 0x424A_5342;

/// Numbers of the metadata tables that somebody asks for by number.
pub mod table {
    /// One row: the module's name and MVID.
    pub const MODULE: u8 = 0x00;
    /// Types of other modules.
    pub const TYPE_REF: u8 = 0x01;
    /// Types of this module.
    pub const TYPE_DEF: u8 = 0x02;
    /// Fields.
    pub const FIELD: u8 = 0x04;
    /// Methods.
    pub const METHOD_DEF: u8 = 0x06;
    /// Which type implements which interface.
    pub const INTERFACE_IMPL: u8 = 0x09;
    /// Constructed types, by signature.
    pub const TYPE_SPEC: u8 = 0x1B;
    /// At most one row: this assembly.
    pub const ASSEMBLY: u8 = 0x20;
    /// Referenced assemblies.
    pub const ASSEMBLY_REF: u8 = 0x23;
    /// Which type is nested in which.
    pub const NESTED_CLASS: u8 = 0x29;
    /// Generic parameters of types and methods.
    pub const GENERIC_PARAM: u8 = 0x2A;
}

/// A metadata token: the table in the highest byte, the row (from 1) below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u32);

impl Token {
    /// The token of a row.
    pub fn new(table: u8, rid: u32) -> Token {
        Token((u32::from(table) << 24) | (rid & 0x00FF_FFFF))
    }

    /// The number of its table, e.g. [`table::TYPE_DEF`].
    pub fn table(self) -> u8 {
        let [.., table] = self.0.to_le_bytes();
        table
    }

    /// Its row, from 1; 0 means none.
    pub fn rid(self) -> u32 {
        self.0 & 0x00FF_FFFF
    }

    /// True if it names no row.
    pub fn is_nil(self) -> bool {
        self.rid() == 0
    }
}

/// The metadata of one module: where its heaps and tables are.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Address of the root (`BSJB`).
    pub root: Addr,
    /// The version text of the root: `v4.0.30319` for everything since .NET Framework 4.
    pub version: String,
    strings: Span,
    guids: Span,
    /// Which heaps need indexes of 4 bytes: `HEAP_*` bits.
    wide_heaps: u8,
    /// All indexes take 4 bytes (`#JTD`).
    all_wide: bool,
    /// Tables (by bit) that are in the order of their key.
    sorted: u64,
    tables: [Table; TABLES],
}

/// A row of the TypeDef table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDef {
    /// `TypeAttributes`.
    pub flags: u32,
    /// The name in metadata, with the backtick of a generic type.
    pub name: String,
    /// The namespace; empty for almost all nested types.
    pub namespace: String,
    /// The base type: a TypeDef, TypeRef or TypeSpec; nil for interfaces, `System.Object` and `<Module>`.
    pub extends: Token,
    /// The first field: a row of Field, or of FieldPtr if there is such a table.
    pub field_list: u32,
    /// The first method: a row of MethodDef, or of MethodPtr if there is such a table.
    pub method_list: u32,
}

/// A row of the TypeRef table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeRef {
    /// Where the type is: an AssemblyRef, a ModuleRef, the Module, or the TypeRef in which it is nested.
    pub resolution_scope: Token,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

impl Metadata {
    /// Reads the root, the stream headers and the row counts of the metadata at `root`, `len` bytes long.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a heap or a table does not fit into what holds it, or there are tables of no known shape;
    /// [`Error::Unreadable`] if the headers are not in the dump; [`Error::Limit`] beyond [`limits::MAX_METADATA`].
    pub fn open(mem: &dyn Memory, root: Addr, len: u64) -> Result<Metadata> {
        if len > limits::MAX_METADATA {
            return Err(Error::Limit {
                what: format!("bytes of the metadata at {root:?}"),
                value: len,
                limit: limits::MAX_METADATA,
            }
            .into());
        }
        let whole = Span { addr: root, len };
        let mut at = Cursor { mem, span: whole, pos: 0, what: "metadata root" };
        if at.u32()? != SIGNATURE {
            return Err(damaged("metadata root", format!("no BSJB at {root:?}")));
        }
        at.skip(8)?;
        let version_len = at.u32()?;
        let version = at.text(version_len.into())?;
        let flags = at.u8()?;
        at.skip(1)?;
        let count = at.u16()?;
        if flags & STGHDR_EXTRADATA != 0 {
            let extra = at.u32()?;
            at.skip(extra.into())?;
        }

        let (mut strings, mut guids) = (Span::EMPTY, Span::EMPTY);
        let (mut compressed, mut uncompressed, mut all_wide) = (None, None, false);
        for _ in 0..count {
            let (offset, len) = (at.u32()?, at.u32()?);
            let name = at.stream_name()?;
            let stream = whole.part(offset.into(), len.into());
            let stream = stream.ok_or_else(|| {
                damaged("metadata root", format!("the stream {name} ({offset:#x}, {len:#x}) is outside of {root:?}"))
            })?;
            match name.as_str() {
                "#Strings" => strings = stream,
                "#GUID" => guids = stream,
                "#~" => compressed = Some(stream),
                "#-" => uncompressed = Some(stream),
                "#JTD" => all_wide = true,
                _ => {}
            }
        }
        let stream = compressed.or(uncompressed);
        let stream = stream.ok_or_else(|| damaged("metadata root", format!("no table stream at {root:?}")))?;

        let mut metadata = Metadata {
            root,
            version,
            strings,
            guids,
            wide_heaps: 0,
            all_wide,
            sorted: 0,
            tables: [Table::default(); TABLES],
        };
        metadata.read_tables(mem, stream)?;
        Ok(metadata)
    }

    /// Rows of a table; 0 for one that is not there or not known.
    pub fn row_count(&self, table: u8) -> u32 {
        self.tables.get(usize::from(table)).map_or(0, |t| t.rows)
    }

    /// Rows of the TypeDef table; the first is `<Module>`.
    pub fn type_def_count(&self) -> u32 {
        self.row_count(table::TYPE_DEF)
    }

    /// A type of this module by its row, from 1.
    ///
    /// # Errors
    /// [`Error::Damaged`] if there is no such row, [`Error::Unreadable`] if it is not in the dump; so for every method below.
    pub fn type_def(&self, mem: &dyn Memory, rid: u32) -> Result<TypeDef> {
        let [flags, name, namespace, extends, field_list, method_list, ..] = self.row(mem, table::TYPE_DEF, rid)?;
        Ok(TypeDef {
            flags,
            name: self.string(mem, name)?,
            namespace: self.string(mem, namespace)?,
            extends: decode(Coded::TypeDefOrRef, extends)?,
            field_list,
            method_list,
        })
    }

    /// A type of another module by its row, from 1.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn type_ref(&self, mem: &dyn Memory, rid: u32) -> Result<TypeRef> {
        let [scope, name, namespace, ..] = self.row(mem, table::TYPE_REF, rid)?;
        Ok(TypeRef {
            resolution_scope: decode(Coded::ResolutionScope, scope)?,
            name: self.string(mem, name)?,
            namespace: self.string(mem, namespace)?,
        })
    }

    /// The type in which this one is nested.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn enclosing_class(&self, mem: &dyn Memory, rid: u32) -> Result<Option<u32>> {
        let rows = self.rows_with(mem, table::NESTED_CLASS, 0, rid)?;
        Ok(rows.first().map(|&[_, enclosing, ..]| enclosing))
    }

    /// The type and those in which it is nested, the outermost first: rows of TypeDef.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def); [`Error::Damaged`] if a type is nested in itself, [`Error::Limit`] beyond
    /// [`limits::MAX_NAME_DEPTH`].
    pub fn nesting(&self, mem: &dyn Memory, rid: u32) -> Result<Vec<u32>> {
        let mut chain = vec![rid];
        while let Some(outer) = self.enclosing_class(mem, chain.last().copied().unwrap_or(rid))? {
            grow(&mut chain, outer)?;
        }
        chain.reverse();
        Ok(chain)
    }

    /// Namespace and name of the type and of those in which it is nested, the outermost first, as they are in the metadata. A name may
    /// hold any character, `+`, `,` and brackets too: who spells names with separators of their own (the runtime's `TypeNameBuilder`
    /// puts a backslash before such a character) needs the parts.
    ///
    /// # Errors
    /// As [`nesting`](Metadata::nesting).
    pub fn name_parts(&self, mem: &dyn Memory, rid: u32) -> Result<Vec<(String, String)>> {
        let part = |&rid: &u32| {
            let [_, name, namespace, ..] = self.row(mem, table::TYPE_DEF, rid)?;
            Ok((self.string(mem, namespace)?, self.string(mem, name)?))
        };
        self.nesting(mem, rid)?.iter().map(part).collect()
    }

    /// `Namespace.Outer+Inner`: backticks stay, nothing is escaped.
    ///
    /// # Errors
    /// As [`nesting`](Metadata::nesting).
    pub fn full_name(&self, mem: &dyn Memory, rid: u32) -> Result<String> {
        let mut out = String::new();
        for (namespace, name) in self.name_parts(mem, rid)? {
            append(&mut out, &namespace, &name);
        }
        Ok(out)
    }

    /// The full name behind a TypeDef or TypeRef token, as [`full_name`](Metadata::full_name); `None` for nil and for a TypeSpec, which
    /// has no name of its own.
    ///
    /// # Errors
    /// As [`nesting`](Metadata::nesting).
    pub fn resolve_type_name(&self, mem: &dyn Memory, token: Token) -> Result<Option<String>> {
        match token.table() {
            _ if token.is_nil() => Ok(None),
            table::TYPE_DEF => self.full_name(mem, token.rid()).map(Some),
            table::TYPE_REF => {
                let (mut chain, mut parts) = (vec![token.rid()], Vec::new());
                loop {
                    let one = self.type_ref(mem, chain.last().copied().unwrap_or(0))?;
                    let scope = one.resolution_scope;
                    parts.push(one);
                    if scope.table() != table::TYPE_REF || scope.is_nil() {
                        break;
                    }
                    grow(&mut chain, scope.rid())?;
                }
                let mut out = String::new();
                for part in parts.iter().rev() {
                    append(&mut out, &part.namespace, &part.name);
                }
                Ok(Some(out))
            }
            _ => Ok(None),
        }
    }

    /// Generic parameters of a type: its own and those it repeats of the types around it, as metadata has them.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn generic_arity(&self, mem: &dyn Memory, rid: u32) -> Result<u32> {
        // TypeOrMethodDef: one tag bit, 0 for TypeDef.
        let Some(owner) = rid.checked_mul(2) else { return Ok(0) };
        let rows = self.rows_with(mem, table::GENERIC_PARAM, 2, owner)?;
        Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
    }

    /// The interfaces that the type itself names: TypeDef, TypeRef or TypeSpec tokens.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn interfaces(&self, mem: &dyn Memory, rid: u32) -> Result<Vec<Token>> {
        let rows = self.rows_with(mem, table::INTERFACE_IMPL, 0, rid)?;
        rows.iter().map(|&[_, interface, ..]| decode(Coded::TypeDefOrRef, interface)).collect()
    }

    /// The assembly's simple name; `None` for a module without an assembly row.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn assembly_name(&self, mem: &dyn Memory) -> Result<Option<String>> {
        if self.row_count(table::ASSEMBLY) == 0 {
            return Ok(None);
        }
        let [_, _, _, _, _, _, _, name, ..] = self.row(mem, table::ASSEMBLY, 1)?;
        self.string(mem, name).map(Some)
    }

    /// The assembly's version: major, minor, build, revision.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn assembly_version(&self, mem: &dyn Memory) -> Result<Option<[u16; 4]>> {
        if self.row_count(table::ASSEMBLY) == 0 {
            return Ok(None);
        }
        let [_, major, minor, build, revision, ..] = self.row(mem, table::ASSEMBLY, 1)?;
        Ok(Some([major, minor, build, revision].map(|part| u16::try_from(part).unwrap_or(u16::MAX))))
    }

    /// The module's name, which ends in `.dll` or `.exe`.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn module_name(&self, mem: &dyn Memory) -> Result<String> {
        let [_, name, ..] = self.row(mem, table::MODULE, 1)?;
        self.string(mem, name)
    }

    /// What SOS calls the module: the assembly's name, else the module's without its extension.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn simple_name(&self, mem: &dyn Memory) -> Result<String> {
        if let Some(name) = self.assembly_name(mem)? {
            return Ok(name);
        }
        let name = self.module_name(mem)?;
        Ok(match name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
            _ => name,
        })
    }

    /// The module version id: the 16 bytes of the GUID as they lie in the heap; zeros where the module has none, as the manifests of
    /// composite and ReadyToRun images.
    ///
    /// # Errors
    /// As [`type_def`](Metadata::type_def).
    pub fn mvid(&self, mem: &dyn Memory) -> Result<[u8; 16]> {
        let [_, _, index, ..] = self.row(mem, table::MODULE, 1)?;
        if index == 0 {
            return Ok([0; 16]);
        }
        // An index counts GUIDs from 1.
        let guid = index.checked_sub(1).and_then(|i| self.guids.part(u64::from(i).saturating_mul(16), 16));
        let guid = guid.ok_or_else(|| damaged("MVID", format!("GUID {index} of {:#x} bytes", self.guids.len)))?;
        let mut bytes = [0; 16];
        mem.read(guid.addr, &mut bytes, "MVID")?;
        Ok(bytes)
    }

    /// Reads the head of the `#~` or `#-` stream and lays out the tables.
    fn read_tables(&mut self, mem: &dyn Memory, stream: Span) -> Result<()> {
        const WHAT: &str = "metadata table stream";
        let mut at = Cursor { mem, span: stream, pos: 0, what: WHAT };
        at.skip(6)?;
        self.wide_heaps = at.u8()?;
        at.skip(1)?;
        let valid = at.u64()?;
        self.sorted = at.u64()?;
        let unknown = valid & !(KNOWN_TABLES | PORTABLE_PDB_TABLES);
        if unknown != 0 {
            return Err(damaged(WHAT, format!("tables of no known shape (bits {unknown:#x}) at {:?}", stream.addr)));
        }
        for index in (0..u64::BITS).filter(|&bit| valid & (1 << bit) != 0) {
            let rows = at.u32()?;
            if rows > MAX_RID {
                let what = format!("rows of the metadata table {index:#x} at {:?}", stream.addr);
                return Err(Error::Limit { what, value: rows.into(), limit: MAX_RID.into() }.into());
            }
            // The tables of a portable PDB lie behind all others: their rows are nobody's business here.
            if let Some(table) = self.tables.get_mut(index as usize) {
                table.rows = rows;
            }
        }
        if self.wide_heaps & EXTRA_DATA != 0 {
            at.skip(4)?;
        }
        let mut next = at.pos;
        for (index, columns) in SCHEMA.iter().enumerate() {
            let row_len = columns.iter().fold(0, |sum: u64, &column| sum.saturating_add(self.width(column)));
            let rows = self.tables.get(index).map_or(0, |t| t.rows);
            let len = row_len.saturating_mul(rows.into());
            let Some(span) = stream.part(next, len) else {
                let detail = format!(
                    "{rows} rows of the table {index:#x} do not fit into {:#x} bytes at {:?}",
                    stream.len, stream.addr
                );
                return Err(damaged(WHAT, detail));
            };
            if let Some(table) = self.tables.get_mut(index) {
                *table = Table { rows, row_len, addr: span.addr };
            }
            next = next.saturating_add(len);
        }
        Ok(())
    }

    /// Bytes of a column.
    fn width(&self, column: Column) -> u64 {
        let by = |wide: bool| if wide || self.all_wide { 4 } else { 2 };
        match column {
            Column::U16 => 2,
            Column::U32 => 4,
            Column::String => by(self.wide_heaps & HEAP_STRING_4 != 0),
            Column::Guid => by(self.wide_heaps & HEAP_GUID_4 != 0),
            Column::Blob => by(self.wide_heaps & HEAP_BLOB_4 != 0),
            Column::Rid(table) => by(self.row_count(table) > 0xFFFF),
            // With a pointer table the column holds its rows; both have as many.
            Column::RidOr(table, pointer) => by(self.row_count(table).max(self.row_count(pointer)) > 0xFFFF),
            Column::Coded(coded) => {
                let (bits, tables) = coded.shape();
                let rows = tables.iter().map(|&t| self.row_count(t)).max().unwrap_or(0);
                by(rows > 0xFFFF >> bits)
            }
        }
    }

    /// The columns of one row, those behind its last are 0; coded indexes as they are.
    fn row(&self, mem: &dyn Memory, table: u8, rid: u32) -> Result<Row> {
        let missing = || damaged("metadata", format!("no row {rid} in table {table:#x} of {:?}", self.root));
        let (columns, place) =
            SCHEMA.get(usize::from(table)).zip(self.tables.get(usize::from(table))).ok_or_else(missing)?;
        let index = rid.checked_sub(1).filter(|_| rid <= place.rows).ok_or_else(missing)?;
        let mut bytes = [0; MAX_ROW_LEN];
        let len = usize::try_from(place.row_len).unwrap_or(usize::MAX);
        let mut rest = bytes.get_mut(..len).ok_or_else(missing)?;
        mem.read(place.addr.plus(u64::from(index).saturating_mul(place.row_len)), rest, "metadata row")?;
        let mut row = Row::default();
        for (value, &column) in row.iter_mut().zip(columns.iter()) {
            let width = if self.width(column) == 4 { 4 } else { 2 };
            let (head, tail) = rest.split_at_mut_checked(width).ok_or_else(missing)?;
            *value = head.iter().rev().fold(0, |sum, &byte| (sum << 8) | u32::from(byte));
            rest = tail;
        }
        Ok(row)
    }

    /// The rows whose `column` is `key`: by binary search where the metadata says that the table is sorted (by that column, if by any),
    /// as the runtime does, else by looking at all.
    fn rows_with(&self, mem: &dyn Memory, table: u8, column: usize, key: u32) -> Result<Vec<Row>> {
        let count = self.row_count(table);
        let limit = |value: u32| Error::Limit {
            what: format!("rows of the metadata table {table:#x} of {:?} to look through", self.root),
            value: value.into(),
            limit: MAX_SCAN.into(),
        };
        let value = |rid: u32| self.row(mem, table, rid).map(|row| (row, row.get(column).copied().unwrap_or(0)));
        let sorted = self.sorted & (1u64 << (table & 63)) != 0;

        // Rows before `low` are less than the key.
        let mut low = 1;
        if sorted {
            let mut high = count.saturating_add(1);
            while low < high {
                let middle = low.midpoint(high);
                if value(middle)?.1 < key {
                    low = middle.saturating_add(1);
                } else {
                    high = middle;
                }
            }
        } else if count > MAX_SCAN {
            return Err(limit(count).into());
        }
        let mut found = Vec::new();
        for rid in low..=count {
            let (row, value) = value(rid)?;
            if value == key {
                if found.len() >= MAX_SCAN as usize {
                    return Err(limit(count).into());
                }
                found.push(row);
            } else if sorted {
                break;
            }
        }
        Ok(found)
    }

    /// A text of the `#Strings` heap.
    fn string(&self, mem: &dyn Memory, index: u32) -> Result<String> {
        const WHAT: &str = "metadata string";
        // Index 0 is the empty text even where the heap is missing.
        if index == 0 {
            return Ok(String::new());
        }
        let room = self.strings.len.saturating_sub(index.into());
        if room == 0 {
            return Err(damaged(WHAT, format!("index {index:#x} of {:#x} bytes", self.strings.len)));
        }
        let max = usize::try_from(room).unwrap_or(usize::MAX).min(limits::MAX_NAME);
        let text = mem.c_string(self.strings.addr.plus(index.into()), max, WHAT)?;
        if text.len() >= limits::MAX_NAME {
            let limit = limits::MAX_NAME as u64;
            return Err(Error::Limit { what: "bytes of a metadata string".into(), value: limit, limit }.into());
        }
        Ok(text)
    }
}

/// `HEAP_STRING_4`, `HEAP_GUID_4`, `HEAP_BLOB_4`, `EXTRA_DATA` of the runtime's `CMiniMdSchema`.
const HEAP_STRING_4: u8 = 1;
const HEAP_GUID_4: u8 = 2;
const HEAP_BLOB_4: u8 = 4;
const EXTRA_DATA: u8 = 0x40;

/// The root has extra data before its streams (`mdfileformat.h`).
const STGHDR_EXTRADATA: u8 = 1;

/// Longest name of a stream, with its zero (`MAXSTREAMNAME`).
const MAX_STREAM_NAME: usize = 32;

/// A token has 24 bits for the row.
const MAX_RID: u32 = 0x00FF_FFFF;

/// Rows of a table that is not sorted which are looked through for one type, and rows that may belong to one type. Compilers sort;
/// modules made by Reflection.Emit and edit-and-continue may not, and are small.
const MAX_SCAN: u32 = 1 << 16;

/// Tables 0x00 (Module) to 0x2C (GenericParamConstraint).
const TABLES: usize = 0x2D;
const KNOWN_TABLES: u64 = (1 << TABLES) - 1;
/// Tables 0x30 (Document) to 0x37 (CustomDebugInformation).
const PORTABLE_PDB_TABLES: u64 = 0xFF << 0x30;

/// Columns of the widest tables, Assembly and AssemblyRef.
const MAX_COLUMNS: usize = 9;
/// More than the longest row: Assembly, 28 bytes.
const MAX_ROW_LEN: usize = 32;

type Row = [u32; MAX_COLUMNS];

/// Where a table is.
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    rows: u32,
    row_len: u64,
    addr: Addr,
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Column {
    U16,
    U32,
    String,
    Guid,
    Blob,
    /// A row of a table.
    Rid(u8),
    /// A row of the first table, or of its pointer table in `#-`.
    RidOr(u8, u8),
    Coded(Coded),
}

/// The kinds of coded index (II.24.2.6).
#[derive(Debug, Clone, Copy)]
enum Coded {
    TypeDefOrRef,
    HasConstant,
    HasCustomAttribute,
    HasFieldMarshal,
    HasDeclSecurity,
    MemberRefParent,
    HasSemantics,
    MethodDefOrRef,
    MemberForwarded,
    Implementation,
    CustomAttributeType,
    ResolutionScope,
    TypeOrMethodDef,
}

/// A tag without a table.
const UNUSED: u8 = 0xFF;

impl Coded {
    /// Bits of the tag, and the table of each tag.
    fn shape(self) -> (u32, &'static [u8]) {
        match self {
            Coded::TypeDefOrRef => (2, &[0x02, 0x01, 0x1B]),
            Coded::HasConstant => (2, &[0x04, 0x08, 0x17]),
            Coded::HasCustomAttribute => (
                5,
                &[
                    0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0A, 0x00, 0x0E, 0x17, 0x14, 0x11, 0x1A, 0x1B, 0x20, 0x23,
                    0x26, 0x27, 0x28, 0x2A, 0x2C, 0x2B,
                ],
            ),
            Coded::HasFieldMarshal => (1, &[0x04, 0x08]),
            Coded::HasDeclSecurity => (2, &[0x02, 0x06, 0x20]),
            Coded::MemberRefParent => (3, &[0x02, 0x01, 0x1A, 0x06, 0x1B]),
            Coded::HasSemantics => (1, &[0x14, 0x17]),
            Coded::MethodDefOrRef => (1, &[0x06, 0x0A]),
            Coded::MemberForwarded => (1, &[0x04, 0x06]),
            Coded::Implementation => (2, &[0x26, 0x23, 0x27]),
            Coded::CustomAttributeType => (3, &[UNUSED, UNUSED, 0x06, 0x0A]),
            Coded::ResolutionScope => (2, &[0x00, 0x1A, 0x23, 0x01]),
            Coded::TypeOrMethodDef => (1, &[0x02, 0x06]),
        }
    }
}

/// The columns of every table (II.22), by its number.
const SCHEMA: [&[Column]; TABLES] = {
    use Column::{Blob, Coded as C, Guid, Rid, RidOr, String as Str, U16, U32};
    [
        /* 00 Module                 */ &[U16, Str, Guid, Guid, Guid],
        /* 01 TypeRef                */ &[C(Coded::ResolutionScope), Str, Str],
        /* 02 TypeDef                */
        &[U32, Str, Str, C(Coded::TypeDefOrRef), RidOr(0x04, 0x03), RidOr(0x06, 0x05)],
        /* 03 FieldPtr               */ &[Rid(0x04)],
        /* 04 Field                  */ &[U16, Str, Blob],
        /* 05 MethodPtr              */ &[Rid(0x06)],
        /* 06 MethodDef              */ &[U32, U16, U16, Str, Blob, RidOr(0x08, 0x07)],
        /* 07 ParamPtr               */ &[Rid(0x08)],
        /* 08 Param                  */ &[U16, U16, Str],
        /* 09 InterfaceImpl          */ &[Rid(0x02), C(Coded::TypeDefOrRef)],
        /* 0A MemberRef              */ &[C(Coded::MemberRefParent), Str, Blob],
        /* 0B Constant               */ &[U16, C(Coded::HasConstant), Blob],
        /* 0C CustomAttribute        */ &[C(Coded::HasCustomAttribute), C(Coded::CustomAttributeType), Blob],
        /* 0D FieldMarshal           */ &[C(Coded::HasFieldMarshal), Blob],
        /* 0E DeclSecurity           */ &[U16, C(Coded::HasDeclSecurity), Blob],
        /* 0F ClassLayout            */ &[U16, U32, Rid(0x02)],
        /* 10 FieldLayout            */ &[U32, Rid(0x04)],
        /* 11 StandAloneSig          */ &[Blob],
        /* 12 EventMap               */ &[Rid(0x02), RidOr(0x14, 0x13)],
        /* 13 EventPtr               */ &[Rid(0x14)],
        /* 14 Event                  */ &[U16, Str, C(Coded::TypeDefOrRef)],
        /* 15 PropertyMap            */ &[Rid(0x02), RidOr(0x17, 0x16)],
        /* 16 PropertyPtr            */ &[Rid(0x17)],
        /* 17 Property               */ &[U16, Str, Blob],
        /* 18 MethodSemantics        */ &[U16, Rid(0x06), C(Coded::HasSemantics)],
        /* 19 MethodImpl             */ &[Rid(0x02), C(Coded::MethodDefOrRef), C(Coded::MethodDefOrRef)],
        /* 1A ModuleRef              */ &[Str],
        /* 1B TypeSpec               */ &[Blob],
        /* 1C ImplMap                */ &[U16, C(Coded::MemberForwarded), Str, Rid(0x1A)],
        /* 1D FieldRVA               */ &[U32, Rid(0x04)],
        /* 1E ENCLog                 */ &[U32, U32],
        /* 1F ENCMap                 */ &[U32],
        /* 20 Assembly               */ &[U32, U16, U16, U16, U16, U32, Blob, Str, Str],
        /* 21 AssemblyProcessor      */ &[U32],
        /* 22 AssemblyOS             */ &[U32, U32, U32],
        /* 23 AssemblyRef            */ &[U16, U16, U16, U16, U32, Blob, Str, Str, Blob],
        /* 24 AssemblyRefProcessor   */ &[U32, Rid(0x23)],
        /* 25 AssemblyRefOS          */ &[U32, U32, U32, Rid(0x23)],
        /* 26 File                   */ &[U32, Str, Blob],
        /* 27 ExportedType           */ &[U32, U32, Str, Str, C(Coded::Implementation)],
        /* 28 ManifestResource       */ &[U32, U32, Str, C(Coded::Implementation)],
        /* 29 NestedClass            */ &[Rid(0x02), Rid(0x02)],
        /* 2A GenericParam           */ &[U16, U16, C(Coded::TypeOrMethodDef), Str],
        /* 2B MethodSpec             */ &[C(Coded::MethodDefOrRef), Blob],
        /* 2C GenericParamConstraint */ &[Rid(0x2A), C(Coded::TypeDefOrRef)],
    ]
};

/// A part of the metadata.
#[derive(Debug, Clone, Copy)]
struct Span {
    addr: Addr,
    len: u64,
}

impl Span {
    const EMPTY: Span = Span { addr: Addr::NULL, len: 0 };

    /// A part of this part; `None` if it is not all inside.
    fn part(self, offset: u64, len: u64) -> Option<Span> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Span { addr: self.addr.plus(offset), len })
    }
}

/// Reads headers from front to back and never behind their end.
struct Cursor<'m> {
    mem: &'m dyn Memory,
    span: Span,
    pos: u64,
    what: &'static str,
}

impl Cursor<'_> {
    fn skip(&mut self, len: u64) -> Result<Addr> {
        let part = self.span.part(self.pos, len).ok_or_else(|| {
            damaged(self.what, format!("it ends after {:#x} bytes at {:?}", self.span.len, self.span.addr))
        })?;
        self.pos = self.pos.saturating_add(len);
        Ok(part.addr)
    }

    fn u8(&mut self) -> Result<u8> {
        let addr = self.skip(1)?;
        self.mem.u8(addr, self.what)
    }

    fn u16(&mut self) -> Result<u16> {
        let addr = self.skip(2)?;
        self.mem.u16(addr, self.what)
    }

    fn u32(&mut self) -> Result<u32> {
        let addr = self.skip(4)?;
        self.mem.u32(addr, self.what)
    }

    fn u64(&mut self) -> Result<u64> {
        let addr = self.skip(8)?;
        self.mem.u64(addr, self.what)
    }

    /// A text in a field of `len` bytes, filled up with zeros.
    fn text(&mut self, len: u64) -> Result<String> {
        let max = usize::try_from(len).unwrap_or(usize::MAX).min(limits::MAX_STRING);
        let addr = self.skip(len)?;
        self.mem.c_string(addr, max, self.what)
    }

    /// A text with a zero, filled up to four bytes.
    fn stream_name(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        while bytes.len() < MAX_STREAM_NAME {
            match self.u8()? {
                0 => break,
                byte => bytes.push(byte),
            }
        }
        let read = (bytes.len() as u64).saturating_add(1);
        self.skip(read.next_multiple_of(4).saturating_sub(read))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Splits a coded index into table and row.
fn decode(coded: Coded, value: u32) -> Result<Token> {
    let (bits, tables) = coded.shape();
    let (tag, rid) = (value & !(u32::MAX << bits), value >> bits);
    match tables.get(tag as usize) {
        Some(&table) if table != UNUSED && rid <= MAX_RID => Ok(Token::new(table, rid)),
        _ => Err(damaged("metadata", format!("{value:#x} is no coded index {coded:?}"))),
    }
}

/// Adds one more enclosing type to a chain.
fn grow(chain: &mut Vec<u32>, outer: u32) -> Result<()> {
    if chain.contains(&outer) {
        return Err(damaged("metadata", format!("the type {outer:#x} is nested in itself")));
    }
    if chain.len() >= limits::MAX_NAME_DEPTH {
        let limit = limits::MAX_NAME_DEPTH as u64;
        return Err(Error::Limit { what: "types nested in types".into(), value: limit.saturating_add(1), limit }.into());
    }
    chain.push(outer);
    Ok(())
}

/// Adds one more nested name to a full name.
fn append(out: &mut String, namespace: &str, name: &str) {
    if !out.is_empty() {
        out.push('+');
    }
    if !namespace.is_empty() {
        out.push_str(namespace);
        out.push('.');
    }
    out.push_str(name);
}

fn damaged(what: &str, detail: String) -> Box<Error> {
    Error::Damaged { what: what.to_owned(), detail }.into()
}
