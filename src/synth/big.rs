//! Big dumps, made by growing a real one: a fixture ([`Base`]) gets more regions or segments, full of objects of its own types.
//!
//! What the reader must find is known by construction: the fixture's own rows (the answer of the runtime's DAC) and what was added. Only the
//! parts of the dump that are touched are understood here: its directory, its memory and module lists, the lists of regions or segments, a few method
//! tables.

use super::Random;
use super::kudu::KuduZip;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A fixture that can grow, and what of it depends on its runtime.
#[derive(Debug)]
pub struct Base {
    /// Folder of `tests/fixtures`; its `evening` grows.
    pub set: &'static str,
    /// Address space of one region or segment.
    reserved: u64,
    /// From where it begins to its first object.
    first: u64,
    /// Its `heap_segment` is where it begins (segments), or in memory apart (regions).
    own_header: bool,
    /// Where new ones go: generation 2, large objects.
    gen2: Link,
    large: Link,
    /// `generation::allocation_start` of generation 2 (segments): the first object of its first one.
    allocation_start: Option<u64>,
}

/// A place in a list of `heap_segment`s: the address of the word that leads to the next one, and which one that is in the fixture.
#[derive(Debug)]
struct Link {
    at: u64,
    next: u64,
}

/// .NET 10, regions of 4 MB. New ones go behind the last of their generation.
pub static NET10: Base = Base {
    set: "net10-x64-wks",
    reserved: 4 << 20,
    first: 0x28,
    own_header: false,
    gen2: Link { at: 0x0598_d368 + NEXT, next: 0 },
    large: Link { at: 0x0598_d4b8 + NEXT, next: 0 },
    allocation_start: None,
};

/// .NET Core 3.1, segments of 256 MB. The ephemeral one, with generations 0 and 1 and the rest of 2, is the last one of its list, as `rearrange_heap_segments`
/// (gc.cpp) leaves it: new ones go in front. New ones of large objects go behind the last, as in `get_large_segment`.
pub static NET31: Base = Base {
    set: "net31-x64-wks",
    reserved: 256 << 20,
    first: PAGE,
    own_header: true,
    gen2: Link { at: 0x019e_8d48, next: 0x026f_0000 },
    large: Link { at: 0x126f_0000 + NEXT, next: 0 },
    allocation_start: Some(0x019e_8d50),
};

/// All of them.
pub static BASES: [&Base; 2] = [&NET10, &NET31];

/// `heap_segment::next`.
const NEXT: u64 = 48;

/// What to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What grows.
    pub base: &'static Base,
    /// Objects to add.
    pub objects: u64,
    /// Regions or segments to spread them over; 0 = as many as it takes when they are full.
    pub segments: u64,
    /// Memory ranges to cut them into; 0 = one each.
    pub ranges: u64,
    /// Ranges in the file in any order.
    pub shuffled: bool,
    /// Instantiations of a generic type to add, with at least one object each.
    pub method_tables: u64,
    /// Modules to add to the module list.
    pub modules: u64,
    /// Length of the file: what is missing is filled half with memory outside of the heap, half with bodies of large arrays, as holes.
    pub file_size: u64,
    /// The added structures in pieces of 64 KiB, evenly spread over the file.
    pub scattered: bool,
    /// Fields of objects, bodies of arrays and memory outside of the heap full of things that pack as a process's memory does, about four to
    /// one. References among them lead anywhere: `stat` does not follow them, `verify` does.
    pub filled: bool,
    /// In a zip as Kudu's, written front to back: the dump itself is nowhere. Nothing can be shuffled then.
    pub zip: bool,
    /// Another number, another dump.
    pub seed: u64,
}

impl Plan {
    /// The fixture as it is.
    pub const UNCHANGED: Plan = Plan {
        base: &NET10,
        objects: 0,
        segments: 0,
        ranges: 0,
        shuffled: false,
        method_tables: 0,
        modules: 0,
        file_size: 0,
        scattered: false,
        filled: false,
        zip: false,
        seed: 1,
    };
}

