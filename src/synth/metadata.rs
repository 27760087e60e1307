//! ECMA-335 metadata, written row by row.

use std::collections::BTreeMap;

/// A metadata root in the making. Rows get their numbers in the order of the calls.
#[derive(Debug, Clone)]
pub struct MetadataBuilder {
    /// `#~`, or `#-` for the uncompressed form.
    pub table_stream: &'static str,
    /// The byte of heap sizes in the table stream: 1 strings, 2 GUIDs, 4 blobs take 4-byte indexes.
    pub heap_sizes: u8,
    /// The bits of tables that are said to be sorted. NestedClass (0x29), GenericParam (0x2A) and InterfaceImpl (0x09) are brought into
    /// order if theirs is set.
    pub sorted: u64,
    /// Further streams, e.g. `#JTD`; they are empty.
    pub more_streams: Vec<&'static str>,
    strings: Vec<u8>,
    guids: Vec<u8>,
    tables: BTreeMap<u8, Vec<Vec<Cell>>>,
}

#[derive(Debug, Clone)]
enum Cell {
    Short(u16),
    Long(u32),
    String(u32),
    Guid(u32),
    Blob(u32),
    Row { table: u8, row: u32 },
    Coded { bits: u32, tables: &'static [u8], token: u32 },
    Raw(Vec<u8>),
}

const TYPE_DEF_OR_REF: &[u8] = &[2, 1, 0x1B];
const RESOLUTION_SCOPE: &[u8] = &[0, 0x1A, 0x23, 1];
const TYPE_OR_METHOD_DEF: &[u8] = &[2, 6];

impl MetadataBuilder {
    /// Metadata of a module with its `<Module>` type (row 1) and no assembly.
    pub fn new(module_name: &str, mvid: [u8; 16]) -> MetadataBuilder {
        let mut new = MetadataBuilder {
            table_stream: "#~",
            heap_sizes: 0,
            sorted: 1 << 0x09 | 1 << 0x29 | 1 << 0x2A,
            more_streams: vec!["#US"],
            strings: vec![0],
            guids: mvid.to_vec(),
            tables: BTreeMap::new(),
        };
        let name = new.string(module_name.as_bytes());
        new.row(0, vec![Cell::Short(0), Cell::String(name), Cell::Guid(1), Cell::Guid(0), Cell::Guid(0)]);
        new.type_def(0, "", "<Module>", 0);
        new
    }

    /// Takes the module's MVID away: no GUID heap, index 0.
    pub fn without_mvid(&mut self) {
        self.guids.clear();
        self.tables.get_mut(&0).unwrap()[0][2] = Cell::Guid(0);
    }

    /// Makes it an assembly.
    pub fn assembly(&mut self, name: &str, version: [u16; 4]) {
        let name = self.string(name.as_bytes());
        let mut cells = vec![Cell::Long(0x8004)];
        cells.extend(version.map(Cell::Short));
        cells.extend([Cell::Long(0), Cell::Blob(0), Cell::String(name), Cell::String(0)]);
        self.row(0x20, cells);
    }

    /// A TypeRef; `scope` is a token (nil, or another TypeRef). Returns its token.
    pub fn type_ref(&mut self, scope: u32, namespace: &str, name: &str) -> u32 {
        let (namespace, name) = (self.string(namespace.as_bytes()), self.string(name.as_bytes()));
        let scope = Cell::Coded { bits: 2, tables: RESOLUTION_SCOPE, token: scope };
        0x0100_0000 | self.row(1, vec![scope, Cell::String(name), Cell::String(namespace)])
    }

    /// A TypeDef; `extends` is a token or 0. Returns its row.
    pub fn type_def(&mut self, flags: u32, namespace: &str, name: &str, extends: u32) -> u32 {
        self.type_def_bytes(flags, namespace.as_bytes(), name.as_bytes(), extends)
    }

    /// As [`type_def`](MetadataBuilder::type_def), with names that need not be UTF-8.
    pub fn type_def_bytes(&mut self, flags: u32, namespace: &[u8], name: &[u8], extends: u32) -> u32 {
        let (namespace, name) = (self.string(namespace), self.string(name));
        self.row(
            2,
            vec![
                Cell::Long(flags),
                Cell::String(name),
                Cell::String(namespace),
                Cell::Coded { bits: 2, tables: TYPE_DEF_OR_REF, token: extends },
                Cell::Row { table: 4, row: 1 },
                Cell::Row { table: 6, row: 1 },
            ],
        )
    }

    /// Says that the type of row `inner` is nested in the one of row `outer`.
    pub fn nested(&mut self, inner: u32, outer: u32) {
        self.row(0x29, vec![Cell::Row { table: 2, row: inner }, Cell::Row { table: 2, row: outer }]);
    }

