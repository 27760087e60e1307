//! The command line as other programs see it: exit status, what goes to which stream, the words of an error. What the formats look like is
//! tested beside them, in `src/cli`.

#![allow(clippy::unwrap_used, reason = "tests")]

use assert_cmd::Command;
use dropheap::synth::clr::{self, Scenario, modern};
use dropheap::synth::minidump::Builder;
use std::path::{Path, PathBuf};
use std::process::Output;

fn dropheap(arguments: &[&str]) -> Output {
    Command::cargo_bin("dropheap").unwrap().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a file of these bytes.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Exit 1, nothing on standard output, `dropheap: MESSAGE [CODE]` and a hint on standard error.
fn assert_refused(output: &Output, code: &str) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(text(&output.stdout), "", "{stderr}");
    assert!(stderr.starts_with("dropheap: "), "{stderr}");
    assert!(stderr.lines().next().unwrap().ends_with(&format!("[{code}]")), "{stderr}");
    assert!(stderr.lines().last().unwrap().starts_with("hint: "), "{stderr}");
    stderr
}

/// A minidump of a process with memory and modules, but without .NET.
fn native() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.misc_info(4711, 1_700_000_000).time_date_stamp(1_700_000_060);
    builder.module(r"C:\Windows\System32\notepad.exe", 0x1_4000_0000, 0x1000, [10, 0, 18362, 1], 0x5f00_0000);
    builder.memory(0x1_4000_0000, vec![0_u8; 0x1000]);
    builder.memory(0x2_0000_0000, vec![0_u8; 0x10_0000]);
    builder.finish()
}

