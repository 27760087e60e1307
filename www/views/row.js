// The table's columns, and one line of it as elements: a type, a group, a section, the foot. What is opened below a type is detail.js.

import { average, keyBy } from '../lib/rows.js';
import { bar } from '../lib/bars.js';
import { change, lineOf, reader, selection, textOf } from '../lib/columns.js';
import { el } from '../lib/dom.js';
import { megabytes, number, percent, signed, signedMegabytes, signedPercent, utcClock, utcDate, visible } from '../lib/format.js';
import { opens, slotsOf } from '../lib/lines.js';
import { emphasis, ownName, pieces, shorten } from '../lib/names.js';
import { trend } from '../lib/series.js';
import { trendLine } from './series.js';

/**
 * @typedef {import('../lib/columns.js').Line} Line
 * @typedef {import('../lib/columns.js').Selection} Selection
 * @typedef {import('../lib/lines.js').Item} Item
 * @typedef {import('../lib/lines.js').Group} Group
 *
 * @typedef {object} Model  what stays the same while one result is on the screen
 * @property {import('../store.js').Result} result
 * @property {import('../lib/columns.js').Columns} c
 * @property {any} meta
 * @property {number} k  dumps compared
 * @property {string[]} names  of the dumps
 * @property {boolean} complete  every object of every dump was read: new and gone are facts
 * @property {boolean} generations  every side knows them
 * @property {number} growth
 * @property {boolean} uneven  a series with at least one type that did not go steadily
 * @property {(number | null)[]} times  of capture
 * @property {string} life  the process, where all dumps are of one; else empty
 * @property {Record<string, number[]>} widths  of columns, by what decides them
 * @property {number[]} ends  the first dump and the last
 * @property {(assembly: string) => {owner: string, reason: string} | undefined} assembly
 *
 * @typedef {object} Column
 * @property {string} key  what it sorts by; `bar` by nothing
 * @property {string} option  by which it can be switched off; '' for never
 * @property {string} label
 * @property {string} [short]  label where the heads of the groups are not there
 * @property {string} said  in front of the label, for those who hear it alone
 * @property {string} group  head over several columns; '' as the one before
 * @property {string} look  classes of its cells
 * @property {string} tone  of its numbers
 * @property {number} width  in characters of its widest text
 * @property {(l: Line, of: Group | null, s: Selection) => string | Node | null} text
 *
 * @typedef {{units: 'bytes' | 'people', spelling: 'csharp' | 'type', view: string, s: Selection, room: number, two: boolean,
 *   order: import('../lib/rows.js').Order | null, bars: import('../lib/bars.js').Scale, columns: Column[]}} Shown  how lines are drawn now
 */

