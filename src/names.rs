//! MethodTable -> type name, in the classic spelling of the DAC and SOS and in C# spelling.
//!
//! Classic (src/coreclr/vm/typestring.cpp; what `!dumpheap -stat` prints): `Ns.Outer+Inner`;
//! ``Outer`1+Inner`1[[A, AssemblyOfA],[B, AssemblyOfB]]`` with all arguments at the end, outer first; arrays `T[]`, `T[,]`, `T[*]`; pointers
//! `T*`. C#: `Outer<A>+Inner<B>`, as today's dotnet-dump spells it.

use crate::compact::Text;
use crate::error::Findings;
use crate::limits;
use crate::maps::{AddrSet, ByAddr};
use crate::memory::{Addr, Memory};
use crate::modules::Modules;
use crate::runtime::Runtime;
use crate::runtime::method_table::{GENERICS_MASK, MethodTable};
use std::rc::Rc;

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// Classic spelling.
    pub classic: Text,
    /// C# spelling.
    pub csharp: Text,
    /// Simple name of the assembly of the type, of arrays and pointers of their element.
    pub module: Text,
    /// Namespace of the type (nested: of the outermost one), of arrays and pointers of their element.
    pub namespace: Text,
    /// Every `Module` that the type is made of: its definition's, its element's, its arguments'. Ascending, each once.
    pub modules: Rc<[Addr]>,
}

/// Kinds of TypeDesc (CorElementType in the low byte of TypeAndFlags; src/coreclr/vm/typedesc.h).
const KIND_POINTER: u32 = 0x0F;
const KIND_BYREF: u32 = 0x10;
const KIND_VAR: u32 = 0x13;
const KIND_ARRAY: u32 = 0x14;
const KIND_FNPTR: u32 = 0x1B;
const KIND_SZARRAY: u32 = 0x1D;
const KIND_MVAR: u32 = 0x1E;

/// More type arguments than any real type has.
const MAX_ARGUMENTS: u64 = 256;
/// Ranks: the CLR allows 32.
const MAX_RANK: u64 = 32;

/// Names type handles; each once.
pub struct Names<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    /// The modules behind the names.
    pub modules: Modules<'a>,
    known: ByAddr<Rc<TypeName>>,
    /// Types that could not be named.
    pub unresolved: u64,
    /// Types that have their token for a name, since the metadata of their module are not in the dump.
    pub tokens: u64,
    /// The modules of those.
    without_metadata: AddrSet,
    /// Of the last type: the next one is often in the same.
    namespace: Text,
}

