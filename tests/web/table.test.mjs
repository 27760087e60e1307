// The table alone, with more rows and worse names than any fixture has: columns made up, handed to it as the worker would.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { styles } from '../../www/build.mjs';
import { axeSource, chromium, longestTask, root } from './harness.mjs';

const www = join(root, 'www');
const { build } = createRequire(join(www, 'package.json'))('esbuild');
const ROWS = 20_000;

let browser;
let page;
before(async () => {
  const script = await build({
    stdin: {
      contents: "export * from './views/table.js'; export * from './store.js'; export * from './lib/testing.js'; export * from './lib/columns.js';",
      resolveDir: www,
    },
    bundle: true, format: 'iife', globalName: 'parts', write: false,
  });
  const html = readFileSync(join(www, 'index.html'), 'utf8')
    .replace(/<meta http-equiv[^>]*>/, '')
    .replace(/<script.*<\/script>/g, '')
    .replace(/<link rel="stylesheet"[^>]*>/, `<style>${styles()}</style>`);
  browser = await chromium();
  page = await browser.newPage();
  await page.setViewport({ width: 1440, height: 900 });
  await page.setContent(html);
  await page.addScriptTag({ content: script.outputFiles[0].text });
  await page.evaluate(() => {
    const owners = ['runtime', 'library', 'yours'];
    const rows = (n, k) => Array.from({ length: n }, (_, i) => {
      const counts = Array.from({ length: k }, (_, d) => ((i * 7919 + d * 104729 * (i % 13)) % 10007) + d);
      return [`Contoso.Generated.Namespace${i % 97}.Type${i}<T>`, `Contoso${i % 50}`, owners[i % 3], counts, counts.map((c) => c * 24)];
    });
    const HOUR = 3600;
    const facts = [
      { pid: 1984, started_at: 0, captured_at: 4.6 * HOUR, uptime: 4.6 * HOUR, memory_bytes: 178e6 },
      { pid: 2052, started_at: 8 * HOUR, captured_at: 9.3 * HOUR, uptime: 1.3 * HOUR, memory_bytes: 171e6 },
      { pid: 2052, started_at: 8 * HOUR, captured_at: 12.5 * HOUR, uptime: 4.5 * HOUR, memory_bytes: 189e6 },
      { pid: 2052, started_at: 8 * HOUR, captured_at: 15.8 * HOUR, uptime: 7.8 * HOUR, memory_bytes: 206e6 },
    ];
    const head = (f) => ({ dump: f, heap: { size: f.memory_bytes / 6, total_bytes: f.memory_bytes / 6, complete: true }, runtime: {}, findings: [] });
    const result = (comparison, all, dumps) => ({ dumps: dumps.map((i) => all[i]), all, names: all.length > 2 ? dumps.map((i) => String(i + 1)) : ['A', 'B'], comparison });
    const dumps = facts.map((f, i) => ({ id: i + 1, head: head(f) }));

    const big = rows(20_000, 2);
    big[0][0] = '<img src=x onerror="window.hit=1">\u202Etxt';
    big[0][1] = '"><b>';
    big[1][0] = `Long.${'X'.repeat(10_000)}`;
    big[2][0] = "=cmd|' /C calc'!A1";
    big[3] = ['Lib.ITelemetry[]', 'Lib', 'library', [1, 1], [64_024, 9_999_999], { base_size: 24, component_size: 8 }];
    window.results = {
      big: result(parts.made(big), dumps.slice(1, 3), [0, 1]),
      partial: (() => {
        const c = parts.made(rows(60, 2));
        c.meta.dumps[1].complete = false;
        return result(c, dumps.slice(1, 3), [0, 1]);
      })(),
      one: result(parts.made(rows(60, 1)), dumps.slice(1, 2), [0]),
      series: (() => {
        const list = rows(40, 3);
        list[0] = ['Lib.Steady', 'Lib', 'library', [100, 200, 302], [2400, 4800, 7248]];
        list[1] = ['Lib.Burst', 'Lib', 'library', [100, 110, 500], [2400, 2640, 12_000]];
        const c = parts.made(list);
        c.meta.dumps.forEach((d, i) => (d.dump = facts[i + 1]));
        return result(c, dumps, [1, 2, 3]);
      })(),
    };
    window.calls = [];
    const client = {
      detail: async (i) => ({
        module: 'Contoso1', owner: 'library', reason: 'product Contoso', baseTypes: [{ type_name: 'System.Object', type_name_csharp: 'System.Object', module: 'C', owner: 'runtime' }], interfaces: [],
        methodTables: [[{ address: '7f01', count: 1, size: 24 }], [{ address: '7f02', count: i, size: 24 }]], samples: [[], [['1f08'], [], ['1f10', '1f20'], [], [], []]],
      }),
      group: async (by) => ({ by, overlap: true, rows: [{ name: 'Lib.I', name_csharp: 'Lib.I', module: 'Lib', owner: 'library' }], members: [Uint32Array.from([0, 3, 4])] }),
    };
    const call = (name) => (...args) => window.calls.push([name, ...args]);
    window.store = parts.createStore(parts.emptyState());
    document.getElementById('empty').hidden = true;
    document.getElementById('result').hidden = false;
    parts.mountTable(store, client, { swap: call('swap'), choose: call('choose'), compare: call('compare') });
  });
});
after(() => browser?.close());

