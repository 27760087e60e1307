// Above the table: views, classes, search, and what else filters or changes the numbers. On a narrow window search and filters fold away.

import { GENERATION_CHOICES, OPTIONAL, OWNERS, VIEWS } from '../lib/columns.js';
import { el, setText } from '../lib/dom.js';
import { number } from '../lib/format.js';
import { toggled } from '../store.js';

export const KINDS = { runtime: 'Runtime', library: 'Libraries', yours: 'Yours' };
/** @param {string} key */
const generationWord = (key) => (/oh$/.test(key) ? key.toUpperCase() : key);
/** Which types, by key; new and gone are facts only where everything was read. @type {Record<string, (m: import('./row.js').Model) => string>} */
const SHOW = {
  all: () => 'All',
  grown: (m) => (m.complete ? 'Grown' : 'Larger'),
  shrunk: (m) => (m.complete ? 'Shrunk' : 'Smaller'),
  new: (m) => (m.complete ? 'New' : onlyIn(m, m.k - 1)),
  gone: (m) => (m.complete ? 'Gone' : onlyIn(m, 0)),
};
/** @param {import('./row.js').Model} m @param {number} d */
export const onlyIn = (m, d) => `Only seen in ${m.names[d]}`;
/** Choices with a button; the others are in a list. */
const WIDE = ['all', 'old', 'young', 'loh'];
/** Columns that can be switched off, of one dump, of two, of more. */
const SWITCHES = [['bar', 'percent', 'average'], ['bar', 'percent', 'count', 'sizes', 'counts', 'average'], ['bar', 'count', 'sizes', 'trend']];

/**
 * @typedef {object} Counts  what the buttons say beside their labels
 * @property {Record<string, string>} views  only those known
 * @property {Record<string, number>} show
 * @property {number[]} owners
 * @property {Set<string>} generations  that hold anything
 * @property {number} folded  types that would be folded
 * @property {string} error  of the search
 * @property {string} found  for a screen reader
 */

