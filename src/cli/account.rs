//! The account of one dump's memory, for `info`.

use super::grid::Grid;
use dropheap::account::{AddressSpaceFacts, ImageRow, MemoryAccount, size};
use dropheap::export::text::{grouped, visible};
use std::io::{self, Write};

/// Images that `info` lists; JSON lists all.
const SHOWN_IMAGES: usize = 10;

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
