//! One dump from its bytes to its report, in steps: [`Analysis::open`] -> [`locate`](Analysis::locate) -> the fed walk
//! ([`upcoming_on`](Analysis::upcoming_on), [`begin`](Analysis::begin), [`room`](Analysis::room), [`step`](Analysis::step)) ->
//! [`finish`](Analysis::finish). [`analyze`] does all of it where reads are synchronous.

use crate::account::MemoryAccount;
use crate::account::claims::{self, Heap, ManagedModule};
use crate::dump::packed::{Unpacked, Unpacking};
use crate::dump::regions::Regions;
use crate::dump::{self, Dump, Module};
use crate::error::{Error, Findings, Result};
use crate::heap::islands::Islands;
use crate::heap::lanes::{Lanes, STREAMS, Share, shares, total};
use crate::heap::segments::{self, Segment};
use crate::heap::walk::{self, Census, Outcome, Walk};
use crate::image::files::{Files, ModuleFile, WithFiles};
use crate::limits;
use crate::memory::{Addr, AddressSpace, Memory};
use crate::modules::Modules;
use crate::names::Names;
use crate::report::{DumpFacts, HeapFacts, HeapReport, REPORT_SCHEMA, RuntimeCandidate, RuntimeFacts};
use crate::runtime::identity::{self, Refused, RuntimeModule};
use crate::runtime::{self, Runtime, note};
use crate::source::ByteSource;
use crate::stats::{self, Met};
use crate::types::Types;
use std::collections::VecDeque;
use std::sync::Arc;

/// What the caller may choose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the file, for the report.
    pub file_name: String,
    /// Which runtime of the process, by its number in the list of runtimes; the default is the one with more heap bytes.
    pub runtime: Option<usize>,
    /// Bytes of one window of the walk; 0 = [`crate::limits::WINDOW_NATIVE`].
    pub window: u64,
    /// Threads of the walk, where there are threads; 0 = as many as there are processors. The answer is the same for any number.
    pub threads: usize,
    /// Files of the process's modules (`clr.dll`, `System.Private.CoreLib.dll`, the application's own), for what the dump lacks of their
    /// images: see [`crate::image::files`]. Files that are no module of the process are passed over.
    pub modules: Vec<ModuleFile>,
    /// Which dump of a zip that has several: the entry's path, or its file name if there is one such.
    pub entry: Option<String>,
}

/// A range of the [`ByteSource`] that the walk wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Offset in the source, bytes.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// How far the walk is, in bytes of heap segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes walked or skipped.
    pub done: u64,
    /// Bytes of all segments.
    pub total: u64,
}

/// The memory of a dump over the user's files of its modules.
pub(crate) type Space = WithFiles<AddressSpace>;

/// One dump under analysis.
pub struct Analysis {
    pub(crate) source: Arc<dyn ByteSource>,
    /// Where the dump begins in its file, if it is a range of it.
    offset: Option<u64>,
    pub(crate) space: Space,
    files: Files,
    pub(crate) dump: Dump,
    options: Options,
    pub(crate) findings: Findings,
    located: Option<Located>,
    fed: Option<Fed>,
}

/// What [`Analysis::locate`] found.
pub(crate) struct Located {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) facts: RuntimeFacts,
    /// Of the segments.
    pub(crate) findings: Findings,
}

/// The walk that the caller feeds.
struct Fed {
    lanes: Lanes,
    /// By lane: what it has not begun. Each begins in a part of the heap of its own, and goes on where it is for long.
    ahead: Vec<VecDeque<Share>>,
    census: Census,
    /// The shares are of islands: see [`crate::heap::islands`].
    on_islands: bool,
    progress: Progress,
}

impl Fed {
    /// Gives each lane its part.
    fn begin(&mut self, on_islands: bool, segments: &[Arc<Segment>], regions: &Regions) {
        self.on_islands = on_islands;
        let mut own = if on_islands { self.census.islands.shares() } else { shares(segments, regions) };
        self.ahead.clear();
        for left in (1..=self.lanes.count()).rev() {
            let rest = own.split_off(own.len().div_ceil(left));
            self.ahead.push(std::mem::replace(&mut own, rest));
        }
    }

