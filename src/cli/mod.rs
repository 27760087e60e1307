//! The command line: arguments -> files -> analysis -> print. No analysis here.
//!
//! Standard output gets the result and nothing else; errors, findings and progress go to standard error.

mod account;
mod args;
mod classes;
mod events;
mod grid;
mod info;
mod modules;
mod table;
#[cfg(test)]
mod testing;
mod trim;
mod verify;

use args::{Arguments, By, Command, DiffFormat, Format, InfoFormat};
use clap::Parser;
use dropheap::dump::packed::Unpacking;
use dropheap::dump::{self, Dump};
use dropheap::export::csv::Csv;
use dropheap::export::select::{Filter, Select, Sort};
use dropheap::export::{self, json, md, sheet, sos, text};
use dropheap::report::{ErrorFacts, HeapReport, InfoReport};
use dropheap::source::ByteSource;
use dropheap::source::file::FileSource;
use dropheap::{Error, Finding, Options, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Exit status: the numbers are exact and complete.
const EXACT: u8 = 0;
/// Exit status: nothing could be printed.
const FAILED: u8 = 1;
/// Exit status: the arguments make no sense; also clap's.
const USAGE: u8 = 2;
/// Exit status: printed, but the dump is partial or was taken in a GC.
const PARTIAL: u8 = 3;

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Command::Stat(args) => stat(args),
        Command::Diff(args) => diff(args),
        Command::Info(args) => describe(args),
        Command::Trim(args) => trim::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Events(args) => events::run(args),
    };
    ExitCode::from(ended.unwrap_or_else(|failure| {
        failure.print();
        failure.exit
    }))
}

fn stat(args: args::Stat) -> Result<u8, Failure> {
    let sos = args.format == Format::Sos;
    let by = match args.by {
        Some(By::Type) if sos => {
            return Err(Failure::usage(
                "--format sos cannot be --by type: SOS prints a row per method table",
                "Use --format csv or table with --by type, or leave --by out.",
            ));
        }
        Some(by) => by,
        None if sos => By::Mt,
        None => By::Type,
    };
    let by = export::By::from(by);
    let people = matches!(args.format, Format::Table | Format::Md);
    let select = select(args.rows, args.sort.into(), people, None);

    let mut report = analyse(&args.dump, &args.runtime, only(&args.runtime)?, &args.secrets)?;
    classes::apply(std::slice::from_mut(&mut report), &args.classes.moves)?;
    warn(None, &report.findings);
    remark(&report);
    let status = status(report.exact());
    emit(|out, terminal| match args.format {
        Format::Table | Format::Md => {
            let sheet = sheet::stat(&report, by, &select);
            // All that is shown is in the sheet.
            drop(report);
            if args.format == Format::Md { md::write(&sheet, out) } else { table::write(sheet, out) }
        }
        Format::Sos => sos::write(&report, &select, out),
        Format::Csv => Csv::new(out, terminal).stat(&report, by, &select),
        Format::Json => json::stat(&mut report, &select, out),
    })?;
    Ok(status)
}

fn diff(args: args::Diff) -> Result<u8, Failure> {
    let people = matches!(args.format, DiffFormat::Table | DiffFormat::Md);
    let select = select(args.rows, args.sort.into(), people, args.min_delta);

    let mut reports = Vec::new();
    let entries = &args.runtime.entries;
    if entries.len() > 1 && entries.len() != args.dumps.len() {
        return Err(Failure::usage(
            &format!("--entry is given {} times for {} dumps", entries.len(), args.dumps.len()),
            "Give it once for all dumps, or once for each.",
        ));
    }
    for (number, dump) in args.dumps.iter().enumerate() {
        let report = analyse(dump, &args.runtime, entries.get(number).or(entries.first()), &args.secrets)?;
        warn(Some(dump), &report.findings);
        reports.push(report);
    }
    classes::apply(&mut reports, &args.classes.moves)?;
    let mut report = dropheap::diff::diff(&reports).map_err(Failure::core)?;
    drop(reports);
    report.groups = args.group_by.map(|by| dropheap::diff::group(&report, by.into()));
    report.suspects = args.suspects.then(|| dropheap::suspects::suspects(&report));
    warn(None, &report.findings);
    let status = status(report.exact());
    emit(|out, terminal| match args.format {
        DiffFormat::Table => {
            table::write(sheet::comparison(&report, &select), out)?;
            export::account::sheet(&report)
                .map_or(Ok(()), |memory| writeln!(out).and_then(|()| table::write(memory, out)))
        }
        DiffFormat::Md => md::diff(&report, &select, out),
        DiffFormat::Csv => Csv::new(out, terminal).comparison(&report, &select),
        DiffFormat::Json => json::diff(&mut report, &select, out),
    })?;
    Ok(status)
}

