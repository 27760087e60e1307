// What is said above the table, four lines at most: computed from the reports, never guessed; a line with nothing to say is left out. Pure.
// The denominator is one and named: growth of the old generations (gen2, LOH, POH, frozen) of all types, Free apart.

import { atLeast, exact, generationWords, isListing, oneProcess, startWords } from './facts.js';
import { change, keyOf } from './columns.js';
import { capital, sentence } from './errors.js';
import { ownName } from './names.js';
import { coverage, duration, number, plural, signed, signedSize, size } from './format.js';

/**
 * @typedef {string | {text: string, strong?: 'grow' | 'shrink' | 'plain', code?: boolean, link?: Partial<import('../store.js').State>}} Part
 *   `link`: what the table shows when the number is clicked
 * @typedef {{label: string, parts: Part[]}} Line
 * @typedef {{headline: Part[], aside: string, lines: Line[]}} Answer
 * @typedef {import('./warnings.js').Side} Side
 */

const OLD = [2, 3, 4, 5];
const YOUNG = [0, 1];

/** Closer together than this, a rate by the hour would be a guess. Seconds. */
const RATE_FROM = 10 * 60;

/** What the table shows for a number: all that it is the sum of. */
const ALL_ROWS = { view: /** @type {const} */ ('types'), show: 'all', generation: 'all', search: '', order: { by: 'size', dir: /** @type {const} */ (-1) } };
const OLD_ROWS = { ...ALL_ROWS, generation: 'old' };
/** A group or a row of the suspects. @param {string} goTo */
const suspect = (goTo) => ({ view: /** @type {const} */ ('suspects'), show: 'all', generation: 'all', search: '', goTo });

/** @param {string} text @param {Partial<import('../store.js').State>} link @returns {Part} */
const linked = (text, link) => ({ text, link });
/** @param {string} name  of a type @returns {Part} */
const typed = (name) => ({ text: name, code: true });

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

/**
 * @param {Side[]} sides  in the order compared
 * @param {Side[]} all  every usable dump
 * @param {any} comparison  of them: meta, columns, suspects
 * @returns {Answer}
 */
export function answerOf(sides, all, comparison) {
  if (sides.length === 1) return answerOfOne(sides[0].head);
  return {
    ...headlineOf(sides, comparison.meta),
    lines: [processLine(sides, comparison.meta), suspectsLine(sides, comparison), trustLine(sides, all)].filter((l) => l !== null),
  };
}

/** @param {any} head @returns {Answer} */
function answerOfOne(head) {
  const { heap, memory } = head;
  const generations = generationWords(heap);
  const lines = [{ label: 'Heap', parts: [`${generations ? `${generations}; of it ` : ''}${size(heap.free.size)} free.`] }];
  if (memory) {
    const managed = memory.owners.reduce((/** @type {number} */ n, /** @type {any} */ o) => n + (o.owner.startsWith('gc') ? o.bytes : 0), 0);
    lines.push({ label: 'Process', parts: [`${size(memory.bytes)} in the dump: managed heap ${size(managed)}, native and other ${size(memory.bytes - managed)}.`] });
  }
  lines.push({ label: 'Trust', parts: [trustWords([head], ['the dump'])] });
  return {
    headline: [
      head.runtime.gc_in_progress ? 'What could be walked of the heap holds ' : `The heap holds ${atLeast(head)}`,
      { ...bold(size(heap.size), 0), link: ALL_ROWS }, ` in ${plural(heap.objects, 'object')}`,
    ],
    aside: 'no comparison until a second dump is read',
    lines,
  };
}

/** A number that stands out; in colour if it says of more or less. @param {string} text @param {number} change */
const bold = (text, change) => ({ text, strong: /** @type {'grow' | 'shrink' | 'plain'} */ (change > 0 ? 'grow' : change < 0 ? 'shrink' : 'plain') });

