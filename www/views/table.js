// The table: one grid for all views. The lines come from lib/lines.js as a flat list; only those in sight are elements, so that 20,000 types
// scroll and filter at once. The page itself scrolls; head and foot stick to the window.

import { scale } from '../lib/bars.js';
import { OWNERS, VIEWS, freeOf, growth, hasGenerations, keyOf, lineOf, plus, selection, sumOf, textOf } from '../lib/columns.js';
import { byId, copyText, el } from '../lib/dom.js';
import { number, percent, plural, signed } from '../lib/format.js';
import { fromFragment, toFragment } from '../lib/fragment.js';
import { commandOf } from '../lib/keys.js';
import { groupedBy, linesOfAssemblies, linesOfNamespaces, linesOfSupertypes, linesOfSuspects, linesOfTypes, opens, section, suspectCount } from '../lib/lines.js';
import { foldedName, ownName } from '../lib/names.js';
import { SHOWN, filtered, matcher, nameRanks, searchTexts, shownBy } from '../lib/rows.js';
import { GENERATIONS, OLD_FIRST, oneProcess } from '../lib/facts.js';
import { trend } from '../lib/series.js';
import { toggled } from '../store.js';
import { mountChart } from './chart.js';
import { classCell, detailCell } from './detail.js';
import { columnsOf, footRow, headRows, hooks, lineNode, widen } from './row.js';
import { mountToolbar } from './toolbar.js';

/**
 * @typedef {import('../lib/lines.js').Item} Item
 * @typedef {import('./row.js').Model} Model
 * @typedef {import('./row.js').Shown} Shown
 * @typedef {import('../store.js').State} State
 */

/** Pixels of the track of the bars, and on the narrowest windows. */
export const TRACK = 150;
const NARROW_TRACK = 96;

/** Pixels that a type name is left at least, before columns are dropped for it. */
const NAME = 300;

/** Heights of lines in pixels, as table.css has them. */
const HEIGHT = { one: 26, two: 48, section: 27, rule: 22, detail: 320, assembly: 46 };

/** Pixels drawn above and below the window. */
const BEYOND = 200;

/** Lines that are drawn for printing: some pages. */
const PRINTED = 500;

/**
 * @param {import('../store.js').Store} store
 * @param {{detail: (row: number) => Promise<any>, group: (by: any) => Promise<any>}} client
 * @param {import('../app.js').Actions} actions
 */
