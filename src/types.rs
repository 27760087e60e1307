//! What a type is: its base types, its interfaces, and whose it is.
//!
//! **Base types**: the method table's parent, its parent and so on up to `System.Object`. **Interfaces**: as many method tables as
//! `NumInterfaces` says at the interface map; inherited ones are in it (src/coreclr/vm/methodtable.h). An interface's BaseSize is 0.
//!
//! **Whose**, by assembly, the first that applies:
//! 1. `runtime`: the assembly of `System.Object`.
//! 2. `runtime`: its file lies in a folder of a shared framework (`shared\Microsoft.NETCore.App` and its like), in the global assembly cache, or in
//!    `Microsoft.NET\Framework`.
//! 3. `runtime`: the runtime itself lies in no such folder (a self-contained application has one folder for all, a single file none), and the
//!    product in the file's version resource is one of [`PRODUCTS`]. So it is for native images of the .NET Framework, whose folder is the same for everybody.
//! 4. `yours`: the entry assembly: the one with the name of the executable; else the first `.dll` of the command line; else the only one outside
//!    the framework's folders that is a program and no library by its PE header. Where none is found (IIS, some hosts), nothing is yours.
//! 5. `yours`: product, company or first name word (up to the first dot) of the entry assembly, unless they say nothing: empty, Microsoft's, or
//!    the name words `System` and `Microsoft`.
//! 6. `library`: all else. Types of assemblies made at run time (Reflection.Emit) too, but one that derives from or implements something of
//!    yours is yours: a proxy of your class is what you look for.
//!
//! The reader may move an assembly to another class by hand: [`crate::classes`].

use crate::compact::Text;
use crate::dump::{Dump, Module};
use crate::error::Findings;
use crate::image::pe::PeImage;
use crate::maps::{ByAddr, Sorted};
use crate::memory::{Addr, Memory};
use crate::modules::{ModuleInfo, Modules};
use crate::names::{Names, TypeName};
use crate::phrase;
use crate::report::{AssemblyRow, DumpFacts, Evidence, Owner, Supertype};
use crate::runtime::identity::Flavour;
use crate::runtime::method_table::MethodTable;
use crate::runtime::{Runtime, note};
use std::rc::Rc;

/// `ProductName` of what comes with the runtime, without `®`.
pub const PRODUCTS: [&str; 6] = [
    "Microsoft .NET",
    ".NET",
    "Microsoft .NET Core",
    "Microsoft .NET Framework",
    "Microsoft ASP.NET Core",
    "ASP.NET Core",
];

/// What decided about an assembly of Reflection.Emit, unless something else did.
pub const MADE_AT_RUN_TIME: &str = "made at run time";

/// Folders in `shared`.
const SHARED: [&str; 4] =
    ["Microsoft.NETCore.App", "Microsoft.AspNetCore.App", "Microsoft.AspNetCore.All", "Microsoft.WindowsDesktop.App"];

/// First name words that many share.
const COMMON_WORDS: [&str; 2] = ["System", "Microsoft"];

/// More base types than any real type has; nesting in a browser's DOM reaches 10, WPF 15.
const MAX_BASES: usize = 256;
/// More interfaces than any real type has: `System.Int128` has some 30, generic math with inheritance below 100.
const MAX_INTERFACES: u16 = 4096;

/// What one type is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeFacts {
    /// Whose.
    pub owner: Owner,
    /// Nearest first: indexes into [`Types::into_tables`]'s first list.
    pub base_types: Rc<[u32]>,
    /// As [`base_types`](TypeFacts::base_types).
    pub interfaces: Vec<u32>,
}

/// Describes method tables; each base type, interface and assembly once.
pub struct Types<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    owners: Owners<'a>,
    supertypes: Vec<Supertype>,
    /// Index by name and assembly.
    index: Sorted<(Text, Text), ()>,
    /// The same by method table.
    known: ByAddr<u32>,
    /// Base types of a method table, itself first.
    chains: ByAddr<Rc<[u32]>>,
}