    /// Gives a lane its next share if it has none.
    fn deal(&mut self, lane: usize, mem: &Space, located: &Located, regions: &Regions, idle: &dyn Fn() -> Walk) {
        let segments = &located.segments;
        while let Some(walk) = self.lanes.walk(lane) {
            walk.hop(mem, &located.runtime, &mut self.census);
            if !walk.finished() {
                return;
            }
            if let Some((number, share)) = self.share(lane) {
                let Some(walk) = self.lanes.walk(lane) else { return };
                match self.on_islands {
                    true => walk.add_islands(&share, &self.census.islands),
                    false => walk.add_share(number, &share, regions),
                }
            } else if !self.lanes.finished() {
                return;
            } else if self.on_islands {
                self.begin(false, segments, regions);
            } else if self.census.islands.begin_again() {
                self.census.begin_again();
                self.lanes = Lanes::idle(self.lanes.count(), idle);
                self.begin(true, segments, regions);
            } else {
                return;
            }
        }
    }

    /// Whether all is walked, and counted right.
    fn finished(&self) -> bool {
        let left = self.on_islands || self.census.islands.wrong();
        !left && self.lanes.finished() && self.ahead.iter().all(VecDeque::is_empty)
    }

    /// What is counted on islands is certain at the end only.
    fn in_doubt(&self) -> bool {
        !self.census.islands.is_empty() && !self.finished()
    }

    /// It does not go back where islands are walked once more, and comes to the end when nothing is in doubt.
    fn told(&mut self) -> Progress {
        let Progress { done, total } = self.progress;
        self.progress.done = match (self.census.islands.is_empty(), self.finished()) {
            (true, _) => self.lanes.done(),
            (false, true) => total,
            (false, false) => self.lanes.done().min(total.saturating_sub(1)).max(done),
        };
        self.progress
    }

    /// One that is done with its own takes over half of what the one with the most has ahead.
    fn share(&mut self, lane: usize) -> Option<Share> {
        if self.ahead.get(lane)?.is_empty() {
            let most = self.ahead.iter_mut().max_by_key(|a| a.len())?;
            let taken = most.split_off(most.len() / 2);
            *self.ahead.get_mut(lane)? = taken;
        }
        self.ahead.get_mut(lane)?.pop_front()
    }
}

impl Analysis {
    /// Unpacks the file if it is an archive, and reads the head of the dump: streams, modules, threads, memory ranges, process facts.
    ///
    /// # Errors
    /// What [`Unpacking`] and [`dump::open`] report; [`Error::NoHeapMemory`] for a dump without the process's memory.
    pub fn open(source: Arc<dyn ByteSource>, options: Options) -> Result<Analysis> {
        let unpacked = Unpacking::begin(source, options.entry.as_deref())?.finish()?;
        Analysis::open_unpacked(unpacked, options)
    }

    /// The second half of [`open`](Analysis::open), for who wants to hear how the unpacking goes.
    ///
    /// # Errors
    /// As [`open`](Analysis::open).
    pub fn open_unpacked(unpacked: Unpacked, options: Options) -> Result<Analysis> {
        let mut dump = dump::open_unpacked(&unpacked, &options.file_name)?;
        let Unpacked { source, offset, .. } = unpacked;
        dump.require_heap_memory().map_err(|e| cut_short(&dump, e))?;
        let space = AddressSpace::new(Arc::clone(&source), Arc::clone(&dump.regions));
        let mut findings = dump.findings.clone();
        if dump.modules.is_empty() {
            dump.modules = identity::scan(&space, &dump.regions, &[]);
            note_scan(&mut findings, "the dump has no module list", &dump.modules);
        }
        let files = Files::select(&options.modules, &dump.modules, &space, &mut findings);
        let space = WithFiles::new(space, &files);
        Ok(Analysis { source, offset, space, files, dump, options, findings, located: None, fed: None })
    }

    /// A memory of its own for one thread or one purpose.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "only trimming needs it, which is native"))]
    pub(crate) fn memory(&self) -> Space {
        WithFiles::new(AddressSpace::new(Arc::clone(&self.source), Arc::clone(&self.dump.regions)), &self.files)
    }

    /// Where the dump begins in the file that was opened, if it is a range of it: offsets of windows count from there. `None`: the dump
    /// is deflated, and only [`read_window`](Analysis::read_window) knows its bytes.
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    /// The file and the process; ready before the runtime is located.
    pub fn dump_facts(&self) -> &DumpFacts {
        &self.dump.facts
    }

