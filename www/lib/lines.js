// The lines of the table for each view, from top to bottom: sections, groups, types, opened rows. A tree made flat, so that the page can draw
// only the lines in sight. Pure.

import { change, keyOf, lineOf, sumOf, textOf } from './columns.js';
import { number } from './format.js';
import { ownName } from './names.js';
import { keyBy, sorted } from './rows.js';

/**
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./columns.js').Line} Numbers
 *
 * @typedef {{kind: 'section', id: string, label: string, note: string, brief: string}} Section  `brief` where there is no room for the note
 * @typedef {object} Group
 * @property {'group'} kind
 * @property {string} id  what it is opened by
 * @property {number} level
 * @property {string} label
 * @property {string} note
 * @property {'name' | 'words'} font  whether the label is a type's name
 * @property {string} [owner]
 * @property {Numbers} numbers
 * @property {number[]} rows
 * @property {boolean} open
 * @property {boolean} hollow  its objects stand in other lines as well: not to be added up
 * @property {number} [each]  types of which each changed by the same number
 * @property {string} [title]
 * @property {string} [assembly]  that can be moved to another class
 * @property {() => void} [inside]  adds the lines that are in it; its types, if there is none
 * @typedef {{kind: 'detail', id: string, i: number, assembly?: string}} Detail  of a type, or of an assembly
 * @typedef {{kind: 'rule', id: string, text: string}} Rule
 * @typedef {Section | Group | TypeLine | Detail | Rule} Item
 *
 * @typedef {object} Context
 * @property {Columns} c
 * @property {import('./columns.js').Selection} s
 * @property {number[]} rows  that pass the filter, any order
 * @property {import('./rows.js').Order | null} order  null: as the suspects rank
 * @property {() => Uint32Array} ranks
 * @property {Set<string>} opened
 * @property {((i: number) => string) | null} fold  what a generated name folds to, empty for others; null to fold nothing
 * @property {'csharp' | 'type'} spelling
 * @property {Set<string>} [pinned]
 * @property {Set<number>} [passes]  the rows, once they were asked for one by one
 * @property {number} [growth]  of the data set; the rule in Types is drawn only if it is given
 */

/** Separates the keys of a path: a type's own key has a tab in it, never this. */
const IN = '\n';

/** Of a type; `path` are the groups that it is in. */
class TypeLine {
  /** @type {'type'} */
  kind = 'type';
  open = false;
  /** @param {Columns} c @param {string} path @param {number} level @param {number} i @param {boolean} hollow */
  constructor(c, path, level, i, hollow) {
    this.c = c;
    this.path = path;
    this.level = level;
    this.i = i;
    this.hollow = hollow;
  }

  get id() {
    return this.path + keyOf(this.c, this.i);
  }
}

/** Lines that the keyboard stops at, and that open. @param {Item | undefined} item @returns {item is TypeLine | Group} */
export const opens = (item) => item?.kind === 'type' || item?.kind === 'group';

/** @param {string} id @param {string} label @param {string} [note] @param {string} [brief] @returns {Section} */
export const section = (id, label, note = '', brief = note) => ({ kind: 'section', id: `section:${id}`, label, note, brief });

/** @param {Context} x @returns {Item[]} */
export function linesOfTypes(x) {
  const { pinned = new Set() } = x;
  const isPinned = (/** @type {number} */ i) => pinned.has(keyOf(x.c, i));
  /** @type {Item[]} */
  const out = [];
  // Pinned rows are there whatever the filter says: that is what they are pinned for.
  const pins = pinned.size === 0 ? [] : sort(x, [...x.c.owner.keys()].filter(isPinned));
  if (pins.length > 0) {
    out.push(section('pinned', 'Pinned', 'also where the filter leaves them out'));
    for (const i of pins) pushType(out, x, '', 1, i);
    out.push(section('types', 'Types'));
  }
  const rows = pins.length === 0 ? x.rows : x.rows.filter((i) => !isPinned(i));
  if (x.fold) pushLevel(out, x, '', 1, folded(x, rows));
  else for (const i of sort(x, rows)) pushType(out, x, '', 1, i);
  if (x.growth && pins.length === 0) addRule(out, x, x.growth);
  return out;
}