impl<'a> Types<'a> {
    /// Finds the entry assembly on the way.
    pub fn new(
        mem: &'a dyn Memory,
        rt: &'a Runtime,
        dump: &'a Dump,
        modules: &Modules<'_>,
        evidence: &mut Vec<Evidence>,
    ) -> Types<'a> {
        Types {
            mem,
            rt,
            owners: Owners::new(mem, rt, dump, modules, evidence),
            supertypes: Vec::new(),
            index: Sorted::default(),
            known: ByAddr::default(),
            chains: ByAddr::default(),
        }
    }

    /// What the type of `table` is. An entry that is no interface, or a base type without a name, is left out and counted as a finding.
    pub fn describe(
        &mut self,
        table: &MethodTable,
        name: &TypeName,
        names: &mut Names<'_>,
        findings: &mut Findings,
    ) -> TypeFacts {
        if table.at == self.rt.known.free {
            return TypeFacts { owner: Owner::Runtime, ..TypeFacts::default() };
        }
        let base_types = match table.parent_table(self.mem, &self.rt.layout) {
            Ok(parent) => self.chain(parent, names, findings),
            Err(why) => {
                findings.add("unresolved-base", false, || format!("{} has no readable base type: {why}", name.classic));
                Rc::default()
            }
        };
        let interfaces = self.interfaces(table, name, names, findings);
        let mut owner = self.owners.of_type(name, names);
        if name.modules.iter().any(|&m| names.modules.info(m).is_dynamic()) {
            let supertypes = base_types.iter().chain(&interfaces).filter_map(|&i| self.supertypes.get(index(i)));
            owner = supertypes.map(|s| s.owner).fold(owner, Owner::max);
        }
        TypeFacts { owner, base_types, interfaces }
    }

    /// All base types and interfaces described so far, and all assemblies asked for, by name.
    pub fn into_tables(self) -> (Vec<Supertype>, Vec<AssemblyRow>) {
        let mut assemblies: Vec<AssemblyRow> =
            self.owners.known.into_values().into_iter().filter(|a| !a.name.is_empty()).map(|a| (*a).clone()).collect();
        crate::order::by(&mut assemblies, |a, b| (&a.name, a.owner, &a.reason).cmp(&(&b.name, b.owner, &b.reason)));
        assemblies.dedup();
        (self.supertypes, assemblies)
    }

    /// Index of the type at `at` and of its base types.
    fn chain(&mut self, at: Addr, names: &mut Names<'_>, findings: &mut Findings) -> Rc<[u32]> {
        if let Some(known) = self.chains.get(at) {
            return Rc::clone(known);
        }
        let mut chain = Vec::new();
        let mut next = at;
        while !next.is_null() {
            if let Some(known) = self.chains.get(next) {
                chain.extend_from_slice(known);
                break;
            }
            let step = names.handle(next, 0).and_then(|name| {
                let table = MethodTable::read(self.mem, &self.rt.layout, next).map_err(|e| e.to_string())?;
                let parent = table.parent_table(self.mem, &self.rt.layout).map_err(|e| e.to_string())?;
                if chain.len() >= MAX_BASES {
                    return Err(format!("{} has too many base types", name.classic));
                }
                Ok((name, parent))
            });
            match step {
                Ok((name, parent)) => {
                    chain.push(self.supertype(Some(next), &name, names));
                    next = parent;
                }
                Err(why) => {
                    findings.add("unresolved-base", false, || format!("the base type at {next} has no name: {why}"));
                    break;
                }
            }
        }
        let chain: Rc<[u32]> = chain.into();
        self.chains.insert(at, Rc::clone(&chain));
        chain
    }

    fn interfaces(
        &mut self,
        table: &MethodTable,
        name: &TypeName,
        names: &mut Names<'_>,
        findings: &mut Findings,
    ) -> Vec<u32> {
        const WHAT: &str = "interface map of a method table";
        let l = &self.rt.layout;
        let mut found: Vec<u32> = Vec::new();
        if table.num_interfaces == 0 {
            return found;
        }
        if table.num_interfaces > MAX_INTERFACES {
            findings.add("unresolved-interface", false, || {
                format!("{} has {} interfaces, more than can be", name.classic, table.num_interfaces)
            });
            return found;
        }
        let map = self.mem.ptr(table.at.plus(l.method_table.interface_map), l.pointer, WHAT);
        for i in 0..u64::from(table.num_interfaces) {
            let entry = map
                .as_ref()
                .map_err(ToString::to_string)
                .and_then(|map| self.plain_entry(map.plus(i.wrapping_mul(l.p()))).map_err(|e| e.to_string()));
            let resolved = entry.and_then(|entry| match self.known.get(entry) {
                Some(&known) => Ok(known),
                None => {
                    let (interface, marker) = names.interface(entry, table.at)?;
                    Ok(self.supertype((!marker).then_some(entry), &interface, names))
                }
            });
            match resolved {
                Ok(index) if found.contains(&index) => {}
                Ok(index) => found.push(index),
                Err(why) => findings.add("unresolved-interface", false, || {
                    format!("interface {i} of {} has no name: {why}", name.classic)
                }),
            }
        }
        found
    }

    /// An entry of an interface map; in NGEN images it may be behind an indirection cell (bit 0).
    fn plain_entry(&self, field: Addr) -> crate::error::Result<Addr> {
        const WHAT: &str = "entry of an interface map";
        let stored = self.mem.ptr(field, self.rt.layout.pointer, WHAT)?;
        if stored.0 & 1 == 0 { Ok(stored) } else { self.mem.ptr(stored.minus(1), self.rt.layout.pointer, WHAT) }
    }

    fn supertype(&mut self, at: Option<Addr>, name: &TypeName, names: &mut Names<'_>) -> u32 {
        if let Some(&known) = at.and_then(|at| self.known.get(at)) {
            return known;
        }
        let owner = self.owners.of_type(name, names);
        let next = self.supertypes.len();
        let number = self.index.number((name.classic.clone(), name.module.clone()), || ());
        if number == next {
            self.supertypes.push(Supertype {
                type_name: name.classic.clone(),
                type_name_csharp: name.csharp.clone(),
                module: name.module.clone(),
                owner,
            });
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if let Some(at) = at {
            self.known.insert(at, number);
        }
        number
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What the rule asks of an assembly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct About {
    name: String,
    /// Of the module list, and as the runtime knows it; native images have two.
    paths: Vec<String>,
    product: String,
    company: String,
    dynamic: bool,
}

/// Whose each assembly is.
struct Owners<'a> {
    mem: &'a dyn Memory,
    modules: &'a [Module],
    core: Addr,
    /// True if the framework has folders of its own; else the product decides.
    by_folder: bool,
    entry: Option<About>,
    known: ByAddr<Rc<AssemblyRow>>,
}

impl<'a> Owners<'a> {
    fn new(
        mem: &'a dyn Memory,
        rt: &Runtime,
        dump: &'a Dump,
        modules: &Modules<'_>,
        evidence: &mut Vec<Evidence>,
    ) -> Owners<'a> {
        let by_folder = rt.module.flavour == Flavour::Framework || framework_folder(&rt.module.path).is_some();
        let mut owners = Owners {
            mem,
            modules: &dump.modules,
            core: modules.core(),
            by_folder,
            entry: None,
            known: ByAddr::default(),
        };
        match owners.find_entry(&dump.facts, modules) {
            Some((entry, how)) => {
                note(evidence, "entry assembly", &entry.name, how);
                owners.entry = Some(entry);
            }
            None => note(
                evidence,
                "entry assembly",
                "not found",
                "no assembly has the executable's name, is in the command line, or is the only program",
            ),
        }
        owners
    }

    fn of_type(&mut self, name: &TypeName, names: &mut Names<'_>) -> Owner {
        let owners = name.modules.iter().map(|&module| self.of_module(module, names).owner);
        owners.max().unwrap_or_default()
    }

    fn of_module(&mut self, at: Addr, names: &mut Names<'_>) -> Rc<AssemblyRow> {
        if let Some(known) = self.known.get(at) {
            return Rc::clone(known);
        }
        let info = names.modules.info(at);
        let about = self.about(&info, &names.modules);
        let (owner, reason) = if at == self.core {
            (Owner::Runtime, "assembly of System.Object".to_owned())
        } else {
            judge(&about, self.entry.as_ref(), self.by_folder)
        };
        let row = Rc::new(AssemblyRow { name: about.name.into(), owner, reason });
        self.known.insert(at, Rc::clone(&row));
        row
    }

    fn about(&self, info: &ModuleInfo, modules: &Modules<'_>) -> About {
        let listed = info.base.and_then(|base| self.modules.iter().find(|m| m.base == base && !m.path.is_empty()));
        let mut paths: Vec<String> = listed.map(|m| m.path.clone()).into_iter().collect();
        if !paths.iter().any(|p| framework_folder(p).is_some()) {
            paths.extend(modules.path(info.at));
        }
        let (product, company) = self.version(info.base);
        About { name: info.simple_name.to_string(), paths, product, company, dynamic: info.is_dynamic() }
    }

    /// Product and company of an image's version resource; empty where there is none.
    fn version(&self, base: Option<Addr>) -> (String, String) {
        let info = base
            .and_then(|base| PeImage::open(self.mem, base).ok())
            .and_then(|image| image.version_info(self.mem).ok().flatten());
        let text = |key| info.as_ref().and_then(|i| i.string(key)).unwrap_or_default().trim().to_owned();
        (text("ProductName"), text("CompanyName"))
    }

    fn find_entry(&self, facts: &DumpFacts, modules: &Modules<'_>) -> Option<(About, &'static str)> {
        let executable = facts.image_path.as_deref().map(stem);
        if let Some(about) = executable.and_then(|name| self.by_name(name, modules)) {
            return Some((about, "name of the executable"));
        }
        let named = facts.command_line.as_deref().and_then(|line| {
            arguments(line).filter(|a| ends_with(a, ".dll")).find_map(|a| self.by_name(stem(a), modules))
        });
        if let Some(about) = named {
            return Some((about, "first assembly of the command line"));
        }
        let mut programs: Vec<About> = Vec::new();
        let known = modules.known().filter_map(|info| Some((info.base?, self.about(info, modules))));
        let listed = self.modules.iter().filter_map(|m| Some((m.base, self.about_listed(m)?)));
        for (base, about) in known.chain(listed) {
            let is_program = PeImage::open(self.mem, base).is_ok_and(|image| !image.is_dll);
            if is_program
                && about.paths.iter().all(|p| framework_folder(p).is_none())
                && !programs.iter().any(|p| p.name == about.name)
            {
                programs.push(about);
            }
        }
        let only = if programs.len() == 1 { programs.pop() } else { None };
        only.map(|about| (about, "the only program among the assemblies"))
    }

    /// The assembly of that name: of the heap's, else of the module list's.
    fn by_name(&self, name: &str, modules: &Modules<'_>) -> Option<About> {
        let known = modules.known().filter(|info| info.simple_name.eq_ignore_ascii_case(name)).min_by_key(|i| i.at);
        known.map(|info| self.about(info, modules)).or_else(|| {
            self.modules.iter().filter(|m| stem(&m.path).eq_ignore_ascii_case(name)).find_map(|m| self.about_listed(m))
        })
    }

    /// A module of the list, if it is managed.
    fn about_listed(&self, module: &Module) -> Option<About> {
        let image = PeImage::open(self.mem, module.base).ok()?;
        let name = image.metadata(self.mem).ok()??.simple_name(self.mem).ok()?;
        let (product, company) = self.version(Some(module.base));
        Some(About { name, paths: vec![module.path.clone()], product, company, dynamic: false })
    }
}

