// Above a series: memory of the process, heap and pinned types over time. No line crosses a restart: the memory of one process says nothing
// about the next one's.

import { keyOf, textOf } from '../lib/columns.js';
import { el } from '../lib/dom.js';
import { duration, signedSize, size, utcDate, utcTime, visible } from '../lib/format.js';
import { splitName } from '../lib/names.js';
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
 * @typedef {{at: number, uptime: number | null, life: number, name: string, process: number | null, heap: number, pinned: (number | null)[]}} Point
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
    el('button', { 'data-axis': axis, 'aria-pressed': String(s.axis === axis), onclick: () => store.set({ axis }) }, label);
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
  const points = pointsOf(m, pins);
  const uptime = s.axis === 'uptime';
  const x0 = (/** @type {Point} */ p) => (uptime ? p.uptime ?? 0 : p.at);
  const shown = uptime ? points.filter((p) => p.uptime !== null) : points;
  const marks = uptime ? [] : startMarks(m, points, s.events);
  const times = [...shown.map(x0), ...marks.map((k) => k.at), ...(uptime ? [0] : [])];
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const room = (to - from || 60) * 0.03;
  const most = Math.max(MB, ...shown.flatMap((p) => [p.process ?? 0, p.heap, ...p.pinned.map((n) => n ?? 0)]));
  const narrow = width < 700;
  const right = width - (narrow ? 90 : EDGE.right);
  const x = (/** @type {number} */ t) => EDGE.left + ((t - from + room) / (to - from + 2 * room || 1)) * (right - EDGE.left);
  const bottom = HEIGHT - EDGE.bottom;
  const y = (/** @type {number} */ bytes) => bottom - (bytes / most) * (bottom - EDGE.top);
  const text = (/** @type {string} */ words, /** @type {number} */ at, /** @type {number} */ top, /** @type {string} */ cls = '', /** @type {string} */ anchor = 'middle') =>
    svg('text', { x: at, y: top, 'text-anchor': anchor, class: cls }, words);
  const out = [];

  const step = amountStep(most / MB) * MB;
  for (let v = 0; v <= most; v += step) {
    out.push(svg('line', { class: 'grid', x1: EDGE.left, x2: right, y1: y(v), y2: y(v) }), text(v === 0 ? '0' : `${Number((v / MB).toFixed(1)).toLocaleString('en-US')} MB`, EDGE.left - 8, y(v) + 4, '', 'end'));
  }
  timeMarks(from, to, narrow ? 3 : 6).forEach((t, at) => {
    const words = uptime ? (t === 0 ? 'start' : duration(t)) : `${at === 0 ? `${utcDate(t).replace(/ \d{4}$/, '')} ` : ''}${utcTime(t).slice(0, to - from < 600 ? 8 : 5)}${at === 0 ? ' UTC' : ''}`;
    out.push(svg('line', { class: 'tick-line', x1: x(t), x2: x(t), y1: bottom, y2: bottom + 4 }), text(words, x(t), HEIGHT - 6));
  });
  let free = -Infinity;
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    const at = x(mark.at);
    out.push(svg('line', { class: 'life', x1: at, x2: at, y1: 12, y2: bottom }), svg('path', { class: 'flag', d: `M${at - 4} 6h8l-4 6z` }));
    // Words that would lie on those before are left to the title.
    if (at > free) {
      out.push(text(mark.text, at + 8, 14, 'soft', 'start'));
      free = at + 20 + 6 * mark.text.length;
    }
  }

  const last = shown[shown.length - 1];
  /** @type {{label: string, value: (p: Point) => number | null, look: string, name: string}[]} */
  const lines = [
    { label: 'Process', name: '', value: (p) => p.process, look: 'process' },
    { label: 'Heap', name: '', value: (p) => p.heap, look: 'heap' },
    ...pins.map((i, at) => ({ label: splitName(visible(textOf(m.c, i, s.spelling))).rest, name: textOf(m.c, i, s.spelling), value: (/** @type {Point} */ p) => p.pinned[at], look: `pinned pinned-${at}` })),
  ];
  /** @type {{y: number, label: string, words: string, look: string}[]} */
  const labels = [];
  for (const line of lines) {
    for (const life of new Set(shown.map((p) => p.life))) {
      const mine = shown.filter((p) => p.life === life && line.value(p) !== null);
      if (mine.length === 0) continue;
      const value = (/** @type {Point} */ p) => /** @type {number} */ (line.value(p));
      const current = life === last.life;
      if (mine.length > 1) out.push(svg('polyline', { class: `line ${line.look}`, points: mine.map((p) => `${x(x0(p))},${y(value(p))}`).join(' ') }));
      for (const p of mine) {
        const dot = svg('circle', { class: `dot ${line.look}${current ? '' : ' other'}`, cx: x(x0(p)), cy: y(value(p)), r: 3.5 });
        dot.append(svg('title', {}, `${line.label} in ${p.name}: ${size(value(p))}`));
        out.push(dot);
        if (line.look === 'heap' || line.look === 'process') out.push(text(`${line.look === 'heap' ? `${p.name}: ` : ''}${(value(p) / MB).toFixed(value(p) < 100 * MB ? 1 : 0)}`, x(x0(p)), y(value(p)) - 8, 'value'));
      }
      if (current) {
        const [a, b] = [mine[0], mine[mine.length - 1]];
        labels.push({ y: y(value(b)), label: line.label, look: line.look, words: mine.length < 2 ? size(value(b)) : `${signedSize(value(b) - value(a))}${line.name === '' ? ` since ${a.name}` : ''}` });
      }
    }
  }
  // Labels at the right, none on another.
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((label, at) => {
    if (at > 0) label.y = Math.max(label.y, labels[at - 1].y + 15);
    const short = label.label.length > 18 ? `${label.label.slice(0, 17)}…` : label.label;
    out.push(svg('text', { x: right + 8, y: label.y + 4, class: 'end' }, svg('tspan', { class: 'strong' }, short), narrow ? '' : ` ${label.words}`));
  });
  const words = lines.map((line) => `${line.label}: ${shown.map((p) => (line.value(p) === null ? 'unknown' : `${p.name} ${size(/** @type {number} */ (line.value(p)))}`)).join(', ')}`);
  return svg('svg', { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': `Memory over ${uptime ? 'time since start' : 'clock time'}. ${words.join('. ')}.` }, ...out);
}

/** Rows of the pinned types. @param {import('../store.js').State} s @param {import('./row.js').Model} m */
function pinnedRows({ pinned }, m) {
  if (pinned.length === 0) return [];
  const keys = new Set(pinned);
  return Array.from({ length: m.c.n }, (_, i) => i).filter((i) => keys.has(keyOf(m.c, i))).slice(0, PINNED);
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
    return [{ at: dump.captured_at, uptime: dump.uptime ?? null, life: life[at], name: all.length > 2 ? String(at + 1) : m.names[column] ?? String(at + 1), process, heap: heap.size, pinned: pins.map((i) => (column < 0 ? null : m.c.sizes[column * m.c.n + i])) }];
  });
}

