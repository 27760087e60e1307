//! `trim`: a smaller dump, written beside its final name and moved there when it is whole.

use super::{Bar, EXACT, FAILED, Failure, args, only, open, options, say};
use dropheap::export::text;
use dropheap::{Keep, trim};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Trims; what it did goes to standard error, since the result is the file.
pub fn run(args: args::Trim) -> Result<u8, Failure> {
    let keep = match args.keep {
        args::Keep::Stat => Keep::Stat,
        args::Keep::Graph => Keep::Graph,
    };
    let source = open(&args.dump)?;
    let before = source.len();
    let options = options(&args.dump, &args.runtime, only(&args.runtime)?)?;
    let after = replace(&args.dump, &args.out, args.force, |out| {
        let bar = Bar::new(&options.file_name);
        trim(source, keep, options.clone(), out, &mut |progress| bar.show(progress))
            .map_err(|error| Failure::dump(&args.dump, &error))
    })?;
    say(&format!(
        "{}: {} -> {}. It still holds data of the process: treat it like the original.",
        args.out.display(),
        text::several(before, "byte", "bytes"),
        text::several(after, "byte", "bytes")
    ));
    Ok(EXACT)
}

/// Writes a new file `out` through a temporary sibling, so that a half-written dump never bears the name. Refuses to touch
/// `input`, and anything else that exists unless told so: whoever gives two dumps here meant `diff`.
fn replace(
    input: &Path,
    out: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>,
) -> Result<u64, Failure> {
    if let (Ok(a), Ok(b)) = (input.canonicalize(), out.canonicalize())
        && a == b
    {
        return Err(Failure::usage("OUT is the dump itself", "Give the trimmed dump another name."));
    }
    if out.exists() && !force {
        let message = format!("{} exists already", out.display());
        return Err(Failure::usage(
            &message,
            "Give another name, or --force to overwrite it. To compare two dumps: dropheap diff.",
        ));
    }
    let sibling = sibling(out)?;
    let file = create(input, &sibling).map_err(|error| output(&sibling, &error))?;
    let written = fill(file, &sibling, write).and_then(|written| {
        fs::rename(&sibling, out).map_err(|error| output(out, &error))?;
        Ok(written)
    });
    if written.is_err() {
        let _ = fs::remove_file(&sibling);
    }
    written
}

fn fill(file: File, name: &Path, write: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>) -> Result<u64, Failure> {
    let mut out = BufWriter::new(file);
    let written = write(&mut out)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|error| output(name, &error))?;
    Ok(written)
}

/// `.OUT.PID.tmp` in the folder of `out`: a rename across folders may be a copy.
fn sibling(out: &Path) -> Result<PathBuf, Failure> {
    let Some(name) = out.file_name() else {
        return Err(Failure::usage(
            &format!("{} is not the name of a file", out.display()),
            "Give the name of the new dump.",
        ));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(out.with_file_name(hidden))
}

/// A new file that nobody may read who could not read the dump.
fn create(input: &Path, name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        options.mode(fs::metadata(input)?.mode() & 0o777 | 0o200);
    }
    #[cfg(not(unix))]
    let _ = input;
    options.open(name)
}

fn output(name: &Path, error: &io::Error) -> Failure {
    Failure {
        exit: FAILED,
        code: "output",
        message: format!("cannot write {}: {error}", name.display()),
        hint: "Check that the folder exists, may be written to and has room.".to_owned(),
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn ok(out: &mut dyn Write) -> Result<u64, Failure> {
        out.write_all(b"small").unwrap();
        Ok(5)
    }

    #[test]
    fn the_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("a.dmp"), folder.path().join("b.dmp"));
        fs::write(&input, "large").unwrap();
        let written = replace(&input, &out, false, |file| {
            assert!(!out.exists());
            ok(file)
        });
        assert_eq!(written.unwrap(), 5);
        assert_eq!(fs::read(&out).unwrap(), b"small");
        assert_eq!(names(folder.path()), ["a.dmp", "b.dmp"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("a.dmp"), folder.path().join("b.dmp"));
        fs::write(&input, "large").unwrap();
        let failed = replace(&input, &out, false, |file| {
            file.write_all(b"half").unwrap();
            Err(Failure::core(dropheap::Error::Cancelled.into()))
        });
        assert_eq!(failed.unwrap_err().code, "cancelled");
        assert_eq!(names(folder.path()), ["a.dmp"]);
        let nowhere = folder.path().join("no/such/folder.dmp");
        assert_eq!(replace(&input, &nowhere, false, ok).unwrap_err().code, "output");
    }

    #[test]
    fn a_dump_is_never_overwritten_by_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("a.dmp"), folder.path().join("b.dmp"));
        fs::write(&input, "afternoon").unwrap();
        fs::write(&out, "evening").unwrap();
        let same = folder.path().join("../").join(folder.path().file_name().unwrap()).join("a.dmp");
        for force in [false, true] {
            assert_eq!(replace(&input, &same, force, ok).unwrap_err().exit, super::super::USAGE);
        }
        assert_eq!(replace(&input, &out, false, ok).unwrap_err().exit, super::super::USAGE);
        assert_eq!((fs::read(&input).unwrap(), fs::read(&out).unwrap()), (b"afternoon".to_vec(), b"evening".to_vec()));
        replace(&input, &out, true, ok).unwrap();
        assert_eq!(fs::read(&out).unwrap(), b"small");
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_stays_a_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("a.dmp"), folder.path().join("b.dmp"));
        fs::write(&input, "large").unwrap();
        fs::set_permissions(&input, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&input, &out, false, ok).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
