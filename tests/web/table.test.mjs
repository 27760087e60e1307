// The table alone, with more rows and worse names than any fixture has.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium, root } from './harness.mjs';

const www = join(root, 'www');
const { build } = createRequire(join(www, 'package.json'))('esbuild');
const ROWS = 10_000;

let browser;
let page;
before(async () => {
  const script = await build({
    stdin: {
      contents: "export * from './views/table.js'; export * from './store.js'; export * from './lib/rows.js';",
      resolveDir: www,
    },
    bundle: true, format: 'iife', globalName: 'parts', write: false,
  });
  const html = readFileSync(join(www, 'index.html'), 'utf8')
    .replace(/<meta http-equiv[^>]*>/, '')
    .replace(/<script.*<\/script>/g, '')
    .replace(/<link rel="stylesheet"[^>]*>/, `<style>${readFileSync(join(www, 'app.css'), 'utf8')}</style>`);
  browser = await chromium();
  page = await browser.newPage();
  await page.setViewport({ width: 1440, height: 900 });
  await page.setContent(html);
  await page.addScriptTag({ content: script.outputFiles[0].text });
  await page.evaluate((n) => {
    const each = (of) => Array.from({ length: n }, (_, i) => of(i));
    const strings = [
      ...each((i) => `Contoso.Generated.Namespace${i % 97}.Type${i}\`1[[System.String, System.Private.CoreLib]]`),
      ...each((i) => `Contoso.Generated.Namespace${i % 97}.Type${i}<System.String>`),
      ...each((i) => `Contoso${i % 50}`).slice(0, 50),
    ];
    strings[0] = strings[n] = '<img src=x onerror="window.hit=1">\u202Etxt';
    strings[2 * n] = '"><b>';
    const places = (of) => Uint32Array.from(each(of));
    const counts = Float64Array.from([...each((i) => (i * 7919) % 10007), ...each((i) => (i * 104729) % 10007)]);
    const columns = {
      n, dumps: 2, strings, type: places((i) => i), csharp: places((i) => n + i), module: places((i) => 2 * n + (i % 50)), namespace: places(() => 0),
      owner: new Uint8Array(n), counts, sizes: counts.map((c) => c * 24),
      generationCounts: new Float64Array(12 * n), generationSizes: new Float64Array(12 * n), slots: new Float64Array(2 * n).fill(-1),
    };
    const sum = { counts: [1, 2], sizes: [24, 48], delta_count: 1, delta_size: 24 };
    const comparison = { meta: { dumps: [{}, {}], free: sum, free_generations: [[], []], total: sum, findings: [] }, columns, suspects: null };
    const head = { heap: { complete: true }, runtime: {}, findings: [] };
    const detail = { module: '', owner: 'library', reason: '', baseTypes: [], interfaces: [], methodTables: [[], []], samples: [[], []] };
    window.result = { dumps: [{ head }, { head }], comparison, table: parts.tableOf(comparison) };
    window.store = parts.createStore({
      dumps: [], swapped: false, result: null, failure: null, spelling: 'csharp', search: '', show: 'all', order: { by: 'size', dir: -1 },
    });
    document.getElementById('empty').hidden = true;
    document.getElementById('result').hidden = false;
    parts.mountTable(store, { detail: () => Promise.resolve(detail) });
  }, ROWS);
});
after(() => browser?.close());

/** Milliseconds from a change of the state to the next frame. */
const timed = (patch) => page.evaluate(async (p) => {
  const from = performance.now();
  store.set(p === 'result' ? { result } : p);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return Math.round(performance.now() - from);
}, patch);

test(`${ROWS} rows are drawn, filtered and sorted while one waits`, async (t) => {
  const times = {
    draw: await timed('result'),
    filter: await timed({ search: '42' }),
    clear: await timed({ search: '' }),
    sort: await timed({ order: { by: 'type', dir: 1 } }),
    names: await timed({ spelling: 'type' }),
  };
  t.diagnostic(JSON.stringify(times));
  assert.equal(await page.$$eval('table#diff tbody tr[data-type]', (rows) => rows.length), ROWS);
  // Generous: a busy machine with two cores. A quadratic loop takes minutes.
  for (const [what, ms] of Object.entries(times)) assert.ok(ms < 5000, `${what}: ${ms} ms`);
});

test('a name from the dump is text and nothing else', async () => {
  await timed({ search: 'onerror' });
  const row = await page.$eval('#diff tbody tr', (r) => ({ type: r.dataset.type, shown: r.querySelector('th').title, elements: r.querySelectorAll('img, b').length }));
  assert.equal(row.type, '<img src=x onerror="window.hit=1">\u202Etxt');
  assert.equal(row.shown, '<img src=x onerror="window.hit=1">\\u202etxt');
  assert.equal(row.elements, 0);
  await page.click('#diff tbody tr');
  assert.equal(await page.evaluate(() => window.hit), undefined);
  await timed({ search: '' });
});