/** After the fewest types that make four fifths of the growth. @param {Item[]} out  sorted by size @param {Context} x @param {number} growth */
function addRule(out, x, growth) {
  const grown = (/** @type {Item} */ item) => (opens(item) ? change(item.kind === 'type' ? lineOf(x.s, item.i).sizes : item.numbers.sizes) : NaN);
  let sum = 0;
  let types = 0;
  for (let at = 0; at < out.length && types < 40; at += 1) {
    const item = out[at];
    const more = grown(item);
    if (!(more > 0)) continue;
    sum += more;
    types += item.kind === 'group' ? item.rows.length : 1;
    if (sum < 0.8 * growth) continue;
    while (out[at + 1]?.kind === 'detail') at += 1;
    // Over all growing types it would say nothing.
    if (types > 1 && out.slice(at + 1).some((o) => grown(o) > 0)) {
      const which = out.slice(0, at).some((o) => grown(o) <= 0) ? `The ${types} growing types above` : `These ${types} types`;
      out.splice(at + 1, 0, { kind: 'rule', id: 'rule', text: `${which} make ${Math.min(99, Math.round((100 * sum) / growth))} % of the growth` });
    }
    return;
  }
}

/** @typedef {{name: string, name_csharp: string, module: string, owner: string | null, rows: number[], note?: string}} Supertype  with the types below it */

/** A line for each supertype of which a type passes the filter. @param {Context} x @param {string} id @param {Supertype[]} list @returns {Level} */
function supertypes(x, id, list) {
  const groups = list.map((g) => {
    const rows = passing(x, g.rows);
    const label = x.spelling === 'csharp' ? g.name_csharp || g.name : g.name;
    return group(x, `group:${id}${g.name}\t${g.module}`, label, rows, { note: [count(rows.length, g.rows.length), g.note].filter(Boolean).join('; '), owner: g.owner ?? undefined, hollow: true });
  });
  return { groups: groups.filter((g) => g.rows.length > 0) };
}

/**
 * Groups that overlap: base types and interfaces.
 * @param {Context} x
 * @param {{label: string, note: string, brief?: string, groups: Supertype[]}[]} sections
 * @returns {Item[]}
 */
export function linesOfSupertypes(x, sections) {
  /** @type {Item[]} */
  const out = [];
  for (const { label, note, brief, groups } of sections) pushSection(out, x, section(label, label, note, brief), supertypes(x, `${label}:`, groups));
  return out;
}

/** A tree of namespaces with sums; a namespace with one child alone is one line with it. @param {Context} x @returns {Item[]} */
export function linesOfNamespaces(x) {
  const root = node();
  for (const i of x.rows) {
    let at = root;
    for (const word of (textOf(x.c, i, 'namespace') || '(no namespace)').split('.')) {
      let next = at.children.get(word);
      if (!next) at.children.set(word, (next = node()));
      at = next;
    }
    at.rows.push(i);
  }
  /** @type {Item[]} */
  const out = [];
  pushNamespace(out, x, '', 1, root);
  return out;
}

/** @typedef {{children: Map<string, Node>, rows: number[]}} Node */
/** @returns {Node} */
const node = () => ({ children: new Map(), rows: [] });
/** @param {Node} n @returns {number[]} */
const allRows = (n) => [...n.rows, ...[...n.children.values()].flatMap(allRows)];

/** @param {Item[]} out @param {Context} x @param {string} path @param {number} level @param {Node} at */
function pushNamespace(out, x, path, level, at) {
  const groups = [...at.children].map(([name, child]) => {
    while (child.rows.length === 0 && child.children.size === 1) {
      const [[next, only]] = child.children;
      name += `.${next}`;
      child = only;
    }
    return group(x, `namespace:${path}${name}`, name, allRows(child), { inside: () => pushNamespace(out, x, `${path}${name}.`, level + 1, child) });
  });
  pushLevel(out, x, '', level, { groups, rows: at.rows });
}

/** How the core's reason begins where the reader decided. */
export const MOVED = 'moved by you';

/** @param {Context} x @param {(assembly: string) => {owner: string, reason: string} | undefined} about @returns {Item[]} */
export function linesOfAssemblies(x, about) {
  const groups = [...groupedBy(x.rows, (i) => textOf(x.c, i, 'module'))].map(([name, rows]) => {
    const known = about(name);
    const moved = known?.reason.startsWith(MOVED) ? `${MOVED}, ` : '';
    return group(x, `assembly:${name}`, name || '(no assembly)', rows, { note: moved + count(rows.length), owner: known?.owner, title: known?.reason, assembly: known && name });
  });
  /** @type {Item[]} */
  const out = [];
  pushLevel(out, x, '', 1, { groups });
  return out;
}

