//! What an event means for a worker process: a table by provider and id, and where in each the process id, the pool and the words are.

use super::xml::Record;
use crate::phrase;
use crate::reading::{record, word};
use serde::{Deserialize, Serialize};

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// IIS replaces the worker: a limit was reached, a schedule, a new configuration, an administrator.
    Recycle,
    /// The process ended by an error.
    Crash,
    /// It was ended on purpose and not replaced at once: nothing to do, a stop.
    Stop,
    /// An error that the process survived.
    #[default]
    Error,
}

impl Kind {
    /// As in JSON.
    pub fn text(self) -> &'static str {
        match self {
            Kind::Recycle => "recycle",
            Kind::Crash => "crash",
            Kind::Stop => "stop",
            Kind::Error => "error",
        }
    }
}

/// Where an event has its process id and pool.
#[derive(Clone, Copy)]
enum Shape {
    /// WAS, a worker process: pid, pool.
    PidPool,
    /// WAS, a process: pool, pid.
    PoolPid,
    /// WAS, a pool: all its processes.
    Pool,
    /// `Application Error`, `Application Hang`: program, pid and start at these places.
    Faulting { pid: usize, start: usize },
    /// `Windows Error Reporting`.
    Reported,
    /// ASP.NET's web events: 14 process id, 15 program.
    Web,
    /// Text only.
    Text,
}

/// A row of the table.
struct Meaning {
    providers: &'static [&'static str],
    ids: &'static [u64],
    kind: Kind,
    /// A stable kebab-case name; of 2299 the limit decides.
    reason: &'static str,
    shape: Shape,
    /// Words that the text must hold: others write under the same name and number.
    says: &'static str,
}

/// WAS writes to the System log (IIS 7 and later); its forerunner in IIS 6 was W3SVC, 4000 lower.
const WAS: &[&str] = &["Microsoft-Windows-WAS", "WAS", "W3SVC"];
const DOTNET: &[&str] = &[".NET Runtime"];

const fn was(ids: &'static [u64], kind: Kind, reason: &'static str, shape: Shape) -> Meaning {
    Meaning { providers: WAS, ids, kind, reason, shape, says: "" }
}

const MEANINGS: &[Meaning] = &[
    Meaning {
        providers: &["W3SVC-WP", "Microsoft-Windows-IIS-W3SVC-WP"],
        ids: &[2299],
        kind: Kind::Recycle,
        reason: "limit",
        shape: Shape::Text,
        says: "recycle",
    },
    was(&[5074, 1074], Kind::Recycle, "time-limit", Shape::PidPool),
    was(&[5075, 1075], Kind::Recycle, "request-limit", Shape::PidPool),
    was(&[5076, 1076], Kind::Recycle, "schedule", Shape::PidPool),
    was(&[5077, 1077], Kind::Recycle, "virtual-memory", Shape::PidPool),
    was(&[5078, 1078], Kind::Recycle, "isapi-unhealthy", Shape::PidPool),
    was(&[5079, 1079], Kind::Recycle, "administrator", Shape::Pool),
    was(&[5080, 1080], Kind::Recycle, "configuration", Shape::Pool),
    was(&[5081, 1081], Kind::Recycle, "configuration", Shape::Pool),
    was(&[5117, 1117], Kind::Recycle, "private-bytes", Shape::PidPool),
    was(&[5009, 1009], Kind::Crash, "ended-unexpectedly", Shape::PoolPid),
    was(&[5010, 1010], Kind::Crash, "no-answer-to-ping", Shape::PoolPid),
    was(&[5011, 1011], Kind::Crash, "communication-error", Shape::PoolPid),
    was(&[5012, 1012], Kind::Crash, "start-up-too-slow", Shape::PoolPid),
    was(&[5013, 1013], Kind::Stop, "shut-down-too-slow", Shape::PoolPid),
    was(&[5186, 5195], Kind::Stop, "idle", Shape::PidPool),
    Meaning {
        providers: DOTNET,
        ids: &[1026],
        kind: Kind::Crash,
        reason: "unhandled-exception",
        shape: Shape::Text,
        says: "terminated",
    },
    Meaning {
        providers: DOTNET,
        ids: &[1025],
        kind: Kind::Crash,
        reason: "fail-fast",
        shape: Shape::Text,
        says: "terminat",
    },
    Meaning {
        providers: DOTNET,
        ids: &[1023],
        kind: Kind::Crash,
        reason: "runtime-error",
        shape: Shape::Text,
        says: "terminated",
    },
    Meaning { providers: DOTNET, ids: &[1022], kind: Kind::Error, reason: "profiler", shape: Shape::Text, says: "" },
    Meaning {
        providers: &["Application Error"],
        ids: &[1000],
        kind: Kind::Crash,
        reason: "application-error",
        shape: Shape::Faulting { pid: 8, start: 9 },
        says: "",
    },
    Meaning {
        providers: &["Application Hang"],
        ids: &[1002],
        kind: Kind::Crash,
        reason: "application-hang",
        shape: Shape::Faulting { pid: 2, start: 3 },
        says: "",
    },
    Meaning {
        providers: &["Windows Error Reporting"],
        ids: &[1001],
        kind: Kind::Crash,
        reason: "error-report",
        shape: Shape::Reported,
        says: "",
    },
    Meaning {
        providers: &["ASP.NET"],
        ids: &[1309, 1310],
        kind: Kind::Error,
        reason: "web-error",
        shape: Shape::Web,
        says: "",
    },
    Meaning {
        providers: &["ASP.NET"],
        ids: &[1325],
        kind: Kind::Crash,
        reason: "unhandled-exception",
        shape: Shape::Text,
        says: "terminated",
    },
];

