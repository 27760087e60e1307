// What is said above the table: computed from the reports, never guessed; a line with nothing to say is left out. Pure.

import { coverage, duration, number, plural, signedSize, size, utc, utcTime, baseName } from './format.js';

/** Indexes of the report's `generations`. */
export const GENERATIONS = ['gen0', 'gen1', 'gen2', 'LOH', 'POH', 'frozen'];
const OLD = [2, 3, 4, 5];

/** Findings of a comparison (diff.rs) that each dump's own report says in more words. */
const OF_ONE_DUMP = ['partial-dump', 'gc-in-progress', 'unproven-runtime'];

const YOUNG = [0, 1];

/**
 * @typedef {{text: string, strong?: 'grow' | 'shrink' | 'plain'}} Part
 * @typedef {{headline: Part[], aside: string, lines: {label: string, text: string}[], warnings: {title: string, text: string}[]}} Answer
 */

/** Old before young, as the bars are drawn. */
export const OLD_FIRST = [2, 3, 4, 5, 1, 0];

/** `gen2 16.6 MB, LOH 1.2 MB, …`. @param {any} heap  HeapFacts */
export function generationWords(heap) {
  const used = OLD_FIRST.filter((g) => heap.generations[g]?.size > 0);
  return used.map((g) => `${GENERATIONS[g]} ${size(heap.generations[g].size)}`).join(', ');
}

/** By how much the bytes of types (Free apart) in some generations differ, last minus first. @param {any} meta @param {number[]} which */
function changeIn(meta, which) {
  const sum = (/** @type {any[]} */ cells) => which.reduce((n, g) => n + (cells[g]?.size ?? 0), 0);
  const types = (/** @type {number} */ dump) => sum(meta.dumps[dump].generations) - sum(meta.free_generations[dump]);
  return types(meta.dumps.length - 1) - types(0);
}

/** True if its numbers are exactly what SOS prints (`exact()` of report.rs). @param {any} report  HeapReport */
export function exact(report) {
  return report.heap.complete && !report.runtime.gc_in_progress && !report.findings.some((/** @type {any} */ f) => f.partial);
}

/** `at least ` where something was not read; not during a GC, when an object can be met twice. @param {any} report */
export function atLeast(report) {
  return exact(report) || report.runtime.gc_in_progress ? '' : 'at least ';
}

/** True if both are known to be one process: same id, same start. @param {any} a DumpFacts @param {any} b DumpFacts */
function oneProcess(a, b) {
  return a.pid !== null && a.pid === b.pid && a.started_at !== null && a.started_at === b.started_at;
}

/** The answer for one dump. @param {any} report  HeapReport @returns {Answer} */
export function answerOfOne(report) {
  const { heap } = report;
  const walked = report.runtime.gc_in_progress ? 'What could be walked of the heap holds ' : `The heap holds ${atLeast(report)}`;
  return {
    headline: [{ text: walked }, { text: size(heap.size), strong: 'plain' }, { text: ` in ${number(heap.objects)} objects` }],
    aside: 'no comparison until a second dump is read',
    lines: [
      { label: 'Heap', text: `${generationWords(heap)}; of it ${size(heap.free.size)} free.` },
      { label: 'Trust', text: [readWords([report], ['the dump']), gcWords([report]), 'Objects that nobody holds any more are counted too.'].join(' ') },
    ],
    warnings: warningsOf(report, ''),
  };
}

/**
 * The answer for several dumps: the last against the first.
 * @param {import('../protocol.js').Head[]} reports  in order
 * @param {any} meta  of their comparison
 * @param {{size: number}[]} rows  their changes
 * @returns {Answer}
 */
export function answerOfDiff(reports, meta, rows) {
  const first = reports[0];
  const last = reports[reports.length - 1];
  const same = oneProcess(first.dump, last.dump);
  const all = exact(first) && exact(last);
  const old = changeIn(meta, OLD);
  const young = changeIn(meta, YOUNG);
  const names = letters(reports.length);

  /** @type {Part[]} */
  let headline;
  let aside = `young: ${signedSize(young)}`;
  if (!all || !same) {
    const differ = old + young;
    headline = [
      { text: `The ${all ? 'heaps' : 'parts of the heaps that were read'} differ by ` },
      { text: signedSize(differ), strong: toneOf(differ) },
    ];
    aside = same ? aside : 'no rate: not known to be one process';
  } else if (old === 0) {
    headline = [{ text: 'Old generations did not change' }];
  } else {
    headline = [
      { text: `Old generations ${old > 0 ? 'grew' : 'shrank'} by ` },
      { text: size(Math.abs(old)), strong: toneOf(old) },
    ];
    const hours = (last.dump.captured_at - first.dump.captured_at) / 3600;
    if (last.dump.captured_at !== null && first.dump.captured_at !== null && hours >= 1 / 60) {
      headline.push({ text: ', ' }, { text: `${size(Math.abs(old) / hours)} an hour`, strong: 'plain' });
    }
  }

  const lines = [];
  const memory = memoryWords(first, last);
  if (memory) lines.push({ label: 'Memory', text: memory });
  const grown = rows.filter((r) => r.size > 0);
  const shrunk = rows.filter((r) => r.size < 0);
  const sum = (/** @type {{size: number}[]} */ some) => some.reduce((n, r) => n + r.size, 0);
  lines.push({
    label: 'Types',
    text: `${plural(grown.length, 'type')} grew by ${size(sum(grown))}, ${number(shrunk.length)} shrank by ${size(-sum(shrunk))}, ` +
      `${number(rows.length - grown.length - shrunk.length)} are equal in size. Free space: ${signedSize(meta.free.delta_size)}.`,
  });
  lines.push({
    label: 'Trust',
    text: [
      readWords(reports, names),
      same ? `One process: pid ${first.dump.pid}, started ${utc(first.dump.started_at)}.` : '',
      gcWords(reports),
      'Objects that nobody holds any more are counted too.',
    ].filter((s) => s !== '').join(' '),
  });
  if (reports.length > 2) {
    lines.push({ label: 'Dumps', text: `${number(reports.length)} dumps were read; the table compares the first with the last.` });
  }

  const warnings = meta.findings
    .filter((/** @type {any} */ f) => !OF_ONE_DUMP.includes(f.code))
    .map((/** @type {any} */ f) => ({ title: 'Before you compare:', text: withCount(f) }));
  reports.forEach((r, i) => warnings.push(...warningsOf(r, names[i])));
  return { headline, aside, lines, warnings };
}

