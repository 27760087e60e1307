// Comparisons made up for tests, and the columns of a `dropheap diff --format json`. Not part of the page.

/** @param {any} diff  DiffReport @returns {any}  the Comparison that the worker would hand over */
export function comparisonOf(diff) {
  const { rows, ...meta } = diff;
  const [n, k] = [rows.length, diff.dumps.length];
  /** @type {string[]} */
  const strings = [];
  const numbers = new Map();
  const texts = (/** @type {string} */ key) => Uint32Array.from(rows, (/** @type {any} */ r) => {
    const text = r[key] ?? '';
    if (!numbers.has(text)) numbers.set(text, strings.push(text) - 1);
    return numbers.get(text);
  });
  const byDump = (/** @type {(r: any, d: number) => number} */ f) => Float64Array.from({ length: k * n }, (_, at) => f(rows[at % n], Math.floor(at / n)));
  const byGeneration = (/** @type {'count' | 'size'} */ what) =>
    Float64Array.from({ length: k * 6 * n }, (_, at) => rows[at % n].generations?.[Math.floor(at / n / 6)]?.[Math.floor(at / n) % 6]?.[what] ?? 0);
  return {
    meta,
    columns: {
      n, dumps: k, strings, type: texts('type_name'), csharp: texts('type_name_csharp'), module: texts('module'), namespace: texts('namespace'),
      owner: Uint8Array.from(rows, (/** @type {any} */ r) => Math.max(0, ['runtime', 'library', 'yours'].indexOf(r.owner))),
      counts: byDump((r, d) => r.counts[d]), sizes: byDump((r, d) => r.sizes[d]),
      generationCounts: byGeneration('count'), generationSizes: byGeneration('size'),
      slots: byDump((r, d) => (r.array ? (r.sizes[d] - r.array.base_size * r.counts[d]) / r.array.component_size : -1)),
    },
    suspects: null,
  };
}

/**
 * A small comparison: each row is `[C# name, module, owner, counts, sizes]`; everything lies in gen2.
 * @param {[string, string, string, number[], number[], any?][]} rows
 * @param {any} [extra]  more of the meta
 */
export function made(rows, extra = {}) {
  const k = rows[0][3].length;
  const free = { counts: Array(k).fill(0).map((_, d) => d + 1), sizes: Array(k).fill(0).map((_, d) => 24 * (d + 1)) };
  const cells = (/** @type {number} */ count, /** @type {number} */ size) => Array.from({ length: 6 }, (_, g) => (g === 2 ? { count, size } : { count: 0, size: 0 }));
  const sum = (/** @type {3 | 4} */ at, /** @type {number} */ d) => rows.reduce((n, r) => n + r[at][d], 0);
  return comparisonOf({
    dumps: Array.from({ length: k }, (_, d) => ({ complete: true, dump: {}, generations: cells(sum(3, d), sum(4, d)) })),
    rows: rows.map(([name, module, owner, counts, sizes, array]) => ({
      type_name: name.replaceAll('<T>', '`1[[T, Lib]]'), type_name_csharp: name, module, owner, counts, sizes, array,
      namespace: name.includes('.') ? name.replace(/<.*/, '').replace(/\.[^.]*$/, '') : '',
      generations: counts.map((c, d) => cells(c, sizes[d])),
    })),
    assemblies: [], supertypes: [], findings: [], free,
    free_generations: free.counts.map((c, d) => cells(c, free.sizes[d])),
    total: { counts: free.counts.map((c, d) => c + sum(3, d)), sizes: free.sizes.map((s, d) => s + sum(4, d)) },
    ...extra,
  });
}