fn describe(args: args::Info) -> Result<u8, Failure> {
    let source = open(&args.dump)?;
    let options = options(&args.dump, &args.runtime, only(&args.runtime)?)?;
    let (mut info, ended) = match walk(&source, &options) {
        Ok(report) => {
            let status = status(report.exact());
            (InfoReport::of(report), Ok(status))
        }
        // No .NET, no heap, an unknown runtime: the head of the dump may still be readable, and tells why.
        Err(error) => match unpacked(source, &options) {
            Ok((source, dump)) => {
                let mut findings = dump.findings.clone();
                let memory = dropheap::account::without_heap(&source, &dump, &mut findings);
                let mut info = InfoReport::failed(dump.facts, &error);
                (info.memory, info.findings) = (Some(memory), findings.into_vec());
                (info, Err(Failure::dump(&args.dump, &error)))
            }
            Err(_) => return Err(Failure::dump(&args.dump, &error)),
        },
    };
    args.secrets.keep(&mut info.dump);
    emit(|out, _| match args.format {
        InfoFormat::Table => info::write(&info, out),
        InfoFormat::Json => json::write(&info, out),
    })?;
    ended
}

fn select(rows: args::Rows, sort: Sort, people: bool, min_delta: Option<u64>) -> Select {
    let names = rows.names.map_or_else(|| export::Names::usual(people), export::Names::from);
    let filter = rows.filter.map(|regex| Filter::new(move |name| regex.is_match(name)));
    Select { names, filter, sort, top: rows.top, min_delta: min_delta.unwrap_or(0) }
}

fn status(exact: bool) -> u8 {
    if exact { EXACT } else { PARTIAL }
}

fn open(dump: &Path) -> Result<Arc<dyn ByteSource>, Failure> {
    match FileSource::open(dump) {
        Ok(source) => Ok(Arc::new(source)),
        // Its words are about a read at an offset; nothing was read yet.
        Err(error) => Err(match &*error {
            Error::Io { reason, .. } => Failure {
                exit: FAILED,
                code: "io",
                message: format!("cannot open {}: {reason}", dump.display()),
                hint: "Check the path and the permission to read it.".to_owned(),
                evidence: Vec::new(),
            },
            error => Failure::dump(dump, error),
        }),
    }
}

fn options(dump: &Path, choice: &args::Runtime, entry: Option<&String>) -> Result<Options, Failure> {
    let file_name = dump.file_name().unwrap_or(dump.as_os_str()).to_string_lossy().into_owned();
    let modules = choice.modules.as_deref().map(modules::files).transpose()?.unwrap_or_default();
    let entry = entry.cloned();
    let (runtime, threads) = (choice.number, choice.threads);
    Ok(Options { file_name, runtime, modules, entry, threads, ..Options::default() })
}

/// The one entry of a command with one dump.
fn only(choice: &args::Runtime) -> Result<Option<&String>, Failure> {
    match choice.entries.as_slice() {
        [] => Ok(None),
        [entry] => Ok(Some(entry)),
        _ => Err(Failure::usage("--entry is given more than once for one dump", "Give the name of one entry.")),
    }
}

/// The head of a dump, whatever else is missing from it, and its bytes.
fn unpacked(source: Arc<dyn ByteSource>, options: &Options) -> dropheap::Result<(Arc<dyn ByteSource>, Dump)> {
    let unpacked = Unpacking::begin(source, options.entry.as_deref())?.finish()?;
    let dump = dump::open_unpacked(&unpacked, &options.file_name)?;
    Ok((unpacked.source, dump))
}

