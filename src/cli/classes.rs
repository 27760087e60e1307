//! `--class NAME=CLASS`: checked against the assemblies of the dumps, then applied.

use super::Failure;
use dropheap::classes::{self, Move};
use dropheap::report::{HeapReport, Owner};

/// How like a name must be to be named, of 1.
const ALIKE: f64 = 0.7;
/// Names that are listed at most.
const LISTED: usize = 5;

/// Moves assemblies in the reports that have them; a name that none of them has is an error.
pub fn apply(reports: &mut [HeapReport], moves: &[Move]) -> Result<(), Failure> {
    let mut exact: Vec<Move> = Vec::new();
    for wanted in moves {
        let assemblies = || reports.iter().flat_map(|r| &r.assemblies);
        // The CLR takes either case.
        let same = || assemblies().filter(|a| a.name.eq_ignore_ascii_case(&wanted.assembly));
        let Some(known) = same().find(|a| *a.name == wanted.assembly).or_else(|| same().next()) else {
            let names = assemblies().map(|a| (a.name.as_str(), a.owner)).collect();
            return Err(unknown(&wanted.assembly, names));
        };
        if exact.iter().any(|m| m.assembly == *known.name) {
            return Err(Failure::usage(
                &format!("--class names {} twice", known.name),
                "Give each assembly one class.",
            ));
        }
        exact.push(Move { assembly: known.name.to_string(), owner: wanted.owner });
    }
    reports.iter_mut().for_each(|report| classes::apply(report, &exact));
    Ok(())
}

/// The names that are like it; else the first of what is not the runtime's.
fn unknown(wanted: &str, mut names: Vec<(&str, Owner)>) -> Failure {
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    names.dedup();
    let low = wanted.to_lowercase();
    let low = low.strip_suffix(".dll").unwrap_or(&low);
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        if name.contains(low) { 1.0 } else { strsim::jaro_winkler(&name, low) }
    };
    let mut near: Vec<(f64, &str)> = names.iter().map(|(name, _)| (likeness(name), *name)).collect();
    near.retain(|(alike, _)| *alike >= ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list = |names: &[&str]| names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    let hint = if names.is_empty() {
        "A saved listing has no assemblies: no class can be moved there.".to_owned()
    } else if near.is_empty() {
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("Some that are there: {}; `dropheap diff DUMP DUMP --group-by assembly` lists all.", list(&names))
    } else {
        format!("Like it: {}.", list(&near.iter().map(|(_, name)| *name).collect::<Vec<_>>()))
    };
    Failure::usage(&format!("no assembly of the heap is called {wanted} (--class)"), &hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_named() {
        let names = || {
            ["Newtonsoft.Json", "System.Text.Json", "Shop.Data", "System.Collections"]
                .map(|name| (name, if name.starts_with("System") { Owner::Runtime } else { Owner::Library }))
                .into()
        };
        let hint = |wanted: &str| unknown(wanted, names()).hint;
        assert_eq!(hint("newtonsoft"), "Like it: Newtonsoft.Json.");
        assert_eq!(hint("json.dll"), "Like it: Newtonsoft.Json, System.Text.Json.");
        assert_eq!(hint("Shop.Date"), "Like it: Shop.Data.");
        assert_eq!(
            hint("xyz"),
            "Some that are there: Newtonsoft.Json, Shop.Data, System.Collections, System.Text.Json; \
             `dropheap diff DUMP DUMP --group-by assembly` lists all."
        );
        assert!(unknown("x", Vec::new()).hint.contains("no assemblies"));
    }
}
