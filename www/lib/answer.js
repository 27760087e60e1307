// What is said above the table, four lines at most: computed from the reports, never guessed; a line with nothing to say is left out. Pure.
// The denominator is one and named: growth of the old generations (gen2, LOH, POH, frozen) of all types, Free apart.

import { atLeast, exact, generationWords, isListing, oneProcess } from './facts.js';
import { keyOf } from './columns.js';
import { splitName } from './names.js';
import { coverage, duration, number, plural, signed, signedSize, size, utcTime, utcDate } from './format.js';

/**
 * @typedef {{text: string, strong?: 'grow' | 'shrink' | 'plain', code?: boolean, link?: Partial<import('../store.js').State>}} Part
 *   `link`: what the table shows when the number is clicked
 * @typedef {{headline: Part[], aside: string, lines: {label: string, parts: Part[]}[]}} Answer
 * @typedef {import('./warnings.js').Side} Side
 */

const OLD = [2, 3, 4, 5];
const YOUNG = [0, 1];

/** Closer together than this, a rate by the hour would be a guess. Seconds. */
const RATE_FROM = 10 * 60;

/** Everything that the old generations hold. */
const OLD_ROWS = { view: /** @type {const} */ ('types'), show: 'all', generation: 'old', search: '', order: { by: /** @type {const} */ ('size'), dir: /** @type {const} */ (-1) } };
const ALL_ROWS = { ...OLD_ROWS, generation: 'all' };
const SUSPECTS = { view: /** @type {const} */ ('suspects'), show: 'all', generation: 'all', search: '' };

/**
 * Bytes of types (Free apart) in some generations of each dump.
 * @param {Side[]} sides
 * @param {any} meta  DiffReport without rows
 * @param {number[]} which
 * @returns {number[]}
 */
export function bytesIn(sides, meta, which) {
  const sum = (/** @type {any[]} */ cells) => which.reduce((n, g) => n + (cells?.[g]?.size ?? 0), 0);
  return sides.map((s, i) => sum(s.head.heap.generations) - sum(meta.free_generations?.[i]));
}

/** Bytes of all types, Free apart, of each dump. @param {Side[]} sides @returns {number[]} */
const bytesOfTypes = (sides) => sides.map((s) => s.head.heap.size - s.head.heap.free.size);

/**
 * @param {Side[]} sides  in the order compared
 * @param {Side[]} all  every usable dump
 * @param {any} comparison  of them: meta, columns, suspects
 * @returns {Answer}
 */
export function answerOf(sides, all, comparison) {
  if (sides.length === 1) return answerOfOne(sides[0].head);
  const { headline, aside } = headlineOf(sides, comparison.meta);
  const lines = [processLine(sides, comparison.meta), suspectsLine(sides, comparison), trustLine(sides, all)];
  return { headline, aside, lines: lines.filter((l) => l !== null) };
}

/** @param {any} head @returns {Answer} */
function answerOfOne(head) {
  const { heap } = head;
  const walked = head.runtime.gc_in_progress ? 'What could be walked of the heap holds ' : `The heap holds ${atLeast(head)}`;
  const generations = generationWords(heap);
  const lines = [{ label: 'Heap', parts: [{ text: `${generations ? `${generations}; of it ` : ''}${size(heap.free.size)} free.` }] }];
  if (head.memory) {
    const managed = head.memory.owners.filter((/** @type {any} */ o) => o.owner.startsWith('gc')).reduce((/** @type {number} */ n, /** @type {any} */ o) => n + o.bytes, 0);
    lines.push({ label: 'Process', parts: [{ text: `${size(head.memory.bytes)} in the dump: managed heap ${size(managed)}, native and other ${size(head.memory.bytes - managed)}.` }] });
  }
  lines.push({ label: 'Trust', parts: [{ text: trustWords([head], ['the dump']) }] });
  return {
    headline: [{ text: walked }, { text: size(heap.size), strong: 'plain', link: ALL_ROWS }, { text: ` in ${plural(heap.objects, 'object')}` }],
    aside: 'no comparison until a second dump is read',
    lines,
  };
}