fn analyse(
    dump: &Path,
    choice: &args::Runtime,
    entry: Option<&String>,
    secrets: &args::Secrets,
) -> Result<HeapReport, Failure> {
    let options = options(dump, choice, entry)?;
    let mut report = walk(&open(dump)?, &options).map_err(|error| Failure::dump(dump, &error))?;
    secrets.keep(&mut report.dump);
    Ok(report)
}

fn walk(source: &Arc<dyn ByteSource>, options: &Options) -> dropheap::Result<HeapReport> {
    if let Some(kind) = dropheap::listing::kind(&**source)? {
        return dropheap::listing::read(&**source, &options.file_name, kind);
    }
    let bar = Bar::new(&options.file_name);
    dropheap::analyze(Arc::clone(source), options.clone(), &mut |progress| bar.show(progress))
}

/// A progress bar on standard error, if that is a terminal; gone when dropped.
struct Bar(ProgressBar);

impl Bar {
    fn new(file_name: &str) -> Bar {
        let bar = ProgressBar::new(0).with_message(text::visible(file_name).into_owned());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}") {
            bar.set_style(style);
        }
        Bar(bar)
    }

    fn show(&self, progress: Progress) -> ControlFlow<()> {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
        ControlFlow::Continue(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes the result. A reader that has gone (`| head`) is no error. The closure is told whether a terminal reads.
fn emit(write: impl FnOnce(&mut dyn Write, bool) -> io::Result<()>) -> Result<(), Failure> {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    match write(&mut out, terminal).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure {
            exit: FAILED,
            code: "output",
            message: format!("cannot write the result: {error}"),
            hint: "Check that there is room where standard output goes.".to_owned(),
            evidence: Vec::new(),
        }),
        _ => Ok(()),
    }
}

/// Findings, a line each: those that make a result partial are warnings, others notes.
fn warn(dump: Option<&Path>, findings: &[Finding]) {
    let dump = dump.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    for f in findings {
        let kind = if f.partial { "warning" } else { "note" };
        let times = if f.count > 1 { format!(" ({} times)", text::grouped(f.count)) } else { String::new() };
        say(&format!("dropheap: {kind}: {dump}{}{times} [{}]", f.message, f.code));
    }
}

/// What no finding says but belongs beside the numbers in every format.
fn remark(report: &HeapReport) {
    if let Some(sentence) = &report.runtime.unproven {
        say(&format!("dropheap: note: {sentence} [unproven-runtime]"));
    }
    if let Some(sentence) = sheet::both_counts(&report.heap) {
        say(&format!("dropheap: note: {sentence} [walk-errors]"));
    }
    if !report.exact() && !report.findings.iter().any(|f| f.partial) {
        let coverage = sheet::coverage(report.heap.complete, report.heap.explained_bytes, report.heap.total_bytes);
        let gc = if report.runtime.gc_in_progress { ", taken while a GC moved objects" } else { "" };
        say(&format!("dropheap: warning: the numbers are not exact: {coverage}{gc} [partial-dump]"));
    }
}

/// One line on standard error; if nobody can read it, so be it.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", text::visible(line));
}

/// Why there is no result.
#[derive(Debug)]
struct Failure {
    exit: u8,
    code: &'static str,
    message: String,
    hint: String,
    /// What was tried, a line each.
    evidence: Vec<String>,
}

impl Failure {
    /// An error about one dump.
    fn dump(dump: &Path, error: &Error) -> Failure {
        let facts = ErrorFacts::of(error);
        Failure {
            exit: if matches!(error, Error::Usage(_)) { USAGE } else { FAILED },
            code: error.code(),
            message: format!("{}: {}", dump.display(), facts.message),
            hint: facts.hint,
            evidence: facts.evidence,
        }
    }

    /// An error about no dump in particular.
    fn core(error: Box<Error>) -> Failure {
        Failure { message: error.to_string(), ..Failure::dump(Path::new(""), &error) }
    }

    /// Options that do not fit together.
    fn usage(message: &str, hint: &str) -> Failure {
        Failure { exit: USAGE, code: "usage", message: message.to_owned(), hint: hint.to_owned(), evidence: Vec::new() }
    }

    fn print(&self) {
        say(&format!("dropheap: {} [{}]", self.message, self.code));
        for line in &self.evidence {
            say(&format!("  tried: {line}"));
        }
        say(&format!("hint: {}", self.hint));
    }
}
