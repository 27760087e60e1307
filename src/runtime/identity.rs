//! Which modules of the process are a CLR: by what they export and by their resources; by their file name alone only where the dump has
//! nothing else of them, and then what is found in their memory has to prove it.
//!
//! Sources: export lists of the shipped runtimes; src/coreclr/debug/inc/runtimeinfo.h (`DotNetRuntimeInfo`); clrinternal.h and
//! debugshim.cpp (`CLRDEBUGINFO` and its GUIDs).

use super::note;
use crate::dump::Module;
use crate::dump::regions::Regions;
use crate::error::{Error, Result};
use crate::image::pe::PeImage;
use crate::limits;
use crate::maps::AddrSet;
use crate::memory::{Addr, Memory, PointerSize};
use crate::report::Evidence;

/// Which family of runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// .NET Core, .NET 5 and later: coreclr.
    Core,
    /// .NET Framework 4.x: clr.dll.
    Framework,
}

/// A module that holds a CLR.
#[derive(Debug, Clone)]
pub struct RuntimeModule {
    /// Core or Framework.
    pub flavour: Flavour,
    /// Path in the module list.
    pub path: String,
    /// File version of the runtime (not of the application, in a single file).
    pub version: Option<[u16; 4]>,
    /// x86, x64, arm64, from the PE header.
    pub architecture: String,
    /// From the PE header.
    pub pointer: PointerSize,
    /// Its image.
    pub image: PeImage,
    /// Export `g_dacTable` (8 and later): pointers to the runtime's variables.
    pub dac_table: Option<Addr>,
    /// Resource `COREXTERNALDATAACCESSRESOURCE` (up to 6): RVAs of the runtime's variables.
    pub dac_resource: Option<(Addr, u32)>,
    /// Export `DotNetRuntimeContractDescriptor` (9 and later).
    pub contract_descriptor: Option<Addr>,
    /// True if the runtime is linked into the application (single file).
    pub single_file: bool,
    /// What it was recognised by.
    pub evidence: Vec<Evidence>,
}

/// GUID at offset 4 of `CLRDEBUGINFO`: every .NET Core build.
const CORE_GUID: [u8; 16] =
    [0x0D, 0x76, 0xEE, 0xB1, 0x4A, 0x6C, 0x33, 0x45, 0xBA, 0x41, 0x6F, 0x4F, 0x66, 0x1F, 0xAB, 0xAF];
/// GUID at offset 4 of `CLRDEBUGINFO`: .NET Framework 4.0 and later.
const FRAMEWORK_GUID: [u8; 16] =
    [0x89, 0x39, 0x7F, 0x26, 0x86, 0xD7, 0x9A, 0x4B, 0x9A, 0xF6, 0xD1, 0x9E, 0x42, 0xD5, 0x57, 0xEC];

/// RT_RCDATA.
const RT_RCDATA: u16 = 10;

/// No CLR is smaller: coreclr.dll has 4 MB and more.
const SMALLEST_RUNTIME: u64 = 1 << 20;

const EXPORTS: [&str; 7] = [
    "g_CLREngineMetrics",
    "g_dacTable",
    "DotNetRuntimeContractDescriptor",
    "DotNetRuntimeDebugHeader",
    "DotNetRuntimeInfo",
    "coreclr_initialize",
    "mono_get_root_domain",
];

/// File names of the modules that hold a CLR.
const FILE_NAMES: [(&str, Flavour); 2] = [("coreclr.dll", Flavour::Core), ("clr.dll", Flavour::Framework)];

/// A runtime without headers has at least this many bytes of data in the dump; a few bytes of code around a stack's addresses are none.
const LEAST_DATA: u64 = 16 << 10;

/// A runtime of the process that dropheap refuses by name.
#[derive(Debug)]
pub struct Refused {
    /// Its module.
    pub module: Module,
    /// [`Error::UnsupportedRuntime`].
    pub error: Box<Error>,
}

/// All runtimes of the process, in the order of the module list. `architecture` as SystemInfo has it, for modules without headers.
///
/// # Errors
/// [`Error::NoRuntime`] if there is none; [`Error::UnsupportedRuntime`] if there are only ones that dropheap refuses by name.
pub fn find(
    mem: &dyn Memory,
    modules: &[Module],
    architecture: Option<&str>,
) -> Result<(Vec<RuntimeModule>, Vec<Refused>)> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    // A 32-bit process that a 64-bit tool has dumped: SystemInfo is about the tool.
    let wow64 = modules.iter().any(|m| m.name().eq_ignore_ascii_case("wow64.dll"));
    for module in modules {
        let architecture = if wow64 && module.base.0 >> 32 == 0 { Some("x86") } else { architecture };
        match inspect(mem, module, architecture) {
            Verdict::Runtime(r) => found.push(*r),
            Verdict::Refused(error) => refused.push(Refused { module: module.clone(), error }),
            Verdict::No => {}
        }
    }
    if found.is_empty() {
        return Err(refused.into_iter().next().map_or_else(|| no_runtime(modules), |r| r.error));
    }
    Ok((found, refused))
}