/** @param {Side[]} sides @param {any} meta @returns {{headline: Part[], aside: string}} */
function headlineOf(sides, meta) {
  const heads = sides.map((s) => s.head);
  const [first, last] = [heads[0], heads[heads.length - 1]];
  if (heads.some(isListing)) return differ(sides, 'no generations in a listing');
  const same = heads.every((h) => oneProcess(first.dump, h.dump));
  if (!same) return differ(sides, 'no rate: not known to be one process');
  if (!heads.every(exact)) return differ(sides, '');

  const old = bytesIn(sides, meta, OLD);
  const young = bytesIn(sides, meta, YOUNG);
  const change = old[old.length - 1] - old[0];
  const aside = `young: ${signedSize(young[young.length - 1] - young[0])}`;
  if (change === 0) return { headline: [{ text: 'Old generations did not change' }], aside };

  /** @type {Part[]} */
  const headline = [{ text: `Old generations ${change > 0 ? 'grew' : 'shrank'} by ` }, { text: size(Math.abs(change)), strong: toneOf(change), link: OLD_ROWS }];
  const seconds = last.dump.captured_at - first.dump.captured_at;
  const timed = last.dump.captured_at !== null && first.dump.captured_at !== null && seconds > 0;
  if (timed && seconds >= RATE_FROM) {
    headline.push({ text: ', ' }, { text: `${size(Math.abs(change) / (seconds / 3600))} an hour`, strong: 'plain', link: OLD_ROWS });
  } else if (timed) {
    headline.push({ text: ` in ${duration(seconds)}` });
  }
  const steps = old.slice(1).map((bytes, i) => bytes - old[i]);
  if (steps.length > 1 && timed) headline.push({ text: `, ${stepWords(steps, change)}` });
  const rate = timed && seconds >= RATE_FROM ? `average between ${heads.length === 2 ? 'two points' : 'the first and the last'}` : '';
  return { headline, aside: [aside, rate].filter(Boolean).join(' · ') };
}

/** `in both steps`, `in 2 of 3 steps`. @param {number[]} steps @param {number} change */
function stepWords(steps, change) {
  const alike = steps.filter((s) => Math.sign(s) === Math.sign(change)).length;
  if (alike < steps.length) return `in ${alike} of ${steps.length} steps`;
  return steps.length === 2 ? 'in both steps' : `in every one of ${steps.length} steps`;
}

/** What can be said where growth cannot: of two processes, of parts of heaps, of a listing. @param {Side[]} sides @param {string} aside */
function differ(sides, aside) {
  const [a, b] = [sides[0].head, sides[sides.length - 1].head];
  const bytes = bytesOfTypes(sides);
  const change = bytes[bytes.length - 1] - bytes[0];
  const certain = exact(a) && exact(b);
  // A part of B that was not read can only add; so can a part of A, which takes away from the difference.
  const bound = certain ? '' : exact(a) && atLeast(b) && change > 0 ? 'at least ' : exact(b) && atLeast(a) && change > 0 ? 'at most ' : null;
  const what = bound === null ? 'The parts of the heaps that were read differ by ' : 'The heaps differ by ';
  return {
    headline: /** @type {Part[]} */ ([{ text: what }, { text: `${bound ?? ''}${signedSize(change)}`, strong: toneOf(change), link: ALL_ROWS }]),
    aside,
  };
}

/** Memory of the process against its heap: the account of both dumps. @param {Side[]} sides @param {any} meta */
function processLine(sides, meta) {
  const heads = sides.map((s) => s.head);
  if (!meta.memory || heads.some((h) => isListing(h) || !h.memory)) return null;
  const { process, managed_heap: heap } = meta.memory;
  const rest = process - heap;
  const most = process <= 0 ? '' : heap >= rest ? ' The heap made most of it.' : ' Most of it is not the managed heap.';
  return {
    label: 'Process',
    parts: /** @type {Part[]} */ ([
      { text: `${sizes(heads.map((h) => h.memory.bytes))} in the dumps, ${signedSize(process)}: ` },
      { text: `managed heap ${signedSize(heap)}`, link: ALL_ROWS },
      { text: `, native and other ${signedSize(rest)}.${most}` },
    ]),
  };
}

/** `171 → 206 MB`: the unit once, where it is the same. @param {number[]} bytes */
function sizes(bytes) {
  const texts = bytes.map(size);
  const units = new Set(texts.map((t) => t.split(' ')[1]));
  return (units.size === 1 ? texts.map((t, i) => (i < texts.length - 1 ? t.split(' ')[0] : t)) : texts).join(' → ');
}

/**
 * At most three facts of the Suspects view.
 * @param {Side[]} sides
 * @param {any} comparison
 * @returns {{label: string, parts: Part[]} | null}
 */
function suspectsLine(sides, comparison) {
  const { meta, columns } = comparison;
  const last = sides.length - 1;
  const name = (/** @type {number} */ i) => columns.strings[columns.csharp[i]];
  const parts = suspectParts(sides, comparison);
  if (parts.some((p) => p.link)) return { label: 'Suspects', parts };
  // Without a group: the type that grew most.
  let best = -1;
  let most = 0;
  let types = 0;
  for (let i = 0; i < columns.n; i++) {
    const change = columns.sizes[last * columns.n + i] - columns.sizes[i];
    if (change > 0) types += 1;
    if (change > most) [best, most] = [i, change];
  }
  if (best < 0) return { label: 'Types', parts: [{ text: 'No type grew. ' }, ...parts] };
  return {
    label: 'Types',
    parts: [
      { text: plural(types, 'type').replace(/^o/, 'O'), link: { ...ALL_ROWS, show: 'grown' } }, { text: types === 1 ? ' grew: ' : ' grew, most of all ' },
      { text: name(best), code: true }, { text: ': ' },
      { text: signedSize(most), link: { ...ALL_ROWS, goTo: keyOf(columns, best) } }, { text: `. Free space: ${signedSize(meta.free.delta_size)}. ` }, ...parts,
    ],
  };
}