/// Whose the assembly is, and what decided it.
fn judge(about: &About, entry: Option<&About>, by_folder: bool) -> (Owner, String) {
    if let Some(folder) = about.paths.iter().find_map(|p| framework_folder(p)) {
        return (Owner::Runtime, format!("its file is in {folder}"));
    }
    let product_decides = !by_folder || about.paths.iter().any(|p| is_native_image(p));
    if product_decides && is_runtime_product(&about.product) {
        return (Owner::Runtime, format!("product {}", about.product));
    }
    if let Some(entry) = entry {
        let same = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
        if same(&about.name, &entry.name) {
            return (Owner::Yours, "the entry assembly".to_owned());
        }
        if same(&about.product, &entry.product) && !is_runtime_product(&entry.product) {
            return (Owner::Yours, format!("product of the entry assembly, {}", about.product));
        }
        if same(&about.company, &entry.company) && !same(first_word(&about.company), "Microsoft") {
            return (Owner::Yours, format!("company of the entry assembly, {}", about.company));
        }
        let word = first_word(&about.name);
        if same(word, first_word(&entry.name)) && !COMMON_WORDS.iter().any(|common| same(word, common)) {
            return (Owner::Yours, format!("name begins with {word}, as the entry assembly's"));
        }
    }
    let reason = match about {
        About { dynamic: true, .. } => MADE_AT_RUN_TIME.to_owned(),
        About { product, .. } if !product.is_empty() => format!("product {product}"),
        About { paths, .. } if paths.is_empty() => "neither its file nor its product is known".to_owned(),
        _ => "in no folder of the framework".to_owned(),
    };
    (Owner::Library, reason)
}