/// Figures of a limit that was reached. Of `Percent Memory` they are the machine's, not the process's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limit {
    /// The limit's name, e.g. `Percent Memory`.
    pub name: String,
    /// Bytes in use, where the text has them.
    pub used: Option<u64>,
    /// Bytes there are.
    pub available: Option<u64>,
    /// Percent of them that is the limit.
    pub percent: Option<u64>,
    /// True if the figures are of the whole machine: the site may not be what eats it.
    pub machine: bool,
}

/// An event with a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) kind: Kind,
    pub(super) reason: String,
    pub(super) pid: Option<u32>,
    pub(super) pool: Option<String>,
    pub(super) program: Option<String>,
    /// Start of the process, where the event has it.
    pub(super) started_at: Option<u64>,
    pub(super) limit: Option<Limit>,
    /// Windows' own id of an error report.
    pub(super) report: Option<String>,
    /// A few words: the exception's type, the faulting module.
    pub(super) detail: String,
}

/// The meaning of a record; `None` for all that says nothing of a process's life.
pub(super) fn meaning(record: &Record) -> Option<Meant> {
    let provider = record.provider.trim();
    let is =
        |name: &&str| provider.eq_ignore_ascii_case(name) || (*name == "ASP.NET" && provider.starts_with("ASP.NET "));
    let row = MEANINGS.iter().find(|m| m.ids.contains(&record.id) && m.providers.iter().any(is))?;
    let text = record.text();
    if !phrase::is_in(&text, row.says) {
        return None;
    }
    let mut meant = Meant {
        kind: row.kind,
        reason: row.reason.to_owned(),
        pid: None,
        pool: None,
        program: None,
        started_at: None,
        limit: None,
        report: None,
        detail: String::new(),
    };
    let decimal = |text: &str| text.parse::<u32>().ok().filter(|&pid| pid != 0);
    match row.shape {
        Shape::PidPool | Shape::PoolPid | Shape::Pool => {
            let (pid, pool) = match row.shape {
                Shape::PidPool => (Some(0), 1),
                Shape::PoolPid => (Some(1), 0),
                _ => (None, 0),
            };
            let of_pid = || pid.and_then(|place| decimal(record.field("ProcessID", place)?));
            meant.pid = quoted(&text, "process id of '")
                .or_else(|| quoted(&text, "process id was '"))
                .and_then(decimal)
                .or_else(of_pid);
            let pool = quoted(&text, "application pool '").or_else(|| record.field("AppPoolID", pool));
            // One Data that is the whole sentence.
            meant.pool = pool.filter(|p| !phrase::is_in(p, "application pool")).map(str::to_owned);
            meant.program = Some("w3wp.exe".into());
            meant.detail = quoted(&text, "exit code was '").map(|code| format!("exit code {code}")).unwrap_or_default();
        }
        Shape::Faulting { pid, start } => {
            meant.program = record.field("AppName", 0).map(base_name);
            meant.pid =
                record.field("ProcessId", pid).and_then(hex).and_then(|n| u32::try_from(n).ok()).filter(|&n| n != 0);
            let started = record.field("ProcessCreationTime", start).or_else(|| record.field("StartTime", start));
            meant.started_at = started.and_then(hex).and_then(filetime);
            meant.report = record.field("IntegratorReportId", 12).map(str::to_owned);
            if row.reason == "application-error" {
                let (module, code) = (record.field("ModuleName", 3), record.field("ExceptionCode", 6));
                meant.detail =
                    format!("{} in {}", code.unwrap_or("an exception"), module.unwrap_or("an unknown module"));
            }
        }
        Shape::Reported => {
            let event = record.field("EventName", 2)?;
            // Reports are made of much else: failed updates, slow starts, leaks that Windows suspects.
            const ENDS: [&str; 7] = ["APPCRASH", "CLR20r3", "BEX", "BEX64", "AppHang", "MoAppCrash", "InPageError"];
            if !ENDS.iter().any(|e| event.to_ascii_lowercase().starts_with(&e.to_ascii_lowercase())) {
                return None;
            }
            meant.program = record.field("P1", 5).map(base_name);
            meant.report = record.field("ReportId", 19).map(str::to_owned);
            meant.detail = event.to_owned();
        }
        Shape::Web => {
            meant.pid = record.field("Process ID", 14).and_then(decimal);
            meant.program = record.field("Process name", 15).map(base_name);
            meant.detail = record.field("Exception type", 17).unwrap_or_default().to_owned();
        }
        Shape::Text => {
            meant.program = after(&text, "Application: ").map(base_name);
            meant.pid = after(&text, "Process ID: ").and_then(decimal);
            let exception = after(&text, "Exception Info: ").or_else(|| after(&text, "Exception: "));
            meant.detail = exception.and_then(|e| e.split([':', ' ']).next()).unwrap_or_default().to_owned();
            if row.reason == "limit" {
                let limit = limit(&text);
                let unhealthy = if phrase::is_in(&text, "unhealthy") { "unhealthy" } else { "limit" };
                meant.reason = limit.as_ref().map_or(unhealthy, |l| reason(&l.name)).to_owned();
                meant.detail = text.split_whitespace().collect::<Vec<_>>().join(" ");
                meant.limit = limit;
            }
            if provider.starts_with("ASP.NET") || row.reason == "limit" {
                meant.program = Some("w3wp.exe".into());
            }
        }
    }
    meant.detail = meant.detail.chars().take(200).collect();
    Some(meant)
}

