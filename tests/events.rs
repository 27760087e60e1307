//! Event logs of every shape that is known: what ends a worker is found, with its reason, process id and moment.

#![allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unwrap_used, reason = "tests")]

use dropheap::events::{EventsReport, Kind, Life, is_event_log, read};
use dropheap::report::{DumpFacts, utc};
use std::path::PathBuf;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events").join(name);
    std::fs::read(path).unwrap()
}

fn of(bytes: &[u8], dumps: &[DumpFacts]) -> EventsReport {
    read(&bytes.to_vec(), "log.xml", dumps).unwrap()
}

fn ended(report: &EventsReport) -> Vec<&Life> {
    report.lives.iter().filter(|l| l.end.is_some()).collect()
}

fn codes(report: &EventsReport) -> Vec<&str> {
    report.findings.iter().map(|f| f.code.as_str()).collect()
}

/// Reason, process id, start with its source, as far as they are known.
fn told(life: &Life) -> (&str, Option<u32>, Option<&str>) {
    (life.reason.as_deref().unwrap(), life.pid, life.start_from.as_deref())
}

#[test]
fn azure_app_service() {
    let bytes = fixture("kudu.xml");
    assert!(is_event_log(&bytes).unwrap());
    let report = of(&bytes, &[]);
    assert_eq!((report.file.events, report.lives.len()), (5, 4));
    let lives = ended(&report);
    assert_eq!(
        lives.iter().map(|l| told(l)).collect::<Vec<_>>(),
        [
            ("percent-memory", None, None),
            ("percent-memory", None, Some("previous-end")),
            ("private-bytes", None, Some("previous-end"))
        ]
    );
    assert!(lives.iter().all(|l| l.kind == Some(Kind::Recycle) && l.program.as_deref() == Some("w3wp.exe")));
    assert_eq!(utc(lives[0].end.unwrap()), "2019-01-06 05:10:48 UTC");
    assert_eq!((lives[1].length, lives[2].length), (Some(23 * 3600), Some(20 * 3600)));
    let limit = lives[0].limit.as_ref().unwrap();
    assert_eq!(
        (limit.used, limit.available, limit.percent, limit.machine),
        (Some(3_453_165_568), Some(3_757_625_344), Some(90), true)
    );
    assert!(!lives[2].limit.as_ref().unwrap().machine);
    assert_eq!(codes(&report), ["machine-memory"]);
    assert!(report.exact());
    // A logger's 1000 under the runtime's name is no crash.
    let logged = report.events.iter().find(|e| e.provider == ".NET Runtime" && e.id == 1000).unwrap();
    assert_eq!((logged.kind, logged.count), (None, 1));
    assert_eq!(
        report.days.iter().map(|d| (d.day.as_str(), d.recycles)).collect::<Vec<_>>(),
        [("2019-01-06", 1), ("2019-01-07", 1), ("2019-01-08", 1)]
    );
    assert_eq!(report.trends[0].verdict, "too-few");
    assert!((report.file.recycles_per_day.unwrap() - 3.0 / (43.0 / 24.0)).abs() < 1e-9);
}

#[test]
fn the_system_log_of_a_server() {
    let bytes = fixture("system.xml");
    assert!(is_event_log(&bytes).unwrap());
    let report = of(&bytes, &[]);
    let lives = ended(&report);
    assert_eq!(
        lives.iter().map(|l| (l.reason.as_deref().unwrap(), l.pid)).collect::<Vec<_>>(),
        [
            ("time-limit", Some(4001)),
            ("request-limit", Some(4002)),
            ("schedule", Some(9252)),
            ("virtual-memory", Some(4004)),
            ("isapi-unhealthy", Some(21676)),
            ("administrator", None),
            ("configuration", None),
            ("private-bytes", Some(4008)),
            ("idle", Some(26648)),
            ("ended-unexpectedly", Some(15868)),
            ("no-answer-to-ping", Some(4011)),
            ("communication-error", Some(4528)),
            // Its shut-down took too long: one end, told twice.
            ("private-bytes", Some(4013)),
        ]
    );
    assert!(lives.iter().all(|l| l.pool.as_deref() == Some("shop") && l.computer == "web01.contoso.com"));
    assert_eq!(lives[12].told_by, ["Microsoft-Windows-WAS 5117", "Microsoft-Windows-WAS 5013"]);
    assert_eq!((lives[8].kind, lives[9].kind), (Some(Kind::Stop), Some(Kind::Crash)));
    assert_eq!(
        report.days.iter().map(|d| (d.recycles, d.crashes, d.stops)).collect::<Vec<_>>(),
        [(3, 0, 0), (5, 0, 1), (1, 3, 0)]
    );
    assert!(report.exact() && codes(&report).is_empty());
}

