//! Files of the process's modules, given by the user, for pages that the dump lacks: a dump of private memory only has no headers, no
//! metadata and no read-only data of any image, and they are all in the files.
//!
//! A file counts only if it is the very build that the process had loaded: the module list must know its file name, its `TimeDateStamp`
//! and its `SizeOfImage`, and where the dump still holds the module's MVID, that must be the file's. What the process may write to is never
//! taken from a file, and what the dump has is never replaced.

use super::pe::{BaseRelocations, PeImage};
use crate::dump::Module;
use crate::dump::regions::{Extent, Regions};
use crate::error::{Findings, Result};
use crate::limits;
use crate::maps::Sorted;
use crate::memory::{Addr, AddressSpace, Memory, unreadable};
use crate::source::{ByteSource, check_range};
use std::fmt;
use std::sync::Arc;

/// A file that may be one of the process's modules.
#[derive(Clone)]
pub struct ModuleFile {
    /// Its name, with or without a path.
    pub name: String,
    /// Its bytes.
    pub source: Arc<dyn ByteSource>,
}

impl fmt::Debug for ModuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleFile").field("name", &self.name).field("bytes", &self.source.len()).finish()
    }
}

impl ModuleFile {
    /// A file under its name.
    pub fn new(name: impl Into<String>, source: Arc<dyn ByteSource>) -> ModuleFile {
        ModuleFile { name: name.into(), source }
    }

    fn file_name(&self) -> &str {
        self.name.rsplit(['\\', '/']).next().unwrap_or_default()
    }
}

/// The files that fit, as one more memory under that of the dump.
#[derive(Clone, Default)]
pub struct Files {
    source: Arc<Joined>,
    regions: Arc<Regions>,
    relocated: Arc<Vec<Relocated>>,
}

/// An image that is not where its linker wanted it.
struct Relocated {
    base: Addr,
    end: Addr,
    /// What the loader adds to each pointer; wraps.
    delta: u64,
    relocations: BaseRelocations,
}

