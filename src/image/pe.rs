//! PE images in the memory of the process: headers, sections, exports, resources, and the way to the CLI metadata.
//!
//! The format is Microsoft's "PE Format"; the structs are those of the `object` crate, its file readers are not used: they want the
//! whole file, and a dump has an image as the loader laid it out, with holes. An RVA is therefore an offset from the base ("mapped"). An
//! assembly that was loaded from a byte array or lies in a single-file bundle is there as the file is ("flat"): the RVA of its metadata goes
//! through the section table, and its base may be any byte.

use super::metadata::Metadata;
use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{Addr, Memory, PointerSize, unreadable};
use object::endian::LittleEndian as LE;
use object::pe;
use object::pod::{self, Pod};

/// The headers and the section table of one image.
#[derive(Debug, Clone)]
pub struct PeImage {
    /// Where it begins (`MZ`).
    pub base: Addr,
    /// `IMAGE_FILE_HEADER.Machine`, e.g. 0x8664.
    pub machine: u16,
    /// `IMAGE_FILE_HEADER.TimeDateStamp`: with [`size_of_image`](PeImage::size_of_image) the identity of a build.
    pub timestamp: u32,
    /// `SizeOfImage`: bytes of the mapped image.
    pub size_of_image: u64,
    /// `ImageBase`: in a file where the linker wanted it, in memory where it is.
    pub preferred_base: u64,
    /// True for a DLL, false for a program.
    pub is_dll: bool,
    /// The section table, in its own order.
    pub sections: Vec<Section>,
    size_of_headers: u32,
    directories: [Directory; pe::IMAGE_NUMBEROF_DIRECTORY_ENTRIES],
}

/// One row of the section table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Up to 8 characters.
    pub name: String,
    /// `VirtualAddress`: offset from the base when mapped.
    pub rva: u32,
    /// `VirtualSize` in bytes.
    pub virtual_size: u32,
    /// `PointerToRawData`: offset in the file.
    pub raw_offset: u32,
    /// `SizeOfRawData` in bytes.
    pub raw_size: u32,
    /// `IMAGE_SCN_*` bits.
    pub characteristics: u32,
}

impl Section {
    /// True if the process may write to it.
    pub fn is_writable(&self) -> bool {
        self.characteristics & pe::IMAGE_SCN_MEM_WRITE.0 != 0
    }
}

/// A part of an image as it lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePiece {
    /// Offset from the base when mapped.
    pub rva: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// The pointers that the loader corrects where an image is not at its preferred base.
#[derive(Debug, Clone)]
pub struct BaseRelocations {
    /// Bytes of each.
    pub width: PointerSize,
    /// Ascending.
    rvas: Vec<u32>,
}

impl BaseRelocations {
    /// Those that begin from `from` on and before `to`.
    pub fn between(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.rvas.partition_point(|&rva| rva < from);
        self.rvas.get(first..).unwrap_or_default().iter().copied().take_while(move |&rva| rva < to)
    }
}

/// Bytes of base relocations: an image of 100 MB has some 2 MB of them.
const MAX_RELOCATIONS: u32 = 16 << 20;
/// Bytes of an image without headers that are looked at: no runtime has more.
const MAX_HEADERLESS: u64 = 256 << 20;
/// A page of x86, x64 and arm64 Windows.
const IMAGE_PAGE: u64 = 4096;

/// Bytes of a row of the data directory.
const DIRECTORY_LEN: u64 = 8;

/// A row of the data directory; absent is all zero.
#[derive(Debug, Clone, Copy, Default)]
struct Directory {
    rva: u32,
    size: u32,
}

