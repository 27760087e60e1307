// Above the table: views, classes, search, and what else filters or changes the numbers. On a narrow window search and filters fold away.

import { GENERATION_CHOICES, OWNERS } from '../lib/columns.js';
import { el, setText } from '../lib/dom.js';
import { number } from '../lib/format.js';

/** @type {[import('../store.js').State['view'], string, string][]} view, its label, its label on a narrow window */
export const VIEWS = [
  ['suspects', 'Suspects', 'Suspects'], ['types', 'Types', 'Types'], ['base', 'By base type or interface', 'Base type'],
  ['namespace', 'By namespace', 'Namespace'], ['assembly', 'By assembly', 'Assembly'],
];
export const KINDS = { runtime: 'Runtime', library: 'Libraries', yours: 'Yours' };
/** @param {string} key */
const generationWord = (key) => (/oh$/.test(key) ? key.toUpperCase() : key);
/** Choices with a button; the others are in a list. */
const WIDE = ['all', 'old', 'young', 'loh'];
const COLUMNS = { bar: 'Bars', percent: 'Percent', count: 'Change of count', sizes: 'Sizes', counts: 'Counts', average: 'Average', trend: 'Trend' };

/**
 * @typedef {object} Counts  what the buttons say beside their labels
 * @property {Record<string, number>} views  only those known
 * @property {Record<string, number>} show
 * @property {number[]} owners
 * @property {Set<string>} generations  that hold anything
 * @property {number} folded  types that would be folded
 * @property {string} error  of the search
 * @property {string} found  for a screen reader
 */

