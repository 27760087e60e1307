//! A file on disk, read at positions: no map (a network file that shrinks would kill the process), no shared cursor.

use super::{ByteSource, check_range, truncated};
use crate::error::{Error, Result};
use std::fs::File;
use std::io;
use std::path::Path;

/// A file opened for positional reads. Threads may share it.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens the file and takes its length.
    ///
    /// # Errors
    /// [`Error::Io`] with the system's words, or if it is a directory.
    pub fn open(path: &Path) -> Result<FileSource> {
        let failed = |reason: String| Error::Io { what: path.display().to_string(), offset: 0, len: 0, reason };
        let file = File::open(path).map_err(|e| failed(e.to_string()))?;
        let meta = file.metadata().map_err(|e| failed(e.to_string()))?;
        if meta.is_dir() {
            return Err(failed("it is a directory".into()).into());
        }
        Ok(FileSource { file, len: meta.len() })
    }
}

impl ByteSource for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        check_range(what, offset, len, self.len)?;
        read_exact_at(&self.file, offset, buf).map_err(|e| match e.kind() {
            // It was long enough when it was opened.
            io::ErrorKind::UnexpectedEof => {
                truncated(what, offset, len, self.file.metadata().map_or(self.len, |meta| meta.len()))
            }
            _ => Error::Io { what: what.to_owned(), offset, len, reason: e.to_string() }.into(),
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
    while !buf.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buf = buf.get_mut(n..).unwrap_or_default();
                offset = offset.saturating_add(n as u64);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_at_positions_and_refuses_beyond_the_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        let source = FileSource::open(file.path()).unwrap();
        assert_eq!(source.len(), 10);
        let mut buf = [0; 4];
        source.read_at(6, &mut buf, "tail").unwrap();
        assert_eq!(&buf, b"6789");
        source.read_at(0, &mut buf, "head").unwrap();
        assert_eq!(&buf, b"0123");
        let error = source.read_at(7, &mut buf, "four bytes").unwrap_err();
        assert!(matches!(*error, Error::Truncated { offset: 7, len: 4, file_len: 10, .. }), "{error}");
        assert!(source.read_at(u64::MAX, &mut buf, "far away").is_err());
    }

    #[test]
    fn a_file_that_shrinks_is_truncated_not_wrong() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 100]).unwrap();
        let source = FileSource::open(file.path()).unwrap();
        file.as_file().set_len(50).unwrap();
        let error = source.read_at(40, &mut [0; 20], "x").unwrap_err();
        assert!(matches!(*error, Error::Truncated { file_len: 50, .. }), "{error}");
    }

    #[test]
    fn no_file_and_a_directory_are_io_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(FileSource::open(dir.path()).unwrap_err().code(), "io");
        assert_eq!(FileSource::open(&dir.path().join("none.dmp")).unwrap_err().code(), "io");
    }
}
