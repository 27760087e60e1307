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

/// xorshift64*: the same numbers for the same seed, which must not be 0, on every machine.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number below `n`; 0 for 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}
