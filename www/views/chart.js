// Above a series: memory of the process, heap and pinned types over time. No line crosses a restart: the memory of one process says nothing
// about the next one's.

import { keyOf, textOf } from '../lib/columns.js';
import { el } from '../lib/dom.js';
import { duration, signedSize, size, utcClock, utcShort, utcTime, visible } from '../lib/format.js';
import { ownName } from '../lib/names.js';
import { oneProcess } from '../lib/facts.js';
import { amountStep, equalUptime, lives, timeMarks } from '../lib/series.js';
import { svg } from './series.js';

const HEIGHT = 210;
const EDGE = { top: 34, bottom: 24, left: 70, right: 200 };
const MB = 1_048_576;
/** What ends a life, in the words of the chart. @type {Record<string, string>} */
const ENDED = { recycle: 'recycled', crash: 'crashed', stop: 'stopped' };
/** Pinned types that get a line. */
const PINNED = 4;

/**
 * @typedef {{at: number, uptime: number | null, life: number, name: string, bytes: (number | null)[]}} Point  `bytes` of the process, the heap, the pinned types
 * @typedef {{at: number, text: string}} Mark
 */

/**
 * @param {HTMLElement} place
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 */
export function mountChart(place, store, actions) {
  place.hidden = true;
  /** @type {[import('../store.js').State, import('./row.js').Model] | null} */
  let last = null;
  let width = 0;
  const draw = () => {
    if (last) place.replaceChildren(...parts(last[0], last[1], width, store, actions));
  };
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw();
  }).observe(place);

  /** @param {import('../store.js').State} s @param {import('./row.js').Model | null} m */
  return (s, m) => {
    const known = m ? m.result.all.filter((d) => typeof d.head.dump.captured_at === 'number') : [];
    const wanted = m !== null && known.length >= 2 && (m.result.all.length > 2 || marksOf(s.events).length > 0);
    place.hidden = !wanted;
    last = wanted ? [s, m] : null;
    width = place.clientWidth;
    draw();
  };
}

/** @param {import('../store.js').State} s @param {import('./row.js').Model} m @param {number} width @param {import('../store.js').Store} store @param {import('../app.js').Actions} actions */
function parts(s, m, width, store, actions) {
  const { all } = m.result;
  const facts = all.map((d) => d.head.dump);
  const choice = (/** @type {'clock' | 'uptime'} */ axis, /** @type {string} */ label) =>
    el('button', { 'data-axis': axis, 'aria-pressed': s.axis === axis, onclick: () => store.set({ axis }) }, label);
  const pair = equalUptime(facts);
  const said = (/** @type {number} */ at) => `pid ${facts[at].pid} at ${duration(facts[at].uptime ?? 0)}: ${size(all[at].head.heap.size)}`;
  return [
    el('div.chart-head',
      el('b', 'Memory'), el('div.group', { role: 'group', 'aria-label': 'Axis of time' }, choice('clock', 'Clock time'), choice('uptime', 'Time since start')),
      el('span.spring'),
      pair && el('span', el('b', 'At equal uptime: '), `${said(pair[0])}; ${said(pair[1])}.`),
      pair && el('button.small', { id: 'equal-uptime', onclick: () => actions.compare(pair.map((at) => all[at].id)) }, `Compare ${pair[0] + 1} with ${pair[1] + 1}`)),
    drawing(s, m, Math.max(width, 300)),
  ];
}

