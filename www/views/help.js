// The `?` dialog: every key of the page, and the switch for the single letters (WCAG 2.1.4).

import { byId, el } from '../lib/dom.js';
import { KEYS } from '../lib/keys.js';

/** Keys that act everywhere. */
const EVERYWHERE = [
  { keys: ['/'], does: 'search' },
  { keys: ['?'], does: 'this list' },
  { keys: ['Esc'], does: 'empty the search box; close a dialog' },
  { keys: ['Tab'], does: 'from control to control; the table is one stop' },
];

/** @param {import('../store.js').Store} store */
export function mountHelp(store) {
  const list = (/** @type {{keys: string[], does: string}[]} */ keys) =>
    el('dl.keys', ...keys.flatMap((k) => [el('dt', ...k.keys.flatMap((key, i) => [i > 0 && ' ', el('kbd', key)])), el('dd', k.does)]));
  const letters = /** @type {HTMLInputElement} */ (el('input', { type: 'checkbox', id: 'letters' }));
  letters.addEventListener('change', () => store.set({ letters: letters.checked }));
  store.subscribe((s) => (letters.checked = s.letters));
  byId('help-body').append(
    el('h3', 'Everywhere'), list(EVERYWHERE),
    el('h3', 'In the table'), list(KEYS),
    el('p', el('label.check', letters, ' Single letters act inside the table')),
  );
}
