//! `info`: what the file is, which process, which runtime, where its heap is, how each of them was found, and how much of the heap
//! is explained.

use super::grid::Grid;
use dropheap::export::sheet::{both_counts, coverage, listing};
use dropheap::export::text::{duration, grouped, several, visible};
use dropheap::memory::Addr;
use dropheap::report::{
    Cell, CloneFacts, Evidence, GENERATIONS, HeapFacts, InfoReport, LargeFree, RuntimeFacts, percent, utc,
};
use std::io::{self, Write};

/// The text; JSON is [`dropheap::export::json::write`].
pub fn write(info: &InfoReport, out: &mut dyn Write) -> io::Result<()> {
    if let Some(kind) = listing(&info.dump) {
        listed(info, kind, out)?;
        return findings(info, out);
    }
    file(info, out)?;
    if let Some(runtime) = &info.runtime {
        writeln!(out)?;
        clr(runtime, out)?;
    }
    if let Some(heap) = &info.heap {
        writeln!(out)?;
        numbers(heap, out)?;
        segments(heap, out)?;
        large_free(&heap.large_free, out)?;
    }
    if let Some(memory) = &info.memory {
        super::account::write(memory, out)?;
    }
    if let Some(runtime) = &info.runtime {
        evidence(&runtime.evidence, out)?;
    }
    if let Some(error) = &info.error {
        for tried in &error.evidence {
            fact(out, "Tried", tried)?;
        }
    }
    findings(info, out)
}

/// A saved listing has no process, no runtime, no segments.
fn listed(info: &InfoReport, kind: &str, out: &mut dyn Write) -> io::Result<()> {
    let dump = &info.dump;
    fact(out, "File", &format!("{} ({}, {kind})", dump.file_name, several(dump.file_size, "byte", "bytes")))?;
    if let Some(heap) = &info.heap {
        let cell = |count, size| format!("{}, {}", several(count, "object", "objects"), several(size, "byte", "bytes"));
        fact(out, "Heap", &cell(heap.objects, heap.size))?;
        fact(out, "Of it Free", &cell(heap.free.count, heap.free.size))?;
    }
    fact(out, "Process", "unknown: a listing tells nothing of it; open the dump for that")
}

fn findings(info: &InfoReport, out: &mut dyn Write) -> io::Result<()> {
    for (title, partial) in [("Findings that make the numbers partial", true), ("Findings", false)] {
        let mut of_kind = info.findings.iter().filter(|f| f.partial == partial).peekable();
        if of_kind.peek().is_some() {
            writeln!(out, "\n{title}")?;
        }
        for f in of_kind {
            writeln!(out, "  {} ({}x): {}", visible(&f.code), grouped(f.count), visible(&f.message))?;
        }
    }
    Ok(())
}

/// `Title         value`.
fn fact(out: &mut dyn Write, title: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{title:<14} {}", visible(value))
}

fn known(value: Option<&str>) -> &str {
    value.unwrap_or("unknown")
}

