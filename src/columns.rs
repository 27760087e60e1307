//! A comparison as the page takes it: columns of numbers and one table of strings, which cross from a worker as a few blocks of memory instead
//! of as an object per type. Pure: [`crate::web`] makes JavaScript's typed arrays of it.

use crate::compact::Text;
use crate::maps::Sorted;
use crate::report::{Cell, DiffReport, DiffRow, GENERATIONS, Owner};

/// The rows of a [`DiffReport`], in their order. `n` rows, `k` dumps.
#[derive(Debug, PartialEq)]
pub struct Columns<'a> {
    /// Rows.
    pub n: usize,
    /// Dumps.
    pub dumps: usize,
    /// Each text once.
    pub strings: Vec<&'a str>,
    /// Classic type names: indexes into `strings`, as the next three are.
    pub type_names: Vec<u32>,
    /// C# spellings.
    pub csharp: Vec<u32>,
    /// Assembly simple names.
    pub modules: Vec<u32>,
    /// Namespaces.
    pub namespaces: Vec<u32>,
    /// [`Owner`] as 0 (runtime), 1 (library), 2 (yours).
    pub owners: Vec<u8>,
    /// Objects: of dump `d` and row `i` at `d * n + i`.
    pub counts: Vec<u64>,
    /// Unaligned bytes, at the same places.
    pub sizes: Vec<u64>,
    /// Objects by generation: of generation `g` ([`GENERATIONS`]) at `(d * 6 + g) * n + i`.
    pub generation_counts: Vec<u64>,
    /// Unaligned bytes by generation, at the same places.
    pub generation_sizes: Vec<u64>,
    /// Elements of the arrays of a row together, at the places of `counts`; `None` for what is no array.
    pub slots: Vec<Option<u64>>,
}

impl<'a> Columns<'a> {
    /// The columns of a comparison.
    pub fn of(report: &'a DiffReport) -> Columns<'a> {
        let (rows, dumps) = (&report.rows, report.dumps.len());
        let mut strings: Sorted<&Text, ()> = Sorted::default();
        let mut texts = |of: fn(&DiffRow) -> &Text| {
            let number = |row| u32::try_from(strings.number(of(row), || ())).unwrap_or(u32::MAX);
            rows.iter().map(number).collect::<Vec<u32>>()
        };
        let (type_names, csharp) = (texts(|r| &r.type_name), texts(|r| &r.type_name_csharp));
        let (modules, namespaces) = (texts(|r| &r.module), texts(|r| &r.namespace));
        let by_dump = |of: fn(&DiffRow, usize) -> u64| -> Vec<u64> {
            (0..dumps).flat_map(|dump| rows.iter().map(move |row| of(row, dump))).collect()
        };
        let by_generation = |of: fn(&Cell) -> u64| -> Vec<u64> {
            let places = (0..dumps).flat_map(|dump| (0..GENERATIONS.len()).map(move |generation| (dump, generation)));
            places
                .flat_map(|(dump, generation)| {
                    rows.iter().map(move |row| row.generations.get(dump).map_or(0, |g| of(&g.get(generation))))
                })
                .collect()
        };
        Columns {
            n: rows.len(),
            dumps,
            type_names,
            csharp,
            modules,
            namespaces,
            owners: rows.iter().map(|row| owner(row.owner)).collect(),
            counts: by_dump(count),
            sizes: by_dump(size),
            generation_counts: by_generation(|cell| cell.count),
            generation_sizes: by_generation(|cell| cell.size),
            slots: (0..dumps)
                .flat_map(|dump| {
                    rows.iter().map(move |row| row.array.and_then(|a| a.slots(count(row, dump), size(row, dump))))
                })
                .collect(),
            strings: strings.entries().iter().map(|e| e.0.as_str()).collect(),
        }
    }
}

fn count(row: &DiffRow, dump: usize) -> u64 {
    row.totals.counts.get(dump).copied().unwrap_or(0)
}

fn size(row: &DiffRow, dump: usize) -> u64 {
    row.totals.sizes.get(dump).copied().unwrap_or(0)
}

fn owner(owner: Owner) -> u8 {
    match owner {
        Owner::Runtime => 0,
        Owner::Library => 1,
        Owner::Yours => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compact::Cells;
    use crate::report::{ArrayShape, DiffTotals};

    fn row(name: &str, owner: Owner, counts: [u64; 2], sizes: [u64; 2]) -> DiffRow {
        DiffRow {
            type_name: name.into(),
            type_name_csharp: name.replace('+', ".").into(),
            module: "App".into(),
            namespace: Text::default(),
            owner,
            base_types: Vec::new(),
            interfaces: Vec::new(),
            totals: DiffTotals { counts: counts.into(), sizes: sizes.into(), delta_count: 0, delta_size: 0 },
            generations: vec![
                Cells::default(),
                [Cell::default(), Cell::default(), Cell { count: counts[1], size: sizes[1], aligned_size: 0 }]
                    .into_iter()
                    .collect(),
            ],
            array: None,
            method_tables: Vec::new(),
        }
    }

    #[test]
    fn every_number_is_where_the_page_looks() {
        let mut array = row("A[]", Owner::Yours, [1, 2], [64, 48]);
        array.array = Some(ArrayShape { base_size: 24, component_size: 8 });
        let dumps = [crate::report::HeapReport::new(), crate::report::HeapReport::new()];
        let mut report = crate::diff::diff(&dumps).unwrap();
        report.rows = vec![array, row("O+I", Owner::Library, [7, 9], [70, 90])];
        let c = Columns::of(&report);
        let text = |index: &[u32]| index.iter().map(|&i| c.strings[i as usize]).collect::<Vec<_>>();
        assert_eq!((c.n, c.dumps), (2, 2));
        assert_eq!(c.strings, ["A[]", "O+I", "O.I", "App", ""]);
        assert_eq!((text(&c.type_names), text(&c.csharp)), (vec!["A[]", "O+I"], vec!["A[]", "O.I"]));
        assert_eq!((text(&c.modules), text(&c.namespaces)), (vec!["App", "App"], vec!["", ""]));
        assert_eq!(c.owners, [2, 1]);
        assert_eq!((&c.counts[..], &c.sizes[..]), (&[1, 7, 2, 9][..], &[64, 70, 48, 90][..]));
        // Dump 1 has no generations; in dump 2 all is in gen2.
        let mut expected = vec![0; 2 * 6 * 2];
        expected[(6 + 2) * 2] = 2;
        expected[(6 + 2) * 2 + 1] = 9;
        assert_eq!(c.generation_counts, expected);
        assert_eq!(c.generation_sizes[(6 + 2) * 2..][..2], [48, 90]);
        assert_eq!(c.slots, [Some(5), None, Some(0), None]);
    }

    #[test]
    fn slots_are_whole_or_nothing() {
        let shape = ArrayShape { base_size: 24, component_size: 8 };
        assert_eq!(shape.slots(31, 8424), Some(960));
        assert_eq!(shape.slots(1, 25), None);
        assert_eq!(shape.slots(2, 24), None);
        assert_eq!(shape.slots(u64::MAX, 24), None);
        assert_eq!(ArrayShape { component_size: 0, ..shape }.slots(1, 24), None);
        assert_eq!(shape.slots(0, 0), Some(0));
    }
}