/** @param {HTMLElement} area @param {import('../store.js').Store} store @param {import('../app.js').Actions} actions */
export function mountToolbar(area, store, actions) {
  /** What each control shows of the state. @type {((s: import('../store.js').State, m: import('./row.js').Model, n: Counts) => unknown)[]} */
  const updates = [];
  /** What stands beside a label. @param {(n: Counts) => string} of */
  const beside = (of) => {
    const node = el('span.n');
    updates.push((s, m, n) => setText(node, of(n)));
    return node;
  };
  const group = (/** @type {string} */ tag, /** @type {string} */ label, /** @type {Node[]} */ ...parts) => el(tag, { role: 'group', 'aria-label': label }, ...parts);
  /** A button for one value of a field; pressed again it sets `again`. */
  const pressed = (/** @type {'view' | 'show' | 'generation'} */ field, /** @type {string} */ value, /** @type {(Node | string)[]} */ label, again = value) => {
    const button = el('button', { [`data-${field}`]: value, onclick: () => store.set({ [field]: store.get()[field] === value ? again : value }) }, ...label);
    updates.push((s) => (button.ariaPressed = String(s[field] === value)));
    return button;
  };
  const check = (/** @type {string} */ key, /** @type {string} */ value, /** @type {(Node | string)[]} */ label, /** @type {(s: import('../store.js').State) => boolean} */ of, /** @type {(checked: boolean) => Partial<import('../store.js').State>} */ patch) => {
    const box = /** @type {HTMLInputElement} */ (el('input', { type: 'checkbox', [`data-${key}`]: value, onchange: () => store.set(patch(box.checked)) }));
    updates.push((s) => (box.checked = of(s)));
    return el('label.check', { class: key === 'owner' ? value : '' }, box, el('span', label[0]), ...label.slice(1));
  };
  const choice = (/** @type {string} */ id, /** @type {string} */ said, /** @type {string[][]} */ options, /** @type {(value: any) => void} */ set) => {
    const select = /** @type {HTMLSelectElement} */ (el('select', { id, 'aria-label': said, onchange: () => set(select.value) }, ...options.map(([value, label]) => el('option', { value }, label))));
    return select;
  };
  const ofState = (/** @type {'spelling' | 'units'} */ field, /** @type {string} */ said, /** @type {string[][]} */ options) => {
    const select = choice(field, said, options, (value) => store.set({ [field]: value }));
    updates.push((s) => (select.value = s[field]));
    return select;
  };

  const views = group('div.views', 'View', ...Object.entries(VIEWS).map(([view, [label, short = label]]) =>
    pressed('view', view, [el('span.long', `${label} `), el('span.short', `${short} `), beside((n) => n.views[view] ?? '')])));
  const kinds = group('div.group.kinds', 'Classes of types', ...OWNERS.map((owner, at) =>
    check('owner', owner, [KINDS[owner], ' ', beside((n) => number(n.owners[at]))], (s) => s.owners[owner], (checked) => ({ owners: { ...store.get().owners, [owner]: checked } }))));
  const search = /** @type {HTMLInputElement} */ (el('input', {
    id: 'search', type: 'search', placeholder: 'Search, or /regex/', autocomplete: 'off', spellcheck: 'false',
    oninput: () => store.set({ search: search.value }),
    onkeydown: (/** @type {KeyboardEvent} */ e) => {
      if (!['Escape', 'ArrowDown', 'Enter'].includes(e.key)) return;
      e.preventDefault();
      if (e.key === 'Escape') {
        store.set({ search: '' });
        search.blur();
      } else /** @type {HTMLElement | null} */ (document.querySelector('#diff > tbody > tr[tabindex="0"]'))?.focus();
    },
  }));
  const shown = (/** @type {string} */ key) => beside((n) => number(n.show[key] ?? 0));
  const show = group('div.group', 'Which types', ...Object.entries(SHOW).map(([key, words]) => {
    const label = el('span');
    updates.push((s, m) => setText(label, words(m)));
    return pressed('show', key, [label, ' ', shown(key)]);
  }));
  show.id = 'shown';
  const steady = pressed('show', 'steady', ['Grew in every step ', shown('steady')], 'all');
  steady.classList.add('pill');
  const wide = WIDE.map((key) => pressed('generation', key, [generationWord(key)]));
  const one = choice('one-generation', 'One generation', [], (value) => value !== '' && store.set({ generation: value }));
  const generations = el('span.pair', el('span.hint', { 'aria-hidden': true }, 'Generations'), group('div.group', 'Generations', ...wide, one));
  const fold = check('fold', '', ['Fold generated names', ' ', beside((n) => number(n.folded))], (s) => s.fold, (checked) => ({ fold: checked }));
  const columns = el('details.menu', el('summary', 'Columns'), el('div.items', ...Object.entries(OPTIONAL).map(([key, label]) => {
    const box = check('column', key, [label], (s) => !s.hidden.includes(key), () => ({ hidden: toggled(store.get().hidden, key) }));
    updates.push((s, m) => (box.hidden = !SWITCHES[Math.min(m.k, 3) - 1].includes(key)));
    return box;
  })));
  const reference = choice('reference', 'Reference: the dump that the others are compared with', [], (value) => {
    const ids = store.get().result?.all.map((d) => d.id) ?? [];
    actions.compare(ids.slice(ids.indexOf(Number(value))));
  });
  const error = el('p.bad', { id: 'search-error', role: 'alert' });
  const found = el('p.unseen', { role: 'status' });
  const opener = (/** @type {string} */ what, /** @type {string} */ label, /** @type {string} */ controls) => {
    const button = el('button.narrow', {
      'aria-expanded': false, 'aria-controls': controls,
      onclick: () => {
        const open = area.classList.toggle(`with-${what}`);
        button.ariaExpanded = String(open);
        if (open && what === 'search') search.focus();
      },
    }, label);
    return button;
  };

  const box = el('label.search', { id: 'search-box' }, el('span.unseen', 'Search in type and module names'), search, el('kbd', { 'aria-hidden': true }, '/'));
  const filters = el('div.toolbar.second', { id: 'filters' }, show, generations, fold, el('span.spring'), columns,
    ofState('spelling', 'Spelling of the names', [['csharp', 'C# names'], ['type', 'SOS names']]), ofState('units', 'Unit of sizes', [['bytes', 'Bytes'], ['people', 'MB']]));
  area.append(
    el('div.toolbar', views, el('span.spring'), opener('search', 'Search', 'search-box'), opener('filters', 'Filters', 'filters'), steady, kinds, reference, box),
    filters, error, found);

  /** @param {import('../store.js').State} s @param {import('./row.js').Model} m @param {Counts} n */
  return (s, m, n) => {
    for (const update of updates) update(s, m, n);
    /** @type {HTMLElement} */ (views.firstElementChild).hidden = show.hidden = m.k === 1;
    steady.hidden = m.k < 3;
    generations.hidden = !m.generations;
    // The suspects are of the whole heaps, so what would filter them by numbers is not there.
    filters.hidden = s.view === 'suspects' && m.k > 1;
    fold.hidden = s.view !== 'types' || n.folded === 0;
    const there = (/** @type {string} */ key) => n.generations.has(key) || key === s.generation;
    wide.forEach((button, at) => (button.hidden = !there(WIDE[at])));
    const others = Object.keys(GENERATION_CHOICES).filter((key) => !WIDE.includes(key) && there(key));
    one.replaceChildren(...['', ...others].map((key) => el('option', { value: key }, key === '' ? 'one…' : generationWord(key))));
    one.value = others.includes(s.generation) ? s.generation : '';
    one.classList.toggle('chosen', one.value !== '');
    const { all, dumps } = m.result;
    reference.hidden = all.length < 3;
    reference.replaceChildren(...all.slice(0, -1).map((d, at) => el('option', { value: d.id }, `Reference: ${at + 1}`)));
    reference.value = String(dumps[0].id);
    if (search.value !== s.search) search.value = s.search;
    error.hidden = n.error === '';
    setText(error, n.error);
    setText(found, n.found);
  };
}
