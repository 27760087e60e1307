//! The shim between the page's workers and the core: a `File` in, JavaScript values out. No analysis here.       [wasm32]
//!
//! [`DumpSession`] reads one dump in a worker that is ended afterwards; its report crosses as bytes. [`Reports`] lives in one worker as long as the
//! page and holds the reports; what it tells of a comparison crosses as columns ([`crate::columns`]).
//!
//! Numbers cross as JavaScript numbers; one that does not fit (above 2^53 - 1) is an error, never rounded. Errors are thrown as
//! plain objects `{name, code, message, hint}`, which survive `postMessage`. Large objects cross as JSON: the core has that writer anyway, and a second one
//! for each of their types would be a tenth of the whole WebAssembly.

mod texts;

use crate::columns::Columns;
use crate::crossing;
use crate::dump::packed::Unpacking;
use crate::error::{EntryChoice, Error};
use crate::export::json::{MAX_SAFE, TOO_LARGE};
use crate::export::{self, Format, Names};
use crate::image::files::ModuleFile;
use crate::memory::Addr;
use crate::printing::{Printer, Shown, shown};
use crate::report::{DiffReport, GroupBy, HeapReport, MethodTableRow, Owner, Supertype};
use crate::source::blob::BlobSource;
use crate::{Analysis, Options, limits};
use js_sys::{Array, Float64Array, JSON, JsString, Object, Reflect, Uint8Array, Uint32Array};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// The core's [`Error`] as the page sees it. Printed as maps: for the fields of a struct a cache of their names would be linked, a kilobyte.
struct Thrown {
    code: &'static str,
    message: String,
    hint: String,
    /// Of `choose-entry`: the dumps of the zip.
    entries: Vec<Entry>,
}

struct Entry(EntryChoice);

impl Serialize for Thrown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", "Error")?;
        map.serialize_entry("code", self.code)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("hint", &self.hint)?;
        if !self.entries.is_empty() {
            map.serialize_entry("entries", &self.entries)?;
        }
        map.end()
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("size", &self.0.size)?;
        map.end()
    }
}

/// Panics go to the console with their place.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// Version of dropheap.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Bytes of this instance's memory.
#[wasm_bindgen(js_name = memoryBytes)]
pub fn memory_bytes() -> f64 {
    f64::from(u32::try_from(core::arch::wasm32::memory_size::<0>()).unwrap_or(u32::MAX)) * 65_536.0
}

/// The error of an asynchronous read that the browser refused; `reason` is the browser's word for it.
///
/// # Errors
/// Throws if a number is none.
#[wasm_bindgen(js_name = readError)]
pub fn read_error(offset: f64, len: f64, reason: String) -> Result<JsValue, JsValue> {
    let what = "a window of the heap".to_owned();
    Ok(thrown(Error::Io { what, offset: whole(offset)?, len: whole(len)?, reason }.into()))
}

/// What to show if this instance traps later (its memory is not to be trusted then, so the words are fetched before).
#[wasm_bindgen(js_name = crashError)]
pub fn crash_error() -> Result<JsValue, JsValue> {
    flat(&Thrown {
        entries: Vec::new(),
        code: "crash",
        message: "dropheap stopped at a fault of its own while reading this file".to_owned(),
        hint: "Please report it with the runtime's version and the technical details below (they hold no data of the process). \
               The command line, `dropheap stat FILE`, may get further."
            .to_owned(),
    })
}

/// One dump under analysis: `open` -> `unpack`* -> `dumpFacts` -> `locate` -> (for each lane `want` and `put`*, `step`)* -> `finish`.
#[wasm_bindgen]
pub struct DumpSession {
    stage: Stage,
}

enum Stage {
    /// An archive on its way to being a dump.
    Unpacking(Box<(Unpacking, Options)>),
    Open(Box<Analysis>),
    /// What came before has failed.
    Failed,
}

impl DumpSession {
    /// The analysis; does what is left of the unpacking.
    fn analysis(&mut self) -> Result<&mut Analysis, JsValue> {
        if let Stage::Unpacking(..) = self.stage
            && let Stage::Unpacking(pending) = std::mem::replace(&mut self.stage, Stage::Failed)
        {
            let (unpacking, options) = *pending;
            let analysis = unpacking.finish().and_then(|unpacked| Analysis::open_unpacked(unpacked, options));
            self.stage = Stage::Open(Box::new(analysis.map_err(thrown)?));
        }
        match &mut self.stage {
            Stage::Open(analysis) => Ok(analysis),
            _ => Err(thrown(Error::Usage("the dump could not be opened".into()).into())),
        }
    }
}