/** @param {Model} m @param {'bytes' | 'people'} units @param {string} view @returns {Column[]} */
export function columnsOf(m, units, view) {
  const { k, names } = m;
  const [first, last] = [names[0], names[k - 1]];
  const mb = units === 'people';
  const amount = `Size in ${mb ? 'MB' : 'bytes'}`;
  const bytes = mb ? megabytes : number;
  const mean = (/** @type {Line} */ l, /** @type {Group | null} */ of) => {
    // Of a group of types with one number: bytes for one of each.
    const a = of?.each ? (change(l.sizes) * of.each) / change(l.counts) : average(l);
    return a === null || !Number.isFinite(a) ? '—' : number(a);
  };
  const counted = (/** @type {number} */ d) => (/** @type {Line} */ l, /** @type {Group | null} */ of, /** @type {Selection} */ s) => {
    if (!of?.each) return number(l.counts[d]);
    let [least, most] = [Infinity, 0];
    for (const i of of.rows) [least, most] = [Math.min(least, s.counts[d][i]), Math.max(most, s.counts[d][i])];
    return least === most ? number(most) : el('span.span', `${number(least)}–${number(most)}`);
  };
  const changed = (/** @type {(l: Line) => number} */ by) => (/** @type {Line} */ l, /** @type {Group | null} */ of) => {
    const n = by(l);
    return of?.each && n !== 0 ? `${of.each} × ${number(n / of.each)}` : signed(n);
  };
  const bars = { key: 'bar', option: 'bar', width: 0, text: () => null };
  const average1 = { key: 'average', option: 'average', group: 'Average', tone: 'soft', text: mean };
  const perDump = (/** @type {(name: string, d: number) => any} */ column) => names.map((name, d) => ({ tone: d < k - 1 ? 'soft' : '', ...column(name, d) }));

  /** @type {(Partial<Column> & Pick<Column, 'key' | 'text'>)[]} */
  let columns;
  if (k === 1) {
    columns = [
      { key: 'size', tone: 'strong', label: 'Size', group: amount, text: (l) => bytes(l.sizes[0]) },
      bars,
      { key: 'percent', option: 'percent', label: 'of heap', said: 'Share', text: (l) => percent(l.sizes[0], m.meta.total.sizes[0]) },
      { key: 'count', label: 'Objects', group: 'Count', text: (l) => number(l.counts[0]) },
      { ...average1, label: 'size', said: 'Average' },
    ];
  } else {
    const heading = `${m.complete ? 'Change' : 'Difference'}, ${first} to ${last}${m.complete ? '' : ' (at least)'}`;
    const growth = { key: 'size', tone: 'strong', label: 'Size', said: 'Change', group: heading, text: (/** @type {Line} */ l) => (mb ? signedMegabytes : signed)(change(l.sizes)) };
    const sizes = perDump((_, d) => ({
      key: `size:${d}`, option: 'sizes', label: headOf(m, d), said: amount, group: d > 0 ? '' : k > 2 && m.life !== '' ? `${m.life}, s${amount.slice(1)}` : amount, text: (/** @type {Line} */ l) => bytes(l.sizes[d]),
    }));
    columns = k > 2 ? [
      growth,
      bars,
      ...names.slice(1).map((name, at) => ({
        key: `step:${at + 1}`, option: 'count', label: `${names[at]} to ${name}`, said: 'Change of count', group: at === 0 ? 'Count, by step' : '', text: changed((l) => l.counts[at + 1] - l.counts[at]),
      })),
      ...(m.uneven ? [{ key: 'trend', option: 'trend', label: `${first} = 100`, said: 'Trend of size', group: 'Trend', tone: 'soft', width: 10, text: (/** @type {Line} */ l) => trendLine(trend(l, m.times)) }] : []),
      ...sizes,
    ] : [
      growth,
      bars,
      view === 'suspects'
        ? { key: 'percent', option: 'percent', label: 'of growth', said: 'Share', text: (l) => percent(change(l.sizes), m.growth) }
        : { key: 'percent', option: 'percent', label: '%', said: 'Change of size', text: (l) => signedPercent(change(l.sizes), l.sizes[0]) },
      { key: 'count', option: 'count', label: 'Count', said: 'Change', text: changed((l) => change(l.counts)) },
      ...sizes,
      ...perDump((name, d) => ({ key: `count:${d}`, option: 'counts', label: headOf(m, d), short: `Count ${name}`, said: 'Count', group: d === 0 ? 'Count' : '', text: counted(d) })),
      { ...average1, label: `in ${last}`, said: 'Average size' },
    ];
  }
  const widths = (m.widths[`${units} ${view === 'suspects'}`] ??= widthsOf(columns, m));
  return columns.map((column, at) => {
    const c = { label: '', said: '', group: '', tone: '', option: '', ...column };
    return { ...c, width: Math.max(0.9 * c.label.length + (c.label === '' ? 0 : 1.5), widths[at]), look: `${at > 0 && c.group ? 'edge ' : ''}c-${c.key.replace(':', '-')}` };
  });
}

/** `A 14:05`; only the name where the time is not known, or `≥` where it is not all of it. @param {Model} m @param {number} d */
function headOf(m, d) {
  const { complete, dump } = m.meta.dumps[d];
  const name = m.names[d];
  if (!complete) return `${name} ≥`;
  const at = dump.captured_at;
  if (at === null || at === undefined) return name;
  const [start, end] = m.ends.map((e) => m.times[e]);
  const oneDay = start !== null && end !== null && Math.abs(end - start) < 86_400;
  return `${name} ${oneDay ? utcClock(at) : utcDate(at).replace(/ \d+$/, '')}`;
}