    /// Finds the runtime and its heap, and proves both.
    ///
    /// # Errors
    /// [`Error::NoRuntime`], [`Error::UnsupportedRuntime`]; [`Error::UnknownRuntime`] if the heap cannot be proven.
    pub fn locate(&mut self) -> Result<&RuntimeFacts> {
        let located = self.locate_with(&self.space)?;
        let (source, regions, segments) = (&self.source, &self.dump.regions, &located.segments);
        let mut census = Census::of(&beside(source, segments));
        census.islands = Islands::of(segments, regions);
        let on_islands = !census.islands.is_empty();
        let lanes = Lanes::idle(self.lanes(), &|| idle_walk(source, segments, regions, self.window()).joining(true));
        let progress = Progress { done: 0, total: total(segments) };
        let mut fed = Fed { lanes, ahead: Vec::new(), census, on_islands, progress };
        fed.begin(on_islands, segments, regions);
        self.fed = Some(fed);
        Ok(&self.located.insert(located).facts)
    }

    /// Bytes of one window of the walk.
    pub(crate) fn window(&self) -> u64 {
        if self.options.window == 0 { limits::WINDOW_NATIVE } else { self.options.window }
    }

    /// As [`locate`](Analysis::locate), reading through `mem`.
    pub(crate) fn locate_with(&self, mem: &dyn Memory) -> Result<Located> {
        self.locate_whole(mem).map_err(|e| cut_short(&self.dump, e))
    }

    fn locate_whole(&self, mem: &dyn Memory) -> Result<Located> {
        let mut findings = Findings::default();
        let (modules, runtimes, refused) = self.runtimes(mem, &mut findings)?;
        let wanted = self.options.runtime;
        let mut candidates = Vec::new();
        let mut first_error = None;
        let mut best: Option<Choice> = None;
        // All of them, also where one is wanted: the others' heap bytes tell whether it was the right wish.
        for (number, module) in runtimes.iter().enumerate() {
            let mut of_segments = Findings::default();
            let found = runtime::locate(mem, &modules, module)
                .and_then(|rt| Ok((segments::enumerate(mem, &rt, &mut of_segments)?, rt)));
            let mut candidate = RuntimeCandidate {
                number,
                name: module.display_name(),
                module: module.path.clone(),
                base: module.image.base.to_string(),
                ..RuntimeCandidate::default()
            };
            match found {
                Ok((segments, runtime)) => {
                    let bytes = segments.iter().fold(0u64, |sum, s| sum.saturating_add(s.end.since(s.start)));
                    candidate.heap_bytes = Some(bytes);
                    if wanted.is_none_or(|w| w == number) && best.as_ref().is_none_or(|b| bytes > b.bytes) {
                        best = Some(Choice { number, bytes, runtime, segments, findings: of_segments });
                    }
                }
                Err(e) => {
                    candidate.why_not = Some(e.to_string());
                    if wanted.is_none_or(|w| w == number) {
                        first_error = first_error.or(Some(e));
                    }
                }
            }
            candidates.push(candidate);
        }
        let Some(Choice { number, mut runtime, segments, findings: of_segments, .. }) = best else {
            return Err(first_error.unwrap_or_else(|| {
                Error::Usage(format!(
                    "there is no runtime number {}; the process has {}",
                    wanted.unwrap_or(0),
                    listed(&candidates)
                ))
                .into()
            }));
        };
        findings.merge(of_segments);
        for candidate in &mut candidates {
            candidate.used = candidate.number == number;
            if let Some(why) = &candidate.why_not {
                let what = format!("{} at {}", candidate.module, candidate.base);
                note(&mut runtime.evidence, "another runtime module", &what, &format!("not used: {why}"));
            }
        }
        if candidates.len() > 1 {
            findings.add("several-runtimes", false, || {
                format!("the process has {}; this is the heap of number {number}", listed(&candidates))
            });
        }
        for Refused { module, error } in refused {
            findings.add("another-runtime", false, || {
                format!("the process also has a runtime whose heap is not in these numbers: {error}")
            });
            let what = format!("{} at {}", module.path, module.base);
            note(&mut runtime.evidence, "another runtime module", &what, &format!("not used: {error}"));
        }
        if runtime.gc.structures_invalid != 0 {
            findings.add("gc-in-progress", true, || {
                "the dump was taken while a GC moved objects: there is no exact answer, what could be walked is shown".into()
            });
        }
        let facts = RuntimeFacts { candidates, ..runtime_facts(&runtime) };
        let segments: Vec<Arc<Segment>> = segments.into_iter().map(Arc::new).collect();
        Ok(Located { runtime: Arc::new(runtime), segments, facts, findings })
    }

