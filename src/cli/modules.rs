//! `--modules DIR`: the files of a folder that may be modules of the process. Whether one is, the core decides.

use super::{FAILED, Failure, say};
use dropheap::error::Result;
use dropheap::image::files::ModuleFile;
use dropheap::limits;
use dropheap::source::ByteSource;
use dropheap::source::file::FileSource;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries of folders that are looked at.
const MAX_ENTRIES: usize = limits::MAX_MODULE_FILES;
/// Folders in folders.
const MAX_DEPTH: usize = 32;
/// Modules have these extensions.
const EXTENSIONS: [&str; 2] = ["dll", "exe"];

/// All DLLs and programs in and below `folder`, in the order of their paths. Links to folders are not followed.
pub fn files(folder: &Path) -> Result<Vec<ModuleFile>, Failure> {
    let mut found = Vec::new();
    let mut left = MAX_ENTRIES;
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((at, depth)) = open.pop() {
        let entries = match fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => {
                return Err(Failure {
                    exit: FAILED,
                    code: "io",
                    message: format!("cannot read the folder {}: {error}", folder.display()),
                    hint: "Give --modules a folder with the DLLs of the process.".to_owned(),
                    evidence: Vec::new(),
                });
            }
            // What lies deeper may be closed to us.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let Some(rest) = left.checked_sub(1) else {
                say(&format!(
                    "dropheap: warning: {} holds more than {MAX_ENTRIES} files; the others were not looked at [modules]",
                    folder.display()
                ));
                return Ok(by_path(found));
            };
            left = rest;
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => open.push((path, depth.saturating_add(1))),
                Ok(kind) if !kind.is_dir() && is_module(&path) => found.push(path),
                _ => {}
            }
        }
    }
    Ok(by_path(found))
}

fn is_module(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|e| extension.eq_ignore_ascii_case(e))
}

fn by_path(mut paths: Vec<PathBuf>) -> Vec<ModuleFile> {
    paths.sort();
    let file = |path: PathBuf| {
        let len = fs::metadata(&path).ok().filter(|m| m.is_file())?.len();
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some(ModuleFile::new(name, Arc::new(Reopened { path, len })))
    };
    paths.into_iter().filter_map(file).collect()
}

/// A file that is open only while it is read: a framework has more files than a process may hold open.
struct Reopened {
    path: PathBuf,
    len: u64,
}

impl ByteSource for Reopened {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        FileSource::open(&self.path)?.read_at(offset, buf, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_may_be_a_module_in_every_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for name in ["Z.dll", "a/App.EXE", "a/b/System.Core.Dll", "a/notes.txt", "a/b/dll"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let found = files(folder.path()).unwrap();
        let names: Vec<_> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["Z.dll", "App.EXE", "System.Core.Dll"]);
        let mut buf = [0; 3];
        found[1].source.read_at(2, &mut buf, "x").unwrap();
        assert_eq!(&buf, b"App");
        assert_eq!(found[1].source.len(), 9);
        assert!(found[1].source.read_at(8, &mut buf, "x").is_err());
        assert_eq!(files(&folder.path().join("none")).unwrap_err().code, "io");
    }
}