/** Changes the state and waits for the frame. */
const change = (patch, more = {}) => page.evaluate(async (p, m) => {
  await new Promise((done) => setTimeout(() => {
    store.set(typeof p === 'string' ? { result: results[p], ...m } : p);
    done();
  }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)));
}, patch, more);

const FRESH = { view: 'types', show: 'all', generation: 'all', search: '', opened: [], pinned: [], hidden: [], fold: true, order: { by: 'size', dir: -1 }, owners: { runtime: true, library: true, yours: true }, units: 'bytes', spelling: 'csharp', letters: true };
const rowTypes = () => page.$$eval('#diff tbody tr[data-type]', (rows) => rows.map((r) => r.dataset.type));
const focusFirst = () => page.focus('#diff tbody tr[tabindex="0"]');

test(`${ROWS} rows: drawn, filtered, sorted and scrolled in short tasks, with few elements`, async (t) => {
  const tasks = {};
  const cost = async (what, act) => (tasks[what] = (await longestTask(page, act)).processor);
  for (const [what, patch, more] of [
    ['draw', 'big', FRESH], ['filter', { search: '42' }], ['regex', { search: '/type1\\d+</' }], ['clear', { search: '' }], ['count', { order: { by: 'count', dir: -1 } }],
    ['names', { order: { by: 'type', dir: 1 } }], ['grown', { show: 'grown' }], ['old', { show: 'all', generation: 'old', order: { by: 'size', dir: -1 } }],
    ['namespace', { view: 'namespace', generation: 'all' }], ['back', { view: 'types' }],
  ]) await cost(what, () => change(patch, more));
  await cost('scroll', () => page.evaluate(async () => {
    const to = async (y) => {
      scrollTo(0, y);
      await new Promise((done) => requestAnimationFrame(done));
    };
    for (let y = 0; y < 9_000; y += 300) await to(y); // the wheel
    for (let y = 9_000; y < 500_000; y += 50_000) await to(y); // the bar dragged: every row is a new one
    scrollTo(0, 0);
  }));
  t.diagnostic(`longest main-thread task, ms of the processor: ${JSON.stringify(tasks)}`);
  assert.ok((await page.$$('#diff tbody tr')).length < 120);
  assert.equal(await page.$eval('#diff', (d) => d.getAttribute('aria-rowcount')), String(ROWS + 1 + 3));
  // What is aimed at is 50; on a machine that does other things caches are cold.
  for (const [what, ms] of Object.entries(tasks)) assert.ok(ms < 200, `${what}: ${ms} ms`);
});