#[test]
fn usage_errors_are_2() {
    for line in [
        &["stat"][..],
        &["stat", "a.dmp", "--sort", "delta"],
        &["diff", "a.dmp"],
        &["diff", "a.dmp", "b.dmp", "--format", "sos"],
        &["stat", "a.dmp", "--format", "sos", "--by", "type"],
        &["stat", "a.dmp", "--filter", "("],
        &["frobnicate"],
        &[],
    ] {
        let output = dropheap(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert_eq!(text(&output.stdout), "", "{line:?}");
        assert!(!output.stderr.is_empty(), "{line:?}");
    }
}

/// `--runtime` chooses among the runtimes of a process; a number that none has is a usage error that lists them.
#[test]
fn the_runtimes_of_a_process() {
    let core = Scenario { objects: 60, shift: 0x10_0000_0000, ..Scenario::net(8, modern::X64) };
    let (_folder, path) = file("two.dmp", &clr::process(&[Scenario::framework(8), core]).0);
    for (choice, name) in [(&[][..], ".NET 8.0.13 x64"), (&["--runtime", "0"], ".NET Framework 4.7.3535 x64")] {
        let output = dropheap(&[&["stat", str(&path)], choice].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(text(&output.stdout).lines().next().unwrap().contains(name));
        assert!(
            stderr.contains("1: .NET 8.0.13 (coreclr.dll at ") && stderr.contains("[several-runtimes]"),
            "{stderr}"
        );
    }
    let info = text(&dropheap(&["info", str(&path)]).stdout);
    assert!(info.lines().any(|l| l.starts_with("Not read ") && l.ends_with("`--runtime 0` reads it")), "{info}");
    let output = dropheap(&["diff", str(&path), str(&path), "--runtime", "2"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    assert!(text(&output.stderr).contains("0: .NET Framework 4.7.3535 (clr.dll at "));
}

/// A runtime that no real dump was ever read of is labelled whatever the format: in the result, or where that is for programs that expect
/// rows alone, on standard error.
#[test]
fn an_unproven_runtime_is_labelled_in_every_format() {
    const SENTENCE: &str = "layout not yet proven on a real dump of this runtime; ";
    let (_folder, path) = file("a.dmp", &Scenario::net(11, modern::X64).build().dump);
    let says = |line: &[&str], in_result: bool| {
        let output = dropheap(line);
        assert_eq!(output.status.code(), Some(0), "{line:?} {}", text(&output.stderr));
        let said = [text(&output.stdout).contains(SENTENCE), text(&output.stderr).contains(SENTENCE)];
        assert!(if in_result { said[0] } else { said == [false, true] }, "{line:?} {said:?}");
    };
    let dump = str(&path);
    for (format, in_result) in [("table", true), ("md", true), ("json", true), ("csv", false), ("sos", false)] {
        says(&["stat", dump, "--format", format], in_result);
        if format != "sos" {
            says(&["diff", dump, dump, "--format", format], in_result);
        }
    }
    for command in ["info", "verify"] {
        for format in ["table", "json"] {
            says(&[command, dump, "--format", format], true);
        }
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for line in [&["--help"][..], &["stat", "--help"], &["help", "diff"], &["trim", "--help"], &["--version"]] {
        let output = dropheap(line);
        assert_eq!(output.status.code(), Some(0), "{line:?}");
        assert_eq!(text(&output.stderr), "", "{line:?}");
    }
    assert_eq!(text(&dropheap(&["--version"]).stdout), format!("dropheap {}\n", env!("CARGO_PKG_VERSION")));
    let help = text(&dropheap(&["trim", "--help"]).stdout);
    assert!(help.contains("STILL HOLDS THE PROCESS'S DATA"), "{help}");
}

#[test]
fn a_file_that_is_not_there() {
    for command in ["stat", "info"] {
        let stderr = assert_refused(&dropheap(&[command, "no-such-file.dmp"]), "io");
        assert!(stderr.starts_with("dropheap: cannot open no-such-file.dmp: "), "{stderr}");
    }
    assert_refused(&dropheap(&["trim", "no-such-file.dmp", "out.dmp"]), "io");
}

#[test]
fn a_file_that_is_not_a_dump() {
    let (_folder, path) = file("notes.txt", b"These are the notes of the incident, and no dump at all.\n");
    for command in ["stat", "info"] {
        let stderr = assert_refused(&dropheap(&[command, str(&path)]), "not-a-dump");
        assert!(stderr.contains("notes.txt: "), "{stderr}");
    }
    let (_folder, path) = file("empty.dmp", b"");
    assert_refused(&dropheap(&["stat", str(&path)]), "empty-file");
}

#[test]
fn a_dump_without_a_heap() {
    let (_folder, path) = file("mini.dmp", &Builder::new().finish());
    let stderr = assert_refused(&dropheap(&["stat", str(&path)]), "no-heap-memory");
    assert!(stderr.contains("procdump -ma"), "{stderr}");
}

#[test]
fn a_dump_without_dotnet() {
    let (_folder, path) = file("notepad.dmp", &native());
    assert_refused(&dropheap(&["stat", str(&path)]), "no-runtime");
    // A comparison names the file it could not read.
    let stderr = assert_refused(&dropheap(&["diff", str(&path), str(&path)]), "no-runtime");
    assert!(stderr.contains("notepad.dmp: "), "{stderr}");
}

/// What is known of a dump is told even if its heap cannot be had.
#[test]
fn info_of_a_dump_without_dotnet() {
    let (_folder, path) = file("notepad.dmp", &native());
    let output = dropheap(&["info", str(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("\nProcess id     4711\n") && stdout.contains("\nUptime         1 min 0 s\n"), "{stdout}");
    assert!(text(&output.stderr).contains("[no-runtime]"));
    let output = dropheap(&["info", str(&path), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "dropheap.info/1");
    assert_eq!(json["dump"]["pid"], 4711);
    assert_eq!(json["runtime"], serde_json::Value::Null);
    assert_eq!(json["error"]["code"], "no-runtime");
}

/// A stranger's file name or message must not speak to the terminal.
#[test]
fn errors_hold_no_escape_sequences() {
    let output = dropheap(&["stat", "no\u{1b}[2Jsuch\nfile.dmp"]);
    let stderr = assert_refused(&output, "io");
    assert!(stderr.contains(r"no\u{1b}[2Jsuch\u{a}file.dmp"), "{stderr}");
}

#[test]
fn trim_never_touches_a_dump_that_exists() {
    let (folder, path) = file("a.dmp", &native());
    let other = folder.path().join("b.dmp");
    std::fs::write(&other, b"precious").unwrap();
    for line in [&["trim", str(&path), str(&path), "--force"][..], &["trim", str(&path), str(&other)]] {
        let output = dropheap(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert!(text(&output.stderr).contains("hint: "));
    }
    assert_eq!(std::fs::read(&path).unwrap(), native());
    assert_eq!(std::fs::read(&other).unwrap(), b"precious");
}

#[cfg(target_os = "linux")]
mod streams {
    use super::*;
    use std::process::{Command, Stdio};

    fn info(path: &Path) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("dropheap"));
        command.args(["info", str(path)]).stderr(Stdio::piped());
        command
    }

    /// `dropheap ... | head -0` is no error of its own and no panic.
    #[test]
    fn a_reader_that_has_gone() {
        let (_folder, path) = file("notepad.dmp", &native());
        let mut child = info(&path).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("[no-runtime]") && !stderr.contains("panicked") && !stderr.contains("[output]"),
            "{stderr}"
        );
    }

    /// A full disk is.
    #[test]
    fn a_disk_that_is_full() {
        let (_folder, path) = file("notepad.dmp", &native());
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = info(&path).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("[output]"), "{}", text(&output.stderr));
    }

    /// Nobody hears the errors: the exit status still tells.
    #[test]
    fn a_closed_standard_error() {
        let mut child = info(Path::new("no-such-file.dmp")).stdout(Stdio::null()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}

/// `--class` moves an assembly in every format; a name that is not there is a usage error that says which are.
#[test]
fn an_assembly_is_moved_by_hand() {
    let (folder, path) = file("a.dmp", &clr::process(&[Scenario::net(8, modern::X64)]).0);
    let assemblies = |line: &[&str]| -> Vec<(String, String, String)> {
        let output = dropheap(line);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let word = |a: &serde_json::Value, key: &str| a[key].as_str().unwrap().to_owned();
        let all = json["assemblies"].as_array().unwrap();
        all.iter().map(|a| (word(a, "name"), word(a, "owner"), word(a, "reason"))).collect()
    };
    let stat = ["stat", str(&path), "--format", "json"];
    let (name, class, reason) = assemblies(&stat).remove(0);
    let to = if class == "yours" { "library" } else { "yours" };
    let (moved, lower) = (format!("{name}={to}"), format!("{}={to}", name.to_lowercase()));
    let expected = (name.clone(), to.to_owned(), format!("moved by you; otherwise {class}: {reason}"));
    for class in [&moved, &lower] {
        assert_eq!(assemblies(&[&stat[..], &["--class", class]].concat())[0], expected);
        let diff = ["diff", str(&path), str(&path), "--format", "json", "--class", class];
        assert_eq!(assemblies(&diff)[0], expected);
    }
    let by_kind = text(
        &dropheap(&["diff", str(&path), str(&path), "--group-by", "kind", "--format", "csv", "--class", &moved]).stdout,
    );
    assert!(by_kind.lines().any(|line| line.starts_with(to)), "{by_kind}");

    let refused = |line: &[&str]| {
        let output = dropheap(line);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{line:?}");
        text(&output.stderr)
    };
    let stderr = refused(&[&stat[..], &["--class", &format!("{name}.dll=yours")]].concat());
    assert!(
        stderr.contains(&format!("no assembly of the heap is called {name}.dll"))
            && stderr.contains(&format!("Like it: {name}")),
        "{stderr}"
    );
    let stderr = refused(&[&stat[..], &["--class", &moved, "--class", &lower]].concat());
    assert!(stderr.contains("twice"), "{stderr}");
    assert!(
        refused(&[&stat[..], &["--class", "Shop=mine"]].concat()).contains("NAME=runtime, NAME=library or NAME=yours")
    );
    drop(folder);
}
