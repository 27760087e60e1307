// What more than two dumps add: the line of a type's trend.

import { TREND_TOP } from '../lib/series.js';

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...(Node | string)} children */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/**
 * A word, or a small line: index to the first dump, from 0 to TREND_TOP on one scale for all rows; what goes beyond it ends at the upper edge.
 * @param {{word: string, index: number[] | null}} t
 * @returns {Node | string}
 */
export function trendLine({ word, index }) {
  if (!index) return word;
  const [width, height] = [76, 18];
  const x = (/** @type {number} */ d) => 2 + (d * (width - 6)) / (index.length - 1);
  const y = (/** @type {number} */ v) => 2 + (height - 4) * (1 - Math.min(v, TREND_TOP) / TREND_TOP);
  const last = index.length - 1;
  return svg('svg', { class: 'trend', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': index.map((v) => Math.round(v)).join(', ') },
    svg('line', { class: 'base', x1: 2, x2: width - 2, y1: y(100), y2: y(100) }),
    svg('polyline', { points: index.map((v, d) => `${x(d)},${y(v)}`).join(' ') }),
    svg('circle', { cx: x(last), cy: y(index[last]), r: 2 }));
}
