// The table's columns, and one line of it as elements: a type, a group, a section, the foot. What is opened below a type is detail.js.

import { average } from '../lib/rows.js';
import { bar } from '../lib/bars.js';
import { change, lineOf, selection, textOf } from '../lib/columns.js';
import { el } from '../lib/dom.js';
import { megabytes, number, percent, signed, signedMegabytes, signedPercent, visible } from '../lib/format.js';
import { slotsOf } from '../lib/lines.js';
import { emphasis, pieces, shorten, splitName } from '../lib/names.js';
import { trend } from '../lib/series.js';
import { trendLine } from './series.js';

/**
 * @typedef {import('../lib/columns.js').Line} Line
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
 * @property {ReturnType<typeof extremes>} [widest]  worked out when columns are first laid out
 * @property {(assembly: string) => {owner: string, reason: string} | undefined} assembly
 *
 * @typedef {object} Column
 * @property {string} key  what it sorts by; `bar` by nothing
 * @property {string} option  by which it can be switched off; '' for never
 * @property {string} label
 * @property {string} [short]  label where the heads of the groups are not there
 * @property {string} said  in front of the label, for those who hear it alone
 * @property {string} group  head over several columns; '' as the one before
 * @property {number} width  in characters of its widest text
 * @property {(l: Line, of: Group | null, x: Shown) => string | Node | null} text
 * @property {string} [tone]
 *
 * @typedef {{units: 'bytes' | 'people', spelling: 'csharp' | 'type', view: string, s: import('../lib/columns.js').Selection, room: number, two: boolean,
 *   bars: import('../lib/bars.js').Scale, columns: Column[]}} Shown  how lines are drawn now
 */

/** @param {Model} m @param {'bytes' | 'people'} units @param {string} view @returns {Column[]} */
export function columnsOf(m, units, view) {
  const mb = units === 'people';
  const [first, last] = [m.names[0], m.names[m.k - 1]];
  const more = m.complete ? '' : ' (at least)';
  const amount = mb ? 'Size in MB' : 'Size in bytes';
  const bytes = mb ? megabytes : number;
  const mean = (/** @type {Line} */ l, /** @type {Group | null} */ of) => {
    // Of a group of types with one number: bytes for one of each.
    const added = change(l.counts);
    if (of?.each) return added === 0 ? '—' : number((change(l.sizes) * of.each) / added);
    const a = average(l);
    return a === null ? '—' : number(a);
  };
  const span = (/** @type {Group} */ of, /** @type {Shown} */ x, /** @type {number} */ d) => {
    let [least, most] = [Infinity, 0];
    for (const i of of.rows) [least, most] = [Math.min(least, x.s.counts[d][i]), Math.max(most, x.s.counts[d][i])];
    return least === most ? number(most) : el('span.span', `${number(least)}–${number(most)}`);
  };
  const counted = (/** @type {number} */ d) => (/** @type {Line} */ l, /** @type {Group | null} */ of, /** @type {Shown} */ x) => (of?.each ? span(of, x, d) : number(l.counts[d]));
  const times = (/** @type {Group | null} */ of, /** @type {number} */ n) => (of?.each ? (n === 0 ? '0' : `${of.each} × ${number(n / of.each)}`) : signed(n));
  const each = (/** @type {Group | null} */ of, /** @type {Line} */ l, /** @type {(l: Line) => number} */ f) => times(of, f(l));
  const change1 = { key: 'size', option: '', tone: 'strong', text: (/** @type {Line} */ l) => (mb ? signedMegabytes : signed)(change(l.sizes)) };
  const bars = { key: 'bar', option: 'bar', label: '', said: '', group: '', text: () => null };

  /** @type {Omit<Column, 'width'>[]} */
  let columns;
  if (m.k === 1) {
    columns = [
      { ...change1, label: 'Size', said: '', group: amount, text: (l) => bytes(l.sizes[0]) },
      bars,
      { key: 'percent', option: 'percent', label: 'of heap', said: 'Share', group: '', text: (l) => percent(l.sizes[0], m.meta.total.sizes[0]) },
      { key: 'count', option: '', label: 'Objects', said: '', group: 'Count', text: (l) => number(l.counts[0]) },
      { key: 'average', option: 'average', label: 'size', said: 'Average', group: 'Average', tone: 'soft', text: mean },
    ];
  } else {
    const heading = `${m.complete ? 'Change' : 'Difference'}, ${first} to ${last}${more}`;
    const share = view === 'suspects';
    columns = [
      { ...change1, label: 'Size', said: 'Change', group: heading },
      bars,
      share
        ? { key: 'percent', option: 'percent', label: 'of growth', said: 'Share', group: '', text: (l) => percent(change(l.sizes), m.growth) }
        : { key: 'percent', option: 'percent', label: '%', said: 'Change of size', group: '', text: (l) => signedPercent(change(l.sizes), l.sizes[0]) },
      { key: 'count', option: 'count', label: 'Count', said: 'Change', group: '', text: (l, of) => each(of, l, (n) => change(n.counts)) },
    ];
    const sizes = m.names.map((_, d) => ({
      key: `size:${d}`, option: 'sizes', label: headOf(m, d), said: amount, group: d > 0 ? '' : m.k > 2 && m.life !== '' ? `${m.life}, ${amount[0].toLowerCase()}${amount.slice(1)}` : amount,
      tone: d < m.k - 1 ? 'soft' : '', text: (/** @type {Line} */ l) => bytes(l.sizes[d]),
    }));
    if (m.k > 2) {
      columns.splice(2, 2);
      for (let d = 1; d < m.k; d += 1) {
        columns.push({
          key: `step:${d}`, option: 'count', label: `${m.names[d - 1]} to ${m.names[d]}`, said: 'Change of count', group: d === 1 ? 'Count, by step' : '',
          text: (l, of) => each(of, l, (n) => n.counts[d] - n.counts[d - 1]),
        });
      }
      if (m.uneven) columns.push({ key: 'trend', option: 'trend', label: `${first} = 100`, said: 'Trend of size', group: 'Trend', tone: 'soft', text: (l) => trendLine(trend(l, m.times)) });
      columns.push(...sizes);
    } else {
      columns.push(...sizes, ...m.names.map((_, d) => ({
        key: `count:${d}`, option: 'counts', label: headOf(m, d), short: `Count ${m.names[d]}`, said: 'Count', group: d === 0 ? 'Count' : '', tone: d < m.k - 1 ? 'soft' : '', text: counted(d),
      })));
      columns.push({ key: 'average', option: 'average', label: `in ${last}`, said: 'Average size', group: 'Average', tone: 'soft', text: mean });
    }
  }
  const widest = (m.widest ??= extremes(m));
  return columns.map((c) => ({ ...c, width: Math.max(0.9 * c.label.length + (c.label === '' ? 0 : 1.5), widthOf(c.key, widest, m, mb, view)) }));
}