#[wasm_bindgen]
impl DumpSession {
    /// Reads the head of the dump (only in a worker: the reads are synchronous). `runtime`: which of [`crate::report::RuntimeFacts::candidates`],
    /// the one with the largest heap if absent. `modules`: files that may be modules of the process, for what the dump lacks of them; they
    /// are read page by page, and only those that are. `entry`: which dump of a zip that has several.
    ///
    /// # Errors
    /// Throws what [`Unpacking::begin`] reports.
    pub fn open(
        file: web_sys::File,
        runtime: Option<usize>,
        modules: Option<Vec<web_sys::File>>,
        entry: Option<String>,
    ) -> Result<DumpSession, JsValue> {
        let module = |file: web_sys::File| -> Result<ModuleFile, Box<Error>> {
            let name = file.name();
            Ok(ModuleFile::new(name, Arc::new(BlobSource::new(file.into())?)))
        };
        let modules = modules.unwrap_or_default().into_iter().take(limits::MAX_MODULE_FILES);
        let modules = modules.map(module).collect::<Result<_, _>>().map_err(thrown)?;
        let options = Options {
            file_name: file.name(),
            runtime,
            window: limits::WINDOW_WEB,
            modules,
            entry,
            ..Options::default()
        };
        let source = BlobSource::new(file.into()).map_err(thrown)?;
        let unpacking = Unpacking::begin(Arc::new(source), options.entry.as_deref()).map_err(thrown)?;
        Ok(DumpSession { stage: Stage::Unpacking(Box::new((unpacking, options))) })
    }

    /// Does a piece of the unpacking: `{done, total}` in packed bytes, or `null` if there is nothing left to unpack.
    ///
    /// # Errors
    /// Throws what [`Unpacking::step`] reports.
    pub fn unpack(&mut self) -> Result<Option<Object>, JsValue> {
        let Stage::Unpacking(pending) = &mut self.stage else { return Ok(None) };
        let (unpacking, _) = &mut **pending;
        if !unpacking.step().map_err(thrown)? {
            return Ok(None);
        }
        let (done, total) = unpacking.progress();
        object(&[("done", number(done)?.into()), ("total", number(total)?.into())]).map(Some)
    }

    /// Reads the head of the dump: [`crate::report::DumpFacts`].
    ///
    /// # Errors
    /// Throws what [`Analysis::open`] reports.
    #[wasm_bindgen(js_name = dumpFacts)]
    pub fn dump_facts(&mut self) -> Result<JsValue, JsValue> {
        to_js(self.analysis()?.dump_facts())
    }

    /// Where the dump begins in the file, if it is a range of it: windows count from there. `undefined` for a deflated dump, whose
    /// windows only [`putOwn`](DumpSession::put_own) can read.
    ///
    /// # Errors
    /// Throws what [`Analysis::open`] reports.
    #[wasm_bindgen(js_name = fileOffset)]
    pub fn file_offset(&mut self) -> Result<Option<f64>, JsValue> {
        self.analysis()?.offset().map(number).transpose()
    }

    /// Finds the runtime and its heap: [`crate::report::RuntimeFacts`].
    ///
    /// # Errors
    /// Throws what [`Analysis::locate`] reports.
    pub fn locate(&mut self) -> Result<JsValue, JsValue> {
        to_js(self.analysis()?.locate().map_err(thrown)?)
    }

    /// Windows that are walked at once: `lane` counts from 0 up to this.
    ///
    /// # Errors
    /// Throws what [`Analysis::open`] reports.
    pub fn lanes(&mut self) -> Result<usize, JsValue> {
        Ok(self.analysis()?.lanes())
    }

    /// What a lane wants: `[offset, length, offset, length, ...]` of at most `max` windows, in their order. The first one is begun, the others are not certain.
    /// Empty when there is nothing left for it.
    ///
    /// # Errors
    /// Throws if a number does not fit into a JavaScript number.
    pub fn want(&mut self, lane: usize, max: usize) -> Result<Vec<f64>, JsValue> {
        let analysis = self.analysis()?;
        let windows = analysis.upcoming_on(lane, max);
        if let Some(&first) = windows.first() {
            analysis.begin(lane, first);
        }
        windows.iter().flat_map(|w| [number(w.offset), number(w.len)]).collect()
    }

