//! The runtime's `Module` objects -> their metadata. Nothing here is trusted: every (module, image) pair proves itself.
//!
//! The way from a Module to its image differs from build to build (src/coreclr/vm/ceeload.h, peassembly.h, peimage.h): from 9 on the
//! contract descriptor names `Module.Base`, before it is a chain of pointers Module -> PEFile / PEAssembly -> PEImage -> layout -> base.
//! The chain is searched within bounds and ranked by the number of modules it is proven for.
//!
//! Proof of one pair: the image has a CLI header and metadata; no type seen in the module has a RID beyond its TypeDef rows; the Assembly
//! row's name equals the text at `Module.m_pSimpleName`; and in the module of String and Object their RIDs name System.String and
//! System.Object.

use crate::compact::Text;
use crate::dump::Module;
use crate::image::metadata::Metadata;
use crate::image::pe::PeImage;
use crate::maps::{AddrSet, ByAddr};
use crate::memory::{Addr, Memory};
use crate::report::Evidence;
use crate::runtime::method_table::{self, MethodTable};
use crate::runtime::{Runtime, note};
use std::rc::Rc;

/// One module of the runtime.
#[derive(Debug, Clone)]
pub struct ModuleInfo {
    /// The `Module`.
    pub at: Addr,
    /// Base of its image; `None` for dynamic modules and for images that are not in the dump.
    pub base: Option<Addr>,
    /// Its metadata, if they are in the dump.
    pub metadata: Option<Metadata>,
    /// Assembly simple name: of the metadata, else of the Module's own pointer, else empty.
    pub simple_name: Text,
}

impl ModuleInfo {
    /// True for modules that Reflection.Emit made: metadata without an image.
    pub fn is_dynamic(&self) -> bool {
        self.base.is_none() && self.metadata.is_some()
    }
}

/// Where a TypeDef RID stands in a method table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RidPlace {
    /// u16 at flags2 + 2 (up to 8).
    Token,
    /// Bits 8 to 31 of flags2 (from 9 on).
    Flags2,
}

/// A way from a Module to an image base: offsets, dereferenced one after the other.
type Chain = Vec<u64>;

/// An image with metadata, and the metadata's own simple name.
type Image = Option<(Metadata, Text)>;

/// All modules, each proven when it is first asked for.
pub struct Modules<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    relative: bool,
    rid: RidPlace,
    name_slot: Option<u64>,
    chains: Vec<Chain>,
    /// Searches left for modules that no ranked chain leads from.
    searches: usize,
    dynamic_slot: Option<u64>,
    core: Addr,
    string: MethodTable,
    object: MethodTable,
    /// Largest RID seen in a plain method table of the heap, by module.
    max_rid: ByAddr<u32>,
    images: ByAddr<Image>,
    /// Names of the process's modules without the extension, by base.
    listed: ByAddr<String>,
    infos: ByAddr<Rc<ModuleInfo>>,
}

/// Bounds of the chain search in pointers: Module, PEAssembly, PEImage, PEImageLayout.
const BOUNDS: [u64; 4] = [48, 12, 40, 4];
/// Bound of the direct search and of the search for the simple name, in pointers.
const MODULE_POINTERS: u64 = 160;
/// Bound of the search for dynamic metadata, in pointers.
const DYNAMIC_POINTERS: u64 = 384;
/// Modules that are searched before the ranking is fixed, and as many after it.
const SEARCHED: usize = 12;
/// Chains kept in the ranking, beside those that are the only way to a module.
const KEPT_CHAINS: usize = 16;
const BSJB: u32 = 0x424A_5342;
const MAX_SIMPLE_NAME: usize = 1024;
/// Characters of a path: four times what Windows' own loader of assemblies took for long.
const MAX_PATH: usize = 1024;