    /// The modules and those among them that hold a runtime. Where the module list has none, memory is searched for images that it
    /// lacks: lists of processes with hundreds of assemblies are known to be broken.
    fn runtimes(
        &self,
        mem: &dyn Memory,
        findings: &mut Findings,
    ) -> Result<(Vec<Module>, Vec<RuntimeModule>, Vec<Refused>)> {
        let modules = self.dump.modules.clone();
        let architecture = self.dump.facts.architecture.as_deref();
        match identity::find(mem, &modules, architecture) {
            Err(first) if matches!(*first, Error::NoRuntime { .. }) => {
                let more = identity::scan(&self.space, &self.dump.regions, &modules);
                let modules: Vec<Module> = more.iter().cloned().chain(modules).collect();
                let (runtimes, refused) = match identity::find(mem, &modules, architecture) {
                    Err(error)
                        if matches!(*error, Error::NoRuntime { .. })
                            && !self.dump.modules.is_empty()
                            && !identity::any_header(mem, &self.dump.modules) =>
                    {
                        return Err(Error::NoHeapMemory {
                            detail: format!(
                                "the headers of none of its {} modules are in the dump, and no .NET runtime can be recognised \
                                 without them",
                                self.dump.modules.len()
                            ),
                        }.into());
                    }
                    Err(error) if matches!(*error, Error::NoRuntime { .. }) => return Err(first),
                    other => other?,
                };
                note_scan(findings, "the module list lacks the runtime", &more);
                Ok((modules, runtimes, refused))
            }
            other => other.map(|(runtimes, refused)| (modules, runtimes, refused)),
        }
    }

    /// Windows that may be walked at once: see [`upcoming_on`](Analysis::upcoming_on). A deflated dump is read in the order of its bytes.
    pub fn lanes(&self) -> usize {
        if in_any_order(&self.source) { STREAMS } else { 1 }
    }

    /// The next windows that the walk will want, in their order; empty when nothing is left for it. Only the first one is certain: a later one may be
    /// skipped (the body of a large array), then its bytes are not needed. `lane` counts from 0: several walks go on at once in different places of the
    /// heap, which is faster; the answer is the same.
    pub fn upcoming_on(&mut self, lane: usize, max: usize) -> Vec<Window> {
        let window = self.window();
        let (Some(located), Some(fed)) = (&self.located, &mut self.fed) else { return Vec::new() };
        let (source, regions) = (&self.source, &self.dump.regions);
        let idle = || idle_walk(source, &located.segments, regions, window).joining(true);
        fed.deal(lane, &self.space, located, regions, &idle);
        fed.lanes.upcoming(lane, max).into_iter().map(|(offset, len)| Window { offset, len }).collect()
    }

    /// Begins a window that a lane wants; its bytes go to [`room`](Analysis::room).
    pub fn begin(&mut self, lane: usize, window: Window) {
        if let Some(fed) = &mut self.fed {
            fed.lanes.begin(lane, window.offset, window.len);
        }
    }

    /// Whether the lane's window is not used up.
    pub fn busy(&self, lane: usize) -> bool {
        self.fed.as_ref().is_some_and(|fed| fed.lanes.busy(lane))
    }

    /// What is missing of a lane's window: its offset in the source, and the room for it. To be followed by [`filled`](Analysis::filled).
    pub fn room(&mut self, lane: usize) -> (u64, &mut [u8]) {
        self.fed.as_mut().map_or((0, &mut []), |fed| fed.lanes.room(lane))
    }

    /// So many bytes were written to the beginning of the lane's [`room`](Analysis::room).
    pub fn filled(&mut self, lane: usize, bytes: usize) {
        if let Some(fed) = &mut self.fed {
            fed.lanes.filled(lane, bytes);
        }
    }

    /// Reads what is missing of a lane's window from the source.
    ///
    /// # Errors
    /// As [`ByteSource::read_at`].
    pub fn read_window(&mut self, lane: usize) -> Result<()> {
        let Some(fed) = &mut self.fed else { return Err(early("read_window")) };
        let (offset, room) = fed.lanes.room(lane);
        self.source.read_once(offset, room, "heap segment")?;
        fed.lanes.filled(lane, usize::MAX);
        Ok(())
    }

