//! What a file that is no minidump seems to be, by its first bytes, and the way from there to an analysis.

use crate::error::Error;

/// How many first bytes [`not_a_dump`] likes to see.
pub(super) const SNIFFED: u64 = 4096;

/// First bytes, what they mean, what to do.
const MAGICS: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", ZIP, UNPACK),
    (b"PK\x05\x06", "an empty zip archive", AGAIN),
    (b"PK\x07\x08", ZIP, UNPACK),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"MSCF", "a cabinet archive", UNPACK),
    (b"PAGEDU64", KERNEL, FULL),
    (b"PAGEDUMP", KERNEL, FULL),
    (b"USERDU64", "a user-mode dump in the format of Windows XP and older", FULL),
    (b"USERDUMP", "a user-mode dump in the format of Windows XP and older", FULL),
    (b"Nettrace", "a .nettrace file (dotnet-trace or dotnet-counters)", GCDUMP_NEXT),
    (b"\x14\0\0\0!FastSerialization", GCDUMP, GCDUMP_NEXT),
    (b"!FastSerialization", GCDUMP, GCDUMP_NEXT),
    (b"JAVA PROFILE", "a heap dump of a Java virtual machine (hprof)", "Open it with a Java tool such as Eclipse MAT."),
    (
        b"version https://git-lfs",
        "a git-lfs pointer: the place holder of a large file",
        "Run `git lfs pull` and open the file again.",
    ),
    (b"Microsoft C/C++ MSF 7.00", "a PDB file (debug symbols)", FULL),
    (b"Microsoft C/C++ program database", "a PDB file (debug symbols)", FULL),
    (b"BSJB", "a portable PDB file (debug symbols)", FULL),
    (b"ElfFile\0", "a Windows event log (.evtx)", FULL),
    (b"SQLite format 3\0", "an SQLite database", FULL),
    (b"%PDF-", "a PDF document", FULL),
    (b"\x89PNG", "a PNG picture", FULL),
    (b"\xff\xd8\xff", "a JPEG picture", FULL),
    (b"PMDM", "a minidump of a big-endian machine", FULL),
];

const ZIP: &str = "a zip archive";
const KERNEL: &str = "a dump of the Windows kernel";
const GCDUMP: &str = "a .gcdump file (dotnet-gcdump or PerfView)";
pub(super) const UNPACK: &str = "Unpack it and open the .dmp file inside.";
const AGAIN: &str = "Copy or download the dump again, in binary, and compare the size with the original.";
const FULL: &str =
    "Take a full dump of the process: `procdump -ma PID`, or in Kudu `/api/processes/PID/dump?dumpType=2`.";
const GCDUMP_NEXT: &str =
    "It has no memory of the process in it; take a full dump: `procdump -ma PID` or `dotnet-dump collect --type Full`.";

/// The error for a file that does not begin as a minidump does. `first`: its first bytes.
pub(super) fn not_a_dump(first: &[u8]) -> Box<Error> {
    let (guess, next) = guess(first);
    let guess = if guess.starts_with("it ") { guess } else { format!("it looks like {guess}") };
    Error::NotADump { guess, next: next.to_owned() }.into()
}

fn guess(first: &[u8]) -> (String, &'static str) {
    if let Some((_, what, next)) = MAGICS.iter().find(|(magic, ..)| first.starts_with(magic)) {
        return ((*what).to_owned(), next);
    }
    if first.starts_with(b"\x7fELF") {
        // e_type, at 16 in both classes: 4 is ET_CORE.
        return match first.get(16) {
            Some(4) => {
                ("a Linux core dump".into(), "Core dumps are not supported yet; dumps of Windows processes are.")
            }
            _ => ("a Linux program or library".into(), FULL),
        };
    }
    if matches!(first.get(..4), Some(b"\xcf\xfa\xed\xfe" | b"\xce\xfa\xed\xfe")) {
        return ("a macOS program, library or core dump".into(), "Only dumps of Windows processes are supported.");
    }
    // After PAGEDU64 and the like: MZ is short, and a PE header must follow.
    if first.starts_with(b"MZ") {
        return ("a Windows program or library (.exe, .dll)".into(), FULL);
    }
    if first.iter().all(|&b| b == 0) {
        return ("nothing: its first bytes are all zero, as in a file whose copy never finished".into(), AGAIN);
    }
    if is_text(first) {
        let text: String =
            String::from_utf8_lossy(first).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        if text.starts_with("<!doctype html") || text.starts_with("<html") {
            let next = "A server has answered with a page (a sign-in, perhaps) where a dump was asked for: open it in a browser, then \
                        download the dump again.";
            return ("a web page (HTML)".into(), next);
        }
        if text.starts_with('{') || text.starts_with("[{") {
            return (
                "JSON, perhaps a server's error message".into(),
                "Read it in a text editor; then download the dump again.",
            );
        }
        if crate::events::begins_as_log(&String::from_utf8_lossy(first)) {
            let next = "Run `dropheap events FILE`, or drop it into the page beside the dumps.";
            return ("an event log in XML".into(), next);
        }
        if text.starts_with("<?xml") {
            return ("an XML file".into(), FULL);
        }
        return ("a text file".into(), FULL);
    }
    let hex: Vec<String> = first.iter().take(8).map(|b| format!("{b:02x}")).collect();
    (format!("it begins with {}, not with MDMP", hex.join(" ")), AGAIN)
}