    /// Whether a lane's window is not used up: it wants nothing.
    ///
    /// # Errors
    /// Throws what [`Analysis::open`] reports.
    pub fn busy(&mut self, lane: usize) -> Result<bool, JsValue> {
        Ok(self.analysis()?.busy(lane))
    }

    /// Bytes of a lane's window, from where the last ones ended.
    ///
    /// # Errors
    /// Throws if there is no room for them.
    pub fn put(&mut self, lane: usize, bytes: &Uint8Array) -> Result<(), JsValue> {
        let analysis = self.analysis()?;
        let len = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
        let (_, room) = analysis.room(lane);
        let Some(room) = room.get_mut(..len) else {
            return Err(thrown(Error::Usage("more bytes than were wanted".into()).into()));
        };
        bytes.copy_to(room);
        analysis.filled(lane, len);
        Ok(())
    }

    /// As [`put`](DumpSession::put), reading the window of a deflated dump itself.
    ///
    /// # Errors
    /// Throws what reading reports.
    #[wasm_bindgen(js_name = putOwn)]
    pub fn put_own(&mut self, lane: usize) -> Result<(), JsValue> {
        self.analysis()?.read_window(lane).map_err(thrown)
    }

    /// Walks the full windows until one of them is used up; bytes of heap segments that are done.
    ///
    /// # Errors
    /// Throws what [`Analysis::step`] reports.
    pub fn step(&mut self) -> Result<f64, JsValue> {
        number(self.analysis()?.step().map_err(thrown)?.done)
    }

    /// Bytes of all heap segments.
    ///
    /// # Errors
    /// Throws before [`locate`](DumpSession::locate).
    pub fn total(&mut self) -> Result<f64, JsValue> {
        number(self.analysis()?.total())
    }

    /// Resolves the names and ends the session: `{report, head}`; the report as bytes for [`Reports::add`], the head as [`Reports::add`] gives it.
    ///
    /// # Errors
    /// Throws what [`Analysis::finish`] reports.
    pub fn finish(mut self) -> Result<Object, JsValue> {
        self.analysis()?;
        let Stage::Open(analysis) = self.stage else { return Err(JsValue::NULL) };
        handed_out(analysis.finish().map_err(thrown)?)
    }

    /// The report of what was walked so far, as [`finish`](DumpSession::finish) gives it; `undefined` where it would hold up the walk
    /// for longer than it is worth ([`limits::MAX_PARTIAL_TABLES`]), or nothing is certain yet.
    ///
    /// # Errors
    /// Throws what [`Analysis::partial`] reports.
    pub fn partial(&mut self) -> Result<JsValue, JsValue> {
        let analysis = self.analysis()?;
        if analysis.method_tables() > limits::MAX_PARTIAL_TABLES {
            return Ok(JsValue::UNDEFINED);
        }
        match analysis.partial().map_err(thrown)? {
            Some(report) => Ok(handed_out(report)?.into()),
            None => Ok(JsValue::UNDEFINED),
        }
    }
}

fn handed_out(mut report: HeapReport) -> Result<Object, JsValue> {
    // Its bytes are JavaScript's: they are more than this memory should grow by.
    let pieces = Array::new();
    crossing::write(&mut report, &mut |piece| _ = pieces.push(&Uint8Array::from(piece))).map_err(too_large)?;
    let pieces: Vec<Uint8Array> = pieces.iter().map(JsCast::unchecked_into).collect();
    let all = Uint8Array::new_with_length(pieces.iter().fold(0u32, |sum, p| sum.saturating_add(p.length())));
    let mut at = 0u32;
    for piece in pieces {
        all.set(&piece, at);
        at = at.saturating_add(piece.length());
    }
    object(&[("report", all.into()), ("head", head(&mut report)?)])
}

/// The reports of the page and their comparison.
#[wasm_bindgen]
#[derive(Default)]
pub struct Reports {
    /// A few, by the page's number.
    held: Vec<(u32, HeapReport)>,
    compared: Vec<u32>,
    comparison: Option<DiffReport>,
}