    /// Bytes of all segments, of which [`Progress::done`] is a part; 0 before [`locate`](Analysis::locate).
    pub fn total(&self) -> u64 {
        self.fed.as_ref().map_or(0, |fed| fed.progress.total)
    }

    /// Walks the full windows until one of them is used up.
    ///
    /// # Errors
    /// [`Error::Usage`] before [`locate`](Analysis::locate).
    pub fn step(&mut self) -> Result<Progress> {
        let (Some(located), Some(fed)) = (&self.located, &mut self.fed) else { return Err(early("step")) };
        fed.lanes.step(&self.space, &located.runtime, &mut fed.census);
        Ok(fed.told())
    }

    /// Resolves the names and writes the report.
    ///
    /// # Errors
    /// [`Error::Usage`] before [`locate`](Analysis::locate).
    pub fn finish(mut self) -> Result<HeapReport> {
        let (Some(located), Some(mut fed)) = (self.located.take(), self.fed.take()) else {
            return Err(early("finish"));
        };
        if fed.in_doubt() {
            // Nothing of it is counted.
            let (segments, regions) = (&located.segments, &self.dump.regions);
            fed.census.begin_again();
            fed.lanes = Lanes::idle(1, &|| idle_walk(&self.source, segments, regions, self.window()));
            fed.begin(false, segments, regions);
        }
        let Located { runtime, segments, facts, findings } = located;
        let Fed { mut lanes, ahead, mut census, .. } = fed;
        self.findings.merge(findings);
        census.settle(&runtime);
        // What was not fed is said.
        for (number, share) in ahead.into_iter().flatten() {
            if let Some(walk) = lanes.walk(0) {
                walk.add_share(number, &share, &self.dump.regions);
            }
        }
        let mut outcome = Outcome::in_parts(segments.len());
        for part in lanes.finish() {
            outcome.merge(part);
        }
        outcome.census = census;
        outcome.gather();
        Ok(self.report(&self.space, &runtime, &segments, facts, outcome))
    }

    /// Method tables met so far.
    pub fn method_tables(&self) -> usize {
        self.fed.as_ref().map_or(0, |fed| fed.census.tables.known().len())
    }

    /// The report of what was walked so far: a copy of the counts with names, without the account of the process's memory. It costs as much as
    /// [`finish`](Analysis::finish), so do not ask after each window. Its [`HeapFacts::complete`] is false and its explained bytes are
    /// what they are so far. `None` where the counts are in doubt up to the end: see [`crate::heap::islands`].
    ///
    /// # Errors
    /// [`Error::Usage`] before [`locate`](Analysis::locate).
    pub fn partial(&mut self) -> Result<Option<HeapReport>> {
        if self.fed.as_ref().is_some_and(Fed::in_doubt) {
            return Ok(None);
        }
        let (Some(located), Some(mut fed)) = (self.located.take(), self.fed.take()) else {
            return Err(early("partial"));
        };
        fed.census.settle(&located.runtime);
        let mut outcome = fed.lanes.so_far(located.segments.len());
        outcome.census = std::mem::take(&mut fed.census);
        let mut findings = self.findings.clone();
        findings.merge(located.findings.clone());
        findings.merge(outcome.findings.clone());
        let (runtime, segments, facts) = (&located.runtime, &located.segments, located.facts.clone());
        let met = Met::of(&self.space, runtime, &outcome);
        let report = self.report_of(&self.space, runtime, segments, facts, &outcome, met, findings, false);
        fed.census = outcome.census;
        (self.located, self.fed) = (Some(located), Some(fed));
        Ok(Some(report))
    }

