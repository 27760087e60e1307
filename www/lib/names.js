// Type names on the screen. The full name stands in the row's title, in the opened row and in every copy. Pure.

/**
 * @typedef {{text: string, tone: 'ns' | 'plain' | 'strong'}} Piece
 * @typedef {{strong: boolean, words: Set<string>}} Emphasis  of the definition's own name; of the arguments named
 */

/**
 * The namespace and the rest of a name, joined the name as shown: arguments without their namespaces.
 * @param {string} name  in either spelling
 * @returns {{namespace: string, rest: string}}
 */
export function splitName(name) {
  const shown = shortArguments(name);
  // The name proper ends where its arguments, array brackets or nested types begin.
  const end = shown.search(/[<[`+]/);
  const dot = shown.lastIndexOf('.', end < 0 ? shown.length : end);
  return { namespace: shown.slice(0, dot + 1), rest: shown.slice(dot + 1) };
}

/** A name without its namespace: `ITelemetry[]`. @param {string} name */
export const ownName = (name) => splitName(name).rest;

/**
 * A name in `room` characters: first the namespace shrinks to its first two words, then to one; then the middle of the name goes. Its
 * end stays, since it tells `Dictionary<K, V>` from `Dictionary<K, V>.Entry[]`.
 * @param {string} name @param {number} room
 */
export function shorten(name, room) {
  const { namespace, rest } = splitName(name);
  if (namespace.length + rest.length <= room) return { namespace, rest };
  const words = namespace.split('.').slice(0, -1);
  let short = namespace;
  for (const keep of [2, 1]) {
    if (words.length <= keep) continue;
    short = `${words.slice(0, keep).join('.')}.…`;
    if (short.length + rest.length <= room) return { namespace: short, rest };
  }
  const left = Math.max(12, room - short.length);
  if (rest.length <= left) return { namespace: short, rest };
  const close = Math.max(rest.lastIndexOf('>'), rest.lastIndexOf(']]'));
  const end = Math.min(left - 5, Math.max(Math.floor(left / 2), close < 0 ? 0 : rest.length - close));
  return { namespace: short, rest: `${rest.slice(0, left - end - 1)}…${rest.slice(rest.length - end)}` };
}

/**
 * Whose words of a name stand out. The definition's, if its assembly is not the runtime's; of the arguments, those whose assembly the classic
 * spelling names: `List<OrderLine>` is a runtime type of the user's objects.
 * @param {string} classic @param {string} module  of the definition
 * @param {(assembly: string) => boolean} stands  false for the runtime's assemblies
 * @returns {Emphasis}
 */
export function emphasis(classic, module, stands) {
  const words = new Set();
  if (classic.length <= 4000) {
    for (const [, word, assembly] of classic.matchAll(/([^[\],.+`]+)(?:`\d+)?(?:\[,*\])*, ([^[\],]+)\]/g)) {
      if (stands(assembly)) words.add(word);
    }
  }
  return { strong: stands(module), words };
}

/** @param {{namespace: string, rest: string}} name @param {Emphasis} emphasis @returns {Piece[]} */
export function pieces({ namespace, rest }, { strong, words }) {
  /** @type {Piece[]} */
  const out = namespace === '' ? [] : [{ text: namespace, tone: 'ns' }];
  const put = (/** @type {string} */ text, /** @type {Piece['tone']} */ tone) => {
    const last = out[out.length - 1];
    if (last?.tone === tone) last.text += text;
    else if (text !== '') out.push({ text, tone });
  };
  const own = strong ? 'strong' : 'plain';
  let depth = 0;
  for (const [part, opens] of rest.matchAll(/([<[])(?![\],])|[>\]]|[^<>[\], ]+|./gsu)) {
    if (opens) depth += 1;
    if ((part === '>' || part === ']') && depth > 0) {
      put(part, 'plain');
      depth -= 1;
    } else if (depth === 0) put(part, own);
    else put(part, words.has(part.replace(/`.*/, '').split(/[.+]/).at(-1) ?? '') ? 'strong' : 'plain');
  }
  return out;
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

/** One look at a name instead of seven: most names hold none of it. */
const MAYBE_GENERATED = /App_|c__DisplayClass\d|AnonymousType\d|XmlSerializ|Prox|Assembly_?\d|[0-9A-Fa-f]{12}/;

/**
 * What a generated name has in common with its like: its hash or number as `*`; null for a name that nobody generated. Two builds, or two
 * starts of the process, number these types anew.
 * @param {string} name @param {string} module
 * @returns {string | null}
 */
export function foldedName(name, module) {
  const folded = (/** @type {string} */ text) =>
    text
      .replace(/\bApp_(Web|Code|global\.asax|Theme|LocalResources)[._][\w.-]*/g, 'App_$1_*') // compiled pages of ASP.NET
      .replace(/<>c__DisplayClass\d+(_\d+)?/g, '<>c__DisplayClass*')
      .replace(/<>f__AnonymousType\d+/g, '<>f__AnonymousType*')
      .replace(/\b(XmlSerializ(?:er|ation(?:Reader|Writer))\w*?)\d+\b/g, '$1*')
      .replace(/((?:Proxy|Proxies\.\w+?|DynamicProxies\.\w+?|Assembly))_?[0-9A-Fa-f]{0,64}\d+(?![\w.])/g, '$1*')
      .replace(/(?<![0-9A-Za-z])[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}/g, '*')
      .replace(/_[0-9A-Fa-f]{16,}/g, '_*');
  if (name.length > 4000 || !MAYBE_GENERATED.test(name) && !MAYBE_GENERATED.test(module)) return null;
  const [type, assembly] = [folded(name), folded(module)];
  if (type === name && assembly === module) return null;
  // Every page of a site lies in an assembly of its own: the assembly says more than the page.
  return assembly === module ? type : `${assembly}: ${type}`;
}