/// True if at least one byte of a module's headers is in the dump.
pub fn any_header(mem: &dyn Memory, modules: &[Module]) -> bool {
    modules.iter().any(|m| mem.run(m.base) > 0)
}

/// Images found in memory by their headers that are not at a base of `known`; native ones first, then those with CLI metadata, each
/// by address. The loader puts an image at a multiple of 64 KiB, and it begins a memory range of its own, unless a writer joined ranges:
/// so all starts of ranges are tried, and every multiple of 64 KiB only if no runtime begins a range.
pub fn scan(mem: &dyn Memory, regions: &Regions, known: &[Module]) -> Vec<Module> {
    let mut at: Vec<Addr> = regions.iter().map(|e| e.addr).filter(|a| a.0 % ALLOCATION == 0).collect();
    at.truncate(limits::MAX_IMAGE_PROBES);
    let mut found = images_at(mem, &at, known);
    if !found.iter().any(|m| matches!(inspect(mem, m, None), Verdict::Runtime(_) | Verdict::Refused(_))) {
        let mut all = Vec::new();
        for (start, end) in regions.runs() {
            let mut next = start.0.checked_next_multiple_of(ALLOCATION);
            while let Some(place) = next.filter(|&p| p < end.0 && all.len() < limits::MAX_IMAGE_PROBES) {
                all.push(Addr(place));
                next = place.checked_add(ALLOCATION);
            }
        }
        found = images_at(mem, &all, known);
    }
    found
}

/// `SYSTEM_INFO.dwAllocationGranularity` of every Windows.
const ALLOCATION: u64 = 64 << 10;

fn images_at(mem: &dyn Memory, places: &[Addr], known: &[Module]) -> Vec<Module> {
    let known: AddrSet = known.iter().map(|m| m.base).collect();
    let mut found: Vec<(bool, Module)> = places
        .iter()
        .filter(|at| !known.contains(**at) && mem.u16(**at, "image").is_ok_and(|magic| magic == MZ))
        .filter_map(|&at| {
            let image = PeImage::open(mem, at).ok().filter(|i| i.size_of_image > 0)?;
            let metadata = image.metadata(mem).ok().flatten();
            let exported = || image.exports(mem).ok().flatten()?.dll_name(mem).ok();
            let original = || Some(image.version_info(mem).ok().flatten()?.string("OriginalFilename")?.to_owned());
            let managed = || metadata.as_ref()?.module_name(mem).ok();
            let named = |name: &String| !name.is_empty();
            let path = managed().filter(named).or_else(|| exported().filter(named)).or_else(original);
            let module = Module {
                base: at,
                size: image.size_of_image,
                path: path.unwrap_or_default(),
                timestamp: image.timestamp,
                checksum: 0,
                file_version: image.version_info(mem).ok().flatten().map(|v| v.file_version),
            };
            Some((metadata.is_some(), module))
        })
        .take(limits::MAX_MODULES)
        .collect();
    crate::order::by_key(&mut found, |(managed, module)| (*managed, module.base));
    found.into_iter().map(|(_, module)| module).collect()
}

const MZ: u16 = 0x5A4D;

enum Verdict {
    Runtime(Box<RuntimeModule>),
    Refused(Box<Error>),
    No,
}