    /// A generic parameter of a TypeDef or MethodDef token.
    pub fn generic_param(&mut self, owner: u32, number: u16, name: &str) {
        let name = self.string(name.as_bytes());
        let owner = Cell::Coded { bits: 1, tables: TYPE_OR_METHOD_DEF, token: owner };
        self.row(0x2A, vec![Cell::Short(number), Cell::Short(0), owner, Cell::String(name)]);
    }

    /// Says that the type of row `type_def` implements an interface (token).
    pub fn interface(&mut self, type_def: u32, interface: u32) {
        let interface = Cell::Coded { bits: 2, tables: TYPE_DEF_OR_REF, token: interface };
        self.row(9, vec![Cell::Row { table: 2, row: type_def }, interface]);
    }

    /// Rows of any table whose bytes do not matter.
    pub fn filler(&mut self, table: u8, rows: u32, row_len: usize) {
        for _ in 0..rows {
            self.row(table, vec![Cell::Raw(vec![0; row_len])]);
        }
    }

    /// The metadata root: `BSJB` and everything behind it.
    pub fn build(&self) -> Vec<u8> {
        let mut streams = vec![
            (self.table_stream, self.table_bytes()),
            ("#Strings", self.strings.clone()),
            ("#GUID", self.guids.clone()),
        ];
        streams.extend(self.more_streams.iter().map(|&name| (name, Vec::new())));

        let mut out = Vec::new();
        out.extend(b"BSJB\x01\0\x01\0\0\0\0\0");
        out.extend(12u32.to_le_bytes());
        out.extend(b"v4.0.30319\0\0");
        out.extend([0; 2]);
        out.extend((streams.len() as u16).to_le_bytes());
        let names: usize = streams.iter().map(|(name, _)| padded_name(name).len() + 8).sum();
        let mut offset = out.len() + names;
        for (name, bytes) in &streams {
            out.extend((offset as u32).to_le_bytes());
            out.extend((bytes.len() as u32).to_le_bytes());
            out.extend(padded_name(name));
            offset += bytes.len();
        }
        for (_, bytes) in streams {
            out.extend(bytes);
        }
        out
    }

    fn table_bytes(&self) -> Vec<u8> {
        let mut out = vec![0, 0, 0, 0, 2, 0, self.heap_sizes, 1];
        let valid = self.tables.keys().fold(0u64, |bits, &table| bits | 1 << table);
        out.extend(valid.to_le_bytes());
        out.extend(self.sorted.to_le_bytes());
        for rows in self.tables.values() {
            out.extend((rows.len() as u32).to_le_bytes());
        }
        for (&table, rows) in &self.tables {
            let mut rows = rows.clone();
            if self.sorted & 1 << table != 0 {
                match table {
                    0x09 | 0x29 => rows.sort_by_key(|row| row[0].key()),
                    0x2A => rows.sort_by_key(|row| row[2].key()),
                    _ => {}
                }
            }
            for cell in rows.iter().flatten() {
                self.write(cell, &mut out);
            }
        }
        while !out.len().is_multiple_of(4) {
            out.push(0);
        }
        out
    }

    fn write(&self, cell: &Cell, out: &mut Vec<u8>) {
        let many = |tables: &[u8], limit: usize| {
            self.more_streams.contains(&"#JTD")
                || tables.iter().any(|table| self.tables.get(table).is_some_and(|rows| rows.len() >= limit))
        };
        let (value, wide) = match *cell {
            Cell::Raw(ref bytes) => return out.extend(bytes),
            Cell::Short(value) => return out.extend(value.to_le_bytes()),
            Cell::Long(value) => (value, true),
            Cell::String(value) => (value, self.heap_sizes & 1 != 0 || many(&[], 0)),
            Cell::Guid(value) => (value, self.heap_sizes & 2 != 0 || many(&[], 0)),
            Cell::Blob(value) => (value, self.heap_sizes & 4 != 0 || many(&[], 0)),
            Cell::Row { table, row } => (row, many(&[table], 0x1_0000)),
            Cell::Coded { bits, tables, .. } => (cell.key(), many(tables, 1 << (16 - bits))),
        };
        if wide {
            out.extend(value.to_le_bytes());
        } else {
            out.extend(u16::try_from(value).unwrap().to_le_bytes());
        }
    }

    fn row(&mut self, table: u8, cells: Vec<Cell>) -> u32 {
        let rows = self.tables.entry(table).or_default();
        rows.push(cells);
        rows.len() as u32
    }

    fn string(&mut self, text: &[u8]) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend(text);
        self.strings.push(0);
        at
    }
}

impl Cell {
    /// The number that the table is sorted by.
    fn key(&self) -> u32 {
        match *self {
            Cell::Row { row, .. } => row,
            Cell::Coded { bits, tables, token } => {
                let table = (token >> 24) as u8;
                let tag = tables.iter().position(|&t| t == table).unwrap_or(0);
                (token & 0xFF_FFFF) << bits | tag as u32
            }
            _ => 0,
        }
    }
}

fn padded_name(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    while !bytes.len().is_multiple_of(4) {
        bytes.push(0);
    }
    bytes
}
