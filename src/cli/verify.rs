//! `verify`: the invariants, a line each.

use super::args::{self, InfoFormat};
use super::grid::Grid;
use super::{Bar, EXACT, FAILED, Failure, PARTIAL, emit, only, open, options, warn};
use dropheap::export::json;
use dropheap::export::text::{grouped, several, visible};
use dropheap::report::percent;
use dropheap::verify::{Invariant, Verdict, VerifyReport, verify};
use std::io::{self, Write};

/// Verifies one dump; the verdict is the exit status.
pub fn run(args: args::Verify) -> Result<u8, Failure> {
    let source = open(&args.dump)?;
    let options = options(&args.dump, &args.runtime, only(&args.runtime)?)?;
    let bar = Bar::new(&options.file_name);
    let report = verify(source, options, &mut |progress| bar.show(progress))
        .map_err(|error| Failure::dump(&args.dump, &error))?;
    drop(bar);
    warn(None, &report.findings);
    emit(|out, _| match args.format {
        InfoFormat::Table => write(&report, out),
        InfoFormat::Json => json::write(&report, out),
    })?;
    Ok(match report.verdict {
        Verdict::Holds => EXACT,
        Verdict::Broken => FAILED,
        Verdict::Undecided => PARTIAL,
    })
}

fn write(report: &VerifyReport, out: &mut dyn Write) -> io::Result<()> {
    let rt = &report.runtime;
    let mut fact = |title: &str, value: &str| writeln!(out, "{title:<14} {}", visible(value));
    fact("File", &report.dump.file_name)?;
    fact("Runtime", &format!("{}, {}, {}, {}", rt.name, rt.architecture, rt.gc_mode, rt.gc_layout))?;
    if let Some(sentence) = &rt.unproven {
        fact("Not proven", sentence)?;
    }
    let background = match report.background_gc {
        Some(true) => "a background GC was running",
        Some(false) => "no background GC was running",
        None => "whether a background GC was running is not known",
    };
    fact("GC state", &format!("gc_structures_invalid_cnt {}; {background}", report.gc_structures_invalid_cnt))?;
    fact(
        "Coverage",
        &format!(
            "{} ({} of {}), {}",
            percent(report.explained_bytes, report.total_bytes),
            grouped(report.explained_bytes),
            several(report.total_bytes, "byte", "bytes"),
            several(report.objects, "object", "objects")
        ),
    )?;
    let c = &report.references;
    fact(
        "References",
        &format!(
            "{} of {} not null, in {} of {}; {} into objects, {} outside the heap",
            grouped(c.non_null),
            grouped(c.checked),
            several(c.objects, "object", "objects"),
            several(c.method_tables, "method table", "method tables"),
            grouped(c.inside),
            grouped(c.outside)
        ),
    )?;
    writeln!(out)?;
    let mut grid = Grid::new(&["Checked", "Failed", "Verdict", "Invariant", ""], &[true, true, false, false, false]);
    for i in &report.invariants {
        grid.row(vec![
            grouped(i.checked),
            grouped(i.failed),
            verdict(i.verdict).to_owned(),
            i.code.clone(),
            i.statement.clone(),
        ]);
    }
    grid.write(out)?;
    for i in report.invariants.iter().filter(|i| i.verdict != Verdict::Holds) {
        details(i, out)?;
    }
    writeln!(out, "\n{} of {} invariants hold", report.holding(), report.invariants.len())
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Broken => "BROKEN",
        Verdict::Undecided => "undecided",
    }
}

fn details(i: &Invariant, out: &mut dyn Write) -> io::Result<()> {
    let note = i.note.as_deref().map(|n| format!(": {n}")).unwrap_or_default();
    writeln!(out, "\n{} {}{}", i.code, verdict(i.verdict), visible(&note))?;
    for example in &i.examples {
        writeln!(out, "  {}", visible(example))?;
    }
    let told = u64::try_from(i.examples.len()).unwrap_or(u64::MAX);
    match i.failed.saturating_sub(told) {
        0 => Ok(()),
        more => writeln!(out, "  and {} more", grouped(more)),
    }
}
