// Which types are shown, and in which order: indexes into the columns. Pure.

import { OWNERS, change, reader, textOf } from './columns.js';

/**
 * @typedef {import('./columns.js').Columns} Columns
 * @typedef {import('./columns.js').Selection} Selection
 * @typedef {import('./columns.js').Line} Line
 *
 * @typedef {{by: string, dir: 1 | -1, chosen?: boolean}} Order  `chosen` by the reader; by `type`, `size`, `percent`, `count`, `average`, `trend`, or a dump's column: `size:1`, `count:1`
 *
 * @typedef {object} Filter
 * @property {string} search
 * @property {string} show  a key of SHOWN
 * @property {{runtime: boolean, library: boolean, yours: boolean}} owners
 */

/** Which types a button of the toolbar shows, by their numbers in each dump. @type {Record<string, (counts: number[], sizes: number[]) => boolean>} */
export const SHOWN = {
  all: () => true,
  grown: (_, sizes) => change(sizes) > 0,
  shrunk: (_, sizes) => change(sizes) < 0,
  new: (counts) => counts[0] === 0 && counts[counts.length - 1] > 0,
  gone: (counts) => counts[0] > 0 && counts[counts.length - 1] === 0,
  steady: (_, sizes) => sizes.every((s, d) => d === 0 || s > sizes[d - 1]),
};

/** @param {Selection} s @param {string} show @returns {(i: number) => boolean} */
export function shownBy(s, show) {
  const test = SHOWN[show] ?? SHOWN.all;
  const line = reader(s);
  return (i) => {
    const { counts, sizes } = line(i);
    return test(counts, sizes);
  };
}

/** What is searched: both spellings and the module of each type, in lower case, a line each. @param {Columns} c */
export function searchTexts(c) {
  return Array.from({ length: c.n }, (_, i) => `${textOf(c, i, 'type')}\n${textOf(c, i, 'csharp')}\n${textOf(c, i, 'module')}`.toLowerCase());
}

/**
 * What is typed in the search box: text, or a regular expression between slashes; both without regard to case.
 * @param {string} typed
 * @returns {{test: (text: string) => boolean, error: string | null, empty: boolean}}
 */
export function matcher(typed) {
  const text = typed.trim();
  const slashes = /^\/(.*?)\/?$/s.exec(text);
  if (text === '' || text === '/') return { test: () => true, error: null, empty: true };
  if (slashes) {
    try {
      const re = new RegExp(slashes[1], 'imu'); // m: `^` and `$` are those of a name, not of the three lines
      return { test: (t) => re.test(t), error: null, empty: false };
    } catch (e) {
      return { test: () => true, error: /** @type {Error} */ (e).message, empty: true };
    }
  }
  const low = text.toLowerCase();
  return { test: (t) => t.includes(low), error: null, empty: false };
}

/**
 * The types that pass. Types without any object in the generations chosen are left out.
 * @param {Columns} c @param {Selection} s @param {Filter} f @param {() => string[]} texts  of searchTexts; asked for only when needed
 * @returns {number[]}
 */
export function filtered(c, s, f, texts) {
  const match = matcher(f.search);
  const all = match.empty ? [] : texts();
  const show = shownBy(s, f.show);
  const owners = OWNERS.map((o) => f.owners[o]);
  const rows = [];
  for (let i = 0; i < c.n; i += 1) {
    if (!owners[c.owner[i]] || !s.counts.some((d) => d[i] !== 0)) continue;
    if (show(i) && (match.empty || match.test(all[i]))) rows.push(i);
  }
  return rows;
}

/** Average bytes of one object in the last dump, null if it has none. @param {Line} l @returns {number | null} */
export function average({ counts, sizes }) {
  const last = counts.length - 1;
  return counts[last] > 0 ? Math.round(sizes[last] / counts[last]) : null;
}

/** What a column sorts by: changes by amount, since what shrank by much is as interesting as what grew. @type {Record<string, (l: Line) => number>} */
const KEYS = {
  size: ({ sizes }) => Math.abs(change(sizes)),
  count: ({ counts }) => Math.abs(change(counts)),
  percent({ sizes }) {
    const last = sizes.length - 1;
    return last === 0 ? sizes[0] : sizes[0] ? change(sizes) / sizes[0] : sizes[last] ? Number.MAX_VALUE : 0;
  },
  average: (l) => average(l) ?? -1,
  trend: ({ sizes }) => (sizes[0] ? Math.max(...Array.from(sizes)) / sizes[0] : 0),
};

/** @param {string} by  a column, perhaps of one dump: `size:1` @returns {(l: Line) => number} */
export function keyBy(by) {
  const [what, dump] = by.split(':');
  const d = Number(dump);
  if (!dump) return KEYS[what] ?? (() => 0);
  if (what === 'step') return ({ counts }) => Math.abs(counts[d] - counts[d - 1]) || 0;
  return what === 'size' ? ({ sizes }) => sizes[d] ?? 0 : ({ counts }) => counts[d] ?? 0;
}

/**
 * Indexes in order; ties as the rows come from the core: by change of size, then by name.
 * @param {number[]} rows @param {Columns} c @param {Selection} s @param {Order} order @param {() => Uint32Array} ranks  of nameRanks
 */
export function sorted(rows, c, s, order, ranks) {
  const key = new Float64Array(c.n);
  if (order.by === 'type') {
    const rank = ranks();
    for (const i of rows) key[i] = rank[i];
  } else {
    const line = reader(s);
    const of = keyBy(order.by);
    for (const i of rows) key[i] = of(line(i));
  }
  return rows.slice().sort((a, b) => order.dir * (key[a] - key[b]) || a - b);
}

/** The place of each type when all are sorted by name. @param {Columns} c @param {'csharp' | 'type'} spelling @returns {Uint32Array} */
export function nameRanks(c, spelling) {
  const place = new Uint32Array(c.n);
  const names = Array.from(c[spelling], (at) => c.strings[at]);
  const order = names.map((_, i) => i).sort((a, b) => (names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b));
  order.forEach((i, at) => (place[i] = at));
  return place;
}
