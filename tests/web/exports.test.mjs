// What the page's worker saves is what the command line prints, byte for byte; and a worker that crashes is replaced.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, commandLine, fixtures, inChromium, keepHolders, parseCsv, scratch, state } from './harness.mjs';

const pairs = fixtures();

const chrome = inChromium();

/** The page, with a way to ask the worker that holds the reports. */
const open = async () => (await chrome.open({ kind: 'hosted', first: keepHolders })).page;

const saved = (page, ...args) => page.evaluate((a) => window.ask('save', ...a.map((x) => x ?? undefined)), args);

for (const { name, dumps } of pairs) {
  test(`${name}: exports are those of the command line`, async () => {
    const page = await open();
    await choose(page, dumps);
    await state(page, 'ready');
    for (const format of ['csv', 'md', 'json']) {
      assert.ok((await saved(page, format, null, null, false)) === commandLine(['diff', ...dumps, '--format', format]), format);
    }
    assert.ok((await saved(page, 'csv', 'csharp', null, false)) === commandLine(['diff', ...dumps, '--format', 'csv', '--names', 'csharp']));
    const secret = await saved(page, 'json', null, null, true);
    assert.ok(secret === commandLine(['diff', ...dumps, '--format', 'json', '--with-command-line']), 'with the command line');
    for (const [i, dump] of dumps.entries()) {
      assert.ok((await saved(page, 'sos', null, i, false)) === commandLine(['stat', dump, '--format', 'sos']), `sos of dump ${i}`);
    }
    await page.close();
  });
}