/**
 * @typedef {object} Suspects  rows are indexes into the columns; the groups in the order of their rank
 * @property {Supertype[]} by_supertype
 * @property {number[][]} same_number
 * @property {number[]} resized
 * @property {number[]} alone
 * @property {string[]} withheld  why sections are empty
 * @property {boolean} complete  every dump was read to its end: that types shrank is a fact
 */

/** What a section of the suspects is, here and in the report: its name, its rule, the rule in few words. */
export const SECTIONS = {
  supertype: ['By interface or base type', 'declared in a library or by you; the same objects are in the rows below as well: these do not add up', 'the same objects as below'],
  same: ['Same number', 'types whose count changed by exactly the same number; not proof of ownership', 'not proof of ownership'],
  resized: ['Resized', 'the same count, but larger: a collection got more slots', 'the same count, but larger'],
};

/**
 * The first view: few groups for thousands of rows. Every type is in one line of the last four sections, so that they add up.
 * @param {Context} x @param {Suspects} suspects @param {(n: number) => string} signed @returns {Item[]}
 */
export function linesOfSuspects(x, suspects, signed) {
  const { c } = x;
  /** @type {Item[]} */
  const out = suspects.withheld.map((why, at) => section(`why${at}`, 'Not grouped', why));
  const put = (/** @type {string} */ key, /** @type {string[]} */ [label, note, brief], /** @type {Level} */ level) => pushSection(out, x, section(key, label, note, brief), level);
  put('supertype', SECTIONS.supertype, supertypes(x, '', suspects.by_supertype));
  put('same', c.dumps > 2 ? ['Same number in every step', ...SECTIONS.same.slice(1)] : SECTIONS.same, {
    groups: suspects.same_number.map((all) => {
      // Yours, libraries, runtime: whoever looks for an owner looks there first.
      const rows = passing(x, all).sort((a, b) => c.owner[b] - c.owner[a] || a - b);
      const label = `${rows.length < all.length ? `${rows.length} of ` : ''}${all.length} types, each ${signed(change(lineOf(x.s, all[0]).counts))}`;
      return group(x, `group:same:${keyOf(c, all[0])}`, label, rows, { note: shortNames(x, rows), font: 'words', each: rows.length });
    }).filter((g) => g.rows.length > 0),
  });
  put('resized', SECTIONS.resized, { rows: passing(x, suspects.resized) });
  put('alone', ['On their own', x.order ? 'in no group' : 'in no group; in each section what grew most in the old generations comes first', 'in no group'], { rows: passing(x, suspects.alone) });

  const named = new Set([...suspects.same_number.flat(), ...suspects.resized, ...suspects.alone]);
  const others = x.rows.filter((i) => !named.has(i));
  const shrank = (/** @type {number} */ i) => change(lineOf(x.s, i).sizes) < 0;
  const rest = (/** @type {string} */ key, /** @type {string} */ words, /** @type {number[]} */ rows) => group(x, `group:${key}`, `${count(rows.length)} ${words}`, rows, { note: '', font: 'words' });
  put('rest', [suspects.complete ? 'Not growing' : 'Not larger in what was read', 'so that the rows add up'], {
    groups: [
      rest('shrank', suspects.complete ? 'shrank' : 'smaller', others.filter(shrank)),
      rest('equal', 'of equal size', others.filter((i) => !shrank(i))),
    ].filter((g) => g.rows.length > 0),
  });
  return out;
}

/** How many groups and rows the Suspects view has, closed, for its tab. @param {{by_supertype: any[], same_number: any[], resized: any[]}} s */
export const suspectCount = (s) => s.by_supertype.length + s.same_number.length + s.resized.length;

/** `TelemetryContext, OperationContext, …`. @param {Context} x @param {number[]} rows */
function shortNames(x, rows) {
  return rows.slice(0, 6).map((i) => ownName(textOf(x.c, i, x.spelling))).join(', ');
}

/** @param {number} n @param {number} [all] */
function count(n, all = n) {
  return all > n ? `${number(n)} of ${number(all)} types` : `${number(n)} ${n === 1 ? 'type' : 'types'}`;
}

/**
 * A closed or open group; by itself one of types that are named, its note their number.
 * @param {Context} x @param {string} id @param {string} label @param {number[]} rows @param {Partial<Group>} [more]
 * @returns {Group}
 */
