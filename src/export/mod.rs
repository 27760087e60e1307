//! Reports as text to take away: `csv`, `json`, `md`, `sos`. One writer for the command line and the page, so that both give the same bytes.
//!
//! [`select`] says which rows in which order, [`sheet`] what people are shown before it is drawn. No file access, no terminal: a caller with a
//! terminal says so ([`csv::Csv::new`]).

use crate::report::{DiffReport, HeapReport};
use select::{Select, Sort};
use std::io::{self, Write};

pub mod account;
pub mod csv;
pub mod events;
pub mod json;
pub mod md;
pub mod select;
pub mod sheet;
pub mod sos;
pub mod suspects;
#[cfg(any(test, feature = "synth"))]
pub mod testing;
pub mod text;

/// The formats that a reader of the page can take away; a terminal has `table` beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`sos`]: of one dump.
    Sos,
    /// [`csv`].
    Csv,
    /// [`json`].
    Json,
    /// [`md`].
    Md,
}

/// One dump, as `dropheap stat DUMP --format FORMAT` prints it with no other option but the spelling.
///
/// # Errors
/// Of the writer.
pub fn stat(report: &mut HeapReport, format: Format, names: Option<Names>, out: &mut dyn Write) -> io::Result<()> {
    let select = everything(Sort::Size, format, names);
    match format {
        Format::Sos => sos::write(report, &select, out),
        Format::Csv => csv::Csv::new(out, false).stat(report, By::Type, &select),
        Format::Json => json::stat(report, &select, out),
        Format::Md => md::write(&sheet::stat(report, By::Type, &select), out),
    }
}

/// Several dumps, as `dropheap diff DUMP DUMP --format FORMAT` prints them with no other option but the spelling. SOS has no comparison: nothing.
///
/// # Errors
/// Of the writer.
pub fn diff(report: &mut DiffReport, format: Format, names: Option<Names>, out: &mut dyn Write) -> io::Result<()> {
    let select = everything(Sort::Delta, format, names);
    match format {
        Format::Sos => Ok(()),
        Format::Csv => csv::Csv::new(out, false).comparison(report, &select),
        Format::Json => json::diff(report, &select, out),
        Format::Md => md::diff(report, &select, out),
    }
}

fn everything(sort: Sort, format: Format, names: Option<Names>) -> Select {
    let usual = Select::everything(sort, format == Format::Md);
    Select { names: names.unwrap_or(usual.names), ..usual }
}

/// A row per type (name and assembly) or per method table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Per type.
    Type,
    /// Per method table.
    Mt,
}

/// Spelling of type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// The classic one of SOS and the DAC.
    Sos,
    /// C#'s.
    Csharp,
}

impl Names {
    /// Where none was asked for: C#'s for `people` (table, md), else the classic one.
    pub fn usual(people: bool) -> Names {
        if people { Names::Csharp } else { Names::Sos }
    }
}