test('every row is met by scrolling, once, in order, with its place said', async () => {
  await change('big', { ...FRESH, search: 'namespace42.' });
  const seen = await page.evaluate(async () => {
    const found = new Map();
    for (let y = 0; ; y += 500) {
      scrollTo(0, y);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      for (const r of document.querySelectorAll('#diff tbody tr[data-type]')) found.set(Number(r.getAttribute('aria-rowindex')), r.dataset.type);
      if (y > document.documentElement.scrollHeight) break;
    }
    scrollTo(0, 0);
    return [...found].sort((a, b) => a[0] - b[0]);
  });
  assert.equal(seen.length, 206);
  assert.deepEqual(seen.map(([at]) => at), seen.map((_, i) => i + 2));
  assert.equal(new Set(seen.map(([, type]) => type)).size, 206);
});

test('a name from the dump is text and nothing else', async () => {
  await change('big', { ...FRESH, search: 'onerror' });
  const row = await page.$eval('#diff tbody tr[data-type]', (r) => ({ type: r.dataset.type, shown: r.querySelector('th').title, elements: r.querySelectorAll('img').length }));
  assert.equal(row.type, '<img src=x onerror="window.hit=1">\u202Etxt');
  assert.equal(row.shown, '<img src=x onerror="window.hit=1">\\u202etxt');
  assert.equal(row.elements, 0);
  await page.click('#diff tbody tr');
  await page.waitForSelector('.detail .addresses');
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.$$eval('.detail img', (i) => i.length), 0);
  // Ten thousand characters make no row wider, and are all in the opened one.
  await change({ search: 'xxxxxxxxxx', opened: [] });
  await page.click('#diff tbody tr');
  await page.waitForSelector('.detail .addresses');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.equal(await page.$eval('.detail .full', (n) => n.textContent.length), 10_005);
});

test('filters: classes, search, generations; the foot says what is shown and still adds up', async () => {
  await change('big', { ...FRESH, owners: { runtime: false, library: false, yours: true } });
  assert.match(await page.$eval('#diff tfoot .filtered', (r) => r.textContent), /^Shown: 6,66\d of 20,000 types/);
  assert.ok((await page.$$eval('#diff tbody tr[data-type]', (rows) => rows.map((r) => r.textContent.includes('yours')))).every(Boolean));
  await change({ generation: 'young' });
  assert.equal(await page.$eval('#no-rows', (n) => n.hidden), false); // all of it lies in gen2
  await change({ generation: 'gen2', owners: FRESH.owners });
  const sizes = await page.$$eval('#diff tfoot tr', (rows) => rows.map((r) => Number(r.querySelector('.c-size-1').textContent.replaceAll(',', ''))));
  assert.equal(sizes[0] + sizes[1], sizes[2]);
  await change({ search: '/(/' });
  assert.equal(await page.$eval('#search-error', (n) => n.hidden), false);
});

test('marks: resized with its slots; new and gone are facts only where everything was read', async () => {
  await change('big', { ...FRESH, search: 'ITelemetry' });
  assert.match(await page.$eval('#diff tbody tr', (r) => r.textContent), /8,000 → 1,249,997 slots/);
  await change('partial', FRESH);
  await change({ show: 'new' });
  for (const text of await page.$$eval('#diff tbody tr', (rows) => rows.map((r) => r.textContent))) assert.match(text, /only seen in B/);
  assert.match(await page.$eval('[data-show="new"]', (b) => b.textContent), /^Only seen in B/);
  assert.match(await page.$eval('#diff thead .groups', (r) => r.textContent), /^Difference, A to B \(at least\)/);
  assert.match(await page.$eval('#diff tfoot .total', (r) => r.textContent), /^Total of what was read/);
});

