// The lines of the table for each view, from top to bottom: sections, groups, types, opened rows. A tree made flat, so that the page can draw
// only the lines in sight. Pure.

import { change, keyOf, lineOf, sumOf, textOf } from './columns.js';
import { number } from './format.js';
import { splitName } from './names.js';
import { keyOfLine, sorted } from './rows.js';

/**
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./columns.js').Line} Numbers
 *
 * @typedef {{kind: 'section', id: string, label: string, note: string, brief?: string}} Section  `brief` where there is no room for the note
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
 * @typedef {{kind: 'type', path: string, level: number, i: number, open: boolean, hollow: boolean}} TypeLine  `path`: the groups that it is in
 * @typedef {{kind: 'detail', id: string, i: number, of: string, assembly?: string}} Detail  of a type, or of an assembly
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
 * @property {number} [growth]  of the data set; the rule in Types is drawn only if it is given
 */

/** Separates the keys of a path: a type's own key has a tab in it, never this. */
const IN = '\n';

/** What a line is opened by, and found again by. @param {Columns} c @param {Item} item */
export const idOf = (c, item) => (item.kind === 'type' ? item.path + keyOf(c, item.i) : item.id);

/** @param {Context} x @param {TypeLine | Group} item @returns {Numbers} */
const numbersOf = (x, item) => (item.kind === 'type' ? lineOf(x.s, item.i) : item.numbers);

/** @param {Context} x @returns {Item[]} */
export function linesOfTypes(x) {
  const { pinned = new Set() } = x;
  const isPinned = (/** @type {number} */ i) => pinned.has(keyOf(x.c, i));
  /** @type {Item[]} */
  const out = [];
  // Pinned rows are there whatever the filter says: that is what they are pinned for.
  const pins = pinned.size === 0 ? [] : sort(x, Array.from({ length: x.c.n }, (_, i) => i).filter(isPinned));
  if (pins.length > 0) {
    out.push({ kind: 'section', id: 'section:pinned', label: 'Pinned', note: 'also where the filter leaves them out' });
    for (const i of pins) pushType(out, x, '', 1, i);
    out.push({ kind: 'section', id: 'section:types', label: 'Types', note: '' });
  }
  const rows = pins.length === 0 ? x.rows : x.rows.filter((i) => !isPinned(i));
  if (x.fold) pushLevel(out, x, '', 1, folded(x, rows));
  else for (const i of sort(x, rows)) pushType(out, x, '', 1, i);
  if (x.growth && pins.length === 0) addRule(out, x, x.growth);
  return out;
}

/** How many types are folded, and into how many groups. @param {Context} x @returns {{types: number, groups: number}} */
export function foldCounts(x) {
  const groups = folded(x, x.rows).groups;
  return { types: groups.reduce((n, g) => n + g.rows.length, 0), groups: groups.length };
}

/** After the fewest types that make four fifths of the growth. @param {Item[]} out  sorted by size @param {Context} x @param {number} growth */
function addRule(out, x, growth) {
  let sum = 0;
  let types = 0;
  for (let at = 0; at < out.length && types < 40; at += 1) {
    const item = out[at];
    if (item.kind !== 'type' && item.kind !== 'group') continue;
    const grown = change(numbersOf(x, item).sizes);
    if (grown <= 0) continue;
    sum += grown;
    types += item.kind === 'group' ? item.rows.length : 1;
    if (sum < 0.8 * growth) continue;
    while (out[at + 1]?.kind === 'detail') at += 1;
    // Over all growing types it would say nothing.
    const rest = out.slice(at + 1).some((o) => (o.kind === 'type' || o.kind === 'group') && change(numbersOf(x, o).sizes) > 0);
    if (types > 1 && rest) {
      const others = out.slice(0, at).some((o) => (o.kind === 'type' || o.kind === 'group') && change(numbersOf(x, o).sizes) <= 0);
      const which = others ? `The ${types} growing types above` : `These ${types} types`;
      out.splice(at + 1, 0, { kind: 'rule', id: 'rule', text: `${which} make ${Math.min(99, Math.round((100 * sum) / growth))} % of the growth` });
    }
    return;
  }
}

