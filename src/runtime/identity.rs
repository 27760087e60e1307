//! Which modules of the process are a CLR: by what they export and by their resources, never by their file name alone.
//!
//! Sources: export lists of the shipped runtimes; src/coreclr/debug/inc/runtimeinfo.h (`DotNetRuntimeInfo`); clrinternal.h and
//! debugshim.cpp (`CLRDEBUGINFO` and its GUIDs).

use super::note;
use crate::dump::Module;
use crate::error::{Error, Result};
use crate::image::pe::PeImage;
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

const EXPORTS: [&str; 6] = [
    "g_CLREngineMetrics",
    "g_dacTable",
    "DotNetRuntimeContractDescriptor",
    "DotNetRuntimeInfo",
    "coreclr_initialize",
    "mono_get_root_domain",
];

/// All runtimes of the process, in the order of the module list.
///
/// # Errors
/// [`Error::NoRuntime`] if there is none; [`Error::UnsupportedRuntime`] if there are only ones that dropheap refuses by name.
pub fn find(mem: &dyn Memory, modules: &[Module]) -> Result<Vec<RuntimeModule>> {
    let mut found = Vec::new();
    let mut refused = None;
    for module in modules {
        match inspect(mem, module) {
            Verdict::Runtime(r) => found.push(*r),
            Verdict::Refused(e) => refused = refused.or(Some(e)),
            Verdict::No => {}
        }
    }
    if found.is_empty() {
        return Err(refused.unwrap_or_else(|| no_runtime(modules)));
    }
    Ok(found)
}

enum Verdict {
    Runtime(Box<RuntimeModule>),
    Refused(Error),
    No,
}

fn inspect(mem: &dyn Memory, module: &Module) -> Verdict {
    let Ok(image) = PeImage::open(mem, module.base) else { return Verdict::No };
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
    } else if contract_descriptor.is_some() {
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
        match file_name.as_str() {
            "coreclr.dll" => Flavour::Core,
            "clr.dll" => Flavour::Framework,
            "mscorwks.dll" => {
                return Verdict::Refused(unsupported(
                    "the CLR 2.0 (.NET Framework 2.0 to 3.5)",
                    "its heap has another layout; use its own SOS",
                ));
            }
            _ => return Verdict::No,
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
    let runtime_info_version = info.and_then(|at| runtime_info_version(mem, at));
    let version = runtime_info_version
        .or(if info.is_some() { None } else { module.file_version })
        .or_else(|| if info.is_some() { None } else { image.version_info(mem).ok().flatten().map(|v| v.file_version) });
    if let Some([a, b, c, d]) = version {
        let how = if runtime_info_version.is_some() { "DotNetRuntimeInfo" } else { "version of the module" };
        note(&mut evidence, "runtime version", &format!("{a}.{b}.{c}.{d}"), how);
    }
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
            Flavour::Framework => format!(".NET Framework {a}.{b}.{c}").trim_end_matches(".0").to_owned(),
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

    /// The folder `...\Microsoft.NETCore.App\3.1.23\coreclr.dll`.
    fn shared_framework_version(&self) -> Option<&str> {
        let mut parts = self.path.rsplit(['\\', '/']);
        let _file = parts.next()?;
        let version = parts.next()?;
        let family = parts.next()?;
        let plausible = family.eq_ignore_ascii_case("Microsoft.NETCore.App")
            && version.starts_with(|c: char| c.is_ascii_digit())
            && version.len() < 40;
        plausible.then_some(version)
    }
}

fn unsupported(runtime: &str, reason: &str) -> Error {
    Error::UnsupportedRuntime { runtime: runtime.to_owned(), reason: reason.to_owned() }
}

fn no_runtime(modules: &[Module]) -> Error {
    let detail = match modules.len() {
        0 => "; the dump has no module list".to_owned(),
        n => format!("; none of its {n} modules exports what a CLR exports"),
    };
    Error::NoRuntime { detail }
}
