// The table of types: one of a single dump, or the comparison of the first with the last. Every type is a plain row of the document, so
// that the browser's own search and scripts find it; rows out of sight cost no layout (content-visibility in app.css).

import { exact } from '../lib/answer.js';
import { byId, copyButton, el, setText } from '../lib/dom.js';
import { bar, scale } from '../lib/bars.js';
import { number, percent, plural, signed, signedPercent, visible } from '../lib/format.js';
import { splitName } from '../lib/names.js';
import { SHOWN, average, matcher, sorted } from '../lib/rows.js';
import { toCsv, toMarkdown } from '../lib/exports.js';
import { openedRow } from './row.js';

/**
 * @typedef {import('../lib/rows.js').Row} Row
 * @typedef {import('../lib/rows.js').Table} Table
 * @typedef {import('../lib/rows.js').Column} Column
 * @typedef {{key: Column, label: string, group: string, width: number, text: (r: Row) => string, bar?: boolean}} NumberColumn
 */

/** Pixels of the track of the bars. */
const TRACK = 150;

/** Pixels that a type name is left at least, before columns are dropped for it. */
const NAME = 300;

/** @param {import('../store.js').Store} store @param {import('../analysis.js').ReportsClient} reports */
export function mountTable(store, reports) {
  const table = byId('diff');
  const [head, body, foot] = table.children;
  const search = byId('search');
  /** @type {import('../store.js').Result | null} */
  let drawn = null;
  /** @type {Map<Row, HTMLElement>} */
  let nodes = new Map();
  /** @type {Row[]} */
  let rowsShown = [];
  /** @type {NumberColumn[]} */
  let columns = [];
  /** @type {Map<string, number>} */
  let widths = new Map();
  let spelling = '';
  let listed = '';

  search.addEventListener('input', () => store.set({ search: search.value }));
  search.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => {
    if (e.key === 'Escape') {
      store.set({ search: '' });
      search.blur();
    }
  });
  byId('spelling').addEventListener('click', (/** @type {any} */ e) => {
    const wanted = e.target.dataset.spelling;
    if (wanted) store.set({ spelling: wanted });
  });
  byId('shown').addEventListener('click', (/** @type {any} */ e) => {
    const wanted = e.target.closest('[data-show]')?.dataset.show;
    if (wanted) store.set({ show: wanted });
  });
  head.addEventListener('click', (/** @type {any} */ e) => {
    const by = e.target.closest('[data-by]')?.dataset.by;
    const { order } = store.get();
    if (by) store.set({ order: { by, dir: order.by === by ? /** @type {1 | -1} */ (-order.dir) : by === 'type' ? 1 : -1 } });
  });
  byId('copies').append(
    copyButton('Copy CSV', () => toCsv(/** @type {Table} */ (drawn?.table), rowsShown, store.get().spelling)),
    copyButton('Copy Markdown', () => toMarkdown(/** @type {Table} */ (drawn?.table), rowsShown, store.get().spelling)),
  );
  mountRows(/** @type {HTMLElement} */ (body), (node) => {
    const row = [...nodes].find(([, n]) => n === node)?.[0];
    return row && drawn ? openedRow(row, drawn, reports) : null;
  });
  new ResizeObserver(() => fit(table, widths)).observe(byId('result'));

  store.subscribe((s) => {
    if (s.result !== drawn) {
      drawn = s.result;
      nodes = new Map();
      listed = '';
      spelling = '';
      if (!drawn) {
        for (const part of [head, body, foot]) part.replaceChildren();
        return;
      }
      columns = columnsOf(drawn.table);
      const bars = scale(drawn.table.rows.map((r) => r.size), TRACK);
      const make = rowMaker(columns, bars, drawn);
      for (const row of drawn.table.rows) nodes.set(row, make(row));
      head.replaceChildren(...headRows(columns, bars));
      foot.replaceChildren(...footRows(drawn.table, make, allRead(drawn)));
      widths = layOut(table, columns);
      fit(table, widths);
    }
    if (!drawn) return;
    if (spelling !== s.spelling) {
      spelling = s.spelling;
      for (const [row, node] of nodes) fillName(/** @type {any} */ (node.firstChild), row[s.spelling]);
    }
    const key = JSON.stringify([s.search, s.show, s.order, s.spelling]);
    if (listed !== key) {
      listed = key;
      rowsShown = list(s, drawn.table);
      body.replaceChildren(...rowsShown.map((r) => /** @type {Node} */ (nodes.get(r))));
      body.querySelector('.open')?.setAttribute('tabindex', '0');
      decorate(s, drawn.table, rowsShown);
    }
  });

  /** What around the rows depends on the filter and the order. @param {import('../store.js').State} s @param {Table} t @param {Row[]} shown */
  function decorate(s, t, shown) {
    if (search.value !== s.search) search.value = s.search;
    for (const button of byId('spelling').children) button.setAttribute('aria-pressed', String(button.dataset.spelling === s.spelling));
    byId('shown').hidden = !t.diff;
    byId('shown').replaceChildren(...showButtons(t, s.show, allRead(/** @type {any} */ (drawn))));
    for (const th of head.querySelectorAll('[data-by]')) {
      const mine = th.getAttribute('data-by') === s.order.by;
      const holder = th.closest('th');
      if (mine) holder?.setAttribute('aria-sort', s.order.dir > 0 ? 'ascending' : 'descending');
      else holder?.removeAttribute('aria-sort');
    }
    const { error } = matcher(s.search);
    byId('search-error').hidden = error === null;
    setText(byId('search-error'), error ?? '');
    byId('no-rows').hidden = shown.length > 0;
    const filtered = shown.length < t.rows.length;
    const line = /** @type {HTMLElement} */ (foot.querySelector('.filtered'));
    line.hidden = !filtered;
    if (filtered) fillSum(line, shown, t, columns);
  }
}