/** Characters of the widest text of each column, which is that of the largest number in it. @param {(Partial<Column> & Pick<Column, 'key' | 'text'>)[]} columns @param {Model} m */
function widthsOf(columns, m) {
  const line = reader(selection(m.c, 'all'));
  const wanted = columns.map(({ key, text, width }) => ({ text, value: keyBy(key), width: width ?? 0, most: width === undefined ? -1 : Infinity }));
  const take = (/** @type {Line} */ l, /** @type {typeof wanted} */ some) => {
    for (const c of some) {
      const value = c.value(l);
      if (value <= c.most) continue;
      const { length } = /** @type {string} */ (c.text(l, null, /** @type {any} */ (null)));
      c.width = Math.max(c.width, length);
      // A dash is no number.
      if (length > 1) c.most = value;
    }
  };
  take(m.meta.free, wanted);
  take(m.meta.total, wanted);
  // Nothing in a dump is more than its total.
  const changes = wanted.filter((_, at) => !/^(size|count):/.test(columns[at].key));
  for (const i of m.c.owner.keys()) take(line(i), changes);
  return wanted.map(({ width }, at) => (columns[at].key === 'percent' ? Math.min(11, width) : width));
}

/**
 * Groups of one number say more in their cells than any type: `8 × 10,851`, `7,800–7,811`.
 * @param {Column[]} columns @param {Item[]} items @param {Selection} s
 */
export function widen(columns, items, s) {
  for (const item of items) {
    if (item.kind !== 'group' || !item.each) continue;
    for (const c of columns.filter(({ key }) => /^(count|step)/.test(key))) {
      const text = c.text(item.numbers, item, s);
      c.width = Math.max(c.width, text instanceof Element ? 0.85 * (text.textContent ?? '').length : String(text).length);
    }
  }
}

/**
 * The head: a row of the groups' names for the eye, a row of the columns for everybody.
 * @param {Model} m @param {Shown} x
 */
export function headRows(m, x) {
  const head = (/** @type {string} */ look, /** @type {string} */ by, /** @type {string} */ label, /** @type {string} */ said) =>
    el('th', { class: look, role: 'columnheader', scope: 'col', 'aria-sort': x.order?.by === by ? (x.order.dir > 0 ? 'ascending' : 'descending') : null },
      el('button', { 'data-by': by, 'aria-label': said === '' || label.startsWith(said) ? null : `${said}, ${label}` }, label));
  const cells = [head('name', 'type', x.view === 'suspects' ? 'Suspect' : 'Type', '')];
  const groups = [el('td.name')];
  let span = 0;
  for (const c of x.columns) {
    if (c.group !== '' || groups.length === 1) {
      groups.push(el('th.over', { class: c.group === '' || c === x.columns[0] ? '' : 'edge' }, el('span', c.group)));
      span = 0;
    }
    span += 1;
    const over = groups[groups.length - 1];
    over.ariaColSpan = String(span);
    over.style.gridColumn = `span ${span}`;
    cells.push(c.key === 'bar' ? axis(x, m.k > 1) : head(c.look, c.key, (x.two && c.short) || c.label, c.said));
  }
  return [el('tr.groups', { 'aria-hidden': 'true' }, ...groups), el('tr', { role: 'row', 'aria-rowindex': '1' }, ...cells)];
}

/** The zero line and the one tick above the bars. @param {Shown} x @param {boolean} diff */
function axis({ bars, units }, diff) {
  const cell = el('th.c-bar', { role: 'columnheader' }, el('span.unseen', 'Bar'));
  const mark = (/** @type {number} */ at, /** @type {string} */ text) => {
    const m = el('span.tick', { 'aria-hidden': 'true' }, text);
    m.style.left = `${at}px`;
    cell.append(m);
  };
  if (bars.perUnit > 0) {
    mark(bars.zero, '0');
    const at = bars.tick * bars.perUnit;
    const words = units === 'people' ? signedMegabytes(bars.tick) : signed(bars.tick);
    if (bars.tick > 0 && at > 46) mark(bars.zero + at, diff ? words : words.slice(1));
  }
  return cell;
}

