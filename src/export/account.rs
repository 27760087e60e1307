//! The accounts of memory of a comparison, as a table under that of the types.

use super::sheet::Sheet;
use super::text::{grouped, signed};
use crate::account::{MemoryAccount, MemoryOwner};
use crate::report::DiffReport;

/// The accounts of a comparison, a column per dump; `None` unless all dumps have one.
pub fn sheet(report: &DiffReport) -> Option<Sheet> {
    let accounts: Option<Vec<&MemoryAccount>> = report.dumps.iter().map(|dump| dump.memory.as_ref()).collect();
    let accounts = accounts.filter(|all| !all.is_empty())?;
    let mut facts: Vec<String> = report.memory.iter().map(|growth| format!("Memory: {}", growth.sentence)).collect();
    facts.extend((1_usize..).zip(&accounts).filter_map(|(n, account)| Some(format!("{n}: {}", account.incomplete()?))));
    let mut titles: Vec<String> = (1..=accounts.len()).map(|n| format!("Bytes {n}")).collect();
    titles.extend(["Delta", "Owner"].map(str::to_owned));
    let right = (1..=titles.len()).map(|n| n < titles.len()).collect();
    let line = |bytes: Vec<u64>, what: &str| {
        let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
        let mut cells: Vec<String> = bytes.into_iter().map(grouped).collect();
        cells.extend([signed(last.cast_signed().saturating_sub(first.cast_signed())), what.to_owned()]);
        cells
    };
    let rows =
        MemoryOwner::ALL.into_iter().map(|owner| (owner, accounts.iter().map(|a| a.of(owner)).collect::<Vec<_>>()));
    Some(Sheet {
        facts,
        titles,
        right,
        rows: rows.filter(|(_, bytes)| bytes.iter().any(|&n| n > 0)).map(|(o, bytes)| line(bytes, o.text())).collect(),
        foot: vec![line(accounts.iter().map(|a| a.bytes).collect(), "Memory of the dump")],
        notes: Vec::new(),
    })
}
