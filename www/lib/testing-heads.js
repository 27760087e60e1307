// Reports and comparisons for unit tests, as small as they can be.

export const MB = 1048576;

const cells = (/** @type {number[]} */ bytes) => bytes.map((size) => ({ count: 1, size, aligned_size: size }));

/**
 * A head of a report.
 * @param {any} given
 */
export function headOf({ taken = null, pid = 2052, started = 1000, gens = [0, 0, MB, 0, 0, 0], free = 0, explained, gc = false, findings = [], unproven = null, runtime = {}, dump = {}, memory = null, assemblies = [] } = {}) {
  const total = gens.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  return {
    dump: {
      file_name: 'evening.dmp', format: 'minidump', captured_at: taken, pid, started_at: started, uptime: taken === null ? null : taken - started, image_path: 'C:\\app\\Contoso.exe',
      command_line: null, os: 'Windows 10.0.20348', processors: 2, memory_bytes: total + 10 * MB, memory_ranges: 3, modules: 7, threads: 2, ...dump,
    },
    runtime: { name: '.NET 10.0.14', architecture: 'x64', pointer_size: 8, gc_mode: 'workstation', gc_layout: 'regions', heaps: 1, gc_in_progress: gc, unproven, evidence: [], module: 'C:\\rt\\coreclr.dll', ...runtime },
    heap: {
      complete: explained === undefined && !gc, explained_bytes: explained ?? total, total_bytes: total, objects: 7, size: total, aligned_size: total,
      generations: cells(gens), free: { count: 1, size: free }, segments: [],
    },
    memory, assemblies, findings,
  };
}

/** A side of a text. */
export function listingHead() {
  const head = headOf({ pid: null, started: null, dump: { format: 'listing', file_name: 'old.txt', os: null, image_path: null, modules: 0 }, runtime: { name: '', architecture: '', pointer_size: 0, gc_mode: '', heaps: 0 } });
  head.heap.generations = [];
  return head;
}

/** @param {any[]} heads @param {string[]} [names] */
export function sidesOf(heads, names = heads.length === 1 ? [''] : heads.length === 2 ? ['A', 'B'] : heads.map((_, i) => String(i + 1))) {
  return heads.map((head, i) => ({ id: i + 1, head, name: names[i] }));
}

/**
 * A comparison of so many dumps; rows: [classic name, module, counts, sizes, owner].
 * @param {[string, string, number[], number[], number?][]} rows
 * @param {any} [meta]
 * @param {any} [suspects]
 */
export function comparisonOf(rows, meta = {}, suspects = null) {
  const dumps = rows[0]?.[2].length ?? 2;
  const n = rows.length;
  /** @type {string[]} */
  const strings = [];
  const at = (/** @type {string} */ s) => (strings.includes(s) ? strings.indexOf(s) : strings.push(s) - 1);
  const column = (/** @type {2 | 3} */ which) => Float64Array.from({ length: dumps * n }, (_, i) => rows[i % n][which][Math.floor(i / n)]);
  const sum = (/** @type {2 | 3} */ which) => Array.from({ length: dumps }, (_, d) => rows.reduce((s, r) => s + r[which][d], 0));
  const totals = (/** @type {number[]} */ counts, /** @type {number[]} */ sizes) => ({ counts, sizes, delta_count: counts[dumps - 1] - counts[0], delta_size: sizes[dumps - 1] - sizes[0] });
  const zero = Array.from({ length: dumps }, () => 0);
  return {
    meta: { free: totals(zero, zero), total: totals(sum(2), sum(3)), free_generations: [], findings: [], assemblies: [], supertypes: [], memory: null, ...meta },
    columns: {
      n, dumps, strings,
      type: Uint32Array.from(rows, (r) => at(r[0])), csharp: Uint32Array.from(rows, (r) => at(r[0].replaceAll('+', '.'))),
      module: Uint32Array.from(rows, (r) => at(r[1])), namespace: Uint32Array.from(rows, () => at('')), owner: Uint8Array.from(rows, (r) => r[4] ?? 0),
      counts: column(2), sizes: column(3), generationCounts: new Float64Array(dumps * 6 * n), generationSizes: new Float64Array(dumps * 6 * n), slots: new Float64Array(dumps * n).fill(-1),
    },
    suspects,
  };
}