/**
 * The largest group by interface or base type, the largest of the same number, the largest collection that was resized.
 * @param {Side[]} sides
 * @param {import('../protocol.js').Comparison} comparison
 * @returns {Part[]}
 */
function suspectParts(sides, { meta, columns, suspects }) {
  if (!suspects) return [];
  const last = sides.length - 1;
  const arrows = (/** @type {number[]} */ values) => values.map(number).join(' → ');
  /** @type {Part[]} */
  const parts = [];
  const by = suspects.by_supertype[0];
  if (by) {
    const type = meta.supertypes[by.supertype];
    const { counts } = by.types.totals;
    parts.push(
      { text: lastWord(type.type_name_csharp), code: true }, { text: ': ' },
      { text: `${arrows(counts)} objects`, link: { ...SUSPECTS, goTo: `group:${type.type_name}\t${type.module}` } },
      { text: ` of ${plural(by.types.rows.length, 'type')}. ` });
  }
  const same = suspects.same_number[by?.same_number ?? 0];
  if (same) {
    const steps = same.steps.length > 1 ? `${same.steps.map(signed).join(', then ')}` : signed(same.number);
    parts.push(
      { text: by ? 'With them ' : '' },
      { text: `${plural(same.types.rows.length, 'type')}, each ${steps}`, link: { ...SUSPECTS, goTo: `group:same:${keyOf(columns, same.types.rows[0])}` } },
      { text: `, ${size(same.types.totals.delta_size)}. ` });
  }
  const resized = suspects.resized[0];
  const slots = resized?.slots;
  if (resized && typeof slots?.[0] === 'number' && typeof slots[last] === 'number') {
    const objects = columns.counts[last * columns.n + resized.row];
    parts.push(
      { text: objects === 1 ? 'One ' : `${number(objects)} ` }, { text: lastWord(columns.strings[columns.csharp[resized.row]]), code: true },
      { text: ' grew from ' }, { text: `${number(slots[0])} to ${number(slots[last])} slots`, link: { ...SUSPECTS, goTo: keyOf(columns, resized.row) } }, { text: '. ' });
  }
  for (const { code, reason } of suspects.withheld) {
    // That the whole did not grow is known only of what was wholly read.
    if (code !== 'no-growth' || (parts.length === 0 && sides.every((s) => isListing(s.head) || exact(s.head)))) parts.push({ text: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? ' ' : '. '}` });
  }
  return parts;
}

/** A name without its namespace: `ITelemetry[]`. @param {string} name */
function lastWord(name) {
  return splitName(name).rest;
}

/** @param {Side[]} sides @param {Side[]} all */
function trustLine(sides, all) {
  const heads = sides.map((s) => s.head);
  const words = [trustWords(heads, sides.map((s) => s.name))];
  const apart = all.filter((s) => !sides.some((c) => c.id === s.id));
  if (apart.length === 1) words.push(`Dump ${apart[0].name} is of another process: not compared.`);
  if (apart.length > 1) words.push(`Dumps ${apart.map((s) => s.name).join(', ')} are not compared.`);
  return { label: 'Trust', parts: [{ text: words.join(' ') }] };
}

/** @param {any[]} heads @param {string[]} names */
function trustWords(heads, names) {
  const first = heads[0].dump;
  const one = heads.length > 1 && heads.every((h) => oneProcess(first, h.dump));
  const dumps = heads.filter((h) => !isListing(h));
  return [
    readWords(heads, names),
    one ? `One process: pid ${first.pid}, started ${startWords(heads)}.` : '',
    dumps.length === 0 || dumps.some((h) => h.runtime.gc_in_progress) ? '' : 'No GC was running.',
    'Objects that nobody holds any more are counted too.',
  ].filter((s) => s !== '').join(' ');
}

/** @param {any[]} heads */
function startWords(heads) {
  const { started_at: at, captured_at: taken } = heads[0].dump;
  return taken !== null && utcDate(taken) === utcDate(at) ? utcTime(at) : `${utcDate(at)}, ${utcTime(at)}`;
}

/** @param {any[]} heads @param {string[]} names */
function readWords(heads, names) {
  const dumps = heads.map((h, i) => ({ h, name: names[i] })).filter(({ h }) => !isListing(h));
  if (dumps.length === 0) return '';
  if (dumps.every(({ h }) => exact(h))) {
    if (dumps.length < heads.length) return `Every object of ${dumps.map((d) => d.name).join(', ')} was read.`;
    return dumps.length === 1 ? 'Every object of the dump was read.' : `Every object of ${dumps.length === 2 ? 'both' : `all ${number(dumps.length)}`} dumps was read.`;
  }
  const parts = dumps.map(({ h, name }) => `${coverage(h.heap.explained_bytes, h.heap.total_bytes)} of ${name}`);
  return `Read: ${parts.join(', ')}.`;
}

function toneOf(/** @type {number} */ n) {
  return n > 0 ? 'grow' : n < 0 ? 'shrink' : 'plain';
}