/** @param {import('../store.js').State} s @param {Table} table */
function list(s, table) {
  const { test } = matcher(s.search);
  const show = (table.diff && SHOWN[s.show]) || SHOWN.all;
  const order = table.diff || s.order.by !== 'percent' ? s.order : { ...s.order, by: /** @type {Column} */ ('size') };
  return sorted(table.rows.filter((r) => show(r) && test(r)), order, s.spelling, table.diff);
}

/** @param {Table} table @param {string} current @param {boolean} complete */
function showButtons(table, current, complete) {
  const labels = complete
    ? { all: 'All', grown: 'Grown', shrunk: 'Shrunk', new: 'New', gone: 'Gone' }
    : { all: 'All', grown: 'Grown', shrunk: 'Shrunk', new: 'Only seen in B', gone: 'Only seen in A' };
  return Object.entries(labels).map(([key, label]) =>
    el('button', { type: 'button', 'data-show': key, 'aria-pressed': String(key === current) },
      `${label} `, el('span', { class: 'n', text: number(table.rows.filter(SHOWN[key]).length) })));
}

/** @param {Table} table @returns {NumberColumn[]} */
function columnsOf(table) {
  const plain = (/** @type {keyof Row} */ key) => (/** @type {Row} */ r) => number(/** @type {number} */ (r[key] ?? 0));
  const mean = (/** @type {Row} */ r) => {
    const a = average(r);
    return a === null ? '—' : number(a);
  };
  /** @type {Omit<NumberColumn, 'width'>[]} */
  const columns = table.diff
    ? [
        { key: 'size', label: 'Size', group: 'Change, A to B', text: (r) => signed(r.size), bar: true },
        { key: 'percent', label: '%', group: '', text: (r) => signedPercent(r.size, /** @type {number} */ (r.sizeA)) },
        { key: 'count', label: 'Count', group: '', text: (r) => signed(r.count) },
        { key: 'sizeA', label: 'A', group: 'Size in bytes', text: plain('sizeA') },
        { key: 'sizeB', label: 'B', group: '', text: plain('sizeB') },
        { key: 'countA', label: 'A', group: 'Count', text: plain('countA') },
        { key: 'countB', label: 'B', group: '', text: plain('countB') },
        { key: 'average', label: 'in B', group: 'Average', text: mean },
      ]
    : [
        { key: 'size', label: 'Size', group: '', text: plain('sizeA'), bar: true },
        { key: 'percent', label: 'of heap', group: '', text: (r) => percent(r.size, table.total.size) },
        { key: 'count', label: 'Count', group: '', text: plain('countA') },
        { key: 'average', label: 'Average', group: '', text: mean },
      ];
  const all = [...table.rows, table.types, table.free, table.total];
  return columns.map((c) => ({ ...c, width: all.reduce((n, r) => Math.max(n, c.text(r).length), c.label.length + 2) }));
}