export function mountTable(store, client, actions) {
  const area = byId('table-area');
  const updateToolbar = mountToolbar(area, store, actions);
  const head = el('thead', { role: 'rowgroup' });
  const body = el('tbody', { role: 'rowgroup' });
  const foot = el('tfoot', { role: 'rowgroup' });
  const table = el('table', { id: 'diff', role: 'treegrid', 'aria-label': 'Types' }, head, body, foot);
  const nothing = el('p.hint', { id: 'no-rows', hidden: true }, 'No type matches.');
  area.append(table, nothing);
  const updateChart = mountChart(byId('chart'), store, actions);

  /** @type {Model | null} */
  let model = null;
  /** What is worked out once for a result, when it is first asked for. @type {ReturnType<typeof once> | null} */
  let known = null;
  /** @type {Shown | null} */
  let shown = null;
  /** @type {Item[]} */
  let items = [];
  /** Where each line begins, in pixels; one more at the end. */
  let tops = new Float64Array(1);
  /** Heights of opened rows, measured. @type {Map<string, number>} */
  const heights = new Map();
  /** The lines that are elements, by id. @type {Map<string, HTMLElement>} */
  let nodes = new Map();
  /** Where the keyboard is: the id of a line. */
  let active = '';
  let printing = false;
  /** Of the area, when the columns were laid out. */
  let drawnWidth = 0;
  let drawnKey = '';
  let drawnFilter = '';
  /** Null as the suspects rank, which is the order of no column. @type {import('../lib/rows.js').Order | null} */
  let order = null;

  const measured = new ResizeObserver((entries) => {
    let changed = false;
    for (const { target } of entries) {
      const id = rowAt(target)?.dataset.id ?? '';
      const height = Math.ceil(target.getBoundingClientRect().height);
      if (height > 0 && heights.get(id) !== height) {
        heights.set(id, height);
        changed = true;
      }
    }
    if (changed) {
      place();
      paint();
    }
  });

  /** What was said of an assembly on its way to another class. */
  let saying = '';
  let { moved } = store.get();

  let written = location.hash.replace(/^#/, '');
  /** What the page was opened with; the first result, which chooses a view by itself, must not undo it. @type {Record<string, any> | null} */
  let restore = fromFragment(written);

  // --- from the state to lines ---

  store.subscribe((s) => {
    if (!s.result) {
      model = null;
      known = null;
      items = [];
      drawnKey = '';
      for (const part of [head, body, foot]) part.replaceChildren();
      updateChart(s, null);
      return;
    }
    const part = Boolean(s.result.soFar);
    if (s.result !== model?.result) {
      // The same dump, further walked: nothing moves.
      const grows = part && Boolean(model?.result.soFar);
      if (grows && getSelection()?.isCollapsed === false) return;
      model = modelOf(s.result);
      known = once(model, client, () => redraw(true));
      heights.clear();
      if (grows || s.moved !== moved) redraw(true);
      else drawnKey = '';
      ({ moved } = s);
      if (!part) {
        const state = restore;
        restore = null;
        if (state && Object.keys(state).length > 0) {
          store.set(state);
          return;
        }
      }
    }
    const filter = JSON.stringify([s.view, s.search, s.show, s.owners, s.generation, s.order, s.spelling, s.units, s.hidden, s.fold]);
    const key = JSON.stringify([filter, s.opened, s.pinned, s.axis, s.events.length]);
    if (key !== drawnKey) {
      // Where only rows were opened or pinned, nothing moves above the reader's eye.
      const only = drawnKey !== '' && filter === drawnFilter;
      [drawnKey, drawnFilter] = [key, filter];
      saying = '';
      redraw(only);
    }
    if (s.goTo !== null) goTo(s.goTo);
  });

  /** @param {boolean} keep  the place on the page: rows were opened or pinned, nothing else */
  function redraw(keep) {
    const s = store.get();
    if (!model || !known) return;
    const m = model;
    const facts = known;
    const view = s.view === 'suspects' && !facts.suspects ? 'types' : s.view;
    const generation = m.generations && view !== 'suspects' ? s.generation : 'all';
    const sel = facts.selection(generation);
    // The suspects are of whole heaps: only search and classes act on them.
    const filter = { search: s.search, owners: s.owners, show: m.k === 1 || view === 'suspects' ? 'all' : s.show };
    const rows = filtered(m.c, sel, filter, () => facts.texts(null));
    const { spelling } = s;
    const usual = s.order.by === 'size' && s.order.dir < 0;
    order = view === 'suspects' && usual && !s.order.chosen ? null : s.order;
    const types = view === 'types';
    items = itemsOf(view, {
      c: m.c, s: sel, rows, spelling, opened: new Set(s.opened), ranks: () => facts.ranks(spelling), fold: s.fold && types ? facts.fold : null,
      order, pinned: new Set(types ? s.pinned : []), growth: usual && m.k > 1 && generation === 'all' && isUnfiltered(s) ? m.growth : undefined,
    }, m, facts);
    // A row that goes away or changes its place takes the focus along.
    const focused = rowAt(document.activeElement)?.dataset.id;
    layOut(s, view, sel);
    drawHead(view);
    drawFoot(sel, rows, generation, filter);
    const said = { error: matcher(s.search).error ?? '', found: `${saying}${plural(rows.length, 'type')} of ${number(m.c.n)} shown` };
    const counts = facts.counts(generation);
    const tell = () => updateToolbar({ ...s, view }, m, { ...counts.known, ...said });
    tell();
    // Counting takes as long as drawing: a task of its own, so that the first rows are there before.
    if (counts.make) {
      setTimeout(() => {
        if (model !== m) return;
        counts.make?.();
        if (store.get() === s) tell();
        else redraw(true);
      });
    }
    updateChart(s, m);
    nothing.hidden = rows.length > 0;
    for (const node of nodes.values()) node.remove();
    nodes = new Map();
    if (indexOf(active) < 0) active = items.find(opens)?.id ?? '';
    place();
    if (!keep) toTop();
    paint();
    if (focused) {
      focusActive(false);
      /** @type {HTMLElement | null | undefined} */ (nodes.get(focused)?.querySelector('[data-move][aria-pressed="true"]'))?.focus();
    }
    writeFragment(s);
  }

  /** Which columns there is room for, how wide, and the scale of the bars. @param {State} s @param {string} view @param {import('../lib/columns.js').Selection} sel */
  function layOut({ units, spelling, hidden }, view, sel) {
    const m = /** @type {Model} */ (model);
    drawnWidth = area.clientWidth;
    const width = table.clientWidth || innerWidth - 48;
    const [digit, letter] = ['probe', 'probe mono'].map((look) => measure('0000000000', look) / 10);
    const all = columnsOf(m, units, view).filter((c) => !hidden.includes(c.option));
    widen(all, items, sel);
    let columns = all;
    let track = TRACK;
    let beside = 20;
    // The margins of table.css: those of the bars are narrower.
    const pixels = (/** @type {import('./row.js').Column} */ c) => (c.key === 'bar' ? track + 0.8 * beside : Math.ceil(c.width * digit) + beside);
    const sum = () => columns.reduce((n, c) => n + pixels(c), 0);
    const drop = (/** @type {number} */ room, /** @type {string[]} */ ...options) => {
      for (const option of options) if (sum() > room) columns = columns.filter((c) => c.option !== option);
    };
    const room = width - (view === 'suspects' ? NAME + 150 : NAME);
    drop(room, 'average', 'trend', 'percent', 'counts');
    const two = innerWidth < 900 || sum() > room;
    if (two) {
      columns = all.filter((c) => ['size', 'bar', 'percent', 'count'].includes(c.key) || c.option === (m.k > 2 ? 'count' : 'counts') || (m.k === 1 && c.key === 'average'));
      if (width < 560) track = NARROW_TRACK;
      beside = 10;
      drop(width, 'counts', 'average', 'percent', 'bar');
      while (sum() > width && columns.length > 2) columns.pop();
    }
    const has = (/** @type {string} */ key) => columns.some((c) => c.key === key);
    const bars = /** @type {any} */ (known).bars(track);
    const template = columns.map((c) => (two && c.key !== 'bar' ? `minmax(max-content, ${c.width}fr)` : `${pixels(c)}px`)).join(' ');
    table.dataset.lines = two ? 'two' : 'one';
    table.classList.toggle('one', m.k === 1);
    table.classList.toggle('no-bar', !has('bar'));
    for (const [name, value] of Object.entries({
      '--columns': two ? template : `minmax(0, 1fr) ${template}`,
      '--zero': `${bars.zero}px`,
      // The foot's names take the place of what the foot does not show.
      '--foot-span': has('bar') && has('percent') ? '2' : '1',
    })) table.style.setProperty(name, value);
    shown = { units, spelling, view, s: sel, columns, bars, two, order, room: Math.max(16, Math.floor((width - (two ? 0 : sum()) - 44) / letter)) };
  }

  /** @param {string} view */
  function drawHead(view) {
    const focusedBy = head.contains(document.activeElement) && document.activeElement?.getAttribute('data-by');
    head.replaceChildren(...headRows(/** @type {Model} */ (model), /** @type {Shown} */ (shown)));
    /** @type {HTMLElement | null} */ (head.querySelector(`[data-by="${focusedBy}"]`))?.focus({ preventScroll: true });
    table.ariaLabel = VIEWS[view][0].replace(/^By/, 'Types by');
  }

  let freeOpen = false;
  /** @param {import('../lib/columns.js').Selection} sel @param {number[]} rows @param {string} generation @param {import('../lib/rows.js').Filter} filter */
  function drawFoot(sel, rows, generation, filter) {
    const m = /** @type {Model} */ (model);
    const x = /** @type {Shown} */ (shown);
    const { sum } = /** @type {NonNullable<typeof known>} */ (known);
    const types = sum(generation);
    const free = freeOf(m.meta, generation);
    const total = plus(types, free);
    const share = (/** @type {import('../lib/columns.js').Line} */ part, /** @type {import('../lib/columns.js').Line} */ whole, /** @type {string} */ of) =>
      `${m.ends.map((d) => percent(part.sizes[d], whole.sizes[d]).replace(' %', '')).join(' → ')} % of ${of}`;
    const all = generation === 'all';
    const count = plural(m.c.n, 'type');
    const list = [];
    if (rows.length < m.c.n && !isUnfiltered(filter)) list.push(footRow(m, x, sumOf(sel, rows), 'filtered', `Shown: ${number(rows.length)} of ${count}`));
    list.push(footRow(m, x, types, 'types', all ? `All ${count}` : 'All types in these generations', [], count));
    const hasFree = m.generations && all;
    const opener = el('button.link.small-link', { 'aria-expanded': freeOpen, onclick: () => {
      freeOpen = !freeOpen;
      drawFoot(sel, rows, generation, filter);
      /** @type {HTMLElement | null} */ (foot.querySelector('.free button'))?.focus();
      paint();
    } }, 'by generation');
    const line = footRow(m, x, free, 'free', 'Free', [share(free, total, all ? 'the heap' : 'these generations'), hasFree && opener]);
    hooks(line, 'Free', '', m.meta.free);
    list.push(line);
    if (hasFree && freeOpen) {
      for (const label of OLD_FIRST.map((g) => GENERATIONS[g])) {
        const key = label.toLowerCase();
        const part = freeOf(m.meta, key);
        if (Array.from(part.sizes).some((n) => n > 0)) list.push(footRow(m, x, part, 'free part', `Free in ${label}`, [share(part, plus(sum(key), part), 'it')]));
      }
      list.push(...emptyRows(m, x));
    }
    list.push(footRow(m, x, total, 'total', !all ? 'Total of these generations' : m.complete ? 'Total, as !dumpheap -stat prints it' : 'Total of what was read', [], 'Total with Free'));
    // Its rows follow the body's.
    list.forEach((row, at) => (row.ariaRowIndex = String(items.length + 2 + at)));
    foot.replaceChildren(...list);
    table.ariaRowCount = String(items.length + 1 + list.length);
    table.ariaColCount = String(x.columns.length + 1);
  }

  // --- from lines to elements ---

  /** Where a line is. @param {string | undefined} id */
  const indexOf = (id) => items.findIndex((item) => item.id === id);

  /** The row that an element is in, and where its line is; NaN if it is in none. @param {any} element @returns {HTMLElement | null | undefined} */
  const rowAt = (element) => element?.closest('#diff > tbody > tr');
  const placeAt = (/** @type {any} */ element) => Number(rowAt(element)?.ariaRowIndex) - 2;

  /** The line where the keyboard is now. @param {string} id */
  function activate(id) {
    nodes.get(active)?.setAttribute('tabindex', '-1');
    active = id;
    nodes.get(active)?.setAttribute('tabindex', '0');
  }

  const lineHeight = () => (shown?.two ? HEIGHT.two : HEIGHT.one);

  /** Where each line begins. */
  function place() {
    tops = new Float64Array(items.length + 1);
    const plain = lineHeight();
    items.forEach((item, at) => {
      tops[at + 1] = tops[at] + (opens(item) ? plain : item.kind === 'detail' ? heights.get(item.id) ?? HEIGHT[item.assembly ? 'assembly' : 'detail'] : HEIGHT[item.kind]);
    });
    body.style.height = `${tops[items.length]}px`;
  }

  /** The first line that ends below `y`. @param {number} y */
  function lineAt(y) {
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Draws the lines in sight, keeps those already drawn, drops the others; but never the one that has the focus. */
  function paint() {
    if (!model || !shown) return;
    const top = -body.getBoundingClientRect().top;
    const from = printing ? 0 : lineAt(Math.max(0, top - BEYOND));
    const to = Math.min(items.length, printing ? PRINTED : lineAt(top + innerHeight + BEYOND) + 1);
    const wanted = Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n);
    const held = placeAt(document.activeElement);
    if (held >= to) wanted.push(held);
    if (held < from) wanted.unshift(held);
    /** @type {Map<string, HTMLElement>} */
    const next = new Map();
    for (const at of wanted) {
      const { id } = items[at];
      next.set(id, nodeAt(at));
      nodes.delete(id);
    }
    for (const node of nodes.values()) {
      measured.unobserve(node);
      node.remove();
    }
    nodes = next;
    // The keyboard must find a way in, also where the reader scrolled away from the row it was on.
    if (!nodes.has(active) && Number.isNaN(held)) {
      const first = wanted.find((at) => opens(items[at]) && tops[at] >= top);
      if (first !== undefined) activate(items[first].id);
    }
    let before = body.firstElementChild;
    for (const node of next.values()) {
      if (node === before) before = before.nextElementSibling;
      else body.insertBefore(node, before);
    }
  }

  /** The line as an element, in its place. @param {number} at */
  function nodeAt(at) {
    const node = nodes.get(items[at].id) ?? make(items[at]);
    node.ariaRowIndex = String(at + 2);
    node.style.top = `${tops[at]}px`;
    return node;
  }

  /** @param {Item} item */
  function make(item) {
    const m = /** @type {Model} */ (model);
    const node = lineNode(item, m, /** @type {Shown} */ (shown));
    node.dataset.id = item.id;
    if (item.id === active) node.setAttribute('tabindex', '0');
    if (item.kind === 'detail') {
      const { i, assembly } = item;
      const cell = assembly ? classCell(assembly, /** @type {any} */ (m.assembly(assembly)), move) : detailCell(m, i, store.get(), /** @type {any} */ (known).detail(i), { pin: () => pin(i) });
      cell.ariaColSpan = table.ariaColCount;
      node.append(cell);
      measured.observe(node);
    }
    return node;
  }

  let queued = false;
  const repaint = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      if (!byId('result').hidden) paint();
    });
  };
  addEventListener('scroll', repaint, { passive: true });
  new ResizeObserver(() => {
    if (model && area.clientWidth > 0 && area.clientWidth !== drawnWidth) redraw(true);
  }).observe(area);
  addEventListener('resize', repaint);
  for (const event of ['beforeprint', 'afterprint']) {
    addEventListener(event, () => {
      printing = event === 'beforeprint';
      paint();
    });
  }

  /** After a new filter or order: from the first row, if the head is already stuck to the window's edge. */
  function toTop() {
    const y = area.getBoundingClientRect().top;
    if (y < 0 && !byId('result').hidden) scrollBy(0, y);
  }

  // --- the reader's hand ---

  head.addEventListener('click', (/** @type {any} */ e) => {
    const by = e.target.closest('[data-by]')?.dataset.by;
    if (by) sortBy(by);
  });

  /** @param {string} by */
  function sortBy(by) {
    const same = order?.by === by;
    store.set({ order: { by, dir: same ? /** @type {1 | -1} */ (-(order?.dir ?? 1)) : by === 'type' ? 1 : -1, chosen: true } });
  }

  body.addEventListener('click', (e) => {
    const item = items[placeAt(e.target)];
    // A click that ends the marking of text is none.
    if (!opens(item) || !getSelection()?.isCollapsed) return;
    activate(item.id);
    toggle(item, !item.open);
  });

  // Whatever moved the focus there, a screen reader for one: the keyboard goes on from it.
  body.addEventListener('focusin', (e) => {
    const item = items[placeAt(e.target)];
    if (opens(item)) activate(item.id);
  });

  /** @param {{id: string}} item @param {boolean} open */
  function toggle({ id }, open) {
    const { opened, result } = store.get();
    // Its objects are told of when all of them are known.
    if (!result?.soFar && opened.includes(id) !== open) store.set({ opened: toggled(opened, id) });
  }

  /** @param {string} assembly @param {string | null} owner */
  function move(assembly, owner) {
    saying = `${assembly} counts as ${owner ?? 'before'}. `;
    actions.move(assembly, owner);
  }

  /** @param {number} i */
  const pin = (i) => store.set({ pinned: toggled(store.get().pinned, keyOf(/** @type {Model} */ (model).c, i)) });

  table.addEventListener('keydown', (e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    const s = store.get();
    const command = commandOf(e, s.letters);
    if (!command || !model || target.closest('input, select, textarea')) return;
    const inDetail = target.closest('.detail');
    const onLine = 'move' in command || 'page' in command || 'row' in command;
    // Buttons keep their own keys; inside an opened row only Esc is the table's.
    if (onLine && !target.matches('tbody > tr') && !(inDetail && e.key === 'Escape')) return;
    e.preventDefault();
    const at = indexOf(active);
    const item = items[at];
    if ('move' in command) moveTo(lineFrom(at, command.move));
    if ('page' in command) moveTo(lineFrom(at, command.page * Math.max(1, Math.floor((innerHeight - head.clientHeight - foot.clientHeight) / lineHeight()) - 1)));
    if ('set' in command) store.set(command.set);
    if ('sort' in command) sortBy(command.sort);
    if ('owner' in command) store.set({ owners: { ...s.owners, [command.owner]: !s.owners[command.owner] } });
    if ('act' in command) actions[command.act]();
    if (!('row' in command) || !opens(item)) return;
    const type = item.kind === 'type';
    if (command.row === 'open') toggle(item, !(item.open && e.key === 'Enter'));
    if (command.row === 'close') {
      if (inDetail) focusActive(true);
      if (item.open) toggle(item, false);
      else if (e.key === 'ArrowLeft') moveTo(parentOf(at));
    }
    if (command.row === 'pin' && type) pin(item.i);
    if (command.row === 'copy') void copyText(type ? textOf(model.c, item.i, s.spelling) : item.label);
  });

  /** The line so many lines further, or the last one on the way. @param {number} at @param {number} step */
  function lineFrom(at, step) {
    const way = Math.sign(step);
    let left = Math.abs(step);
    let best = at;
    for (let to = at + way; items[to] && left > 0; to += way) {
      if (!opens(items[to])) continue;
      best = to;
      left -= 1;
    }
    return best;
  }

  /** The group that a line is in. @param {number} at */
  function parentOf(at) {
    const { level } = /** @type {any} */ (items[at]);
    const parent = items.findLastIndex((item, to) => to < at && opens(item) && item.level < level);
    return parent < 0 ? at : parent;
  }

  /** @param {number} at */
  function moveTo(at) {
    if (!items[at]) return;
    activate(items[at].id);
    focusActive(true);
  }

  /** @param {boolean} scroll  until it is between head and foot */
  function focusActive(scroll) {
    const at = indexOf(active);
    if (at < 0) return;
    if (scroll) intoView(at);
    paint();
    if (!nodes.has(active)) {
      // Out of sight after a redraw: drawn all the same, so that the focus has a place.
      const node = nodeAt(at);
      nodes.set(active, node);
      body.append(node);
    }
    nodes.get(active)?.focus({ preventScroll: true });
  }

  /** @param {number} at */
  function intoView(at) {
    const base = body.getBoundingClientRect().top;
    const sticky = getComputedStyle(foot).position === 'sticky';
    const upper = head.getBoundingClientRect().height;
    const lower = innerHeight - (sticky ? foot.getBoundingClientRect().height : 0) - 4;
    const [from, to] = [base + tops[at], base + tops[at + 1]];
    if (from < upper) scrollBy(0, from - upper - 4);
    else if (to > lower) scrollBy(0, to - lower);
  }

  /** Opens a row and scrolls to it, wherever it is in this view. @param {string} key  of a type, or of a group */
  function goTo(key) {
    const { c } = /** @type {Model} */ (model);
    const { opened } = store.get();
    const find = () => items.findIndex((item) => item.id === key || (item.kind === 'type' && keyOf(c, item.i) === key));
    const at = find();
    if (at < 0) {
      // Inside a closed group.
      const holders = items.filter((item) => item.kind === 'group' && item.rows.some((i) => keyOf(c, i) === key));
      const holder = holders.find((item) => item.kind === 'group' && !item.hollow) ?? holders[0];
      // Again, with its rows.
      store.set(holder ? { opened: [...opened, holder.id] } : { goTo: null });
      return;
    }
    activate(items[at].id);
    store.set({ goTo: null, opened: opened.includes(active) ? opened : [...opened, active] });
    requestAnimationFrame(() => {
      const now = find();
      if (now < 0) return;
      scrollBy(0, body.getBoundingClientRect().top + tops[now] - head.getBoundingClientRect().height - 60);
      focusActive(false);
    });
  }

  /** @param {State} s */
  function writeFragment(s) {
    const fragment = toFragment(s);
    if (fragment === written || s.result?.soFar) return;
    written = fragment;
    try {
      history.replaceState(history.state, '', `#${fragment}`);
    } catch {
      // A page without an address of its own.
    }
  }

  addEventListener('hashchange', () => {
    const now = location.hash.replace(/^#/, '');
    if (now !== written && model) store.set(fromFragment(now));
  });
}

