//! The arguments: a stable interface, since other programs call it. Nothing is renamed or removed; values may be added.

use clap::{Args, Parser, Subcommand, ValueEnum};
use dropheap::classes::Move;
use dropheap::export::select::Sort;
use dropheap::limits;
use dropheap::report::DumpFacts;
use regex::Regex;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit status: 0 the numbers are exact and complete; 1 error; 2 wrong arguments; 3 printed, but the dump is partial or was taken in a GC.
The result goes to standard output, everything else to standard error. Nothing is sent anywhere.";

const AFTER_VERIFY: &str = "\
Exit status: 0 all invariants hold; 1 one is broken, or an error; 2 wrong arguments; 3 not all could be decided: the dump is partial or was taken in a GC.
The result goes to standard output, everything else to standard error. Nothing is sent anywhere.";

const AFTER_EVENTS: &str = "\
Exit status: 0 the whole log was read; 1 error; 2 wrong arguments; 3 printed, but the log breaks off or is not wholly understood.
The result goes to standard output, everything else to standard error. Nothing is sent anywhere.";

const ABOUT: &str = "Which .NET types grew between two memory dumps: the heap rebuilt from a dump's bytes alone";

/// See [`ABOUT`].
#[derive(Debug, Parser)]
#[command(name = "dropheap", version, about = ABOUT, after_help = AFTER_HELP, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count the objects of one dump by type, as `!dumpheap -stat` does
    #[command(after_help = AFTER_HELP)]
    Stat(Stat),
    /// Compare dumps: which types grew from the first one to the last
    #[command(after_help = AFTER_HELP)]
    Diff(Diff),
    /// Describe a dump: process, runtime, heap, coverage, and the evidence for each of them
    ///
    /// Prints no command line (unless asked to) and no data of the process, so that it can be put into a bug report. If the analysis fails, what is known
    /// of the dump is printed all the same, and the exit status is 1.
    #[command(after_help = AFTER_HELP)]
    Info(Info),
    /// Write a smaller dump that gives the same answers
    ///
    /// A trimmed dump STILL HOLDS THE PROCESS'S DATA: strings, keys and personal data that were on its heap. Treat it like the
    /// original.
    #[command(after_help = AFTER_HELP)]
    Trim(Trim),
    /// Check what must be true of a heap that was understood: an oracle that needs no other tool
    ///
    /// Walks the heap, then reads every reference of every object, and prints a line for each invariant: how many things were checked
    /// and for how many it fails. An invariant is `undecided` where memory is missing or a GC was moving objects. References can be
    /// relied upon only on a quiescent heap, the other invariants on every complete dump.
    #[command(after_help = AFTER_VERIFY)]
    Verify(Verify),
    /// The lives of worker processes by an event log: starts, ends, reasons, recycles per day, and which dump is of which life
    ///
    /// A log has no starts: a life begins when the one before it ended, at the earliest, where nothing tells it better. Memory figures of a recycle by
    /// `Percent Memory` are the machine's, not the worker's.
    #[command(after_help = AFTER_EVENTS)]
    Events(Events),
}

#[derive(Debug, Args)]
pub struct Stat {
    /// A Windows minidump with full memory, as it is or in a zip
    pub dump: PathBuf,
    /// How to print; `sos`: as the classic `!dumpheap -stat`; `json`: schema dropheap.report/1, with rows by type and by method table
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// A row per type (name and assembly) or per method table [default: mt for sos, else type]
    #[arg(long, value_enum)]
    pub by: Option<By>,
    #[command(flatten)]
    pub rows: Rows,
    /// Order of the rows, largest first; ascending, as SOS does, for sos and for `--by mt` in csv and json
    #[arg(long, value_enum, default_value_t = StatSort::Size)]
    pub sort: StatSort,
    #[command(flatten)]
    pub classes: Classes,
    #[command(flatten)]
    pub secrets: Secrets,
    #[command(flatten)]
    pub runtime: Runtime,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// Two or more dumps, oldest first; a delta is last minus first
    #[arg(required = true, num_args = 2..=limits::MAX_DUMPS, value_name = "DUMP")]
    pub dumps: Vec<PathBuf>,
    /// How to print; table and md show the types that changed, csv and json (schema dropheap.diff/1) show all
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,
    /// Rows of several dumps are matched by type: method tables are addresses of one process
    #[arg(long, value_enum, hide = true)]
    pub by: Option<DiffBy>,
    /// A row per group of types instead of per type. By interface: what implements it; by base: the base type and what derives from it; both
    /// overlap and do not add up. By kind: runtime, library or yours, decided by assembly
    #[arg(long, value_enum)]
    pub group_by: Option<GroupBy>,
    /// The growing types in a handful of groups: by interface or base type, by the same number, resized, on their own. Computed from counts alone;
    /// ordered by growth in the old generations. Of those on their own, table and md show 20, or `--top N`
    #[arg(long, conflicts_with_all = ["group_by", "filter", "sort", "min_delta"])]
    pub suspects: bool,
    #[command(flatten)]
    pub rows: Rows,
    /// Order of the rows, largest first: the delta in bytes whatever its sign, or size or count in the last dump
    #[arg(long, value_enum, default_value_t = DiffSort::Delta)]
    pub sort: DiffSort,
    /// Only rows whose size changed by this many bytes or more, up or down
    #[arg(long, value_name = "BYTES")]
    pub min_delta: Option<u64>,
    #[command(flatten)]
    pub classes: Classes,
    #[command(flatten)]
    pub secrets: Secrets,
    #[command(flatten)]
    pub runtime: Runtime,
}