fn file(info: &InfoReport, out: &mut dyn Write) -> io::Result<()> {
    let dump = &info.dump;
    fact(out, "File", &format!("{} ({}, {})", dump.file_name, several(dump.file_size, "byte", "bytes"), dump.format))?;
    if let Some(entry) = &dump.entry {
        let sizes = format!(
            "{} packed to {}, {}",
            several(entry.size, "byte", "bytes"),
            grouped(entry.packed_size),
            entry.method
        );
        fact(out, "Entry", &format!("{} ({sizes})", entry.name))?;
    }
    fact(
        out,
        "Memory",
        &format!(
            "{} in {}; {}, {}",
            several(dump.memory_bytes, "byte", "bytes"),
            several(dump.memory_ranges, "range", "ranges"),
            several(dump.modules, "module", "modules"),
            several(dump.threads, "thread", "threads")
        ),
    )?;
    fact(out, "Captured", known(dump.captured_at.map(utc).as_deref()))?;
    fact(out, "Process", known(dump.image_path.as_deref()))?;
    for (title, text) in [("Command line", &dump.command_line), ("Writer's note", &dump.comment)] {
        text.as_deref().map_or(Ok(()), |text| fact(out, title, text))?;
    }
    fact(out, "Process id", known(dump.pid.map(|pid| pid.to_string()).as_deref()))?;
    match &dump.clone {
        Some(CloneFacts { pid: Some(pid) }) => {
            fact(out, "Clone", &format!("the dump is of a clone, process {pid}; the original's id is by its threads"))?
        }
        Some(CloneFacts { pid: None }) => fact(out, "Clone", "the dump is of a clone (its writer was asked for one)")?,
        None => {}
    }
    for (title, text) in [("Pool", &dump.app_pool), ("Site", &dump.site_name), ("Instance", &dump.instance_id)] {
        text.as_deref().map_or(Ok(()), |text| fact(out, title, text))?;
    }
    fact(out, "Started", known(dump.started_at.map(utc).as_deref()))?;
    fact(out, "Uptime", known(dump.uptime.map(duration).as_deref()))?;
    fact(out, "System", known(dump.os.as_deref()))?;
    if let Some(limit) = dump.memory_limit {
        fact(out, "Memory limit", &format!("{} (of its job)", several(limit, "byte", "bytes")))?;
    }
    let processors = dump.processors.map(|n| format!(", {}", several(n.into(), "processor", "processors")));
    fact(out, "Architecture", &format!("{}{}", known(dump.architecture.as_deref()), processors.unwrap_or_default()))
}

fn clr(runtime: &RuntimeFacts, out: &mut dyn Write) -> io::Result<()> {
    let version = runtime.file_version.as_deref().map(|v| format!(" ({v})")).unwrap_or_default();
    fact(out, "Runtime", &format!("{}{version}, {}", runtime.name, runtime.architecture))?;
    fact(out, "Runtime module", &format!("{} at {}", runtime.module, runtime.base))?;
    let heaps = several(runtime.heaps, "heap", "heaps");
    fact(out, "GC", &format!("{}, {}, {heaps}", runtime.gc_mode, runtime.gc_layout))?;
    if let Some(module) = &runtime.gc_module {
        fact(out, "GC module", module)?;
    }
    for other in runtime.candidates.iter().filter(|c| !c.used) {
        let heap = match (&other.why_not, other.heap_bytes) {
            (Some(why), _) => why.clone(),
            (None, bytes) => format!(
                "{} of heap; `--runtime {}` reads it",
                several(bytes.unwrap_or(0), "byte", "bytes"),
                other.number
            ),
        };
        fact(out, "Not read", &format!("{} ({} at {}): {heap}", other.name, other.module, other.base))?;
    }
    if runtime.gc_in_progress {
        fact(out, "GC state", "a GC was moving objects when the dump was taken: counts are not exact")?;
    }
    match &runtime.unproven {
        Some(sentence) => fact(out, "Not proven", sentence),
        None => Ok(()),
    }
}

fn numbers(heap: &HeapFacts, out: &mut dyn Write) -> io::Result<()> {
    fact(
        out,
        "Coverage",
        &format!(
            "{} ({} of {})",
            coverage(heap.complete, heap.explained_bytes, heap.total_bytes),
            grouped(heap.explained_bytes),
            several(heap.total_bytes, "byte", "bytes")
        ),
    )?;
    if let Some(sentence) = both_counts(heap) {
        fact(out, "Errors", &sentence)?;
    }
    writeln!(out)?;
    let mut grid = Grid::new(&["Objects", "Size", "Aligned", "Generation"], &[true, true, true, false]);
    let mut line = |cell: &Cell, name: &str| {
        grid.row(vec![grouped(cell.count), grouped(cell.size), grouped(cell.aligned_size), name.to_owned()]);
    };
    for (cell, name) in heap.generations.iter().zip(GENERATIONS) {
        line(cell, name);
    }
    line(&Cell { count: heap.objects, size: heap.size, aligned_size: heap.aligned_size }, "all");
    line(&heap.free, "of it Free");
    grid.write(out)
}