/// The name of 2299's limit as a reason.
fn reason(limit: &str) -> &'static str {
    let limit = limit.to_ascii_lowercase();
    let names = [
        ("percent memory", "percent-memory"),
        ("private", "private-bytes"),
        ("virtual", "virtual-memory"),
        ("request", "request-limit"),
        ("time", "time-limit"),
        ("schedule", "schedule"),
        ("config", "configuration"),
    ];
    names.iter().find(|(words, _)| phrase::is_in(&limit, words)).map_or("limit", |(_, reason)| reason)
}

/// `... due to 'Percent Memory' limit. Memory Used: 3453165568 out of 3757625344 available. Exceeded 90 Percent of Memory`.
fn limit(text: &str) -> Option<Limit> {
    let name = quoted(text, "due to '").or_else(|| {
        let rest = phrase::split_once(text, "due to ")?.1;
        phrase::split_once(rest, " limit").map(|(name, _)| name).filter(|name| name.len() < 40)
    })?;
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).find(|d| !d.is_empty())?.parse::<u64>().ok();
    let behind = |words: &str| phrase::split_once(text, words).and_then(|(_, rest)| number(rest));
    Some(Limit {
        name: name.to_owned(),
        used: behind("Used:"),
        available: behind("out of"),
        percent: behind("Exceeded"),
        machine: phrase::is_in(&name.to_ascii_lowercase(), "percent"),
    })
}

/// What stands between a phrase that ends with a quote and the next quote.
fn quoted<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let rest = phrase::split_once(text, phrase)?.1;
    rest.split_once('\'').map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
}

/// The rest of the line behind a phrase.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    phrase::split_once(text, phrase)?.1.lines().next().map(str::trim).filter(|value| !value.is_empty())
}

fn base_name(path: &str) -> String {
    path.rsplit(['\\', '/']).next().unwrap_or(path).to_owned()
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text), 16).ok()
}

/// 100 ns since 1601 -> seconds since 1970.
fn filetime(time: u64) -> Option<u64> {
    (time / 10_000_000).checked_sub(11_644_473_600).filter(|&t| t > 0)
}
record!(Limit { name, used, available, percent, machine });
word!(Kind { Recycle, Crash, Stop, Error });
