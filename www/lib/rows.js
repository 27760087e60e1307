// The rows of the table: one shape for one dump and for several, then filter and sort. Pure.

/**
 * @typedef {object} Row  a type, or the sums of the foot
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

/** @param {any} report  a HeapReport @returns {Table} */
export function tableOfOne(report) {
  const row = (/** @type {any} */ t, /** @type {number} */ count, /** @type {number} */ size) => ({
    type: t.type_name, csharp: t.type_name_csharp, module: t.module,
    countA: count, countB: null, sizeA: size, sizeB: null, count, size,
  });
  const rows = report.types.map((/** @type {any} */ t) => row(t, t.count, t.total_size));
  const { free, objects, size } = report.heap;
  return {
    diff: false,
    rows,
    types: row(named(''), objects - free.count, size - free.size),
    free: row(named('Free'), free.count, free.size),
    total: row(named(''), objects, size),
  };
}

/** @param {any} diff  a DiffReport @returns {Table} */
export function tableOfDiff(diff) {
  const last = diff.dumps.length - 1;
  const row = (/** @type {any} */ t, /** @type {any} */ n) => ({
    type: t.type_name, csharp: t.type_name_csharp, module: t.module,
    countA: n.counts[0], countB: n.counts[last], sizeA: n.sizes[0], sizeB: n.sizes[last],
    count: n.delta_count, size: n.delta_size,
  });
  const rows = diff.rows.map((/** @type {any} */ r) => row(r, r));
  const free = row(named('Free'), diff.free);
  const total = row(named(''), diff.total);
  const types = { ...total };
  for (const key of /** @type {const} */ (['countA', 'countB', 'sizeA', 'sizeB', 'count', 'size'])) {
    types[key] = /** @type {number} */ (total[key]) - /** @type {number} */ (free[key]);
  }
  return { diff: true, rows, types, free, total };
}

function named(/** @type {string} */ name) {
  return { type_name: name, type_name_csharp: name, module: '' };
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