/**
 * Groups that overlap: base types and interfaces.
 * @param {Context} x
 * @param {{label: string, note: string, brief?: string, groups: {name: string, name_csharp: string, module: string, owner: string | null, rows: number[]}[]}[]} sections
 * @returns {Item[]}
 */
export function linesOfSupertypes(x, sections) {
  const passes = new Set(x.rows);
  /** @type {Item[]} */
  const out = [];
  for (const { label, note, brief, groups } of sections) {
    const made = groups
      .map((g) => ({ g, rows: g.rows.filter((i) => passes.has(i)) }))
      .filter(({ rows }) => rows.length > 0)
      .map(({ g, rows }) => group(x, `group:${label}:${g.name}\t${g.module}`, {
        label: x.spelling === 'csharp' ? g.name_csharp || g.name : g.name, note: count(rows.length, g.rows.length), font: 'name', owner: g.owner ?? undefined, rows, hollow: true,
      }));
    if (made.length === 0) continue;
    out.push({ kind: 'section', id: `section:${label}`, label, note, brief });
    pushLevel(out, x, '', 1, { groups: made, rows: [] });
  }
  return out;
}

/** A tree of namespaces with sums; a namespace with one child alone is one line with it. @param {Context} x @returns {Item[]} */
export function linesOfNamespaces(x) {
  const root = node();
  for (const i of x.rows) {
    let at = root;
    const name = textOf(x.c, i, 'namespace');
    for (const word of name === '' ? ['(no namespace)'] : name.split('.')) {
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
  const groups = [...at.children].map(([word, child]) => {
    let name = word;
    let inner = child;
    while (inner.rows.length === 0 && inner.children.size === 1) {
      const [[next, only]] = inner.children;
      name += `.${next}`;
      inner = only;
    }
    const rows = allRows(inner);
    const made = group(x, `namespace:${path}${name}`, { label: name, note: count(rows.length), font: 'name', rows, hollow: false, level });
    return { made, inner, name };
  });
  pushLevel(out, x, '', level, { groups: groups.map((g) => g.made), rows: at.rows }, (g) => {
    const { inner, name } = /** @type {any} */ (groups.find(({ made }) => made === g));
    pushNamespace(out, x, `${path}${name}.`, level + 1, inner);
  });
}

/** How the core's reason begins where the reader decided. */
export const MOVED = 'moved by you';

/** @param {Context} x @param {(assembly: string) => {owner: string, reason: string} | undefined} about @returns {Item[]} */
export function linesOfAssemblies(x, about) {
  /** @type {Map<string, number[]>} */
  const rows = new Map();
  for (const i of x.rows) {
    const name = textOf(x.c, i, 'module');
    const list = rows.get(name);
    if (list) list.push(i);
    else rows.set(name, [i]);
  }
  const groups = [...rows].map(([name, list]) => {
    const known = about(name);
    const moved = known?.reason.startsWith(MOVED) ? `${MOVED}, ` : '';
    return group(x, `assembly:${name}`, { label: name || '(no assembly)', note: moved + count(list.length), font: 'name', owner: known?.owner, title: known?.reason, rows: list, hollow: false, assembly: known && name });
  });
  /** @type {Item[]} */
  const out = [];
  pushLevel(out, x, '', 1, { groups, rows: [] });
  return out;
}

/**
 * @typedef {object} Suspects  rows are indexes into the columns; the groups in the order of their rank
 * @property {{name: string, name_csharp: string, module: string, owner: string | null, rows: number[], note: string}[]} by_supertype
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
  const passes = new Set(x.rows);
  const keep = (/** @type {number[]} */ rows) => rows.filter((i) => passes.has(i));
  const { c } = x;
  const series = c.dumps > 2;
  /** @type {Item[]} */
  const out = [];
  const section = (/** @type {string} */ key, /** @type {string[]} */ [label, note, brief = note], /** @type {{groups: Group[], rows: number[]}} */ level) => {
    if (level.groups.length + level.rows.length === 0) return;
    out.push({ kind: 'section', id: `section:${key}`, label, note, brief });
    pushLevel(out, x, '', 1, level);
  };
  suspects.withheld.forEach((why, at) => out.push({ kind: 'section', id: `section:why${at}`, label: 'Not grouped', note: why }));
  const supertypes = suspects.by_supertype.map((g) => ({ g, rows: keep(g.rows) })).filter(({ rows }) => rows.length > 0);
  section('supertype', SECTIONS.supertype, {
    groups: supertypes.map(({ g, rows }) => group(x, `group:${g.name}\t${g.module}`, {
      label: x.spelling === 'csharp' ? g.name_csharp || g.name : g.name, note: [count(rows.length, g.rows.length), g.note].filter(Boolean).join('; '), font: 'name', owner: g.owner ?? undefined, rows, hollow: true,
    })),
    rows: [],
  });
  section('same', series ? ['Same number in every step', ...SECTIONS.same.slice(1)] : SECTIONS.same, {
    groups: suspects.same_number.map((all) => ({ all, rows: keep(all) })).filter(({ rows }) => rows.length > 0).map(({ all, rows }) => {
      const each = change(lineOf(x.s, all[0]).counts);
      // Yours, libraries, runtime: whoever looks for an owner looks there first.
      const inside = rows.toSorted((a, b) => c.owner[b] - c.owner[a] || a - b);
      return group(x, `group:same:${keyOf(c, all[0])}`, {
        label: `${rows.length < all.length ? `${rows.length} of ` : ''}${all.length} types, each ${signed(each)}`, note: shortNames(x, inside), font: 'words', rows: inside, hollow: false, each: rows.length,
      });
    }),
    rows: [],
  });
  section('resized', SECTIONS.resized, { groups: [], rows: keep(suspects.resized) });
  section('alone', ['On their own', x.order ? 'in no group' : 'in no group; in each section what grew most in the old generations comes first', 'in no group'], { groups: [], rows: keep(suspects.alone) });

  const named = new Set([...suspects.same_number.flat(), ...suspects.resized, ...suspects.alone]);
  const others = x.rows.filter((i) => !named.has(i));
  const shrank = others.filter((i) => change(lineOf(x.s, i).sizes) < 0);
  const rest = others.filter((i) => change(lineOf(x.s, i).sizes) >= 0);
  section('rest', [suspects.complete ? 'Not growing' : 'Not larger in what was read', 'so that the rows add up'], {
    groups: [
      ...(shrank.length > 0 ? [group(x, 'group:shrank', { label: `${count(shrank.length)} ${suspects.complete ? 'shrank' : 'smaller'}`, note: '', font: 'words', rows: shrank, hollow: false })] : []),
      ...(rest.length > 0 ? [group(x, 'group:equal', { label: `${count(rest.length)} of equal size`, note: '', font: 'words', rows: rest, hollow: false })] : []),
    ],
    rows: [],
  });
  return out;
}