/** @param {Side[]} sides @param {any} meta @returns {{headline: Part[], aside: string}} */
function headlineOf(sides, meta) {
  const heads = sides.map((s) => s.head);
  const [first, last] = [heads[0], heads[heads.length - 1]];
  if (heads.some(isListing)) return differ(sides, 'no generations in a listing');
  const same = heads.every((h) => oneProcess(first.dump, h.dump));
  if (!same) return differ(sides, 'no rate: not known to be one process');
  if (!heads.every(exact)) return differ(sides, '');

  const old = bytesIn(sides, meta, OLD);
  const grown = change(old);
  const young = `young: ${signedSize(change(bytesIn(sides, meta, YOUNG)))}`;
  if (grown === 0) return { headline: ['Old generations did not change'], aside: young };

  const amount = Math.abs(grown);
  /** @type {Part[]} */
  const headline = [`Old generations ${grown > 0 ? 'grew' : 'shrank'} by `, { ...bold(size(amount), grown), link: OLD_ROWS }];
  const times = [first.dump.captured_at, last.dump.captured_at];
  const seconds = times.includes(null) ? 0 : change(times);
  const rate = seconds >= RATE_FROM;
  if (rate) headline.push(', ', { ...bold(`${size((amount * 3600) / seconds)} an hour`, 0), link: OLD_ROWS });
  else if (seconds > 0) headline.push(` in ${duration(seconds)}`);
  const steps = old.slice(1).map((bytes, i) => bytes - old[i]);
  if (steps.length > 1 && seconds > 0) headline.push(`, ${stepWords(steps, grown)}`);
  return { headline, aside: rate ? `${young} · average between ${heads.length === 2 ? 'two points' : 'the first and the last'}` : young };
}

/** `in both steps`, `in 2 of 3 steps`. @param {number[]} steps @param {number} change */
function stepWords(steps, change) {
  const alike = steps.filter((s) => Math.sign(s) === Math.sign(change)).length;
  if (alike < steps.length) return `in ${alike} of ${steps.length} steps`;
  return steps.length === 2 ? 'in both steps' : `in every one of ${steps.length} steps`;
}

/** What can be said where growth cannot: of two processes, of parts of heaps, of a listing. @param {Side[]} sides @param {string} aside @returns {{headline: Part[], aside: string}} */
function differ(sides, aside) {
  const [a, b] = [sides[0].head, sides[sides.length - 1].head];
  const of = (/** @type {any} */ { heap }) => heap.size - heap.free.size;
  const more = of(b) - of(a);
  // A part of B that was not read can only add; so can a part of A, which takes away from the difference.
  const bound = exact(a) ? (exact(b) ? '' : atLeast(b) && more > 0 && 'at least ') : exact(b) && atLeast(a) && more > 0 && 'at most ';
  const what = typeof bound === 'string' ? 'The heaps' : 'The parts of the heaps that were read';
  return { headline: [`${what} differ by `, { ...bold(`${bound || ''}${signedSize(more)}`, more), link: ALL_ROWS }], aside };
}