impl PeImage {
    /// Reads the headers of the image at `base`, mapped or flat.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the header pages are not in the dump, [`Error::Damaged`] if it is no PE image, [`Error::Limit`] for more
    /// than [`limits::MAX_SECTIONS`] sections.
    pub fn open(mem: &dyn Memory, base: Addr) -> Result<PeImage> {
        let dos: pe::ImageDosHeader = read_pod(mem, base, "DOS header of an image")?;
        if dos.e_magic.get(LE) != pe::IMAGE_DOS_SIGNATURE {
            return Err(damaged("image", format!("no MZ at {base:?}")));
        }
        let nt = base.plus(u64::from(dos.e_lfanew.get(LE)));
        if mem.u32(nt, "PE signature")? != pe::IMAGE_NT_SIGNATURE {
            return Err(damaged("image", format!("no PE signature at {nt:?}")));
        }
        let at = nt.plus(4);
        let file: pe::ImageFileHeader = read_pod(mem, at, "PE file header")?;
        let optional = at.plus(pe::IMAGE_SIZEOF_FILE_HEADER as u64);
        let optional_len = u64::from(file.size_of_optional_header.get(LE));

        let (size_of_image, size_of_headers, preferred_base, count, fixed) =
            match mem.u16(optional, "PE optional header")? {
                pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => {
                    let h: pe::ImageOptionalHeader32 = read_pod(mem, optional, "PE32 optional header")?;
                    let base = u64::from(h.image_base.get(LE));
                    (h.size_of_image, h.size_of_headers, base, h.number_of_rva_and_sizes, size_of_val(&h))
                }
                pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => {
                    let h: pe::ImageOptionalHeader64 = read_pod(mem, optional, "PE32+ optional header")?;
                    let base = h.image_base.get(LE);
                    (h.size_of_image, h.size_of_headers, base, h.number_of_rva_and_sizes, size_of_val(&h))
                }
                other => return Err(damaged("image", format!("optional header magic {other:#x} at {optional:?}"))),
            };
        let fixed = fixed as u64;
        let room = optional_len.saturating_sub(fixed) / DIRECTORY_LEN;
        let count = u64::from(count.get(LE)).min(room);

        let mut directories = [Directory::default(); pe::IMAGE_NUMBEROF_DIRECTORY_ENTRIES];
        for (i, directory) in (0..count).zip(directories.iter_mut()) {
            let at = optional.plus(fixed).plus(i.saturating_mul(DIRECTORY_LEN));
            let raw: pe::ImageDataDirectory = read_pod(mem, at, "PE data directory")?;
            *directory = Directory { rva: raw.virtual_address.get(LE), size: raw.size.get(LE) };
        }

        let count = file.number_of_sections.get(LE);
        if usize::from(count) > limits::MAX_SECTIONS {
            return Err(Error::Limit {
                what: format!("sections of the image at {base:?}"),
                value: count.into(),
                limit: limits::MAX_SECTIONS as u64,
            }
            .into());
        }
        let table = optional.plus(optional_len);
        let sections = (0..u64::from(count))
            .map(|i| {
                let at = table.plus(i.saturating_mul(pe::IMAGE_SIZEOF_SECTION_HEADER as u64));
                let raw: pe::ImageSectionHeader = read_pod(mem, at, "PE section table")?;
                let name: Vec<u8> = raw.name.iter().copied().take_while(|&b| b != 0).collect();
                Ok(Section {
                    name: String::from_utf8_lossy(&name).into_owned(),
                    rva: raw.virtual_address.get(LE),
                    virtual_size: raw.virtual_size.get(LE),
                    raw_offset: raw.pointer_to_raw_data.get(LE),
                    raw_size: raw.size_of_raw_data.get(LE),
                    characteristics: raw.characteristics.get(LE).0,
                })
            })
            .collect::<Result<_>>()?;

        Ok(PeImage {
            base,
            machine: file.machine.get(LE).0,
            timestamp: file.time_date_stamp.get(LE),
            size_of_image: size_of_image.get(LE).into(),
            preferred_base,
            is_dll: file.characteristics.get(LE).0 & pe::IMAGE_FILE_DLL.0 != 0,
            sections,
            size_of_headers: size_of_headers.get(LE),
            directories,
        })
    }

