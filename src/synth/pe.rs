//! PE images, as the file is ([`PeBuilder::flat`]) and as the loader maps it ([`PeBuilder::mapped`]).

/// A section's bits: readable initialised data.
pub const READ: u32 = 0x4000_0040;
/// A section's bits: writable initialised data.
pub const WRITE: u32 = 0xC000_0040;

const PAGE: u32 = 0x1000;
const FILE_ALIGN: u32 = 0x200;
/// Bytes of the headers in memory and in the file.
const HEADERS: u32 = 0x1000;
const HEADERS_RAW: u32 = 0x400;

/// An image in the making.
#[derive(Debug, Clone)]
pub struct PeBuilder {
    /// `Machine`; 0x14C makes a PE32, everything else a PE32+.
    pub machine: u16,
    /// `TimeDateStamp`.
    pub timestamp: u32,
    /// DLL or program.
    pub is_dll: bool,
    sections: Vec<BuiltSection>,
    directories: [(u32, u32); 16],
}

#[derive(Debug, Clone)]
struct BuiltSection {
    name: &'static str,
    rva: u32,
    virtual_size: u32,
    characteristics: u32,
    bytes: Vec<u8>,
}

/// How a resource is called.
#[derive(Debug, Clone, Copy)]
pub enum ResourceName<'n> {
    /// By number.
    Id(u16),
    /// By name.
    Name(&'n str),
}

impl PeBuilder {
    /// An image without sections.
    pub fn new(machine: u16) -> PeBuilder {
        PeBuilder { machine, timestamp: 0x6000_0001, is_dll: true, sections: Vec::new(), directories: [(0, 0); 16] }
    }

    /// The RVA of the next section.
    pub fn next_rva(&self) -> u32 {
        self.sections
            .last()
            .map_or(HEADERS, |s| (s.rva + s.virtual_size.max(s.bytes.len() as u32)).next_multiple_of(PAGE))
    }

    /// Adds a section that is `more` bytes longer in memory than in the file; returns its RVA.
    pub fn section(&mut self, name: &'static str, characteristics: u32, bytes: Vec<u8>, more: u32) -> u32 {
        let rva = self.next_rva();
        let virtual_size = bytes.len() as u32 + more;
        self.sections.push(BuiltSection { name, rva, virtual_size, characteristics, bytes });
        rva
    }

    /// Sets a row of the data directory.
    pub fn directory(&mut self, index: usize, rva: u32, size: u32) {
        self.directories[index] = (rva, size);
    }

    /// Adds an export directory. The names are sorted, as a linker does; an `Err` is a forwarder.
    pub fn exports(&mut self, dll_name: &str, exports: &[(&str, Result<u32, &str>)]) {
        let base = self.next_rva();
        let mut exports = exports.to_vec();
        exports.sort_by_key(|(name, _)| *name);
        let count = exports.len() as u32;
        let (functions, names, ordinals) = (40, 40 + 4 * count, 40 + 8 * count);
        let mut texts = Vec::new();
        let mut text = |s: &str| {
            let at = base + 40 + 10 * count + texts.len() as u32;
            texts.extend(s.as_bytes());
            texts.push(0);
            at
        };
        let mut out = vec![0; 12];
        for value in [text(dll_name), 1, count, count, base + functions, base + names, base + ordinals] {
            out.extend(value.to_le_bytes());
        }
        // Function 0 belongs to the last name: names and functions have orders of their own.
        for (_, target) in exports.iter().rev() {
            let rva = target.unwrap_or_else(&mut text);
            out.extend(rva.to_le_bytes());
        }
        for (name, _) in &exports {
            out.extend(text(name).to_le_bytes());
        }
        for ordinal in (0..exports.len() as u16).rev() {
            out.extend(ordinal.to_le_bytes());
        }
        out.extend(texts);
        let size = out.len() as u32;
        let rva = self.section(".edata", READ, out, 0);
        self.directory(0, rva, size);
    }