/** @param {import('../store.js').Result} result @returns {Model} */
export function modelOf(result) {
  const { meta, columns: c } = result.comparison;
  const k = c.dumps;
  const all = selection(c, 'all');
  const facts = meta.dumps.map((/** @type {any} */ d) => d.dump ?? {});
  const times = facts.map((/** @type {any} */ f) => f.captured_at ?? null);
  const oneLife = k > 1 && facts.every((/** @type {any} */ f) => oneProcess(f, facts[0]));
  const assemblies = new Map(meta.assemblies.map((/** @type {any} */ a) => [a.name, a]));
  return {
    result, c, meta, k, times, names: result.names,
    ends: k > 1 ? [0, k - 1] : [0], widths: {},
    uneven: k > 2 && c.owner.some((_, i) => trend(lineOf(all, i), times).index !== null),
    complete: meta.dumps.every((/** @type {any} */ d) => d.complete) && !meta.findings?.some((/** @type {any} */ f) => f.partial),
    generations: hasGenerations(meta), growth: k > 1 ? growth(all) : 0, life: oneLife ? `pid ${facts[0].pid}` : '', assembly: (name) => assemblies.get(name),
  };
}

/** Works out each answer once. @template K, V @param {(key: K) => V} make @returns {(key: K) => V} */
function remembered(make) {
  const made = new Map();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
}

