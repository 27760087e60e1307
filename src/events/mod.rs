//! An event log in XML -> the lives of the worker processes: [`EventsReport`], schema `dropheap.events/1`.
//!
//! What ends a worker is read from a table ([`kinds`](self)) of events of W3SVC-WP, WAS, the .NET runtime, Windows and ASP.NET. An end is told by several
//! of them (an unhandled exception by three): events of one machine that do not contradict each other in process id, pool or program, and
//! come within [`SAME_END`] seconds ([`SAME_END_BY_PID`] with equal ids), are one end; the same event twice is two ends.
//!
//! A life begins when the one before it ended, at the earliest: a log has no starts. Where an event or a dump has the start itself, that is taken.
//! A timeline is a machine and a pool (or a program, where no event names the pool).
//!
//! | finding | meaning |
//! | --- | --- |
//! | `event-log-broken` | the file could not be read to its end: where, and why (partial) |
//! | `event-unclosed` | events that another one began inside of |
//! | `event-without-time` | events that end a process, without a readable time: not in the timeline (partial) |
//! | `events-limit` | more ends than are kept; the rest are not in the timeline (partial) |
//! | `machine-memory` | the memory figures of a recycle are the machine's |
//! | `no-events` | nothing in the log says that a worker ended |
//! | `dump-without-life` | a dump belongs to no life, or it cannot be told to which |

mod kinds;
mod xml;

use crate::error::{Error, Finding, Findings, Result};
use crate::limits;
use crate::listing::lines::Encoding;
use crate::maps::Sorted;
use crate::phrase;
use crate::reading::record;
use crate::report::{DumpFacts, utc};
use crate::source::ByteSource;
pub use kinds::{Kind, Limit};
use kinds::{Meant, meaning};
use serde::{Deserialize, Serialize};

/// Schema name of [`EventsReport`].
pub const EVENTS_SCHEMA: &str = "dropheap.events/1";

/// Events of one end come within so many seconds.
pub const SAME_END: u64 = 60;
/// And so many where they have the same process id: a shut-down may take that long.
pub const SAME_END_BY_PID: u64 = 300;

/// A dump may lie so many seconds outside of its life: the process stands still while it is written, and clocks differ.
const DUMP_SLACK: u64 = 300;

/// The rule of [`Trend`], for people.
pub const TREND_RULE: &str = "Mann-Kendall test over the lives that a limit or a crash has ended, in order: shorter (or longer) if z is beyond 1.645 (5 %, \
                              one side); four lives at least";

/// The lives of worker processes as an event log tells them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EventsReport {
    /// [`EVENTS_SCHEMA`].
    pub schema: String,
    /// Version of dropheap.
    pub tool_version: String,
    /// The file.
    pub file: LogFacts,
    /// Events by provider and id, what they mean, how many; those with a meaning first, then by number.
    pub events: Vec<EventCount>,
    /// In order of their ends, those without one last.
    pub lives: Vec<Life>,
    /// Ends by day (UTC); days without any are left out.
    pub days: Vec<Day>,
    /// By timeline: whether lives get shorter.
    pub trends: Vec<Trend>,
    /// The dumps given with the log, in order.
    pub dumps: Vec<DumpLife>,
    /// What else the reader should know.
    pub findings: Vec<Finding>,
}

impl EventsReport {
    /// True if the whole log was read and understood.
    pub fn exact(&self) -> bool {
        !self.findings.iter().any(|f| f.partial)
    }
}

/// The file of a log.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LogFacts {
    /// Name of the file, without a path.
    pub file_name: String,
    /// Bytes of the file.
    pub file_size: u64,
    /// Events in it.
    pub events: u64,
    /// Time of the earliest event.
    pub first: Option<u64>,
    /// Time of the latest event.
    pub last: Option<u64>,
    /// Names of machines; the empty one is not among them.
    pub computers: Vec<String>,
    /// Recycles, by seconds between first and last event: per day.
    pub recycles_per_day: Option<f64>,
}