    /// Adds resources: type, name, bytes. One name per type and call order; the language is 1033.
    pub fn resources(&mut self, resources: &[(u16, ResourceName<'_>, &[u8])]) {
        let base = self.next_rva();
        let mut types: Vec<u16> = resources.iter().map(|r| r.0).collect();
        types.sort_unstable();
        types.dedup();
        let directory_len = |entries: usize| 16 + 8 * entries as u32;
        // Types, then the names of each type, then one language of each resource, then names and data entries and data.
        let names_at: Vec<u32> = types
            .iter()
            .scan(directory_len(types.len()), |at, t| {
                let mine = *at;
                *at += directory_len(resources.iter().filter(|r| r.0 == *t).count());
                Some(mine)
            })
            .collect();
        let languages_at = directory_len(types.len()) + 16 * types.len() as u32 + 8 * resources.len() as u32;
        let tail_at = languages_at + directory_len(1) * resources.len() as u32;
        let mut tail = Vec::new();
        let mut out = directory_head(0, types.len());
        for (t, at) in types.iter().zip(&names_at) {
            out.extend(u32::from(*t).to_le_bytes());
            out.extend((at | 0x8000_0000).to_le_bytes());
        }
        let mut languages = Vec::new();
        for t in &types {
            let mut mine: Vec<_> = resources.iter().filter(|r| r.0 == *t).collect();
            mine.sort_by_key(|r| matches!(r.1, ResourceName::Id(_)));
            let named = mine.iter().filter(|r| matches!(r.1, ResourceName::Name(_))).count();
            out.extend(directory_head(named, mine.len() - named));
            for (_, name, bytes) in mine {
                let key = match *name {
                    ResourceName::Id(id) => u32::from(id),
                    ResourceName::Name(name) => {
                        let at = tail_at + tail.len() as u32;
                        let units: Vec<u16> = name.encode_utf16().collect();
                        tail.extend((units.len() as u16).to_le_bytes());
                        tail.extend(units.iter().flat_map(|u| u.to_le_bytes()));
                        at | 0x8000_0000
                    }
                };
                out.extend(key.to_le_bytes());
                out.extend(((languages_at + languages.len() as u32) | 0x8000_0000).to_le_bytes());
                while !tail.len().is_multiple_of(4) {
                    tail.push(0);
                }
                let entry = tail_at + tail.len() as u32;
                tail.extend((base + entry + 16).to_le_bytes());
                tail.extend((bytes.len() as u32).to_le_bytes());
                tail.extend([0; 8]);
                tail.extend(*bytes);
                languages.extend(directory_head(0, 1));
                languages.extend(1033u32.to_le_bytes());
                languages.extend(entry.to_le_bytes());
            }
        }
        out.extend(languages);
        out.extend(tail);
        let size = out.len() as u32;
        let rva = self.section(".rsrc", READ, out, 0);
        self.directory(2, rva, size);
    }

    /// Adds a CLI header and its metadata.
    pub fn metadata(&mut self, metadata: &[u8]) {
        let at = self.next_rva() + 0x10;
        let mut out = vec![0; 0x10];
        for value in [72, 0x0005_0002, at + 72, metadata.len() as u32, 1] {
            out.extend(value.to_le_bytes());
        }
        out.resize(0x10 + 72, 0);
        out.extend(metadata);
        self.section(".text", READ, out, 0);
        self.directory(14, at, 72);
    }

    /// The image in memory.
    pub fn mapped(&self) -> Vec<u8> {
        let mut out = self.headers();
        for s in &self.sections {
            out.resize(s.rva as usize, 0);
            out.extend(&s.bytes);
        }
        out.resize(self.next_rva() as usize, 0);
        out
    }

    /// The file.
    pub fn flat(&self) -> Vec<u8> {
        let mut out = self.headers();
        out.resize(HEADERS_RAW as usize, 0);
        for (s, (at, len)) in self.sections.iter().zip(self.raw()) {
            assert_eq!(out.len(), at as usize, "sections lie one behind the other");
            out.extend(&s.bytes);
            out.resize((at + len) as usize, 0);
        }
        out
    }

    /// Offset and length of each section in the file.
    fn raw(&self) -> Vec<(u32, u32)> {
        let mut at = HEADERS_RAW;
        self.sections
            .iter()
            .map(|s| {
                let len = (s.bytes.len() as u32).next_multiple_of(FILE_ALIGN);
                let mine = (at, len);
                at += len;
                mine
            })
            .collect()
    }

    fn headers(&self) -> Vec<u8> {
        let narrow = self.machine == 0x14C;
        let mut out = b"MZ".to_vec();
        out.resize(0x3C, 0);
        out.extend(0x80u32.to_le_bytes());
        out.resize(0x80, 0);
        out.extend(b"PE\0\0");
        out.extend(self.machine.to_le_bytes());
        out.extend((self.sections.len() as u16).to_le_bytes());
        out.extend(self.timestamp.to_le_bytes());
        out.extend([0; 8]);
        out.extend((if narrow { 224u16 } else { 240 }).to_le_bytes());
        out.extend((if self.is_dll { 0x2022u16 } else { 0x0022 }).to_le_bytes());
        let optional = out.len();
        out.extend((if narrow { 0x10Bu16 } else { 0x20B }).to_le_bytes());
        out.resize(optional + 32, 0);
        out.extend(PAGE.to_le_bytes());
        out.extend(FILE_ALIGN.to_le_bytes());
        out.resize(optional + 56, 0);
        out.extend(self.next_rva().to_le_bytes());
        out.extend(HEADERS_RAW.to_le_bytes());
        out.resize(optional + if narrow { 92 } else { 108 }, 0);
        out.extend(16u32.to_le_bytes());
        for (rva, size) in self.directories {
            out.extend(rva.to_le_bytes());
            out.extend(size.to_le_bytes());
        }
        for (s, (at, len)) in self.sections.iter().zip(self.raw()) {
            let mut name = s.name.as_bytes().to_vec();
            name.resize(8, 0);
            out.extend(name);
            for value in [s.virtual_size, s.rva, len, at, 0, 0, 0, s.characteristics] {
                out.extend(value.to_le_bytes());
            }
        }
        assert!(out.len() <= HEADERS_RAW as usize, "too many sections");
        out
    }
}

fn directory_head(named: usize, ids: usize) -> Vec<u8> {
    let mut out = vec![0; 12];
    out.extend((named as u16).to_le_bytes());
    out.extend((ids as u16).to_le_bytes());
    out
}