test('hostile names: the exports are those of the command line, no cell is a formula, no markup is left; the page and its HTML report run none of it', async () => {
  const { dumps } = pairs.find((p) => p.name === 'net10-x64-wks');
  const hostile = ['<img src=x onerror=globalThis.hit=1>|`a`', "=cmd|' /C calc'!A0", '+1+1', '@SUM(1)', '\u202egpj.exe', `Long.${'x'.repeat(10_000)}`];
  const dir = scratch();
  const sides = dumps.map((dump, i) => {
    let text = commandLine(['stat', dump, '--format', 'json']);
    const plain = JSON.parse(text).types.filter((t) => /^LeakSim\.[\w.]+$/.test(t.type_name)).map((t) => t.type_name);
    plain.toSorted().slice(0, hostile.length).forEach((name, n) => (text = text.replaceAll(`"${name}"`, JSON.stringify(hostile[n]))));
    const path = join(dir, `${i}.json`);
    writeFileSync(path, text);
    return path;
  });
  const page = await open();
  await choose(page, sides);
  await state(page, 'ready');
  const csv = await saved(page, 'csv', null, null, false);
  assert.ok(csv === commandLine(['diff', ...sides, '--format', 'csv']));
  const cells = parseCsv(csv).flat();
  for (const name of hostile.slice(0, 4)) assert.ok(cells.some((c) => c.endsWith(name)), name);
  assert.deepEqual(cells.filter((c) => /^[=@]|^[+-](?![\d.]+$)/.test(c)), []);
  const md = await saved(page, 'md', null, null, false);
  assert.ok(md === commandLine(['diff', ...sides, '--format', 'md']));
  assert.doesNotMatch(md, /<img|[^\\]\|`a/);
  assert.match(md, /&lt;img/);
  await page.setViewport({ width: 1440, height: 900 });
  // Shown, and in the report that opens anywhere.
  await page.click('[data-view="types"]');
  await page.type('#search', 'onerror');
  await page.waitForFunction(() => [...document.querySelectorAll('#diff [data-type]')].some((r) => r.dataset.type.includes('onerror')));
  assert.equal(await page.evaluate(() => document.querySelectorAll('img').length + Number(globalThis.hit ?? 0)), 0);
  await page.click('#save-open');
  await page.waitForFunction(() => document.getElementById('save-preview').textContent.length > 100);
  const html = await page.evaluate(() => new Promise((done) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => (void blob.text().then(done), createObjectURL.call(URL, blob));
    document.getElementById('save-go').click();
  }));
  assert.ok(html.includes('&lt;img src=x onerror') && !html.includes('<img') && !html.includes('\u202e'));
  await page.setContent(html);
  assert.equal(await page.evaluate(() => document.querySelectorAll('img, script').length + Number(globalThis.hit ?? 0)), 0);
  await page.close();
});

test('a listing as a side: its rows tell of the method tables that it names', async () => {
  const [dump] = pairs.find((p) => p.name === 'net10-x64-wks').dumps;
  const listing = join(scratch(), 'listing.txt');
  writeFileSync(listing, commandLine(['stat', dump, '--format', 'sos']));
  const page = await open();
  await choose(page, [dump, listing]);
  await state(page, 'ready');
  const rows = JSON.parse(commandLine(['diff', dump, listing, '--format', 'json'])).rows;
  for (const [i, row] of rows.entries()) {
    if (i % 20 !== 0) continue;
    const { methodTables } = await page.evaluate((at) => window.ask('detail', at), i);
    assert.deepEqual(methodTables.map((side) => side.map((t) => t.address).sort()), row.method_tables.map((side) => side.toSorted()), row.type_name);
    assert.deepEqual(methodTables.map((side) => side.reduce((n, t) => n + t.count, 0)), row.counts, row.type_name);
    assert.ok(row.method_tables[1].length > 0);
  }
  await page.close();
});

test('one dump alone: the formats of stat', async () => {
  const [dump] = pairs.find((p) => p.name === 'net10-x64-wks').dumps;
  const page = await open();
  await choose(page, [dump]);
  await state(page, 'ready');
  for (const format of ['csv', 'md', 'json', 'sos']) {
    assert.ok((await saved(page, format, null, null, false)) === commandLine(['stat', dump, '--format', format]), format);
  }
  await assert.rejects(saved(page, 'xml', null, null, false), /no such report/);
  await page.close();
});

test('suspects of the page are those of the command line', async () => {
  const { dumps } = pairs.find((p) => p.name === 'net10-x64-wks');
  const page = await open();
  await choose(page, dumps);
  await state(page, 'ready');
  const printed = JSON.parse(commandLine(['diff', ...dumps, '--suspects', '--format', 'json']));
  const ids = await page.evaluate(() => window.ask('save', 'json', undefined, undefined, false).then(() => [1, 2]));
  const { suspects, columns } = await page.evaluate((of) => window.ask('compare', Uint32Array.from(of)).then((c) => ({
    suspects: c.suspects,
    columns: { type: [...c.columns.type].map((i) => c.columns.strings[i]), sizes: [...c.columns.sizes], old: [...c.columns.generationSizes] },
  })), ids);
  assert.deepEqual(suspects, printed.suspects);
  assert.deepEqual(columns.type, printed.rows.map((r) => r.type_name));
  assert.deepEqual(columns.sizes, [0, 1].flatMap((d) => printed.rows.map((r) => r.sizes[d])));
  const cells = [0, 1].flatMap((d) => [0, 1, 2, 3, 4, 5].flatMap((g) => printed.rows.map((r) => r.generations[d][g]?.size ?? 0)));
  assert.deepEqual(columns.old, cells);
  const groups = await page.evaluate(() => window.ask('group', 'namespace').then((g) => ({ rows: g.rows, members: g.members.map((m) => [...m]) })));
  const members = groups.members.flat().sort((a, b) => a - b);
  assert.deepEqual(members, printed.rows.map((_, i) => i));
  for (const [i, group] of groups.rows.entries()) {
    assert.equal(group.delta_size, groups.members[i].reduce((n, row) => n + printed.rows[row].delta_size, 0), group.name);
  }
  await page.close();
});

test('a crash of the worker that holds the reports is told, and the next call finds them again', async () => {
  const { dumps } = pairs.find((p) => p.name === 'net10-x64-wks');
  const page = await open();
  await choose(page, dumps);
  await state(page, 'ready');
  const before = await saved(page, 'csv', null, null, false);
  // No such method: an error that is not the core's, as after a trap. The page has heard of it before it asks for more.
  await page.evaluate(() => new Promise((heard) => {
    const holder = window.holders.at(-1);
    holder.addEventListener('message', ({ data }) => data.type === 'failed' && heard());
    holder.postMessage({ type: 'call', call: 2e6, name: 'trap', args: [] });
  }));
  await page.evaluate(() => [...document.querySelectorAll('button')].find((b) => b.textContent === 'Swap').click());
  await page.waitForFunction(() => window.holders.length === 2 && document.body.dataset.state === 'ready');
  await page.waitForFunction((text) => window.ask('save', 'csv', undefined, undefined, false).then((now) => now !== text && now.length > 1000, () => false), {}, before);
  // With a call under way: that one is lost, the card says so, and Compare again works.
  await page.evaluate(() => {
    window.holders.at(-1).postMessage({ type: 'call', call: 2e6, name: 'trap', args: [] });
    [...document.querySelectorAll('button')].find((b) => b.textContent === 'Swap').click();
  });
  await state(page, 'error');
  await page.click('.card.comparison [data-act="again"]');
  await page.waitForFunction(() => window.holders.length === 3 && document.body.dataset.state === 'ready');
  await page.close();
});