/// What an opened row shows. Addresses are strings, as in the reports.
struct Detail<'a> {
    module: &'a str,
    owner: Owner,
    /// What decided whose it is.
    reason: &'a str,
    base_types: Vec<&'a Supertype>,
    interfaces: Vec<&'a Supertype>,
    /// By dump.
    method_tables: Vec<Vec<MethodTable>>,
    /// By dump and generation: addresses of some objects.
    samples: Vec<Vec<Vec<Addr>>>,
}

struct MethodTable {
    address: Addr,
    count: u64,
    size: u64,
}

shown!(Detail<'_> {
    module, owner, reason, base_types: "baseTypes", interfaces, method_tables: "methodTables", samples
});
shown!(MethodTable { address, count, size });

impl MethodTable {
    fn of(row: &MethodTableRow) -> MethodTable {
        MethodTable { address: row.method_table, count: row.count, size: row.total_size }
    }
}

#[wasm_bindgen]
impl Reports {
    /// Holds nothing.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Reports {
        Reports::default()
    }

    /// Keeps a report, as [`DumpSession::finish`] gave it, under the page's number for it. `moves`: assemblies that the reader moved to another class, a
    /// [`Move`](crate::classes::Move) in each line.
    ///
    /// # Errors
    /// Throws if the bytes are no report.
    pub fn add(&mut self, id: u32, report: &Uint8Array, moves: &str) -> Result<(), JsValue> {
        let mut rest = Some(report.clone());
        let mut next = || {
            let bytes = rest.take().filter(|rest| rest.length() > 0)?;
            let line = u32::try_from(bytes.index_of(b'\n', 0)).map_or(bytes.length(), |end| end.saturating_add(1));
            rest = Some(bytes.subarray(line, bytes.length()));
            Some(bytes.subarray(0, line).to_vec())
        };
        let mut report = crossing::read(&mut next)
            .map_err(|e| thrown(Error::Usage(format!("these bytes are no report of dropheap: {e}")).into()))?;
        crate::classes::apply(&mut report, &moves.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>());
        self.held.retain(|held| held.0 != id);
        self.held.push((id, report));
        Ok(())
    }

    /// Forgets a report; of a comparison with it, only what was already handed out remains.
    pub fn remove(&mut self, id: u32) {
        self.held.retain(|held| held.0 != id);
        if self.compared.contains(&id) {
            self.compared.clear();
            self.comparison = None;
        }
    }

    /// Compares reports, one or more, in the order given: `{meta, columns, suspects}`. `meta` is the [`DiffReport`] without rows.
    ///
    /// # Errors
    /// Throws what [`crate::diff::diff`] reports.
    pub fn compare(&mut self, ids: Vec<u32>) -> Result<Object, JsValue> {
        self.comparison = None;
        let reports = ids.iter().map(|id| self.held(*id).ok_or_else(unknown)).collect::<Result<Vec<_>, _>>()?;
        let mut report = crate::diff::diff(&reports).map_err(thrown)?;
        let columns = columns(&Columns::of(&report))?;
        let suspects = match ids.len() {
            1 => JsValue::NULL,
            _ => to_js(&crate::suspects::suspects(&report))?,
        };
        let rows = std::mem::take(&mut report.rows);
        let meta = to_js(&report)?;
        report.rows = rows;
        self.compared = ids;
        self.comparison = Some(report);
        object(&[("meta", meta), ("columns", columns.into()), ("suspects", suspects)])
    }

    /// What the opened row shows: `row` is its place in the columns of the last comparison.
    ///
    /// # Errors
    /// Throws if there is no such row.
    pub fn detail(&self, row: usize) -> Result<JsValue, JsValue> {
        let report = self.comparison.as_ref().ok_or_else(unknown)?;
        let row = report.rows.get(row).ok_or_else(unknown)?;
        let supertypes = |numbers: &[u32]| {
            numbers.iter().filter_map(|&n| report.supertypes.get(usize::try_from(n).ok()?)).collect::<Vec<_>>()
        };
        let assembly = report.assemblies.iter().find(|a| a.name == row.module);
        let tables =
            self.compared.iter().zip(&row.method_tables).map(|(id, own)| self.tables(*id, own)).collect::<Vec<_>>();
        to_js(&Detail {
            module: &row.module,
            owner: row.owner,
            reason: assembly.map_or("", |a| &a.reason),
            base_types: supertypes(&row.base_types),
            interfaces: supertypes(&row.interfaces),
            method_tables: tables.iter().map(|tables| tables.iter().map(|t| MethodTable::of(t)).collect()).collect(),
            samples: tables.iter().map(|tables| samples(tables)).collect(),
        })
    }

    fn held(&self, id: u32) -> Option<&HeapReport> {
        self.held.iter().find(|held| held.0 == id).map(|held| &held.1)
    }

    /// The method tables of a row in one dump, by address: a listing spells names its own way, and knows no modules.
    fn tables(&self, id: u32, own: &[Addr]) -> Vec<&MethodTableRow> {
        let mut own = own.to_vec();
        crate::order::ascending(&mut own);
        let all = self.held(id).map_or(&[][..], |r| &r.method_tables);
        all.iter().filter(|m| own.binary_search(&m.method_table).is_ok()).collect()
    }

    /// The rows of the last comparison by `base`, `interface`, `namespace`, `assembly` or `kind`: [`crate::report::Groups`], and `members`: for each
    /// group the places of its rows in the columns.
    ///
    /// # Errors
    /// Throws if there is no comparison, or no such way to group.
    pub fn group(&self, by: &str) -> Result<JsValue, JsValue> {
        let by = match by {
            "base" => GroupBy::Base,
            "interface" => GroupBy::Interface,
            "namespace" => GroupBy::Namespace,
            "assembly" => GroupBy::Assembly,
            "kind" => GroupBy::Kind,
            _ => return Err(unknown()),
        };
        let (groups, members) = crate::diff::group_with_members(self.comparison.as_ref().ok_or_else(unknown)?, by);
        let groups = to_js(&groups)?;
        let members: Array = members.iter().map(|rows| Uint32Array::from(rows.as_slice())).collect();
        Reflect::set(&groups, &"members".into(), &members)?;
        Ok(groups)
    }
}