/** Letters of the dumps in the order compared: A, B, or for more of them A, 2, …, B: A is always the first, B the last. @param {number} n */
export function letters(n) {
  return Array.from({ length: n }, (_, i) => (i === 0 ? 'A' : i === n - 1 ? 'B' : String(i + 1)));
}

/** What makes one dump's numbers doubtful, each with its words from the core. @param {any} report @param {string} letter */
function warningsOf(report, letter) {
  const whose = letter === '' ? 'this dump' : letter;
  const out = [];
  const { heap, runtime } = report;
  if (runtime.unproven) out.push({ title: `Unproven runtime in ${whose}:`, text: runtime.unproven });
  if (heap.explained_bytes < heap.total_bytes) {
    out.push({
      title: `${coverage(heap.explained_bytes, heap.total_bytes)} of the heap of ${whose} could be read;`,
      text: `${size(heap.total_bytes - heap.explained_bytes)} could not. ` +
        (atLeast(report) ? 'Its counts are at least these; a type not seen may still be there.' : 'A type not seen may still be there.'),
    });
  }
  for (const f of report.findings) {
    if (f.partial) out.push({ title: `In ${whose}:`, text: withCount(f) });
  }
  if (!exact(report) && out.length === 0) out.push({ title: `The numbers of ${whose} are not complete.`, text: '' });
  return out;
}

/** A finding's words, with how often it was met. @param {any} finding */
export function withCount(finding) {
  return finding.count > 1 ? `${finding.message} (${number(finding.count)} times)` : finding.message;
}

function readWords(/** @type {any[]} */ reports, /** @type {string[]} */ names) {
  if (reports.every(exact)) {
    return reports.length === 1 ? 'Every object of the dump was read.' : `Every object of ${reports.length === 2 ? 'both' : 'all'} dumps was read.`;
  }
  const parts = reports.map((r, i) => `${coverage(r.heap.explained_bytes, r.heap.total_bytes)} of ${names[i]}`);
  return `Read: ${parts.join(', ')}.`;
}

function gcWords(/** @type {any[]} */ reports) {
  return reports.some((r) => r.runtime.gc_in_progress) ? '' : 'No GC was running.';
}

/** Memory in the files, split into the managed heap and the rest; nothing for a dump that was trimmed below its heap. */
function memoryWords(/** @type {any} */ first, /** @type {any} */ last) {
  const rest = (/** @type {any} */ r) => r.dump.memory_bytes - r.heap.total_bytes;
  if (rest(first) < 0 || rest(last) < 0) return '';
  const [a, b] = [first.dump.memory_bytes, last.dump.memory_bytes];
  const heap = last.heap.total_bytes - first.heap.total_bytes;
  return `${size(a)} → ${size(b)} of memory in the dumps, ${signedSize(b - a)}: managed heap ${signedSize(heap)}, all else ${signedSize(rest(last) - rest(first))}.`;
}

function toneOf(/** @type {number} */ n) {
  return n > 0 ? 'grow' : n < 0 ? 'shrink' : 'plain';
}

/**
 * The facts of a dump as rows for people; null where not known (yet). Times are UTC.
 * @param {any} facts  DumpFacts or null
 * @param {any} runtime  RuntimeFacts or null
 * @returns {{label: string, text: string | null, secret?: boolean}[]}
 */
export function factRows(facts, runtime) {
  const known = (/** @type {any[]} */ parts) => parts.filter((p) => p !== null && p !== undefined && p !== '').join(', ') || null;
  const process = facts && known([
    facts.image_path && baseName(facts.image_path),
    facts.pid !== null && `pid ${facts.pid}`,
    facts.started_at !== null && `started ${utcTime(facts.started_at)}`,
    facts.uptime !== null && `up ${duration(facts.uptime)}`,
  ].map((p) => p || null));
  return [
    { label: 'Taken', text: facts && (facts.captured_at === null ? 'time not in the file' : utc(facts.captured_at)) },
    { label: 'Process', text: process },
    { label: 'Command line', text: facts && facts.command_line, secret: true },
    { label: 'Runtime', text: runtime && known([runtime.name, bits(runtime)]) },
    { label: 'GC', text: runtime && known([runtime.gc_mode, plural(runtime.heaps, 'heap'), runtime.gc_layout]) },
    { label: 'System', text: facts && known([facts.os, facts.architecture, facts.processors && plural(facts.processors, 'processor')]) },
    {
      label: 'Contents',
      text: facts && `${size(facts.memory_bytes)} of memory in ${plural(facts.memory_ranges, 'range')}, ${plural(facts.modules, 'module')}, ${plural(facts.threads, 'thread')}`,
    },
  ];
}

/** @param {any} runtime */
export function bits(runtime) {
  return `${runtime.pointer_size * 8}-bit (${runtime.architecture})`;
}