/// Events of one provider and id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventCount {
    /// The event's provider.
    pub provider: String,
    /// Its id.
    pub id: u64,
    /// What it means for a process; `null` if nothing.
    pub kind: Option<Kind>,
    /// How many.
    pub count: u64,
}

/// From a start to an end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Life {
    /// The machine, as the log has it; may be empty.
    pub computer: String,
    /// Application pool, where an event names it.
    pub pool: Option<String>,
    /// Program, e.g. `w3wp.exe`, where an event names it.
    pub program: Option<String>,
    /// Process id, where one is known: of the end, of all errors in the life, or of a dump.
    pub pid: Option<u32>,
    /// Start; see [`Life::start_from`].
    pub start: Option<u64>,
    /// Where the start is from: `event` or `dump` (exact), `previous-end` (at the earliest).
    pub start_from: Option<String>,
    /// End; `null` for the life that the log ends in.
    pub end: Option<u64>,
    /// `end - start`; with a start from `previous-end` at most.
    pub length: Option<u64>,
    /// What ended it; `null` without an end.
    pub kind: Option<Kind>,
    /// Why, kebab-case, e.g. `percent-memory`.
    pub reason: Option<String>,
    /// The limit that was reached.
    pub limit: Option<Limit>,
    /// A few words of the events.
    pub detail: String,
    /// The events that tell the end: `provider id`.
    pub told_by: Vec<String>,
    /// Errors that it survived.
    pub errors: u64,
    /// Dumps taken in it: places in [`EventsReport::dumps`].
    pub dumps: Vec<u32>,
}

/// The ends of one day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Day {
    /// e.g. `2019-01-06`, UTC.
    pub day: String,
    /// Recycles.
    pub recycles: u64,
    /// Crashes.
    pub crashes: u64,
    /// Stops.
    pub stops: u64,
}

/// Whether the lives of a timeline get shorter; see [`TREND_RULE`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trend {
    /// The machine.
    pub computer: String,
    /// Pool or program.
    pub name: String,
    /// Lives that count: of known length, ended by a limit or a crash.
    pub lives: u64,
    /// `shorter`, `longer`, `none`, or `too-few`.
    pub verdict: String,
    /// Kendall's S: pairs where the later life is longer, minus those where it is shorter.
    pub s: i64,
    /// S in standard deviations, with the correction for continuity.
    pub z: f64,
    /// Median length of the first half of them, seconds.
    pub first_half: Option<u64>,
    /// And of the second.
    pub second_half: Option<u64>,
}

/// To which life a dump belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DumpLife {
    /// Name of the dump's file.
    pub file_name: String,
    /// Its process.
    pub pid: Option<u32>,
    /// When that started.
    pub started_at: Option<u64>,
    /// When the dump was taken.
    pub captured_at: Option<u64>,
    /// Place in [`EventsReport::lives`]; `null` if it cannot be told.
    pub life: Option<u32>,
    /// What decided it, for people.
    pub how: String,
}

/// True if the file begins as an event log in XML does.
///
/// # Errors
/// Those of the read.
pub fn is_event_log(source: &dyn ByteSource) -> Result<bool> {
    let mut first = vec![0; usize::try_from(source.len().min(4096)).unwrap_or(0)];
    source.read_at(0, &mut first, "the first bytes of the file")?;
    let (encoding, mark) = Encoding::sniff(&first);
    let text = encoding.decode(first.get(usize::try_from(mark).unwrap_or(0)..).unwrap_or_default());
    Ok(begins_as_log(&text))
}

/// As [`is_event_log`], of the first characters.
pub(crate) fn begins_as_log(text: &str) -> bool {
    let text = text.trim_start();
    let element = |name: &str| {
        let mut rest = text;
        while let Some((before, behind)) = phrase::split_once(rest, name) {
            // `<Event`, `<e:Event`; not `<EventArgs`.
            let opens = before.rsplit_once('<').is_some_and(|(_, prefix)| {
                prefix.is_empty() || (prefix.ends_with(':') && !prefix.contains(char::is_whitespace))
            });
            if opens && behind.chars().next().is_none_or(|c| c == '>' || c == '/' || c.is_whitespace()) {
                return true;
            }
            rest = behind;
        }
        false
    };
    text.starts_with('<') && (element("Events") || element("Event"))
}

