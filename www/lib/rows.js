// The rows of the table: one shape for one dump and for several, then filter and sort. Pure.

/**
 * @typedef {object} Row  a type, or the sums of the foot
 * @property {number} index  its place in the columns; -1 for sums
 * @property {string} type  classic spelling
 * @property {string} csharp
 * @property {string} module
 * @property {number | null} countA  null where there is one dump: then `countB` is empty instead
 * @property {number | null} countB
 * @property {number | null} sizeA
 * @property {number | null} sizeB
 * @property {number} count  the number sorted by: change of count, or the count
 * @property {number} size  change of size, or the size
 *
 * @typedef {object} Table
 * @property {boolean} diff  two dumps or more
 * @property {Row[]} rows  every type
 * @property {Row} types  their sum
 * @property {Row} free
 * @property {Row} total  what !dumpheap -stat totals
 *
 * @typedef {'type' | 'size' | 'percent' | 'count' | 'sizeA' | 'sizeB' | 'countA' | 'countB' | 'average'} Column
 * @typedef {{by: Column, dir: 1 | -1}} Order
 */

/** @param {import('../protocol.js').Comparison} comparison @returns {Table} */
export function tableOf({ meta, columns }) {
  const { n, dumps, strings } = columns;
  const diff = dumps > 1;
  const last = dumps - 1;
  const line = (/** @type {number[]} */ counts, /** @type {number[]} */ sizes) => ({
    countA: counts[0], countB: diff ? counts[1] : null, sizeA: sizes[0], sizeB: diff ? sizes[1] : null,
    count: diff ? counts[1] - counts[0] : counts[0], size: diff ? sizes[1] - sizes[0] : sizes[0],
  });
  const rows = Array.from({ length: n }, (_, i) => ({
    index: i, type: strings[columns.type[i]], csharp: strings[columns.csharp[i]], module: strings[columns.module[i]],
    ...line([columns.counts[i], columns.counts[last * n + i]], [columns.sizes[i], columns.sizes[last * n + i]]),
  }));
  const sums = (/** @type {string} */ name, /** @type {any} */ t) => ({
    index: -1, type: name, csharp: name, module: '', ...line([t.counts[0], t.counts[last]], [t.sizes[0], t.sizes[last]]),
  });
  const free = sums('Free', meta.free);
  const total = sums('', meta.total);
  const types = { ...total };
  for (const key of /** @type {const} */ (['countA', 'countB', 'sizeA', 'sizeB', 'count', 'size'])) {
    if (total[key] !== null) types[key] = /** @type {number} */ (total[key]) - /** @type {number} */ (free[key]);
  }
  return { diff, rows, types, free, total };
}

/** Which rows a button of the toolbar shows. @type {Record<string, (r: Row) => boolean>} */
export const SHOWN = {
  all: () => true,
  grown: (r) => r.size > 0,
  shrunk: (r) => r.size < 0,
  new: (r) => r.countA === 0,
  gone: (r) => r.countB === 0,
};

/** Average bytes of one object in the last dump. @param {Row} r @returns {number | null} */
export function average(r) {
  const count = r.countB ?? r.countA;
  const size = r.countB === null ? r.sizeA : r.sizeB;
  return count ? Math.round(/** @type {number} */ (size) / count) : null;
}

/**
 * What is typed in the search box: text, or a regular expression between slashes; both without regard to case, in either spelling of
 * the name and in the module.
 * @param {string} typed
 * @returns {{test: (r: Row) => boolean, error: string | null}}
 */
export function matcher(typed) {
  const text = typed.trim();
  const slashes = /^\/(.*?)\/?$/s.exec(text);
  if (text === '' || text === '/') return { test: () => true, error: null };
  if (slashes) {
    try {
      const re = new RegExp(slashes[1], 'iu');
      return { test: (r) => re.test(r.type) || re.test(r.csharp) || re.test(r.module), error: null };
    } catch (e) {
      return { test: () => true, error: /** @type {Error} */ (e).message };
    }
  }
  const low = text.toLowerCase();
  const has = (/** @type {string} */ s) => s.toLowerCase().includes(low);
  return { test: (r) => has(r.type) || has(r.csharp) || has(r.module), error: null };
}

/**
 * The rows in order; ties by size, then by name, so that an order is always the same.
 * @param {Row[]} rows
 * @param {Order} order
 * @param {'csharp' | 'type'} spelling
 * @param {boolean} diff  changes are compared by amount: what shrank by much is as interesting as what grew
 */
export function sorted(rows, order, spelling, diff) {
  const byName = (/** @type {Row} */ a, /** @type {Row} */ b) => (a[spelling] < b[spelling] ? -1 : a[spelling] > b[spelling] ? 1 : 0);
  const key = keyOf(order.by, diff);
  const compare =
    order.by === 'type'
      ? (/** @type {Row} */ a, /** @type {Row} */ b) => order.dir * byName(a, b)
      : (/** @type {Row} */ a, /** @type {Row} */ b) =>
          order.dir * (key(a) - key(b)) || Math.abs(b.size) - Math.abs(a.size) || byName(a, b);
  return rows.slice().sort(compare);
}

/** @param {Column} by @param {boolean} diff @returns {(r: Row) => number} */
function keyOf(by, diff) {
  switch (by) {
    case 'size':
    case 'count':
      return diff ? (r) => Math.abs(r[by]) : (r) => r[by];
    case 'percent':
      return diff ? (r) => (r.sizeA ? r.size / r.sizeA : r.size > 0 ? Number.MAX_VALUE : 0) : (r) => r.size;
    case 'average':
      return (r) => average(r) ?? -1;
    default:
      return (r) => /** @type {any} */ (r)[by] ?? -1;
  }
}