/** What one result is asked for again and again. @param {Model} m @param {any} client @param {() => void} arrived */
export function once(m, client, arrived) {
  const { c, meta } = m;
  const sel = remembered((/** @type {string} */ generation) => selection(c, generation));
  /** An array: there may be as many as there are types. @type {string[]} */
  const folds = Array(c.n);
  const fold = (/** @type {number} */ i) => folds[i] ??= foldedName(textOf(c, i, 'csharp'), textOf(c, i, 'module')) ?? '';
  const suspects = suspectsOf(m.result.comparison.suspects, m);
  /** @type {any} */
  let groups = null;
  const ask = remembered(() => Promise.all(['interface', 'base'].map((by) => client.group(by))).catch((failure) => {
    console.warn(failure);
    return [];
  }).then((both) => {
    groups = both;
    arrived();
  }));
  return {
    suspects,
    selection: sel,
    texts: remembered(() => searchTexts(c)),
    ranks: remembered((/** @type {'csharp' | 'type'} */ spelling) => nameRanks(c, spelling)),
    fold,
    bars: remembered((/** @type {number} */ track) => {
      const { sizes } = sel('all');
      return scale(m.k > 1 ? sizes[m.k - 1].map((last, i) => last - sizes[0][i]) : sizes[0], track, m.k > 1);
    }),
    sum: remembered((/** @type {string} */ generation) => sumOf(sel(generation), c.owner.keys())),
    detail: remembered((/** @type {number} */ i) => client.detail(i)),
    /** Groups by base type and interface; null while they are on their way. */
    groups() {
      ask(null);
      return groups;
    },
    /** What the toolbar says beside its buttons: at first only what costs nothing, the rest once it is made. */
    counts: remembered((/** @type {string} */ g) => {
      const used = (/** @type {number} */ at) => meta.dumps.some((/** @type {any} */ d) => d.generations?.[at]?.count > 0);
      const generations = new Set(['all', 'old', 'young', ...GENERATIONS.filter((_, at) => used(at)).map((label) => label.toLowerCase())]);
      const counts = {
        known: { views: { types: number(c.n), suspects: suspects && suspectCount(suspects) ? number(suspectCount(suspects)) : '–' }, show: {}, owners: [0, 0, 0], generations, folded: 0 },
        /** @type {(() => void) | null} */
        make() {
          const owners = OWNERS.map((_, at) => c.owner.filter((o) => o === at).length);
          Object.assign(counts.known, { show: countShown(sel(g)), owners, folded: countFolded(c, fold) });
          counts.make = null;
        },
      };
      return counts;
    }),
  };
}

