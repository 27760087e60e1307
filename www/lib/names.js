// Type names on the screen. The full name stands in the row's title, in the opened row and in every copy. Pure.

/**
 * A name in three parts that joined are the name as shown: the namespace (the first to be shortened), the name, and its end (never
 * shortened, since it tells `Dictionary<K, V>` from `Dictionary<K, V>.Entry[]`).
 * @param {string} name  in either spelling
 * @returns {{namespace: string, head: string, tail: string}}
 */
export function splitName(name) {
  const shown = shortArguments(name);
  // The name proper ends where its arguments, array brackets or nested types begin.
  const end = shown.search(/[<[`+]/);
  const dot = shown.lastIndexOf('.', end < 0 ? shown.length : end);
  const rest = shown.slice(dot + 1);
  const close = Math.max(rest.lastIndexOf('>'), rest.lastIndexOf(']]'));
  const at = rest.length <= 32 ? 0 : Math.max(close, rest.length - 32);
  return { namespace: shown.slice(0, dot + 1), head: rest.slice(0, at), tail: rest.slice(at) };
}

/**
 * The namespaces of type arguments left out: `List<System.String>` becomes `List<String>`. Only between angle brackets, hence only in
 * the C# spelling; compiler-made names such as `<Main>$` or `<>c__DisplayClass0_0` hold no dots inside theirs.
 * @param {string} name
 */
function shortArguments(name) {
  let depth = 0;
  let out = '';
  let word = '';
  for (const c of name) {
    if (c === '<') depth += 1;
    if (c === '>') depth -= 1;
    if (depth > 0 && c === '.') {
      if (word === '' && out.endsWith('>')) out += c; // a type nested in a generic one
      word = '';
    } else if (/[\w.`$]/.test(c) && depth > 0) {
      word += c;
    } else {
      out += word + c;
      word = '';
    }
  }
  return out + word;
}