impl Files {
    /// Takes those of `files` that are modules of the process. `mem` is the dump alone. Findings: `module-files` counts the files
    /// in use, `module-file-refused` those that have the name of a module and are another build, or cannot be read, `module-file-by-size`
    /// those whose linker left the time stamp out.
    pub fn select(files: &[ModuleFile], modules: &[Module], mem: &dyn Memory, findings: &mut Findings) -> Files {
        let mut joined = Joined::default();
        let mut extents = Vec::new();
        let mut relocated = Vec::new();
        let mut by_name: Sorted<String, Vec<&ModuleFile>> = Sorted::default();
        for file in files.iter().take(limits::MAX_MODULE_FILES).filter(|f| !f.file_name().is_empty()) {
            by_name.entry(file.file_name().to_ascii_lowercase(), Vec::new).push(file);
        }
        for module in modules {
            let named = by_name.get(&module.name().to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
            let mut refused = None;
            let mut used = false;
            for file in named {
                match fit(file, module, mem) {
                    Ok(image) => {
                        let start = joined.add(Arc::clone(&file.source));
                        extents.extend(image.read_only_pieces().into_iter().map(|piece| Extent {
                            addr: module.base.plus(u64::from(piece.rva)),
                            offset: start.saturating_add(piece.offset),
                            len: piece.len,
                        }));
                        let delta = module.base.0.wrapping_sub(image.preferred_base);
                        if delta != 0
                            && let Some(width) = image.pointer_size()
                            && let Ok(Some(relocations)) = image.base_relocations(&flat(&file.source), width)
                        {
                            let end = module.base.plus(image.size_of_image);
                            relocated.push(Relocated { base: module.base, end, delta, relocations });
                        }
                        used = true;
                        if module.timestamp == 0 {
                            findings.add("module-file-by-size", false, || {
                                format!(
                                    "{} bears no time stamp: that it is the file that the process had loaded is told by its name and \
                                     size alone",
                                    file.file_name()
                                )
                            });
                        }
                        findings.add("module-files", false, || {
                            "files given by the user stand in for pages that the dump lacks".to_owned()
                        });
                        break;
                    }
                    Err(why) => refused = refused.or(Some((file, why))),
                }
            }
            if let Some((file, why)) = refused.filter(|_| !used) {
                findings.add("module-file-refused", false, || {
                    format!("{} is not the file that the process had loaded: {why}", file.file_name())
                });
            }
        }
        let regions = Regions::build(extents, joined.len(), &mut Findings::default());
        crate::order::by_key(&mut relocated, |r| r.base);
        // In a browser each worker has its own: nothing is shared between threads there.
        #[cfg_attr(target_arch = "wasm32", expect(clippy::arc_with_non_send_sync, reason = "one thread"))]
        let source = Arc::new(joined);
        Files { source, regions: Arc::new(regions), relocated: Arc::new(relocated) }
    }
}

/// The image of a file, if it is that of the module.
fn fit(file: &ModuleFile, module: &Module, mem: &dyn Memory) -> Result<PeImage, String> {
    let space = flat(&file.source);
    let image = PeImage::open(&space, Addr::NULL).map_err(|e| e.to_string())?;
    let (ours, theirs) = ((image.timestamp, image.size_of_image), (module.timestamp, module.size));
    if ours != theirs {
        return Err(format!(
            "time stamp {:08x}, {} bytes in memory; the process had time stamp {:08x}, {} bytes",
            ours.0, ours.1, theirs.0, theirs.1
        ));
    }
    let known = PeImage::open(mem, module.base).and_then(|i| i.metadata(mem)).ok().flatten();
    if let Some(known) = known.and_then(|m| m.mvid(mem).ok())
        && image.metadata(&space).ok().flatten().and_then(|m| m.mvid(&space).ok()).is_some_and(|mvid| mvid != known)
    {
        return Err("its MVID is another one than the dump's".into());
    }
    Ok(image)
}

/// A file as a memory that begins at 0.
fn flat(source: &Arc<dyn ByteSource>) -> AddressSpace {
    let all = Extent { addr: Addr::NULL, offset: 0, len: source.len() };
    let regions = Regions::build(vec![all], source.len(), &mut Findings::default());
    AddressSpace::new(Arc::clone(source), Arc::new(regions))
}

/// Files one behind the other, so that all share one page cache.
#[derive(Default)]
struct Joined {
    /// Start of each, ascending, and its bytes. Each starts at a multiple of [`limits::PAGE`]; what lies between reads as zero.
    parts: Vec<(u64, Arc<dyn ByteSource>)>,
}

impl Joined {
    fn add(&mut self, source: Arc<dyn ByteSource>) -> u64 {
        let start = self.len().checked_next_multiple_of(limits::PAGE).unwrap_or(u64::MAX);
        self.parts.push((start, source));
        start
    }
}

impl ByteSource for Joined {
    fn len(&self) -> u64 {
        self.parts.last().map_or(0, |(start, source)| start.saturating_add(source.len()))
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        check_range(what, offset, len, self.len())?;
        buf.fill(0);
        let end = offset.saturating_add(len);
        for (start, source) in &self.parts {
            let (from, to) = (offset.max(*start), end.min(start.saturating_add(source.len())));
            if from >= to {
                continue;
            }
            let place = |at: u64| usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            if let Some(part) = buf.get_mut(place(from)..place(to)) {
                source.read_at(from.saturating_sub(*start), part, what)?;
            }
        }
        Ok(())
    }
}

/// The memory of a dump, and where it has none, that of the [`Files`].
pub struct WithFiles<M> {
    dump: M,
    files: AddressSpace<Arc<Joined>, Arc<Regions>>,
    relocated: Arc<Vec<Relocated>>,
}

impl<M: Memory> WithFiles<M> {
    /// `files` under `dump`.
    pub fn new(dump: M, files: &Files) -> WithFiles<M> {
        WithFiles {
            dump,
            files: AddressSpace::new(Arc::clone(&files.source), Arc::clone(&files.regions)),
            relocated: Arc::clone(&files.relocated),
        }
    }

