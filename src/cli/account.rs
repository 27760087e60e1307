//! The account of memory as tables: of one dump for `info`, of several for `diff`.

use super::sheet::Sheet;
use super::text::{Grid, grouped, signed, visible};
use dropheap::account::{AddressSpaceFacts, ImageRow, MemoryAccount, MemoryOwner, size};
use dropheap::report::DiffReport;
use std::io::{self, Write};

/// Images that `info` lists; JSON lists all.
const SHOWN_IMAGES: usize = 10;

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

/// The account of one dump: owners, the largest images, types and protections.
pub fn write(account: &MemoryAccount, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nMemory of the dump by owner")?;
    if let Some(sentence) = account.incomplete() {
        writeln!(out, "  {sentence}")?;
    }
    let mut grid = Grid::new(&["Bytes", "Owner", "By"], &[true, false, false]);
    for row in &account.owners {
        grid.row(vec![grouped(row.bytes), row.owner.text().to_owned(), visible(&row.how).into_owned()]);
    }
    grid.row(vec![grouped(account.bytes), "all".to_owned(), String::new()]);
    grid.write(out)?;
    images(&account.images, out)?;
    account.address_space.as_ref().map_or(Ok(()), |space| address_space(space, out))
}

fn images(images: &[ImageRow], out: &mut dyn Write) -> io::Result<()> {
    if images.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nImages with the most bytes")?;
    let mut grid = Grid::new(&["Bytes", "Base", "Kind", "Name"], &[true, true, false, false]);
    for image in images.iter().take(SHOWN_IMAGES) {
        let kind = if image.managed { "managed" } else { "native" };
        let [base, name] = [&image.base, &image.name].map(|text| visible(text).into_owned());
        grid.row(vec![grouped(image.bytes), base, kind.to_owned(), name]);
    }
    let rest = images.get(SHOWN_IMAGES..).unwrap_or_default();
    if !rest.is_empty() {
        let bytes = rest.iter().fold(0u64, |sum, image| sum.saturating_add(image.bytes));
        grid.row(vec![grouped(bytes), String::new(), String::new(), format!("{} more", rest.len())]);
    }
    grid.write(out)
}

fn address_space(space: &AddressSpaceFacts, out: &mut dyn Write) -> io::Result<()> {
    let (committed, reserved) = (size(space.committed), size(space.reserved));
    writeln!(out, "\nWhole process, by MemoryInfoList: {committed} committed, {reserved} reserved beside it")?;
    let mut grid = Grid::new(&["Committed", "In the dump", "Type", "Protection"], &[true, true, false, false]);
    for row in &space.regions {
        let [kind, protection] = [&row.kind, &row.protection].map(|text| visible(text).into_owned());
        grid.row(vec![grouped(row.committed), grouped(row.in_dump), kind, protection]);
    }
    grid.write(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing::{self, snapshot};
    use crate::cli::{md, table};

    #[test]
    fn two_accounts_and_what_grew() {
        let (mut a, mut b) = testing::pair();
        assert!(sheet(&dropheap::diff::diff(&[a.clone(), b.clone()]).unwrap()).is_none());
        (a.memory, b.memory) = (Some(testing::account(0)), Some(testing::account(1_048_576)));
        let report = dropheap::diff::diff(&[a, b]).unwrap();
        let sheet = sheet(&report).unwrap();
        let mut out = Vec::new();
        table::write(&sheet, &mut out).unwrap();
        md::write(&sheet, &mut out).unwrap();
        snapshot("diff-memory", &String::from_utf8(out).unwrap());
    }
}
