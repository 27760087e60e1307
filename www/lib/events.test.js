import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventsSummary, lifeRow } from './events.js';

const life = (/** @type {any} */ more) => ({ computer: '', pool: null, program: 'w3wp.exe', pid: 7, start: 1000, start_from: 'event', end: 4600, length: 3600, kind: 'recycle', reason: 'percent-memory', limit: null, detail: '', told_by: [], errors: 0, dumps: [], ...more });

test('a log in words: how many ends of which kind, how often, whether lives get shorter', () => {
  const log = {
    file: { file_name: 'eventlog.xml', events: 12, first: 0, last: 86400, recycles_per_day: 2 },
    lives: [life({}), life({ kind: 'crash', reason: null }), life({ kind: null, end: null, length: null, reason: null, limit: { name: 'Percent Memory', machine: true } })],
    trends: [{ name: 'w3wp.exe', verdict: 'shorter', first_half: 7200, second_half: 3600 }, { name: 'x', verdict: 'too-few', first_half: null, second_half: null }],
    dumps: [], findings: [],
  };
  assert.deepEqual(eventsSummary(log), [
    '12 events, 1 Jan 1970, 00:00:00 UTC to 2 Jan 1970, 00:00:00 UTC: one recycle, one crash, 0 stops; 2.00 recycles a day.',
    'The lives of w3wp.exe get shorter: half of them lasted 2 h at first, 1 h later.',
    'Percent Memory: its figures are those of the whole machine, not of the worker.',
  ]);
});

test('a life as a row: what is not known stays open', () => {
  assert.deepEqual(lifeRow(life({ dumps: [0] }), { dumps: [{ file_name: 'a.dmp' }] }), ['1 Jan 1970, 00:16:40', '1 Jan 1970, 01:16:40', '1 h', 'recycle: percent memory', 'w3wp.exe, pid 7', 'a.dmp']);
  const open = life({ start_from: 'previous-end', end: null, length: 60, kind: null });
  assert.deepEqual(lifeRow(open, { dumps: [] }).slice(0, 4), ['1 Jan 1970, 00:16:40 or later', '', 'up to 1 min', 'the log ends in it']);
});