    /// Reads from a file as the loader would have laid it out.
    fn read_file(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        self.files.read(addr, buf, what)?;
        let behind = self.relocated.partition_point(|r| r.base <= addr);
        let Some(image) = behind.checked_sub(1).and_then(|i| self.relocated.get(i)).filter(|r| addr < r.end) else {
            return Ok(());
        };
        let end = addr.plus(buf.len() as u64);
        let width = image.relocations.width.bytes();
        let rva = |at: Addr| u32::try_from(at.since(image.base)).unwrap_or(u32::MAX);
        // A pointer that begins in front of the range may reach into it.
        let first = Addr(addr.0.saturating_sub(width.saturating_sub(1)).max(image.base.0));
        for at in image.relocations.between(rva(first), rva(end)) {
            let at = image.base.plus(u64::from(at));
            let value = self.files.ptr(at, image.relocations.width, what)?.0.wrapping_add(image.delta).to_le_bytes();
            for (i, byte) in (0..width).zip(value) {
                let place = at.plus(i);
                if place >= addr
                    && let Some(slot) = usize::try_from(place.since(addr)).ok().and_then(|i| buf.get_mut(i))
                {
                    *slot = byte;
                }
            }
        }
        Ok(())
    }
}

/// Where dump and file meet inside a range, the dump is asked again at every page: ranges of dumps come in pages.
const STEP: u64 = 4096;

impl<M: Memory> Memory for WithFiles<M> {
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        if self.files.regions().is_empty() || self.dump.run(addr) >= len {
            return self.dump.read(addr, buf, what);
        }
        let (mut at, mut rest) = (addr, buf);
        while !rest.is_empty() {
            let have = self.dump.run(at);
            let to_page = STEP.saturating_sub(at.0 & STEP.saturating_sub(1));
            let n = if have > 0 { have } else { self.files.run(at).min(to_page) };
            let n = usize::try_from(n).unwrap_or(usize::MAX).min(rest.len());
            if n == 0 {
                return Err(unreadable(what, addr, len));
            }
            let (now, later) = rest.split_at_mut(n);
            if have > 0 {
                self.dump.read(at, now, what)?
            } else {
                self.read_file(at, now, what)?
            };
            rest = later;
            at = at.plus(n as u64);
        }
        Ok(())
    }

