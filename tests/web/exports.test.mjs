// What the page's worker saves is what the command line prints, byte for byte; and a worker that crashes is replaced.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { choose, chromium, commandLine, fixtures, hosted, state } from './harness.mjs';

const pairs = fixtures();

let server;
let browser;
before(async () => {
  server = await hosted();
  browser = await chromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The page, and its workers within reach: those that were told to hold the reports. */
async function open() {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(() => {
    const Plain = Worker;
    window.holders = [];
    window.Worker = class extends Plain {
      postMessage(message, ...rest) {
        if (message.type === 'reports') window.holders.push(this);
        super.postMessage(message, ...rest);
      }
    };
    let calls = 1e6;
    window.ask = (name, ...args) => new Promise((resolve, reject) => {
      const call = ++calls;
      const holder = window.holders.at(-1);
      holder.addEventListener('message', ({ data }) => {
        if (data.call === call) data.type === 'answer' ? resolve(data.value) : reject(new Error(data.failure.message));
      });
      holder.postMessage({ type: 'call', call, name, args });
    });
  });
  await page.goto(server.url, { waitUntil: 'load' });
  return page;
}

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
  // No such method: an error that is not the core's, as after a trap.
  await page.evaluate(() => window.holders.at(-1).postMessage({ type: 'call', call: 2e6, name: 'trap', args: [] }));
  // The page's own call: Swap asks for another comparison.
  await page.evaluate(() => [...document.querySelectorAll('button')].find((b) => b.textContent === 'Swap').click());
  await page.waitForFunction(() => window.holders.length === 2 && document.body.dataset.state === 'ready');
  await page.waitForFunction((text) => window.ask('save', 'csv', undefined, undefined, false).then((now) => now !== text && now.length > 1000, () => false), {}, before);
  await page.close();
});
