//! `events`: the lives of worker processes by an event log, and which dump is of which life.

use super::args::{self, DiffFormat};
use super::{Failure, emit, open, options, status, table, warn};
use dropheap::Analysis;
use dropheap::export::csv::Csv;
use dropheap::export::{events, json, md};
use dropheap::report::DumpFacts;
use std::path::Path;
use std::sync::Arc;

/// Reads the log, and the heads of the dumps.
pub fn run(args: args::Events) -> Result<u8, Failure> {
    let dumps = args.dumps.iter().map(|dump| facts(dump)).collect::<Result<Vec<_>, _>>()?;
    let source = open(&args.log)?;
    let name = args.log.file_name().unwrap_or(args.log.as_os_str()).to_string_lossy();
    let report = dropheap::events::read(&*source, &name, &dumps).map_err(|error| Failure::dump(&args.log, &error))?;
    warn(None, &report.findings);
    let status = status(report.exact());
    emit(|out, terminal| match args.format {
        DiffFormat::Table => table::write(events::sheet(&report), out),
        DiffFormat::Md => md::write(&events::sheet(&report), out),
        DiffFormat::Csv => Csv::new(out, terminal).lives(&report),
        DiffFormat::Json => json::write(&report, out),
    })?;
    Ok(status)
}

/// Which process, which moment. A dump without a heap tells that too.
fn facts(dump: &Path) -> Result<DumpFacts, Failure> {
    let source = open(dump)?;
    let options = options(dump, &args::Runtime { number: None, modules: None, entries: Vec::new(), threads: 0 }, None)?;
    match Analysis::open(Arc::clone(&source), options.clone()) {
        Ok(analysis) => Ok(analysis.dump_facts().clone()),
        Err(error) => match dropheap::dump::open(&*source, &options.file_name) {
            Ok(head) => Ok(head.facts),
            Err(_) => Err(Failure::dump(dump, &error)),
        },
    }
}