    /// An image whose headers are not in the dump, by what a module list says of it. Every page of it that is there counts as
    /// writable: a dump without image pages holds the pages that the process may write to. `architecture` as in
    /// [`architecture`](PeImage::architecture).
    pub fn without_headers(mem: &dyn Memory, base: Addr, size: u64, timestamp: u32, architecture: &str) -> PeImage {
        let machine = match architecture {
            "x86" => pe::IMAGE_FILE_MACHINE_I386,
            "x64" => pe::IMAGE_FILE_MACHINE_AMD64,
            "arm64" => pe::IMAGE_FILE_MACHINE_ARM64,
            _ => pe::IMAGE_FILE_MACHINE_UNKNOWN,
        };
        let mut sections: Vec<Section> = Vec::new();
        let mut rva = 0;
        while rva < size.min(MAX_HEADERLESS) && sections.len() < limits::MAX_SECTIONS {
            let have = mem.run(base.plus(rva)).min(size.saturating_sub(rva));
            if have > 0
                && let (Ok(rva), Ok(virtual_size)) = (u32::try_from(rva), u32::try_from(have))
            {
                sections.push(Section {
                    name: "present".to_owned(),
                    rva,
                    virtual_size,
                    raw_offset: 0,
                    raw_size: 0,
                    characteristics: pe::IMAGE_SCN_MEM_WRITE.0,
                });
            }
            rva = rva.saturating_add(have.max(1)).checked_next_multiple_of(IMAGE_PAGE).unwrap_or(u64::MAX);
        }
        PeImage {
            base,
            machine: machine.0,
            timestamp,
            size_of_image: size,
            preferred_base: base.0,
            is_dll: true,
            sections,
            size_of_headers: 0,
            directories: [Directory::default(); pe::IMAGE_NUMBEROF_DIRECTORY_ENTRIES],
        }
    }

    /// The size of a pointer on this machine; `None` for one that no supported runtime is made for.
    /// An assembly for any machine says x86: ask the runtime's own image.
    pub fn pointer_size(&self) -> Option<PointerSize> {
        match pe::Machine(self.machine) {
            pe::IMAGE_FILE_MACHINE_I386 => Some(PointerSize::Four),
            pe::IMAGE_FILE_MACHINE_AMD64 | pe::IMAGE_FILE_MACHINE_ARM64 => Some(PointerSize::Eight),
            _ => None,
        }
    }