impl<'a> Modules<'a> {
    /// Calibrates with the method tables of the walk.
    pub fn calibrate(
        mem: &'a dyn Memory,
        rt: &'a Runtime,
        tables: &[MethodTable],
        evidence: &mut Vec<Evidence>,
    ) -> Modules<'a> {
        let read = |at| MethodTable::read(mem, &rt.layout, at).unwrap_or_default();
        let mut m = Modules {
            mem,
            rt,
            relative: module_word_is_relative(mem, rt, tables),
            rid: RidPlace::Token,
            name_slot: Some(rt.layout.module_simple_name),
            chains: Vec::new(),
            searches: 0,
            dynamic_slot: rt.shapes.field("Module", "DynamicMetadata"),
            core: Addr::NULL,
            string: read(rt.known.string),
            object: read(rt.known.object),
            max_rid: ByAddr::default(),
            images: ByAddr::default(),
            listed: ByAddr::default(),
            infos: ByAddr::default(),
        };
        m.core = m.plain_module(&m.object);
        let mut seen = AddrSet::default();
        let mut modules = vec![m.core];
        seen.insert(m.core);
        for table in tables.iter().filter(|t| t.is_plain()) {
            let at = m.plain_module(table);
            if !at.is_null() && seen.insert(at) {
                modules.push(at);
            }
        }
        m.find_chains(&modules, tables, evidence);
        for table in tables.iter().filter(|t| t.is_plain()) {
            let (at, rid) = (m.plain_module(table), m.rid_of(table));
            let most = m.max_rid.entry(at, || 0);
            *most = (*most).max(rid);
        }
        let proven = modules.iter().filter(|&&at| m.info(at).metadata.is_some()).count();
        let dynamic = modules.iter().filter(|&&at| m.info(at).metadata.is_some() && m.info(at).base.is_none()).count();
        note(
            evidence,
            "modules",
            &format!("{proven} of {} proven with their metadata, {dynamic} of them dynamic", modules.len()),
            "RIDs within the TypeDef table, assembly name = Module.m_pSimpleName",
        );
        m
    }

    /// Adds what the process's module list says: the name of an image whose metadata are not in the dump.
    #[must_use]
    pub fn listed(mut self, modules: &[Module]) -> Modules<'a> {
        let stem = |m: &Module| m.name().rsplit_once('.').map_or(m.name(), |(stem, _)| stem).to_owned();
        self.listed =
            modules.iter().filter(|m| m.base != self.rt.module.image.base).map(|m| (m.base, stem(m))).collect();
        for info in std::mem::take(&mut self.infos).into_values() {
            if !info.simple_name.is_empty() {
                self.infos.insert(info.at, info);
            }
        }
        self
    }

    /// The TypeDef RID of a method table; 0 where it is not known.
    pub fn rid_of(&self, table: &MethodTable) -> u32 {
        rid_at(self.rid, table)
    }

    /// The `Module` of a type; of arrays the module word means nothing for names.
    ///
    /// Up to 2.2 the word is the loader module: a generic type's own module may be in a multipurpose slot of its canonical method table
    /// (methodtable.h, enum_flag_HasModuleOverride). The slot is found as the first word that points to a Module.
    pub fn module_of(&self, table: &MethodTable) -> Addr {
        let l = &self.rt.layout;
        if l.module_override == 0 || table.is_plain() {
            return self.plain_module(table);
        }
        let canonical =
            table.canonical_table(self.mem, l).and_then(|at| MethodTable::read(self.mem, l, at)).unwrap_or(*table);
        if u64::from(canonical.flags2) & l.module_override != 0 {
            let p = l.p();
            let slots = u64::from(canonical.num_virtuals).wrapping_add(7).checked_div(8).unwrap_or(0);
            let overflow = canonical.at.plus(l.method_table.size).plus(slots.wrapping_mul(p));
            let fixed = [l.method_table.per_inst_info, l.method_table.interface_map].map(|o| canonical.at.plus(o));
            let rest = (0..6).map(|i: u64| overflow.plus(i.wrapping_mul(p)));
            for field in fixed.into_iter().chain(rest) {
                if let Some(module) = self.pointer_forms(field).into_iter().flatten().find(|&v| self.is_module(v)) {
                    return module;
                }
            }
        }
        self.plain_module(&canonical)
    }

    /// What is known of a module; proven when it is first asked for.
    pub fn info(&mut self, at: Addr) -> Rc<ModuleInfo> {
        if let Some(info) = self.infos.get(at) {
            return Rc::clone(info);
        }
        let info = Rc::new(self.prove(at));
        self.infos.insert(at, Rc::clone(&info));
        info
    }

    /// What is known of the modules that were asked for, in no order.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Rc<ModuleInfo>> {
        self.infos.values().iter()
    }

    /// The module of System.Object.
    pub(crate) fn core(&self) -> Addr {
        self.core
    }

    /// The path that the runtime keeps of a module's file: `Module.Path` (9 and later), else `PEImage.m_path`, an SString at its start
    /// { u32 bytes, u32, u32 flags, pointer to UTF-16 }, the second stop on the way to the image; `None` if there is no such text.
    pub(crate) fn path(&self, module: Addr) -> Option<String> {
        const WHAT: &str = "path of a module";
        let pointer = self.rt.layout.pointer;
        let named = self.rt.shapes.field("Module", "Path").and_then(|slot| {
            let at = self.mem.ptr(module.plus(slot), pointer, WHAT).ok().filter(|a| !a.is_null())?;
            let have = usize::try_from(self.mem.run(at) / 2).unwrap_or(MAX_PATH).min(MAX_PATH);
            file_path(&self.mem.utf16(at, have, WHAT).ok()?)
        });
        named.or_else(|| {
            self.chains.iter().filter(|chain| chain.len() == BOUNDS.len()).find_map(|chain| {
                let image = self.follow(module, chain.get(..2)?)?;
                let characters =
                    usize::try_from(self.mem.u32(image, WHAT).ok()? / 2).ok().filter(|&n| n <= MAX_PATH)?;
                let text = self.mem.ptr(image.plus(self.rt.layout.sbuffer_data), pointer, WHAT).ok()?;
                file_path(&self.mem.utf16(text, characters, WHAT).ok()?)
            })
        })
    }

    /// The module word of a plain method table.
    fn plain_module(&self, table: &MethodTable) -> Addr {
        if self.relative {
            method_table::relative(
                table.at.plus(self.rt.layout.method_table.module),
                table.module,
                self.rt.layout.pointer,
            )
        } else {
            table.module
        }
    }

    /// A stored pointer: plain, relative, and each of them through an indirection cell where bit 0 is set.
    pub(crate) fn pointer_forms(&self, field: Addr) -> [Option<Addr>; 2] {
        let l = &self.rt.layout;
        let Ok(stored) = self.mem.ptr(field, l.pointer, "multipurpose slot of a method table") else {
            return [None; 2];
        };
        [stored, method_table::relative(field, stored, l.pointer)].map(|v| match v.0 & 1 {
            0 => Some(v),
            _ => self.mem.ptr(v.minus(1), l.pointer, "indirection cell of a module").ok(),
        })
    }

    /// True if the object's vtable lies in the runtime's image.
    fn is_module(&self, at: Addr) -> bool {
        !at.is_null()
            && at.0.checked_rem(self.rt.layout.p()) == Some(0)
            && self.vtable(at).is_some_and(|v| Some(v) == self.vtable(self.core) || self.known_vtable(v))
    }

    fn vtable(&self, module: Addr) -> Option<Addr> {
        let v = self.mem.ptr(module, self.rt.layout.pointer, "vtable of a Module").ok()?;
        self.rt.module.image.contains(v).then_some(v)
    }

    /// A vtable that a plain method table's module has (Module, ReflectionModule).
    fn known_vtable(&self, v: Addr) -> bool {
        self.max_rid.keys().any(|m| self.vtable(m) == Some(v))
    }

    /// Finds the ranking of chains and the place of the RID.
    fn find_chains(&mut self, modules: &[Addr], tables: &[MethodTable], evidence: &mut Vec<Evidence>) {
        let mut how = "as the layout data say";
        let mut votes = self.vote(modules, &self.hints());
        self.chains = votes.iter().map(|v| v.0.clone()).collect();
        // Before the core library is proven nothing tells whose dynamic metadata are found behind a Module.
        let core_is_proven = !votes.is_empty();
        let by_chain: AddrSet = votes.iter().flat_map(|v| v.1.iter().copied()).collect();
        let open: Vec<Addr> = modules
            .iter()
            .copied()
            .filter(|m| !(by_chain.contains(*m) || core_is_proven && self.dynamic(*m).is_some()))
            .collect();
        if !open.is_empty() {
            // What the data do not lead to is searched: a servicing build may have moved a field.
            let mut found: Vec<Chain> = Vec::new();
            for &module in open.iter().take(SEARCHED) {
                for chain in self.search(module) {
                    if !found.contains(&chain) && !self.chains.contains(&chain) {
                        found.push(chain);
                    }
                }
            }
            if votes.is_empty() {
                how = "search within bounds";
            }
            votes.extend(self.vote(modules, &found));
        }
        crate::order::by(&mut votes, |a, b| {
            b.1.len().cmp(&a.1.len()).then_with(|| a.0.len().cmp(&b.0.len())).then_with(|| a.0.cmp(&b.0))
        });
        // Beside the best ones every chain that is the only way to some module: one image that lies flat in memory among many mapped.
        let mut reached = AddrSet::default();
        let mut kept = 0usize;
        votes.retain(|(_, proven)| {
            let before = reached.len();
            proven.iter().for_each(|&module| {
                reached.insert(module);
            });
            let new = reached.len() > before;
            let keep = new || kept < KEPT_CHAINS;
            kept = kept.saturating_add(usize::from(keep));
            keep
        });
        if let Some((chain, proven)) = votes.first() {
            note(
                evidence,
                "Module -> image",
                &format!("{chain:?}"),
                &format!("{how}; proven for {} of {} modules", proven.len(), modules.len()),
            );
        }
        self.chains = votes.into_iter().map(|v| v.0).collect();
        self.searches = SEARCHED;
        if self.prove(self.core).metadata.is_none() {
            self.rid = self.rid_by_values(tables);
        }
    }

    /// The RID's place without metadata to prove it with: bits 24 to 31 of flags2 belong to the RID everywhere. Where it begins at bit 16
    /// they are set in every module with more than 255 types, where it begins at bit 8 only in one with more than 65,535.
    fn rid_by_values(&self, tables: &[MethodTable]) -> RidPlace {
        let high = tables.iter().filter(|t| t.is_plain() && t.flags2 >> 24 != 0).count();
        if high > 0 { RidPlace::Token } else { RidPlace::Flags2 }
    }

    /// Chains that the data or the descriptor know.
    fn hints(&self) -> Vec<Chain> {
        let mut hints = Vec::new();
        let shapes = &self.rt.shapes;
        if let Some(base) = shapes.field("Module", "Base") {
            hints.push(vec![base]);
        }
        let chain = |image_field: &str, layout_field: &str| {
            Some(vec![
                shapes.field("Module", "PEAssembly")?,
                shapes.field("PEAssembly", image_field)?,
                shapes.field("PEImage", layout_field)?,
                shapes.field("PEImageLayout", "Base")?,
            ])
        };
        for image in ["PEImage", "NativeImage"] {
            hints.extend(["LoadedImageLayout", "FlatImageLayout"].iter().filter_map(|layout| chain(image, layout)));
        }
        hints
    }

    /// The modules that each chain is proven for. Fixes the RID's place and the slot of the simple name on the way.
    fn vote(&mut self, modules: &[Addr], chains: &[Chain]) -> Vec<(Chain, Vec<Addr>)> {
        let core_bases: Vec<Addr> = chains.iter().filter_map(|c| self.follow(self.core, c)).collect();
        for base in core_bases {
            if self.prove_core(base) {
                break;
            }
        }
        let mut votes = Vec::new();
        for chain in chains {
            let proven: Vec<Addr> = modules
                .iter()
                .copied()
                .filter(|&m| self.follow(m, chain).is_some_and(|base| self.pair_holds(m, base) == Some(true)))
                .collect();
            if !proven.is_empty() {
                votes.push((chain.clone(), proven));
            }
        }
        votes
    }

    /// The core library's image names System.String and System.Object by their RIDs: this fixes the RID's place, and the simple name's slot
    /// if the expected one does not hold the assembly's name.
    fn prove_core(&mut self, base: Addr) -> bool {
        let Some((metadata, name)) = self.image(base) else { return false };
        for place in [RidPlace::Token, RidPlace::Flags2] {
            let named = |t: &MethodTable| metadata.full_name(self.mem, rid_at(place, t)).unwrap_or_default();
            if named(&self.string) == "System.String" && named(&self.object) == "System.Object" {
                self.rid = place;
                let expected = self.name_slot.and_then(|slot| self.text_at(self.core, slot));
                if expected.as_deref() != Some(&name) {
                    let p = self.rt.layout.p();
                    self.name_slot = (0..MODULE_POINTERS)
                        .map(|i| i.wrapping_mul(p))
                        .find(|&slot| self.text_at(self.core, slot).as_deref() == Some(&name));
                }
                return true;
            }
        }
        false
    }

    /// The proof of one (module, image) pair; `None` if the simple name that it needs is not in the dump.
    fn pair_holds(&mut self, module: Addr, base: Addr) -> Option<bool> {
        let Some((metadata, name)) = self.image(base) else { return Some(false) };
        if self.max_rid.get(module).is_some_and(|&rid| rid > metadata.type_def_count()) {
            return Some(false);
        }
        if module == self.core {
            let named = |t: &MethodTable| metadata.full_name(self.mem, self.rid_of(t)).unwrap_or_default();
            return Some(named(&self.string) == "System.String" && named(&self.object) == "System.Object");
        }
        Some(name == *self.text_at(module, self.name_slot?)?)
    }

    /// Metadata of the image at `base`.
    fn image(&mut self, base: Addr) -> Image {
        if let Some(known) = self.images.get(base) {
            return known.clone();
        }
        let image = self.open_image(base);
        self.images.insert(base, image.clone());
        image
    }

    fn open_image(&self, base: Addr) -> Image {
        if self.mem.u16(base, "image").ok()? != 0x5A4D {
            return None;
        }
        let image = PeImage::open(self.mem, base).ok()?;
        let (root, len) = image.metadata_root(self.mem).ok()??;
        let metadata = Metadata::open(self.mem, root, u64::from(len)).ok()?;
        let name = metadata.simple_name(self.mem).ok()?;
        Some((metadata, name.into()))
    }

    fn follow(&self, module: Addr, chain: &[u64]) -> Option<Addr> {
        let mut at = module;
        for &offset in chain {
            at = self.mem.ptr(at.plus(offset), self.rt.layout.pointer, "way from a Module to its image").ok()?;
            if at.is_null() {
                return None;
            }
        }
        Some(at)
    }

    /// The text that the pointer at `module + slot` points to, if it looks like one.
    fn text_at(&self, module: Addr, slot: u64) -> Option<String> {
        let at = self.mem.ptr(module.plus(slot), self.rt.layout.pointer, "Module.m_pSimpleName").ok()?;
        let text = self.mem.c_string(at, MAX_SIMPLE_NAME, "simple name of a module").ok()?;
        let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
        (!text.is_empty() && !text.contains(odd)).then_some(text)
    }

    /// All chains from one module to something that is an image with metadata.
    fn search(&mut self, module: Addr) -> Vec<Chain> {
        let mut found = Vec::new();
        for (offset, at) in self.pointers(module, MODULE_POINTERS) {
            if self.image(at).is_some() {
                found.push(vec![offset]);
            }
        }
        // Breadth first, each address once per level: the shortest ways, bounded work.
        let mut level: Vec<(Chain, Addr)> = vec![(Vec::new(), module)];
        for (depth, bound) in BOUNDS.into_iter().enumerate() {
            let mut next = Vec::new();
            for (chain, at) in level {
                for (offset, target) in self.pointers(at, bound) {
                    let mut way = chain.clone();
                    way.push(offset);
                    next.push((way, target));
                }
            }
            if depth.saturating_add(1) == BOUNDS.len() {
                for (way, base) in next {
                    if self.image(base).is_some() {
                        found.push(way);
                    }
                }
                break;
            }
            level = next;
        }
        found
    }

    /// The readable, aligned pointers among the first `count` words at `at`.
    fn pointers(&self, at: Addr, count: u64) -> Vec<(u64, Addr)> {
        let p = self.rt.layout.p();
        let have = self.mem.run(at).min(count.wrapping_mul(p));
        let Some(len) = usize::try_from(have).ok().filter(|&l| l > 0) else { return Vec::new() };
        let Ok(bytes) = self.mem.bytes(at, len, "runtime structure") else { return Vec::new() };
        let step = usize::try_from(p).unwrap_or(8);
        let word = |chunk: &[u8]| {
            let mut w = [0; 8];
            w.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            Addr(u64::from_le_bytes(w))
        };
        (0u64..)
            .zip(bytes.chunks_exact(step))
            .map(|(i, chunk)| (i.wrapping_mul(p), word(chunk)))
            .filter(|(_, v)| v.0 > 0xFFFF && self.mem.run(*v) >= p)
            .collect()
    }

    fn prove(&mut self, at: Addr) -> ModuleInfo {
        for chain in self.chains.clone() {
            // Where the name's text is not in the dump the chain's other modules have to vouch for it.
            if let Some(base) = self.follow(at, &chain)
                && self.pair_holds(at, base) != Some(false)
                && let Some((metadata, simple_name)) = self.image(base)
            {
                return ModuleInfo { at, base: Some(base), metadata: Some(metadata), simple_name };
            }
        }
        if let Some((metadata, simple_name)) = self.dynamic(at) {
            return ModuleInfo { at, base: None, metadata: Some(metadata), simple_name };
        }
        // A module that only type arguments lead to was not there when the chains were ranked.
        if self.searches > 0 && self.vtable(at).is_some() == self.vtable(self.core).is_some() {
            self.searches = self.searches.saturating_sub(1);
            for chain in self.search(at) {
                if let Some(base) = self.follow(at, &chain)
                    && self.pair_holds(at, base) == Some(true)
                    && let Some((metadata, simple_name)) = self.image(base)
                {
                    self.chains.push(chain);
                    return ModuleInfo { at, base: Some(base), metadata: Some(metadata), simple_name };
                }
            }
        }
        let listed = self.listed_name(at);
        let simple_name = self.name_slot.and_then(|slot| self.text_at(at, slot)).or(listed).unwrap_or_default().into();
        ModuleInfo { at, base: None, metadata: None, simple_name }
    }

    /// The name in the module list of the image that a known way leads to. That it ends exactly at the base of a listed module, and not
    /// at the runtime's own, is the proof that there is without the image.
    fn listed_name(&self, module: Addr) -> Option<String> {
        if self.listed.is_empty() {
            return None;
        }
        let hints = self.hints();
        let mut bases = self.chains.iter().chain(&hints).filter_map(|chain| self.follow(module, chain));
        bases.find_map(|base| self.listed.get(base).cloned())
    }

    /// Metadata of a Reflection.Emit module: `Module.m_pDynamicMetadata` -> { u32 size, bytes } (9 and later) or SBuffer { u32 size, u32, u32,
    /// pointer } (before); found by the `BSJB` at its start.
    fn dynamic(&mut self, module: Addr) -> Image {
        let p = self.rt.layout.p();
        let slots = self.dynamic_slot.into_iter().chain((0..DYNAMIC_POINTERS).map(|i| i.wrapping_mul(p)));
        for slot in slots {
            let Some((root, len)) = self.dynamic_root(module, slot) else { continue };
            let Ok(metadata) = Metadata::open(self.mem, root, u64::from(len)) else { continue };
            let fits = self.max_rid.get(module).is_none_or(|&rid| rid <= metadata.type_def_count());
            let Ok(name) = metadata.simple_name(self.mem) else { continue };
            // Another module's metadata may lie behind this one: here the name has to be readable.
            let named = self.name_slot.is_none_or(|s| self.text_at(module, s).as_deref() == Some(&name));
            if fits && named {
                self.dynamic_slot = Some(slot);
                return Some((metadata, name.into()));
            }
        }
        None
    }

    fn dynamic_root(&self, module: Addr, slot: u64) -> Option<(Addr, u32)> {
        const WHAT: &str = "dynamic metadata";
        let l = &self.rt.layout;
        let buffer = self.mem.ptr(module.plus(slot), l.pointer, WHAT).ok().filter(|b| b.0 > 0xFFFF)?;
        let len = self.mem.u32(buffer, WHAT).ok().filter(|&n| n >= 64)?;
        if self.mem.u32(buffer.plus(4), WHAT).ok()? == BSJB {
            return Some((buffer.plus(4), len));
        }
        let data = self.mem.ptr(buffer.plus(l.sbuffer_data), l.pointer, WHAT).ok()?;
        (self.mem.u32(data, WHAT).ok()? == BSJB).then_some((data, len))
    }
}

