//! Whose is the memory of the process? The bytes of a dump by owner, to the byte: the rows add up to [`DumpFacts::memory_bytes`]
//! (crate::report::DumpFacts::memory_bytes), always, because every address goes to one owner at most ([`intervals`]) and what
//! nobody claims is a row too.
//!
//! Who claims what, in [`claims`]: the GC by its segments and its own bookkeeping, modules by the module list, stacks by the TEBs. What the CLR's own
//! structures say of code and loader heaps differs from build to build ([`clr`]): where they are not known, the bytes are not attributed
//! rather than guessed. The GC's numbers are those of the walk, no object is looked at again.
//!
//! An account is of the memory *in the dump*. A trimmed dump, or one whose writer left pages out, has less than the process had:
//! [`MemoryAccount::images_missing`], [`MemoryAccount::heap_missing`] and [`AddressSpaceFacts`] say how much.

pub mod claims;
pub mod clr;
pub mod intervals;

use crate::dump::Dump;
use crate::error::Findings;
use crate::memory::AddressSpace;
use crate::printing::shown;
use crate::reading::{record, word};
use crate::source::ByteSource;
use serde::{Deserialize, Serialize};

/// The owners, in the order in which claims win: each once, with its words.
macro_rules! owners {
    ($($(#[$about:meta])* $name:ident = $text:literal,)*) => {
        /// Who owns memory. In the order in which claims win.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum MemoryOwner {
            $($(#[$about])* $name,)*
        }

        impl MemoryOwner {
            /// All of them, in order.
            pub const ALL: [MemoryOwner; [$(MemoryOwner::$name),*].len()] = [$(MemoryOwner::$name),*];

            /// In words.
            pub fn text(self) -> &'static str {
                match self {
                    $(MemoryOwner::$name => $text,)*
                }
            }
        }

        word!(MemoryOwner { $($name),* });
    };
}

owners! {
    /// Objects, in aligned bytes, Free apart.
    GcObjects = "GC: objects",
    /// Free blocks between objects, in aligned bytes.
    GcFree = "GC: Free between objects",
    /// Bytes of segments that the walk could not explain.
    GcUnexplained = "GC: not explained",
    /// The GC's, without objects: open allocation contexts, the rest of segments and regions behind their last object, free regions.
    GcEmpty = "GC: committed, empty",
    /// Card table, brick table, mark array, headers of segments.
    GcBookkeeping = "GC: bookkeeping",
    /// Images of managed assemblies.
    ManagedImages = "managed images",
    /// All other images of the module list.
    NativeImages = "native images",
    /// Stacks of threads.
    ThreadStacks = "thread stacks",
    /// TEBs, the PEB, the page that Windows shares with every process.
    ProcessBlocks = "process and thread blocks",
    /// Code that was compiled at run time.
    CodeHeaps = "JIT code",
    /// The runtime's own structures of types, methods and stubs.
    LoaderHeaps = "loader heaps",
    /// Segments of the heaps in the PEB's list (`HeapAlloc`, `malloc`).
    NativeHeaps = "native heaps",
    /// Executable by MemoryInfoList, no image, and nothing more is known: compiled code and stubs, where the runtime does not say which.
    OtherExecutable = "other executable memory",
    /// MEM_PRIVATE by MemoryInfoList, and nothing more is known.
    OtherPrivate = "other private memory",
    /// MEM_MAPPED by MemoryInfoList, and nothing more is known.
    OtherMapped = "other mapped memory",
    /// MEM_IMAGE by MemoryInfoList, of an image that the module list lacks.
    OtherImages = "images not in the module list",
    /// Nothing is known.
    #[default]
    NotAttributed = "not attributed",
}

impl MemoryOwner {
    /// True for what the GC has committed, its bookkeeping included: what "the managed heap" means in [`MemoryGrowth`].
    pub fn is_managed_heap(self) -> bool {
        self <= MemoryOwner::GcBookkeeping
    }

    /// True if no address can be both's: then one of two sources is wrong. A frozen segment may lie in an image.
    fn excludes(self, other: MemoryOwner) -> bool {
        use MemoryOwner::*;
        let image = |owner| matches!(owner, ManagedImages | NativeImages);
        let kind = |owner| matches!(owner, GcObjects | ThreadStacks) || image(owner);
        let frozen = |a, b| a == GcObjects && image(b);
        kind(self) && kind(other) && !frozen(self, other) && !frozen(other, self)
    }
}

/// The memory in a dump, by owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryAccount {
    /// All of it: `DumpFacts.memory_bytes`.
    pub bytes: u64,
    /// One row per owner that has bytes, in a fixed order. They add up to [`bytes`](MemoryAccount::bytes).
    pub owners: Vec<OwnerRow>,
    /// The modules that have bytes, by size. They add up to the rows `managed-images` and `native-images`.
    pub images: Vec<ImageRow>,
    /// Bytes of listed modules that are not in the dump.
    pub images_missing: u64,
    /// Bytes of the GC's segments, up to the end of objects, that are not in the dump. They are taken off what is not explained, then off
    /// objects, then off Free.
    pub heap_missing: u64,
    /// What MemoryInfoList says of the whole process; `null` if the writer made none.
    pub address_space: Option<AddressSpaceFacts>,
}

/// The bytes of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnerRow {
    /// Whose.
    pub owner: MemoryOwner,
    /// Bytes in the dump.
    pub bytes: u64,
    /// What says so, for people.
    pub how: String,
}

