//! Reports as text to take away: `csv`, `json`, `md`, `sos`. One writer for the command line and the page, so that both give the same bytes.
//!
//! [`select`] says which rows in which order, [`sheet`] what people are shown before it is drawn. No file access, no terminal: a caller with a
//! terminal says so ([`csv::Csv::new`]).

pub mod account;
pub mod csv;
pub mod json;
pub mod md;
pub mod select;
pub mod sheet;
pub mod sos;
#[cfg(any(test, feature = "synth"))]
pub mod testing;
pub mod text;

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
