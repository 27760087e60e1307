// The scale of the bars around zero: linear, the same pixels per byte both ways, of the data set and never of the filter. Pure.

/**
 * @typedef {object} Scale
 * @property {number} cut  values beyond it are drawn as a full bar with a cut
 * @property {number} zero  x of the zero line
 * @property {number} perUnit  pixels per unit
 * @property {number} width  of the track
 * @property {number} tick  the value of the one tick; 0 = none
 */

/**
 * @param {number[]} values  every change of the data set
 * @param {number} width  of the track, pixels
 * @returns {Scale}
 */
export function scale(values, width) {
  const sorted = values.map(Math.abs).filter((v) => v > 0).sort((a, b) => b - a);
  let cut = sorted[0] ?? 0;
  // A few giants must not flatten the rest: at most three are cut.
  for (let i = 0; i < 3 && i + 1 < sorted.length && sorted[i] > 3 * sorted[i + 1]; i += 1) cut = 1.25 * sorted[i + 1];
  let grown = 0;
  let shrunk = 0;
  for (const v of values) {
    grown = Math.max(grown, Math.min(v, cut));
    shrunk = Math.max(shrunk, Math.min(-v, cut));
  }
  if (grown + shrunk === 0) return { cut: 0, zero: 0, perUnit: 0, width, tick: 0 };
  const share = shrunk === 0 ? 0 : Math.min(0.85, Math.max(0.12, shrunk / (shrunk + grown)));
  const left = shrunk === 0 ? Infinity : (share * width) / shrunk;
  const right = grown === 0 ? Infinity : ((1 - share) * width - 14) / grown;
  return { cut, zero: share * width, perUnit: Math.min(left, right), width, tick: tickOf(0.75 * grown) };
}

/**
 * One bar: its left edge, its length, and whether it is cut. Null for no change.
 * @param {number} value
 * @param {Scale} s
 * @returns {{left: number, length: number, cut: boolean} | null}
 */
export function bar(value, s) {
  if (value === 0 || s.perUnit === 0) return null;
  const cut = Math.abs(value) > s.cut;
  if (value > 0) {
    const length = cut ? s.width - s.zero : Math.max(2, value * s.perUnit);
    return { left: s.zero, length, cut };
  }
  const length = Math.min(s.zero, cut ? s.zero : Math.max(4, -value * s.perUnit));
  return { left: s.zero - length, length, cut };
}

/** The largest 1, 2 or 5 times a power of ten that is not above `limit`; 0 below 1. @param {number} limit */
function tickOf(limit) {
  if (limit < 1) return 0;
  const power = 10 ** Math.floor(Math.log10(limit));
  return [5, 2, 1].map((f) => f * power).find((t) => t <= limit) ?? 0;
}
