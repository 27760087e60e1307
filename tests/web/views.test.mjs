// The views of the table on real pairs in Chromium, hosted: suspects, series, the state in the address.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { axeSource, choose, fixtures, inChromium, scratch, state } from './harness.mjs';

const pairs = fixtures();
const { dumps: pair } = pairs.find((p) => p.name === 'net10-x64-wks');
const { dumps: other } = pairs.find((p) => p.name === 'net31-x64-wks');

const chrome = inChromium();

async function open(files, hash = '') {
  const { page, wrong } = await chrome.open({ kind: 'hosted', hash, height: 1000 });
  await choose(page, files);
  await state(page, 'ready');
  return { page, wrong };
}

const number = (text) => Number(text.replaceAll(',', '').replace('−', '-'));

test('suspects open first; what is not hollow adds up to all types; a group opens to its types', async () => {
  const { page, wrong } = await open(pair);
  assert.equal(await page.$eval('[data-view="suspects"]', (b) => b.getAttribute('aria-pressed')), 'true');
  const sections = await page.$$eval('#diff .section b', (b) => b.map((n) => n.textContent));
  assert.ok(sections.includes('Same number'), sections.join());
  assert.equal((await page.$$('#diff tbody [aria-expanded="true"]')).length, 0);

  const { lines, types } = await page.evaluate(async () => {
    const found = new Map();
    for (let y = 0; y < document.documentElement.scrollHeight; y += 400) {
      scrollTo(0, y);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      for (const r of document.querySelectorAll('#diff tbody tr:is(.set, .type)')) {
        if (!r.querySelector('.hollow')) found.set(r.dataset.id, r.querySelector('.c-size').textContent);
      }
    }
    scrollTo(0, 0);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return { lines: [...found.values()], types: document.querySelector('#diff tfoot .types .c-size').textContent };
  });
  assert.equal(lines.reduce((n, text) => n + number(text), 0), number(types));

  const each = await page.evaluate(async () => {
    const group = [...document.querySelectorAll('#diff tbody tr.set')].find((r) => /types, each/.test(r.textContent));
    group.focus();
    return /(\d+) types, each (\+[\d,]+)/.exec(group.textContent).slice(1);
  });
  await page.keyboard.press('Enter');
  await page.waitForSelector('#diff tbody tr.inner');
  const inner = await page.$$eval('#diff tbody tr.inner .c-count', (c) => c.map((n) => n.textContent));
  assert.deepEqual(inner, Array(Number(each[0])).fill(each[1]));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('what was chosen is in the address; opened again, the page shows it', async () => {
  const { page } = await open(pair);
  await page.click('[data-view="types"]');
  await page.click('[data-show="grown"]');
  await page.click('[data-generation="old"]');
  await page.click('#diff thead [data-by="count"]');
  await page.type('#search', 'System');
  const hash = await page.evaluate(() => location.hash);
  assert.equal(hash, '#view=types&sort=-count&show=grown&gen=old');
  await page.close();

  const again = await open(pair, hash);
  const pressed = await again.page.$$eval('#table-area [aria-pressed="true"]', (b) => b.map((n) => n.dataset.view ?? n.dataset.show ?? n.dataset.generation));
  assert.deepEqual(pressed, ['types', 'grown', 'old']);
  assert.equal(await again.page.$eval('#diff thead [aria-sort]', (h) => h.querySelector('button').dataset.by), 'count');
  assert.equal(await again.page.$eval('#search', (i) => i.value), '');
  assert.equal(await again.page.evaluate(() => location.hash), hash);
  await again.page.close();
});

test('the numbers of a generation are those of the report, and the foot is its sum', async () => {
  const { page } = await open(pair, '#view=types&gen=old');
  const sizes = await page.$$eval('#diff tfoot tr', (rows) => rows.map((r) => [r.className, r.querySelector('.c-size-1').textContent]));
  const of = (name) => number(sizes.find(([c]) => c === name)[1]);
  assert.equal(of('types') + of('free'), of('total'));
  await page.select('#one-generation', 'gen0');
  const young = number(await page.$eval('#diff tfoot .total .c-size-1', (c) => c.textContent));
  await page.click('[data-generation="all"]');
  const all = number(await page.$eval('#diff tfoot .total .c-size-1', (c) => c.textContent));
  assert.ok(of('total') + young <= all && of('total') < all);
  await page.close();
});

test('four dumps of two processes: the last life is compared, no line crosses the restart, the reference can be moved', async () => {
  const dir = scratch();
  const later = (hours) => {
    // The same process some hours later, with nothing changed: MINIDUMP_HEADER.TimeDateStamp.
    const bytes = readFileSync(pair[1]);
    bytes.writeUInt32LE(bytes.readUInt32LE(0x14) + hours * 3600, 0x14);
    const path = join(dir, `later-${hours}.dmp`);
    writeFileSync(path, bytes);
    return path;
  };
  const { page, wrong } = await open([other[0], ...pair, later(2)]);
  assert.equal((await page.$$('#chart circle.heap')).length, 4);
  const lives = await page.$$eval('#chart polyline.heap', (l) => l.map((p) => p.getAttribute('points').split(' ').length));
  assert.deepEqual(lives, [3]);
  const columns = () => page.$$eval('#diff thead [data-by]', (b) => b.map((n) => n.dataset.by));
  assert.deepEqual((await columns()).filter((c) => c.startsWith('step') || c.startsWith('size:')), ['step:1', 'step:2', 'size:0', 'size:1', 'size:2']);
  await page.click('[data-view="types"]');
  await page.click('[data-show="steady"]');
  // Nothing grew in the last step.
  assert.equal(await page.$eval('#no-rows', (n) => n.hidden), false);
  await page.click('[data-show="steady"]');
  await page.focus('#diff tbody tr[tabindex="0"]');
  await page.keyboard.press('p');
  assert.equal((await page.$$('#chart polyline.pinned')).length, 1);
  const options = await page.$$eval('#reference option', (o) => o.map((n) => [n.value, n.selected]));
  assert.deepEqual(options.map(([, selected]) => selected), [false, true, false]);
  await page.select('#reference', options[2][0]);
  await page.waitForFunction(() => document.querySelector('#diff thead [data-by="count:1"]'));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('no accessibility violation in the table area of any view, light and dark', async () => {
  const { page } = await open(pair);
  await page.evaluate(axeSource);
  for (const theme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    for (const view of ['suspects', 'types', 'base', 'namespace', 'assembly']) {
      await page.click(`[data-view="${view}"]`);
      await page.waitForSelector('#diff tbody tr[aria-expanded]');
      const { violations } = await page.evaluate(() => axe.run('#table-area'));
      assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)}`), [], `${view}, ${theme}`);
    }
  }
  await page.close();
});