    /// The machine's usual short name.
    pub fn architecture(&self) -> &'static str {
        match pe::Machine(self.machine) {
            pe::IMAGE_FILE_MACHINE_I386 => "x86",
            pe::IMAGE_FILE_MACHINE_AMD64 => "x64",
            pe::IMAGE_FILE_MACHINE_ARM64 => "arm64",
            pe::IMAGE_FILE_MACHINE_ARMNT => "arm",
            _ => "unknown",
        }
    }

    /// True if the address lies in the mapped image.
    pub fn contains(&self, addr: Addr) -> bool {
        addr >= self.base && addr.since(self.base) < self.size_of_image
    }

    /// The offset of an address of the mapped image from its base.
    pub fn rva(&self, addr: Addr) -> Option<u32> {
        self.contains(addr).then(|| u32::try_from(addr.since(self.base)).ok()).flatten()
    }

    /// The writable sections of the mapped image as (address, bytes), ascending; what overlaps is joined, nothing exceeds the image.
    pub fn writable_sections(&self) -> Vec<(Addr, u64)> {
        let mut spans: Vec<(u64, u64)> = self
            .sections
            .iter()
            .filter(|s| s.is_writable())
            .map(|s| {
                let start = u64::from(s.rva);
                let len = u64::from(s.virtual_size.max(s.raw_size));
                (start, start.saturating_add(len).min(self.size_of_image))
            })
            .filter(|&(start, end)| start < end)
            .collect();
        crate::order::ascending(&mut spans);
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match joined.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined.into_iter().map(|(start, end)| (self.base.plus(start), end.saturating_sub(start))).collect()
    }

    /// What the process may not write to: headers and sections, as they lie in the file. Bytes behind a section's raw data are not
    /// among them.
    pub fn read_only_pieces(&self) -> Vec<FilePiece> {
        let headers = FilePiece { rva: 0, offset: 0, len: self.size_of_headers.into() };
        let sections = self.sections.iter().filter(|s| !s.is_writable()).map(|s| {
            let len = if s.virtual_size == 0 { s.raw_size } else { s.raw_size.min(s.virtual_size) };
            FilePiece { rva: s.rva, offset: s.raw_offset.into(), len: len.into() }
        });
        let inside = |p: &FilePiece| p.len > 0 && u64::from(p.rva).saturating_add(p.len) <= self.size_of_image;
        [headers].into_iter().chain(sections).filter(inside).collect()
    }

    /// The base relocations of an image that lies as its file does; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the file is cut short, [`Error::Limit`] for more than 16 MiB of them, [`Error::Damaged`] if a block has no
    /// length.
    pub fn base_relocations(&self, mem: &dyn Memory, width: PointerSize) -> Result<Option<BaseRelocations>> {
        const WHAT: &str = "base relocations";
        let Some(directory) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC) else { return Ok(None) };
        if directory.size > MAX_RELOCATIONS {
            let (value, limit) = (directory.size.into(), MAX_RELOCATIONS.into());
            return Err(Error::Limit { what: WHAT.into(), value, limit }.into());
        }
        let at = self.flat(directory.rva).ok_or_else(|| damaged(WHAT, "in no section of the file".into()))?;
        let bytes = mem.bytes(at, usize::try_from(directory.size).unwrap_or(0), WHAT)?;
        let kind = match width {
            PointerSize::Four => pe::IMAGE_REL_BASED_HIGHLOW,
            PointerSize::Eight => pe::IMAGE_REL_BASED_DIR64,
        };
        let mut rvas = Vec::new();
        let mut rest = bytes.as_slice();
        while let (Some(page), Some(len)) = (le_u32(rest, 0), le_u32(rest, 4)) {
            if len == 0 {
                // Padding.
                break;
            }
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let Some(entries) = rest.get(8..len) else {
                return Err(damaged(WHAT, format!("a block of {len} bytes")));
            };
            rvas.extend(entries.chunks_exact(2).filter_map(|e| {
                let entry = le_u16(e, 0)?;
                (pe::BaseRelocationType(entry >> 12) == kind).then(|| page.saturating_add(u32::from(entry & 0xFFF)))
            }));
            rest = rest.get(len..).unwrap_or_default();
        }
        crate::order::ascending(&mut rvas);
        Ok(Some(BaseRelocations { width, rvas }))
    }

    /// The export directory of the mapped image; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is not in the dump, [`Error::Limit`] for more than [`limits::MAX_EXPORTS`] names or functions.
    pub fn exports(&self, mem: &dyn Memory) -> Result<Option<Exports>> {
        let Some(directory) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_EXPORT) else { return Ok(None) };
        let raw: pe::ImageExportDirectory = read_pod(mem, self.mapped(directory.rva), "export directory")?;
        let count = |value: u32, what: &str| {
            if value <= limits::MAX_EXPORTS {
                return Ok(value);
            }
            let what = format!("{what} of the image at {:?}", self.base);
            Err(Error::Limit { what, value: value.into(), limit: limits::MAX_EXPORTS.into() })
        };
        Ok(Some(Exports {
            base: self.base,
            directory,
            decorated: pe::Machine(self.machine) == pe::IMAGE_FILE_MACHINE_I386,
            dll_name: raw.name.get(LE),
            function_count: count(raw.number_of_functions.get(LE), "exported functions")?,
            name_count: count(raw.number_of_names.get(LE), "exported names")?,
            functions: self.mapped(raw.address_of_functions.get(LE)),
            names: self.mapped(raw.address_of_names.get(LE)),
            ordinals: self.mapped(raw.address_of_name_ordinals.get(LE)),
        }))
    }

    /// Those of `names` that the image exports, with their addresses; see [`Exports::find`].
    ///
    /// # Errors
    /// As [`exports`](PeImage::exports) and [`Exports::find`].
    pub fn find_exports<'n>(&self, mem: &dyn Memory, names: &[&'n str]) -> Result<Vec<(&'n str, Addr)>> {
        let mut found = Vec::new();
        if let Some(exports) = self.exports(mem)? {
            for &name in names {
                if let Some(addr) = exports.find(mem, name)? {
                    found.push((name, addr));
                }
            }
        }
        Ok(found)
    }

    /// The resource of a type (10: `RT_RCDATA`) by name, in the first language there is: its address and length in the mapped image.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the resource directory is not in the dump, [`Error::Damaged`] if it contradicts itself.
    pub fn resource(&self, mem: &dyn Memory, type_id: u16, name: &str) -> Result<Option<(Addr, u32)>> {
        self.find_resource(mem, type_id, &ResourceKey::Name(name), |rva| Some(self.mapped(rva)))
    }

    /// What the file says about itself (`VS_VERSIONINFO`, resource type 16, number 1), mapped or flat; `None` if there is no such
    /// resource.
    ///
    /// # Errors
    /// As [`resource`](PeImage::resource).
    pub fn version_info(&self, mem: &dyn Memory) -> Result<Option<VersionInfo>> {
        match self.version_at(mem, |rva| Some(self.mapped(rva))) {
            Ok(Some(info)) => Ok(Some(info)),
            mapped => match self.version_at(mem, |rva| self.flat(rva)) {
                Ok(Some(info)) => Ok(Some(info)),
                _ => mapped,
            },
        }
    }

    fn version_at(&self, mem: &dyn Memory, place: impl Fn(u32) -> Option<Addr>) -> Result<Option<VersionInfo>> {
        let key = ResourceKey::Id(1);
        let Some((addr, len)) = self.find_resource(mem, pe::RT_VERSION, &key, place)? else { return Ok(None) };
        // The length field of the structure is 16 bits wide: nothing behind 64 KiB belongs to it.
        let len = usize::from(u16::try_from(len).unwrap_or(u16::MAX));
        let bytes = mem.bytes(addr, len, "version resource")?;
        VersionInfo::parse(&bytes)
            .map(Some)
            .ok_or_else(|| damaged("version resource", format!("no VS_FIXEDFILEINFO at {addr:?}")))
    }

    /// True if it promises a CLI header: an assembly, or a library with managed code in it.
    pub fn is_managed(&self) -> bool {
        self.directory(pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR).is_some()
    }

    /// Bytes of the file that it was read from, as far as the section table tells: what a flat view of it takes.
    pub fn flat_size(&self) -> u64 {
        let end = |s: &Section| u64::from(s.raw_offset).saturating_add(u64::from(s.raw_size));
        self.sections.iter().map(end).max().unwrap_or(0).max(u64::from(self.size_of_headers))
    }

    /// Where the CLI metadata root (`BSJB`) lies, and its length; `None` if the image is not managed.
    ///
    /// The RVAs of the data directory (entry 14) and of the CLI header are tried as mapped first, then through the section table; a
    /// place counts only if `BSJB` is there.
    ///
    /// # Errors
    /// [`Error::Unreadable`] or [`Error::Damaged`] if the data directory promises metadata that is in neither place.
    pub fn metadata_root(&self, mem: &dyn Memory) -> Result<Option<(Addr, u32)>> {
        let Some(directory) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR) else { return Ok(None) };
        let mapped = self.metadata_at(mem, directory.rva, |rva| Some(self.mapped(rva)));
        if let Ok(found) = mapped {
            return Ok(Some(found));
        }
        match self.metadata_at(mem, directory.rva, |rva| self.flat(rva)) {
            Ok(found) => Ok(Some(found)),
            // The loader's layout is the rule: its error is the one that helps.
            Err(_) => mapped.map(Some),
        }
    }

    /// Opens the CLI metadata; `None` if the image is not managed.
    ///
    /// # Errors
    /// As [`metadata_root`](PeImage::metadata_root) and [`Metadata::open`].
    pub fn metadata(&self, mem: &dyn Memory) -> Result<Option<Metadata>> {
        self.metadata_root(mem)?.map(|(root, len)| Metadata::open(mem, root, len.into())).transpose()
    }

    fn metadata_at(&self, mem: &dyn Memory, rva: u32, place: impl Fn(u32) -> Option<Addr>) -> Result<(Addr, u32)> {
        let outside =
            |rva: u32| damaged("CLI header", format!("RVA {rva:#x} is in no section of the image at {:?}", self.base));
        let header: pe::ImageCor20Header = read_pod(mem, place(rva).ok_or_else(|| outside(rva))?, "CLI header")?;
        if (header.cb.get(LE) as usize) < size_of::<pe::ImageCor20Header>() {
            return Err(damaged("CLI header", format!("{} bytes in the image at {:?}", header.cb.get(LE), self.base)));
        }
        let (rva, size) = (header.meta_data.virtual_address.get(LE), header.meta_data.size.get(LE));
        let root = place(rva).ok_or_else(|| outside(rva))?;
        if mem.u32(root, "metadata root")? != super::metadata::SIGNATURE {
            return Err(damaged("metadata root", format!("no BSJB at {root:?}")));
        }
        Ok((root, size))
    }

    fn directory(&self, index: usize) -> Option<Directory> {
        self.directories.get(index).copied().filter(|d| d.rva != 0 && d.size != 0)
    }

    fn mapped(&self, rva: u32) -> Addr {
        self.base.plus(rva.into())
    }

    /// Where the byte with this RVA lies in an image that lies as its file does.
    fn flat(&self, rva: u32) -> Option<Addr> {
        if rva < self.size_of_headers {
            return Some(self.mapped(rva));
        }
        self.sections.iter().find_map(|s| {
            let delta = rva.checked_sub(s.rva).filter(|&d| d < s.raw_size)?;
            Some(self.base.plus(s.raw_offset.into()).plus(delta.into()))
        })
    }

    fn find_resource(
        &self,
        mem: &dyn Memory,
        type_id: u16,
        name: &ResourceKey,
        place: impl Fn(u32) -> Option<Addr>,
    ) -> Result<Option<(Addr, u32)>> {
        let place = |rva: u32| {
            place(rva).ok_or_else(|| damaged("resource directory", format!("RVA {rva:#x} is in no section")))
        };
        let Some(directory) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_RESOURCE) else { return Ok(None) };
        let root = ResourceRoot { addr: place(directory.rva)?, len: directory.size };
        let Some(names) = root.entry(mem, 0, &ResourceKey::Id(type_id))? else { return Ok(None) };
        let Some(languages) = root.entry(mem, sub_directory(names)?, name)? else { return Ok(None) };
        let Some(data) = root.entry(mem, sub_directory(languages)?, &ResourceKey::First)? else { return Ok(None) };
        if data & pe::IMAGE_RESOURCE_DATA_IS_DIRECTORY != 0 {
            return Err(damaged("resource directory", "it has more than three levels".into()));
        }
        let entry: pe::ImageResourceDataEntry = read_pod(mem, root.at(data)?, "resource data entry")?;
        Ok(Some((place(entry.offset_to_data.get(LE))?, entry.size.get(LE))))
    }
}