/** Memory of the process against its heap: the account of both dumps. @param {Side[]} sides @param {any} meta @returns {Line | null} */
function processLine(sides, meta) {
  const heads = sides.map((s) => s.head);
  if (!meta.memory || heads.some((h) => isListing(h) || !h.memory)) return null;
  const { process, managed_heap: heap } = meta.memory;
  const rest = process - heap;
  const most = process <= 0 ? '' : heap >= rest ? ' The heap made most of it.' : ' Most of it is not the managed heap.';
  return {
    label: 'Process',
    parts: [
      `${sizes(heads.map((h) => h.memory.bytes))} in the dumps, ${signedSize(process)}: `, linked(`managed heap ${signedSize(heap)}`, ALL_ROWS), `, native and other ${signedSize(rest)}.${most}`,
    ],
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
 * @returns {Line}
 */
function suspectsLine(sides, comparison) {
  const { meta, columns: c } = comparison;
  const parts = suspectParts(sides, comparison);
  if (parts.some((p) => typeof p === 'object' && p.link)) return { label: 'Suspects', parts };
  // Without a group: the type that grew most.
  const last = (c.dumps - 1) * c.n;
  const grown = (/** @type {number} */ i) => c.sizes[last + i] - c.sizes[i];
  const types = [...c.csharp.keys()].filter((i) => grown(i) > 0);
  if (types.length === 0) return { label: 'Types', parts: ['No type grew. ', ...parts] };
  const best = types.reduce((a, b) => (grown(b) > grown(a) ? b : a));
  return {
    label: 'Types',
    parts: [
      linked(capital(plural(types.length, 'type')), { ...ALL_ROWS, show: 'grown' }), types.length === 1 ? ' grew: ' : ' grew, most of all ',
      typed(c.strings[c.csharp[best]]), ': ', linked(signedSize(grown(best)), { ...ALL_ROWS, goTo: keyOf(c, best) }), `. Free space: ${signedSize(meta.free.delta_size)}. `, ...parts,
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
  /** @type {Part[]} */
  const parts = [];
  const by = suspects.by_supertype[0];
  if (by) {
    const { type_name, type_name_csharp, module } = meta.supertypes[by.supertype];
    parts.push(
      typed(ownName(type_name_csharp)), ': ', linked(`${by.types.totals.counts.map(number).join(' → ')} objects`, suspect(`group:${type_name}\t${module}`)),
      ` of ${plural(by.types.rows.length, 'type')}. `);
  }
  const same = suspects.same_number[by?.same_number ?? 0];
  if (same) {
    const steps = same.steps.length > 1 ? same.steps.map(signed).join(', then ') : signed(same.number);
    parts.push(
      by ? 'With them ' : '', linked(`${plural(same.types.rows.length, 'type')}, each ${steps}`, suspect(`group:same:${keyOf(columns, same.types.rows[0])}`)),
      `, ${size(same.types.totals.delta_size)}. `);
  }
  const resized = suspects.resized[0];
  const [before, after] = [resized?.slots[0], resized?.slots[last]];
  if (typeof before === 'number' && typeof after === 'number') {
    const objects = columns.counts[last * columns.n + resized.row];
    parts.push(
      objects === 1 ? 'One ' : `${number(objects)} `, typed(ownName(columns.strings[columns.csharp[resized.row]])), ' grew from ',
      linked(`${number(before)} to ${number(after)} slots`, suspect(keyOf(columns, resized.row))), '. ');
  }
  for (const { code, reason } of suspects.withheld) {
    // That the whole did not grow is known only of what was wholly read.
    if (code !== 'no-growth' || (parts.length === 0 && sides.every((s) => isListing(s.head) || exact(s.head)))) parts.push(`${sentence(reason)} `);
  }
  return parts;
}

/** @param {Side[]} sides @param {Side[]} all @returns {Line} */
function trustLine(sides, all) {
  const words = trustWords(sides.map((s) => s.head), sides.map((s) => s.name));
  const apart = all.filter((s) => !sides.some((c) => c.id === s.id)).map((s) => s.name).join(', ');
  return { label: 'Trust', parts: [`${words}${apart === '' ? '' : ` Not compared: ${apart}.`}`] };
}

/** @param {any[]} heads @param {string[]} names */
function trustWords(heads, names) {
  const first = heads[0].dump;
  const one = heads.length > 1 && heads.every((h) => oneProcess(first, h.dump));
  const dumps = heads.map((h, i) => ({ h, name: names[i] })).filter(({ h }) => !isListing(h));
  const calm = dumps.length > 0 && !dumps.some(({ h }) => h.runtime.gc_in_progress);
  return [
    readWords(dumps, heads.length),
    one && `One process: pid ${first.pid}, started ${startWords(first)}.`,
    calm && 'No GC was running.',
    'Objects that nobody holds any more are counted too.',
  ].filter(Boolean).join(' ');
}

/** @param {{h: any, name: string}[]} dumps @param {number} sides */
function readWords(dumps, sides) {
  if (dumps.length === 0) return '';
  if (!dumps.every(({ h }) => exact(h))) return `Read: ${dumps.map(({ h, name }) => `${coverage(h.heap.explained_bytes, h.heap.total_bytes)} of ${name}`).join(', ')}.`;
  const which = dumps.length < sides ? dumps.map((d) => d.name).join(', ') : dumps.length === 1 ? 'the dump' : dumps.length === 2 ? 'both dumps' : `all ${number(dumps.length)} dumps`;
  return `Every object of ${which} was read.`;
}