/** Column widths once per data set: as wide as the widest value. Returns them in pixels. */
function layOut(/** @type {HTMLElement} */ table, /** @type {NumberColumn[]} */ columns) {
  const probe = el('b', { class: 'probe', text: '0000000000' }); // the table itself may still be hidden
  document.body.append(probe);
  const digit = probe.getBoundingClientRect().width / 10;
  probe.remove();
  table.classList.toggle('one', columns.length === 4);
  table.style.setProperty('--w-bar', `${TRACK + 16}px`);
  /** @type {Map<string, number>} */
  const widths = new Map();
  for (const c of columns) {
    widths.set(c.key, Math.ceil(c.width * digit) + 20);
    table.style.setProperty(`--w-${c.key}`, `${widths.get(c.key)}px`);
  }
  return widths;
}

/** Drops columns, the least needed first, until the names have room; two lines for each type where even that is too narrow. */
function fit(/** @type {HTMLElement} */ table, /** @type {Map<string, number>} */ widths) {
  const room = table.clientWidth;
  if (room === 0) return;
  const columns = [...widths];
  const drops = ['', 'average', 'percent', 'bar'];
  const dropped = new Set();
  const need = () => columns.reduce((n, [key, w]) => n + (dropped.has(key) ? 0 : w), 0) + (dropped.has('bar') ? 0 : TRACK + 16) + NAME;
  const narrow = innerWidth < 900;
  for (const drop of drops) {
    dropped.add(drop);
    if (!narrow && need() <= room) break;
  }
  const lines = narrow || need() > room ? 'two' : 'one';
  if (lines === 'two') dropped.delete('bar');
  if (lines === 'two' && room < 560) dropped.add('bar');
  table.dataset.lines = lines;
  for (const drop of drops.slice(1)) table.classList.toggle(`no-${drop}`, dropped.has(drop));
  const shown = columns.filter(([key]) => !dropped.has(key)).map(([key]) => `var(--w-${key})`);
  if (!dropped.has('bar')) shown.splice(1, 0, 'var(--w-bar)');
  table.style.setProperty('--columns', `minmax(0, 1fr) ${shown.join(' ')}`);
}

/** @param {NumberColumn[]} columns @param {import('../lib/bars.js').Scale} bars */
function headRows(columns, bars) {
  const sort = (/** @type {string} */ by, /** @type {string} */ label, /** @type {string} */ said) =>
    el('button', { type: 'button', 'data-by': by, 'aria-label': said, text: label });
  const cells = [el('th', { role: 'columnheader', scope: 'col', class: 'name' }, sort('type', 'Type', 'Type'))];
  let group = '';
  for (const c of columns) {
    group = c.group || group;
    const said = c.label === '%' ? 'Change of size in percent' : group && group !== c.label ? `${group}: ${c.label}` : c.label;
    cells.push(el('th', { role: 'columnheader', scope: 'col', class: `c-${c.key}` },
      c.group !== '' && el('span', { class: 'group-label', 'aria-hidden': 'true', text: c.group }), sort(c.key, c.label, said)));
    if (c.bar) cells.push(axis(bars, columns.length > 4));
  }
  return [el('tr', { role: 'row' }, ...cells)];
}

