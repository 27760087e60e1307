// The HTML report: every row with its numbers and the sums, in the page's own style, from one file; a stranger's text is text in it; what was not asked for is not.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, commandLine, fixtures, inChromium, inWorkers, scratch, state, violations } from './harness.mjs';

const pairs = fixtures();
const { dumps: pair } = pairs.find((p) => p.name === 'net10-x64-wks');
const { dumps: other } = pairs.find((p) => p.name === 'net8-x64-wks');
const dir = scratch();
const chrome = inChromium();

const HOSTILE = '<img src=x onerror="globalThis.hit=1"></style><script>globalThis.hit=1</script>\u202Etxt';
/** What each part that can be switched off would hold: where the core found something else, this is put in its place. */
const SECRETS = {
  facts: ['4711', '12345678'],
  fileNames: ['secret-file', 'secret-entry'],
  modules: ['secret-module', 'secret-reason'],
  folders: ['secret-folder', 'secret-runtime', 'secret-gc'],
  machine: ['secret-instance', 'secret-site', 'secret-pool'],
  commandLine: ['hunter2', 'secret-comment'],
};
const HEAD = {
  dump: {
    file_name: `secret-file ${HOSTILE}`, image_path: `C:\\secret-folder\\${HOSTILE}.exe`, command_line: `app --password hunter2 ${HOSTILE}`, comment: `secret-comment ${HOSTILE}`,
    instance_id: 'secret-instance', site_name: 'secret-site', app_pool: 'secret-pool', pid: 4711, os: 'Windows 12345678', entry: { name: 'secret-entry' },
  },
  runtime: { module: 'C:\\secret-runtime\\coreclr.dll', gc_module: 'C:\\secret-gc\\clrgc.dll' },
};

/** Workers that tell of those. */
const telling = inWorkers(`{
  const post = self.postMessage.bind(self);
  self.postMessage = (message, handedOver) => {
    const given = ${JSON.stringify(HEAD)};
    if (message.type === 'report') {
      for (const part of Object.keys(given)) Object.assign(message.head[part], given[part]);
      message.head.assemblies = [{ name: 'secret-module', version: String(Math.random()) }];
    }
    const meta = message.value?.meta;
    if (meta) {
      for (const d of meta.dumps) if (d.dump) d.dump.pid = 4711;
      meta.assemblies = [{ name: 'secret-module ${HOSTILE.replace('/', '\\/')}', version: '1', owner: 'yours', reason: 'secret-reason' }];
      const { columns } = message.value;
      columns.strings = columns.strings.map((s, i) => (columns.module.includes(i) ? 'secret-module' : s));
      columns.strings[columns.csharp[0]] = columns.strings[columns.type[0]] = ${JSON.stringify(HOSTILE)}.replace('/', '\\/');
    }
    post(message, handedOver);
  };
}`);

/** What "Save report" writes with these parts and no others. @param {any} page @param {string[]} [parts]  as they are if not given @returns {Promise<string>} */
async function saved(page, parts) {
  await page.click('#save-open');
  if (parts) {
    await page.evaluate((wanted) => {
      for (const box of document.querySelectorAll('[data-part]')) if (!box.disabled && box.checked !== wanted.includes(box.dataset.part)) box.click();
    }, parts);
  }
  // Each click draws anew: the last is the one that counts.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 1000)));
  await page.waitForFunction(() => document.getElementById('save-preview').textContent.length > 100 && !document.getElementById('save-go').disabled);
  return page.evaluate(() => new Promise((done) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => (void blob.text().then(done), createObjectURL.call(URL, blob));
    document.getElementById('save-go').click();
    URL.createObjectURL = createObjectURL;
  }));
}

let reports = 0;
/** The report in a page of its own, from the disk. @param {any} page @param {string} html */
async function opened(page, html) {
  const path = join(dir, `${reports++}.html`);
  writeFileSync(path, html);
  const report = await page.browser().newPage();
  await report.setViewport({ width: 1440, height: 900 });
  const complaints = [];
  report.on('console', (message) => complaints.push(message.text()));
  report.on('request', (r) => r.url().startsWith('file:') || complaints.push(r.url()));
  await report.goto(`file://${path}`);
  return { report, complaints };
}

const rowsOf = (report, at) => report.$$eval('table.list', (tables, n) => [...tables.at(n).querySelectorAll('tbody .type, tfoot tr')].map((row) => ({
  name: (row.querySelector('.full') ?? row.cells[0].firstChild).textContent, cells: [...row.cells].slice(1).map((cell) => cell.textContent),
})), at);
const grouped = (/** @type {number} */ n) => n.toLocaleString('en-US').replace('-', '\u2212');
const signed = (/** @type {number} */ n) => (n > 0 ? '+' : '') + grouped(n);

