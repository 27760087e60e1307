//! Assemblies that the reader moves to another class by hand: [`HeapReport`] and [`Move`]s -> the same report, with every class that follows from
//! them. Pure. A comparison is of reports that were moved before, so that its rows, groups and suspects follow by themselves.
//!
//! A type is made of its own assembly (of arrays: the element's) and of those that stand in its classic name, behind each type argument; the highest class
//! of them is its own ([`crate::types`]). Only rows that a move concerns are decided again. Types of an assembly made at run time also take the
//! class of what they derive from, unless that very assembly was moved.

use crate::maps::Sorted;
use crate::report::{HeapReport, Owner};
use crate::types::MADE_AT_RUN_TIME;
use std::str::FromStr;

/// An assembly, and the class that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Simple name.
    pub assembly: String,
    /// Where to.
    pub owner: Owner,
}

/// `NAME=runtime`, `NAME=library`, `NAME=yours`: as the command line and the page say it.
impl FromStr for Move {
    type Err = String;

    fn from_str(text: &str) -> Result<Move, String> {
        let moved = text.rsplit_once('=').and_then(|(assembly, class)| {
            let owner = [Owner::Runtime, Owner::Library, Owner::Yours].into_iter().find(|o| o.text() == class)?;
            (!assembly.is_empty()).then(|| Move { assembly: assembly.to_owned(), owner })
        });
        moved.ok_or_else(|| "not NAME=runtime, NAME=library or NAME=yours".to_owned())
    }
}

/// What is known of an assembly name.
struct Class {
    owner: Owner,
    moved: bool,
    /// Its types take the class of what they derive from.
    derives: bool,
}

/// Moves assemblies; a name that no assembly of the report has changes nothing. Once only: what was moved is not known from what was decided.
pub fn apply(report: &mut HeapReport, moves: &[Move]) {
    let mut classes: Sorted<&str, Class> = Sorted::default();
    let mut any = false;
    for row in &mut report.assemblies {
        let to = moves.iter().find(|m| m.assembly == *row.name).map(|m| m.owner).filter(|owner| *owner != row.owner);
        if let Some(owner) = to {
            row.reason = format!("moved by you; otherwise {}: {}", row.owner.text(), row.reason);
            row.owner = owner;
            any = true;
        }
        let class = classes.entry(&row.name, || Class { owner: Owner::Runtime, moved: false, derives: false });
        class.owner = class.owner.max(row.owner);
        class.moved |= to.is_some();
        class.derives |= row.reason == MADE_AT_RUN_TIME;
    }
    if !any {
        return;
    }
    for row in &mut report.supertypes {
        let made = made_of(&classes, &row.type_name, &row.module);
        if made.moved {
            row.owner = made.owner;
        }
    }
    let mut types: Sorted<(&str, &str), Owner> = Sorted::default();
    for row in &mut report.types {
        let mut made = made_of(&classes, &row.type_name, &row.module);
        if made.derives {
            let above = row.base_types.iter().chain(&row.interfaces);
            let above = above.filter_map(|&i| report.supertypes.get(usize::try_from(i).ok()?));
            made.owner = above.map(|s| s.owner).fold(made.owner, Owner::max);
        }
        if made.moved || made.derives {
            row.owner = made.owner;
            types.insert((&row.type_name, &row.module), made.owner);
        }
    }
    for row in &mut report.method_tables {
        if let Some(owner) = types.get(&(row.type_name.as_str(), row.module.as_str())) {
            row.owner = *owner;
        }
    }
}

/// The classes of all assemblies that a type is made of, together.
fn made_of(classes: &Sorted<&str, Class>, type_name: &str, module: &str) -> Class {
    let mut made = Class { owner: Owner::Runtime, moved: false, derives: false };
    let mut add = |assembly: &str| {
        if let Some(class) = classes.get(assembly) {
            made.owner = made.owner.max(class.owner);
            made.moved |= class.moved;
            made.derives |= class.derives;
        }
    };
    add(module);
    assemblies_of_arguments(type_name, &mut add);
    made
}