/** @param {HTMLElement} area @param {import('../store.js').Store} store @param {import('../app.js').Actions} actions */
export function mountToolbar(area, store, actions) {
  const pressed = (/** @type {string} */ key, /** @type {string} */ value, /** @type {(Node | string)[]} */ label, /** @type {Partial<import('../store.js').State>} */ patch) =>
    el('button', { [`data-${key}`]: value, 'aria-pressed': 'false', onclick: () => store.set(patch) }, ...label);

  const views = el('div.views', { role: 'group', 'aria-label': 'View' }, ...VIEWS.map(([view, label, short]) =>
    pressed('view', view, [el('span.long', `${label} `), el('span.short', `${short} `), el('span.n')], { view })));
  const kinds = el('div.group.kinds', { role: 'group', 'aria-label': 'Classes of types' }, ...OWNERS.map((owner) =>
    el('label.check', { class: owner },
      el('input', { type: 'checkbox', 'data-owner': owner, onchange: (/** @type {any} */ e) => store.set({ owners: { ...store.get().owners, [owner]: e.target.checked } }) }),
      el('span', KINDS[owner]), ' ', el('span.n'))));
  const search = /** @type {HTMLInputElement} */ (el('input', {
    id: 'search', type: 'search', placeholder: 'Search, or /regex/', autocomplete: 'off', spellcheck: 'false',
    oninput: () => store.set({ search: search.value }),
    onkeydown: (/** @type {KeyboardEvent} */ e) => {
      if (e.key === 'Escape') {
        e.preventDefault();
        store.set({ search: '' });
        search.blur();
      }
      if (e.key === 'ArrowDown' || e.key === 'Enter') {
        e.preventDefault();
        /** @type {HTMLElement | null} */ (document.querySelector('#diff > tbody > tr[tabindex="0"]'))?.focus();
      }
    },
  }));
  const show = el('div.group', { id: 'shown', role: 'group', 'aria-label': 'Which types' }, ...['all', 'grown', 'shrunk', 'new', 'gone'].map((key) =>
    pressed('show', key, [el('span.label'), ' ', el('span.n')], { show: key })));
  const steady = el('button.pill', {
    'data-show': 'steady', 'aria-pressed': 'false', onclick: () => store.set({ show: store.get().show === 'steady' ? 'all' : 'steady' }),
  }, 'Grew in every step ', el('span.n'));
  const one = /** @type {HTMLSelectElement} */ (el('select', { id: 'one-generation', 'aria-label': 'One generation', onchange: () => one.value !== '' && store.set({ generation: one.value }) }));
  const generations = el('div.group', { role: 'group', 'aria-label': 'Generations', id: 'generations' },
    ...WIDE.map((key) => pressed('generation', key, [generationWord(key)], { generation: key })), one);
  const fold = el('label.check',
    el('input', { type: 'checkbox', 'data-fold': true, onchange: (/** @type {any} */ e) => store.set({ fold: e.target.checked }) }),
    el('span', 'Fold generated names ', el('span.n')));
  const columns = el('details.menu', el('summary', 'Columns'),
    el('div.items', ...Object.entries(COLUMNS).map(([key, label]) => el('label.check', el('input', {
      type: 'checkbox', 'data-column': key,
      onchange: (/** @type {any} */ e) => store.set({ hidden: e.target.checked ? store.get().hidden.filter((h) => h !== key) : [...store.get().hidden, key] }),
    }), el('span', label)))));
  const choice = (/** @type {string} */ id, /** @type {string} */ said, /** @type {[string, string][]} */ options, /** @type {(value: any) => void} */ set) =>
    el('select.quiet', { id, 'aria-label': said, onchange: (/** @type {any} */ e) => set(e.target.value) }, ...options.map(([value, label]) => el('option', { value }, label)));
  const spelling = choice('spelling', 'Spelling of the names', [['csharp', 'C# names'], ['type', 'SOS names']], (value) => store.set({ spelling: value }));
  const units = choice('units', 'Unit of sizes', [['bytes', 'Bytes'], ['people', 'MB']], (value) => store.set({ units: value }));
  const reference = /** @type {HTMLSelectElement} */ (choice('reference', 'Reference: the dump that the others are compared with', [], (value) => {
    const { result } = store.get();
    const ids = result?.all.map((d) => d.id) ?? [];
    actions.compare(ids.slice(ids.indexOf(Number(value))));
  }));
  const error = el('p.bad', { id: 'search-error', role: 'alert', hidden: true });
  const found = el('p.unseen', { role: 'status' });
  const opener = (/** @type {string} */ what, /** @type {string} */ label, /** @type {string} */ controls) => el('button.narrow', {
    'aria-expanded': 'false', 'aria-controls': controls,
    onclick: (/** @type {any} */ e) => {
      const open = area.classList.toggle(`with-${what}`);
      e.currentTarget.setAttribute('aria-expanded', String(open));
      if (open && what === 'search') search.focus();
    },
  }, label);

  const box = el('label.search', { id: 'search-box' }, el('span.unseen', 'Search in type and module names'), search, el('kbd', { 'aria-hidden': 'true' }, '/'));
  const filters = el('div.toolbar.second', { id: 'filters' }, show, el('span.pair.generations-pair', el('span.hint', { 'aria-hidden': 'true' }, 'Generations'), generations), fold,
    el('span.spring'), columns, spelling, units);
  area.append(
    el('div.toolbar', views, el('span.spring'), opener('search', 'Search', 'search-box'), opener('filters', 'Filters', 'filters'), steady, kinds, reference, box),
    filters, error, found);

  /** @param {import('../store.js').State} s @param {import('./row.js').Model} m @param {Counts} n */
  return function update(s, m, n) {
    for (const button of /** @type {Iterable<HTMLElement>} */ (views.children)) {
      const view = /** @type {string} */ (button.dataset.view);
      button.hidden = view === 'suspects' && m.k === 1;
      button.setAttribute('aria-pressed', String(view === s.view));
      setText(/** @type {Element} */ (button.querySelector('.n')), view in n.views ? (n.views[view] < 0 ? '–' : number(n.views[view])) : '');
    }
    for (const [at, owner] of OWNERS.entries()) {
      const label = kinds.children[at];
      /** @type {HTMLInputElement} */ (label.querySelector('input')).checked = s.owners[owner];
      setText(/** @type {Element} */ (label.querySelector('.n')), number(n.owners[at]));
    }
    show.hidden = m.k === 1;
    const [first, last] = [m.names[0], m.names[m.k - 1]];
    const words = { all: 'All', grown: m.complete ? 'Grown' : 'Larger', shrunk: m.complete ? 'Shrunk' : 'Smaller', new: m.complete ? 'New' : `Only seen in ${last}`, gone: m.complete ? 'Gone' : `Only seen in ${first}` };
    for (const button of [.../** @type {Iterable<HTMLElement>} */ (show.children), steady]) {
      const key = /** @type {'all'} */ (button.dataset.show);
      button.setAttribute('aria-pressed', String(key === s.show));
      const label = button.querySelector('.label');
      if (label) setText(label, words[key]);
      setText(/** @type {Element} */ (button.querySelector('.n')), number(n.show[key] ?? 0));
    }
    steady.hidden = m.k < 3;
    /** @type {HTMLElement} */ (filters.querySelector('.generations-pair')).hidden = !m.generations;
    const others = Object.keys(GENERATION_CHOICES).filter((key) => !WIDE.includes(key) && (n.generations.has(key) || key === s.generation));
    one.replaceChildren(el('option', { value: '' }, 'one…'), ...others.map((key) => el('option', { value: key }, generationWord(key))));
    one.value = others.includes(s.generation) ? s.generation : '';
    one.classList.toggle('chosen', one.value !== '');
    for (const button of /** @type {Iterable<HTMLElement>} */ (generations.querySelectorAll('button'))) {
      const key = /** @type {string} */ (button.dataset.generation);
      button.hidden = !n.generations.has(key) && key !== s.generation;
      button.setAttribute('aria-pressed', String(key === s.generation));
    }
    // The suspects are of the whole heaps, so what would filter them by numbers is not there.
    filters.hidden = s.view === 'suspects' && m.k > 1;
    fold.hidden = s.view !== 'types' || n.folded === 0;
    /** @type {HTMLInputElement} */ (fold.querySelector('input')).checked = s.fold;
    setText(/** @type {Element} */ (fold.querySelector('.n')), number(n.folded));
    for (const input of /** @type {Iterable<HTMLInputElement>} */ (columns.querySelectorAll('input'))) {
      const key = /** @type {string} */ (input.dataset.column);
      /** @type {HTMLElement} */ (input.parentElement).hidden = (m.k === 1 && !['bar', 'percent', 'average'].includes(key)) || (key === 'trend') !== (m.k > 2 && ['trend'].includes(key)) || (m.k > 2 && ['percent', 'counts', 'average'].includes(key));
      input.checked = !s.hidden.includes(key);
    }
    /** @type {any} */ (spelling).value = s.spelling;
    /** @type {any} */ (units).value = s.units;
    const { all, dumps } = m.result;
    reference.hidden = all.length < 3;
    reference.replaceChildren(...all.slice(0, -1).map((d, at) => {
      const option = /** @type {HTMLOptionElement} */ (el('option', { value: String(d.id) }, `Reference: ${at + 1}`));
      option.selected = d.id === dumps[0].id;
      return option;
    }));
    if (search.value !== s.search) search.value = s.search;
    error.hidden = n.error === '';
    setText(error, n.error);
    setText(found, n.found);
  };
}
