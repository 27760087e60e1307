// The built pages in Chromium: the pieces from a server, and the one file from file://. Each test runs on both.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ALL_REFUSED, choose, commandLine, fixtures, inChromium, parseCsv, scratch, state, tableRows, tryToSend, violations } from './harness.mjs';

const pairs = fixtures();
const [{ dumps: pair }] = pairs.filter((p) => p.name === 'net10-x64-wks');
const dir = scratch();
const textFile = join(dir, 'notes <img src=x onerror=alert(1)>.txt');
writeFileSync(textFile, 'This is a text and no dump.\n'.repeat(100));
const cutShort = join(dir, 'cut-short.dmp');
writeFileSync(cutShort, readFileSync(pair[1]).subarray(0, 20));
const empty = join(dir, 'empty.dmp');
writeFileSync(empty, '');

const chrome = inChromium();
const open = (/** @type {string} */ kind) => chrome.open({ kind });

const texts = (page, selector) => page.$$eval(selector, (nodes) => nodes.map((n) => n.textContent.trim()));

for (const kind of ['hosted', 'one file']) {
  describe(kind, () => {
    test('empty: says what to drop, offers the sample pair', async () => {
      const { page, wrong } = await open(kind);
      await state(page, 'empty');
      assert.equal(await page.$eval('#dumps', (i) => i.type === 'file' && i.multiple), true);
      assert.match(await page.$eval('#empty h1', (h) => h.textContent), /Drop memory dumps of one/);
      assert.equal(await page.$eval('#sample', (b) => b.hidden), false);
      assert.equal(await page.$eval('#offline', (b) => b.hidden), kind !== 'hosted');
      assert.deepEqual(wrong, []);
      await page.close();
    });

    for (const { name, dumps, expected } of pairs) {
      test(`${name}: every row as the runtime's own DAC counts it, and as the command line prints it`, async () => {
        const { page, wrong } = await open(kind);
        await choose(page, dumps);
        await state(page, 'ready');
        const rows = await tableRows(page);

        const printed = parseCsv(commandLine(['diff', ...dumps, '--format', 'csv'])).slice(1);
        const key = (type, module, ...numbers) => [type, module, ...numbers.map(Number)].join('\t');
        assert.deepEqual(
          rows.map((r) => key(r.type, r.module, r.countA, r.sizeA, r.countB, r.sizeB)).sort(),
          printed.map(([type, module, ...n]) => key(type.replace(/^'(?=[=+\-@])/, ''), module, ...n.slice(0, 4))).sort(),
        );

        for (const [i, side] of ['A', 'B'].entries()) {
          const have = new Map();
          for (const r of rows) {
            const sum = have.get(r.type) ?? { count: 0, size: 0 };
            have.set(r.type, { count: sum.count + Number(r[`count${side}`]), size: sum.size + Number(r[`size${side}`]) });
          }
          const add = (map) => [...map.values()].reduce((a, b) => ({ count: a.count + b.count, size: a.size + b.size }), { count: 0, size: 0 });
          for (const [type, want] of expected[i]) {
            // That DAC cannot name types of Reflection.Emit; they are in the sum below.
            if (type !== '<Unloaded Type>') assert.deepEqual(have.get(type), want, `${type} in ${side}`);
          }
          assert.deepEqual(add(have), add(expected[i]), `sum of ${side}`);
        }
        assert.deepEqual(await texts(page, '#warnings .warning'), []);
        assert.match(await page.$eval('#answer', (a) => a.textContent), /Every object of both dumps was read/);
        assert.deepEqual(wrong, []);
        await page.close();
      });
    }

    test('the telemetry types of the sample pair grew from 7,800 to 18,650', async () => {
      const { page, wrong } = await open(kind);
      await page.click('#sample');
      await state(page, 'ready');
      const rows = await tableRows(page);
      const telemetry = rows.filter((r) => /^LeakSim\.Telemetry\.(Request|Dependency|Trace|Metric|Event|Exception)Telemetry$/.test(r.type));
      const sum = (key) => telemetry.reduce((n, r) => n + Number(r[key]), 0);
      assert.deepEqual([telemetry.length, sum('countA'), sum('countB')], [6, 7800, 18650]);
      assert.deepEqual(wrong, []);
      await page.close();
    });

    test('dropped files are ordered by capture time; Swap turns the comparison round', async () => {
      const { page } = await open(kind);
      await choose(page, [pair[1], pair[0]]);
      await state(page, 'ready');
      await page.click('[data-view="types"]');
      const string = () => page.$eval('#diff [data-type="System.String"]', (r) => [Number(r.dataset.countA), Number(r.dataset.countB)]);
      const [a, b] = await string();
      assert.ok(a < b);
      await page.evaluate(() => [...document.querySelectorAll('#panel button')].find((n) => n.textContent === 'Swap').click());
      await page.waitForFunction((n) => document.querySelector('#diff [data-type="System.String"]')?.dataset.countA === n, {}, String(b));
      assert.deepEqual(await string(), [b, a]);
      assert.match((await texts(page, '#warnings .warning')).join(), /taken before/);
      await page.close();
    });

    test('a file dropped on the page is read', async () => {
      const { page } = await open(kind);
      await page.evaluate(() => {
        const data = new DataTransfer();
        data.items.add(new File(['no dump at all'], 'dropped.txt'));
        document.querySelector('footer').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
      });
      await state(page, 'error');
      assert.deepEqual(await texts(page, '.card .file'), ['dropped.txt']);
      await page.close();
    });

    test('one dump alone: its statistics, the second columns empty', async () => {
      const { page, wrong } = await open(kind);
      await choose(page, [pair[0]]);
      await state(page, 'ready');
      const printed = parseCsv(commandLine(['stat', pair[0], '--format', 'csv'])).slice(1);
      const rows = await tableRows(page);
      assert.equal(rows.length, printed.length);
      assert.ok(rows.every((r) => r.countB === '' && r.sizeB === '' && Number(r.countA) > 0));
      assert.equal(rows.reduce((n, r) => n + Number(r.sizeA), 0), 6_457_629);
      assert.match((await texts(page, '#diff tfoot .total')).join(), /6,457,629/);
      assert.deepEqual(wrong, []);
      await page.close();
    });

    for (const [file, code] of [[textFile, 'not-a-dump'], [empty, 'empty-file'], [cutShort, 'truncated']]) {
      test(`${code}: what the file is, the next step, Replace`, async () => {
        const { page, wrong } = await open(kind);
        await choose(page, [file]);
        await state(page, 'error');
        assert.deepEqual(await page.$$eval('.card.failed', (c) => c.map((n) => n.dataset.code)), [code]);
        const card = await page.$eval('.card.failed', (c) => c.innerText);
        assert.ok(card.includes(file.split('/').at(-1)), card);
        for (const part of await texts(page, '.card .what b, .card .next')) assert.ok(part.length > 15, part);
        assert.equal(await page.$('.card img'), null);
        // Another file takes its place.
        const [chooser] = await Promise.all([page.waitForFileChooser(), page.click('[data-act="replace"]')]);
        await chooser.accept([pair[0]]);
        await state(page, 'ready');
        assert.equal((await page.$$('.card.failed')).length, 0);
        assert.deepEqual(wrong, []);
        await page.close();
      });
    }

    test('one of two cannot be used: the other one is shown, and Remove leaves it', async () => {
      const { page } = await open(kind);
      await choose(page, [pair[0], textFile]);
      await state(page, 'ready');
      assert.equal((await texts(page, '#files-title'))[0], 'One of two files can be used');
      assert.ok((await tableRows(page)).length > 100);
      await page.click('[data-act="remove"]');
      await page.waitForFunction(() => document.getElementById('files').hidden);
      await state(page, 'ready');
      assert.ok((await tableRows(page)).length > 100);
      await page.close();
    });

    test('Cancel ends the reading of one file and leaves the other', async () => {
      const { page, wrong } = await open(kind);
      await page.evaluate(() => {
        new MutationObserver((_, observer) => {
          observer.disconnect();
          document.querySelector('#cards [data-act="cancel"]').click();
        }).observe(document.getElementById('cards'), { childList: true });
      });
      await choose(page, pair);
      await state(page, 'ready');
      assert.equal((await page.$$('#panel .dump')).length, 1);
      assert.ok((await tableRows(page)).every((r) => r.countB === ''));
      assert.deepEqual(wrong, []);
      await page.close();
    });

    test('search, sort, names, keyboard, opened row', async () => {
      const { page } = await open(kind);
      await choose(page, pair);
      await state(page, 'ready');
      await page.click('[data-view="types"]');
      const types = (what) => page.$$eval('#diff tbody tr[data-type]', (rows, key) => rows.map((r) => (key === 'title' ? r.querySelector('th').title : r.dataset[key])), what);
      const count = () => page.$eval('#diff', (d) => Number(d.getAttribute('aria-rowcount')));
      assert.equal((await types('type'))[0], 'System.String');
      const all = await count();

      await page.keyboard.press('/');
      await page.keyboard.type('/telemetry\\.(request|trace)/');
      const [, shown] = /^Shown: (\d+) of/.exec((await texts(page, '#diff tfoot .filtered'))[0]) ?? [];
      assert.ok(Number(shown) > 0 && Number(shown) < 20, shown);
      assert.equal(await count(), 1 + Number(shown) + 4);
      await page.keyboard.press('Escape');
      assert.equal(await count(), all);

      await page.click('[data-by="type"]');
      assert.equal(await page.$eval('#diff thead tr[role] th.name', (h) => h.getAttribute('aria-sort')), 'ascending');
      const names = await types('title');
      assert.deepEqual(names, [...names].sort());
      assert.match(await page.evaluate(() => location.hash), /^#view=types&sort=type$/);

      await page.select('#spelling', 'type');
      assert.deepEqual(await types('title'), await types('type'));

      await page.click('[data-show="gone"]');
      assert.ok((await types('countB')).every((n) => n === '0'));
      await page.click('[data-show="all"]');

      await page.focus('#diff tbody tr[tabindex="0"]');
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      await page.waitForSelector('#diff tbody .detail .addresses li');
      assert.equal(await page.$eval('#diff tbody tr.opened', (r) => r.getAttribute('aria-rowindex')), '3');
      assert.match(await page.$eval('#diff tbody .detail', (d) => d.textContent), /!dumpheap -mt [0-9a-f]+/);
      await page.keyboard.press('ArrowLeft');
      assert.equal((await page.$$('#diff .opened')).length, 0);
      await page.close();
    });

    test('nothing is sent: no request after load, none possible from page or worker', async () => {
      const { page } = await open(kind);
      await page.waitForNetworkIdle();
      const sent = [];
      page.on('request', (r) => sent.push(r.url()));
      const server = chrome.server();
      const asked = server.requests.length;
      // Workers have sessions of their own.
      const client = await page.createCDPSession();
      await client.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
      client.on('Target.attachedToTarget', ({ sessionId }) => {
        const worker = client.connection().session(sessionId);
        worker?.on('Network.requestWillBeSent', (e) => sent.push(e.request.url));
        worker?.send('Network.enable').catch(() => {});
      });

      await choose(page, pair);
      await state(page, 'ready');
      await page.click('#start-over');
      await choose(page, [textFile]);
      await state(page, 'error');
      // The workers' own source is a Blob of the page.
      assert.deepEqual(sent.filter((url) => !url.startsWith('blob:')), []);
      assert.equal(server.requests.length, asked);

      assert.deepEqual(await tryToSend(page, `${server.url}leak`), ALL_REFUSED);
      assert.deepEqual(server.requests.slice(asked), []);
      await page.close();
    });

    test('no accessibility violation, light and dark', async () => {
      const { page } = await open(kind);
      const check = async (where) => assert.deepEqual(await violations(page), [], where);
      await check('empty');
      for (const dialog of ['how', 'help']) {
        await page.evaluate((id) => document.getElementById(id).showModal(), dialog);
        await check(dialog);
        await page.keyboard.press('Escape');
      }
      await choose(page, [pair[0], textFile]);
      await state(page, 'ready');
      await check('one of two');
      await page.click('#start-over');
      await choose(page, pair);
      await state(page, 'ready');
      await page.click('#diff tbody tr');
      await page.type('#search', 'System');
      await check('ready');
      await page.close();
    });

    test('no horizontal scrolling, whatever the width', async () => {
      const { page } = await open(kind);
      for (const files of [[], [textFile], pair]) {
        if (files.length > 0) await choose(page, files);
        await page.waitForFunction(() => document.body.dataset.state !== 'reading');
        if (files === pair) {
          await state(page, 'ready');
          await page.evaluate(() => document.querySelectorAll('#diff tbody tr')[2].click());
        }
        for (const width of [360, 560, 720, 899, 900, 1100, 1440]) {
          await page.setViewport({ width, height: 800 });
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          const over = await page.evaluate(() => {
            const wide = [...document.querySelectorAll('body *')].filter((n) => n.getBoundingClientRect().right > innerWidth + 1 && !n.closest('.unseen'));
            return { scroll: document.documentElement.scrollWidth - innerWidth, wide: wide.slice(0, 3).map((n) => n.outerHTML.slice(0, 80)) };
          });
          assert.ok(over.scroll <= 0, `${width}: ${JSON.stringify(over)}`);
        }
      }
      await page.close();
    });
  });
}