/** How many groups and rows the Suspects view has, closed, for its tab. @param {Suspects} s */
export const suspectCount = (s) => s.by_supertype.length + s.same_number.length + s.resized.length;

/** `TelemetryContext, OperationContext, …`. @param {Context} x @param {number[]} rows */
function shortNames(x, rows) {
  return rows.slice(0, 6).map((i) => splitName(textOf(x.c, i, x.spelling)).rest).join(', ');
}

/** @param {number} n @param {number} [all] */
function count(n, all = n) {
  return all > n ? `${number(n)} of ${number(all)} types` : `${number(n)} ${n === 1 ? 'type' : 'types'}`;
}

/**
 * @param {Context} x @param {string} id
 * @param {{label: string, note: string, font: 'name' | 'words', rows: number[], hollow: boolean, owner?: string, each?: number, title?: string, assembly?: string, level?: number}} is
 * @returns {Group}
 */
function group(x, id, is) {
  return { kind: 'group', id, level: 1, ...is, numbers: sumOf(x.s, is.rows), open: x.opened.has(id) };
}

/** Types whose names were generated, by what their names have in common: at least two of a kind. @param {Context} x @param {number[]} rows */
function folded(x, rows) {
  /** @type {Map<string, number[]>} */
  const kinds = new Map();
  const plain = [];
  for (const i of rows) {
    const key = /** @type {(i: number) => string} */ (x.fold)(i);
    if (!key) plain.push(i);
    else if (kinds.has(key)) kinds.get(key)?.push(i);
    else kinds.set(key, [i]);
  }
  const groups = [];
  for (const [key, list] of kinds) {
    if (list.length === 1) plain.push(list[0]);
    else groups.push(group(x, `fold:${key}`, { label: key, note: `${count(list.length)}, folded: generated names`, font: 'name', rows: list, hollow: false, owner: undefined }));
  }
  return { groups, rows: plain };
}

