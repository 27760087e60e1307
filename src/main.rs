//! The command line: arguments -> [`FileSource`](dropheap::source::file::FileSource) -> analysis -> print. See `src/README.md`; no
//! analysis happens here.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::run()
}

/// A browser has no command line; the web build takes the library alone.
#[cfg(target_arch = "wasm32")]
fn main() {}