impl Default for Plan {
    fn default() -> Plan {
        Plan::UNCHANGED
    }
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The dump, or the zip with it.
    pub dump: PathBuf,
    /// `method_table_hex,count,total_size,type_name`, ascending by size.
    pub expected: PathBuf,
    /// Objects in all, those of the fixture included.
    pub objects: u64,
    /// Their bytes, as SOS sums them.
    pub bytes: u64,
    /// Length of the dump.
    pub file_size: u64,
    /// Memory ranges.
    pub ranges: u64,
}

/// The type that is instantiated again: every fixture has it.
const GENERIC: (&str, &str) = (
    "System.Collections.Generic.Dictionary`2",
    "[[System.String, System.Private.CoreLib],[System.Object, System.Private.CoreLib]]",
);
const CORE_LIB: &str = "System.Private.CoreLib";

/// Where the added things lie in the process: no range of a fixture is near.
const STRUCTURES: u64 = 0x0090_0000_0000;
const REGIONS: u64 = 0x0100_0000_0000;
const LARGE_REGIONS: u64 = 0x2000_0000_0000;
const NATIVE: u64 = 0x4000_0000_0000;
/// Of the array in one large region or segment.
const LARGE: u64 = 1 << 30;
const PAGE: u64 = 4096;

/// The fixture in memory.
struct Fixture {
    bytes: Vec<u8>,
    /// (address, length, offset in the file).
    ranges: Vec<(u64, u64, u64)>,
    /// First byte of memory in the file.
    base: u64,
}

impl Fixture {
    fn new(bytes: Vec<u8>) -> Fixture {
        let mut fixture = Fixture { bytes, ranges: Vec::new(), base: 0 };
        let (_, at) = fixture.stream(9);
        fixture.base = fixture.word(at + 8);
        let mut offset = fixture.base;
        for i in 0..fixture.word(at) {
            let (addr, len) = (fixture.word(at + 16 + 16 * i), fixture.word(at + 24 + 16 * i));
            fixture.ranges.push((addr, len, offset));
            offset += len;
        }
        assert_eq!(offset, fixture.bytes.len() as u64, "memory is last in the fixture");
        fixture
    }

    /// Place of the directory entry of a stream, and of its data.
    fn stream(&self, kind: u32) -> (u64, u64) {
        let directory = u64::from(self.half(12));
        let entry = (0..u64::from(self.half(8))).map(|i| directory + 12 * i).find(|&e| self.half(e) == kind);
        let entry = entry.expect("the fixture has the stream");
        (entry, u64::from(self.half(entry + 8)))
    }