test('MB, SOS names and columns switch; the bars keep their scale under any filter', async () => {
  await change('big', FRESH);
  const width = () => page.$eval('#diff tbody tr[data-type="Lib.ITelemetry[]"] .bar', (b) => b.style.width);
  const before_ = await width();
  await change({ search: 'ITelemetry', units: 'people', spelling: 'type', hidden: ['average', 'counts'] });
  assert.equal(await width(), before_);
  assert.match(await page.$eval('#diff tbody .c-size-1', (c) => c.textContent), /^9\.537$/);
  assert.equal(await page.$('#diff .c-average'), null);
  assert.equal(await page.$('#diff .c-count-0'), null);
  await change({ search: 'Type77<', units: 'bytes', spelling: 'type' });
  await change({ search: 'Type77`1' });
  assert.equal(await page.$eval('#diff tbody th', (c) => c.title), 'Contoso.Generated.Namespace77.Type77`1[[T, Lib]]');
});

test('keyboard: rows, pages, ends, open and close, sorting, filters, views, pin, swap; letters can be switched off', async () => {
  await change('big', FRESH);
  const focused = () => page.evaluate(() => Number(document.activeElement.getAttribute('aria-rowindex')));
  await focusFirst();
  assert.equal(await focused(), 2);
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
  assert.equal(await focused(), 3);
  await page.keyboard.press('PageDown');
  assert.ok((await focused()) > 15);
  await page.keyboard.press('End');
  assert.equal(await focused(), ROWS + 1);
  const clear = await page.evaluate(() => {
    const r = document.activeElement.getBoundingClientRect();
    return r.top >= document.querySelector('#diff thead').getBoundingClientRect().bottom - 1 && r.bottom <= document.querySelector('#diff tfoot').getBoundingClientRect().top + 1;
  });
  assert.ok(clear, 'the focus is under the head or the foot');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('.detail .addresses');
  assert.equal(await page.$eval('#diff tbody tr', (r) => r.getAttribute('aria-expanded')), 'true');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Copy name');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('.detail'));
  assert.equal(await focused(), 2);

  await page.keyboard.press('c');
  assert.equal(await page.$eval('#diff [aria-sort] button', (b) => b.dataset.by), 'count');
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  assert.deepEqual(await page.evaluate(() => [store.get().show, store.get().owners.runtime]), ['grown', false]);
  await page.keyboard.press('a');
  await page.keyboard.press('r');
  await page.keyboard.press('p');
  assert.equal(await page.$eval('#diff tbody .section', (s) => s.textContent.startsWith('Pinned')), true);
  await page.keyboard.press('5');
  assert.equal(await page.evaluate(() => store.get().view), 'assembly');
  await page.keyboard.press('x');
  assert.deepEqual(await page.evaluate(() => calls.at(-1)), ['swap']);

  await change({ letters: false, view: 'types' });
  await page.keyboard.press('g');
  assert.equal(await page.evaluate(() => store.get().show), 'all');
  await page.focus('#search');
  await page.keyboard.type('g');
  assert.equal(await page.evaluate(() => store.get().search), 'g');
  await change({ search: '' });
});

test('views: base types hollow, namespaces as a tree, assemblies; a group opens and the left arrow leads back to it', async () => {
  await change('big', { ...FRESH, view: 'base' });
  await page.waitForSelector('#diff tbody .bar.hollow');
  await change({ view: 'assembly' });
  assert.equal(await page.$eval('#diff', (d) => d.getAttribute('aria-rowcount')), String(52 + 1 + 3));
  await focusFirst();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-level')), '2');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-level')), '1');
  await change({ view: 'namespace', opened: [] });
  const sums = await page.$$eval('#diff tbody tr .c-size-1', (cells) => cells.reduce((n, c) => n + Number(c.textContent.replaceAll(',', '')), 0));
  const total = await page.$eval('#diff tfoot .types .c-size-1', (c) => Number(c.textContent.replaceAll(',', '')));
  assert.equal(sums, total);
});

test('the state is in the fragment, and comes back; search and names never are', async () => {
  await change('big', { ...FRESH, view: 'assembly', order: { by: 'count', dir: 1 }, hidden: ['average'], search: 'Secret.Name', opened: ['assembly:Contoso1'] });
  const hash = await page.evaluate(() => location.hash);
  assert.equal(hash, '#view=assembly&sort=count&hide=average');
});