fn is_text(first: &[u8]) -> bool {
    // UTF-16 with a byte order mark, or bytes without control characters.
    matches!(first.get(..2), Some(b"\xff\xfe" | b"\xfe\xff"))
        || first.iter().all(|&b| b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
            // The sniffed bytes may end in the middle of a character.
            && std::str::from_utf8(first).map_or_else(|e| e.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_is_and_what_to_do() {
        let elf = |kind: u8| [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..], &[kind, 0]].concat();
        for (first, what, next) in [
            (b"PK\x03\x04\x14\0".to_vec(), "zip", "Unpack"),
            (b"\x1f\x8b\x08\0".to_vec(), "gzip", "Unpack"),
            (b"\x28\xb5\x2f\xfd\x04".to_vec(), "zstd", "Unpack"),
            (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "7-Zip", "Unpack"),
            (elf(4), "Linux core dump", "not supported yet"),
            (elf(3), "Linux program", "procdump"),
            (b"MZ\x90\0\x03".to_vec(), ".exe", "procdump"),
            (b"\x14\0\0\0!FastSerialization.1".to_vec(), "gcdump", "full dump"),
            (b"Nettrace\x14\0\0\0!FastSerialization.1".to_vec(), "nettrace", "full dump"),
            (b"PAGEDU64\x0f\0".to_vec(), "kernel", "procdump"),
            (b"PAGEDUMP".to_vec(), "kernel", "procdump"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n".to_vec(), "git-lfs", "git lfs pull"),
            (b"\n <!DOCTYPE html><title>Sign in</title>".to_vec(), "web page", "download the dump again"),
            ("\u{feff}<html lang='de'>Ä".as_bytes().to_vec(), "web page", "download the dump again"),
            (b"{\"error\":\"\"}".to_vec(), "JSON", "download"),
            (b"JAVA PROFILE 1.0.2\0".to_vec(), "Java", "MAT"),
            (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec(), "PDB", "procdump"),
            (b"hello, world\n".to_vec(), "text", "procdump"),
            (b"\xff\xfeh\0i\0".to_vec(), "text", "procdump"),
            (b"<?xml version='1.0'?><Events><Event>".to_vec(), "event log", "dropheap events"),
            (b"<Event xmlns='x'><System>".to_vec(), "event log", "dropheap events"),
            (b"<?xml version='1.0'?><EventArgs>".to_vec(), "an XML file", "procdump"),
            (vec![0; 4096], "all zero", "again"),
            (vec![0xde, 0xad, 0xbe, 0xef, 1], "begins with de ad be ef 01,", "again"),
        ] {
            let error = not_a_dump(&first);
            assert_eq!(error.code(), "not-a-dump");
            let (said, hint) = (error.to_string(), error.hint());
            assert!(said.contains(what), "{said} / {what}");
            assert!(hint.contains(next), "{hint} / {next}");
        }
    }

    #[test]
    fn text_may_be_cut_in_the_middle_of_a_character() {
        let text = "ä".repeat(100);
        assert!(is_text(&text.as_bytes()[..101]));
        assert!(!is_text(b"a\xc3\x28 broken utf-8"));
        assert!(!is_text(b"MDMQ\0\x01"));
    }
}