/**
 * A line as elements; a detail's own cell is put in by the table.
 * @param {Item} item @param {Model} m @param {Shown} x
 * @returns {HTMLElement}
 */
export function lineNode(item, m, x) {
  if (item.kind === 'detail') return el('tr.detail-row', { role: 'row' });
  if (!opens(item)) {
    const words = item.kind === 'rule' ? [item.text] : [el('b', item.label), item.note && el('span.note', { title: item.note }, x.two ? item.brief : item.note)];
    return el('tr', { role: 'row', class: item.kind }, el('th.wide', { role: 'rowheader', 'aria-colspan': x.columns.length + 1 }, ...words));
  }
  const node = el('tr', {
    role: 'row', class: `${item.kind === 'group' ? 'set' : item.kind}${item.open ? ' opened' : ''}${item.level > 1 ? ' inner' : ''}`, tabindex: '-1', 'aria-level': item.level, 'aria-expanded': item.open,
  });
  const name = el('th.name', { role: 'rowheader', scope: 'row' }, el('span.twist', { 'aria-hidden': 'true' }));
  if (item.level > 1) name.style.setProperty('--level', String(item.level - 1));
  node.append(name);
  if (item.kind === 'type') {
    const numbers = lineOf(x.s, item.i);
    hooks(node, textOf(m.c, item.i, 'type'), textOf(m.c, item.i, 'module'), lineOf(selection(m.c, 'all'), item.i));
    const all = marks(m, item.i, numbers);
    nameOf(name, m, x, item.i, item.level, all);
    cells(node, m, x, numbers, null, item.hollow);
  } else {
    groupName(name, item, x);
    cells(node, m, x, item.numbers, item);
  }
  return node;
}

/** The stable attributes for scripts (README): the numbers of the whole dumps, whatever generations are shown. */
export function hooks(/** @type {HTMLElement} */ node, /** @type {string} */ type, /** @type {string} */ module, /** @type {Line} */ { counts, sizes }) {
  const last = (/** @type {ArrayLike<number>} */ of) => (of.length > 1 ? of[of.length - 1] : '');
  Object.assign(node.dataset, { type, module, countA: counts[0], countB: last(counts), sizeA: sizes[0], sizeB: last(sizes) });
}

/** @typedef {{text: string, tone: string}} Mark */

/** @param {HTMLElement} cell @param {Model} m @param {Shown} x @param {number} i @param {number} level @param {Mark[]} all */
function nameOf(cell, m, x, i, level, all) {
  const [type, module] = [textOf(m.c, i, 'type'), textOf(m.c, i, 'module')];
  const stands = (/** @type {string} */ assembly) => (m.assembly(assembly)?.owner ?? 'runtime') !== 'runtime';
  const look = m.c.owner[i] === 0 ? NO_EMPHASIS : emphasis(type, module, m.assembly(module) ? stands : () => true);
  const full = visible(textOf(m.c, i, x.spelling));
  cell.title = full;
  const taken = all.reduce((n, { text }) => n + 0.95 * text.length + 3, 2 * (level - 1));
  // In the tree of namespaces it is in its own.
  cell.append(nameNode(x.view === 'namespace' ? ownName(full) : full, Math.floor(x.room - taken), look), ...all.map(({ text, tone }) => el('span', { class: `mark ${tone}` }, text)));
}

/** @type {Set<string>} */
const NONE = new Set();
const NO_EMPHASIS = { strong: false, words: NONE };

/** @param {string} full  already visible @param {number} room  Infinity: arguments keep their namespaces, too @param {import('../lib/names.js').Emphasis} look */
function nameNode(full, room, look) {
  const name = el('bdi.full');
  const short = shorten(full, room);
  if (room === Infinity) short.rest = full.slice(short.namespace.length);
  for (const { text, tone } of pieces(short, look)) name.append(tone === 'plain' ? text : el(tone === 'strong' ? 'b' : 'i', text));
  return name;
}

