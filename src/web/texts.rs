//! Files that are no dumps: saved listings in the place of one, event logs.

use super::{Reports, handed_out, thrown, to_js};
use crate::error::Error;
use crate::events::{self, EventsReport};
use crate::listing;
use crate::reading::{self, Slot};
use crate::report::DumpFacts;
use crate::source::blob::BlobSource;
use js_sys::{JSON, Object};
use wasm_bindgen::prelude::*;

/// What to read a file as: `listing` ([`read_listing`]), `events` ([`read_events`]), else `dump`, which says what the file is if it is none.
///
/// # Errors
/// Throws if its first bytes cannot be read.
#[wasm_bindgen(js_name = fileKind)]
pub fn file_kind(file: web_sys::File) -> Result<String, JsValue> {
    let source = BlobSource::new(file.into()).map_err(thrown)?;
    let events = events::is_event_log(&source).map_err(thrown)?;
    let listing = listing::kind(&source).map_err(thrown)?.is_some();
    Ok(if events {
        "events"
    } else if listing {
        "listing"
    } else {
        "dump"
    }
    .to_owned())
}

/// A saved listing, CSV or JSON in the place of a dump: `{report, head}`, as a dump's session ends with.
///
/// # Errors
/// Throws what [`listing::read`] reports.
#[wasm_bindgen(js_name = readListing)]
pub fn read_listing(file: web_sys::File) -> Result<Object, JsValue> {
    let name = file.name();
    let source = BlobSource::new(file.into()).map_err(thrown)?;
    let kind = listing::kind(&source).map_err(thrown)?.unwrap_or(listing::Kind::Text);
    handed_out(listing::read(&source, &name, kind).map_err(thrown)?)
}

/// The lives of worker processes by an event log: [`EventsReport`], without dumps.
///
/// # Errors
/// Throws what [`events::read`] reports.
#[wasm_bindgen(js_name = readEvents)]
pub fn read_events(file: web_sys::File) -> Result<JsValue, JsValue> {
    let name = file.name();
    let source = BlobSource::new(file.into()).map_err(thrown)?;
    to_js(&events::read(&source, &name, &[]).map_err(thrown)?)
}

#[wasm_bindgen]
impl Reports {
    /// What [`read_events`] gave, with dumps in their lives; `dumps` are the `dump` of their heads.
    ///
    /// # Errors
    /// Throws if they are none.
    pub fn lives(&self, events: &JsValue, dumps: &JsValue) -> Result<JsValue, JsValue> {
        let report: EventsReport = from_js(events)?;
        let dumps: Vec<DumpFacts> = from_js(dumps)?;
        to_js(&events::with_dumps(report, &dumps))
    }
}

fn from_js<T: Slot + Default>(value: &JsValue) -> Result<T, JsValue> {
    let text = String::from(JSON::stringify(value)?);
    reading::from_slice(text.as_bytes())
        .map_err(|e| thrown(Error::Usage(format!("this is no value of dropheap: {e}")).into()))
}