/** `A 14:05`; only the name where the time is not known, or `≥` where it is not all of it. @param {Model} m @param {number} d */
function headOf(m, d) {
  const dump = m.meta.dumps[d];
  if (!dump.complete) return `${m.names[d]} ≥`;
  const at = dump.dump.captured_at;
  if (at === null || at === undefined) return m.names[d];
  const [start, end] = [m.times[0], m.times[m.k - 1]];
  const iso = new Date(at * 1000).toISOString();
  const oneDay = start !== null && end !== null && Math.abs(end - start) < 86_400;
  return `${m.names[d]} ${oneDay ? iso.slice(11, 16) : iso.slice(5, 10)}`;
}

/** The largest numbers of a data set, from which the widths of the columns come. @param {Model} m */
function extremes(m) {
  const { c } = m;
  const lines = [m.meta.free, m.meta.total];
  const most = { size: 0, count: 0, ratio: 0, step: 0, average: 0 };
  const take = (/** @type {Line} */ { counts, sizes }) => {
    const last = sizes.length - 1;
    most.size = Math.max(most.size, Math.abs(change(sizes)));
    most.count = Math.max(most.count, Math.abs(change(counts)));
    for (let d = 1; d <= last; d += 1) most.step = Math.max(most.step, Math.abs(counts[d] - counts[d - 1]));
    if (sizes[0] > 0) most.ratio = Math.max(most.ratio, Math.abs(sizes[last] - sizes[0]) / sizes[0]);
    if (counts[last] > 0) most.average = Math.max(most.average, sizes[last] / counts[last]);
  };
  lines.forEach(take);
  const line = { counts: Array(m.k).fill(0), sizes: Array(m.k).fill(0) };
  for (let i = 0; i < c.n; i += 1) {
    for (let d = 0; d < m.k; d += 1) {
      line.counts[d] = c.counts[d * c.n + i];
      line.sizes[d] = c.sizes[d * c.n + i];
    }
    take(line);
  }
  return most;
}

/** @param {string} key @param {ReturnType<typeof extremes>} most @param {Model} m @param {boolean} mb @param {string} view */
function widthOf(key, most, m, mb, view) {
  const bytes = (/** @type {number} */ n) => (mb ? megabytes(n) : number(n)).length;
  const [what, d] = key.split(':');
  if (d !== undefined) {
    if (what === 'step') return number(most.step).length + 1;
    return what === 'size' ? bytes(m.meta.total.sizes[+d]) : number(m.meta.total.counts[+d]).length;
  }
  switch (key) {
    case 'size':
      return bytes(most.size) + 1;
    case 'percent':
      return m.k === 1 || view === 'suspects' ? 7 : Math.min(11, signedPercent(most.ratio, 1).length);
    case 'count':
      return number(most.count).length + 1;
    case 'average':
      return number(most.average).length;
    default:
      return 10; // the trend
  }
}