/// Up to the first dot or space.
fn first_word(name: &str) -> &str {
    name.split(['.', ' ', ',']).next().unwrap_or_default()
}

fn is_runtime_product(product: &str) -> bool {
    let mut bare = product.replace('®', "");
    while let Some((before, behind)) = phrase::split_once(&bare, "(R)") {
        bare = [before, behind].concat();
    }
    PRODUCTS.iter().any(|p| p.eq_ignore_ascii_case(bare.trim()))
}

/// The framework's folder in which the file lies.
fn framework_folder(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['\\', '/']).collect();
    let is = |part: &str, name: &str| part.eq_ignore_ascii_case(name);
    // Copies of a site's own assemblies, below the framework's folder.
    if parts.iter().any(|p| is(p, "Temporary ASP.NET Files")) {
        return None;
    }
    parts.windows(2).find_map(|pair| {
        let [outer, inner] = pair else { return None };
        let known = (is(outer, "shared") && SHARED.iter().any(|name| is(inner, name)))
            || (is(outer, "assembly") && (is(inner, "GAC") || starts_with(inner, "GAC_")))
            || (is(outer, "Microsoft.NET") && starts_with(inner, "Framework"));
        known.then(|| format!("{outer}\\{inner}"))
    })
}

/// The folder of NGEN's native images holds those of the framework and those of everybody else.
fn is_native_image(path: &str) -> bool {
    path.split(['\\', '/']).any(|part| starts_with(part, "NativeImages_"))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(text: &str, end: &str) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// `C:\a\App.Web.exe` -> `App.Web`; of a native image `App.Web.ni.dll` too.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['\\', '/']).next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.strip_suffix(".ni").unwrap_or(name)
}