/// The assemblies in a classic name: each between `, ` and the `]` that ends an argument. In names a comma is escaped, in ranks no blank follows it.
fn assemblies_of_arguments(type_name: &str, found: &mut dyn FnMut(&str)) {
    let mut assembly: Option<String> = None;
    let (mut before, mut chars) = ('[', type_name.chars());
    while let Some(mut c) = chars.next() {
        let escaped = c == '\\';
        if escaped {
            c = chars.next().unwrap_or_default();
        }
        match (c, &mut assembly) {
            (' ', None) if before == ',' => assembly = Some(String::new()),
            (']', Some(name)) if !escaped => {
                found(name);
                assembly = None;
            }
            (c, Some(name)) => name.push(c),
            _ => {}
        }
        before = if escaped { '\\' } else { c };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{AssemblyRow, MethodTableRow, Supertype, TypeRow};

    fn assemblies(name: &str) -> Vec<String> {
        let mut all = Vec::new();
        assemblies_of_arguments(name, &mut |assembly| all.push(assembly.to_owned()));
        all
    }

    #[test]
    fn assemblies_in_names() {
        assert_eq!(assemblies("Ns.Plain"), [""; 0]);
        assert_eq!(assemblies("Ns.Cube[,,]"), [""; 0]);
        assert_eq!(assemblies("Ns.List`1[[Order[,], Shop]][]"), ["Shop"]);
        assert_eq!(
            assemblies("Map`2[[System.String, System.Private.CoreLib],[List`1[[Shop.Order, Shop]], Generic Lists]]"),
            ["System.Private.CoreLib", "Shop", "Generic Lists"]
        );
        // What the runtime escapes: commas and brackets in names of types, brackets in those of assemblies.
        assert_eq!(assemblies(r"List`1[[<I<K\, V\]>-get>d__1, Odd\]Name]]"), ["Odd]Name"]);
        assert_eq!(assemblies(r"A\, B\]"), [""; 0]);
        assert_eq!(assemblies(r"List`1[[A, Shop"), [""; 0]);
        assert_eq!(assemblies("List`1[[A, Shop\\"), [""; 0]);
    }

    #[test]
    fn moves_are_read() {
        let read = |text: &str| text.parse::<Move>().ok().map(|m| (m.assembly, m.owner));
        assert_eq!(read("Shop.Data=yours"), Some(("Shop.Data".into(), Owner::Yours)));
        assert_eq!(read("a=b=runtime"), Some(("a=b".into(), Owner::Runtime)));
        for wrong in ["", "Shop", "Shop=", "Shop=mine", "=yours", "Shop=Yours"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    /// Whose each is: `Core` the runtime's, `Json` a library's, `Shop` yours, `Proxies` made at run time.
    fn report() -> HeapReport {
        use Owner::{Library, Runtime, Yours};
        let mut report = HeapReport::new();
        report.assemblies = [
            ("Core", Runtime, "assembly of System.Object"),
            ("Json", Library, "product Json.NET"),
            ("Proxies", Library, MADE_AT_RUN_TIME),
            ("Shop", Yours, "the entry assembly"),
        ]
        .map(|(name, owner, reason)| AssemblyRow { name: name.into(), owner, reason: reason.into() })
        .into();
        report.supertypes =
            [("Object", "Core", Runtime), ("Order", "Shop", Yours), ("IRead`1[[Token, Json]]", "Core", Library)]
                .map(|(name, module, owner)| Supertype {
                    type_name: name.into(),
                    type_name_csharp: name.into(),
                    module: module.into(),
                    owner,
                })
                .into();
        let rows = [
            ("String", "Core", Runtime, vec![0]),
            ("Order", "Shop", Yours, vec![0]),
            ("Token", "Json", Library, vec![0]),
            ("List`1[[Token, Json]]", "Core", Library, vec![0]),
            ("Map`2[[Token, Json],[List`1[[Order, Shop]], Core]]", "Core", Yours, vec![0]),
            ("Order[]", "Shop", Yours, vec![0]),
            ("OrderProxy", "Proxies", Yours, vec![1, 0]),
            ("OtherProxy", "Proxies", Library, vec![0]),
        ];
        for (name, module, owner, base_types) in rows {
            let (type_name, module) = (crate::compact::Text::from(name), crate::compact::Text::from(module));
            report.method_tables.push(MethodTableRow {
                type_name: type_name.clone(),
                module: module.clone(),
                owner,
                ..MethodTableRow::default()
            });
            report.types.push(TypeRow { type_name, module, owner, base_types, ..TypeRow::default() });
        }
        report
    }

    /// Names of types in the order of [`report`], with the class of each.
    fn moved(moves: &[&str]) -> (Vec<&'static str>, HeapReport) {
        let mut report = report();
        apply(&mut report, &moves.iter().map(|m| m.parse().unwrap()).collect::<Vec<_>>());
        let of_types: Vec<_> = report.types.iter().map(|t| t.owner.text()).collect();
        let of_tables: Vec<_> = report.method_tables.iter().map(|t| t.owner.text()).collect();
        assert_eq!(of_types, of_tables);
        (of_types, report)
    }

    #[test]
    fn constructed_types_take_the_highest_class() {
        let (classes, after) = moved(&["Json=yours"]);
        assert_eq!(classes, ["runtime", "yours", "yours", "yours", "yours", "yours", "yours", "library"]);
        assert_eq!(after.supertypes[2].owner, Owner::Yours);
        assert_eq!(after.assemblies[1].reason, "moved by you; otherwise library: product Json.NET");
        let (classes, _) = moved(&["Json=runtime"]);
        assert_eq!(classes, ["runtime", "yours", "runtime", "runtime", "yours", "yours", "yours", "library"]);
        let (classes, _) = moved(&["Shop=runtime", "Core=library"]);
        assert_eq!(
            classes,
            ["library", "runtime", "library", "library", "library", "runtime", "library", "library"],
            "a proxy keeps what its own assembly is, at least"
        );
    }

    #[test]
    fn what_was_made_at_run_time_follows_what_it_derives_from() {
        let (classes, _) = moved(&["Shop=library"]);
        assert_eq!(classes[6..], ["library", "library"]);
        let (classes, _) = moved(&["Shop=library", "Core=yours"]);
        assert_eq!(classes[6..], ["yours", "yours"], "Object is above all of them");
        // The reader's word about the very assembly is the last.
        let (classes, _) = moved(&["Proxies=runtime"]);
        assert_eq!(classes[6..], ["runtime", "runtime"]);
    }

    #[test]
    fn nothing_else_changes() {
        assert_eq!(moved(&[]).1, report());
        assert_eq!(moved(&["Elsewhere=yours"]).1, report());
        assert_eq!(moved(&["Json=library", "Shop=yours"]).1, report(), "they are there already");
        assert_eq!(moved(&["json=yours"]).1, report(), "names are compared exactly");
    }
}