/// Reads a log; `dumps` are those that are given with it.
///
/// # Errors
/// [`Error::NotADump`] if there is no event in it; those of the reads. Broken XML is a finding.
pub fn read(source: &dyn ByteSource, file_name: &str, dumps: &[DumpFacts]) -> Result<EventsReport> {
    let mut log = Log::default();
    let passed = xml::read(source, &mut |record| log.add(&record))?;
    if passed.events == 0 && !(passed.log && passed.broken.is_none()) {
        let at = passed.broken.map(|b| format!(" ({}, line {})", b.why, b.line)).unwrap_or_default();
        return Err(Error::NotADump {
            guess: format!("and no event log in XML either: there is no whole `Event` element in it{at}"),
            next: "Take LogFiles/eventlog.xml from Kudu, or write one with `wevtutil qe System /f:xml > system.xml` and the same for Application.".into(),
        }.into());
    }
    let mut findings = log.findings;
    if let Some(broken) = &passed.broken {
        let byte = broken.byte.map(|b| format!(", byte {b}")).unwrap_or_default();
        findings.add("event-log-broken", true, || {
            format!(
                "the log breaks at line {}{byte}: {}; the {} events in front of it were read",
                broken.line, broken.why, passed.events
            )
        });
    }
    if passed.unclosed > 0 {
        findings.add_many("event-unclosed", false, passed.unclosed, || {
            "an event has no end before the next one begins: what it holds was read all the same".into()
        });
    }
    let span = log.first.zip(log.last);
    let lives = lives(log.ends, log.sightings, span);
    if lives.is_empty() {
        findings.add("no-events", false, || "no event of this log says that a worker process ended".into());
    }
    let ends = |kind: Kind| lives.iter().filter(|l| l.kind == Some(kind)).count() as u64;
    let recycles_per_day = span
        .filter(|(first, last)| last > first)
        .map(|(first, last)| ends(Kind::Recycle) as f64 * 86_400.0 / (last.saturating_sub(first)) as f64);
    if lives.iter().any(|l| l.limit.as_ref().is_some_and(|limit| limit.machine)) {
        findings.add("machine-memory", false, || {
            "the memory figures of `Percent Memory` are those of the machine with all its sites, not of the worker: another process may be what eats it".into()
        });
    }
    let report = EventsReport {
        schema: EVENTS_SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        file: LogFacts {
            file_name: file_name.to_owned(),
            file_size: source.len(),
            events: passed.events,
            first: log.first,
            last: log.last,
            computers: log.computers.into_entries().into_iter().map(|e| e.0).filter(|c| !c.is_empty()).collect(),
            recycles_per_day,
        },
        events: counts(log.counts),
        days: days(&lives),
        trends: trends(&lives),
        lives,
        dumps: Vec::new(),
        findings: findings.into_vec(),
    };
    Ok(if dumps.is_empty() { report } else { with_dumps(report, dumps) })
}

/// A report without dumps, and dumps: which of them is of which life. What a dump tells of its life (process id, start) is put there.
pub fn with_dumps(mut report: EventsReport, dumps: &[DumpFacts]) -> EventsReport {
    let mut findings = Findings::default();
    report.dumps = assign(dumps, &mut report.lives, &mut findings);
    report.trends = trends(&report.lives);
    report.findings.extend(findings.into_vec());
    report
}

/// What is kept of a log while it is read.
#[derive(Default)]
struct Log {
    first: Option<u64>,
    last: Option<u64>,
    computers: Sorted<String, ()>,
    counts: Sorted<(String, u64), (Option<Kind>, u64)>,
    ends: Vec<End>,
    /// Errors that a process survived: machine, time, program, process id.
    sightings: Vec<Sighting>,
    findings: Findings,
}