/** The zero line and the one tick above the bars. @param {import('../lib/bars.js').Scale} bars @param {boolean} diff */
function axis(bars, diff) {
  const cell = el('td', { role: 'cell', class: 'c-bar', 'aria-hidden': 'true' });
  const mark = (/** @type {number} */ x, /** @type {string} */ text) => {
    const m = el('span', { class: 'tick', text });
    m.style.left = `${x}px`;
    cell.append(m);
  };
  if (bars.perUnit > 0) {
    mark(bars.zero, '0');
    if (bars.tick > 0 && bars.tick * bars.perUnit > 40) mark(bars.zero + bars.tick * bars.perUnit, diff ? signed(bars.tick) : number(bars.tick));
  }
  return cell;
}

/**
 * @param {NumberColumn[]} columns
 * @param {import('../lib/bars.js').Scale} bars
 * @param {import('../store.js').Result} result
 * @returns {(row: Row) => HTMLElement}
 */
function rowMaker(columns, bars, result) {
  const { table } = result;
  const complete = allRead(result);
  const pattern = el('tr', { role: 'row' },
    el('th', { role: 'rowheader', scope: 'row', class: 'name' },
      el('button', { type: 'button', class: 'open', tabindex: '-1', 'aria-expanded': 'false' }),
      el('span', { class: 'ns' }), el('span', { class: 'rest' }, el('span', { class: 'head' }), el('span', { class: 'tail' }))),
    ...columns.flatMap((c) => [
      el('td', { role: 'cell', class: `c-${c.key}` }, ''),
      c.bar && el('td', { role: 'cell', class: 'c-bar', 'aria-hidden': 'true' }),
    ]).filter(Boolean));

  return (row) => {
    const node = /** @type {HTMLElement} */ (pattern.cloneNode(true));
    const data = node.dataset;
    data.type = row.type;
    data.module = row.module;
    data.countA = text(row.countA);
    data.countB = text(row.countB);
    data.sizeA = text(row.sizeA);
    data.sizeB = text(row.sizeB);
    const mark = markOf(row, table.diff, complete);
    if (mark) /** @type {Element} */ (node.firstChild).append(el('span', { class: `mark ${row.countA === 0 ? 'grow' : row.countB === 0 ? 'shrink' : ''}`, text: mark }));
    let cell = /** @type {HTMLElement} */ (node.firstChild?.nextSibling);
    for (const c of columns) {
      const value = c.text(row);
      cell.append(value);
      if (value === '0') cell.classList.add('zero');
      cell = /** @type {HTMLElement} */ (cell.nextSibling);
      if (c.bar) {
        drawBar(cell, row.size, bars, table.diff);
        cell = /** @type {HTMLElement} */ (cell.nextSibling);
      }
    }
    return node;
  };
}

/** @param {import('../store.js').Result} result */
const allRead = (result) => result.dumps.every((d) => exact(d.head));

const text = (/** @type {number | null} */ n) => (n === null ? '' : String(n));

/** New and gone are facts only where everything was read. @param {Row} r @param {boolean} diff @param {boolean} complete */
function markOf(r, diff, complete) {
  if (!diff) return '';
  if (r.countA === 0 && r.countB !== 0) return complete ? 'new' : 'only seen in B';
  if (r.countB === 0 && r.countA !== 0) return complete ? 'gone' : 'only seen in A';
  return r.count === 0 && r.size !== 0 ? 'resized' : '';
}

/** @param {HTMLElement} cell @param {number} value @param {import('../lib/bars.js').Scale} bars @param {boolean} diff */
function drawBar(cell, value, bars, diff) {
  if (diff && bars.zero > 0) cell.style.setProperty('--zero', `${bars.zero}px`);
  const b = bar(value, bars);
  if (!b) return;
  const node = document.createElement('span');
  node.className = `bar ${!diff ? 'plain' : value > 0 ? 'grow' : 'shrink'}${b.cut ? ' cut' : ''}`;
  node.style.left = `${b.left}px`;
  node.style.width = `${b.length}px`;
  cell.append(node);
}

/** @param {HTMLElement} cell @param {string} name */
function fillName(cell, name) {
  const [button, ns, rest] = /** @type {any} */ (cell.children);
  const [head, tail] = rest.children;
  const shown = visible(name);
  const parts = splitName(shown);
  cell.title = shown;
  button.setAttribute('aria-label', `Details of ${shown}`);
  ns.textContent = parts.namespace;
  head.textContent = parts.head;
  tail.textContent = parts.tail;
}

