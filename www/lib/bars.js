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
 * @param {ArrayLike<number>} values  every change of the data set, Free apart; or, of one dump, every size
 * @param {number} width  of the track, pixels
 * @param {boolean} [around]  false for one dump: nothing can be below zero, so zero is the left edge
 * @returns {Scale}
 */
export function scale(values, width, around = true) {
  // Only the four largest decide where bars are cut.
  const sorted = [0, 0, 0, 0];
  for (let i = 0; i < values.length; i += 1) {
    let v = Math.abs(values[i]);
    for (let at = 0; at < 4 && v > 0; at += 1) if (v > sorted[at]) [sorted[at], v] = [v, sorted[at]];
  }
  let cut = sorted[0];
  // A few giants must not flatten the rest: at most three are cut.
  for (let i = 0; i < 3 && sorted[i + 1] > 0 && sorted[i] > 3 * sorted[i + 1]; i += 1) cut = 1.25 * sorted[i + 1];
  let grown = 0;
  let shrunk = 0;
  for (let i = 0; i < values.length; i += 1) {
    grown = Math.max(grown, Math.min(values[i], cut));
    shrunk = Math.max(shrunk, Math.min(-values[i], cut));
  }
  if (grown + shrunk === 0) return { cut: 0, zero: 0, perUnit: 0, width, tick: 0 };
  const share = around ? Math.min(0.85, Math.max(0.12, shrunk / (shrunk + grown))) : 0;
  const left = shrunk === 0 ? Infinity : (share * width) / shrunk;
  const right = grown === 0 ? Infinity : ((1 - share) * width - 14) / grown;
  return { cut, zero: share * width, perUnit: Math.min(left, right), width, tick: grown * 0.75 < 1 ? 0 : roundBelow(0.75 * grown) };
}

/**
 * One bar: its left edge, its length, and whether it is cut. Null for no change.
 * @param {number} value
 * @param {Scale} s
 * @param {boolean} [hollow]  drawn as an outline, which needs 4 pixels to be seen
 * @returns {{left: number, length: number, cut: boolean} | null}
 */
export function bar(value, s, hollow = false) {
  if (value === 0 || s.perUnit === 0) return null;
  const cut = Math.abs(value) > s.cut;
  if (value > 0) {
    const length = cut ? s.width - s.zero : Math.max(hollow ? 4 : 2, value * s.perUnit);
    return { left: s.zero, length, cut };
  }
  const length = Math.min(s.zero, cut ? s.zero : Math.max(4, -value * s.perUnit));
  return { left: s.zero - length, length, cut };
}

/** The largest 1, 2 or 5 times a power of ten that is not above `limit`. @param {number} limit  above 0 */
export function roundBelow(limit) {
  const power = 10 ** Math.floor(Math.log10(limit));
  return [5, 2].map((f) => f * power).find((t) => t <= limit) ?? power;
}
