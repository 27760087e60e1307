// An EventsReport in words. Pure.

import { sentence } from './errors.js';
import { duration, plural, utc } from './format.js';

/** @param {any} log  EventsReport @returns {string[]} */
export function eventsSummary(log) {
  const { file } = log;
  const ends = ['recycle', 'crash', 'stop'].map((kind) => plural(log.lives.filter((/** @type {any} */ l) => l.kind === kind).length, kind).replace('crashs', 'crashes'));
  const out = [
    `${plural(file.events, 'event')}${file.first === null ? '' : `, ${utc(file.first)} to ${utc(file.last)}`}: ${ends.join(', ')}` +
      `${file.recycles_per_day === null ? '' : `; ${file.recycles_per_day.toFixed(2)} recycles a day`}.`,
  ];
  for (const t of log.trends) {
    if (t.verdict === 'shorter' || t.verdict === 'longer') {
      out.push(`The lives of ${t.name || 'the worker'} get ${t.verdict}${t.first_half !== null && t.second_half !== null ? `: half of them lasted ${duration(t.first_half)} at first, ${duration(t.second_half)} later` : ''}.`);
    }
  }
  const limit = log.lives.findLast((/** @type {any} */ l) => l.limit)?.limit;
  if (limit?.machine) out.push(`${limit.name}: its figures are those of the whole machine, not of the worker.`);
  for (const f of log.findings) out.push(/^\S+\.\w+:/.test(f.message) ? f.message : sentence(f.message.replaceAll('`', '')));
  return out;
}

/** Start, end, length, what ended it, process, dumps. @param {any} life @param {any} log @returns {string[]} */
export function lifeRow(life, log) {
  const time = (/** @type {number} */ s) => utc(s).replace(' UTC', '');
  const least = life.start_from === 'previous-end';
  const reason = life.kind === null ? 'the log ends in it' : `${life.kind}${life.reason ? `: ${life.reason.replaceAll('-', ' ')}` : ''}${life.detail ? ` (${life.detail})` : ''}`;
  return [
    life.start === null ? 'before the log' : `${time(life.start)}${least ? ' or later' : ''}`,
    life.end === null ? '' : time(life.end),
    life.length === null ? '' : `${least ? 'up to ' : ''}${duration(life.length)}`,
    reason,
    [life.pool, life.program, life.pid !== null ? `pid ${life.pid}` : null].filter(Boolean).join(', '),
    life.dumps.map((/** @type {number} */ i) => log.dumps[i]?.file_name).filter(Boolean).join(', '),
  ];
}
