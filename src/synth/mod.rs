//! Makes the input of tests: bytes as Windows, a linker or a compiler would write them. Shares no code with the readers, so that both
//! cannot make the same mistake. Only with the feature `synth`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "builds the input of tests; panics there are failed tests"
)]

pub mod metadata;
pub mod pe;
