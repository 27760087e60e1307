//! Files mapped in the process, read from dump memory: PE headers, exports, resources ([`pe`]) and the ECMA-335 metadata of managed
//! modules ([`metadata`]), only what recognising a runtime and naming a type need; what the dump lacks of an image, from the
//! user's files ([`files`]). Nothing here knows what a heap is.

pub mod files;
pub mod metadata;
pub mod pe;

pub use metadata::Metadata;
pub use pe::PeImage;