#[wasm_bindgen]
impl Reports {
    /// The last comparison as text, byte for byte as the command line prints it: `csv`, `json`, `md` as `diff` does (of one dump: as `stat`); `sos` is
    /// of one dump, the last if `dump` (its place in the comparison) is not given. `names`: `sos` or `csharp`, as usual for the format if not given.
    ///
    /// # Errors
    /// Throws if there is no comparison, or no such format, spelling or dump.
    pub fn save(
        &mut self,
        format: &str,
        names: Option<String>,
        dump: Option<usize>,
        with_command_line: bool,
    ) -> Result<JsString, JsValue> {
        let format = match format {
            "sos" => Format::Sos,
            "csv" => Format::Csv,
            "json" => Format::Json,
            "md" => Format::Md,
            _ => return Err(unknown()),
        };
        let names = match names.as_deref() {
            None => None,
            Some("sos") => Some(Names::Sos),
            Some("csharp") => Some(Names::Csharp),
            Some(_) => return Err(unknown()),
        };
        let comparison = self.comparison.as_mut().ok_or_else(unknown)?;
        let mut out = Strings::default();
        // Neither is copied, since it may have 100,000 rows: what is left out is put back.
        let written = if format == Format::Sos || self.compared.len() == 1 {
            let place = dump.unwrap_or(self.compared.len().saturating_sub(1));
            let id = *self.compared.get(place).ok_or_else(unknown)?;
            let report = self.held.iter_mut().find(|held| held.0 == id).map(|held| &mut held.1).ok_or_else(unknown)?;
            let facts = report.dump.clone();
            if !with_command_line {
                report.dump.redact();
            }
            let written = export::stat(report, format, names, &mut out);
            report.dump = facts;
            written
        } else {
            let dumps = comparison.dumps.clone();
            if !with_command_line {
                comparison.dumps.iter_mut().for_each(|d| d.dump.redact());
            }
            let written = export::diff(comparison, format, names, &mut out);
            comparison.dumps = dumps;
            // The page knows rows by their place.
            crate::diff::arrange(&mut comparison.rows);
            written
        };
        written.map_err(too_large)?;
        out.cut();
        Ok(out.list.join(""))
    }
}

/// A text for JavaScript, given to it piece by piece.
#[derive(Default)]
struct Strings {
    list: Array,
    rest: Vec<u8>,
}

impl Strings {
    /// Bytes of one.
    const ONE: usize = 1 << 20;