#[derive(Debug, Args)]
pub struct Info {
    /// A Windows minidump, as it is or in a zip
    pub dump: PathBuf,
    /// How to print; `json`: schema dropheap.info/1
    #[arg(long, value_enum, default_value_t = InfoFormat::Table)]
    pub format: InfoFormat,
    #[command(flatten)]
    pub secrets: Secrets,
    #[command(flatten)]
    pub runtime: Runtime,
}

#[derive(Debug, Args)]
pub struct Trim {
    /// The dump to make smaller; it is not changed
    pub dump: PathBuf,
    /// The file to write
    pub out: PathBuf,
    /// What the new dump must still answer
    #[arg(long, value_enum, default_value_t = Keep::Graph)]
    pub keep: Keep,
    /// Overwrite OUT if it exists (never the dump itself)
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub runtime: Runtime,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A Windows minidump with full memory, as it is or in a zip
    pub dump: PathBuf,
    /// How to print; `json`: schema dropheap.verify/1
    #[arg(long, value_enum, default_value_t = InfoFormat::Table)]
    pub format: InfoFormat,
    #[command(flatten)]
    pub runtime: Runtime,
}

#[derive(Debug, Args)]
pub struct Events {
    /// An event log in XML: LogFiles/eventlog.xml of Azure App Service, or what `wevtutil qe LOG /f:xml` or the Event Viewer wrote
    pub log: PathBuf,
    /// Dumps of those processes
    #[arg(value_name = "DUMP", num_args = 0..=limits::MAX_DUMPS)]
    pub dumps: Vec<PathBuf>,
    /// How to print; `json`: schema dropheap.events/1
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,
}

/// Which rows, under which names.
#[derive(Debug, Args)]
pub struct Rows {
    /// Spelling of type names: the classic one of SOS and the DAC, or C#'s [default: csharp for table and md, else sos]
    #[arg(long, value_enum)]
    pub names: Option<Names>,
    /// Only the first N rows of the order; of an ascending order the N largest
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Only types whose name, in either spelling, matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub filter: Option<Regex>,
}