test('a stranger\'s text is text, wherever it stands', async () => {
  const { page, wrong } = await chrome.open({ first: telling });
  await choose(page, pair);
  await state(page, 'ready');
  const html = await saved(page, [...Object.keys(SECRETS), 'samples']);
  assert.doesNotMatch(html, /<img|<script|\u202e|https?:|url\(/);
  assert.equal(html.split('</style>').length, 2);
  assert.match(html, /&lt;img src=x onerror="globalThis\.hit=1"&gt;/);
  assert.match(html, /^<!doctype html>\n<html lang="en"><meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';/);
  // Of a style sheet that is read back, a shorthand with a token that a longer rule changes in part would be empty.
  assert.doesNotMatch(html.slice(0, html.indexOf('</style>')), /[\w-]: ?;/);
  const { report, complaints } = await opened(page, html);
  assert.deepEqual(await report.evaluate(() => [document.querySelectorAll('img, script, button, a').length, typeof globalThis.hit]), [0, 'undefined']);
  assert.deepEqual([...complaints, ...wrong], []);
  await report.close();
  await page.close();
});

test('what was not asked for is not in it, nor in its preview', async () => {
  const { page } = await chrome.open({ first: telling });
  await choose(page, pair);
  await state(page, 'ready');
  const parts = Object.keys(SECRETS);
  for (const asked of [[], parts, ...parts.map((p) => [p])]) {
    const html = await saved(page, asked);
    const preview = await page.$eval('#save-preview', (p) => p.textContent);
    for (const part of parts) {
      for (const secret of SECRETS[part]) {
        // The dump inside a zip is told of among the contents.
        const expected = asked.includes(part) && (secret !== 'secret-entry' || asked.includes('facts'));
        assert.equal(html.includes(secret), expected, `${secret} where ${asked} was asked for`);
        assert.ok(asked.includes(part) || !preview.includes(secret), secret);
      }
    }
  }
  await page.close();
});

test('every row with its numbers, the suspects and the sums are those of the command line', async () => {
  const { page, wrong } = await chrome.open();
  await choose(page, pair);
  await state(page, 'ready');
  const { report, complaints } = await opened(page, await saved(page));
  const printed = JSON.parse(commandLine(['diff', ...pair, '--suspects', '--format', 'json']));
  const rows = await rowsOf(report, 1);
  const line = ({ counts, sizes }) => [signed(sizes[1] - sizes[0]), '', signed(counts[1] - counts[0]), ...sizes.map(grouped), ...counts.map(grouped)];
  const without = ({ cells }) => cells.filter((_, i) => i !== 2 && i < 8);
  assert.equal(rows.length, printed.rows.length + 3);
  for (const [i, row] of printed.rows.entries()) {
    assert.equal(rows[i].name, row.type_name_csharp);
    assert.deepEqual(without(rows[i]), line(row), row.type_name);
  }
  assert.deepEqual(rows.slice(-2).map(without), [line(printed.free), line(printed.total)]);
  const suspects = await rowsOf(report, 0);
  const members = printed.suspects.same_number.flatMap((g) => g.types.rows);
  assert.ok(members.length > 0);
  assert.deepEqual(suspects.map((r) => r.name).toSorted(), [...members, ...printed.suspects.resized.map((r) => r.row)].map((i) => printed.rows[i].type_name_csharp).toSorted());
  // As the page draws it: names in its letters, head and foot at the window's edges.
  const look = await report.evaluate(() => {
    const style = (selector) => getComputedStyle(document.querySelector(selector));
    return [style('.list .full').fontFamily, style('.list thead').position, style('.list tfoot').position, style('.list .bar.grow').height];
  });
  assert.match(look[0], /Mono/);
  assert.deepEqual(look.slice(1), ['sticky', 'sticky', '10px']);
  assert.deepEqual(await violations(report), []);
  assert.deepEqual([...complaints, ...wrong], []);
  await report.close();
  await page.close();
});

test('of one dump, and of three', async () => {
  const { page } = await chrome.open();
  await choose(page, [pair[1]]);
  await state(page, 'ready');
  const one = await opened(page, await saved(page));
  const printed = JSON.parse(commandLine(['stat', pair[1], '--format', 'json']));
  const rows = await rowsOf(one.report, 0);
  assert.equal(rows[0].cells[0], grouped(Math.max(...printed.types.map((t) => t.total_size))));
  assert.deepEqual(rows.at(-1).cells.filter((_, i) => i === 0 || i === 3), [grouped(printed.heap.size), grouped(printed.heap.objects)]);
  await page.bringToFront();
  await choose(page, [pair[0], other[0]]);
  await page.waitForFunction(() => document.body.dataset.state === 'ready' && document.querySelectorAll('#panel .series .dump').length === 3);
  const three = await opened(page, await saved(page));
  assert.ok((await rowsOf(three.report, -1)).length > 100);
  assert.deepEqual([...one.complaints, ...three.complaints], []);
  assert.deepEqual(await violations(three.report), []);
  await page.close();
});

test('of more types than it has rows for, the sums are still of all', async () => {
  const listing = (/** @type {number} */ more) => {
    const path = join(dir, `many-${more}.txt`);
    const lines = Array.from({ length: 6000 }, (_, i) => `7ff${(0x800000000 + i * 8).toString(16)} ${String(10 + more).padStart(8)} ${String((10 + more) * (i + 24)).padStart(12)} Made.Type${i}`);
    const sum = Array.from({ length: 6000 }, (_, i) => (10 + more) * (i + 24)).reduce((a, b) => a + b);
    writeFileSync(path, `Statistics:\n              MT    Count    TotalSize Class Name\n${lines.join('\n')}\nTotal ${6000 * (10 + more)} objects, ${sum} bytes\n`);
    return { path, sum };
  };
  const [a, b] = [listing(0), listing(5)];
  const { page } = await chrome.open();
  await choose(page, [a.path, b.path]);
  await state(page, 'ready');
  const { report } = await opened(page, await saved(page));
  const rows = await rowsOf(report, -1);
  assert.equal(rows.length, 5000 + 3);
  assert.equal(rows[0].name, 'Made.Type5999');
  assert.equal(rows.at(-1).cells[0], signed(b.sum - a.sum));
  assert.match(await report.$eval('tfoot', (foot) => foot.textContent), /first 5,000/);
  await page.close();
});
