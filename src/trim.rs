//! A smaller dump with the same answers.

use crate::analysis::{self, Analysis, Located, Options, Progress};
use crate::dump::trim::write_trimmed;
use crate::error::{Error, Result};
use crate::heap::handles;
use crate::heap::lanes::drive;
use crate::heap::walk::{Census, Walk};
use crate::image::pe::PeImage;
use crate::memory::{Addr, Memory, Recorder};
use crate::runtime::Runtime;
use crate::source::ByteSource;
use crate::verify::Tables;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What a trimmed dump is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The pages that counting touches: method tables, metadata, object headers.
    Stat,
    /// Also all GC segments, thread stacks, handle tables, finalizer queues and what lies around them: references and roots can be
    /// followed.
    Graph,
}

/// Bytes in front of a method table that its GCDesc may take.
const GC_DESC: u64 = 4096;
/// Words of a `CFinalize` that are looked at.
const FINALIZE_WORDS: u64 = 12;
/// Bytes kept of one finalizer queue.
const MAX_FINALIZE: u64 = 64 << 20;

/// Writes a minidump with only the memory that an analysis needs, and returns its length in bytes. It still holds data of the process:
/// strings and byte arrays of the heap.
///
/// # Errors
/// What the analysis reports; [`Error::Cancelled`] if `progress` breaks; what the writer reports.
pub fn trim(
    source: Arc<dyn ByteSource>,
    keep: Keep,
    options: Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<u64> {
    let analysis = analysis::open(source, options, progress)?;
    let memory = Recorder::new(analysis.memory());
    let Located { runtime, segments, facts, .. } = analysis.locate_with(&memory)?;
    let all: Vec<usize> = (0..segments.len()).collect();
    let mut walk = Walk::new(&segments, &all, &analysis.dump.regions, analysis.window(), true);
    let mut census = Census::default();
    drive(
        &mut walk,
        &memory,
        &runtime,
        &mut census,
        &|offset, buf| analysis.source.read_once(offset, buf, "heap segment"),
        &mut |(done, total)| match progress(Progress { done, total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled.into()),
        },
    )?;
    let mut outcome = walk.finish();
    outcome.census = census;
    let pages = std::mem::take(&mut outcome.touched);
    let words = outcome.census.tables.tables(&memory, &runtime);
    let tables: Vec<Addr> = words.iter().map(|t| t.at).collect();
    // Parents have no objects of their own: what verifying reads of them is touched here alone.
    let mut types = Tables::new(&memory, &runtime);
    types.prove_themselves(&words);
    types.parent_chains(&words);
    analysis.report(&memory, &runtime, &segments, facts, outcome);

    let standalone = standalone_gc(&analysis, &memory, &runtime);

    let mut ranges = memory.touched();
    ranges.extend(pages.sorted().into_iter().map(|page| (Addr(page.0 << 12), 4096)));
    if keep == Keep::Graph {
        ranges.extend(
            segments.iter().map(|s| (s.start.minus(s.start.0 & 0xFFF), s.end.since(s.start).saturating_add(4096))),
        );
        ranges.extend(analysis.dump.threads.iter().map(|t| (t.stack, t.stack_size)));
        ranges.extend(tables.iter().map(|&t| (t.minus(GC_DESC), GC_DESC.saturating_mul(2))));
        ranges.extend(runtime.module.image.writable_sections());
        ranges.extend(standalone);
        ranges.extend(handles::memory_of_tables(&memory, &runtime));
        ranges.extend(finalizer_queues(&memory, &runtime));
    }
    write_trimmed(&*analysis.source, &analysis.dump, &ranges, out)
}

/// The variables of a standalone GC: its module's writable sections. Its exports, which tell what it is, are read for `mem` to note them.
fn standalone_gc(analysis: &Analysis, mem: &dyn Memory, rt: &Runtime) -> Vec<(Addr, u64)> {
    let module = analysis.dump.modules.iter().find(|m| Some(&m.path) == rt.gc.gc_module.as_ref());
    let Some(image) = module.and_then(|m| PeImage::open(mem, m.base).ok()) else { return Vec::new() };
    let _ = image.find_exports(mem, &["GC_Initialize"]);
    image.writable_sections()
}

/// `CFinalize`: fill pointers, then begin and end of the array they point into (src/coreclr/gc/gcpriv.h).
fn finalizer_queues(mem: &dyn Memory, rt: &Runtime) -> Vec<(Addr, u64)> {
    let p = rt.layout.p();
    let mut ranges = Vec::new();
    for heap in &rt.gc.heaps {
        let words: Vec<Addr> = (0..FINALIZE_WORDS)
            .filter_map(|i| mem.ptr(heap.finalize_queue.plus(i.wrapping_mul(p)), rt.layout.pointer, "CFinalize").ok())
            .filter(|a| mem.run(*a) > 0)
            .collect();
        if let (Some(&first), Some(&last)) = (words.iter().min(), words.iter().max()) {
            ranges.push((heap.finalize_queue, FINALIZE_WORDS.wrapping_mul(p)));
            if last.since(first) <= MAX_FINALIZE {
                ranges.push((first, last.since(first)));
            }
        }
    }
    ranges
}