/// The text up to its zero, if it can be the path of an assembly.
fn file_path(text: &str) -> Option<String> {
    let text = text.split('\0').next()?;
    let (_, extension) = text.rsplit_once('.')?;
    let known = ["dll", "exe", "winmd"].iter().any(|e| extension.eq_ignore_ascii_case(e));
    (known && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// In the place for a u16 this stands for "too large for it" (methodtable.h, `METHODTABLE_TOKEN_OVERFLOW`); where the RID then lies is an
/// optional member whose place depends on others.
const TOKEN_OVERFLOW: u32 = 0xFFFF;

/// 0, the nil RID, where it is not known.
fn rid_at(place: RidPlace, table: &MethodTable) -> u32 {
    match place {
        RidPlace::Token if table.flags2 >> 16 == TOKEN_OVERFLOW => 0,
        RidPlace::Token => table.flags2 >> 16,
        RidPlace::Flags2 => table.flags2 >> 8,
    }
}

/// Whether the module word is relative to its field (2.1 and 2.2 only): the reading under which more plain method tables have a module
/// whose first word points into the runtime (its vtable).
fn module_word_is_relative(mem: &dyn Memory, rt: &Runtime, tables: &[MethodTable]) -> bool {
    let l = &rt.layout;
    let has_vtable = |m: Addr| mem.ptr(m, l.pointer, "vtable of a Module").is_ok_and(|v| rt.module.image.contains(v));
    let mut absolute = 0u64;
    let mut relative = 0u64;
    for table in tables.iter().filter(|t| t.is_plain()) {
        let field = table.at.plus(l.method_table.module);
        absolute = absolute.saturating_add(u64::from(has_vtable(table.module)));
        relative =
            relative.saturating_add(u64::from(has_vtable(method_table::relative(field, table.module, l.pointer))));
    }
    relative > absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rid_that_did_not_fit_is_not_the_one_in_its_place() {
        let table = |flags2| MethodTable { flags2, ..MethodTable::default() };
        assert_eq!(rid_at(RidPlace::Token, &table(0xFFFE_0010)), 0xFFFE);
        assert_eq!(rid_at(RidPlace::Token, &table(0xFFFF_0010)), 0);
        assert_eq!(rid_at(RidPlace::Flags2, &table(0x01FF_FF10)), 0x1_FFFF);
    }
}
