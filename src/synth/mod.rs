//! Builders of dumps for tests (feature `synth`): bytes as Windows, a linker or a compiler would write them. They share no code with the
//! readers, so that a mistake in one is not a mistake in both.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: it knows its numbers, and a mistake in it must be loud"
)]

#[cfg(not(target_arch = "wasm32"))]
pub mod big;
pub mod clr;
#[cfg(not(target_arch = "wasm32"))]
pub mod kudu;
pub mod metadata;
pub mod minidump;
pub mod pe;