/**
 * Starts of the lives, and what the event log says of ends; only around the dumps.
 * @param {import('./row.js').Model} m @param {Point[]} points @param {any[]} events @returns {Mark[]}
 */
function startMarks(m, points, events) {
  const times = points.map((p) => p.at);
  const span = Math.max(...times) - Math.min(...times) || 3600;
  const from = Math.min(...times) - 2 * span;
  const facts = m.result.all.map((d) => d.head.dump);
  /** @type {Mark[]} */
  const out = [];
  facts.forEach((f, at) => {
    if (typeof f.started_at === 'number' && facts.findIndex((other) => oneProcess(other, f)) === at) out.push({ at: f.started_at, text: `${utcTime(f.started_at).slice(0, 5)} started, pid ${f.pid}` });
  });
  return [...out, ...marksOf(events)].filter((k) => k.at >= from && k.at <= Math.max(...times) + span);
}

/** What event logs say of starts and ends. @param {any[]} logs  EventsReports @returns {Mark[]} */
function marksOf(logs) {
  const time = (/** @type {number} */ at) => utcTime(at).slice(0, 5);
  return (logs ?? []).flatMap((/** @type {any} */ log) => (log.lives ?? []).flatMap((/** @type {any} */ life) => [
    ...(typeof life.start === 'number' && life.start_from === 'event' ? [{ at: life.start, text: `${time(life.start)} started${life.pid ? `, pid ${life.pid}` : ''}` }] : []),
    ...(typeof life.end === 'number' ? [{ at: life.end, text: `${time(life.end)} ${ENDED[life.kind] ?? 'ended'}${life.reason ? `: ${visible(String(life.reason)).replaceAll('-', ' ').slice(0, 40)}` : ''}` }] : []),
  ]));
}