    /// Hands out what there is, but for a character that has only begun.
    fn cut(&mut self) {
        let text = match std::str::from_utf8(&self.rest) {
            Ok(text) => text,
            Err(e) => {
                self.rest.get(..e.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
            }
        };
        self.list.push(&JsValue::from_str(text));
        let used = text.len();
        self.rest.drain(..used);
    }
}

impl io::Write for Strings {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() >= Strings::ONE {
            self.cut();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.cut();
        Ok(())
    }
}

/// Of several method tables, addresses by generation.
fn samples(tables: &[&MethodTableRow]) -> Vec<Vec<Addr>> {
    let generations = tables.iter().map(|table| table.samples.generations()).max().unwrap_or(0);
    (0..generations).map(|generation| tables.iter().flat_map(|table| table.samples.get(generation)).collect()).collect()
}

/// The page asked for what it does not have: its fault, not the reader's.
fn unknown() -> JsValue {
    thrown(Error::Usage("there is no such report, comparison or row here".to_owned()).into())
}

/// A report without the parts that are long: those wait in [`Reports`].
fn head(report: &mut HeapReport) -> Result<JsValue, JsValue> {
    report.types = Vec::new();
    report.method_tables = Vec::new();
    report.supertypes = Vec::new();
    to_js(report)
}

fn columns(c: &Columns<'_>) -> Result<Object, JsValue> {
    let places = |numbers: &[u32]| JsValue::from(Uint32Array::from(numbers));
    let numbers = |numbers: &[u64]| {
        let exact = numbers.iter().map(|&n| number(n)).collect::<Result<Vec<f64>, JsValue>>()?;
        Ok::<JsValue, JsValue>(Float64Array::from(exact.as_slice()).into())
    };
    let slots = c.slots.iter().map(|n| n.map_or(Ok(-1.0), number)).collect::<Result<Vec<f64>, JsValue>>()?;
    object(&[
        ("n", number(u64::try_from(c.n).unwrap_or(u64::MAX))?.into()),
        ("dumps", number(u64::try_from(c.dumps).unwrap_or(u64::MAX))?.into()),
        ("strings", c.strings.iter().map(|&text| JsValue::from_str(text)).collect::<Array>().into()),
        ("type", places(&c.type_names)),
        ("csharp", places(&c.csharp)),
        ("module", places(&c.modules)),
        ("namespace", places(&c.namespaces)),
        ("owner", Uint8Array::from(c.owners.as_slice()).into()),
        ("counts", numbers(&c.counts)?),
        ("sizes", numbers(&c.sizes)?),
        ("generationCounts", numbers(&c.generation_counts)?),
        ("generationSizes", numbers(&c.generation_sizes)?),
        ("slots", Float64Array::from(slots.as_slice()).into()),
    ])
}

fn json(value: &dyn Shown) -> Result<Vec<u8>, JsValue> {
    let mut bytes = Vec::new();
    value.show(&mut Printer::exact(&mut bytes)).map_err(too_large)?;
    Ok(bytes)
}

/// A small object: without the detour over a text.
fn flat(value: &Thrown) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

fn to_js(value: &dyn Shown) -> Result<JsValue, JsValue> {
    JSON::parse(&String::from_utf8_lossy(&json(value)?))
}

fn object(fields: &[(&str, JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &JsValue::from_str(name), value)?;
    }
    Ok(object)
}

fn number(value: u64) -> Result<f64, JsValue> {
    if value > MAX_SAFE { Err(too_large(io::ErrorKind::InvalidData.into())) } else { Ok(value as f64) }
}

/// The only way in which writing into memory fails.
fn too_large(_: io::Error) -> JsValue {
    js_sys::Error::new(TOO_LARGE).into()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of that range, or refused")]
fn whole(value: f64) -> Result<u64, JsValue> {
    if value.fract() == 0.0 && (0.0..=MAX_SAFE as f64).contains(&value) {
        return Ok(value as u64);
    }
    Err(js_sys::Error::new("not a whole number that is exact in JavaScript").into())
}

fn thrown(error: Box<Error>) -> JsValue {
    let (code, message, hint) = (error.code(), error.to_string(), error.hint());
    let entries = if let Error::ChooseEntry { entries } = *error { entries } else { Vec::new() };
    let thrown = Thrown { code, message, hint, entries: entries.into_iter().map(Entry).collect() };
    flat(&thrown).unwrap_or_else(|e| e)
}