    pub(crate) fn report(
        &self,
        mem: &dyn Memory,
        runtime: &Runtime,
        segments: &[Arc<Segment>],
        facts: RuntimeFacts,
        mut outcome: Outcome,
    ) -> HeapReport {
        let mut findings = self.findings.clone();
        outcome.gather();
        findings.merge(std::mem::take(&mut outcome.findings));
        let met = Met::of(mem, runtime, &outcome);
        // What the rows need of it is in `met`.
        outcome.census.forget_counts();
        self.report_of(mem, runtime, segments, facts, &outcome, met, findings, true)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a walk that has ended or goes on")]
    fn report_of(
        &self,
        mem: &dyn Memory,
        runtime: &Runtime,
        segments: &[Arc<Segment>],
        mut facts: RuntimeFacts,
        outcome: &Outcome,
        met: Met,
        mut findings: Findings,
        whole: bool,
    ) -> HeapReport {
        let modules = Modules::calibrate(mem, runtime, met.tables(), &mut facts.evidence).listed(&self.dump.modules);
        let mut types = Types::new(mem, runtime, &self.dump, &modules, &mut facts.evidence);
        let mut names = Names::new(mem, runtime, modules);
        let mut rows = stats::fold(outcome, met, segments, runtime.known.free, &mut names, &mut types, &mut findings);
        let (supertypes, assemblies) = types.into_tables();
        if let Some(sentence) = &mut facts.unproven {
            let heap = &rows.heap;
            let held = [
                heap.explained_bytes == heap.total_bytes,
                heap.before_first_error.is_none(),
                names.unresolved == 0 && names.tokens == 0,
                heap.segments.iter().fold(0u64, |n, s| n.saturating_add(s.objects)) == heap.objects,
                !facts.gc_in_progress,
            ];
            let n = held.iter().filter(|h| **h).count();
            // What `dropheap verify` checks is more; these cost nothing.
            sentence.push_str(&format!("; {n} of {} invariants hold", held.len()));
        }
        let modules = names.modules.known();
        let modules = modules.map(|m| ManagedModule { at: m.at, base: m.base, name: m.simple_name.clone() }).collect();
        drop(names);
        let memory = whole.then(|| self.account(runtime, segments, outcome, &rows.heap, modules, &mut findings));
        rows.heap.complete =
            rows.heap.explained_bytes == rows.heap.total_bytes && !facts.gc_in_progress && !findings.partial();
        HeapReport {
            schema: REPORT_SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            dump: self.dump.facts.clone(),
            runtime: facts,
            heap: rows.heap,
            types: rows.types,
            method_tables: rows.method_tables,
            supertypes,
            assemblies,
            memory,
            findings: findings.into_vec(),
        }
    }

    /// Whose the memory of the process is. Reads past the caller's memory: a trimmed dump need not keep what only the account of the whole
    /// one asks for.
    fn account(
        &self,
        runtime: &Runtime,
        segments: &[Arc<Segment>],
        outcome: &Outcome,
        facts: &HeapFacts,
        modules: Vec<ManagedModule>,
        findings: &mut Findings,
    ) -> MemoryAccount {
        claims::account(&self.dump, &self.space, Some(&Heap { runtime, segments, outcome, facts, modules }), findings)
    }
}

fn early(what: &str) -> Box<Error> {
    Error::Usage(format!("{what} before locate")).into()
}

/// The runtime whose heap is walked.
struct Choice {
    number: usize,
    bytes: u64,
    runtime: Runtime,
    segments: Vec<Segment>,
    findings: Findings,
}

/// e.g. `2 runtimes: 0: .NET Framework 4.8 (clr.dll at 7ff8a0000000, 512 bytes of heap), 1: ...`.
fn listed(candidates: &[RuntimeCandidate]) -> String {
    let one = |c: &RuntimeCandidate| {
        let file = c.module.rsplit(['\\', '/']).next().unwrap_or_default();
        let heap = match c.heap_bytes {
            Some(bytes) => format!("{bytes} bytes of heap"),
            None => "heap not located".to_owned(),
        };
        format!("{}: {} ({file} at {}, {heap})", c.number, c.name, c.base)
    };
    let all: Vec<String> = candidates.iter().map(one).collect();
    let noun = if candidates.len() == 1 { "runtime" } else { "runtimes" };
    format!("{} {noun}: {}", candidates.len(), all.join(", "))
}

fn note_scan(findings: &mut Findings, why: &str, found: &[Module]) {
    findings.add("module-list-missing", false, || {
        format!("{why}; {} images were found by searching memory for their headers", found.len())
    });
}

/// What is missing from a file that ends too early is no riddle about the process: the way out is the whole file.
fn cut_short(dump: &Dump, error: Box<Error>) -> Box<Error> {
    const CUT: [&str; 7] = [
        "archive-cut",
        "archive-damaged",
        "archive-size",
        "memory-truncated",
        "memory-list-cut",
        "stream-directory-cut",
        "stream-unreadable",
    ];
    let missing = matches!(
        *error,
        Error::NoHeapMemory { .. } | Error::NoRuntime { .. } | Error::UnknownRuntime { .. } | Error::Unreadable { .. }
    );
    match dump.findings.as_slice().iter().find(|f| CUT.contains(&f.code.as_str())) {
        Some(f) if missing => {
            let archive = f.code.starts_with("archive-");
            let what = if archive { "not all of it could be unpacked" } else { "the file seems to be cut short" };
            Error::Damaged { what: what.into(), detail: f.message.clone() }.into()
        }
        _ => error,
    }
}

fn runtime_facts(rt: &Runtime) -> RuntimeFacts {
    let m = &rt.module;
    RuntimeFacts {
        name: m.display_name(),
        flavour: m.flavour.text().to_owned(),
        file_version: m.version.map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
        architecture: m.architecture.clone(),
        pointer_size: m.pointer.bytes(),
        module: m.path.clone(),
        base: m.image.base.to_string(),
        gc_mode: if rt.gc.server { "server" } else { "workstation" }.to_owned(),
        gc_layout: if rt.gc.allocation_start.is_some() { "segments" } else { "regions" }.to_owned(),
        gc_module: rt.gc.gc_module.clone(),
        heaps: rt.gc.heaps.len() as u64,
        gc_in_progress: rt.gc.structures_invalid != 0,
        unproven: (!rt.proven).then(|| "layout not yet proven on a real dump of this runtime".to_owned()),
        candidates: Vec::new(),
        evidence: rt.evidence.clone(),
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::analyze;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{MAX_THREADS, open, walk_all};

/// Whether reads cost the same in any order. Not in a deflated dump, where a byte that is read again may have to be inflated again.
fn in_any_order(source: &dyn ByteSource) -> bool {
    source.readers() == usize::MAX
}

/// A walk with nothing to do yet.
fn idle_walk(source: &dyn ByteSource, segments: &[Arc<Segment>], regions: &Arc<Regions>, window: u64) -> Walk {
    Walk::new(segments, &[], regions, window, false).bridging(in_any_order(source))
}

/// Where no method table is looked for: among the objects, if reading there again costs much. Not always: a damaged segment may claim to
/// reach over method tables.
fn beside(source: &dyn ByteSource, segments: &[Arc<Segment>]) -> Arc<[(Addr, Addr)]> {
    if in_any_order(source) { Arc::new([]) } else { walk::ranges(segments) }
}

/// The walk over synchronous reads, on as many threads as there are processors.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::{Analysis, Located, Options, Progress, beside, idle_walk};
    use crate::dump::packed::Unpacking;
    use crate::error::{Error, Result};
    use crate::heap::lanes::{AT_ONCE, Lanes, shares, total};
    use crate::heap::walk::{Census, Outcome};
    use crate::image::files::WithFiles;
    use crate::memory::AddressSpace;
    use crate::report::HeapReport;
    use crate::source::ByteSource;
    use std::ops::ControlFlow;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};

    /// More threads than this only wait for the file.
    pub(crate) const MAX_THREADS: usize = 8;
    /// Bytes walked between two words of a thread about its progress: each wakes another one.
    const TOLD: u64 = 4 << 20;
    /// Method tables that a thread keeps to itself: 15 MB.
    const MUCH: usize = 100_000;

    /// The whole analysis over synchronous reads. `progress` is called every few megabytes and may stop it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if `progress` breaks; else what the steps report.
    pub fn analyze(
        source: Arc<dyn ByteSource>,
        options: Options,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<HeapReport> {
        let mut analysis = open(source, options, progress)?;
        let located = analysis.locate_with(&analysis.space)?;
        let outcome = walk_all(&analysis, &located, &[], progress)?;
        let Located { runtime, segments, facts, findings, .. } = located;
        analysis.findings.merge(findings);
        Ok(analysis.report(&analysis.space, &runtime, &segments, facts, outcome))
    }

    /// As [`Analysis::open`]; `progress` hears of the unpacking, in packed bytes, and may stop it.
    ///
    /// # Errors
    /// As [`Analysis::open`]; [`Error::Cancelled`].
    pub(crate) fn open(
        source: Arc<dyn ByteSource>,
        options: Options,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Analysis> {
        let mut unpacking = Unpacking::begin(source, options.entry.as_deref())?;
        while unpacking.step()? {
            let (done, total) = unpacking.progress();
            if progress(Progress { done, total }).is_break() {
                return Err(Error::Cancelled.into());
            }
        }
        Analysis::open_unpacked(unpacking.finish()?, options)
    }

    /// Walks all segments; `mark`: in which of them the starts of objects are to be marked.
    pub(crate) fn walk_all(
        analysis: &Analysis,
        located: &Located,
        mark: &[bool],
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let shares = shares(&located.segments, &analysis.dump.regions);
        // An archive is read in the order of its bytes, by as many as it says; one walk at a time then.
        let readers = analysis.source.readers();
        let threads = match analysis.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
            n => n,
        };
        let threads = threads.min(shares.len()).min(readers).max(1);
        let at_once = if readers < threads.saturating_mul(AT_ONCE) { 1 } else { AT_ONCE };
        let total = total(&located.segments);
        let queue = Mutex::new(shares);
        let stop = AtomicBool::new(false);
        let heap = beside(&analysis.source, &located.segments);
        // Parts are merged on this thread alone, and so are few that wait: what threads allocate for long would keep their arenas large.
        let (sender, receiver) = mpsc::sync_channel::<Word>(threads);
        // A Space has caches and is not shared: each thread makes its own.
        let (source, regions, files) = (&analysis.source, &analysis.dump.regions, &analysis.files);
        let window = analysis.window();
        let work = |sender: mpsc::SyncSender<Word>| -> Result<()> {
            let space = WithFiles::new(AddressSpace::small(Arc::clone(source), Arc::clone(regions)), files);
            let rt = &located.runtime;
            let new_walk = || {
                let walk = idle_walk(source, &located.segments, regions, window);
                if mark.is_empty() { walk } else { walk.marking(mark.to_vec(), rt.layout.pointer) }
            };
            let give = |census: &mut Census| {
                census.settle(&located.runtime);
                let _ =
                    sender.send(Word::Part(Box::new(Outcome::counted(std::mem::replace(census, Census::of(&heap))))));
            };
            let mut census = Census::of(&heap);
            let mut walked = 0u64;
            let mut lanes = Lanes::idle(at_once, &new_walk);
            lanes.drive(
                &space,
                rt,
                &mut census,
                &|offset, buf| source.read_once(offset, buf, "heap segment"),
                &mut |walk, census| {
                    if census.tables.known().len() > MUCH {
                        give(census);
                    }
                    let share = queue.lock().ok().and_then(|mut q| q.pop_front());
                    share.is_some_and(|(number, share)| {
                        walk.add_share(number, &share, regions);
                        true
                    })
                },
                &mut |bytes| {
                    walked = walked.saturating_add(bytes);
                    if walked >= TOLD {
                        // A receiver that is gone has stopped us.
                        let _ = sender.send(Word::Walked(std::mem::take(&mut walked)));
                    }
                    if stop.load(Ordering::Relaxed) { Err(Box::new(Error::Cancelled)) } else { Ok(()) }
                },
            )?;
            let _ = sender.send(Word::Walked(walked));
            give(&mut census);
            for outcome in lanes.finish() {
                let _ = sender.send(Word::Part(Box::new(outcome)));
            }
            Ok(())
        };
        let mut outcome = Outcome::in_parts(located.segments.len());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let (sender, work) = (sender.clone(), &work);
                    scope.spawn(move || work(sender))
                })
                .collect();
            drop(sender);
            let mut done = 0u64;
            for word in receiver {
                match word {
                    Word::Walked(bytes) => done = done.saturating_add(bytes),
                    Word::Part(part) => outcome.merge(*part),
                }
                if progress(Progress { done: done.min(total), total }).is_break() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            for worker in workers {
                worker.join().map_err(|_| failed())??;
            }
            // It may have ended in the meantime.
            if stop.load(Ordering::Relaxed) { Err(Box::new(Error::Cancelled)) } else { Ok(()) }
        })?;
        outcome.gather();
        Ok(outcome)
    }

    /// What threads tell the one that waits for them.
    enum Word {
        /// So many more bytes are walked.
        Walked(u64),
        /// A part of the result.
        Part(Box<Outcome>),
    }

    fn failed() -> Box<Error> {
        Error::Damaged { what: "the walk of the heap".into(), detail: "a thread of it failed".into() }.into()
    }
}
