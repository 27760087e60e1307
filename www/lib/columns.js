// A comparison as it comes from the worker: columns of numbers by type, and one table of strings. Reading them, and sums by generation. Pure.

/**
 * @typedef {object} Columns
 * @property {number} n  types
 * @property {number} dumps
 * @property {string[]} strings
 * @property {Uint32Array} type  classic spelling: indexes into `strings`, as the next three are
 * @property {Uint32Array} csharp
 * @property {Uint32Array} module
 * @property {Uint32Array} namespace
 * @property {Uint8Array} owner  index into OWNERS
 * @property {Float64Array} counts  of dump `d` and type `i` at `d * n + i`
 * @property {Float64Array} sizes
 * @property {Float64Array} generationCounts  of generation `g` at `(d * 6 + g) * n + i`
 * @property {Float64Array} generationSizes
 * @property {Float64Array} slots  elements of the arrays of a row together, at the places of `counts`; -1 for what is no array
 *
 * @typedef {object} Line  objects and bytes by dump: a type's, a group's, the foot's
 * @property {ArrayLike<number>} counts
 * @property {ArrayLike<number>} sizes
 *
 * @typedef {object} Selection  the numbers of all types in some generations: by dump, then by type
 * @property {Float64Array[]} counts
 * @property {Float64Array[]} sizes
 */

/** What `owner` counts, and the names of the toggles. */
export const OWNERS = /** @type {const} */ (['runtime', 'library', 'yours']);

/** Each view: its label, and its label on a narrow window if that is another one. @type {Record<string, string[]>} */
export const VIEWS = {
  suspects: ['Suspects'], types: ['Types'], base: ['By base type or interface', 'Base type'], namespace: ['By namespace', 'Namespace'], assembly: ['By assembly', 'Assembly'],
};

/** Columns that can be switched off. @type {Record<string, string>} */
export const OPTIONAL = { bar: 'Bars', percent: 'Percent', count: 'Change of count', sizes: 'Sizes', counts: 'Counts', average: 'Average', trend: 'Trend' };

/** Choices of the generation filter: indexes into the report's `generations`. @type {Record<string, number[]>} */
export const GENERATION_CHOICES = {
  all: [0, 1, 2, 3, 4, 5], old: [2, 3, 4, 5], young: [0, 1], gen0: [0], gen1: [1], gen2: [2], loh: [3], poh: [4], frozen: [5],
};

/** @param {Columns} c @param {number} i @param {'type' | 'csharp' | 'module' | 'namespace'} what */
export const textOf = (c, i, what) => c.strings[c[what][i]];

/** What a type is known by in the state: no other type has it. @param {Columns} c @param {number} i */
export const keyOf = (c, i) => `${textOf(c, i, 'type')}\t${textOf(c, i, 'module')}`;

/**
 * The numbers of all types in the generations chosen; for all of them the columns themselves, without a copy.
 * @param {Columns} c @param {string} choice  a key of GENERATION_CHOICES @returns {Selection}
 */
export function selection(c, choice) {
  const pick = (/** @type {Float64Array} */ all, /** @type {Float64Array} */ byGeneration) =>
    Array.from({ length: c.dumps }, (_, d) => {
      if (choice === 'all') return all.subarray(d * c.n, (d + 1) * c.n);
      const sum = new Float64Array(c.n);
      for (const g of GENERATION_CHOICES[choice]) {
        const from = (d * 6 + g) * c.n;
        for (let i = 0; i < c.n; i += 1) sum[i] += byGeneration[from + i];
      }
      return sum;
    });
  return { counts: pick(c.counts, c.generationCounts), sizes: pick(c.sizes, c.generationSizes) };
}

/** @param {Selection} s @param {number} i @returns {Line} */
export function lineOf(s, i) {
  return { counts: s.counts.map((d) => d[i]), sizes: s.sizes.map((d) => d[i]) };
}

/** The same for many: one line that is filled anew for each row. @param {Selection} s @returns {(i: number) => {counts: number[], sizes: number[]}} */
export function reader({ counts, sizes }) {
  const line = { counts: counts.map(() => 0), sizes: sizes.map(() => 0) };
  return (i) => {
    for (let d = 0; d < sizes.length; d += 1) {
      line.counts[d] = counts[d][i];
      line.sizes[d] = sizes[d][i];
    }
    return line;
  };
}

/** @param {Selection} s @param {Iterable<number>} rows @returns {{counts: number[], sizes: number[]}} */
export function sumOf(s, rows) {
  const add = (/** @type {Float64Array[]} */ all) => all.map((byType) => {
    let sum = 0;
    for (const i of list) sum += byType[i];
    return sum;
  });
  const list = [...rows];
  return { counts: add(s.counts), sizes: add(s.sizes) };
}

/** @param {Line} a @param {Line} b @returns {Line} */
export function plus(a, b) {
  const add = (/** @type {ArrayLike<number>} */ x, /** @type {ArrayLike<number>} */ y) => Array.from(x, (v, d) => v + y[d]);
  return { counts: add(a.counts, b.counts), sizes: add(a.sizes, b.sizes) };
}

/** Free blocks in the generations chosen. @param {any} meta  DiffReport without rows @param {string} choice @returns {Line} */
export function freeOf(meta, choice) {
  if (choice === 'all') return meta.free;
  const sum = (/** @type {'count' | 'size'} */ what) =>
    meta.free_generations.map((/** @type {any[]} */ cells) => GENERATION_CHOICES[choice].reduce((n, g) => n + (cells[g]?.[what] ?? 0), 0));
  return { counts: sum('count'), sizes: sum('size') };
}

/** Change of the last dump against the first. @param {ArrayLike<number>} byDump */
export const change = (byDump) => (byDump.length > 1 ? byDump[byDump.length - 1] - byDump[0] : byDump[0]);

/** Growth of the data set: the sum over growing types, Free apart. The one denominator of shares. @param {Selection} s */
export function growth(s) {
  const [first, last] = [s.sizes[0], s.sizes[s.sizes.length - 1]];
  let sum = 0;
  for (let i = 0; i < first.length; i += 1) if (last[i] > first[i]) sum += last[i] - first[i];
  return sum;
}

/** True where every side of the comparison knows generations (a listing knows none). @param {any} meta */
export const hasGenerations = (meta) => meta.dumps.every((/** @type {any} */ d) => d.generations?.some((/** @type {any} */ g) => g.count > 0));