function group(x, id, label, rows, more) {
  return { kind: 'group', id, level: 1, label, note: count(rows.length), font: 'name', hollow: false, ...more, rows, numbers: sumOf(x.s, rows), open: x.opened.has(id) };
}

/** Those that pass the filter. @param {Context} x @param {number[]} rows */
function passing(x, rows) {
  x.passes ??= new Set(x.rows);
  return rows.filter((i) => x.passes?.has(i));
}

/** @param {Iterable<number>} rows @param {(i: number) => string} key @returns {Map<string, number[]>} */
export function groupedBy(rows, key) {
  const groups = new Map();
  for (const i of rows) {
    const list = groups.get(key(i));
    if (list) list.push(i);
    else groups.set(key(i), [i]);
  }
  return groups;
}

/** Types whose names were generated, by what their names have in common: at least two of a kind. @param {Context} x @param {number[]} rows @returns {Level} */
function folded(x, rows) {
  const plain = new Set(rows);
  const groups = [];
  for (const [key, list] of groupedBy(rows, /** @type {(i: number) => string} */ (x.fold))) {
    if (key === '' || list.length === 1) continue;
    for (const i of list) plain.delete(i);
    groups.push(group(x, `fold:${key}`, key, list, { note: `${count(list.length)}, folded: generated names` }));
  }
  return { groups, rows: [...plain] };
}

/** @param {Context} x @param {number[]} rows */
const sort = (x, rows) => (x.order ? sorted(rows, x.c, x.s, x.order, x.ranks) : rows);

/** @typedef {{groups?: Group[], rows?: number[]}} Level */

/** A section, if there is anything in it. @param {Item[]} out @param {Context} x @param {Section} head @param {Level} level */
function pushSection(out, x, head, level) {
  const before = out.push(head);
  pushLevel(out, x, '', 1, level);
  if (out.length === before) out.pop();
}

/**
 * Groups and types of one level in the order chosen, each open one followed by what is in it.
 * @param {Item[]} out @param {Context} x @param {string} path @param {number} level
 * @param {Level} of
 */
function pushLevel(out, x, path, level, { groups = [], rows = [] }) {
  const { order } = x;
  const key = keyBy(order?.by ?? '');
  const compare = (/** @type {{label: string, numbers: Numbers}} */ a, /** @type {{label: string, numbers: Numbers}} */ b) => {
    if (!order) return 0;
    return order.dir * (order.by === 'type' ? (a.label < b.label ? -1 : 1) : key(a.numbers) - key(b.numbers));
  };
  const put = (/** @type {Group} */ g) => {
    g.level = level;
    out.push(g);
    if (!g.open) return;
    if (g.assembly) out.push({ kind: 'detail', id: g.id + IN, i: -1, assembly: g.assembly });
    if (g.inside) g.inside();
    else for (const i of sort(x, g.rows)) pushType(out, x, path + g.id + IN, level + 1, i, g.hollow);
  };
  if (order) groups.sort((a, b) => compare(a, b) || (a.label < b.label ? -1 : 1));
  // Two sorted lists become one.
  let at = 0;
  for (const i of sort(x, rows)) {
    while (at < groups.length && compare(groups[at], { label: textOf(x.c, i, x.spelling), numbers: lineOf(x.s, i) }) <= 0) put(groups[at++]);
    pushType(out, x, path, level, i);
  }
  groups.slice(at).forEach(put);
}

/** @param {Item[]} out @param {Context} x @param {string} path @param {number} level @param {number} i @param {boolean} [hollow]  also in another line */
function pushType(out, x, path, level, i, hollow = false) {
  const type = new TypeLine(x.c, path, level, i, hollow);
  out.push(type);
  // No key is made where nothing is open: there may be 20,000 types.
  if (x.opened.size === 0 || !x.opened.has(type.id)) return;
  type.open = true;
  out.push({ kind: 'detail', id: `${type.id}${IN}detail`, i });
}

/** Elements before and after, of arrays as many as before that became larger. @param {Columns} c @param {number} i @returns {[number, number] | null} */
export function slotsOf(c, i) {
  const last = (c.dumps - 1) * c.n;
  if (c.dumps < 2 || c.counts[i] !== c.counts[last + i] || c.sizes[last + i] <= c.sizes[i]) return null;
  const [a, b] = [c.slots[i], c.slots[last + i]];
  return a >= 0 && b >= 0 ? [a, b] : null;
}

