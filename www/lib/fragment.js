// The table's state in the URL's fragment: which view, which order, which columns. Never what was searched, never a name: an address is
// kept in histories and logs. Pure.

import { GENERATION_CHOICES, OPTIONAL, OWNERS, VIEWS } from './columns.js';
import { SHOWN } from './rows.js';

const ORDER = /^(-?)(type|size|percent|count|average|trend|(?:size|count|step):\d{1,2})$/;

/** Choices of two, by the key in the fragment: the field of the state, its usual value and the other one, and the words for both. @type {Record<string, [string, any, any, string, string]>} */
const PAIRS = {
  names: ['spelling', 'csharp', 'type', 'csharp', 'sos'], units: ['units', 'bytes', 'people', 'bytes', 'mb'], time: ['axis', 'clock', 'uptime', 'clock', 'uptime'],
  fold: ['fold', true, false, 'on', 'off'], letters: ['letters', true, false, 'on', 'off'],
};

/**
 * The view, and what else differs from the page as it opens.
 * @param {any} s  State
 */
export function toFragment(s) {
  const out = [`view=${s.view}`];
  const put = (/** @type {string} */ key, /** @type {string} */ value, /** @type {string} */ usual) => value !== usual && out.push(`${key}=${value}`);
  put('sort', `${s.order.dir < 0 ? '-' : ''}${s.order.by}`, s.order.chosen ? '' : '-size');
  put('show', s.show, 'all');
  put('gen', s.generation, 'all');
  put('kinds', OWNERS.filter((o) => s.owners[o]).join('.'), OWNERS.join('.'));
  put('hide', s.hidden.join('.'), '');
  for (const [key, [field, usual, , word, other]] of Object.entries(PAIRS)) put(key, s[field] === usual ? word : other, word);
  return out.join('&');
}

/** What a fragment says, each part checked; what is not understood is left out. @param {string} hash @returns {Record<string, any>} part of a State */
export function fromFragment(hash) {
  /** @type {Record<string, any>} */
  const state = {};
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const take = (/** @type {string} */ field, /** @type {string} */ key, /** @type {string[]} */ words, /** @type {any[]} */ values = words) => {
    const at = words.indexOf(said.get(key) ?? '');
    if (at >= 0) state[field] = values[at];
  };
  take('view', 'view', Object.keys(VIEWS));
  take('show', 'show', Object.keys(SHOWN));
  take('generation', 'gen', Object.keys(GENERATION_CHOICES));
  const sort = ORDER.exec(said.get('sort') ?? '');
  if (sort) state.order = { by: sort[2], dir: sort[1] ? -1 : 1, chosen: true };
  const kinds = said.get('kinds')?.split('.');
  if (kinds) state.owners = Object.fromEntries(OWNERS.map((o) => [o, kinds.includes(o)]));
  const hide = said.get('hide')?.split('.').filter((h) => Object.hasOwn(OPTIONAL, h));
  if (hide) state.hidden = hide;
  for (const [key, [field, usual, other, ...words]] of Object.entries(PAIRS)) take(field, key, words, [usual, other]);
  return state;
}
