// The table's state in the URL's fragment: which view, which order, which columns. Never what was searched, never a name: an address is
// kept in histories and logs. Pure.

import { GENERATION_CHOICES, OWNERS } from './columns.js';
import { SHOWN } from './rows.js';

const VIEWS = ['suspects', 'types', 'base', 'namespace', 'assembly'];
const ORDER = /^(-?)(type|size|percent|count|average|trend|(?:size|count|step):\d{1,2})$/;
/** Columns that can be switched off. */
export const OPTIONAL = ['bar', 'percent', 'count', 'sizes', 'counts', 'average', 'trend'];

/**
 * The view, and what else differs from the page as it opens.
 * @param {any} s  State
 */
export function toFragment(s) {
  const out = [];
  const put = (/** @type {string} */ key, /** @type {string} */ value, /** @type {string} */ usual) => value !== usual && out.push(`${key}=${value}`);
  put('view', s.view, '');
  put('sort', `${s.order.dir < 0 ? '-' : ''}${s.order.by}`, s.order.chosen ? '' : '-size');
  put('show', s.show, 'all');
  put('gen', s.generation, 'all');
  put('kinds', OWNERS.filter((o) => s.owners[o]).join('.'), OWNERS.join('.'));
  put('hide', s.hidden.join('.'), '');
  put('names', s.spelling === 'type' ? 'sos' : 'csharp', 'csharp');
  put('units', s.units === 'people' ? 'mb' : 'bytes', 'bytes');
  put('fold', s.fold ? 'on' : 'off', 'on');
  put('letters', s.letters ? 'on' : 'off', 'on');
  put('time', s.axis, 'clock');
  return out.join('&');
}

/** What a fragment says, each part checked; what is not understood is left out. @param {string} hash @returns {Record<string, any>} part of a State */
export function fromFragment(hash) {
  /** @type {Record<string, any>} */
  const state = {};
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const among = (/** @type {string} */ key, /** @type {string[]} */ known) => {
    const value = said.get(key);
    return value !== null && known.includes(value) ? value : null;
  };
  const take = (/** @type {string} */ field, /** @type {string | null} */ value) => {
    if (value !== null) state[field] = value;
  };
  take('view', among('view', VIEWS));
  take('show', among('show', Object.keys(SHOWN)));
  take('generation', among('gen', Object.keys(GENERATION_CHOICES)));
  take('axis', among('time', ['clock', 'uptime']));
  const sort = ORDER.exec(said.get('sort') ?? '');
  if (sort) state.order = { by: sort[2], dir: sort[1] ? -1 : 1, chosen: true };
  const kinds = said.get('kinds')?.split('.');
  if (kinds) state.owners = Object.fromEntries(OWNERS.map((o) => [o, kinds.includes(o)]));
  const hide = said.get('hide')?.split('.').filter((h) => OPTIONAL.includes(h));
  if (hide) state.hidden = hide;
  if (among('names', ['sos', 'csharp'])) state.spelling = said.get('names') === 'sos' ? 'type' : 'csharp';
  if (among('units', ['mb', 'bytes'])) state.units = said.get('units') === 'mb' ? 'people' : 'bytes';
  if (among('fold', ['on', 'off'])) state.fold = said.get('fold') === 'on';
  if (among('letters', ['on', 'off'])) state.letters = said.get('letters') === 'on';
  return state;
}