/** All types, Free, and their sum; above them what the filter shows. @param {Table} table @param {(r: Row) => HTMLElement} make @param {boolean} complete */
function footRows(table, make, complete) {
  const line = (/** @type {Row} */ row, /** @type {string} */ label, /** @type {string} */ note, /** @type {string} */ kind) => {
    const node = make(row);
    node.className = kind;
    if (kind !== 'free') for (const key of Object.keys(node.dataset)) delete node.dataset[key];
    const cell = /** @type {HTMLElement} */ (node.firstChild);
    cell.replaceChildren(label, el('span', { class: 'note', text: note }));
    const drawn = node.querySelector('.c-bar')?.firstElementChild;
    if (kind === 'free') drawn?.classList.add('hatched');
    else drawn?.remove();
    return node;
  };
  const share = (/** @type {number | null} */ part, /** @type {number | null} */ whole) => percent(part ?? 0, whole ?? 0);
  const { free, total } = table;
  const note = table.diff ? `${share(free.sizeA, total.sizeA)} → ${share(free.sizeB, total.sizeB)} of the heap` : `${share(free.sizeA, total.sizeA)} of the heap`;
  const filtered = line(table.types, '', '', 'filtered');
  filtered.hidden = true;
  return [
    filtered,
    line(table.types, `All ${plural(table.rows.length, 'type')}`, '', 'types'),
    line(free, 'Free', note, 'free'),
    line(total, complete ? 'Total, as !dumpheap -stat prints it' : 'Total of what was read', '', 'total'),
  ];
}

/** The sum of the rows that the filter shows. @param {HTMLElement} line @param {Row[]} shown @param {Table} table @param {NumberColumn[]} columns */
function fillSum(line, shown, table, columns) {
  const sum = { ...table.types };
  for (const key of /** @type {const} */ (['countA', 'countB', 'sizeA', 'sizeB', 'count', 'size'])) {
    if (sum[key] !== null) sum[key] = shown.reduce((n, r) => n + (r[key] ?? 0), 0);
  }
  /** @type {HTMLElement} */ (line.firstChild).replaceChildren(`Shown: ${number(shown.length)} of ${plural(table.rows.length, 'type')}`);
  for (const c of columns) setText(/** @type {Element} */ (line.querySelector(`.c-${c.key}`)), c.text(sum));
}

/** Opening rows, and the keys inside the table. @param {HTMLElement} body @param {(node: HTMLElement) => HTMLElement | null} detailOf */
function mountRows(body, detailOf) {
  const toggle = (/** @type {HTMLElement} */ node, /** @type {boolean} */ open) => {
    const was = node.classList.contains('opened');
    if (was === open) return;
    node.classList.toggle('opened', open);
    node.querySelector('.open')?.setAttribute('aria-expanded', String(open));
    if (open) node.append(detailOf(node) ?? '');
    else node.lastElementChild?.remove();
  };
  body.addEventListener('click', (e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    const node = /** @type {HTMLElement | null} */ (target.closest('tr'));
    // A click that ends the marking of text is none.
    if (!node || target.closest('.detail') || !getSelection()?.isCollapsed) return;
    toggle(node, !node.classList.contains('opened'));
  });
  body.addEventListener('keydown', (e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    const node = target.classList.contains('open') ? /** @type {HTMLElement} */ (target.closest('tr')) : null;
    if (!node) return;
    const to = { ArrowDown: node.nextElementSibling, ArrowUp: node.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild }[e.key];
    if (to) {
      e.preventDefault();
      target.setAttribute('tabindex', '-1');
      const button = /** @type {HTMLElement} */ (to.querySelector('.open'));
      button.setAttribute('tabindex', '0');
      button.focus();
    }
    if (e.key === 'ArrowRight') toggle(node, true);
    if (e.key === 'ArrowLeft') toggle(node, false);
  });
}
