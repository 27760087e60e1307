// What is known of a dump and of its process, as rows for people, and what of it is equal. Times are UTC. Pure.

import { baseName, duration, number, plural, size, utc, utcDate, utcTime } from './format.js';

/** Indexes of the report's `generations`. */
export const GENERATIONS = ['gen0', 'gen1', 'gen2', 'LOH', 'POH', 'frozen'];

/** Old before young, as the bars are drawn. */
export const OLD_FIRST = [2, 3, 4, 5, 1, 0];

/** True if its numbers are exactly what SOS prints (`exact()` of report.rs). @param {any} head */
export function exact(head) {
  return head.heap.complete && !head.runtime.gc_in_progress && !head.findings.some((/** @type {any} */ f) => f.partial);
}

/** `at least ` where something was not read; not during a GC, when an object can be met twice. @param {any} head */
export function atLeast(head) {
  return exact(head) || head.runtime.gc_in_progress ? '' : 'at least ';
}

/** True for a side that is a text, not a dump: it has no facts, no generations. @param {any} head */
export function isListing(head) {
  return !head.dump.format.startsWith('minidump');
}

/** Start times from two streams of a dump differ by up to two seconds (diff.rs). */
const SAME_START = 2;

const known = (/** @type {any} */ x) => x !== null && x !== undefined;

/** True if both are known to be one process: same id, same start, and no other machine. @param {any} a DumpFacts @param {any} b DumpFacts */
export function oneProcess(a, b) {
  return known(a.pid) && known(b.pid) && known(a.started_at) && known(b.started_at) && !otherProcess(a, b);
}

/** True if both are known to be of different processes. @param {any} a DumpFacts @param {any} b DumpFacts */
export function otherProcess(a, b) {
  return (known(a.pid) && known(b.pid) && a.pid !== b.pid) ||
    (known(a.started_at) && known(b.started_at) && Math.abs(a.started_at - b.started_at) > SAME_START) ||
    (known(a.instance_id) && known(b.instance_id) && a.instance_id !== b.instance_id);
}

/** `gen2 16.6 MB, LOH 1.2 MB, …`. @param {any} heap  HeapFacts */
export function generationWords(heap) {
  const used = OLD_FIRST.filter((g) => heap.generations[g]?.size > 0);
  return used.map((g) => `${GENERATIONS[g]} ${size(heap.generations[g].size)}`).join(', ');
}

const listed = (/** @type {any[]} */ parts) => parts.filter((p) => p !== null && p !== undefined && p !== '' && p !== false).join(', ') || null;

/**
 * The facts of a dump as rows; null where not known (yet).
 * @param {any} facts  DumpFacts or null
 * @param {any} runtime  RuntimeFacts or null
 * @returns {{label: string, text: string | null, secret?: boolean}[]}
 */
export function factRows(facts, runtime) {
  return [
    { label: 'Taken', text: facts && (facts.captured_at === null ? 'time not in the file' : utc(facts.captured_at)) },
    {
      label: 'Process',
      text: facts && (listed([
        facts.image_path && baseName(facts.image_path),
        facts.pid !== null && `pid ${facts.pid}`,
        facts.started_at !== null && `started ${startWords(facts)}`,
        facts.uptime !== null && `up ${duration(facts.uptime)}`,
      ]) ?? 'not named in the file'),
    },
    { label: 'Command line', text: facts && (facts.command_line ?? 'not in the file'), secret: Boolean(facts?.command_line) },
    { label: 'Runtime', text: runtime && listed([runtime.name, bits(runtime)]) },
    { label: 'GC', text: runtime && listed([runtime.gc_mode, plural(runtime.heaps, 'heap'), runtime.gc_layout]) },
    { label: 'System', text: facts && listed([facts.os, facts.processors && plural(facts.processors, 'processor')]) },
    {
      label: 'Contents',
      text: facts && `${facts.entry ? `${facts.entry.name} in a zip: ` : ''}${size(facts.memory_bytes)} of memory in ${plural(facts.memory_ranges, 'range')}, ${plural(facts.modules, 'module')}, ${plural(facts.threads, 'thread')}`,
    },
  ];
}