/// The export directory of a mapped image. Nothing but its header has been read.
#[derive(Debug, Clone)]
pub struct Exports {
    base: Addr,
    directory: Directory,
    decorated: bool,
    dll_name: u32,
    function_count: u32,
    name_count: u32,
    functions: Addr,
    names: Addr,
    ordinals: Addr,
}

impl Exports {
    /// The name that the linker gave the file: `coreclr.dll` even where the file was renamed, `singlefilehost.exe` in a bundle.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is not in the dump.
    pub fn dll_name(&self, mem: &dyn Memory) -> Result<String> {
        mem.c_string(self.base.plus(self.dll_name.into()), limits::MAX_STRING, "name of an export directory")
    }

    /// The address of an exported name; on x86 also in its decorated form `_Name@N`. `None` too for a forwarder to another DLL.
    ///
    /// As the loader does it: a binary search, since the linker sorts the names. A few pages are read, whatever the number of names.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if a page of the search is not in the dump, [`Error::Damaged`] if the tables contradict each other.
    pub fn find(&self, mem: &dyn Memory, name: &str) -> Result<Option<Addr>> {
        if let Some(index) = self.search(mem, name, |found| found == name)? {
            return self.function(mem, index);
        }
        if self.decorated {
            let prefix = format!("_{name}@");
            let is_it = |found: &str| {
                found.strip_prefix(&prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            };
            if let Some(index) = self.search(mem, &prefix, is_it)? {
                return self.function(mem, index);
            }
        }
        Ok(None)
    }

    /// The first name that is not less than `key`, if it is the right one.
    fn search(&self, mem: &dyn Memory, key: &str, is_it: impl Fn(&str) -> bool) -> Result<Option<u32>> {
        // Enough to compare with the key and to see the digits of a decoration. Bytes that are no UTF-8 are replaced by something that
        // is as much greater than ASCII as they are, so the order holds.
        let enough = key.len().saturating_add(16);
        let name = |index: u32| -> Result<String> {
            let rva = mem.u32(self.names.plus(u64::from(index).saturating_mul(4)), "export name table")?;
            mem.c_string(self.base.plus(rva.into()), enough, "exported name")
        };
        let (mut low, mut high) = (0, self.name_count);
        while low < high {
            let middle = low.midpoint(high);
            if name(middle)?.as_str() < key {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        Ok(if low < self.name_count && is_it(&name(low)?) { Some(low) } else { None })
    }

    fn function(&self, mem: &dyn Memory, name_index: u32) -> Result<Option<Addr>> {
        let ordinal = mem.u16(self.ordinals.plus(u64::from(name_index).saturating_mul(2)), "export ordinal table")?;
        if u32::from(ordinal) >= self.function_count {
            let detail =
                format!("ordinal {ordinal} of {} functions in the image at {:?}", self.function_count, self.base);
            return Err(damaged("export directory", detail));
        }
        let rva = mem.u32(self.functions.plus(u64::from(ordinal).saturating_mul(4)), "export address table")?;
        // A forwarder's "address" is a text inside the directory.
        let forwarder = rva.checked_sub(self.directory.rva).is_some_and(|d| d < self.directory.size);
        Ok((rva != 0 && !forwarder).then(|| self.base.plus(rva.into())))
    }
}

/// What the version resource of a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionInfo {
    /// `dwFileVersion`: 4.8.9282.0 as [4, 8, 9282, 0].
    pub file_version: [u16; 4],
    /// `dwProductVersion`.
    pub product_version: [u16; 4],
    /// The strings of `StringFileInfo` in file order, of all languages.
    strings: Vec<(String, String)>,
}

impl VersionInfo {
    /// A string of `StringFileInfo`, e.g. `ProductName`, `FileDescription`, `FileVersion`, `OriginalFilename`; in the first language that
    /// has it.
    pub fn string(&self, key: &str) -> Option<&str> {
        self.strings.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    fn parse(bytes: &[u8]) -> Option<VersionInfo> {
        let (root, _) = VersionNode::read(bytes)?;
        if root.key != "VS_VERSION_INFO" || le_u32(root.value, 0)? != 0xFEEF_04BD {
            return None;
        }
        let version = |at: usize| -> Option<[u16; 4]> {
            let (high, low) = (at, at.checked_add(4)?);
            Some([
                le_u16(root.value, high.checked_add(2)?)?,
                le_u16(root.value, high)?,
                le_u16(root.value, low.checked_add(2)?)?,
                le_u16(root.value, low)?,
            ])
        };
        let mut info = VersionInfo { file_version: version(8)?, product_version: version(16)?, strings: Vec::new() };
        for file_info in VersionNode::list(root.children).filter(|n| n.key == "StringFileInfo") {
            for table in VersionNode::list(file_info.children) {
                info.strings.extend(VersionNode::list(table.children).map(|n| (n.key, utf16_to_zero(n.value).0)));
            }
        }
        Some(info)
    }
}

/// One node of `VS_VERSIONINFO`: all levels have the same head (length, value length, type, name).
struct VersionNode<'a> {
    key: String,
    value: &'a [u8],
    children: &'a [u8],
}

impl<'a> VersionNode<'a> {
    /// The node at the start of `bytes`, and what follows it.
    fn read(bytes: &'a [u8]) -> Option<(VersionNode<'a>, &'a [u8])> {
        let len = usize::from(le_u16(bytes, 0)?);
        let body = bytes.get(..len.min(bytes.len()))?;
        let is_text = le_u16(body, 4)? == 1;
        let value_len = usize::from(le_u16(body, 2)?).checked_mul(if is_text { 2 } else { 1 })?;
        let (key, key_len) = utf16_to_zero(body.get(6..)?);
        let rest = body.get(key_len.checked_add(6)?.next_multiple_of(4)..).unwrap_or_default();
        let value = rest.get(..value_len).unwrap_or(rest);
        let children = rest.get(value_len.next_multiple_of(4)..).unwrap_or_default();
        let next = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((VersionNode { key, value, children }, next))
    }

    /// The nodes that lie one behind the other in `bytes`; each takes 8 bytes at least.
    fn list(mut bytes: &'a [u8]) -> impl Iterator<Item = VersionNode<'a>> {
        std::iter::from_fn(move || {
            let (node, next) = VersionNode::read(bytes)?;
            bytes = next;
            Some(node)
        })
    }
}

/// How a directory entry of the resources is chosen.
enum ResourceKey<'n> {
    Id(u16),
    Name(&'n str),
    First,
}

/// The directory tree of the resources; its offsets count from here.
struct ResourceRoot {
    addr: Addr,
    len: u32,
}

impl ResourceRoot {
    fn at(&self, offset: u32) -> Result<Addr> {
        if offset < self.len {
            return Ok(self.addr.plus(offset.into()));
        }
        Err(damaged("resource directory", format!("offset {offset:#x} of {:#x} bytes", self.len)))
    }

    /// What the chosen entry of the directory at `offset` points to: an offset, its highest bit set for a directory.
    fn entry(&self, mem: &dyn Memory, offset: u32, key: &ResourceKey) -> Result<Option<u32>> {
        const WHAT: &str = "resource directory";
        let at = self.at(offset)?;
        let head: pe::ImageResourceDirectory = read_pod(mem, at, WHAT)?;
        let named = usize::from(head.number_of_named_entries.get(LE));
        let count = named.saturating_add(head.number_of_id_entries.get(LE).into());
        // Two 16-bit counts: at most 1 MiB.
        let entries = mem.bytes(at.plus(size_of_val(&head) as u64), count.saturating_mul(8), WHAT)?;
        let rows = entries.chunks_exact(8).filter_map(|c| Some((le_u32(c, 0)?, le_u32(c, 4)?)));
        match *key {
            ResourceKey::First => Ok(rows.map(|(_, target)| target).next()),
            // The key of a named entry has its highest bit set: it is never equal to a number.
            ResourceKey::Id(id) => Ok(rows.filter(|&(key, _)| key == u32::from(id)).map(|(_, target)| target).next()),
            ResourceKey::Name(name) => {
                for (key, target) in rows.take(named) {
                    let at = self.at(key & !pe::IMAGE_RESOURCE_NAME_IS_STRING)?;
                    let chars = mem.u16(at, "resource name")?;
                    if usize::from(chars) == name.encode_utf16().count() {
                        let found = mem.utf16(at.plus(2), chars.into(), "resource name")?;
                        // rc.exe stores names in upper case.
                        if found.eq_ignore_ascii_case(name) {
                            return Ok(Some(target));
                        }
                    }
                }
                Ok(None)
            }
        }
    }
}

fn sub_directory(entry: u32) -> Result<u32> {
    if entry & pe::IMAGE_RESOURCE_DATA_IS_DIRECTORY == 0 {
        return Err(damaged("resource directory", "it has less than three levels".into()));
    }
    Ok(entry & !pe::IMAGE_RESOURCE_DATA_IS_DIRECTORY)
}

/// Reads one struct of the format. Its fields are aligned, hence the words.
fn read_pod<T: Pod>(mem: &dyn Memory, addr: Addr, what: &str) -> Result<T> {
    let mut words = [0u64; 16];
    let bytes = pod::bytes_of_slice_mut(&mut words);
    let len = size_of::<T>();
    let room = bytes.get_mut(..len).ok_or_else(|| unreadable(what, addr, len as u64))?;
    mem.read(addr, room, what)?;
    let (value, _) = pod::from_bytes::<T>(bytes).map_err(|()| unreadable(what, addr, len as u64))?;
    Ok(*value)
}

fn le_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The text up to a zero or the end, and how many bytes it takes with its zero.
fn utf16_to_zero(bytes: &[u8]) -> (String, usize) {
    let units = bytes.chunks_exact(2).filter_map(|c| le_u16(c, 0)).take_while(|&u| u != 0);
    let taken = units.clone().count().saturating_add(1).saturating_mul(2);
    (char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(), taken)
}

fn damaged(what: &str, detail: String) -> Box<Error> {
    Error::Damaged { what: what.to_owned(), detail }.into()
}