/// The bytes of one module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageRow {
    /// File name.
    pub name: String,
    /// Its base address.
    pub base: String,
    /// True if it holds an assembly.
    pub managed: bool,
    /// Bytes of it in the dump.
    pub bytes: u64,
}

/// The whole address space, whether it is in the dump or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AddressSpaceFacts {
    /// Committed bytes.
    pub committed: u64,
    /// Bytes that are reserved and not committed.
    pub reserved: u64,
    /// Committed bytes by type and protection; they add up to [`committed`](AddressSpaceFacts::committed).
    pub regions: Vec<RegionRow>,
}

/// Committed memory of one type and protection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegionRow {
    /// `private`, `mapped`, `image`, `other`.
    pub kind: String,
    /// e.g. `rw`, `rx`.
    pub protection: String,
    /// Committed bytes.
    pub committed: u64,
    /// Of them in the dump.
    pub in_dump: u64,
}

impl MemoryAccount {
    /// The bytes of one owner.
    pub fn of(&self, owner: MemoryOwner) -> u64 {
        self.owners.iter().filter(|row| row.owner == owner).fold(0, |sum, row| sum.saturating_add(row.bytes))
    }

    /// The bytes of [the managed heap](MemoryOwner::is_managed_heap).
    pub fn managed_heap(&self) -> u64 {
        self.owners.iter().filter(|r| r.owner.is_managed_heap()).fold(0, |sum, row| sum.saturating_add(row.bytes))
    }

    /// What the reader must know of an account that is not of a whole process; `None` if nothing is missing.
    pub fn incomplete(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.images_missing > 0 {
            parts.push(format!("{} of its modules", size(self.images_missing)));
        }
        if self.heap_missing > 0 {
            parts.push(format!("{} of the GC's segments", size(self.heap_missing)));
        }
        let in_dump = |s: &AddressSpaceFacts| s.regions.iter().fold(0u64, |n, row| n.saturating_add(row.in_dump));
        let committed = self.address_space.as_ref().map(|s| s.committed.saturating_sub(in_dump(s))).filter(|&n| n > 0);
        if let Some(bytes) = committed {
            parts.push(format!("{} of all committed memory", size(bytes)));
        }
        let (last, first) = parts.split_last()?;
        let list = if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) };
        Some(format!("the account is of the dump's memory: the dump lacks {list}"))
    }
}

/// The account of a dump whose heap was not found or not understood: all that needs no runtime.
pub fn without_heap(source: &dyn ByteSource, dump: &Dump, findings: &mut Findings) -> MemoryAccount {
    claims::account(dump, &AddressSpace::new(source, &*dump.regions), None, findings)
}

/// What grew between two dumps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryGrowth {
    /// Memory of the dumps, last minus first.
    pub process: i64,
    /// Of it the managed heap: all that the GC has committed.
    pub managed_heap: i64,
    /// Of it objects.
    pub objects: i64,
    /// One sentence.
    pub sentence: String,
}

/// What grew from the first account to the last.
pub fn growth(first: &MemoryAccount, last: &MemoryAccount) -> MemoryGrowth {
    let process = difference(first.bytes, last.bytes);
    let managed_heap = difference(first.managed_heap(), last.managed_heap());
    let objects = difference(first.of(MemoryOwner::GcObjects), last.of(MemoryOwner::GcObjects));
    MemoryGrowth { process, managed_heap, objects, sentence: sentence(process, managed_heap) }
}