struct Sighting {
    computer: String,
    time: u64,
    program: Option<String>,
    pid: Option<u32>,
}

/// One event that tells an end, later with the others of the same end.
#[derive(Debug, Clone)]
struct End {
    time: u64,
    computer: String,
    meant: Meant,
    /// Provider and id of each event.
    told_by: Vec<(String, u64)>,
}

impl Log {
    fn add(&mut self, record: &xml::Record) {
        if let Some(time) = record.time {
            self.first = Some(self.first.map_or(time, |t| t.min(time)));
            self.last = Some(self.last.map_or(time, |t| t.max(time)));
        }
        if self.computers.len() < limits::MAX_LOG_NAMES {
            self.computers.insert(record.computer.clone(), ());
        }
        let meant = meaning(record);
        let key = (record.provider.clone(), record.id);
        if self.counts.len() < limits::MAX_LOG_NAMES || self.counts.contains(&key) {
            let (kind, count) = self.counts.entry(key.clone(), || (None, 0));
            *kind = kind.or(meant.as_ref().map(|m| m.kind));
            *count = count.saturating_add(1);
        }
        let Some(meant) = meant else { return };
        let Some(time) = record.time else {
            self.findings.add("event-without-time", true, || {
                format!("an event of {} {} has no readable time: it is not in the timeline", record.provider, record.id)
            });
            return;
        };
        let computer = record.computer.clone();
        if meant.kind == Kind::Error {
            if self.sightings.len() < limits::MAX_LOG_EVENTS {
                self.sightings.push(Sighting { computer, time, program: meant.program, pid: meant.pid });
            } else {
                self.findings.add("events-limit", false, || {
                    format!(
                        "more than {} errors that processes survived: the rest are counted by event only",
                        limits::MAX_LOG_EVENTS
                    )
                });
            }
        } else if self.ends.len() < limits::MAX_LOG_EVENTS {
            self.ends.push(End { time, computer, meant, told_by: vec![key] });
        } else {
            self.findings.add("events-limit", true, || {
                format!("more than {} events end a process: the rest are not in the timeline", limits::MAX_LOG_EVENTS)
            });
        }
    }
}

/// True if they do not contradict each other.
fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
    a.is_none() || b.is_none() || a == b
}

impl End {
    fn same_end(&self, later: &End) -> bool {
        let (a, b) = (&self.meant, &later.meant);
        let apart = later.time.saturating_sub(self.time);
        let by_pid = a.pid.is_some() && a.pid == b.pid;
        let by_report = a.report.is_some() && a.report == b.report;
        let near = apart <= if by_pid { SAME_END_BY_PID } else { SAME_END };
        self.computer == later.computer
            && (near || by_report)
            && agree(&a.pid, &b.pid)
            && agree(&a.pool, &b.pool)
            && agree(&lower(&a.program), &lower(&b.program))
            && later.told_by.iter().all(|event| !self.told_by.contains(event))
    }

    fn take(&mut self, later: End) {
        let more = later.meant;
        let mine = &mut self.meant;
        // A recycle that became a crash, or whose shut-down took too long, was a recycle.
        mine.pid = mine.pid.or(more.pid);
        mine.started_at = mine.started_at.or(more.started_at);
        mine.pool = mine.pool.take().or(more.pool);
        mine.program = mine.program.take().or(more.program);
        mine.limit = mine.limit.take().or(more.limit);
        mine.report = mine.report.take().or(more.report);
        if !more.detail.is_empty()
            && !phrase::is_in(&mine.detail, &more.detail)
            && mine.detail.len() < limits::MAX_EVENT_NAME
        {
            let gap = if mine.detail.is_empty() { "" } else { "; " };
            mine.detail = format!("{}{gap}{}", mine.detail, more.detail);
        }
        self.told_by.extend(later.told_by);
    }
}

fn lower(text: &Option<String>) -> Option<String> {
    text.as_ref().map(|t| t.to_ascii_lowercase())
}

