//! The lives of an event log as a table: one for people, one for programs. JSON is [`super::json::write`].

use super::csv::Csv;
use super::sheet::Sheet;
use super::text::{duration, grouped, several, visible};
use crate::events::{EventsReport, Kind, Life, Limit, TREND_RULE, Trend};
use crate::report::utc;
use std::io;

/// A row per life; above it the log, below it days, trends and dumps.
pub fn sheet(report: &EventsReport) -> Sheet {
    let titles = [
        ("Start", false),
        ("End", false),
        ("Length", true),
        ("Pid", true),
        ("Errors", true),
        ("Dumps", false),
        ("Machine", false),
        ("Pool", false),
        ("End by", false),
    ];
    let (titles, right): (Vec<String>, Vec<bool>) =
        titles.iter().map(|&(title, right)| (title.to_owned(), right)).unzip();
    let mut notes = Vec::new();
    for day in &report.days {
        let mut parts = Vec::new();
        for (n, one, many) in
            [(day.recycles, "recycle", "recycles"), (day.crashes, "crash", "crashes"), (day.stops, "stop", "stops")]
        {
            if n > 0 {
                parts.push(several(n, one, many));
            }
        }
        notes.push(format!("{}: {}", day.day, parts.join(", ")));
    }
    notes.extend(report.trends.iter().map(trend));
    if !report.trends.is_empty() {
        notes.push(format!("The rule: {TREND_RULE}."));
    }
    for dump in &report.dumps {
        let name = visible(&dump.file_name);
        let life = dump.life.and_then(|place| report.lives.get(usize::try_from(place).ok()?));
        notes.push(match life {
            Some(life) => format!("{name} is of the life that ends {} ({})", end(life), dump.how),
            None => format!("{name}: {}", dump.how),
        });
    }
    Sheet {
        facts: facts(report),
        titles,
        right,
        rows: report.lives.iter().map(|life| row(report, life)).collect(),
        foot: Vec::new(),
        notes,
    }
}

fn facts(report: &EventsReport) -> Vec<String> {
    let file = &report.file;
    let mut line = format!("{}: {}", visible(&file.file_name), several(file.events, "event", "events"));
    if let (Some(first), Some(last)) = (file.first, file.last) {
        line.push_str(&format!(", {} to {}", utc(first), utc(last)));
    }
    let ends = |kind| report.lives.iter().filter(|l| l.kind == Some(kind)).count() as u64;
    let mut facts = vec![
        line,
        format!(
            "{}, {}, {}{}",
            several(ends(Kind::Recycle), "recycle", "recycles"),
            several(ends(Kind::Crash), "crash", "crashes"),
            several(ends(Kind::Stop), "stop", "stops"),
            file.recycles_per_day.map(|n| format!("; {n:.2} recycles per day")).unwrap_or_default()
        ),
    ];
    if let Some(limit) = report.lives.iter().rev().find_map(|l| l.limit.as_ref().filter(|limit| limit.machine)) {
        facts.push(format!("{}: figures of the whole machine, not of the worker", figures(limit)));
    }
    facts
}

fn figures(limit: &Limit) -> String {
    match (limit.used, limit.available) {
        (Some(used), Some(available)) => {
            format!("{}, {} of {} bytes used", visible(&limit.name), grouped(used), grouped(available))
        }
        _ => visible(&limit.name).into_owned(),
    }
}

fn row(report: &EventsReport, life: &Life) -> Vec<String> {
    let start = match (life.start, life.start_from.as_deref()) {
        (Some(start), Some("previous-end")) => format!("{} or later", utc(start)),
        (Some(start), _) => utc(start),
        (None, _) => "before the log".to_owned(),
    };
    let length = life.length.map(|length| match life.start_from.as_deref() {
        Some("previous-end") => format!("up to {}", duration(length)),
        _ => duration(length),
    });
    let dumps: Vec<String> = life
        .dumps
        .iter()
        .filter_map(|&place| report.dumps.get(usize::try_from(place).ok()?))
        .map(|dump| visible(&dump.file_name).into_owned())
        .collect();
    vec![
        start,
        end(life),
        length.unwrap_or_default(),
        life.pid.map(|pid| pid.to_string()).unwrap_or_default(),
        if life.errors > 0 { grouped(life.errors) } else { String::new() },
        dumps.join(", "),
        visible(&life.computer).into_owned(),
        visible(life.pool.as_deref().unwrap_or_default()).into_owned(),
        reason(life),
    ]
}

fn end(life: &Life) -> String {
    life.end.map_or_else(|| "after the log".to_owned(), utc)
}

fn reason(life: &Life) -> String {
    let (Some(kind), Some(reason)) = (life.kind, &life.reason) else { return String::new() };
    match &life.limit {
        Some(limit) => format!("{}: {}", kind.text(), figures(limit)),
        None if life.detail.is_empty() => format!("{}: {reason}", kind.text()),
        None => format!("{}: {reason} ({})", kind.text(), visible(&life.detail)),
    }
}

fn trend(trend: &Trend) -> String {
    let place: Vec<&str> =
        [trend.computer.as_str(), trend.name.as_str()].into_iter().filter(|p| !p.is_empty()).collect();
    let place = if place.is_empty() { String::new() } else { format!("{}: ", visible(&place.join(", "))) };
    let verdict = match trend.verdict.as_str() {
        "shorter" => "lives get shorter",
        "longer" => "lives get longer",
        "none" => "lives get neither shorter nor longer",
        _ => {
            return format!(
                "{place}{} that a limit or a crash has ended: too few to tell whether they get shorter",
                several(trend.lives, "life", "lives")
            );
        }
    };
    let halves = match (trend.first_half, trend.second_half) {
        (Some(a), Some(b)) => format!("; median of the first half {}, of the second {}", duration(a), duration(b)),
        _ => String::new(),
    };
    format!("{place}{verdict} ({}, z {:.2}{halves})", several(trend.lives, "life", "lives"), trend.z)
}

impl Csv<'_> {
    /// A row per life; times in seconds since 1970.
    pub fn lives(&mut self, report: &EventsReport) -> io::Result<()> {
        for title in [
            "computer",
            "pool",
            "program",
            "pid",
            "start",
            "start_from",
            "end",
            "length",
            "kind",
            "reason",
            "limit",
            "limit_used",
            "limit_available",
            "errors",
            "dumps",
            "detail",
        ] {
            self.text(title);
        }
        self.end()?;
        for life in &report.lives {
            let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
            let text = |t: &Option<String>| t.clone().unwrap_or_default();
            let limit = life.limit.as_ref();
            let dumps = life.dumps.iter().filter_map(|&d| report.dumps.get(usize::try_from(d).ok()?));
            let dumps: Vec<&str> = dumps.map(|d| d.file_name.as_str()).collect();
            self.text(&life.computer)
                .text(&text(&life.pool))
                .text(&text(&life.program))
                .text(&number(life.pid.map(u64::from)));
            self.text(&number(life.start))
                .text(&text(&life.start_from))
                .text(&number(life.end))
                .text(&number(life.length));
            self.text(life.kind.map_or("", Kind::text)).text(&text(&life.reason));
            self.text(limit.map_or("", |l| &l.name))
                .text(&number(limit.and_then(|l| l.used)))
                .text(&number(limit.and_then(|l| l.available)));
            self.number(life.errors).text(&dumps.join(" ")).text(&life.detail).end()?;
        }
        Ok(())
    }
}