/// `process +1.2 GB, of which managed heap 0.9 GB`, with the words that fit the signs.
fn sentence(process: i64, managed: i64) -> String {
    let rest = process.saturating_sub(managed);
    match (process, managed) {
        (0, 0) => "process unchanged, managed heap unchanged".into(),
        (0, _) => format!("process unchanged: managed heap {}, all else {}", signed_size(managed), signed_size(rest)),
        (_, 0) => format!("process {}, none of it in the managed heap", signed_size(process)),
        // A part of the whole has its sign and is not larger.
        _ if (process > 0) == (managed > 0) && managed.unsigned_abs() <= process.unsigned_abs() => {
            format!("process {}, of which managed heap {}", signed_size(process), size(managed.unsigned_abs()))
        }
        _ => format!(
            "process {}: managed heap {}, all else {}",
            signed_size(process),
            signed_size(managed),
            signed_size(rest)
        ),
    }
}

fn difference(first: u64, last: u64) -> i64 {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(last.saturating_sub(first)).saturating_sub(signed(first.saturating_sub(last)))
}

/// `+1.20 GB`, `-3.4 MB`.
pub fn signed_size(bytes: i64) -> String {
    let sign = match bytes {
        1.. => "+",
        0 => "",
        _ => "-",
    };
    format!("{sign}{}", size(bytes.unsigned_abs()))
}

/// Bytes for people: `1.20 GB`, `19.4 MB`, `800 KB`; MB = 1,048,576 bytes, as the page says it.
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let mut units = ["KB", "MB", "GB", "TB"].into_iter().peekable();
    // In 1/1024 of the unit, so that no precision is lost before the last step.
    let mut of_unit = bytes;
    let mut unit = units.next().unwrap_or_default();
    while of_unit >= 1000 << 10 {
        let Some(larger) = units.next() else { break };
        unit = larger;
        of_unit >>= 10;
    }
    let digits = match unit {
        "GB" | "TB" => 2,
        _ if of_unit < 100 << 10 => 1,
        _ => 0u32,
    };
    let scale = 10u64.saturating_pow(digits);
    let rounded = of_unit.saturating_mul(scale).saturating_add(512) >> 10;
    let (whole, part) = (rounded.checked_div(scale).unwrap_or(0), rounded.checked_rem(scale).unwrap_or(0));
    match digits {
        0 => format!("{whole} {unit}"),
        1 => format!("{whole}.{part} {unit}"),
        _ => format!("{whole}.{part:02} {unit}"),
    }
}

record!(MemoryAccount { bytes, owners, images, images_missing, heap_missing, address_space });
record!(OwnerRow { owner, bytes, how });
record!(ImageRow { name, base, managed, bytes });
record!(AddressSpaceFacts { committed, reserved, regions });
record!(RegionRow { kind, protection, committed, in_dump });

shown!(MemoryGrowth { process, managed_heap, objects, sentence });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_says_what_grew() {
        const MB: i64 = 1 << 20;
        for (process, managed, words) in [
            (1229 * MB, 922 * MB, "process +1.20 GB, of which managed heap 922 MB"),
            (-1229 * MB, -922 * MB, "process -1.20 GB, of which managed heap 922 MB"),
            (5 * MB, 5 * MB, "process +5.0 MB, of which managed heap 5.0 MB"),
            (5 * MB, 0, "process +5.0 MB, none of it in the managed heap"),
            (5 * MB, -MB, "process +5.0 MB: managed heap -1.0 MB, all else +6.0 MB"),
            (5 * MB, 6 * MB, "process +5.0 MB: managed heap +6.0 MB, all else -1.0 MB"),
            (-5 * MB, 2 * MB, "process -5.0 MB: managed heap +2.0 MB, all else -7.0 MB"),
            (0, 0, "process unchanged, managed heap unchanged"),
            (0, -MB, "process unchanged: managed heap -1.0 MB, all else +1.0 MB"),
            (i64::MIN, i64::MAX, "process -8388608.00 TB: managed heap +8388608.00 TB, all else -8388608.00 TB"),
        ] {
            assert_eq!(sentence(process, managed), words);
        }
    }

    #[test]
    fn sizes_are_those_of_the_page() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KB"),
            (100 << 10, "100 KB"),
            ((1000 << 10) - 1, "1000 KB"),
            (1000 << 10, "1.0 MB"),
            (20_342_374, "19.4 MB"),
            (1 << 30, "1.00 GB"),
            (1_288_490_189, "1.20 GB"),
            (u64::MAX, "16777216.00 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn the_owners_are_in_the_order_in_which_claims_win() {
        assert!(MemoryOwner::ALL.is_sorted());
        let json = serde_json::to_string(&MemoryOwner::ALL).unwrap();
        assert!(json.starts_with(r#"["gc-objects","gc-free","gc-unexplained","gc-empty","#), "{json}");
        assert!(MemoryOwner::ALL.iter().all(|a| MemoryOwner::ALL.iter().all(|b| a.excludes(*b) == b.excludes(*a))));
    }
}