/** @param {Context} x @param {number[]} rows */
const sort = (x, rows) => (x.order ? sorted(rows, x.c, x.s, x.order, x.ranks) : rows);

/**
 * Groups and types of one level in the order chosen, each open one followed by what is in it.
 * @param {Item[]} out @param {Context} x @param {string} path @param {number} level
 * @param {{groups: Group[], rows: number[]}} of
 * @param {(g: Group) => void} [inside]  pushes what is in an open group; its types, if it is left out
 */
function pushLevel(out, x, path, level, { groups, rows }, inside) {
  const types = sort(x, rows);
  const order = x.order;
  const put = (/** @type {Group} */ g) => {
    g.level = level;
    out.push(g);
    if (!g.open) return;
    if (g.assembly) out.push({ kind: 'detail', id: g.id + IN, i: -1, of: g.id, assembly: g.assembly });
    if (inside) inside(g);
    else for (const i of sort(x, g.rows)) pushType(out, x, path + g.id + IN, level + 1, i, g.hollow);
  };
  if (groups.length === 0 || !order) {
    groups.forEach(put);
    for (const i of types) pushType(out, x, path, level, i);
    return;
  }
  // Two sorted lists become one.
  const keyed = (/** @type {Numbers} */ n) => keyOfLine(n, order.by);
  const byName = order.by === 'type';
  groups.sort((a, b) => (byName ? order.dir * (a.label < b.label ? -1 : 1) : order.dir * (keyed(a.numbers) - keyed(b.numbers)) || (a.label < b.label ? -1 : 1)));
  let at = 0;
  for (const i of types) {
    if (at === groups.length) {
      pushType(out, x, path, level, i);
      continue;
    }
    const numbers = lineOf(x.s, i);
    const name = textOf(x.c, i, x.spelling);
    while (at < groups.length && (byName ? order.dir * (groups[at].label < name ? -1 : 1) : order.dir * (keyed(groups[at].numbers) - keyed(numbers))) <= 0) put(groups[at++]);
    pushType(out, x, path, level, i);
  }
  while (at < groups.length) put(groups[at++]);
}

/** @param {Item[]} out @param {Context} x @param {string} path @param {number} level @param {number} i @param {boolean} [hollow]  also in another line */
function pushType(out, x, path, level, i, hollow = false) {
  // No key is made where nothing is open: there may be 20,000 types.
  const open = x.opened.size > 0 && x.opened.has(path + keyOf(x.c, i));
  out.push({ kind: 'type', path, level, i, open, hollow });
  if (open) out.push({ kind: 'detail', id: `${path}${keyOf(x.c, i)}${IN}detail`, i, of: path + keyOf(x.c, i) });
}

/** Elements before and after, of arrays as many as before that became larger. @param {Columns} c @param {number} i @returns {[number, number] | null} */
export function slotsOf(c, i) {
  const last = (c.dumps - 1) * c.n;
  if (c.dumps < 2 || c.counts[i] !== c.counts[last + i] || c.sizes[last + i] <= c.sizes[i]) return null;
  const [a, b] = [c.slots[i], c.slots[last + i]];
  return a >= 0 && b >= 0 ? [a, b] : null;
}