/// Ends -> lives, by timeline.
fn lives(mut ends: Vec<End>, mut sightings: Vec<Sighting>, span: Option<(u64, u64)>) -> Vec<Life> {
    crate::order::by_key(&mut ends, |end| end.time);
    let mut merged: Vec<End> = Vec::new();
    for end in ends {
        // The latest that agrees; those further back than the longest gap are of other ends (reports are found by their id, a while back).
        let same = merged.iter_mut().rev().take(256).find(|known| known.same_end(&end));
        match same {
            Some(known) => known.take(end),
            // A report that was sent later than its crash, which the log no longer has: it says that there was one, not when.
            None => merged.push(end),
        }
    }
    let mut lines: Sorted<(String, String), Vec<End>> = Sorted::default();
    for end in merged {
        let name = end.meant.pool.clone().or_else(|| lower(&end.meant.program)).unwrap_or_default();
        lines.entry((end.computer.clone(), name), Vec::new).push(end);
    }
    crate::order::by_key(&mut sightings, |s| s.time);
    let mut lives = Vec::new();
    for ends in lines.into_values() {
        let mut previous: Option<u64> = None;
        let last = ends.last().cloned();
        for end in ends {
            let meant = end.meant;
            let exact = meant
                .started_at
                .filter(|&start| start <= end.time && previous.is_none_or(|p| start.saturating_add(DUMP_SLACK) >= p));
            let (start, start_from) = match (exact, previous) {
                (Some(start), _) => (Some(start), Some("event")),
                (None, Some(start)) => (Some(start), Some("previous-end")),
                (None, None) => (None, None),
            };
            let mut life = Life {
                computer: end.computer,
                pool: meant.pool,
                program: meant.program,
                pid: meant.pid,
                start,
                start_from: start_from.map(str::to_owned),
                end: Some(end.time),
                length: start.map(|start| end.time.saturating_sub(start)),
                kind: Some(meant.kind),
                reason: Some(meant.reason),
                limit: meant.limit,
                detail: meant.detail,
                told_by: end.told_by.into_iter().map(|(provider, id)| format!("{provider} {id}")).collect(),
                errors: 0,
                dumps: Vec::new(),
            };
            seen_in(&mut life, previous.unwrap_or(0), end.time, &sightings);
            previous = Some(end.time);
            lives.push(life);
        }
        // What runs, or ran, after the last end.
        if let (Some(end), Some((_, latest))) = (last, span) {
            let mut life = Life {
                computer: end.computer,
                pool: end.meant.pool,
                program: end.meant.program,
                pid: None,
                start: Some(end.time),
                start_from: Some("previous-end".to_owned()),
                end: None,
                length: None,
                kind: None,
                reason: None,
                limit: None,
                detail: String::new(),
                told_by: Vec::new(),
                errors: 0,
                dumps: Vec::new(),
            };
            seen_in(&mut life, end.time, latest.saturating_add(1), &sightings);
            lives.push(life);
        }
    }
    crate::order::by_key(&mut lives, |l| (l.end.is_none(), l.end));
    lives
}

/// Counts the errors of a life; if all have one process id, that is its own.
fn seen_in(life: &mut Life, from: u64, to: u64, sightings: &[Sighting]) {
    let first = sightings.partition_point(|s| s.time <= from);
    // Two are enough to know that they are not one.
    let mut pids: Vec<u32> = Vec::new();
    for s in sightings.iter().skip(first).take_while(|s| s.time <= to) {
        if s.computer != life.computer || !agree(&lower(&s.program), &lower(&life.program)) {
            continue;
        }
        // An error of another process of that machine and program is of another pool.
        if life.pid.is_some() && s.pid.is_some() && s.pid != life.pid {
            continue;
        }
        life.errors = life.errors.saturating_add(1);
        if pids.len() < 2 {
            pids.extend(s.pid.filter(|pid| !pids.contains(pid)));
        }
    }
    if pids.len() == 1 {
        life.pid = life.pid.or(pids.first().copied());
    }
}