    fn word(&self, offset: u64) -> u64 {
        let at = offset as usize;
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    fn half(&self, offset: u64) -> u32 {
        let at = offset as usize;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    /// Offset in the file of an address.
    fn offset(&self, addr: u64) -> u64 {
        let range = self.ranges.iter().find(|r| r.0 <= addr && addr < r.0 + r.1);
        let range = range.unwrap_or_else(|| panic!("{addr:#x} is not in the fixture"));
        range.2 + (addr - range.0)
    }

    fn put(&mut self, addr: u64, value: u64) {
        let at = self.offset(addr) as usize;
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

/// A type of which objects are made.
#[derive(Debug, Clone)]
struct Kind {
    table: u64,
    base: u64,
    component: u64,
    /// Of 1,000 objects, about.
    weight: u64,
    /// Components of one object, on average.
    components: u64,
    count: u64,
    size: u64,
    name: String,
}

/// Words as a process's memory has them: zeros, small numbers, references, text.
struct Filler {
    random: Random,
    /// Some hundred references, as graphs have them: most lead to the same places.
    targets: Vec<u64>,
}

impl Filler {
    fn new(seed: u64) -> Filler {
        let mut random = Random(seed ^ 0xF111);
        let targets = (0..300).map(|_| REGIONS + random.below(1 << 33) * 8).collect();
        Filler { random, targets }
    }

    fn word(&mut self) -> u64 {
        let r = self.random.below(1 << 40);
        match r % 16 {
            0..6 => 0,
            6..8 => r >> 8 & 0x3F,
            8..12 => self.targets[(r >> 8) as usize % self.targets.len()],
            12 => REGIONS + (r >> 8 & 0x3FFF_FFF8),
            13 => r >> 4,
            _ => [0x0065_0074_0061_0064, 0x002F_0073_0065_0072, 0x006E_006F_0069_0073][(r >> 8) as usize % 3],
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.as_chunks_mut::<8>().0 {
            *word = self.word().to_le_bytes();
        }
    }
}

/// Bytes that go into the file, at an address.
struct Piece {
    addr: u64,
    bytes: Vec<u8>,
}

/// Makes a dump and its answer in a folder. `fixture` is the unpacked `evening.dmp` of [`Plan::base`], `expected` its `expected-evening.csv`.
///
/// # Errors
/// What the file system says.
pub fn make(fixture: Vec<u8>, expected: &str, plan: &Plan, folder: &Path) -> io::Result<Made> {
    let mut world = World::new(Fixture::new(fixture), expected, plan);
    let first_clone = world.kinds.len();
    world.add_method_tables(plan.method_tables);
    std::fs::create_dir_all(folder)?;

    // Where everything lies has to be known before the first byte is written, since ranges may be in any order; so the objects
    // are made twice, with the same random numbers.
    let lengths = world.regions(plan, first_clone, &mut |_| Ok(()))?;
    for kind in &mut world.kinds {
        (kind.count, kind.size) = (0, 0);
    }
    let large = world.large_regions(plan, lengths.iter().sum());
    let (structures, headers) = world.structures(plan, &lengths, &large);
    let layout = world.layout(plan, &lengths, &large, &structures);

    assert!(!(plan.zip && plan.shuffled), "a zip is written in the order of the file, and so is the heap");
    let dump = folder.join(if plan.zip { "evening.zip" } else { "evening.dmp" });
    let mut out = Out::new(&dump, plan)?;
    for piece in &structures {
        layout.put(piece, &mut |offset, bytes| out.keep(offset, bytes))?;
    }
    let length = world.write_head(plan, &layout, &mut out)?;
    let mut headers = headers.iter();
    let mut write = |piece: &Piece, header: Option<&Piece>| {
        header.into_iter().chain([piece]).try_for_each(|p| layout.put(p, &mut |at, bytes| out.write(at, bytes)))
    };
    world.regions(plan, first_clone, &mut |piece| write(piece, headers.next()))?;
    for &(mem, len) in &large {
        let kind = world.kinds.iter_mut().find(|k| k.name == "System.Byte[]").unwrap();
        let mut head = kind.table.to_le_bytes().to_vec();
        head.extend((len - kind.base).to_le_bytes());
        (kind.count, kind.size) = (kind.count + 1, kind.size + len);
        write(&Piece { addr: mem, bytes: head }, headers.next())?;
    }
    out.finish(length)?;

    let expected = folder.join("expected-evening.csv");
    let (objects, bytes) = world.write_expected(&expected)?;
    Ok(Made { dump, expected, objects, bytes, file_size: length, ranges: layout.ranges.len() as u64 })
}

struct World {
    fixture: Fixture,
    kinds: Vec<Kind>,
    /// Rows of the fixture: table -> count, size, name as written.
    rows: BTreeMap<u64, (u64, u64, String)>,
    /// Method tables and dictionaries that were added.
    clones: Vec<u8>,
}

impl World {
    fn new(fixture: Fixture, expected: &str, plan: &Plan) -> World {
        assert!(plan.seed != 0, "the random numbers need a seed");
        let rows: BTreeMap<u64, (u64, u64, String)> = expected
            .lines()
            .skip(1)
            .map(|line| {
                let cells: Vec<&str> = line.splitn(4, ',').collect();
                let name = cells[3].trim_matches('"').replace("\"\"", "\"");
                (
                    u64::from_str_radix(cells[0], 16).unwrap(),
                    (cells[1].parse().unwrap(), cells[2].parse().unwrap(), name),
                )
            })
            .collect();
        let total: u64 = rows.values().map(|r| r.0).sum();
        let mut kinds = Vec::new();
        for (&table, (count, size, name)) in &rows {
            let at = fixture.offset(table);
            let flags = fixture.half(at);
            let component = if flags & 0x8000_0000 != 0 { u64::from(flags & 0xFFFF) } else { 0 };
            let base = u64::from(fixture.half(at + 4));
            // Strings, arrays and classes; types with one object are static things.
            if *count < 20 || name == "<Unloaded Type>" {
                continue;
            }
            let components =
                (size / count).saturating_sub(base).checked_div(component).unwrap_or(0).min(200 / component.max(1));
            let weight = (count * 1000 / total).clamp(2, 150);
            kinds.push(Kind { table, base, component, weight, components, count: 0, size: 0, name: name.clone() });
        }
        World { fixture, kinds, rows, clones: Vec::new() }
    }

    /// Instantiates the generic type over pairs of plain types, and then over one of those and an earlier instantiation.
    fn add_method_tables(&mut self, n: u64) {
        const SIZE: u64 = 64;
        const ROOM: u64 = 128;
        let name = format!("{}{}", GENERIC.0, GENERIC.1);
        let (&original, _) = self.rows.iter().find(|r| r.1.2 == name).expect("the fixture has the generic type");
        let at = self.fixture.offset(original);
        let core = self.fixture.word(self.fixture.offset(original) + 24);
        // Plain types of the core library: their Module word tells.
        let plain: Vec<(u64, String)> = self
            .rows
            .iter()
            .filter(|(table, row)| {
                let at = self.fixture.offset(**table);
                let flags = self.fixture.half(at);
                flags & 0x8000_0000 == 0
                    && flags & 0x30 == 0
                    && self.fixture.word(at + 24) == core
                    && !row.2.contains(['`', '[', '<'])
            })
            .map(|(table, row)| (*table, row.2.clone()))
            .collect();
        let info = self.fixture.word(at + 48);
        let counts = self.fixture.word(self.fixture.offset(info - 8));
        let dictionaries = counts >> 32 & 0xFFFF;
        // In front of it lies its GCDesc: series of references of 16 bytes each, and their number.
        let desc = 8 + 16 * self.fixture.word(at - 8);
        let template = self.fixture.bytes[(at - desc) as usize..(at + SIZE) as usize].to_vec();
        let base = u64::from(self.fixture.half(at + 4));
        let k = plain.len() as u64;
        let mut names: Vec<(u64, String)> = Vec::new();
        for i in 0..n {
            let table = STRUCTURES + i * ROOM + desc;
            let first = &plain[(i % k) as usize];
            let second = i / k;
            let second = if second < k { &plain[second as usize] } else { &names[(second - k) as usize] };
            let mut bytes = template.clone();
            // GCDesc and MethodTable; the counts of the dictionaries; their pointers; the last dictionary.
            bytes[(desc + 48) as usize..][..8].copy_from_slice(&(table + SIZE + 8).to_le_bytes());
            bytes.extend(counts.to_le_bytes());
            for _ in 0..dictionaries {
                bytes.extend((table + SIZE + 8 + 8 * dictionaries).to_le_bytes());
            }
            bytes.extend(first.0.to_le_bytes());
            bytes.extend(second.0.to_le_bytes());
            assert!(bytes.len() as u64 <= ROOM, "{} bytes of an instantiation", bytes.len());
            bytes.resize(ROOM as usize, 0);
            self.clones.extend(&bytes);
            let name = format!("{}[[{}, {CORE_LIB}],[{}, {CORE_LIB}]]", GENERIC.0, first.1, second.1);
            if (names.len() as u64) < n / k + 1 {
                names.push((table, name.clone()));
            }
            self.kinds.push(Kind { table, base, component: 0, weight: 0, components: 0, count: 0, size: 0, name });
        }
    }

    /// Makes the objects, region by region, and gives each region's bytes to `write`; returns their lengths.
    fn regions(
        &mut self,
        plan: &Plan,
        first_clone: usize,
        write: &mut dyn FnMut(&Piece) -> io::Result<()>,
    ) -> io::Result<Vec<u64>> {
        let Base { reserved, first, .. } = *plan.base;
        let mut random = Random(plan.seed);
        let mut filler = plan.filled.then(|| Filler::new(plan.seed));
        let objects = plan.objects.max(plan.method_tables);
        let total: u64 = self.kinds[..first_clone].iter().map(|k| k.weight).sum();
        let mut clones = first_clone..self.kinds.len();
        let mut lengths = Vec::new();
        let mut made = 0;
        // As allocation does: a handful of types in turns, for a while.
        let (mut pattern, mut step, mut left) = (Vec::new(), 0, 0);
        while made < objects {
            let share = match plan.segments {
                0 => u64::MAX,
                n => (objects - made).div_ceil((n - (lengths.len() as u64).min(n - 1)).max(1)),
            };
            let addr = REGIONS + lengths.len() as u64 * reserved + first;
            let mut bytes = Vec::new();
            let mut here = 0;
            while made < objects && here < share {
                if left == 0 {
                    pattern = (0..1 + random.below(6))
                        .map(|_| {
                            let mut at = random.below(total);
                            self.kinds[..first_clone]
                                .iter()
                                .position(|k| {
                                    let here = at < k.weight;
                                    at = at.saturating_sub(k.weight);
                                    here
                                })
                                .unwrap()
                        })
                        .collect();
                    (step, left) = (0, 1 + random.below(200));
                }
                // Every instantiation once, evenly among the others.
                let number =
                    if clones.start < clones.end && random.below(objects - made) < (clones.end - clones.start) as u64 {
                        clones.next().unwrap()
                    } else {
                        pattern[step % pattern.len()]
                    };
                let kind = &self.kinds[number];
                let components = if kind.component == 0 { 0 } else { random.below(2 * kind.components + 1) };
                let size = kind.base + kind.component * components;
                let stepped = (size.max(24) + 7) & !7;
                if first + bytes.len() as u64 + stepped > reserved - 64 {
                    // An instantiation has its turn in the next region.
                    if number >= first_clone {
                        clones.start = number;
                    }
                    break;
                }
                let end = bytes.len() + stepped as usize;
                bytes.extend(kind.table.to_le_bytes());
                if kind.component != 0 {
                    bytes.extend(components.to_le_bytes());
                }
                let fields = bytes.len();
                bytes.resize(end, 0);
                if let Some(filler) = &mut filler {
                    // The last word is the next object's header.
                    filler.fill(&mut bytes[fields..end - 8]);
                }
                let kind = &mut self.kinds[number];
                (kind.count, kind.size) = (kind.count + 1, kind.size + size.max(24));
                (step, left, made, here) = (step + 1, left - 1, made + 1, here + 1);
            }
            lengths.push(bytes.len() as u64);
            write(&Piece { addr, bytes })?;
        }
        Ok(lengths)
    }

    /// Large regions with one array each, as (first object, its bytes), where the file is to be longer than its objects.
    fn large_regions(&self, plan: &Plan, bytes: u64) -> Vec<(u64, u64)> {
        let room = plan.file_size.saturating_sub(self.fixture.bytes.len() as u64 + bytes) / 2;
        (0..room / LARGE).map(|i| (LARGE_REGIONS + i * 2 * LARGE + plan.base.first, LARGE - PAGE)).collect()
    }

    /// The `heap_segment`s, linked into the fixture's lists, and the method tables: what lies apart from the objects, and what lies in front of those of each
    /// segment.
    fn structures(&mut self, plan: &Plan, lengths: &[u64], large: &[(u64, u64)]) -> (Vec<Piece>, Vec<Piece>) {
        const SIZE: u64 = 64;
        let Base { reserved, first, own_header, gen2, large: of_large, allocation_start, .. } = plan.base;
        let mut clones = std::mem::take(&mut self.clones);
        let list = STRUCTURES + (clones.len() as u64).next_multiple_of(PAGE) + PAGE;
        // Of each the first object, its bytes, and what is reserved from there.
        let small = (0..).zip(lengths).map(|(i, &len)| (REGIONS + i * reserved + first, len, reserved - first));
        let large = large.iter().map(|&(mem, len)| (mem, len, LARGE));
        let mut headers: Vec<Piece> = Vec::new();
        for (link, added) in [(gen2, small.collect::<Vec<_>>()), (of_large, large.collect())] {
            assert_eq!(self.fixture.word(self.fixture.offset(link.at)), link.next, "the fixture's list");
            let from = headers.len() as u64;
            let place = |i: u64| match added.get(i as usize) {
                None => link.next,
                Some(&(mem, ..)) if *own_header => mem - first,
                Some(_) => list + (from + i) * SIZE,
            };
            for (i, &(mem, len, reserved)) in (0..).zip(&added) {
                let (allocated, committed) = (mem + len, (mem + len).next_multiple_of(PAGE));
                let reserved = mem + reserved.max(committed - mem);
                let words = [allocated, committed, reserved, allocated, mem, 0, place(i + 1), 0];
                headers.push(Piece { addr: place(i), bytes: words.map(u64::to_le_bytes).concat() });
            }
            self.fixture.put(link.at, place(0));
        }
        if let (Some(at), false) = (allocation_start, lengths.is_empty()) {
            self.fixture.put(*at, REGIONS + first);
        }
        let mut pieces = Vec::new();
        if !own_header {
            let mut bytes: Vec<u8> = headers.drain(..).flat_map(|h| h.bytes).collect();
            bytes.resize(bytes.len().next_multiple_of(PAGE as usize), 0);
            pieces.push(Piece { addr: list, bytes });
        }
        if !clones.is_empty() {
            clones.resize(clones.len().next_multiple_of(PAGE as usize), 0);
            pieces.push(Piece { addr: STRUCTURES, bytes: clones });
        }
        (pieces, headers)
    }

    /// All added ranges in the order of the file.
    fn layout(&self, plan: &Plan, lengths: &[u64], large: &[(u64, u64)], structures: &[Piece]) -> Layout {
        const SCATTERED: u64 = 64 << 10;
        let Base { reserved, first, .. } = *plan.base;
        let mut listed: Vec<(u64, u64)> = structures.iter().map(|p| (p.addr, p.bytes.len() as u64)).collect();
        if plan.scattered {
            listed = listed
                .iter()
                .flat_map(|&(addr, len)| {
                    (0..len).step_by(SCATTERED as usize).map(move |at| (addr + at, SCATTERED.min(len - at)))
                })
                .collect();
        }
        let mut added = if plan.scattered { Vec::new() } else { listed.clone() };
        let pages = |len: u64| (first + len).next_multiple_of(PAGE);
        let all: u64 = lengths.iter().map(|&len| pages(len)).sum();
        let piece = match plan.ranges {
            0 => u64::MAX,
            n => (all / n.max(1)).next_multiple_of(PAGE).max(PAGE),
        };
        for (i, &len) in lengths.iter().enumerate() {
            let (base, mut at) = (REGIONS + i as u64 * reserved, 0);
            while at < pages(len) {
                let n = piece.min(pages(len) - at);
                added.push((base + at, n));
                at += n;
            }
        }
        for &(mem, len) in large {
            added.push((mem - first, pages(len)));
        }
        let of_structures = if plan.scattered { listed.iter().map(|r| r.1).sum() } else { 0 };
        let used = self.fixture.bytes.len() as u64 + of_structures + added.iter().map(|r| r.1).sum::<u64>();
        let native = plan.file_size.saturating_sub(used) / PAGE * PAGE;
        let mut outside: Vec<(u64, u64)> = Vec::new();
        let count = if native > 0 { 16 } else { 0 };
        for i in 0..count {
            outside.push((NATIVE + i * (native / 16).next_multiple_of(LARGE) * 2, native / 16 / PAGE * PAGE));
        }
        // Holes in front of the heap: it lies wherever the file wants, beyond 4 GiB too.
        let mut ranges: Vec<(u64, u64)> = self.fixture.ranges.iter().map(|r| (r.0, r.1)).collect();
        let own = ranges.len();
        let others: Vec<(u64, u64)> = outside.into_iter().filter(|r| r.1 > 0).chain(added).collect();
        if plan.scattered {
            // As many bytes between two of them.
            let all: u64 = others.iter().map(|r| r.1).sum();
            let (mut between, mut placed) = (0, 0);
            for range in others {
                while placed < listed.len() && placed as u64 * all <= between * listed.len() as u64 {
                    ranges.push(listed[placed]);
                    placed += 1;
                }
                ranges.push(range);
                between += range.1;
            }
            ranges.extend(&listed[placed..]);
        } else {
            ranges.extend(others);
        }
        if plan.shuffled {
            let mut random = Random(plan.seed ^ 0x5EED);
            for i in (own + 1..ranges.len()).rev() {
                ranges.swap(i, own + random.below((i - own + 1) as u64) as usize);
            }
        }
        let modules = plan.modules * (MODULE + 64) + self.module_list().len() as u64 + 64;
        let table = (self.fixture.base + modules).next_multiple_of(8);
        let mut offset = (table + 16 + 16 * ranges.len() as u64).next_multiple_of(PAGE);
        let base = offset;
        let mut placed = Vec::new();
        for (addr, len) in ranges {
            placed.push((addr, len, offset));
            offset += len;
        }
        let mut by_address = placed.clone();
        by_address.sort_unstable();
        Layout { ranges: placed, by_address, table, base, end: offset }
    }

    /// The entries of the module list.
    fn module_list(&self) -> &[u8] {
        let (entry, at) = self.fixture.stream(4);
        &self.fixture.bytes[at as usize..(at + u64::from(self.fixture.half(entry + 4))) as usize]
    }

    /// The head of the fixture with new lists, and the fixture's own memory; returns the length of the whole file.
    fn write_head(&mut self, plan: &Plan, layout: &Layout, out: &mut Out) -> io::Result<u64> {
        let mut head = self.fixture.bytes[..self.fixture.base as usize].to_vec();
        let put = |head: &mut Vec<u8>, at: u64, value: u64| {
            let value = u32::try_from(value).expect("streams lie below 4 GiB");
            head[at as usize..at as usize + 4].copy_from_slice(&value.to_le_bytes());
        };
        if plan.modules > 0 {
            let mut list = self.module_list().to_vec();
            let known = u32::from_le_bytes(list[..4].try_into().unwrap());
            let template = list[4..4 + MODULE as usize].to_vec();
            list[..4].copy_from_slice(&(known + plan.modules as u32).to_le_bytes());
            let names = head.len() as u64;
            for i in 0..plan.modules {
                let name: Vec<u16> = format!("C:\\app\\Plugin{i:05}.dll").encode_utf16().collect();
                let at = head.len() as u64;
                head.extend((name.len() as u32 * 2).to_le_bytes());
                name.iter().chain(&[0]).for_each(|c| head.extend(c.to_le_bytes()));
                let mut entry = template.clone();
                entry[..8].copy_from_slice(&(0x60_0000_0000 + i * 0x10_0000).to_le_bytes());
                entry[8..12].copy_from_slice(&0x8_0000u32.to_le_bytes());
                entry[20..24].copy_from_slice(&(at as u32).to_le_bytes());
                // No CodeView record, no other one.
                entry[76..92].fill(0);
                list.extend(entry);
            }
            assert!(head.len() as u64 - names < plan.modules * 64);
            let (entry, _) = self.fixture.stream(4);
            let at = head.len() as u64;
            head.extend(&list);
            put(&mut head, entry + 4, list.len() as u64);
            put(&mut head, entry + 8, at);
        }
        assert!(head.len() as u64 <= layout.table);
        head.resize(layout.table as usize, 0);
        let (entry, _) = self.fixture.stream(9);
        put(&mut head, entry + 4, 16 + 16 * layout.ranges.len() as u64);
        put(&mut head, entry + 8, layout.table);
        head.extend((layout.ranges.len() as u64).to_le_bytes());
        head.extend(layout.base.to_le_bytes());
        for (addr, len, _) in &layout.ranges {
            head.extend(addr.to_le_bytes());
            head.extend(len.to_le_bytes());
        }
        out.write(0, &head)?;
        for &(addr, len, offset) in &self.fixture.ranges {
            let bytes = self.fixture.bytes[offset as usize..(offset + len) as usize].to_vec();
            layout.put(&Piece { addr, bytes }, &mut |offset, bytes| out.write(offset, bytes))?;
        }
        Ok(layout.end)
    }

    /// The fixture's rows and the added ones; returns the totals.
    fn write_expected(&self, path: &Path) -> io::Result<(u64, u64)> {
        let mut rows = self.rows.clone();
        for kind in &self.kinds {
            let row = rows.entry(kind.table).or_insert((0, 0, kind.name.clone()));
            (row.0, row.1) = (row.0 + kind.count, row.1 + kind.size);
        }
        let mut sorted: Vec<_> = rows.iter().collect();
        sorted.sort_by_key(|(table, row)| (row.1, **table));
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "method_table_hex,count,total_size,type_name")?;
        for (table, (count, size, name)) in sorted {
            writeln!(out, "{table:016x},{count},{size},\"{}\"", name.replace('"', "\"\""))?;
        }
        out.flush()?;
        Ok(rows.values().fold((0, 0), |sum, r| (sum.0 + r.0, sum.1 + r.1)))
    }
}

/// Bytes of a `MINIDUMP_MODULE`.
const MODULE: u64 = 108;

/// Which addresses go where in the file.
struct Layout {
    /// (address, length, offset), in the order of the file.
    ranges: Vec<(u64, u64, u64)>,
    by_address: Vec<(u64, u64, u64)>,
    /// Where the memory list lies.
    table: u64,
    /// First byte of memory.
    base: u64,
    end: u64,
}

impl Layout {
    /// Gives the parts of a piece to their places in the file.
    fn put(&self, piece: &Piece, write: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut done = 0;
        while done < piece.bytes.len() {
            let at = piece.addr + done as u64;
            let &(addr, len, offset) = &self.by_address[self.by_address.partition_point(|r| r.0 <= at) - 1];
            let n = ((addr + len - at) as usize).min(piece.bytes.len() - done);
            assert!(n > 0, "{at:#x} has no place");
            write(offset + (at - addr), &piece.bytes[done..done + n])?;
            done += n;
        }
        Ok(())
    }
}

/// Where the dump goes.
enum Out {
    /// In any order; what is not written is a hole.
    File(File),
    Zip(Box<Streamed>),
}

/// A dump that is written front to back.
struct Streamed {
    zip: KuduZip<BufWriter<File>>,
    at: u64,
    /// What is to be written when its place has come.
    kept: BTreeMap<u64, Vec<u8>>,
    /// What stands where nothing is written; zeros if there is none.
    filler: Option<Filler>,
}

impl Out {
    fn new(path: &Path, plan: &Plan) -> io::Result<Out> {
        let file = File::create(path)?;
        if !plan.zip {
            return Ok(Out::File(file));
        }
        let mut zip = KuduZip::new(BufWriter::with_capacity(1 << 20, file));
        zip.entry("minidump.dmp")?;
        let filler = plan.filled.then(|| Filler::new(plan.seed ^ 0x6A9));
        Ok(Out::Zip(Box::new(Streamed { zip, at: 0, kept: BTreeMap::new(), filler })))
    }

    /// In the order of the file.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Out::File(file) => write_at(file, offset, bytes),
            Out::Zip(streamed) => {
                streamed.go_to(offset)?;
                streamed.write(bytes)
            }
        }
    }

    /// In any order, before what is behind it.
    fn keep(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Out::File(file) => write_at(file, offset, bytes),
            Out::Zip(streamed) => {
                streamed.kept.insert(offset, bytes.to_vec());
                Ok(())
            }
        }
    }

    fn finish(self, length: u64) -> io::Result<()> {
        match self {
            Out::File(file) => file.set_len(length),
            Out::Zip(mut streamed) => {
                streamed.go_to(length)?;
                // As Kudu's: what a debugger needs beside the dump.
                for name in ["sos.dll", "mscordacwks.dll"] {
                    streamed.zip.entry(name)?;
                    streamed.zip.write(b"MZ, in the place of a library")?;
                }
                streamed.zip.finish().map(|_| ())
            }
        }
    }
}

impl Streamed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.zip.write(bytes)
    }

    /// Writes what lies before an offset.
    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        while let Some(first) = self.kept.first_entry().filter(|e| *e.key() < offset) {
            let (place, bytes) = first.remove_entry();
            self.gap(place)?;
            self.write(&bytes)?;
        }
        self.gap(offset)
    }

    fn gap(&mut self, end: u64) -> io::Result<()> {
        assert!(self.at <= end, "what is at {end:#x} comes too late: {:#x} was written", self.at);
        let mut bytes = vec![0; 1 << 20];
        while self.at < end {
            let n = (end - self.at).min(bytes.len() as u64) as usize;
            if let Some(filler) = &mut self.filler {
                filler.fill(&mut bytes[..n]);
            }
            self.write(&bytes[..n])?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
