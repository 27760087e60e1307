// More than two dumps: which belong to one life of the process, steps, trends. Pure.

import { roundBelow } from './bars.js';
import { oneProcess } from './facts.js';

/**
 * @typedef {{pid: number | null, started_at: number | null, captured_at: number | null, uptime: number | null}} Facts  of DumpFacts
 * @typedef {import('./columns.js').Line} Line
 */

/** The number of the life that each dump is of; a dump whose process is not known has one of its own. @param {Facts[]} dumps @returns {number[]} */
export function lives(dumps) {
  return dumps.map((d, i) => {
    const first = dumps.findIndex((other, at) => at < i && oneProcess(other, d));
    return first < 0 ? i : first;
  });
}

/**
 * The dumps to compare if nobody chose: two as they are; of more, those of the last life, since the others are no step of its growth.
 * @template {{id: number, facts: Facts}} D
 * @param {D[]} dumps  in order
 * @returns {number[]} ids
 */
export function defaultCompared(dumps) {
  const life = lives(dumps.map((d) => d.facts));
  const last = dumps.filter((_, i) => life[i] === life[life.length - 1]);
  return (dumps.length <= 2 || last.length < 2 ? dumps : last).map((d) => d.id);
}

/** Uptimes that count as equal: within this share of the longer one. */
export const EQUAL_UPTIME = 0.1;

/** How far two uptimes are apart, as a share of the longer one; NaN where one is not known. @param {Facts} a @param {Facts} b */
export const uptimeApart = ({ uptime: a }, { uptime: b }) => (a && b ? Math.abs(a - b) / Math.max(a, b) : NaN);

/**
 * Two dumps of two lives at nearly the same uptime: the fair comparison where the process was restarted. The pair nearest to each other, the
 * last dump's life first; null if they are more than a tenth of the uptime apart.
 * @param {Facts[]} dumps @returns {[number, number] | null}  indexes, in order
 */
export function equalUptime(dumps) {
  const life = lives(dumps);
  /** @type {[number, number] | null} */
  let best = null;
  let least = EQUAL_UPTIME;
  dumps.forEach((b, j) => dumps.slice(0, j).forEach((a, i) => {
    const apart = uptimeApart(a, b);
    if (life[i] !== life[j] && apart < least) [best, least] = [[i, j], apart];
  }));
  return best;
}

/** The largest 1, 2 or 5 times a power of ten that gives at least three marks below `most`. @param {number} most */
export function amountStep(most) {
  return most > 0 ? roundBelow(most / 3) : 1;
}

/** Steps that a clock knows, in seconds. */
const CLOCK = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];

/** Round times between two. @param {number} from seconds @param {number} to @param {number} most marks @returns {number[]} */
export function timeMarks(from, to, most) {
  const step = CLOCK.find((s) => (to - from) / s <= most) ?? (to - from || 1);
  const out = [];
  for (let t = Math.ceil(from / step) * step; t <= to && out.length < 100; t += step) out.push(t);
  return out;
}

/** @param {ArrayLike<number>} byDump @returns {number[]} the change from each dump to the next */
export function steps(byDump) {
  return Array.from({ length: Math.max(0, byDump.length - 1) }, (_, d) => byDump[d + 1] - byDump[d]);
}

/** Lines of the trend end here: what grows tenfold must not flatten what doubles. */
export const TREND_TOP = 400;

/**
 * How a type went: `steady` if its steps differ by at most a quarter, by the hour where the times are known, else an index to the first
 * dump, which is 100.
 * @param {Line} line @param {(number | null)[]} times  seconds, by dump
 * @returns {{word: string, index: number[] | null}}
 */
export function trend({ sizes }, times) {
  const all = steps(sizes);
  if (all.every((s) => s === 0)) return { word: '', index: null };
  const hours = steps(times.map((t) => (t ?? NaN) / 3600));
  const rates = hours.every((h) => h > 0) ? all.map((s, i) => s / hours[i]) : all;
  const [most, least] = [Math.max(...rates), Math.min(...rates)];
  if (most - least <= 0.25 * Math.max(Math.abs(most), Math.abs(least))) return { word: 'steady', index: null };
  if (sizes[0] === 0) return { word: 'new', index: null };
  return { word: '', index: Array.from(sizes, (s) => (100 * s) / sizes[0]) };
}