fn counts(counts: Sorted<(String, u64), (Option<Kind>, u64)>) -> Vec<EventCount> {
    let mut all: Vec<EventCount> = counts
        .into_entries()
        .into_iter()
        .map(|((provider, id), (kind, count))| EventCount { provider, id, kind, count })
        .collect();
    crate::order::by_key(&mut all, |e| (e.kind.is_none(), std::cmp::Reverse(e.count)));
    all
}

fn days(lives: &[Life]) -> Vec<Day> {
    let mut days: Sorted<u64, Day> = Sorted::default();
    for life in lives {
        let (Some(end), Some(kind)) = (life.end, life.kind) else { continue };
        let day = days.entry(end / 86_400, || Day {
            day: utc(end).split(' ').next().unwrap_or_default().to_owned(),
            ..Day::default()
        });
        let of = match kind {
            Kind::Recycle => &mut day.recycles,
            Kind::Crash => &mut day.crashes,
            Kind::Stop | Kind::Error => &mut day.stops,
        };
        *of = of.saturating_add(1);
    }
    days.into_values()
}

/// Recycles of these come from outside: they say nothing of how long a worker lasts.
const FROM_OUTSIDE: [&str; 5] = ["schedule", "administrator", "configuration", "time-limit", "isapi-unhealthy"];

fn trends(lives: &[Life]) -> Vec<Trend> {
    let mut lines: Sorted<(String, String), Vec<u64>> = Sorted::default();
    for life in lives {
        let name = life.pool.clone().or_else(|| lower(&life.program)).unwrap_or_default();
        let line = lines.entry((life.computer.clone(), name), Vec::new);
        let inside = life.reason.as_deref().is_some_and(|reason| !FROM_OUTSIDE.contains(&reason));
        if let (Some(length), Some(Kind::Recycle | Kind::Crash), true) = (life.length, life.kind, inside) {
            line.push(length);
        }
    }
    lines.into_entries().into_iter().map(|((computer, name), lengths)| trend(computer, name, &lengths)).collect()
}

fn trend(computer: String, name: String, lengths: &[u64]) -> Trend {
    // Quadratic: of a very long line the latest part decides.
    let lengths = lengths.get(lengths.len().saturating_sub(limits::MAX_TREND)..).unwrap_or_default();
    let mut s = 0_i64;
    for (i, a) in lengths.iter().enumerate() {
        for b in lengths.iter().skip(i.saturating_add(1)) {
            s = s.saturating_add(match b.cmp(a) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            });
        }
    }
    let n = lengths.len() as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let z = if lengths.len() < 2 { 0.0 } else { (s.saturating_sub(s.signum())) as f64 / deviation };
    let verdict = match lengths.len() {
        0..4 => "too-few",
        _ if z <= -1.645 => "shorter",
        _ if z >= 1.645 => "longer",
        _ => "none",
    };
    let (first, second) = lengths.split_at_checked(lengths.len() / 2).unwrap_or_default();
    Trend {
        computer,
        name,
        lives: lengths.len() as u64,
        verdict: verdict.to_owned(),
        s,
        z,
        first_half: median(first),
        second_half: median(second),
    }
}

fn median(lengths: &[u64]) -> Option<u64> {
    let mut sorted = lengths.to_vec();
    crate::order::ascending(&mut sorted);
    sorted.get(sorted.len() / 2).copied()
}

/// Which dump is of which life.
fn assign(dumps: &[DumpFacts], lives: &mut [Life], findings: &mut Findings) -> Vec<DumpLife> {
    let mut all = Vec::new();
    for (number, dump) in (0_u32..).zip(dumps.iter().take(limits::MAX_DUMPS)) {
        let (life, how) = belongs(dump, lives);
        if let Some(life) = life.and_then(|place| lives.get_mut(place)) {
            life.dumps.push(number);
            life.pid = life.pid.or(dump.pid);
            let better = life.start_from.as_deref() != Some("event");
            if let Some(start) = dump.started_at.filter(|_| better) {
                (life.start, life.start_from) = (Some(start), Some("dump".to_owned()));
                life.length = life.end.map(|end| end.saturating_sub(start));
            }
        } else {
            findings.add("dump-without-life", false, || format!("{}: {how}", dump.file_name));
        }
        all.push(DumpLife {
            file_name: dump.file_name.clone(),
            pid: dump.pid,
            started_at: dump.started_at,
            captured_at: dump.captured_at,
            life: life.and_then(|place| u32::try_from(place).ok()),
            how,
        });
    }
    all
}