#[derive(Debug, Args)]
pub struct Runtime {
    /// Which .NET runtime of the process, counted from 0, if there are several [default: the one with the larger heap]
    #[arg(long = "runtime", value_name = "N")]
    pub number: Option<usize>,
    /// A folder with the process's own DLLs (searched with what lies in it), for a dump that lacks pages of their images: gives the names of
    /// types, and what else only the images hold. A file counts only if it is the build that the process had loaded
    #[arg(long = "modules", value_name = "DIR")]
    pub modules: Option<PathBuf>,
    /// Threads of the walk [default: one for each processor, at most 8]; the answer is the same for any number
    #[arg(long = "threads", value_name = "N", hide = true, default_value_t = 0)]
    pub threads: usize,
    /// Which dump of a zip, if it holds several. With several dumps on the command line: once for all, or once for each in their order
    #[arg(long = "entry", value_name = "NAME")]
    pub entries: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Classes {
    /// Whose the types of an assembly are (runtime, library or yours), where the rule decides otherwise; once for each assembly. Types constructed over
    /// its types, suspects and groups follow
    #[arg(long = "class", value_name = "NAME=CLASS")]
    pub moves: Vec<Move>,
}

#[derive(Debug, Args)]
pub struct Secrets {
    /// Also print the command line of the process and the note of the dump's writer (in json, and in the text of info): both may hold secrets
    #[arg(long)]
    pub with_command_line: bool,
}

impl Secrets {
    /// Drops what may hold secrets, unless it was asked for.
    pub fn keep(&self, facts: &mut DumpFacts) {
        if !self.with_command_line {
            facts.redact();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Sos,
    Csv,
    Json,
    Md,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Table,
    Csv,
    Json,
    Md,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InfoFormat {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    Type,
    Mt,
}

impl From<By> for dropheap::export::By {
    fn from(by: By) -> dropheap::export::By {
        match by {
            By::Type => Self::Type,
            By::Mt => Self::Mt,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffBy {
    Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    Base,
    Interface,
    Namespace,
    Assembly,
    Kind,
}

impl From<GroupBy> for dropheap::report::GroupBy {
    fn from(by: GroupBy) -> dropheap::report::GroupBy {
        match by {
            GroupBy::Base => Self::Base,
            GroupBy::Interface => Self::Interface,
            GroupBy::Namespace => Self::Namespace,
            GroupBy::Assembly => Self::Assembly,
            GroupBy::Kind => Self::Kind,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Names {
    Sos,
    Csharp,
}

impl From<Names> for dropheap::export::Names {
    fn from(names: Names) -> dropheap::export::Names {
        match names {
            Names::Sos => Self::Sos,
            Names::Csharp => Self::Csharp,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatSort {
    Size,
    Count,
    Name,
}

impl From<StatSort> for Sort {
    fn from(sort: StatSort) -> Sort {
        match sort {
            StatSort::Size => Sort::Size,
            StatSort::Count => Sort::Count,
            StatSort::Name => Sort::Name,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffSort {
    Size,
    Count,
    Name,
    Delta,
}

impl From<DiffSort> for Sort {
    fn from(sort: DiffSort) -> Sort {
        match sort {
            DiffSort::Size => Sort::Size,
            DiffSort::Count => Sort::Count,
            DiffSort::Name => Sort::Name,
            DiffSort::Delta => Sort::Delta,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// The pages that `stat` touches
    Stat,
    /// Also all heap segments, thread stacks and handle tables, for analyses of who holds what
    Graph,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn refused(line: &str) -> bool {
        match Arguments::try_parse_from(line.split(' ')) {
            Ok(_) => false,
            Err(e) => e.exit_code() == 2,
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    /// What issue trackers, scripts and the acceptance checks write.
    #[test]
    fn promised_lines_parse() {
        for line in [
            "dropheap stat a.dmp",
            "dropheap stat a.dmp --by mt --format csv",
            "dropheap stat --format sos --names csharp --sort count --top 20 --filter ^System --runtime 1 a.dmp",
            "dropheap diff a.dmp b.dmp",
            "dropheap diff a.dmp b.dmp c.dmp --by type --format csv --sort delta --min-delta 1024",
            "dropheap diff a.dmp b.dmp --group-by interface --format json --top 3",
            "dropheap diff a.dmp b.dmp --group-by kind",
            "dropheap diff a.dmp b.dmp --suspects --format csv --top 3",
            "dropheap diff a.dmp b.dmp --class Newtonsoft.Json=yours --class Shop=library --suspects",
            "dropheap stat a.dmp --class Newtonsoft.Json=runtime --format json",
            "dropheap info a.dmp --format json",
            "dropheap trim a.dmp out.dmp",
            "dropheap trim a.dmp out.dmp --keep stat --force",
            "dropheap verify a.dmp",
            "dropheap verify a.dmp --format json --runtime 1",
            "dropheap stat a.dmp --modules bin",
            "dropheap diff --modules bin a.dmp b.dmp",
            "dropheap stat a.zip --entry minidump.dmp",
            "dropheap diff both.zip both.zip --entry a.dmp --entry b.dmp",
            "dropheap events eventlog.xml",
            "dropheap events eventlog.xml a.dmp b.dmp --format json",
            "dropheap stat a.dmp --format json --with-command-line",
            "dropheap diff a.dmp b.dmp --format json --with-command-line",
            "dropheap info a.dmp --with-command-line",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in [
            "dropheap",
            "dropheap stat",
            "dropheap stat a.dmp b.dmp",
            "dropheap stat a.dmp --sort delta",
            "dropheap stat a.dmp --min-delta 5",
            "dropheap stat a.dmp --format xml",
            "dropheap stat a.dmp --filter (",
            "dropheap stat a.dmp --top -1",
            "dropheap diff a.dmp",
            "dropheap diff a.dmp b.dmp --format sos",
            "dropheap diff a.dmp b.dmp --by mt",
            "dropheap diff a.dmp b.dmp --group-by colour",
            "dropheap diff a.dmp b.dmp --suspects --group-by kind",
            "dropheap diff a.dmp b.dmp --suspects --filter x",
            "dropheap diff a.dmp b.dmp --class Shop",
            "dropheap diff a.dmp b.dmp --class Shop=mine",
            "dropheap info a.dmp --class Shop=yours",
            "dropheap info a.dmp --format csv",
            "dropheap trim a.dmp",
            "dropheap trim a.dmp b.dmp --keep all",
            "dropheap verify",
            "dropheap verify a.dmp --format csv",
        ] {
            assert!(refused(line), "{line}");
        }
        let many = format!("dropheap diff{}", " a.dmp".repeat(limits::MAX_DUMPS + 1));
        assert!(refused(&many));
    }

    /// All help texts, at a fixed width.
    #[test]
    fn help() {
        let mut command = Arguments::command().term_width(100);
        command.build();
        let mut text = command.render_long_help().to_string();
        for name in ["stat", "diff", "info", "trim", "verify", "events"] {
            let sub = command.find_subcommand_mut(name).unwrap();
            *sub = std::mem::take(sub).term_width(100);
            text.push_str(&format!("\n==== {name}\n{}", sub.render_long_help()));
        }
        assert!(text.contains("STILL HOLDS THE PROCESS'S DATA"));
        crate::cli::testing::snapshot("help", &text);
    }
}