fn segments(heap: &HeapFacts, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let titles = ["Heap", "Segment", "First object", "End", "Bytes", "Objects", "Explained", "Generation"];
    let mut grid = Grid::new(&titles, &[true, true, true, true, true, true, true, false]);
    for s in &heap.segments {
        grid.row(vec![
            s.heap.to_string(),
            s.address.to_string(),
            s.start.to_string(),
            s.end.to_string(),
            grouped(s.bytes),
            grouped(s.objects),
            percent(s.explained_bytes, s.bytes),
            visible(&s.generation).into_owned(),
        ]);
    }
    grid.write(out)
}

fn large_free(blocks: &[LargeFree], out: &mut dyn Write) -> io::Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nFree blocks of 0.5 MB and more")?;
    let mut grid = Grid::new(&["Address", "Size", "Generation", "Followed by"], &[true, true, false, true]);
    for block in blocks {
        let mut next: Vec<String> = block.followed_by.iter().map(Addr::to_string).collect();
        next.extend(block.followed_by_type.iter().map(|name| visible(name).into_owned()));
        grid.row(vec![
            block.address.to_string(),
            grouped(block.size),
            visible(&block.generation).into_owned(),
            next.join(" "),
        ]);
    }
    grid.write(out)
}

fn evidence(list: &[Evidence], out: &mut dyn Write) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nEvidence: what was found, and what proved it")?;
    for e in list {
        writeln!(out, "  {}: {}\n    {}", visible(&e.what), visible(&e.value), visible(&e.how))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing::{self, snapshot};
    use dropheap::error::Finding;

    fn text(info: &InfoReport) -> String {
        testing::written(|out| write(info, out))
    }

    #[test]
    fn a_whole_dump() {
        let (mut report, _) = testing::pair();
        report.heap.large_free = vec![LargeFree {
            address: Addr(0x2b0_0000),
            size: 600_000,
            generation: "gen2".into(),
            followed_by: Some(Addr(0x2b9_27c0)),
            followed_by_type: Some("System.Byte[]".into()),
        }];
        report.findings = vec![Finding {
            code: "no-thread-info".into(),
            count: 1,
            message: "No ThreadInfoList.".into(),
            partial: false,
        }];
        report.memory = Some(testing::account(0));
        let with = text(&InfoReport::of(report.clone()));
        assert!(with.contains("hunter2"));
        report.dump.redact();
        let text = text(&InfoReport::of(report.clone()));
        assert!(!text.contains("hunter2"));
        snapshot("info", &text);
        let mut json = Vec::new();
        dropheap::export::json::write(&InfoReport::of(report), &mut json).unwrap();
        snapshot("info-json", &String::from_utf8(json).unwrap());
    }

    #[test]
    fn a_dump_whose_analysis_failed() {
        let (mut report, _) = testing::pair();
        report.dump.redact();
        let error = dropheap::Error::UnknownRuntime {
            runtime: ".NET 12.0".into(),
            missing: "the generation table".into(),
            evidence: vec!["no export DotNetRuntimeContractDescriptor".into()],
        };
        snapshot("info-failed", &text(&InfoReport::failed(report.dump, &error)));
    }

    #[test]
    fn partial_findings_come_first() {
        let (mut report, _) = testing::pair();
        let finding =
            |code: &str, partial| Finding { code: code.into(), count: 1234, message: "m\u{1b}".into(), partial };
        report.findings = vec![finding("a-note", false), finding("heap-hole", true)];
        report.heap.complete = false;
        report.heap.explained_bytes = 1;
        let text = text(&InfoReport::of(report));
        assert!(text.contains("PARTIAL: 0.00 % of the heap explained (1 of "), "{text}");
        assert!(
            text.ends_with("partial\n  heap-hole (1,234x): m\\u{1b}\n\nFindings\n  a-note (1,234x): m\\u{1b}\n"),
            "{text}"
        );
    }
}