test('a series: a column per dump, steps, trends, growth in every step, the chart, and equal uptime', async () => {
  await change('series', { ...FRESH, search: 'Lib.' });
  assert.deepEqual(await page.$$eval('#diff thead [data-by]', (b) => b.map((x) => x.dataset.by)), ['type', 'size', 'step:1', 'step:2', 'trend', 'size:0', 'size:1', 'size:2']);
  const cells = (type) => page.$eval(`#diff tr[data-type="${type}"]`, (r) => [...r.querySelectorAll('td')].map((c) => c.textContent || (c.querySelector('svg')?.getAttribute('aria-label') ?? '')));
  assert.deepEqual(await cells('Lib.Steady'), ['+4,848', '', '+100', '+102', 'steady', '2,400', '4,800', '7,248']);
  assert.deepEqual(await cells('Lib.Burst'), ['+9,600', '', '+10', '+390', '100, 110, 500', '2,400', '2,640', '12,000']);
  await page.click('[data-show="steady"]');
  assert.deepEqual(await rowTypes(), ['Lib.Burst', 'Lib.Steady']);
  await change({ search: '' });
  const grew = await page.$eval('#diff', (d) => Number(d.getAttribute('aria-rowcount')));
  assert.ok(grew > 6 && grew < 40);
  await page.click('[data-show="steady"]');
  // Four dumps of two processes: no line joins them.
  assert.equal((await page.$$('#chart circle.heap')).length, 4);
  assert.deepEqual(await page.$$eval('#chart polyline.heap', (l) => l.map((p) => p.getAttribute('points').split(' ').length)), [3]);
  assert.equal((await page.$$('#chart .life')).length, 2);
  await page.click('#chart [data-axis="uptime"]');
  assert.equal((await page.$$('#chart .life')).length, 0);
  await page.click('#equal-uptime');
  assert.deepEqual(await page.evaluate(() => calls.at(-1)), ['compare', [1, 3]]);
  // What ended the first life, from an event log.
  await change({ axis: 'clock' });
  await change({ events: [{ lives: [{ start: null, start_from: null, end: 7 * 3600, kind: 'recycle', reason: 'percent-memory', pid: 1984 }] }] });
  assert.ok((await page.$$eval('#chart text', (t) => t.map((n) => n.textContent))).includes('07:00 recycled: percent memory'));
  assert.equal((await page.$$('#chart .life')).length, 3);
  await change({ pinned: ['Lib.Burst\tLib'] });
  assert.equal((await page.$$('#chart polyline.pinned')).length, 1);
  await page.select('#reference', '3');
  assert.deepEqual(await page.evaluate(() => calls.at(-1)), ['compare', [3, 4]]);
});

test('one dump: its sizes, shares of the heap, no changes', async () => {
  await change('one', FRESH);
  assert.deepEqual(await page.$$eval('#diff thead [data-by]', (b) => b.map((x) => x.dataset.by)), ['type', 'size', 'percent', 'count', 'average']);
  assert.equal(await page.$eval('#shown', (n) => n.hidden), true);
  assert.equal(await page.$eval('#diff tbody tr', (r) => r.dataset.countB), '');
});

test('no accessibility violation in any view, light and dark, wide and narrow', async () => {
  await page.evaluate(axeSource);
  for (const width of [1440, 390]) {
    await page.setViewport({ width, height: 900 });
    for (const theme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      for (const [name, more] of [['big', FRESH], ['big', { ...FRESH, view: 'base' }], ['big', { ...FRESH, view: 'namespace' }], ['series', FRESH], ['one', FRESH], ['partial', FRESH]]) {
        await change(name, more);
        await page.evaluate(() => store.set({ opened: [document.querySelector('#diff tbody tr[data-id]:not(.section)').dataset.id] }));
        await new Promise((done) => setTimeout(done, 100));
        const { violations } = await page.evaluate(() => axe.run('#result'));
        assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 200)} ${v.nodes[0].failureSummary}`), [], `${name} ${more.view}, ${theme}, ${width}`);
      }
    }
  }
  await page.setViewport({ width: 1440, height: 900 });
});
