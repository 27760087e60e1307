//! CRC-32, as zip and gzip have it.

/// Of the bytes so far.
#[cfg(not(target_arch = "wasm32"))]
pub use crc32fast::Hasher;

#[cfg(target_arch = "wasm32")]
pub use made_here::Hasher;

/// `crc32fast` is the fastest by instructions that WebAssembly lacks; there it would be a table of 16 KB that does not compress, a twentieth of the
/// page's WebAssembly. This one is made when it is needed.
#[cfg(target_arch = "wasm32")]
mod made_here {
    use crc::{CRC_32_ISO_HDLC, Crc, Digest, Table};
    use std::sync::LazyLock;

    static CRC: LazyLock<Crc<u32, Table<16>>> = LazyLock::new(|| Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC));

    /// Of the bytes so far.
    #[derive(Clone)]
    pub struct Hasher(Digest<'static, u32, Table<16>>);

    impl Hasher {
        /// Of no bytes.
        #[allow(clippy::new_without_default, reason = "as in crc32fast")]
        pub fn new() -> Hasher {
            Hasher(CRC.digest())
        }

        /// Adds bytes.
        pub fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        /// The checksum.
        pub fn finalize(self) -> u32 {
            self.0.finalize()
        }
    }
}
