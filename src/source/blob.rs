//! A `File` or `Blob` of the browser, read synchronously. `FileReaderSync` exists in workers only.

use super::{ByteSource, check_range};
use crate::error::{Error, Result};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, FileReaderSync};

/// A `Blob` (every `File` is one) and a reader for it. Nothing is read before it is asked for.
#[derive(Debug)]
pub struct BlobSource {
    blob: Blob,
    reader: FileReaderSync,
    len: u64,
}

impl BlobSource {
    /// Takes the handle.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no `FileReaderSync`: outside of a worker.
    pub fn new(blob: Blob) -> Result<BlobSource> {
        let reader = FileReaderSync::new().map_err(|e| io_error("the file", 0, 0, &e))?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a Blob's size is a whole number from 0 to 2^53"
        )]
        let len = blob.size() as u64;
        Ok(BlobSource { blob, reader, len })
    }
}

impl ByteSource for BlobSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        check_range(what, offset, len, self.len)?;
        if buf.is_empty() {
            return Ok(());
        }
        let failed = |e: JsValue| io_error(what, offset, len, &e);
        // Both are at most the Blob's size, hence exact in a f64.
        let slice =
            self.blob.slice_with_f64_and_f64(offset as f64, offset.saturating_add(len) as f64).map_err(failed)?;
        let buffer = self.reader.read_as_array_buffer(&slice).map_err(failed)?;
        let bytes = Uint8Array::new(&buffer);
        if u64::from(bytes.length()) != len {
            let reason = format!("the browser returned {} bytes", bytes.length());
            return Err(Error::Io { what: what.to_owned(), offset, len, reason }.into());
        }
        bytes.copy_to(buf);
        Ok(())
    }
}

/// A DOMException says `NotReadableError: ...` when the file was changed or moved after it was chosen.
fn io_error(what: &str, offset: u64, len: u64, e: &JsValue) -> Box<Error> {
    let reason = match e.dyn_ref::<js_sys::Error>() {
        Some(e) => format!("{}: {}", e.name(), e.message()),
        None => "the browser gave no reason".to_owned(),
    };
    Error::Io { what: what.to_owned(), offset, len, reason }.into()
}
