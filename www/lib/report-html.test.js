import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf } from './answer.js';
import { reportHtml, wordsOfReport } from './report-html.js';
import { MB, comparisonOf, headOf, sidesOf } from './testing-heads.js';

const HOSTILE = '<img src=x onerror="window.hit=1">\u202Etxt';
const ALL = { facts: true, fileNames: true, modules: true, folders: true, machine: true, commandLine: true, samples: true };
const NONE = Object.fromEntries(Object.keys(ALL).map((k) => [k, false]));

function input() {
  const dump = { file_name: 'secret-file.dmp', command_line: 'app.exe --password "hunter2"', image_path: 'C:\\secret-folder\\app.exe', instance_id: 'secretinstance', site_name: 'secretsite' };
  const sides = sidesOf([headOf({ taken: 3600, dump }), headOf({ taken: 7200, dump, gens: [0, 0, 3 * MB, 0, 0, 0] })]);
  const comparison = comparisonOf([[HOSTILE, 'mod"><script>', [1, 3], [10, 300]], ['A.B', 'm', [5, 5], [50, 50]]], { assemblies: [{ name: 'mod"><script>', owner: 'yours', reason: 'entry' }] });
  return { sides, comparison, answer: answerOf(sides, sides, comparison), warnings: [{ title: HOSTILE, text: '' }], notes: [], spelling: /** @type {'type'} */ ('type'), version: '1 (abc)', now: 0, samples: new Map([[0, ['7ff0']]]) };
}

test('a stranger\'s text is text, wherever it stands', () => {
  const html = reportHtml(input(), /** @type {any} */ (ALL));
  assert.doesNotMatch(html, /<img|<script|\u202e|onerror="/);
  assert.match(html, /&lt;img src=x onerror=&quot;window\.hit=1&quot;&gt;\\u202etxt/);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
  assert.doesNotMatch(html, /https?:|url\(/);
});

test('what was not asked for is not in it', () => {
  const few = reportHtml(input(), /** @type {any} */ (NONE));
  for (const secret of ['hunter2', 'secret-folder', 'secret-file', 'secretin', 'secretsite', '7ff0', 'mod&quot;']) assert.ok(!few.includes(secret), secret);
  const all = reportHtml(input(), /** @type {any} */ (ALL));
  for (const part of ['hunter2', 'secret-folder', 'secret-file', 'secretsite', '7ff0']) assert.ok(all.includes(part), part);
});

test('every row and the totals are there, and the preview reads as text', () => {
  const html = reportHtml(input(), /** @type {any} */ (NONE));
  assert.equal(html.match(/<tr><th scope="row">/g)?.length, 4); // two types, Free, the total
  assert.match(html, /\+290<\/td>/);
  const words = wordsOfReport(html);
  assert.match(words, /^dropheap 1 \(abc\), report of 1 Jan 1970, 00:00:00 UTC\n/);
  assert.doesNotMatch(words, /&lt;|<td/);
});