    fn run(&self, addr: Addr) -> u64 {
        let mut all = self.dump.run(addr);
        if self.files.regions().is_empty() {
            return all;
        }
        loop {
            let at = addr.plus(all);
            let more = match self.files.run(at) {
                0 => self.dump.run(at),
                n => n.max(self.dump.run(at)),
            };
            match all.checked_add(more) {
                Some(sum) if more > 0 => all = sum,
                _ => return all,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code: it knows its numbers")]
mod tests {
    use super::*;
    use crate::synth::pe::{PeBuilder, READ, WRITE};

    const BASE: u64 = 0x7ff0_0000_0000;

    /// `.rdata` at 0x1000 with a pointer at 0x1ffd (across two pages) and one at 0x1008, `.data` at 0x3000, `.reloc` at 0x4000.
    fn image() -> PeBuilder {
        let mut image = PeBuilder::new(0x8664);
        let mut rdata = vec![0x55; 0x1800];
        for at in [0x8, 0xFFD] {
            rdata[at..at + 8].copy_from_slice(&0x3000u64.to_le_bytes());
        }
        image.section(".rdata", READ, rdata, 0);
        image.section(".data", WRITE, vec![0x66; 0x200], 0);
        let entries = [10 << 12 | 0x8u16, 10 << 12 | 0xFFD, 0, 3 << 12 | 0x10];
        let mut reloc = [0x1000u32, 16].map(u32::to_le_bytes).concat();
        reloc.extend(entries.iter().flat_map(|e| e.to_le_bytes()));
        reloc.resize(64, 0);
        let rva = image.section(".reloc", READ, reloc, 0);
        image.directory(5, rva, 64);
        image
    }

    fn module(image: &PeBuilder, name: &str) -> Module {
        Module {
            base: Addr(BASE),
            size: image.mapped().len() as u64,
            path: format!(r"C:\app\{name}"),
            timestamp: image.timestamp,
            checksum: 0,
            file_version: None,
        }
    }

    /// A dump with these ranges (address, bytes).
    fn dump(ranges: &[(u64, &[u8])]) -> AddressSpace {
        let mut bytes = Vec::new();
        let mut extents = Vec::new();
        for (addr, data) in ranges {
            extents.push(Extent { addr: Addr(*addr), offset: bytes.len() as u64, len: data.len() });
            bytes.extend_from_slice(data);
        }
        let regions = Regions::build(extents, bytes.len() as u64, &mut Findings::default());
        AddressSpace::new(Arc::new(bytes), Arc::new(regions))
    }

    fn select(image: &PeBuilder, mem: &AddressSpace) -> (Files, Findings) {
        let file = ModuleFile::new("a/APP.dll", Arc::new(image.flat()));
        let other = ModuleFile::new("b.dll", Arc::new(vec![0; 100]));
        let mut findings = Findings::default();
        let files = Files::select(&[other, file], &[module(image, "app.dll")], mem, &mut findings);
        (files, findings)
    }

    #[test]
    fn a_file_fills_what_is_missing_and_nothing_else() {
        let image = image();
        // The dump has the second page of .rdata, changed, and some memory in front of the image.
        let page = [0x77; 0x1000];
        let mem = dump(&[(BASE - 0x1000, &[1; 0x1000]), (BASE + 0x2000, &page)]);
        let (files, findings) = select(&image, &mem);
        assert_eq!(
            findings.as_slice().iter().map(|f| (f.code.as_str(), f.count)).collect::<Vec<_>>(),
            [("module-files", 1)]
        );
        let mem = WithFiles::new(mem, &files);
        let at = |rva: u64| Addr(BASE + rva);
        assert_eq!(mem.u16(at(0), "x").unwrap(), 0x5A4D);
        assert_eq!(mem.u16(Addr(BASE - 1), "x").unwrap(), 0x4D01);
        assert_eq!(mem.u8(at(0x1000), "x").unwrap(), 0x55);
        // What the dump has is the truth, also inside a pointer that the file would correct.
        assert_eq!(mem.u8(at(0x2000), "x").unwrap(), 0x77);
        assert_eq!(mem.bytes(at(0x1FF8), 16, "x").unwrap()[..5], [0x55; 5]);
        assert_eq!(mem.bytes(at(0x1FF8), 16, "x").unwrap()[8..], [0x77; 8]);
        // Nothing that the process may write to.
        assert!(mem.u8(at(0x3000), "x").is_err() && mem.run(at(0x3000)) == 0);
        assert_eq!(mem.run(Addr(BASE - 0x10)), 0x10 + 0x400, "headers end at their size in the file");
        assert_eq!(mem.run(at(0x1000)), 0x2000);
        assert!(mem.bytes(at(0x2FFF), 2, "x").is_err());
        assert_eq!(mem.bytes(at(0x1000), 0x2000, "x").unwrap().len(), 0x2000);
    }

    #[test]
    fn pointers_are_where_the_loader_put_the_image() {
        let image = image();
        let mem = dump(&[(0x1000, &[0; 16])]);
        let (files, _) = select(&image, &mem);
        let mem = WithFiles::new(mem, &files);
        let at = |rva: u64| Addr(BASE + rva);
        let corrected = BASE + 0x3000;
        assert_eq!(mem.u64(at(0x1008), "x").unwrap(), corrected);
        assert_eq!(mem.u64(at(0x1FFD), "x").unwrap(), corrected, "across a page");
        // Any part of it.
        let bytes = corrected.to_le_bytes();
        for i in 0..8u64 {
            assert_eq!(mem.u8(at(0x1008 + i), "x").unwrap(), bytes[usize::try_from(i).unwrap()], "{i}");
        }
        let around = mem.bytes(at(0x1004), 8, "x").unwrap();
        assert_eq!((&around[..4], &around[4..]), (&[0x55; 4][..], &bytes[..4]));
        // A relocation of the other width and one of no kind change nothing.
        assert_eq!(mem.u64(at(0x1010), "x").unwrap(), 0x5555_5555_5555_5555);
    }

    #[test]
    fn another_build_is_refused() {
        let mem = dump(&[(0x1000, &[0; 16])]);
        let mut image = image();
        let listed = module(&image, "app.dll");
        image.timestamp ^= 1;
        let file = ModuleFile::new("app.dll", Arc::new(image.flat()));
        let mut findings = Findings::default();
        let files = Files::select(&[file], &[listed], &mem, &mut findings);
        assert!(files.regions.is_empty());
        let said = &findings.as_slice()[0];
        assert!(said.code == "module-file-refused" && said.message.contains("60000000"), "{said:?}");
    }

    #[test]
    fn joined_files_keep_apart() {
        let mut joined = Joined::default();
        assert_eq!(joined.add(Arc::new(vec![1; 10])), 0);
        let second = joined.add(Arc::new(vec![2; 10]));
        assert_eq!((second, joined.len()), (limits::PAGE, limits::PAGE + 10));
        let mut buf = vec![9; 20];
        joined.read_at(5, &mut buf, "x").unwrap();
        assert_eq!((&buf[..5], &buf[5..]), (&[1; 5][..], &[0; 15][..]));
        joined.read_at(second - 5, &mut buf[..15], "x").unwrap();
        assert_eq!((&buf[..5], &buf[5..15]), (&[0; 5][..], &[2; 10][..]));
        assert!(joined.read_at(second, &mut [0; 11], "x").is_err());
    }
}
