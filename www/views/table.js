// The table: one grid for all views. The lines come from lib/lines.js as a flat list; only those in sight are elements, so that 20,000 types
// scroll and filter at once. The page itself scrolls; head and foot stick to the window.

import { scale } from '../lib/bars.js';
import { OWNERS, change, freeOf, growth, hasGenerations, keyOf, lineOf, plus, selection, sumOf, textOf } from '../lib/columns.js';
import { byId, copyText, el } from '../lib/dom.js';
import { number, percent, plural, signed } from '../lib/format.js';
import { fromFragment, toFragment } from '../lib/fragment.js';
import { commandOf } from '../lib/keys.js';
import { idOf, linesOfAssemblies, linesOfNamespaces, linesOfSupertypes, linesOfSuspects, linesOfTypes, suspectCount } from '../lib/lines.js';
import { foldedName, splitName } from '../lib/names.js';
import { SHOWN, filtered, matcher, nameRanks, searchTexts, shownBy } from '../lib/rows.js';
import { oneProcess } from '../lib/facts.js';
import { trend } from '../lib/series.js';
import { mountChart } from './chart.js';
import { classCell, detailCell } from './detail.js';
import { columnsOf, footRow, headRows, hooks, lineNode, widen } from './row.js';
import { VIEWS, mountToolbar } from './toolbar.js';

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
  /** @type {Map<Item, HTMLElement>} */
  let nodes = new Map();
  /** Where the keyboard is. */
  let active = '';
  let lines = 'one';
  let printing = false;
  /** Of the area, when the columns were laid out. */
  let drawnWidth = 0;
  let drawnKey = '';
  let drawnFilter = '';
  /** @type {import('../lib/lines.js').Context | null} */
  let context = null;

  const measured = new ResizeObserver((entries) => {
    let changed = false;
    for (const { target } of entries) {
      const id = /** @type {HTMLElement} */ (target).dataset.id ?? '';
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
      if (part) { /* the address is for the whole */ } else if (restore && Object.keys(restore).length > 0) {
        const state = restore;
        restore = null;
        store.set(state);
        return;
      }
      if (!part) restore = null;
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
    const view = m.k === 1 && s.view === 'suspects' ? 'types' : s.view === 'suspects' && !known.suspects ? 'types' : s.view;
    const generation = m.generations && view !== 'suspects' ? s.generation : 'all';
    const sel = known.selection(generation);
    // The suspects are of whole heaps: only search and classes act on them.
    const filter = { search: s.search, owners: s.owners, show: m.k === 1 || view === 'suspects' ? 'all' : s.show };
    const rows = filtered(m.c, sel, filter, known.texts);
    const spelling = s.spelling;
    const usual = s.order.by === 'size' && s.order.dir === -1;
    const ranked = view === 'suspects' && usual && !s.order.chosen;
    context = {
      c: m.c, s: sel, rows, spelling, opened: new Set(s.opened), ranks: () => /** @type {any} */ (known).ranks(spelling), fold: s.fold && view === 'types' ? known.fold : null,
      order: ranked ? null : s.order, pinned: new Set(view === 'types' ? s.pinned : []),
      growth: usual && m.k > 1 && generation === 'all' && isUnfiltered(s) ? m.growth : undefined,
    };
    items = itemsOf(view, context, m, known);
    // A row that goes away or changes its place takes the focus along.
    const focused = body.contains(document.activeElement);
    const inside = /** @type {any} */ (document.activeElement?.closest('.detail-row'))?.dataset.id;
    layOut(s, view, sel);
    drawHead(s, view, ranked);
    drawFoot(s, sel, rows, generation, filter);
    const said = { error: matcher(s.search).error ?? '', found: `${saying}${plural(rows.length, 'type')} of ${number(m.c.n)} shown` };
    const counts = known.counts(generation);
    updateToolbar({ ...s, view }, m, { ...(counts.done ?? counts.before), ...said });
    // Counting takes as long as drawing: a task of its own, so that the first rows are there before.
    if (!counts.done) {
      setTimeout(() => {
        if (model !== m) return;
        counts.done = counts.make();
        if (store.get() === s) updateToolbar({ ...s, view }, m, { ...counts.done, ...said });
        else redraw(true);
      });
    }
    updateChart(s, m);
    nothing.hidden = rows.length > 0;
    if (!items.some((item) => selectable(item) && idOf(m.c, item) === active)) {
      const first = items.find(selectable);
      active = first ? idOf(m.c, first) : '';
    }
    for (const node of nodes.values()) node.remove();
    nodes = new Map();
    place();
    if (!keep) toTop();
    paint();
    if (focused) focusActive(false);
    if (inside) /** @type {any} */ ([...nodes].find(([item]) => idOf(m.c, item) === inside)?.[1].querySelector('[data-move][aria-pressed="true"]'))?.focus();
    writeFragment(s);
  }

  /** Which columns there is room for, how wide, and the scale of the bars. @param {State} s @param {string} view @param {import('../lib/columns.js').Selection} sel */
  function layOut(s, view, sel) {
    const m = /** @type {Model} */ (model);
    drawnWidth = area.clientWidth;
    const width = table.clientWidth || innerWidth - 48;
    const digit = measure('0000000000', 'probe') / 10;
    const letter = measure('0000000000', 'probe mono') / 10;
    const all = columnsOf(m, s.units, view).filter((c) => c.option === '' || !s.hidden.includes(c.option));
    widen(all, items, { units: s.units, spelling: s.spelling, view, s: sel, columns: all, bars: /** @type {any} */ (known).bars(TRACK), room: 0, two: false });
    const pixels = (/** @type {import('./row.js').Column} */ c) => (c.key === 'bar' ? TRACK + 16 : Math.ceil(c.width * digit) + 20);
    const need = (/** @type {import('./row.js').Column[]} */ list) => list.reduce((n, c) => n + pixels(c), view === 'suspects' ? NAME + 150 : NAME);
    let columns = all;
    for (const option of ['average', 'trend', 'percent', 'counts']) if (need(columns) > width) columns = columns.filter((c) => c.option !== option);
    lines = innerWidth < 900 || need(columns) > width ? 'two' : 'one';
    let track = TRACK;
    if (lines === 'two') {
      const series = m.k > 2;
      const wanted = (/** @type {import('./row.js').Column} */ c) => ['size', 'bar', 'percent', 'count'].includes(c.key) || c.option === (series ? 'count' : 'counts') || (m.k === 1 && c.key === 'average');
      columns = all.filter(wanted);
      if (width < 560) track = NARROW_TRACK;
      const fits = () => columns.reduce((n, c) => n + (c.key === 'bar' ? track + 8 : Math.ceil(c.width * digit) + 10), 0) <= width;
      for (const option of ['counts', 'average', 'percent', 'bar']) if (!fits()) columns = columns.filter((c) => c.option !== option);
      while (!fits() && columns.length > 2) columns = columns.slice(0, -1);
    }
    const template = columns.map((c) => (lines === 'two' ? (c.key === 'bar' ? `${track + 8}px` : `minmax(max-content, ${c.width}fr)`) : `${pixels(c)}px`));
    table.style.setProperty('--columns', lines === 'two' ? template.join(' ') : `minmax(0, 1fr) ${template.join(' ')}`);
    table.dataset.lines = lines;
    // The foot's names take the place of what the foot does not show.
    table.style.setProperty('--foot-span', String(Math.max(1, columns.filter((c) => c.key === 'bar' || c.key === 'percent').length)));
    table.classList.toggle('no-bar', !columns.some((c) => c.key === 'bar'));
    table.style.setProperty('--zero', `${/** @type {any} */ (known).bars(track).zero}px`);
    table.classList.toggle('one', m.k === 1);
    const nameWidth = lines === 'two' ? width - 40 : width - columns.reduce((n, c) => n + pixels(c), 0) - 40;
    shown = { units: s.units, spelling: s.spelling, view, s: sel, columns, bars: /** @type {any} */ (known).bars(track), two: lines === 'two', room: Math.max(16, Math.floor((nameWidth - 4) / letter)) };
  }

  /** @param {State} s @param {string} view @param {boolean} ranked  in the order of the suspects, which is that of no column */
  function drawHead(s, view, ranked) {
    const m = /** @type {Model} */ (model);
    const focusedBy = head.contains(document.activeElement) ? document.activeElement?.getAttribute('data-by') : null;
    head.replaceChildren(...headRows(m, /** @type {Shown} */ (shown)));
    for (const button of head.querySelectorAll('[data-by]')) {
      const by = button.getAttribute('data-by');
      if (by === s.order.by && !ranked) button.closest('th')?.setAttribute('aria-sort', s.order.dir > 0 ? 'ascending' : 'descending');
      if (by === focusedBy) /** @type {HTMLElement} */ (button).focus({ preventScroll: true });
    }
    table.setAttribute('aria-label', (VIEWS.find(([v]) => v === view)?.[1] ?? '').replace(/^By/, 'Types by'));
  }

  let freeOpen = false;
  /** @param {State} s @param {import('../lib/columns.js').Selection} sel @param {number[]} rows @param {string} generation @param {import('../lib/rows.js').Filter} filter */
  function drawFoot(s, sel, rows, generation, filter) {
    const m = /** @type {Model} */ (model);
    const x = /** @type {Shown} */ (shown);
    const types = /** @type {any} */ (known).sum(generation);
    const free = freeOf(m.meta, generation);
    const total = plus(types, free);
    const share = (/** @type {import('../lib/columns.js').Line} */ part, /** @type {import('../lib/columns.js').Line} */ whole) => {
      const ends = m.k > 1 ? [0, m.k - 1] : [0];
      return ends.map((d) => percent(part.sizes[d], whole.sizes[d]).replace(' %', '')).join(' → ');
    };
    const where = generation === 'all' ? 'the heap' : 'these generations';
    const list = [];
    const some = rows.length < m.c.n && (filter.search.trim() !== '' || filter.show !== 'all' || OWNERS.some((o) => !filter.owners[o]));
    if (some) list.push(footRow(m, x, sumOf(sel, rows), 'filtered', `Shown: ${number(rows.length)} of ${plural(m.c.n, 'type')}`, []));
    list.push(footRow(m, x, types, 'types', generation === 'all' ? `All ${plural(m.c.n, 'type')}` : 'All types in these generations', [], plural(m.c.n, 'type')));
    const hasFree = m.generations && generation === 'all';
    const opener = el('button.link.small-link', { 'aria-expanded': String(freeOpen), onclick: () => {
      freeOpen = !freeOpen;
      drawFoot(s, sel, rows, generation, filter);
      /** @type {HTMLElement | null} */ (foot.querySelector('.free button'))?.focus();
      paint();
    } }, 'by generation');
    const line = footRow(m, x, free, 'free', 'Free', [`${share(free, total)} % of ${where}`, ...(hasFree ? [opener] : [])]);
    hooks(line, 'Free', '', m.meta.free);
    list.push(line);
    if (hasFree && freeOpen) {
      for (const [key, label] of [['gen2', 'gen2'], ['loh', 'LOH'], ['poh', 'POH'], ['frozen', 'frozen'], ['gen1', 'gen1'], ['gen0', 'gen0']]) {
        const part = freeOf(m.meta, key);
        const whole = plus(/** @type {any} */ (known).sum(key), part);
        if (Array.from(part.sizes).some((n) => n > 0)) list.push(footRow(m, x, part, 'free part', `Free in ${label}`, [`${share(part, whole)} % of it`]));
      }
      list.push(...emptyRows(m, x));
    }
    list.push(footRow(m, x, total, 'total', generation !== 'all' ? 'Total of these generations' : m.complete ? 'Total, as !dumpheap -stat prints it' : 'Total of what was read', [], 'Total with Free'));
    foot.replaceChildren(...list);
    number_(foot);
  }

  /** @param {HTMLElement} part  the foot: its rows follow the body's */
  function number_(part) {
    [...part.children].forEach((row, at) => row.setAttribute('aria-rowindex', String(items.length + 2 + at)));
    table.setAttribute('aria-rowcount', String(items.length + 1 + part.children.length));
    table.setAttribute('aria-colcount', String((shown?.columns.length ?? 0) + 1));
  }

  // --- from lines to elements ---

  const selectable = (/** @type {Item} */ item) => item.kind === 'type' || item.kind === 'group';

  /** Where each line begins. */
  function place() {
    const m = /** @type {Model} */ (model);
    tops = new Float64Array(items.length + 1);
    const plain = lines === 'two' ? HEIGHT.two : HEIGHT.one;
    let top = 0;
    items.forEach((item, at) => {
      tops[at] = top;
      if (selectable(item)) top += plain;
      else if (item.kind === 'detail') top += heights.get(idOf(m.c, item)) ?? HEIGHT[item.assembly ? 'assembly' : 'detail'];
      else top += item.kind === 'rule' ? HEIGHT.rule : HEIGHT.section;
    });
    tops[items.length] = top;
    body.style.height = `${top}px`;
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
    const m = model;
    if (!m || !shown) return;
    const top = -body.getBoundingClientRect().top;
    let from = lineAt(Math.max(0, top - BEYOND));
    let to = lineAt(top + innerHeight + BEYOND) + 1;
    if (printing) [from, to] = [0, Math.min(items.length, PRINTED)];
    const wanted = [];
    for (let at = from; at < Math.min(to, items.length); at += 1) wanted.push(at);
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const held = focused ? items.indexOf(/** @type {any} */ ([...nodes].find(([, node]) => node.contains(focused))?.[0])) : -1;
    if (held >= 0 && held < from) wanted.unshift(held);
    if (held >= to) wanted.push(held);
    /** @type {Map<Item, HTMLElement>} */
    const next = new Map();
    for (const at of wanted) {
      next.set(items[at], nodeAt(at));
      nodes.delete(items[at]);
    }
    for (const node of nodes.values()) {
      measured.unobserve(node);
      node.remove();
    }
    nodes = next;
    // The keyboard must find a way in, also where the reader scrolled away from the row it was on.
    if (![...next.keys()].some((item) => selectable(item) && idOf(m.c, item) === active)) {
      const first = wanted.map((at) => items[at]).find((item, n) => selectable(item) && tops[wanted[n]] >= top);
      if (first && !focused) {
        active = idOf(m.c, first);
        next.get(first)?.setAttribute('tabindex', '0');
      }
    }
    let before = body.firstElementChild;
    for (const node of next.values()) {
      if (node === before) before = before.nextElementSibling;
      else body.insertBefore(node, before);
    }
  }

  /** The line as an element, in its place. @param {number} at */
  function nodeAt(at) {
    const node = nodes.get(items[at]) ?? make(items[at]);
    node.setAttribute('aria-rowindex', String(at + 2));
    node.style.top = `${tops[at]}px`;
    return node;
  }

  /** @param {Item} item */
  function make(item) {
    const m = /** @type {Model} */ (model);
    const id = idOf(m.c, item);
    const node = lineNode(item, m, /** @type {Shown} */ (shown));
    node.dataset.id = id;
    if (id === active) node.setAttribute('tabindex', '0');
    if (item.kind === 'detail') {
      const { i, assembly } = item;
      node.append(assembly ? classCell(assembly, /** @type {any} */ (m.assembly(assembly)), move) : detailCell(m, i, store.get(), /** @type {any} */ (known).detail(i), { pin: () => pin(i) }));
      node.firstElementChild?.setAttribute('aria-colspan', String((shown?.columns.length ?? 0) + 1));
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
  addEventListener('beforeprint', () => {
    printing = true;
    paint();
  });
  addEventListener('afterprint', () => {
    printing = false;
    paint();
  });

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
    const { order } = store.get();
    const same = order.by === by && (order.chosen || context?.order);
    store.set({ order: { by, dir: same ? /** @type {1 | -1} */ (-order.dir) : by === 'type' ? 1 : -1, chosen: true } });
  }

  body.addEventListener('click', (e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    const node = /** @type {HTMLElement | null} */ (target.closest('tr'));
    // A click that ends the marking of text is none.
    if (!node || target.closest('.detail') || !getSelection()?.isCollapsed) return;
    const item = itemOf(node);
    if (!item || !selectable(item)) return;
    moveTo(items.indexOf(item), false);
    toggle(item, !(/** @type {any} */ (item).open));
  });

  // Whatever moved the focus there, a screen reader for one: the keyboard goes on from it.
  body.addEventListener('focusin', (e) => {
    const item = itemOf(/** @type {Element} */ (e.target));
    if (item && selectable(item) && idOf(/** @type {Model} */ (model).c, item) !== active) moveTo(items.indexOf(item), false);
  });

  /** @param {Element | null} node */
  const itemOf = (node) => [...nodes].find(([, n]) => n === node)?.[0] ?? null;

  /** @param {Item} item @param {boolean} open */
  function toggle(item, open) {
    const id = idOf(/** @type {Model} */ (model).c, item);
    const { opened, result } = store.get();
    // Its objects are told of when all of them are known.
    if (result?.soFar) return;
    if (opened.includes(id) !== open) store.set({ opened: open ? [...opened, id] : opened.filter((o) => o !== id) });
  }

  /** @param {string} assembly @param {string | null} owner */
  function move(assembly, owner) {
    saying = `${assembly} counts as ${owner ?? 'before'}. `;
    actions.move(assembly, owner);
  }

  /** @param {number} i */
  function pin(i) {
    const key = keyOf(/** @type {Model} */ (model).c, i);
    const { pinned } = store.get();
    store.set({ pinned: pinned.includes(key) ? pinned.filter((p) => p !== key) : [...pinned, key] });
  }

  table.addEventListener('keydown', (e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    const inDetail = target.closest('.detail');
    if (target.closest('input, select, textarea')) return;
    const s = store.get();
    const command = commandOf(e, s.letters);
    if (!command || !model) return;
    const onRow = target.matches('tbody > tr');
    // Buttons keep their own keys; inside an opened row only Esc is the table's.
    if (!onRow && !('set' in command || 'sort' in command || 'owner' in command || 'act' in command || (inDetail && e.key === 'Escape'))) return;
    if (e.key === 'Enter' && !onRow) return;
    e.preventDefault();
    const at = items.findIndex((item) => selectable(item) && idOf(/** @type {Model} */ (model).c, item) === active);
    const item = items[at];
    if ('move' in command) moveTo(target_(command.move, at), true);
    if ('set' in command) store.set(command.set);
    if ('sort' in command) sortBy(command.sort);
    if ('owner' in command) store.set({ owners: { ...s.owners, [command.owner]: !s.owners[command.owner] } });
    if ('act' in command) {
      if (command.act === 'swap') actions.swap();
      if (command.act === 'choose') actions.choose();
      if (command.act === 'help') /** @type {HTMLElement | null} */ (document.querySelector('[data-dialog="help"]'))?.click();
    }
    if (!('row' in command) || !item || !selectable(item)) return;
    if (command.row === 'open') {
      if (/** @type {any} */ (item).open && e.key === 'Enter') toggle(item, false);
      else toggle(item, true);
    }
    if (command.row === 'close') {
      if (inDetail) focusActive(true);
      if (/** @type {any} */ (item).open) toggle(item, false);
      else if (e.key === 'ArrowLeft') moveTo(parentOf(at), true);
    }
    if (command.row === 'pin' && item.kind === 'type') pin(item.i);
    if (command.row === 'copy') void copyText(item.kind === 'type' ? textOf(model.c, item.i, s.spelling) : /** @type {any} */ (item).label);
  });

  /** @param {string} move @param {number} at */
  function target_(move, at) {
    const page = Math.max(1, Math.floor((innerHeight - head.clientHeight - foot.clientHeight) / (lines === 'two' ? HEIGHT.two : HEIGHT.one)) - 1);
    const step = { up: -1, down: 1, pageUp: -page, pageDown: page, first: -Infinity, last: Infinity }[move] ?? 0;
    const way = step < 0 ? -1 : 1;
    let left = Math.abs(step);
    let best = at;
    for (let to = at + way; to >= 0 && to < items.length && left > 0; to += way) {
      if (!selectable(items[to])) continue;
      best = to;
      left -= 1;
    }
    return best;
  }

  /** The group that a line is in. @param {number} at */
  function parentOf(at) {
    const level = /** @type {any} */ (items[at]).level;
    for (let to = at - 1; to >= 0; to -= 1) if (selectable(items[to]) && /** @type {any} */ (items[to]).level < level) return to;
    return at;
  }

  /** @param {number} at @param {boolean} focus */
  function moveTo(at, focus) {
    const item = items[at];
    if (!item || !model) return;
    nodes.forEach((n) => n.getAttribute('tabindex') === '0' && n.setAttribute('tabindex', '-1'));
    active = idOf(model.c, item);
    nodes.get(item)?.setAttribute('tabindex', '0');
    if (focus) focusActive(true);
  }

  /** @param {boolean} scroll  until it is between head and foot */
  function focusActive(scroll) {
    const m = /** @type {Model} */ (model);
    const at = items.findIndex((item) => selectable(item) && idOf(m.c, item) === active);
    if (at < 0) return;
    if (scroll) intoView(at);
    paint();
    let node = nodes.get(items[at]);
    if (!node) {
      // Out of sight after a redraw: drawn all the same, so that the focus has a place.
      node = nodeAt(at);
      nodes.set(items[at], node);
      body.append(node);
    }
    node.focus({ preventScroll: true });
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
    const m = /** @type {Model} */ (model);
    const s = store.get();
    const find = () => items.findIndex((item) => selectable(item) && idOf(m.c, item) === key || (item.kind === 'type' && keyOf(m.c, item.i) === key));
    let at = find();
    if (at < 0) {
      // Inside a closed group.
      const holder = items.find((item) => item.kind === 'group' && !item.hollow && item.rows.some((i) => keyOf(m.c, i) === key)) ?? items.find((item) => item.kind === 'group' && item.rows.some((i) => keyOf(m.c, i) === key));
      if (holder) {
        store.set({ opened: [...s.opened, idOf(m.c, holder)] });
        return; // again, with its rows
      }
    }
    store.set({ goTo: null });
    if (at < 0) return;
    active = idOf(m.c, items[at]);
    if (!s.opened.includes(active)) store.set({ opened: [...s.opened, active] });
    requestAnimationFrame(() => {
      at = find();
      if (at < 0) return;
      const y = body.getBoundingClientRect().top + tops[at] - head.getBoundingClientRect().height - 60;
      scrollBy(0, y);
      paint();
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
  const times = meta.dumps.map((/** @type {any} */ d) => d.dump?.captured_at ?? null);
  const facts = meta.dumps.map((/** @type {any} */ d) => d.dump ?? {});
  const oneLife = facts.every((/** @type {any} */ f) => oneProcess(f, facts[0]));
  const assemblies = new Map(meta.assemblies.map((/** @type {any} */ a) => [a.name, a]));
  let uneven = false;
  for (let i = 0; k > 2 && i < c.n && !uneven; i += 1) uneven = trend(lineOf(all, i), times).index !== null;
  return {
    result, c, meta, k, times, uneven, names: result.names,
    complete: meta.dumps.every((/** @type {any} */ d) => d.complete) && !(meta.findings ?? []).some((/** @type {any} */ f) => f.partial),
    generations: hasGenerations(meta), growth: k > 1 ? growth(all) : 0, life: oneLife && k > 1 ? `pid ${facts[0].pid}` : '', assembly: (name) => assemblies.get(name),
  };
}

/** What one result is asked for again and again, worked out at most once. @param {Model} m @param {any} client @param {() => void} arrived */
export function once(m, client, arrived) {
  const { c, meta } = m;
  /** @type {Map<string, any>} */
  const cache = new Map();
  const keep = (/** @type {string} */ key, /** @type {() => any} */ make) => {
    if (!cache.has(key)) cache.set(key, make());
    return cache.get(key);
  };
  const sel = (/** @type {string} */ g) => keep(`selection ${g}`, () => selection(c, g));
  const fold = (/** @type {number} */ i) => keep('folds', () => Array(c.n))[i] ??= foldedName(textOf(c, i, 'csharp'), textOf(c, i, 'module')) ?? '';
  const suspects = suspectsOf(m.result.comparison.suspects, m);
  return {
    suspects,
    selection: sel,
    texts: () => keep('texts', () => searchTexts(c)),
    ranks: (/** @type {'csharp' | 'type'} */ spelling) => keep(`ranks ${spelling}`, () => nameRanks(c, spelling)),
    fold,
    bars: (/** @type {number} */ track) => keep(`bars ${track}`, () => {
      const all = sel('all');
      return scale(all.sizes[m.k - 1].map((/** @type {number} */ s, /** @type {number} */ i) => (m.k > 1 ? s - all.sizes[0][i] : s)), track, m.k > 1);
    }),
    sum: (/** @type {string} */ g) => keep(`sum ${g}`, () => sumOf(sel(g), c.owner.keys())),
    detail: (/** @type {number} */ i) => keep(`detail ${i}`, () => client.detail(i)),
    /** Groups by base type and interface; null while they are on their way. */
    groups: () => {
      keep('asked', () => Promise.all(['interface', 'base'].map((by) => client.group(by))).then((both) => {
        cache.set('groups', both);
        arrived();
      }, (failure) => {
        cache.set('groups', []);
        console.warn(failure);
        arrived();
      }));
      return cache.get('groups') ?? null;
    },
    /** What the toolbar says beside its buttons: at first only what costs nothing. */
    counts: (/** @type {string} */ g) => keep(`counts ${g}`, () => {
      const used = (/** @type {number} */ at) => meta.dumps.some((/** @type {any} */ d) => (d.generations?.[at]?.count ?? 0) > 0);
      const rows = suspects ? suspectCount(suspects) : 0;
      const generations = new Set(['all', 'old', 'young', ...['gen0', 'gen1', 'gen2', 'loh', 'poh', 'frozen'].filter((_, at) => used(at))]);
      const before = { views: { types: c.n, suspects: rows > 0 ? rows : -1 }, show: {}, owners: [0, 0, 0], generations, folded: 0 };
      return { done: null, before, make: () => ({ ...before, show: countShown(sel(g)), owners: countOwners(c), folded: countFolded(c, fold) }) };
    }),
  };
}

/** How many types each button of SHOWN would leave. @param {import('../lib/columns.js').Selection} s */
function countShown(s) {
  const n = s.counts[0].length;
  return Object.fromEntries(Object.keys(SHOWN).map((key) => {
    const test = shownBy(s, key);
    let count = 0;
    for (let i = 0; i < n; i += 1) if (s.counts.some((d) => d[i] !== 0) && test(i)) count += 1;
    return [key, count];
  }));
}

/** @param {import('../lib/columns.js').Columns} c */
function countOwners({ owner }) {
  const counts = [0, 0, 0];
  for (const o of owner) counts[o] += 1;
  return counts;
}

/** Types that fold with others. @param {import('../lib/columns.js').Columns} c @param {(i: number) => string} fold */
function countFolded(c, fold) {
  const seen = new Map();
  for (const i of c.owner.keys()) if (fold(i) !== '') seen.set(fold(i), (seen.get(fold(i)) ?? 0) + 1);
  let folded = 0;
  for (const n of seen.values()) if (n > 1) folded += n;
  return folded;
}

/** The suspects with the names that their rows show. @param {import('../protocol.js').Suspects | null} s @param {Model} m @returns {import('../lib/lines.js').Suspects | null} */
function suspectsOf(s, { meta, complete }) {
  if (!s) return null;
  const name = (/** @type {number} */ at) => splitName(meta.supertypes[at]?.type_name_csharp ?? '').rest;
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
      if (!groups) return [{ kind: 'section', id: 'section:wait', label: 'Grouping…', note: '' }];
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

/** @param {State} s */
function isUnfiltered(s) {
  return s.search.trim() === '' && s.show === 'all' && OWNERS.every((o) => s.owners[o]);
}

/** Pixels of a text in the page's own font. @param {string} text @param {string} look */
function measure(text, look) {
  const probe = el('b', { class: look }, text);
  document.body.append(probe);
  const { width } = probe.getBoundingClientRect();
  probe.remove();
  return width;
}