/** @param {import('../store.js').State} s @param {import('./row.js').Model} m @param {number} width */
function drawing(s, m, width) {
  const pins = pinnedRows(s, m);
  const all = pointsOf(m, pins);
  const uptime = s.axis === 'uptime';
  const points = uptime ? all.filter((p) => p.uptime !== null) : all;
  const timeOf = (/** @type {Point} */ p) => (uptime ? p.uptime ?? 0 : p.at);
  const marks = uptime ? [] : startMarks(m, all, s.events);
  const times = [...points.map(timeOf), ...marks.map((k) => k.at), ...(uptime ? [0] : [])];
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const room = (to - from || 60) * 0.03;
  const most = Math.max(MB, ...points.flatMap((p) => p.bytes.map(Number)));
  const narrow = width < 700;
  const right = width - (narrow ? 90 : EDGE.right);
  const bottom = HEIGHT - EDGE.bottom;
  const x = (/** @type {number} */ t) => EDGE.left + ((t - from + room) / (to - from + 2 * room)) * (right - EDGE.left);
  const y = (/** @type {number} */ bytes) => bottom - (bytes / most) * (bottom - EDGE.top);
  /** @type {Node[]} */
  const out = [];
  const text = (/** @type {string} */ words, /** @type {number} */ at, /** @type {number} */ top, /** @type {string} */ look = '', /** @type {string} */ anchor = 'middle') =>
    out.push(svg('text', { x: at, y: top, 'text-anchor': anchor, class: look }, words));
  const line = (/** @type {string} */ look, /** @type {number} */ x1, /** @type {number} */ y1, /** @type {number} */ x2, /** @type {number} */ y2) => out.push(svg('line', { class: look, x1, x2, y1, y2 }));

  const step = amountStep(most / MB) * MB;
  for (let v = 0; v <= most; v += step) {
    line('grid', EDGE.left, y(v), right, y(v));
    text(v === 0 ? '0' : `${Number((v / MB).toFixed(1)).toLocaleString('en-US')} MB`, EDGE.left - 8, y(v) + 4, '', 'end');
  }
  timeMarks(from, to, narrow ? 3 : 6).forEach((t, at) => {
    line('tick-line', x(t), bottom, x(t), bottom + 4);
    text(uptime ? (t === 0 ? 'start' : duration(t)) : at === 0 ? utcShort(t) : to - from < 600 ? utcTime(t) : utcClock(t), x(t), HEIGHT - 6);
  });
  let free = -Infinity;
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    const at = x(mark.at);
    line('life', at, 12, at, bottom);
    out.push(svg('path', { class: 'flag', d: `M${at - 4} 6h8l-4 6z` }));
    // Words that would lie on those before are left to the title.
    if (at > free) {
      text(mark.text, at + 8, 14, 'soft', 'start');
      free = at + 20 + 6 * mark.text.length;
    }
  }

  const last = points[points.length - 1];
  const lines = [
    ['Process', 'process'], ['Heap', 'heap'],
    ...pins.map((i, at) => [ownName(visible(textOf(m.c, i, s.spelling))), `pinned pinned-${at}`]),
  ];
  /** @type {{y: number, label: string, words: string}[]} */
  const labels = [];
  lines.forEach(([label, look], n) => {
    const value = (/** @type {Point} */ p) => /** @type {number} */ (p.bytes[n]);
    for (const life of new Set(points.map((p) => p.life))) {
      const mine = points.filter((p) => p.life === life && p.bytes[n] !== null);
      if (mine.length === 0) continue;
      const current = life === last.life;
      const places = mine.map((p) => [x(timeOf(p)), y(value(p))]);
      if (mine.length > 1) out.push(svg('polyline', { class: `line ${look}`, points: places.join(' ') }));
      mine.forEach((p, at) => {
        const [cx, cy] = places[at];
        out.push(svg('circle', { class: `dot ${look}${current ? '' : ' other'}`, cx, cy, r: 3.5 }, svg('title', {}, `${label} in ${p.name}: ${size(value(p))}`)));
        if (n < 2) text(`${n === 1 ? `${p.name}: ` : ''}${(value(p) / MB).toFixed(value(p) < 100 * MB ? 1 : 0)}`, cx, cy - 8, 'value');
      });
      if (current) {
        const [a, b] = [mine[0], mine[mine.length - 1]];
        labels.push({ y: y(value(b)), label, words: mine.length < 2 ? size(value(b)) : `${signedSize(value(b) - value(a))}${n < 2 ? ` since ${a.name}` : ''}` });
      }
    }
  });
  // Labels at the right, none on another.
  let above = -Infinity;
  for (const { y: own, label, words } of labels.sort((a, b) => a.y - b.y)) {
    above = Math.max(own, above + 15);
    const short = label.length > 18 ? `${label.slice(0, 17)}…` : label;
    out.push(svg('text', { x: right + 8, y: above + 4, class: 'end' }, svg('tspan', { class: 'strong' }, short), narrow ? '' : ` ${words}`));
  }
  const words = lines.map(([label], n) => `${label}: ${points.map((p) => (p.bytes[n] === null ? 'unknown' : `${p.name} ${size(p.bytes[n] ?? 0)}`)).join(', ')}`);
  return svg('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': `Memory over ${uptime ? 'time since start' : 'clock time'}. ${words.join('. ')}.` }, ...out);
}

/** Rows of the pinned types. @param {import('../store.js').State} s @param {import('./row.js').Model} m */
function pinnedRows({ pinned }, m) {
  return pinned.length === 0 ? [] : [...m.c.owner.keys()].filter((i) => pinned.includes(keyOf(m.c, i))).slice(0, PINNED);
}

/** @param {import('./row.js').Model} m @param {number[]} pins @returns {Point[]} those whose time is known */
function pointsOf(m, pins) {
  const { all, dumps } = m.result;
  const life = lives(all.map((d) => d.head.dump));
  return all.flatMap((d, at) => {
    const { dump, heap } = d.head;
    if (typeof dump.captured_at !== 'number') return [];
    const column = dumps.findIndex((c) => c.id === d.id);
    // A dump that was trimmed below its heap says nothing about the process.
    const process = dump.memory_bytes >= heap.total_bytes && dump.memory_bytes > 0 ? dump.memory_bytes : null;
    return [{
      at: dump.captured_at, uptime: dump.uptime ?? null, life: life[at], name: all.length > 2 ? String(at + 1) : m.names[column] ?? String(at + 1),
      bytes: [process, heap.size, ...pins.map((i) => (column < 0 ? null : m.c.sizes[column * m.c.n + i]))],
    }];
  });
}

/**
 * Starts of the lives, and what the event log says of ends; only around the dumps.
 * @param {import('./row.js').Model} m @param {Point[]} points @param {any[]} events @returns {Mark[]}
 */
function startMarks(m, points, events) {
  const times = points.map((p) => p.at);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const span = last - first || 3600;
  const facts = m.result.all.map((d) => d.head.dump);
  const starts = facts.filter((f, at) => typeof f.started_at === 'number' && facts.findIndex((other) => oneProcess(other, f)) === at);
  return [...starts.map((f) => started(f.started_at, f.pid)), ...marksOf(events)].filter((k) => k.at >= first - 2 * span && k.at <= last + span);
}

/** @param {number} at @param {number | null} pid @returns {Mark} */
const started = (at, pid) => ({ at, text: `${utcClock(at)} started${pid ? `, pid ${pid}` : ''}` });

/** What event logs say of starts and ends. @param {any[]} logs  EventsReports @returns {Mark[]} */
function marksOf(logs) {
  return logs.flatMap(({ lives = [] }) => lives.flatMap((/** @type {any} */ { start, start_from, pid, end, kind, reason }) => [
    ...(typeof start === 'number' && start_from === 'event' ? [started(start, pid)] : []),
    ...(typeof end === 'number' ? [{ at: end, text: `${utcClock(end)} ${ENDED[kind] ?? 'ended'}${reason ? `: ${visible(reason).replaceAll('-', ' ').slice(0, 40)}` : ''}` }] : []),
  ]));
}