#[test]
fn the_application_log() {
    let report = of(&fixture("application.xml"), &[]);
    let lives = ended(&report);
    assert_eq!(
        lives.iter().map(|l| told(l)).collect::<Vec<_>>(),
        [
            ("unhandled-exception", Some(0x709c), Some("event")),
            ("application-error", Some(0x4e14), Some("event")),
            ("fail-fast", None, Some("previous-end")),
            ("unhandled-exception", Some(9000), Some("previous-end")),
        ]
    );
    // Runtime, Windows and its report tell one crash; the suspicion of a leak is none.
    assert_eq!(lives[0].told_by, [".NET Runtime 1026", "Application Error 1000", "Windows Error Reporting 1001"]);
    assert_eq!(
        lives[0].detail,
        "System.ServiceModel.AddressAlreadyInUseException; e0434352 in KERNELBASE.dll; CLR20r3"
    );
    assert_eq!(utc(lives[0].start.unwrap()), "2026-08-12 04:00:10 UTC");
    // ASP.NET's error has the process id of the life that it is in, and ends nothing.
    assert_eq!((lives[1].pid, lives[1].errors), (Some(19988), 1));
    assert!(lives.iter().all(|l| l.kind == Some(Kind::Crash)));
}

#[test]
fn sentences_without_parameters() {
    let report = of(&fixture("sentences.xml"), &[]);
    let lives = ended(&report);
    assert_eq!(
        lives.iter().map(|l| (l.reason.as_deref().unwrap(), l.pid)).collect::<Vec<_>>(),
        [
            ("ended-unexpectedly", Some(2548)),
            ("communication-error", Some(6256)),
            ("virtual-memory", Some(6300)),
            ("unhealthy", None),
        ]
    );
    assert_eq!(lives[0].detail, "exit code 0xe0434f4d");
    assert!(lives.iter().take(3).all(|l| l.pool.as_deref() == Some("DefaultAppPool")));
}

fn dump(pid: Option<u32>, started: Option<u64>, captured: Option<u64>) -> DumpFacts {
    DumpFacts {
        file_name: "w3wp.dmp".into(),
        pid,
        started_at: started,
        captured_at: captured,
        image_path: Some(r"D:\Windows\SysWOW64\inetsrv\w3wp.exe".into()),
        ..DumpFacts::default()
    }
}

#[test]
fn dumps_find_their_lives() {
    const END: u64 = 1_546_751_448; // 2019-01-06 05:10:48
    let kudu = fixture("kudu.xml");
    let afternoon = dump(Some(77), Some(END + 20), Some(END + 9 * 3600));
    let evening = dump(Some(77), Some(END + 20), Some(END + 15 * 3600));
    let later = dump(Some(99), Some(END + 43 * 3600 + 30), Some(END + 50 * 3600));
    let report = of(&kudu, &[afternoon, evening, later.clone()]);
    assert_eq!(report.dumps.iter().map(|d| d.life).collect::<Vec<_>>(), [Some(1), Some(1), Some(3)]);
    let life = &report.lives[1];
    assert_eq!((life.pid, life.start, life.start_from.as_deref()), (Some(77), Some(END + 20), Some("dump")));
    assert_eq!((life.length, life.dumps.as_slice()), (Some(23 * 3600 - 20), &[0, 1][..]));
    assert_eq!((report.lives[3].end, report.lives[3].pid), (None, Some(99)));

    // By process id, where the log has it.
    let system = fixture("system.xml");
    let by_pid = dump(Some(4004), None, Some(1_786_410_000 - 600));
    let report = of(&system, &[by_pid, dump(Some(1), None, Some(5)), dump(Some(1), None, None)]);
    let life = report.dumps[0].life.map(|n| report.lives[n as usize].reason.clone().unwrap());
    assert_eq!(
        (life.as_deref(), report.dumps[0].how.as_str()),
        (Some("virtual-memory"), "by process id and time"),
        "{:?}",
        report.dumps
    );
    assert_eq!((report.dumps[1].life, report.dumps[2].life), (None, None));
    assert_eq!(report.findings.iter().find(|f| f.code == "dump-without-life").unwrap().count, 2);
}

/// An event of W3SVC-WP at a second after 2019.
fn recycle(at: u64) -> String {
    let time = utc(1_546_300_800 + at).replace(" UTC", "").replace(' ', "T");
    format!(
        "<Event><System><Provider Name=\"W3SVC-WP\"/><EventID>2299</EventID><TimeCreated SystemTime=\"{time}Z\"/><Computer>RD1</Computer></System><EventData><Data>\
         Worker Process requested recycle due to 'Percent Memory' limit. Memory Used: 1 out of 2 available. Exceeded 90 Percent of Memory</Data></EventData></Event>"
    )
}