/// The words of a Windows command line, without the program.
fn arguments(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line.trim();
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        rest = after;
        (!word.is_empty() || !rest.is_empty()).then_some(word)
    })
    .skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str, path: &str, product: &str, company: &str) -> About {
        let paths = if path.is_empty() { Vec::new() } else { vec![path.to_owned()] };
        About { name: name.into(), paths, product: product.into(), company: company.into(), dynamic: false }
    }

    fn owner(about: &About, entry: Option<&About>, by_folder: bool) -> Owner {
        judge(about, entry, by_folder).0
    }

    #[test]
    fn the_folder_of_the_framework_decides_where_there_is_one() {
        for path in [
            r"C:\Program Files\dotnet\shared\Microsoft.NETCore.App\8.0.4\System.Linq.dll",
            r"c:\program files\dotnet\SHARED\microsoft.aspnetcore.app\8.0.4\Microsoft.AspNetCore.dll",
            r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\mscorlib.dll",
            r"C:\Windows\Microsoft.Net\assembly\GAC_MSIL\System.Core\v4.0_4.0.0.0__b77a5c561934e089\System.Core.dll",
            r"C:\Windows\assembly\GAC\x\x.dll",
            "/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.4/System.Linq.dll",
        ] {
            assert_eq!(owner(&about("X", path, "", ""), None, true), Owner::Runtime, "{path}");
        }
        for path in [
            r"C:\app\System.Text.Json.dll",
            r"C:\Microsoft.NETCore.App\shared\X.dll",
            r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Temporary ASP.NET Files\root\1\2\assembly\dl3\3\Shop.dll",
        ] {
            assert_eq!(owner(&about("X", path, "Microsoft® .NET", ""), None, true), Owner::Library, "{path}");
        }
    }

    #[test]
    fn the_product_decides_where_one_folder_holds_all() {
        let of = |product: &str| owner(&about("X", r"C:\app\X.dll", product, "Microsoft Corporation"), None, false);
        for product in
            ["Microsoft® .NET", ".NET", "Microsoft® .NET Framework", "Microsoft ASP.NET Core", "Microsoft® .NET Core"]
        {
            assert_eq!(of(product), Owner::Runtime, "{product}");
        }
        for product in ["Microsoft.ApplicationInsights", "Microsoft® .NET Extensions Contrib", "", "Json.NET"] {
            assert_eq!(of(product), Owner::Library, "{product}");
        }
        let native = r"C:\Windows\assembly\NativeImages_v4.0.30319_64\X\1234\X.ni.dll";
        assert_eq!(owner(&about("X", native, "Microsoft® .NET Framework", ""), None, true), Owner::Runtime);
        assert_eq!(owner(&about("X", native, "Shop", ""), None, true), Owner::Library);
    }

    #[test]
    fn yours_is_what_the_entry_assembly_shares() {
        let entry = about("Contoso.Orders.Api", r"C:\app\Contoso.Orders.Api.dll", "Orders", "Contoso Ltd");
        let of = |name: &str, product: &str, company: &str| {
            owner(&about(name, r"C:\app\x.dll", product, company), Some(&entry), true)
        };
        assert_eq!(of("contoso.orders.api", "", ""), Owner::Yours);
        assert_eq!(of("Contoso.Data", "", ""), Owner::Yours);
        assert_eq!(of("Billing", "Orders", ""), Owner::Yours);
        assert_eq!(of("Billing", "", "contoso ltd"), Owner::Yours);
        assert_eq!(of("ContosoData", "Other", "Other"), Owner::Library);
        assert_eq!(of("Newtonsoft.Json", "Json.NET", "Newtonsoft"), Owner::Library);
        let empty = about("Tool", "", "", "");
        assert_eq!(owner(&about("Other", "", "", ""), Some(&empty), true), Owner::Library);
    }

    /// An entry assembly of Microsoft's does not make all of its packages yours.
    #[test]
    fn what_many_share_says_nothing() {
        let entry = about("Microsoft.Sample.Api", "", "Microsoft® .NET", "Microsoft Corporation");
        let insights =
            about("Microsoft.ApplicationInsights", "", "Microsoft.ApplicationInsights", "Microsoft Corporation");
        assert_eq!(owner(&insights, Some(&entry), true), Owner::Library);
        let json = about("System.Text.Json", "", "Microsoft® .NET", "Microsoft Corporation");
        assert_eq!(owner(&json, Some(&entry), true), Owner::Library);
        assert_eq!(owner(&entry, Some(&entry), true), Owner::Yours);
    }

    #[test]
    fn stems_and_arguments() {
        assert_eq!(stem(r"C:\a\App.Web.exe"), "App.Web");
        assert_eq!(stem("App.ni.dll"), "App");
        assert_eq!(stem(""), "");
        let words = |line| arguments(line).collect::<Vec<_>>();
        assert_eq!(
            words(r#""C:\Program Files\dotnet\dotnet.exe" exec "my app\Leak Sim.dll" --x"#),
            ["exec", r"my app\Leak Sim.dll", "--x"]
        );
        assert_eq!(words("dotnet LeakSim.dll"), ["LeakSim.dll"]);
        assert_eq!(words(r#"dotnet "" "open"#), ["", "open"]);
        assert!(words("").is_empty());
        assert!(ends_with("A.DLL", ".dll") && !ends_with("ä", ".dll"));
    }
}