fn inspect(mem: &dyn Memory, module: &Module, architecture: Option<&str>) -> Verdict {
    let Ok(image) = PeImage::open(mem, module.base) else { return by_name(mem, module, architecture) };
    if image.size_of_image < SMALLEST_RUNTIME {
        return Verdict::No;
    }
    let exports = image.find_exports(mem, &EXPORTS).unwrap_or_default();
    let export = |name: &str| exports.iter().find(|(n, _)| *n == name).map(|(_, a)| *a);
    let metrics = export("g_CLREngineMetrics");
    let dac_table = export("g_dacTable");
    let contract_descriptor = export("DotNetRuntimeContractDescriptor");
    let info = export("DotNetRuntimeInfo");
    let core_by_export =
        metrics.is_some() || dac_table.is_some() || info.is_some() || export("coreclr_initialize").is_some();
    let file_name = module.name().to_ascii_lowercase();
    let debug_info = image.resource(mem, RT_RCDATA, "CLRDEBUGINFO").ok().flatten();
    let dac_resource = image.resource(mem, RT_RCDATA, "COREXTERNALDATAACCESSRESOURCE").ok().flatten();
    let guid = debug_info.and_then(|(at, len)| {
        let mut guid = [0; 16];
        (len >= 20 && mem.read(at.plus(4), &mut guid, "resource CLRDEBUGINFO").is_ok()).then_some(guid)
    });
    let flavour = if core_by_export || guid == Some(CORE_GUID) {
        Flavour::Core
    } else if guid == Some(FRAMEWORK_GUID) || (dac_resource.is_some() && metrics.is_none()) {
        Flavour::Framework
    } else if contract_descriptor.is_some() || export("DotNetRuntimeDebugHeader").is_some() {
        // The header from .NET 7 on, the descriptor beside it later (src/coreclr/nativeaot/Runtime/DebugHeader.cpp).
        return Verdict::Refused(unsupported(
            &format!("NativeAOT ({})", module.name()),
            "its types have no CLR method tables",
        ));
    } else if export("mono_get_root_domain").is_some() {
        return Verdict::Refused(unsupported(
            &format!("Mono ({})", module.name()),
            "it is another virtual machine than the CLR",
        ));
    } else {
        match flavour_by_name(&file_name) {
            Some(flavour) => flavour,
            None if file_name == CLR_2 => return Verdict::Refused(clr_2()),
            None => return Verdict::No,
        }
    };
    let Some(pointer) = image.pointer_size() else {
        return Verdict::Refused(unsupported(
            &format!("{} for machine {:#x}", module.name(), image.machine),
            "dropheap reads x86, x64 and arm64",
        ));
    };
    let mut evidence = Vec::new();
    let marks: Vec<&str> = exports.iter().map(|(n, _)| *n).collect();
    let resources = match (debug_info, dac_resource) {
        (Some(_), Some(_)) => ", resources CLRDEBUGINFO and COREXTERNALDATAACCESSRESOURCE",
        (Some(_), None) => ", resource CLRDEBUGINFO",
        (None, Some(_)) => ", resource COREXTERNALDATAACCESSRESOURCE",
        (None, None) => "",
    };
    let how = if marks.is_empty() && resources.is_empty() {
        "file name only".to_owned()
    } else {
        format!("exports {}{resources}", if marks.is_empty() { "none".to_owned() } else { marks.join(", ") })
    };
    note(&mut evidence, "runtime module", &format!("{} at {}", module.path, module.base), &how);
    let known = |version: &[u16; 4]| *version != [0; 4];
    let of_image = || image.version_info(mem).ok().flatten().map(|v| v.file_version).filter(known);
    let found = match info {
        // In a single file the module's version is the application's.
        Some(at) => runtime_info_version(mem, at).map(|v| (v, "DotNetRuntimeInfo")),
        None => module
            .file_version
            .filter(known)
            .or_else(of_image)
            .map(|v| (v, "version of the module"))
            .or_else(|| version_by_folder(&module.path).map(|v| (v, "folder of the shared framework"))),
    };
    if let Some(([a, b, c, d], how)) = found {
        note(&mut evidence, "runtime version", &format!("{a}.{b}.{c}.{d}"), how);
    }
    let version = found.map(|f| f.0);
    Verdict::Runtime(Box::new(RuntimeModule {
        flavour,
        path: module.path.clone(),
        version,
        architecture: image.architecture().to_owned(),
        pointer,
        dac_table,
        dac_resource,
        contract_descriptor,
        single_file: info.is_some(),
        image,
        evidence,
    }))
}

/// A module whose headers are not in the dump: its file name, and the pages that are there.
fn by_name(mem: &dyn Memory, module: &Module, architecture: Option<&str>) -> Verdict {
    let file_name = module.name().to_ascii_lowercase();
    let Some(flavour) = flavour_by_name(&file_name) else {
        return if file_name == CLR_2 { Verdict::Refused(clr_2()) } else { Verdict::No };
    };
    let image =
        PeImage::without_headers(mem, module.base, module.size, module.timestamp, architecture.unwrap_or_default());
    let present = image.writable_sections().iter().fold(0u64, |sum, s| sum.saturating_add(s.1));
    if module.size < SMALLEST_RUNTIME || present < LEAST_DATA {
        return Verdict::No;
    }
    let Some(pointer) = image.pointer_size() else {
        let machine = architecture.unwrap_or("an unknown machine");
        return Verdict::Refused(unsupported(
            &format!("{} for {machine}", module.name()),
            "dropheap reads x86, x64 and arm64",
        ));
    };
    let mut evidence = Vec::new();
    note(
        &mut evidence,
        "runtime module",
        &format!("{} at {}", module.path, module.base),
        &format!(
            "file name only: its headers are not in the dump, {present} bytes of its image are; SystemInfo says {}",
            image.architecture()
        ),
    );
    let listed = module.file_version.filter(|v| *v != [0; 4]).map(|v| (v, "version of the module"));
    let found = listed.or_else(|| version_by_folder(&module.path).map(|v| (v, "folder of the shared framework")));
    if let Some(([a, b, c, d], how)) = found {
        note(&mut evidence, "runtime version", &format!("{a}.{b}.{c}.{d}"), how);
    }
    Verdict::Runtime(Box::new(RuntimeModule {
        flavour,
        path: module.path.clone(),
        version: found.map(|f| f.0),
        architecture: image.architecture().to_owned(),
        pointer,
        dac_table: None,
        dac_resource: None,
        contract_descriptor: None,
        single_file: false,
        image,
        evidence,
    }))
}