fn log_of(lengths: &[u64]) -> String {
    let mut at = 0;
    let mut events = recycle(at);
    for length in lengths {
        at += length;
        events.push_str(&recycle(at));
    }
    format!("<Events>{events}</Events>")
}

#[test]
fn whether_lives_get_shorter_is_computed() {
    for (lengths, verdict, s) in [
        (&[90_000_u64, 80_000, 70_000, 60_000, 40_000, 20_000][..], "shorter", -15),
        (&[20_000, 40_000, 60_000, 70_000, 80_000, 90_000], "longer", 15),
        (&[50_000, 52_000, 49_000, 51_000, 50_500, 49_500], "none", -3),
        (&[86_400, 86_400, 86_400, 86_400, 86_400], "none", 0),
        (&[90_000, 10_000, 5_000], "too-few", -3),
        (&[90_000, 80_000, 70_000, 60_000], "shorter", -6),
    ] {
        let report = of(log_of(lengths).as_bytes(), &[]);
        let trend = &report.trends[0];
        assert_eq!((trend.verdict.as_str(), trend.s, trend.lives), (verdict, s, lengths.len() as u64), "{lengths:?}");
    }
    let report = of(log_of(&[90_000, 80_000, 70_000, 60_000, 40_000, 20_000]).as_bytes(), &[]);
    assert_eq!((report.trends[0].first_half, report.trends[0].second_half), (Some(80_000), Some(40_000)));
}

#[test]
fn two_machines_are_two_timelines_and_order_does_not_matter() {
    let one = log_of(&[1000, 2000, 3000, 4000]);
    let both = format!("{}{}", one.replace("</Events>", ""), one.replace("<Events>", "").replace("RD1", "RD2"));
    let report = of(both.as_bytes(), &[]);
    assert_eq!((ended(&report).len(), report.trends.len()), (10, 2));
    assert_eq!(report.file.computers, ["RD1", "RD2"]);
    let mut events: Vec<&str> = one.split_inclusive("</Event>").collect();
    let last = events.pop().unwrap();
    events[0] = events[0].strip_prefix("<Events>").unwrap();
    events.reverse();
    let backwards = of(format!("<Events>{}{last}", events.concat()).as_bytes(), &[]);
    assert_eq!(backwards.lives, of(one.as_bytes(), &[]).lives);
}

/// Five broken files: what was read is given, and where it broke.
#[test]
fn broken_files_give_what_was_read() {
    let whole = String::from_utf8(fixture("kudu.xml")).unwrap();
    let third = whole.match_indices("<Event>").nth(4).unwrap().0;
    let lines = |at: usize| whole[..at].matches('\n').count() as u64 + 1;
    let cut = &whole[..third + 300];
    let no_root_end = whole.replace("</Events>", "");
    let garbage = format!("{}<![broken {}", &whole[..third], &whole[third..]);
    let unclosed = whole.replacen("</Data>\n        </EventData>\n    </Event>", "", 1);
    let mut zeros = whole.as_bytes()[..third].to_vec();
    zeros.extend([0; 5000]);
    zeros.extend(b"<Ev");
    for (bytes, ends, code, words) in [
        (cut.as_bytes(), 2, "event-log-broken", format!("the log breaks at line {}", lines(third + 299))),
        (no_root_end.as_bytes(), 3, "event-log-broken", "before the end of its element `Events`".to_owned()),
        (garbage.as_bytes(), 2, "event-log-broken", format!("the log breaks at line {}, byte {third}", lines(third))),
        (unclosed.as_bytes(), 3, "event-unclosed", "no end before the next one begins".to_owned()),
        (&zeros, 2, "event-log-broken", "the log breaks at line".to_owned()),
    ] {
        let report = of(bytes, &[]);
        assert_eq!(ended(&report).len(), ends, "{words}: {:?}", report.findings);
        let finding =
            report.findings.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("{words}: {:?}", report.findings));
        assert!(finding.message.contains(&words), "{finding:?} / {words}");
        assert_eq!(report.exact(), code == "event-unclosed");
    }
    for (bytes, words) in
        [(&b"<Events>\n<Eve"[..], "line 2"), (b"not xml at all", "no event log"), (b"", "no event log")]
    {
        let error = read(&bytes.to_vec(), "log.xml", &[]).unwrap_err();
        assert_eq!(error.code(), "not-a-dump");
        assert!(error.to_string().contains(words), "{error}");
    }
    // No event at all is a log that says nothing.
    assert_eq!(codes(&of(b"<Events></Events>", &[])), ["no-events"]);
    assert_eq!(codes(&of(b"<Events/>", &[])), ["no-events"]);
}
