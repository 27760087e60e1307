//! Which CLR, and its shapes: recognises the runtime by what it exports, finds the GC's variables and the well-known method tables,
//! and proves both before anything is walked.
//!
//! No `if version` outside this room: a difference between runtimes is a row of [`layout`]'s data or a search that proves itself.

pub mod contract_gc;
pub mod descriptor;
pub mod globals;
pub mod identity;
pub mod layout;
pub mod method_table;
pub mod shapes;

use crate::dump::Module;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::report::Evidence;
use descriptor::Descriptor;
use globals::{GcDacVars, WellKnown};
use identity::{Flavour, RuntimeModule};
use layout::Layout;
use method_table::BackPointer;

/// A located, proven runtime.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// The module and its version.
    pub module: RuntimeModule,
    /// Offsets of its structures.
    pub layout: Layout,
    /// All of the data: the layout family with the runtime's own contract descriptor (9 and later) laid over it.
    pub shapes: Descriptor,
    /// The GC's variables.
    pub gc: GcDacVars,
    /// The well-known method tables.
    pub known: WellKnown,
    /// How `EEClass::m_pMethodTable` is stored.
    pub back_pointer: BackPointer,
    /// True if results with this layout were compared with the runtime's own DAC.
    pub proven: bool,
    /// What was found and what proved it.
    pub evidence: Vec<Evidence>,
}

/// Proves one runtime module: layout, GC variables, well-known method tables.
///
/// # Errors
/// [`Error::UnknownRuntime`] with the evidence so far if a piece is not found or does not prove itself.
pub fn locate(mem: &dyn Memory, modules: &[Module], module: &RuntimeModule) -> Result<Runtime> {
    let mut evidence = module.evidence.clone();
    let name = module.display_name();
    let refuse = |missing: &str, evidence: &[Evidence]| Error::UnknownRuntime {
        runtime: name.clone(),
        missing: missing.to_owned(),
        evidence: evidence.iter().map(|e| format!("{}: {} ({})", e.what, e.value, e.how)).collect(),
    };
    // Up to 7 the sizes that SOS counts depend on the version, and nothing inside tells it; later ones differ only in what is searched for.
    let told_apart = module.flavour == Flavour::Framework
        || module.single_file
        || module.dac_table.is_some()
        || module.contract_descriptor.is_some();
    if module.version.is_none() && !told_apart {
        return Err(refuse("its version is not in the dump", &evidence).into());
    }
    let row = layout::row_for(module.flavour.text(), module.version, module.pointer)?
        .ok_or_else(|| refuse("no layout is known for this version", &evidence))?;
    let mut shapes = layout::descriptor(&row.layout)?;
    note(&mut evidence, "layout", &row.layout, &format!("data for {}, tried first by the file version", row.name));
    let contract = match module.contract_descriptor {
        Some(at) => match Descriptor::read(mem, at, module.pointer) {
            Ok(d) => {
                let types = d.type_count().to_string();
                note(
                    &mut evidence,
                    "contract descriptor",
                    &format!("{types} types"),
                    "export DotNetRuntimeContractDescriptor",
                );
                shapes.overlay(d.clone());
                Some(d)
            }
            Err(e) => {
                note(&mut evidence, "contract descriptor", "not used", &e.to_string());
                None
            }
        },
        None => None,
    };
    let layout = Layout::resolve(&shapes, module.pointer)?;
    let (known, back_pointer) = WellKnown::find(mem, module, &layout, contract.as_ref(), &mut evidence)
        .map_err(|why| refuse(&format!("the method tables of Free, String and Object: {why}"), &evidence))?;
    if back_pointer == BackPointer::Relative && layout.free_quirk == 0 {
        return Err(
            refuse("a layout for its relative pointers: only .NET Core 2.1 and 2.2 have such", &evidence).into()
        );
    }
    let mut runtime = Runtime {
        module: module.clone(),
        layout,
        shapes,
        gc: GcDacVars::none(),
        known,
        back_pointer,
        proven: row.proven_on.contains(&module.architecture),
        evidence: Vec::new(),
    };
    // The ways to the GC's variables, the best first; the first one that proves itself wins, and the next one's opinion is noted.
    let mut reasons = Vec::new();
    let mut claim = None;
    let named = contract_gc::find(mem, modules, module, &runtime.layout, &runtime.shapes);
    if runtime.layout.has_gc_dac_vars || named.is_some() {
        let vars = GcDacVars::find(mem, modules, module, &runtime.layout, &mut evidence);
        let gc = match (named, vars) {
            (Some(named), vars) => {
                let agrees = match &vars {
                    Ok(vars) if named.same_heap(vars) => "GcDacVars agrees",
                    Ok(_) => {
                        let why = "the GC's variables: the contract descriptor and GcDacVars lead to different ones";
                        return Err(refuse(why, &evidence).into());
                    }
                    Err(_) => "no GcDacVars to compare with",
                };
                note(&mut evidence, "GC variables", "of the contract descriptor's GC part", agrees);
                // The structure has more than the descriptor names.
                let GcDacVars { at, version, handle_table_map, .. } = vars.unwrap_or_else(|_| GcDacVars::none());
                Some(GcDacVars { at, version, handle_table_map: named.handle_table_map.or(handle_table_map), ..named })
            }
            (None, Ok(vars)) => Some(vars),
            (None, Err((why, says))) => {
                claim = says;
                note(&mut evidence, "GcDacVars", "not found", &why);
                reasons.push(format!("GcDacVars: {why}"));
                // Not what this build is known to be: whatever the search finds has never been compared with anything.
                runtime.proven = false;
                None
            }
        };
        if let Some(gc) = gc {
            runtime.gc = gc;
            runtime.evidence = evidence;
            return Ok(runtime);
        }
    }
    let found = shapes::find(mem, modules, &runtime, &mut evidence).and_then(|gc| match claim {
        Some(claim) if !claim.fits(&gc) => Err("what it finds is not all that GcDacVars speaks of".to_owned()),
        _ => Ok(gc),
    });
    match found {
        Ok(gc) => {
            runtime.gc = gc;
            runtime.evidence = evidence;
            Ok(runtime)
        }
        Err(why) => {
            reasons.push(format!("search by shape: {why}"));
            Err(refuse(&format!("the GC's variables: {}", reasons.join("; ")), &evidence).into())
        }
    }
}

/// Adds one line of evidence.
pub(crate) fn note(evidence: &mut Vec<Evidence>, what: &str, value: &str, how: &str) {
    evidence.push(Evidence { what: what.to_owned(), value: value.to_owned(), how: how.to_owned() });
}

impl Flavour {
    /// As in the layout index and the report.
    pub fn text(self) -> &'static str {
        match self {
            Flavour::Core => "core",
            Flavour::Framework => "framework",
        }
    }
}
