//! What a type's name alone tells: its C# spelling and its namespace.

use crate::limits;

/// The classic spelling in C# spelling, as [`crate::names`] and today's `dotnet-dump` write it: the type arguments dealt out to the levels of a nested
/// name by the arity behind each backtick, no assemblies, no escapes. `None` if it is no whole classic name, or has no other spelling.
pub fn csharp(classic: &str) -> Option<String> {
    if !classic.contains(['`', '\\']) {
        return None;
    }
    let mut rest = classic;
    let name = whole(&mut rest, 0)?;
    (rest.is_empty() && name != classic).then_some(name)
}

/// The namespace of a type, of nested types of the outermost one; in both spellings. Empty if there is none.
pub fn namespace(name: &str) -> &str {
    let end = name.find(['`', '<', '[', '+', '*', '&']).unwrap_or(name.len());
    name.get(..end).and_then(|outermost| outermost.rsplit_once('.')).map_or("", |(space, _)| space)
}

/// A type and what is behind it: arrays, pointers.
fn whole(rest: &mut &str, depth: usize) -> Option<String> {
    if depth > limits::MAX_NAME_DEPTH {
        return None;
    }
    let mut levels = vec![level(rest)?];
    while let Some(next) = rest.strip_prefix('+') {
        *rest = next;
        levels.push(level(rest)?);
    }
    let mut arguments = Vec::new();
    if rest.starts_with("[[") {
        *rest = rest.get(1..)?;
        loop {
            *rest = rest.strip_prefix('[')?;
            arguments.push(whole(rest, depth.saturating_add(1))?);
            *rest = rest.strip_prefix(", ")?;
            assembly(rest)?;
            *rest = rest.strip_prefix(']')?;
            match rest.strip_prefix(',') {
                Some(next) => *rest = next,
                None => break,
            }
        }
        *rest = rest.strip_prefix(']')?;
    }
    let mut name = dealt(&levels, arguments);
    loop {
        let suffix = match rest.chars().next() {
            Some('*' | '&') => 1,
            Some('[') => rest.find(']')?.checked_add(1)?,
            _ => break,
        };
        let text = rest.get(..suffix)?;
        if text.starts_with('[') && !text.trim_matches(['[', ']']).chars().all(|c| matches!(c, ',' | '*')) {
            return None;
        }
        name.push_str(text);
        *rest = rest.get(suffix..)?;
    }
    Some(name)
}

/// One level of a nested name, up to an unescaped character that ends it.
fn level(rest: &mut &str) -> Option<String> {
    let mut name = String::new();
    let mut chars = rest.char_indices();
    let end = loop {
        match chars.next() {
            Some((_, '\\')) => name.push(chars.next()?.1),
            Some((at, ',' | '[' | ']' | '+' | '*' | '&')) => break at,
            Some((_, c)) => name.push(c),
            None => break rest.len(),
        }
    };
    *rest = rest.get(end..)?;
    (!name.is_empty()).then_some(name)
}

/// The assembly of an argument, up to the bracket.
fn assembly(rest: &mut &str) -> Option<()> {
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == ']' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    *rest = rest.get(end..)?;
    Some(())
}

fn dealt(levels: &[String], arguments: Vec<String>) -> String {
    let mut arguments = arguments.into_iter();
    let mut out = Vec::new();
    for level in levels {
        let arity = level.rsplit_once('`').and_then(|(bare, digits)| Some((bare, digits.parse::<usize>().ok()?)));
        let (bare, arity) = arity.filter(|&(_, n)| n > 0).unwrap_or((level, 0));
        let mine: Vec<String> = arguments.by_ref().take(arity).collect();
        out.push(if mine.is_empty() { level.clone() } else { format!("{bare}<{}>", mine.join(", ")) });
    }
    let mut out = out.join("+");
    let left: Vec<String> = arguments.collect();
    if !left.is_empty() {
        out.push_str(&format!("<{}>", left.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pairs are those of ClrMD's own tests of the names that `dotnet-dump` prints.
    #[test]
    fn as_dotnet_dump_spells_it() {
        for (classic, want) in [
            ("System.Collections.Generic.IList`1[[A.B, C.D]][][]", "System.Collections.Generic.IList<A.B>[][]"),
            ("System.Lazy`1+Boxed[[A.B, C.D]]", "System.Lazy<A.B>+Boxed"),
            (
                "System.Collections.Generic.Dictionary`2[[T.WeakKeyDictionary`2+WeakReference`1[[T.I, T],[System.Int32, mscorlib],[T.I, T]], T],[System.Int32, mscorlib]]",
                "System.Collections.Generic.Dictionary<T.WeakKeyDictionary<T.I, System.Int32>+WeakReference<T.I>, System.Int32>",
            ),
            ("A.TagAggregator`1+<<-ctor>b__16_0>d[[B.I, B]]", "A.TagAggregator<B.I>+<<-ctor>b__16_0>d"),
            (
                "J.Actor`1+<>c__DisplayClass15_0+<<-ctor>b__0>d[[System.Boolean, mscorlib]]",
                "J.Actor<System.Boolean>+<>c__DisplayClass15_0+<<-ctor>b__0>d",
            ),
            (
                "P.Base`1+<>c__DisplayClass9_0`1[[N.J, N],[System.Collections.Generic.IList`1[[U.T, U]], mscorlib]]",
                "P.Base<N.J>+<>c__DisplayClass9_0<System.Collections.Generic.IList<U.T>>",
            ),
            ("Ns.A\\+B+<I<K\\,V>-get_Keys>d__1", "Ns.A+B+<I<K,V>-get_Keys>d__1"),
            ("D`1[[System.Int32[,], m]]*", "D<System.Int32[,]>*"),
        ] {
            assert_eq!(csharp(classic).as_deref(), Some(want), "{classic}");
        }
        for whole in
            ["System.String", "System.String[,,,]", "Test.Foo+Bar", "D`2[[A, m],[B", "D`1[[A]]", "D`1[T]", "`", "\\"]
        {
            assert_eq!(csharp(whole), None, "{whole}");
        }
    }

    #[test]
    fn namespaces() {
        for (name, space) in [
            ("System.Collections.Generic.Dictionary`2+Entry[[System.String, m]][]", "System.Collections.Generic"),
            ("System.Collections.Generic.Dictionary<System.String, X>+Entry[]", "System.Collections.Generic"),
            ("<PrivateImplementationDetails>", ""),
            ("Program", ""),
            ("A.Outer+In.ner", "A"),
            ("System.Byte*", "System"),
        ] {
            assert_eq!(namespace(name), space, "{name}");
        }
    }

    proptest! {
        #[test]
        fn random_names_never_panic(name in "[a-c`12\\[\\],+*&\\\\ <>.]{0,60}") {
            let _ = (csharp(&name), namespace(&name));
        }

        #[test]
        fn deep_names_end(depth in 1_usize..300) {
            let _ = csharp(&format!("{}A{}", "D`1[[".repeat(depth), ", m]]".repeat(depth)));
        }
    }
}
