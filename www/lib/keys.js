// The keyboard inside the table: what each key does, said once for the page and for its help. What acts everywhere is in views/help.js. Pure.

import { VIEWS } from './columns.js';

/** @typedef {{keys: string[], does: string}} Key */

/** What the help dialog lists. @type {Key[]} */
export const KEYS = [
  { keys: ['1', '…', '5'], does: 'views, from left to right' },
  { keys: ['↑', '↓', 'PgUp', 'PgDn', 'Home', 'End'], does: 'from row to row' },
  { keys: ['→', 'Enter'], does: 'open a row' },
  { keys: ['←', 'Esc'], does: 'close a row; ← again: to the group that it is in' },
  { keys: ['s', 'c'], does: 'sort by size, by count' },
  { keys: ['g', 'n', 'a'], does: 'grown, new, all types' },
  { keys: ['r', 'l', 'm'], does: 'runtime types, libraries, yours: on and off' },
  { keys: ['x'], does: 'swap the dumps' },
  { keys: ['p'], does: 'pin the row: on top of the table, and in the chart' },
  { keys: ['y'], does: 'copy the name' },
  { keys: ['o'], does: 'add files' },
];

/** `move` and `page` by so many. @typedef {{move: number} | {page: number} | {row: 'open' | 'close' | 'pin' | 'copy'} | {set: Record<string, any>}
 *   | {sort: string} | {owner: 'runtime' | 'library' | 'yours'} | {act: 'swap' | 'choose'}} Command */

/** @type {Record<string, Command>} */
const ALWAYS = {
  ArrowUp: { move: -1 }, ArrowDown: { move: 1 }, PageUp: { page: -1 }, PageDown: { page: 1 }, Home: { move: -Infinity }, End: { move: Infinity },
  ArrowRight: { row: 'open' }, Enter: { row: 'open' }, ArrowLeft: { row: 'close' }, Escape: { row: 'close' },
};

/** @type {Record<string, Command>} */
const LETTERS = {
  ...Object.fromEntries(Object.keys(VIEWS).map((view, at) => [at + 1, { set: { view } }])),
  s: { sort: 'size' }, c: { sort: 'count' }, g: { set: { show: 'grown' } }, n: { set: { show: 'new' } }, a: { set: { show: 'all' } },
  r: { owner: 'runtime' }, l: { owner: 'library' }, m: { owner: 'yours' }, x: { act: 'swap' }, p: { row: 'pin' }, y: { row: 'copy' }, o: { act: 'choose' },
};

/**
 * What a key pressed on a row means; null if it is none of the table's.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @param {boolean} letters  false where the reader switched single letters off (WCAG 2.1.4)
 * @returns {Command | null}
 */
export function commandOf(event, letters) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const known = letters ? { ...ALWAYS, ...LETTERS } : ALWAYS;
  return Object.hasOwn(known, event.key) ? known[event.key] : null;
}