/** How many types each button of SHOWN would leave. @param {import('../lib/columns.js').Selection} s */
function countShown(s) {
  const rows = [...s.counts[0].keys()].filter((i) => s.counts.some((d) => d[i] !== 0));
  return Object.fromEntries(Object.keys(SHOWN).map((key) => [key, rows.filter(shownBy(s, key)).length]));
}

/** Types that fold with others. @param {import('../lib/columns.js').Columns} c @param {(i: number) => string} fold */
function countFolded(c, fold) {
  const groups = groupedBy(c.owner.keys(), fold);
  groups.delete('');
  return [...groups.values()].reduce((n, { length }) => n + (length > 1 ? length : 0), 0);
}

/** The suspects with the names that their rows show. @param {import('../protocol.js').Suspects | null} s @param {Model} m @returns {import('../lib/lines.js').Suspects | null} */
function suspectsOf(s, { meta, complete }) {
  if (!s) return null;
  const name = (/** @type {number} */ at) => ownName(meta.supertypes[at]?.type_name_csharp ?? '');
  return {
    by_supertype: s.by_supertype.map((g) => {
      const { type_name, type_name_csharp, module } = meta.supertypes[g.supertype] ?? {};
      const same = g.same_number === null ? null : s.same_number[g.same_number];
      const notes = [
        same && `together as many as each of the ${same.types.rows.length} types below`,
        g.equal.length > 0 && `the same as ${g.equal.slice(0, 2).map(name).join(', ')}${g.equal.length > 2 ? ', …' : ''}`,
      ];
      return { name: type_name, name_csharp: type_name_csharp, module, owner: g.owner, rows: g.types.rows, note: notes.filter(Boolean).join('; ') };
    }),
    same_number: s.same_number.map((g) => g.types.rows),
    resized: s.resized.map((r) => r.row),
    alone: s.alone,
    withheld: s.withheld.map((w) => w.reason),
    complete,
  };
}

