//! The shim between the page's worker and the core: a `File` in, JavaScript values out. No analysis here.        [wasm32]
//!
//! Numbers cross as JavaScript numbers; one that does not fit (2^53 and above) is an error, never rounded. Errors are thrown as
//! plain objects `{name, code, message, hint}`, which survive `postMessage`.

use crate::error::Error;
use crate::image::files::ModuleFile;
use crate::report::HeapReport;
use crate::source::blob::BlobSource;
use crate::{Analysis, Options, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// The core's [`Error`] as the page sees it.
#[derive(Serialize)]
struct Thrown {
    name: &'static str,
    code: &'static str,
    message: String,
    hint: String,
}

/// A heap window that the walk wants: `[offset, length]` in JavaScript.
type JsWindow = (u64, u64);

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

/// The comparison of several reports (those that `finish` made), in the order given.
///
/// # Errors
/// Throws if they are no reports or too many.
#[wasm_bindgen]
pub fn diff(reports: JsValue) -> Result<JsValue, JsValue> {
    let reports: Vec<HeapReport> = from_js(reports)?;
    to_js(&crate::diff::diff(&reports).map_err(thrown)?)
}

/// The error of an asynchronous read that the browser refused; `reason` is the browser's word for it.
///
/// # Errors
/// Throws if a number is none.
#[wasm_bindgen(js_name = readError)]
pub fn read_error(offset: JsValue, len: JsValue, reason: String) -> Result<JsValue, JsValue> {
    let what = "a window of the heap".to_owned();
    Ok(thrown(Error::Io { what, offset: from_js(offset)?, len: from_js(len)?, reason }))
}

/// What to show if this instance traps later (its memory is not to be trusted then, so the words are fetched before).
#[wasm_bindgen(js_name = crashError)]
pub fn crash_error() -> Result<JsValue, JsValue> {
    to_js(&Thrown {
        name: "Error",
        code: "crash",
        message: "dropheap stopped at a fault of its own while reading this file".to_owned(),
        hint: "Please report it with the runtime's version and the technical details below (they hold no data of the process). \
               The command line, `dropheap stat FILE`, may get further."
            .to_owned(),
    })
}

/// One dump under analysis: `open` -> `locate` -> (`upcoming`, `feed`)* -> `finish`.
#[wasm_bindgen]
pub struct DumpSession {
    analysis: Analysis,
    window: Vec<u8>,
}

#[wasm_bindgen]
impl DumpSession {
    /// Reads the head of the dump (only in a worker: the reads are synchronous). `runtime`: which of [`crate::report::RuntimeFacts::candidates`],
    /// the one with the largest heap if absent. `modules`: files that may be modules of the process, for what the dump lacks of them; they
    /// are read page by page, and only those that are.
    ///
    /// # Errors
    /// Throws what [`Analysis::open`] reports.
    pub fn open(
        file: web_sys::File,
        runtime: Option<usize>,
        modules: Option<Vec<web_sys::File>>,
    ) -> Result<DumpSession, JsValue> {
        let module = |file: web_sys::File| -> Result<ModuleFile, Error> {
            let name = file.name();
            Ok(ModuleFile::new(name, Arc::new(BlobSource::new(file.into())?)))
        };
        let modules = modules.unwrap_or_default().into_iter().take(limits::MAX_MODULE_FILES);
        let modules = modules.map(module).collect::<Result<_, _>>().map_err(thrown)?;
        let options = Options { file_name: file.name(), runtime, window: limits::WINDOW_WEB, modules };
        let source = BlobSource::new(file.into()).map_err(thrown)?;
        let analysis = Analysis::open(Arc::new(source), options).map_err(thrown)?;
        Ok(DumpSession { analysis, window: Vec::new() })
    }

    /// [`crate::report::DumpFacts`].
    ///
    /// # Errors
    /// Throws if a number does not fit into a JavaScript number.
    #[wasm_bindgen(js_name = dumpFacts)]
    pub fn dump_facts(&self) -> Result<JsValue, JsValue> {
        to_js(self.analysis.dump_facts())
    }

    /// Finds the runtime and its heap: [`crate::report::RuntimeFacts`].
    ///
    /// # Errors
    /// Throws what [`Analysis::locate`] reports.
    pub fn locate(&mut self) -> Result<JsValue, JsValue> {
        to_js(self.analysis.locate().map_err(thrown)?)
    }

    /// The next windows to feed, `[offset, length]` each; empty at the end. Only the first is certain.
    ///
    /// # Errors
    /// Throws if a number does not fit into a JavaScript number.
    pub fn upcoming(&self, max: usize) -> Result<JsValue, JsValue> {
        let windows: Vec<JsWindow> = self.analysis.upcoming(max).iter().map(|w| (w.offset, w.len)).collect();
        to_js(&windows)
    }

    /// Walks the bytes of one window: `{done, total}` in bytes of heap segments.
    ///
    /// # Errors
    /// Throws what [`Analysis::feed`] reports.
    pub fn feed(&mut self, offset: JsValue, bytes: &js_sys::Uint8Array) -> Result<JsValue, JsValue> {
        let offset: u64 = from_js(offset)?;
        // One buffer for all windows: a fresh one each time would grow the memory by fragments.
        self.window.resize(usize::try_from(bytes.length()).unwrap_or(0), 0);
        bytes.copy_to(&mut self.window);
        let progress = self.analysis.feed(offset, &self.window).map_err(thrown)?;
        to_js(&ProgressJs { done: progress.done, total: progress.total })
    }

    /// Resolves the names and ends the session: a [`HeapReport`].
    ///
    /// # Errors
    /// Throws what [`Analysis::finish`] reports.
    pub fn finish(self) -> Result<JsValue, JsValue> {
        drop(self.window);
        to_js(&self.analysis.finish().map_err(thrown)?)
    }
}

/// [`crate::Progress`] in JavaScript.
#[derive(Serialize)]
struct ProgressJs {
    done: u64,
    total: u64,
}

fn thrown(error: Error) -> JsValue {
    let thrown = Thrown { name: "Error", code: error.code(), message: error.to_string(), hint: error.hint() };
    to_js(&thrown).unwrap_or_else(|e| e)
}

fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(JsValue::from)
}

fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(JsValue::from)
}