/** @param {HTMLElement} cell @param {Group} g @param {Shown} x */
function groupName(cell, g, x) {
  const label = visible(g.label);
  cell.title = [label, g.title].filter(Boolean).join('\n');
  const note = visible(g.note);
  if (g.font === 'name') {
    const strong = Boolean(g.owner) && g.owner !== 'runtime';
    // Of a base type or interface its own name says all; where it is declared is in the title.
    const full = g.hollow && x.room < Infinity ? ownName(label) : label;
    cell.append(nameNode(full, Math.max(16, x.room - Math.min(note.length, 24)), { strong, words: NONE }));
    if (g.owner === 'yours') cell.append(el('span.mark', 'yours'));
  } else cell.append(el('b.words', label));
  cell.append(el('span.note', note));
}

/** New and gone are facts only where everything was read. @param {Model} m @param {number} i @param {Line} l @returns {Mark[]} */
function marks(m, i, l) {
  const out = m.c.owner[i] === 2 ? [{ text: 'yours', tone: '' }] : [];
  if (m.k === 1) return out;
  const last = m.k - 1;
  if (l.counts[0] === 0 && l.counts[last] > 0) out.push({ text: m.complete ? 'new' : `only seen in ${m.names[last]}`, tone: 'grow' });
  else if (l.counts[last] === 0 && l.counts[0] > 0) out.push({ text: m.complete ? 'gone' : `only seen in ${m.names[0]}`, tone: 'shrink' });
  else if (change(l.counts) === 0 && change(l.sizes) !== 0) {
    const slots = slotsOf(m.c, i);
    out.push({ text: slots ? `${number(slots[0])} → ${number(slots[1])} slots` : 'resized', tone: '' });
  }
  return out;
}

/** @param {HTMLElement} node @param {Model} m @param {Shown} x @param {Line} l @param {Group | null} of @param {boolean} [hollow] */
export function cells(node, m, x, l, of, hollow = of?.hollow ?? false) {
  for (const c of x.columns) {
    const cell = document.createElement('td');
    cell.setAttribute('role', 'gridcell');
    cell.className = `${c.look} ${c.tone}`;
    if (c.key === 'bar') drawBar(cell, change(l.sizes), m, x, hollow);
    else {
      const text = c.text(l, of, x.s);
      if (text === '0') cell.classList.add('zero');
      if (text !== null) cell.append(text);
    }
    node.append(cell);
  }
}

/** @param {HTMLElement} cell @param {number} value @param {Model} m @param {Shown} x @param {boolean} hollow */
function drawBar(cell, value, m, { bars }, hollow) {
  const b = bar(value, bars, hollow);
  if (!b) return;
  const node = document.createElement('span');
  node.className = `bar ${m.k === 1 ? 'plain' : value > 0 ? 'grow' : 'shrink'}${b.cut ? ' cut' : ''}${hollow ? ' hollow' : ''}`;
  node.style.left = `${b.left}px`;
  node.style.width = `${b.length}px`;
  cell.append(node);
}

/** A line of the foot. @param {Model} m @param {Shown} x @param {Line} l @param {string} kind @param {string} label @param {(Node | string | false)[]} [notes] @param {string} [short] */
export function footRow(m, x, l, kind, label, notes = [], short = label) {
  const node = el('tr', { role: 'row', class: kind }, el('th.name', { role: 'rowheader', scope: 'row' }, el('span', x.two ? short : label), ...notes.map((n) => (typeof n === 'string' ? el('span.note', n) : n))));
  cells(node, m, x, l, null);
  // Shares are of the growth of types.
  if (x.view === 'suspects' && kind !== 'types' && kind !== 'filtered') node.querySelector('.c-percent')?.replaceChildren();
  const drawn = node.querySelector('.bar');
  if (kind === 'free') drawn?.classList.add('hatched');
  else drawn?.remove();
  return node;
}