/** @param {string} view @param {import('../lib/lines.js').Context} x @param {Model} m @param {ReturnType<typeof once>} known @returns {Item[]} */
function itemsOf(view, x, m, known) {
  switch (view) {
    case 'suspects':
      return linesOfSuspects(x, /** @type {any} */ (known.suspects), signed);
    case 'namespace':
      return linesOfNamespaces(x);
    case 'assembly':
      return linesOfAssemblies(x, m.assembly);
    case 'base': {
      const groups = known.groups();
      if (!groups) return [section('wait', 'Grouping…')];
      const note = 'a type is in each of its groups, so these are hollow and do not add up';
      return linesOfSupertypes(x, groups.map((/** @type {any} */ g) => ({
        label: g.by === 'base' ? 'Base types' : 'Interfaces', note, brief: 'overlap, do not add up',
        // Everything derives from Object.
        groups: g.rows.map((/** @type {any} */ row, /** @type {number} */ at) => ({ ...row, rows: Array.from(g.members[at]) })).filter((/** @type {any} */ row) => row.name !== 'System.Object'),
      })));
    }
    default:
      return linesOfTypes(x);
  }
}

/** What the GC keeps without any object in it, where the memory account of every dump knows it: beside Free, and in no total. @param {Model} m @param {Shown} x @returns {HTMLElement[]} */
function emptyRows(m, x) {
  const sizes = m.meta.dumps.map((/** @type {any} */ d) => d.memory?.owners.find((/** @type {any} */ o) => o.owner === 'gc-empty')?.bytes ?? null);
  if (sizes.some((/** @type {number | null} */ n) => n === null)) return [];
  const line = footRow(m, x, { counts: sizes.map(() => 0), sizes }, 'free part empty', 'Empty memory of the GC', ['holds no object, in no total'], 'GC, empty');
  for (const cell of line.querySelectorAll('[class*="c-count"], [class*="c-step"], .c-average, .c-trend')) cell.replaceChildren();
  return [line];
}

/** @param {import('../lib/rows.js').Filter} f */
function isUnfiltered(f) {
  return f.search.trim() === '' && f.show === 'all' && OWNERS.every((o) => f.owners[o]);
}

/** Pixels of a text in the page's own font. @param {string} text @param {string} look */
function measure(text, look) {
  const probe = el('b', { class: look }, text);
  document.body.append(probe);
  const { width } = probe.getBoundingClientRect();
  probe.remove();
  return width;
}