fn flavour_by_name(file_name: &str) -> Option<Flavour> {
    FILE_NAMES.iter().find(|(name, _)| *name == file_name).map(|(_, flavour)| *flavour)
}

const CLR_2: &str = "mscorwks.dll";

fn clr_2() -> Box<Error> {
    unsupported("the CLR 2.0 (.NET Framework 2.0 to 3.5)", "its heap has another layout; use its own SOS")
}

/// The four i32 at offset 96 of `DotNetRuntimeInfo` (structure version 2 and later).
fn runtime_info_version(mem: &dyn Memory, at: Addr) -> Option<[u16; 4]> {
    const WHAT: &str = "DotNetRuntimeInfo";
    let mut signature = [0; 18];
    mem.read(at, &mut signature, WHAT).ok()?;
    if &signature != b"DotNetRuntimeInfo\0" || mem.u32(at.plus(20), WHAT).ok()? < 2 {
        return None;
    }
    let part = |i: u64| u16::try_from(mem.u32(at.plus(96).plus(i.wrapping_mul(4)), WHAT).ok()?).ok();
    Some([part(0)?, part(1)?, part(2)?, part(3)?])
}

impl RuntimeModule {
    /// e.g. `.NET 10.0.14`, `.NET Core 3.1.23`.
    ///
    /// The patch number is in the third part of the file version from .NET 5 on (hundreds); before, only the folder of the shared
    /// framework names it.
    pub fn display_name(&self) -> String {
        let Some([a, b, c, _]) = self.version else {
            return match self.flavour {
                Flavour::Core => ".NET (version unknown)".into(),
                Flavour::Framework => ".NET Framework (version unknown)".into(),
            };
        };
        match self.flavour {
            Flavour::Framework if (a, b, c) == (4, 0, 30319) => ".NET Framework 4.0 to 4.5.2".into(),
            Flavour::Framework if c != 0 => format!(".NET Framework {a}.{b}.{c}"),
            Flavour::Framework if b != 0 => format!(".NET Framework {a}.{b}"),
            Flavour::Framework => format!(".NET Framework {a}"),
            Flavour::Core if a >= 5 => {
                format!(".NET {a}.{b}.{}", c.checked_div(100).unwrap_or(0))
            }
            Flavour::Core => match self.shared_framework_version() {
                Some(v) => format!(".NET Core {v}"),
                None if b == 700 => format!(".NET Core 3 (file version {a}.{b}.{c})"),
                None => format!(".NET Core 1 or 2 (file version {a}.{b}.{c})"),
            },
        }
    }

    fn shared_framework_version(&self) -> Option<&str> {
        shared_framework_version(&self.path)
    }
}

/// The folder `...\Microsoft.NETCore.App\3.1.23\coreclr.dll`.
fn shared_framework_version(path: &str) -> Option<&str> {
    let mut parts = path.rsplit(['\\', '/']);
    let _file = parts.next()?;
    let version = parts.next()?;
    let family = parts.next()?;
    let plausible = family.eq_ignore_ascii_case("Microsoft.NETCore.App")
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version.len() < 40;
    plausible.then_some(version)
}

/// The file version that a runtime in this folder has: 1 and 2 are 4.6, 3 is 4.700, from 5 on the patch number stands in the hundreds.
fn version_by_folder(path: &str) -> Option<[u16; 4]> {
    let mut parts = shared_framework_version(path)?.split(['.', '-']).map(|part| part.parse::<u16>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0));
    Some(match major {
        1 => [4, 6, 0, 0],
        2 => [4, 6, u16::MAX, 0],
        3 => [4, 700, 0, 0],
        _ => [major, minor, patch.saturating_mul(100), 0],
    })
}

fn unsupported(runtime: &str, reason: &str) -> Box<Error> {
    Error::UnsupportedRuntime { runtime: runtime.to_owned(), reason: reason.to_owned() }.into()
}

fn no_runtime(modules: &[Module]) -> Box<Error> {
    let detail = match modules.len() {
        0 => "; the dump has no module list".to_owned(),
        n => format!("; none of its {n} modules exports what a CLR exports"),
    };
    Error::NoRuntime { detail }.into()
}