impl<'a> Names<'a> {
    /// A namer over calibrated modules.
    pub fn new(mem: &'a dyn Memory, rt: &'a Runtime, modules: Modules<'a>) -> Names<'a> {
        let (known, without_metadata) = (ByAddr::default(), AddrSet::default());
        Names { mem, rt, modules, known, unresolved: 0, tokens: 0, without_metadata, namespace: Text::default() }
    }

    /// Says how many types got a token for a name so far: their counts are right, only their names are lost.
    pub fn note_missing(&self, findings: &mut Findings) {
        if self.tokens > 0 {
            let modules = self.without_metadata.len();
            findings.add_many("metadata-missing", false, self.tokens, || {
                format!(
                    "the metadata of {modules} modules are not in the dump: each of their types has its token for a name; the modules' \
                     files would give the names (`--modules DIR`)"
                )
            });
        }
    }

    /// Keeps the memory of names flat: beyond [`limits::MAX_KNOWN_NAMES`] they are made again when they are asked for again.
    pub fn forget_some(&mut self) {
        if self.known.len() > limits::MAX_KNOWN_NAMES {
            self.known = ByAddr::default();
        }
    }

    /// The name of the method table at `at`. One that cannot be named gets its module and token, or its address, and a finding.
    pub fn name(&mut self, at: Addr, findings: &mut Findings) -> Rc<TypeName> {
        if at == self.rt.known.free {
            return Rc::new(plain("Free", "".into()));
        }
        match self.handle(at, 0) {
            Ok(name) => name,
            Err(why) => {
                self.unresolved = self.unresolved.saturating_add(1);
                let fallback = self.fallback(at);
                findings.add("unresolved-name", false, || format!("{} has no name: {why}", fallback.classic));
                Rc::new(fallback)
            }
        }
    }

    /// The name of an entry of the interface map of the type at `of`. From .NET 6 on the map of a value type may hold the open
    /// interface as a marker for "instantiated over the type itself" (methodtable.h, IsSpecialMarkerTypeForGenericCasting).
    ///
    /// Returns true beside the name if the entry is such a marker: its name is then another one for another type.
    ///
    /// # Errors
    /// Why it has no name.
    pub(crate) fn interface(&mut self, entry: Addr, of: Addr) -> Result<(Rc<TypeName>, bool), String> {
        let table = MethodTable::read(self.mem, &self.rt.layout, entry).map_err(text)?;
        if !table.is_interface() {
            return Err(format!("type handle {entry} is no interface"));
        }
        if !table.is_open() {
            return Ok((self.handle(entry, 0)?, false));
        }
        if !table.proves_itself(self.mem, &self.rt.layout, self.rt.back_pointer) {
            return Err(format!("type handle {entry} is no method table"));
        }
        let itself = self.handle(of, 0)?;
        Ok((Rc::new(self.class(&table, |_, arity| Ok(vec![Rc::clone(&itself); arity]))?), true))
    }

    /// The name behind a type handle.
    ///
    /// # Errors
    /// Why it has none.
    pub(crate) fn handle(&mut self, handle: Addr, depth: usize) -> Result<Rc<TypeName>, String> {
        if let Some(known) = self.known.get(handle) {
            return Ok(Rc::clone(known));
        }
        if depth > limits::MAX_NAME_DEPTH {
            return Err("its type arguments are nested too deeply".into());
        }
        let name = Rc::new(self.resolve(handle, depth)?);
        if name.classic.len() > limits::MAX_NAME {
            return Err("its name is too long".into());
        }
        self.known.insert(handle, Rc::clone(&name));
        Ok(name)
    }

    fn resolve(&mut self, handle: Addr, depth: usize) -> Result<TypeName, String> {
        let below = depth.saturating_add(1);
        // NGEN images: bit 0 marks an indirection cell.
        if handle.0 & 1 == 1 {
            let cell = self
                .mem
                .ptr(handle.minus(1), self.rt.layout.pointer, "indirection cell of a type handle")
                .map_err(text)?;
            return Ok((*self.handle(cell, below)?).clone());
        }
        if handle.0 & 2 == 2 {
            return self.type_desc(handle.minus(2), below);
        }
        let table = MethodTable::read(self.mem, &self.rt.layout, handle).map_err(text)?;
        if !table.proves_itself(self.mem, &self.rt.layout, self.rt.back_pointer) {
            return Err(format!("type handle {handle} is no method table"));
        }
        if table.is_array() {
            let element = self.handle(table.per_inst_info, below)?;
            let rank = if table.is_sz_array() { 0 } else { self.rank(table.base_size)? };
            return Ok(suffixed(&element, &array_suffix(rank)));
        }
        self.class(&table, |names, _| match table.generics() {
            0 | GENERICS_MASK => Ok(Vec::new()),
            _ => names.arguments(&table, below),
        })
    }

    /// Rank of a multi-dimensional array: its bounds (two i32 each) are part of the base size.
    fn rank(&self, base_size: u32) -> Result<u64, String> {
        let rank = u64::from(base_size).saturating_sub(self.rt.layout.multi_dim_base).checked_div(8).unwrap_or(0);
        if (1..=MAX_RANK).contains(&rank) { Ok(rank) } else { Err(format!("an array of rank {rank}")) }
    }

    fn type_desc(&mut self, at: Addr, depth: usize) -> Result<TypeName, String> {
        let l = &self.rt.layout;
        let kind = self.mem.u32(at, "TypeDesc").map_err(text)? & 0xFF;
        match kind {
            KIND_POINTER | KIND_BYREF | KIND_SZARRAY | KIND_ARRAY => {
                let mut argument = Err("its TypeDesc has no argument".to_owned());
                // An array's (up to 3.1) stands behind its template, which is a type as well.
                let array = matches!(kind, KIND_SZARRAY | KIND_ARRAY);
                let behind_template = l.template_method_table.wrapping_add(l.p());
                for offset in l.type_arg.into_iter().filter(|&o| !array || o == behind_template) {
                    // With bit 0 it is the other field there, the handle of the type's reflection object.
                    if let Ok(v) = self.mem.ptr(at.plus(offset), l.pointer, "ParamTypeDesc.m_Arg")
                        && v.0 & 1 == 0
                    {
                        argument = self.handle(v, depth);
                        if argument.is_ok() {
                            break;
                        }
                    }
                }
                let argument = argument?;
                let suffix = match kind {
                    KIND_POINTER => "*".to_owned(),
                    KIND_BYREF => "&".to_owned(),
                    KIND_SZARRAY => array_suffix(0),
                    _ => array_suffix(self.template_rank(at)?),
                };
                Ok(suffixed(&argument, &suffix))
            }
            KIND_VAR | KIND_MVAR => Ok(plain("!0", Text::default())),
            KIND_FNPTR => Ok(plain("(fnptr)", Text::default())),
            other => Err(format!("a TypeDesc of unknown kind {other:#x} at {at}")),
        }
    }

    /// Rank of an array TypeDesc (up to 3.1), from its template method table; the pointer is plain, relative, or behind a cell.
    fn template_rank(&mut self, at: Addr) -> Result<u64, String> {
        let l = &self.rt.layout;
        let field = at.plus(l.template_method_table);
        for form in self.modules.pointer_forms(field).into_iter().flatten() {
            if let Ok(table) = MethodTable::read(self.mem, l, form)
                && table.is_array()
                && table.proves_itself(self.mem, l, self.rt.back_pointer)
            {
                return self.rank(table.base_size);
            }
        }
        Err(format!("the array TypeDesc at {at} has no template"))
    }

    /// The name of a class, given its type arguments by `arguments`, which is told how many its metadata say.
    fn class(
        &mut self,
        table: &MethodTable,
        arguments: impl FnOnce(&mut Self, usize) -> Result<Vec<Rc<TypeName>>, String>,
    ) -> Result<TypeName, String> {
        let module = self.modules.module_of(table);
        let info = self.modules.info(module);
        let Some(metadata) = &info.metadata else {
            // How many arguments an open type has is only in its metadata.
            let arguments = arguments(self, 0)?;
            return self.token(table, module, &info.simple_name, &arguments);
        };
        let rid = self.modules.rid_of(table);
        let parts = metadata.name_parts(self.mem, rid).map_err(text)?;
        let full = parts.iter().map(|(space, name)| joined(space, name)).collect::<Vec<_>>().join("+");
        let arity = metadata.generic_arity(self.mem, rid).map_err(text)?;
        if u64::from(arity) > MAX_ARGUMENTS {
            return Err(format!("{full} has {arity} type parameters"));
        }
        let arguments = arguments(self, usize::try_from(arity).unwrap_or(0))?;
        let spelled_open = table.is_open() && arguments.is_empty();
        if !spelled_open && u64::from(arity) != arguments.len() as u64 {
            return Err(format!("{full} has {} type arguments, its metadata say {arity}", arguments.len()));
        }
        let namespace = parts.first().map_or("", |(space, _)| space);
        if self.namespace != *namespace {
            self.namespace = namespace.into();
        }
        let (classic, csharp) = spelled(&parts, &arguments);
        let (module, modules) = (info.simple_name.clone(), made_of(module, &arguments));
        Ok(TypeName { classic, csharp, module, namespace: self.namespace.clone(), modules })
    }

    /// `Module!0x02000123` for a type whose module has no metadata; the type arguments are in the method tables all the same.
    fn token(
        &mut self,
        table: &MethodTable,
        module: Addr,
        simple_name: &Text,
        arguments: &[Rc<TypeName>],
    ) -> Result<TypeName, String> {
        let known = self.rt.known;
        let well_known = [(known.string, "System.String"), (known.object, "System.Object")]
            .into_iter()
            .find(|(at, _)| *at == table.at);
        if let Some((_, name)) = well_known {
            if simple_name.is_empty() {
                // It has a name all the same, but no assembly.
                self.tokens = self.tokens.saturating_add(1);
                self.without_metadata.insert(module);
            }
            return Ok(plain(name, simple_name.clone()));
        }
        if simple_name.is_empty() {
            return Err(format!("the metadata of module {module} are not in the dump"));
        }
        let rid = self.modules.rid_of(table);
        let parts = [(String::new(), format!("{simple_name}!0x{:08x}", 0x0200_0000 | rid))];
        self.tokens = self.tokens.saturating_add(1);
        self.without_metadata.insert(module);
        let (classic, csharp) = spelled(&parts, arguments);
        let (module, modules) = (simple_name.clone(), made_of(module, arguments));
        Ok(TypeName { classic, csharp, module, namespace: Text::default(), modules })
    }

    /// Type arguments: PerInstInfo points to the dictionaries of the inheritance chain, the last one is the type's own; in front of it
    /// lie u16 counts of dictionaries and of arguments (src/coreclr/vm/generics.h, GenericsDictInfo).
    fn arguments(&mut self, table: &MethodTable, depth: usize) -> Result<Vec<Rc<TypeName>>, String> {
        const WHAT: &str = "dictionary of a generic type";
        let pointer = self.rt.layout.pointer;
        let p = pointer.bytes();
        let info = table.per_inst_info;
        let dictionaries = u64::from(self.mem.u16(info.minus(4), WHAT).map_err(text)?);
        let count = u64::from(self.mem.u16(info.minus(2), WHAT).map_err(text)?);
        if dictionaries == 0 || count > MAX_ARGUMENTS {
            return Err(format!("{dictionaries} dictionaries and {count} type arguments"));
        }
        let own = info.plus(dictionaries.saturating_sub(1).wrapping_mul(p));
        let own = self.mem.ptr(own, pointer, WHAT).map_err(text)?;
        (0..count)
            .map(|i| {
                let handle = self.mem.ptr(own.plus(i.wrapping_mul(p)), pointer, WHAT).map_err(text)?;
                self.handle(handle, depth)
            })
            .collect()
    }

    fn fallback(&mut self, at: Addr) -> TypeName {
        let unknown = plain(&format!("<unknown type {at}>"), Text::default());
        let Ok(table) = MethodTable::read(self.mem, &self.rt.layout, at) else { return unknown };
        if table.is_array() {
            return unknown;
        }
        let module = self.modules.module_of(&table);
        let info = self.modules.info(module);
        if info.simple_name.is_empty() {
            return unknown;
        }
        let rid = self.modules.rid_of(&table);
        let name = format!("{}!0x{:08x}", info.simple_name, 0x0200_0000 | rid);
        TypeName { modules: [module].into(), ..plain(&name, info.simple_name.clone()) }
    }
}

fn text(e: Box<crate::error::Error>) -> String {
    e.to_string()
}

/// A name that is the same in both spellings.
pub(crate) fn plain(name: &str, module: Text) -> TypeName {
    let name = Text::from(name);
    TypeName { classic: name.clone(), csharp: name, module, namespace: Text::default(), modules: [].into() }
}

fn suffixed(element: &TypeName, suffix: &str) -> TypeName {
    TypeName {
        classic: format!("{}{suffix}", element.classic).into(),
        csharp: format!("{}{suffix}", element.csharp).into(),
        module: element.module.clone(),
        namespace: element.namespace.clone(),
        modules: Rc::clone(&element.modules),
    }
}

/// `[]` for rank 0 (single-dimensional, zero-based), `[*]` for rank 1 with a lower bound, else commas.
fn array_suffix(rank: u64) -> String {
    match rank {
        0 => "[]".to_owned(),
        1 => "[*]".to_owned(),
        n => format!("[{}]", ",".repeat(usize::try_from(n.saturating_sub(1)).unwrap_or(0))),
    }
}

/// The modules of a definition and of its arguments.
fn made_of(module: Addr, arguments: &[Rc<TypeName>]) -> Rc<[Addr]> {
    let mut modules: Vec<Addr> = arguments.iter().flat_map(|a| a.modules.iter().copied()).collect();
    modules.push(module);
    crate::order::ascending(&mut modules);
    modules.dedup();
    modules.into()
}

/// Namespace and name of one nesting level.
type Part = (String, String);

fn joined(space: &str, name: &str) -> String {
    if space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

/// Both spellings; one text where they are the same.
fn spelled(parts: &[Part], arguments: &[Rc<TypeName>]) -> (Text, Text) {
    let (classic, csharp) = (Text::from(classic(parts, arguments)), csharp(parts, arguments));
    let csharp = if classic == *csharp { classic.clone() } else { csharp.into() };
    (classic, csharp)
}

/// As the runtime's TypeNameBuilder writes it: special characters in names are escaped, compiler-made names have commas.
fn classic(parts: &[Part], arguments: &[Rc<TypeName>]) -> String {
    let levels: Vec<String> =
        parts.iter().map(|(space, name)| joined(&escaped(space, ",[]&*+\\"), &escaped(name, ",[]&*+\\"))).collect();
    let full = levels.join("+");
    if arguments.is_empty() {
        return full;
    }
    let list: Vec<String> = arguments.iter().map(|a| format!("[{}, {}]", a.classic, escaped(&a.module, "]"))).collect();
    format!("{full}[{}]", list.join(","))
}

fn escaped(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.chars().any(|s| s == c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Deals the arguments out to the levels of a nested name by the arity behind each backtick.
fn csharp(parts: &[Part], arguments: &[Rc<TypeName>]) -> String {
    let mut rest = arguments.iter();
    let mut levels = Vec::new();
    for (space, name) in parts {
        let (bare, arity) = match name.rsplit_once('`') {
            Some((bare, digits)) => match digits.parse::<usize>() {
                Ok(n) if n > 0 => (bare, n),
                _ => (name.as_str(), 0),
            },
            None => (name.as_str(), 0),
        };
        let mine: Vec<&str> = rest.by_ref().take(arity).map(|a| a.csharp.as_str()).collect();
        levels.push(if mine.is_empty() {
            joined(space, name)
        } else {
            format!("{}<{}>", joined(space, bare), mine.join(", "))
        });
    }
    let mut out = levels.join("+");
    let left: Vec<&str> = rest.map(|a| a.csharp.as_str()).collect();
    if !left.is_empty() {
        out.push_str(&format!("<{}>", left.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arg(name: &str) -> Rc<TypeName> {
        Rc::new(plain(name, "Asm".into()))
    }

    fn parts(names: &[&str]) -> Vec<Part> {
        let split = |n: &&str| n.rsplit_once('.').map_or((String::new(), n.to_string()), |(s, n)| (s.into(), n.into()));
        names.iter().map(split).collect()
    }

    #[test]
    fn classic_puts_all_arguments_at_the_end() {
        let args = [arg("System.String"), arg("System.Int32[]")];
        assert_eq!(
            classic(&parts(&["Ns.Outer`1", "Inner`1"]), &args),
            "Ns.Outer`1+Inner`1[[System.String, Asm],[System.Int32[], Asm]]"
        );
        assert_eq!(classic(&parts(&["Ns.Plain", "<>c"]), &[]), "Ns.Plain+<>c");
    }

    #[test]
    fn classic_escapes_what_the_runtime_escapes() {
        // An explicit interface implementation as an iterator: `IReadOnlyDictionary<K,V>.Keys`.
        let name = (String::new(), "<I<K,V>-get_Keys>d__1".to_owned());
        assert_eq!(classic(&[("Ns".into(), "A+B".into()), name.clone()], &[]), "Ns.A\\+B+<I<K\\,V>-get_Keys>d__1");
        assert_eq!(csharp(&[("Ns".into(), "A".into()), name], &[]), "Ns.A+<I<K,V>-get_Keys>d__1");
    }

    #[test]
    fn csharp_deals_arguments_out_by_arity() {
        let args = [arg("A"), arg("B"), arg("C")];
        assert_eq!(csharp(&parts(&["Ns.Outer`1", "Inner`2"]), &args), "Ns.Outer<A>+Inner<B, C>");
        assert_eq!(csharp(&parts(&["Ns.Dictionary`2", "Entry"]), &args[..2]), "Ns.Dictionary<A, B>+Entry");
        assert_eq!(csharp(&parts(&["Ns.Open`1"]), &[]), "Ns.Open`1");
        assert_eq!(csharp(&parts(&["Ns.Odd"]), &args[..1]), "Ns.Odd<A>");
    }

    #[test]
    fn array_suffixes() {
        assert_eq!([0, 1, 2, 4].map(array_suffix), ["[]", "[*]", "[,]", "[,,,]"]);
    }
}