/** The start of the process; its day only if it is another one than the dump's. @param {any} facts */
export function startWords(facts) {
  const sameDay = facts.captured_at !== null && utcDate(facts.captured_at) === utcDate(facts.started_at);
  return sameDay ? utcTime(facts.started_at) : utc(facts.started_at);
}

/** @param {any} runtime */
export function bits(runtime) {
  return runtime.pointer_size ? `${runtime.pointer_size * 8}-bit (${runtime.architecture})` : '';
}

/** What is said once where it is equal. @type {{what: string, of: (h: any) => any}[]} */
const COMPARED = [
  { what: 'program', of: (h) => h.dump.image_path && baseName(h.dump.image_path) },
  { what: 'process', of: (h) => h.dump.pid !== null && `pid ${h.dump.pid}` },
  { what: 'machine', of: (h) => h.dump.instance_id && `instance ${h.dump.instance_id.slice(0, 8)}` },
  { what: 'site', of: (h) => h.dump.site_name },
  { what: 'pool', of: (h) => h.dump.app_pool && `pool ${h.dump.app_pool}` },
  { what: 'bitness', of: (h) => bits(h.runtime) },
  { what: 'runtime', of: (h) => h.runtime.name },
  { what: 'GC', of: (h) => h.runtime.gc_mode && `${h.runtime.gc_mode} GC, ${plural(h.runtime.heaps, 'heap')}, ${h.runtime.gc_layout}` },
  { what: 'system', of: (h) => h.dump.os },
  { what: 'modules', of: (h) => h.dump.modules > 0 && `${plural(h.dump.modules, 'module')}` },
];

/**
 * What is equal in all, and what is not, of what is known of each. One dump: all is equal.
 * @param {any[]} heads
 * @returns {{same: string[], differ: {what: string, values: string[]}[]}}
 */
export function comparedFacts(heads) {
  const same = [];
  const differ = [];
  for (const { what, of } of COMPARED) {
    const values = heads.map((h) => of(h) || 'unknown');
    if (values.every((v) => v === 'unknown')) continue;
    if (values.every((v) => v === values[0])) same.push(values[0]);
    else differ.push({ what, values });
  }
  return { same, differ };
}

/** Every fact of one dump, for the dialog: label and text. @param {any} head @param {number} memory  of WebAssembly, bytes */
export function allRows(head, memory) {
  const { dump: facts, runtime, heap } = head;
  const listing = isListing(head);
  /** @type {{label: string, text: string | null | undefined, secret?: boolean}[]} */
  const rows = [
    ...(listing ? [{ label: 'Kind', text: 'a listing: sums by type, no facts of a process, no generations' }] : factRows(facts, runtime)),
    { label: 'App pool', text: facts.app_pool },
    { label: 'Instance', text: facts.instance_id },
    { label: 'Site', text: facts.site_name },
    { label: 'Clone', text: facts.clone && `the dump is of a clone of the process${known(facts.clone.pid) ? `, pid ${facts.clone.pid}` : ''}` },
    { label: 'Written by', text: facts.comment, secret: true },
    { label: 'Memory limit', text: facts.memory_limit ? size(facts.memory_limit) : null },
    { label: 'Executable', text: facts.image_path },
    { label: 'Runtime file', text: runtime.file_version && `${runtime.module}, ${runtime.file_version}` },
    { label: 'GC module', text: runtime.gc_module },
    { label: 'Heap', text: `${number(heap.size)} bytes in ${number(heap.objects)} objects${heap.aligned_size ? `; ${number(heap.aligned_size)} bytes with alignment` : ''}` },
    { label: 'Read', text: heap.total_bytes ? `${number(heap.explained_bytes)} of ${number(heap.total_bytes)} bytes of ${plural(heap.segments.length, 'segment')} explained` : null },
    ...heap.generations.map((/** @type {any} */ c, /** @type {number} */ g) => ({ label: GENERATIONS[g], text: c.count ? `${plural(c.count, 'object')}, ${number(c.size)} bytes` : null })),
    { label: 'Reader', text: memory > 0 ? `${size(memory)} of WebAssembly memory` : null },
  ];
  return rows.filter((r) => r.text !== null && r.text !== undefined && r.text !== '');
}
