//! dropheap rebuilds the heap of a .NET process from the bytes of its memory dump: no DAC, no SOS, no symbols, no debugger.
//!
//! The map of the rooms is `src/README.md`. Dataflow: [`source`] (bytes) -> [`dump`] (which bytes are which addresses) -> [`memory`]
//! -> [`runtime`] (which CLR, proven) -> [`heap`] (segments, walk) -> [`names`], [`types`] -> [`stats`] -> [`report`] -> [`diff`].
//!
//! The core is synchronous and holds no file access of its own; the heap walk is fed by its caller
//! ([`Analysis::upcoming_on`], [`Analysis::step`]), so that it runs over positional reads natively and over streams in a browser.

#![cfg_attr(
    target_arch = "wasm32",
    allow(
        clippy::arc_with_non_send_sync,
        reason = "a source is shared by threads natively; in a browser there are none"
    )
)]

pub mod account;
pub mod analysis;
pub mod classes;
pub mod columns;
pub mod compact;
pub mod crossing;
pub mod diff;
pub mod dump;
pub mod error;
pub mod events;
pub mod export;
pub mod heap;
pub mod image;
pub mod limits;
pub mod listing;
pub(crate) mod maps;
pub mod memory;
pub mod modules;
pub mod names;
pub(crate) mod order;
pub(crate) mod phrase;
pub mod printing;
pub mod process;
pub(crate) mod reading;
pub mod report;
pub mod runtime;
pub mod source;
pub mod stats;
pub mod suspects;
#[cfg(any(test, feature = "synth"))]
pub mod synth;
#[cfg(not(target_arch = "wasm32"))]
pub mod trim;
pub mod types;
#[cfg(not(target_arch = "wasm32"))]
pub mod verify;
#[cfg(target_arch = "wasm32")]
pub mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use analysis::analyze;
pub use analysis::{Analysis, Options, Progress, Window};
pub use error::{Error, Finding, Result};
#[cfg(not(target_arch = "wasm32"))]
pub use trim::{Keep, trim};
#[cfg(not(target_arch = "wasm32"))]
pub use verify::verify;