fn belongs(dump: &DumpFacts, lives: &[Life]) -> (Option<usize>, String) {
    let Some(captured) = dump.captured_at else {
        return (None, "the dump does not tell when it was taken".to_owned());
    };
    let program = dump.image_path.as_deref().and_then(|path| path.rsplit(['\\', '/']).next()).map(str::to_owned);
    let fits = |life: &Life| {
        let after_start = life.start.is_none_or(|start| start <= captured.saturating_add(DUMP_SLACK));
        let before_end = life.end.is_none_or(|end| captured <= end.saturating_add(DUMP_SLACK));
        // The process of the dump may start a little before the life, while the one before it is still ending; never after its end.
        let started = match (dump.started_at, life.start, life.start_from.as_deref()) {
            (Some(a), Some(b), Some("event" | "dump")) => a.abs_diff(b) <= 2,
            (Some(a), Some(b), _) => a.saturating_add(DUMP_SLACK) >= b,
            _ => true,
        } && !matches!((dump.started_at, life.end), (Some(start), Some(end)) if start > end);
        after_start && before_end && started && agree(&lower(&program), &lower(&life.program))
    };
    let candidates: Vec<(usize, &Life)> = lives.iter().enumerate().filter(|(_, life)| fits(life)).collect();
    let same: Vec<usize> =
        candidates.iter().filter(|(_, l)| l.pid.is_some() && l.pid == dump.pid).map(|&(place, _)| place).collect();
    if let [place] = same[..] {
        return (Some(place), "by process id and time".to_owned());
    }
    let open: Vec<usize> =
        candidates.iter().filter(|(_, l)| agree(&l.pid, &dump.pid)).map(|&(place, _)| place).collect();
    match open[..] {
        [place] => (Some(place), if dump.started_at.is_some() { "by start and time" } else { "by time" }.to_owned()),
        [] => (None, "no life of the log holds the moment of this dump".to_owned()),
        [first, ..] => {
            // At a border: the life that holds the moment itself.
            let strict: Vec<usize> = open
                .iter()
                .copied()
                .filter(|&place| {
                    lives.get(place).is_some_and(|l| {
                        l.start.is_none_or(|s| s <= dump.started_at.unwrap_or(captured).saturating_add(2))
                            && l.end.is_none_or(|e| captured <= e)
                    })
                })
                .collect();
            match strict[..] {
                [place] => (Some(place), "by time".to_owned()),
                _ => {
                    let computer = lives.get(first).map(|l| l.computer.clone()).unwrap_or_default();
                    let more = open.iter().any(|&p| lives.get(p).is_some_and(|l| l.computer != computer));
                    let what = if more { "machines or pools" } else { "pools" };
                    (
                        None,
                        format!(
                            "{} lives of several {what} hold the moment of this dump, and no process id decides",
                            open.len()
                        ),
                    )
                }
            }
        }
    }
}
record!(EventsReport { schema, tool_version, file, events, lives, days, trends, dumps, findings });
record!(LogFacts { file_name, file_size, events, first, last, computers, recycles_per_day });
record!(EventCount { provider, id, kind, count });
record!(Life {
    computer,
    pool,
    program,
    pid,
    start,
    start_from,
    end,
    length,
    kind,
    reason,
    limit,
    detail,
    told_by,
    errors,
    dumps
});
record!(Day { day, recycles, crashes, stops });
record!(Trend { computer, name, lives, verdict, s, z, first_half, second_half });
record!(DumpLife { file_name, pid, started_at, captured_at, life, how });