/**
 * Groups of one number say more in their cells than any type: `8 × 10,851`, `7,800–7,811`.
 * @param {Column[]} columns @param {Item[]} items @param {Shown} x
 */
export function widen(columns, items, x) {
  for (const item of items) {
    if (item.kind !== 'group' || !item.each) continue;
    for (const c of columns) {
      const text = c.key.startsWith('count') || c.key.startsWith('step') ? c.text(item.numbers, item, x) : null;
      const length = typeof text === 'string' ? text.length : text instanceof Element ? 0.85 * (text.textContent ?? '').length : 0;
      c.width = Math.max(c.width, length);
    }
  }
}

/**
 * The head: a row of the groups' names for the eye, a row of the columns for everybody.
 * @param {Model} m @param {Shown} x
 */
export function headRows(m, x) {
  const sort = (/** @type {string} */ by, /** @type {string} */ label, /** @type {string} */ said) =>
    el('button', { 'data-by': by, 'aria-label': said === '' || label.startsWith(said) ? null : `${said}, ${label}` }, label);
  const cells = [el('th.name', { role: 'columnheader', scope: 'col' }, sort('type', x.view === 'suspects' ? 'Suspect' : 'Type', ''))];
  const groups = [el('td.name')];
  let span = null;
  for (const c of x.columns) {
    if (c.group !== '' || span === null) {
      span = el('th', { class: `over${c.group === '' || c === x.columns[0] ? '' : ' edge'}`, 'aria-colspan': '1' }, el('span', c.group));
      groups.push(span);
    } else span.ariaColSpan = String(Number(span.ariaColSpan) + 1);
    span.style.gridColumn = `span ${span.ariaColSpan}`;
    const place = `${c.group !== '' && c !== x.columns[0] ? 'edge ' : ''}c-${c.key.replace(':', '-')}`;
    if (c.key === 'bar') cells.push(axis(x, m.k > 1));
    else cells.push(el('th', { role: 'columnheader', scope: 'col', class: place }, sort(c.key, (x.two && c.short) || c.label, c.said)));
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
  if (item.kind === 'section' || item.kind === 'rule') {
    const words = item.kind === 'rule' ? [item.text] : [el('b', item.label), item.note && el('span.note', { title: item.note }, (x.two && item.brief) || item.note)];
    return el('tr', { role: 'row', class: item.kind }, el('th.wide', { role: 'rowheader', 'aria-colspan': String(x.columns.length + 1) }, ...words));
  }
  if (item.kind === 'detail') return el('tr.detail-row', { role: 'row' });
  const node = el('tr', {
    role: 'row', class: `${item.kind === 'group' ? 'set' : item.kind}${item.open ? ' opened' : ''}${item.level > 1 ? ' inner' : ''}`, tabindex: '-1', 'aria-level': String(item.level), 'aria-expanded': String(item.open),
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
  cell.append(nameNode(x.view === 'namespace' ? splitName(full).rest : full, Math.floor(x.room - taken), look), ...all.map(({ text, tone }) => el('span', { class: `mark ${tone}` }, text)));
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
    const full = g.hollow && x.room < Infinity ? splitName(label).rest : label;
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
    cell.className = `${c.group !== '' && c !== x.columns[0] ? 'edge ' : ''}${c.tone ?? ''} c-${c.key.replace(':', '-')}`;
    if (c.key === 'bar') drawBar(cell, change(l.sizes), m, x, hollow);
    else {
      const text = c.text(l, of, x);
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

/** A line of the foot. @param {Model} m @param {Shown} x @param {Line} l @param {string} kind @param {string} label @param {(Node | string)[]} notes @param {string} [short] */
export function footRow(m, x, l, kind, label, notes, short = label) {
  const node = el('tr', { role: 'row', class: kind }, el('th.name', { role: 'rowheader', scope: 'row' }, el('span', x.two ? short : label), ...notes.map((n) => (typeof n === 'string' ? el('span.note', n) : n))));
  cells(node, m, x, l, null);
  // Shares are of the growth of types.
  if (x.view === 'suspects' && kind !== 'types' && kind !== 'filtered') node.querySelector('.c-percent')?.replaceChildren();
  const drawn = node.querySelector('.bar');
  if (kind === 'free') drawn?.classList.add('hatched');
  else drawn?.remove();
  return node;
}

