// Every state around the table in Chromium: what a file that cannot be used is told to be, dialogs, warnings, the self-test, saving,
// accessibility. The odd files are made here, from the fixtures.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { test } from 'node:test';
import { choose, commandLine, exportName, firefox, fixtures, inChromium, inWorkers, longestTask, oneFileUrl, root, scratch, state, violations } from './harness.mjs';

const pairs = fixtures();
const [{ dumps: pair }] = pairs.filter((p) => p.name === 'net10-x64-wks');
const [{ dumps: other }] = pairs.filter((p) => p.name === 'net31-x64-wks');
const dir = scratch();
const made = (/** @type {string} */ name, /** @type {Buffer | string} */ bytes) => {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
};

/** The same dump without its memory, as Kudu writes it unless asked otherwise. @param {string} from */
function withoutMemory(from) {
  const bytes = readFileSync(from);
  const [count, at] = [bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
  let end = at + 12 * count;
  for (let i = 0; i < count; i++) {
    const entry = at + 12 * i;
    if ([5, 9].includes(bytes.readUInt32LE(entry))) bytes.fill(0, entry, entry + 12);
    else end = Math.max(end, bytes.readUInt32LE(entry + 8) + bytes.readUInt32LE(entry + 4));
  }
  // Names of modules and the like lie behind the streams' own tables.
  return bytes.subarray(0, Math.min(bytes.length, end + 256 * 1024));
}

const chrome = inChromium();
const open = (/** @type {any} */ first = null) => chrome.open({ first });

const texts = (page, selector) => page.$$eval(selector, (nodes) => nodes.map((n) => n.textContent.trim()));
const card = (page) => page.$eval('.card.failed', (c) => ({
  code: c.dataset.code,
  title: c.querySelector('.what b').textContent,
  why: c.querySelector('.because').textContent,
  next: c.querySelector('.next').textContent,
  copy: c.querySelector('.copyline').hidden ? '' : c.querySelector('.copyline code').textContent,
  buttons: [...c.querySelectorAll('button')].map((b) => b.textContent),
}));

/** What the file is, its name, the words of its card. */
const REFUSED = [
  ['without memory', () => made('kudu.dmp', withoutMemory(pair[1])), /no-heap-memory/, /This dump holds no heap/, /MINIDUMP_TYPE/, /Take it again with full memory/, /dump\?dumpType=2/],
  ['a gcdump', () => made('x.gcdump', '\x14\0\0\0!FastSerialization.1....'), /not-a-dump/, /\.gcdump/, /dotnet-gcdump/, /full dump/, /procdump/],
  ['a Linux core', () => made('core.1', Buffer.concat([Buffer.from('7f454c4602010100', 'hex'), Buffer.alloc(8), Buffer.from([4, 0, 62, 0])])), /not-a-dump/, /Linux core dump/, /Linux core/, /not supported/, /^$/],
  ['a kernel dump', () => made('MEMORY.DMP', 'PAGEDU64' + '\0'.repeat(100)), /not-a-dump/, /Windows kernel/, /kernel/, /full dump of the process/, /procdump/],
  ['a Git LFS pointer', () => made('lfs.dmp', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n'), /not-a-dump/, /git-lfs pointer/, /place holder/, /git lfs pull/, /^$/],
  ['a sign-in page', () => made('dump.zip', '<!DOCTYPE html><html><title>Sign in</title>'), /not-a-dump/, /web page/, /HTML/, /open it in a browser/, /^$/],
  ['an empty file', () => made('empty.dmp', ''), /empty-file/, /empty/, /empty/, /again/, /^$/],
  ['a dump cut short', () => made('cut.dmp', readFileSync(pair[1]).subarray(0, 20)), /truncated/, /cut short/, /should be at/, /Compare the file's size/, /^$/],
  ['no .NET', () => made('native.dmp', native()), /no-runtime|no-heap-memory/, /No .NET in this process|holds no heap/, /./, /./, /.*/],
];

/** A full dump of a process without .NET: one module, 64 KB of memory that is nothing. */
function native() {
  const [head, system, modules, name, memory, bytes] = [Buffer.alloc(68), Buffer.alloc(56), Buffer.alloc(112), Buffer.alloc(4 + 22), Buffer.alloc(32), Buffer.alloc(65_536)];
  const at = { system: 68, modules: 124, name: 236, memory: 262, bytes: 294 };
  head.write('MDMP');
  head.writeUInt32LE(0xa793, 4);
  head.writeUInt32LE(3, 8);
  head.writeUInt32LE(32, 12);
  head.writeUInt32LE(1_795_000_000, 20);
  head.writeUInt32LE(2, 24);
  [[7, 56, at.system], [4, 112, at.modules], [9, 32, at.memory]].forEach((entry, i) => entry.forEach((n, j) => head.writeUInt32LE(n, 32 + 12 * i + 4 * j)));
  system.writeUInt16LE(9, 0); // x64
  system.writeUInt32LE(2, 20); // NT
  modules.writeUInt32LE(1, 0);
  modules.writeBigUInt64LE(0x140000000n, 4);
  modules.writeUInt32LE(0x1000, 12);
  modules.writeUInt32LE(at.name, 24);
  name.writeUInt32LE(20, 0);
  name.write('native.exe', 4, 'utf16le');
  memory.writeBigUInt64LE(1n, 0);
  memory.writeBigUInt64LE(BigInt(at.bytes), 8);
  memory.writeBigUInt64LE(0x140000000n, 16);
  memory.writeBigUInt64LE(65_536n, 24);
  bytes.write('MZ');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write('PE\0\0', 0x80, 'latin1');
  return Buffer.concat([head, system, modules, name, memory, bytes]);
}

/** A zip of these files as they are. @param {[string, Buffer][]} files */
function stored(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt32LE(crc32(bytes), 10);
    head.writeUInt32LE(bytes.length, 14);
    head.writeUInt32LE(bytes.length, 18);
    head.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), head, Buffer.from(name), bytes]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), head, rest, Buffer.from(name));
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(list.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, list, Buffer.from('PK\x05\x06', 'latin1'), end]);
}

for (const [what, file, code, title, why, next, copy] of REFUSED) {
  test(`${what}: what it is, why, the next step, one thing to copy, Replace; the other dump stays usable`, async () => {
    const { page, wrong } = await open();
    await choose(page, [file()]);
    await state(page, 'error');
    const said = await card(page);
    for (const [part, pattern] of [['code', code], ['title', title], ['why', why], ['next', next], ['copy', copy]]) assert.match(said[part], pattern, part);
    assert.ok(said.buttons.includes('Replace this file…') && said.buttons.includes('Remove'));
    await choose(page, [other[0]]);
    await state(page, 'ready');
    assert.equal((await texts(page, '#files-title'))[0], 'One of two files can be used');
    assert.match((await texts(page, '#diff tfoot .total')).join(), /Total/);
    assert.deepEqual(wrong, []);
    await page.close();
  });
}

test('a zip with several dumps: its card offers them, and reads the one that is chosen', async () => {
  const { page, wrong } = await open();
  await choose(page, [made('two.zip', stored([['afternoon.dmp', readFileSync(pair[0])], ['evening.dmp', readFileSync(pair[1])]]))]);
  await state(page, 'error');
  const said = await card(page);
  assert.equal(said.code, 'choose-entry');
  const offered = await texts(page, '.card [data-act="entry"]');
  assert.deepEqual(offered.map((o) => o.split(' ')[1]), ['afternoon.dmp', 'evening.dmp']);
  await page.click('.card [data-entry="evening.dmp"]');
  await state(page, 'ready');
  assert.ok((await texts(page, '#diff tfoot .total')).join().includes(JSON.parse(commandLine(['stat', pair[1], '--format', 'json'])).heap.size.toLocaleString('en-US')));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('a file that changes after it was chosen: said so, can be read again', async () => {
  const path = made('changing.dmp', readFileSync(pair[0]));
  const { page, wrong } = await open();
  await page.evaluate(() => document.getElementById('dumps').addEventListener('change', (e) => {
    e.stopImmediatePropagation();
    globalThis.held = [...e.target.files];
  }, { capture: true, once: true }));
  await page.evaluate(() => addEventListener('change', (e) => {
    if (globalThis.held) return;
    e.stopImmediatePropagation();
    globalThis.held = [...e.target.files];
  }, { capture: true }));
  await choose(page, [path]);
  await page.waitForFunction(() => globalThis.held?.length === 1);
  appendFileSync(path, 'more');
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(globalThis.held[0]);
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await state(page, 'error');
  const said = await card(page);
  assert.equal(said.code, 'io');
  assert.match(said.title, /changed or removed/);
  assert.ok(said.buttons.includes('Read it again'));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('a fault of the core: its words and a report that can be copied, never a dead page', async () => {
  const { page } = await open(inWorkers(`{
    const I = WebAssembly.Instance;
    WebAssembly.Instance = function (...args) {
      const real = new I(...args);
      const exports = Object.fromEntries(Object.entries(real.exports));
      exports[${JSON.stringify(exportName('dumpsession_open'))}] = () => { console.error('panicked at src/heap/walk.rs:1:2:\\nfor a test'); throw new WebAssembly.RuntimeError('unreachable'); };
      return { exports };
    };
    WebAssembly.Instance.prototype = I.prototype;
  };`));
  await choose(page, [pair[0]]);
  await state(page, 'error');
  const said = await card(page);
  assert.equal(said.code, 'crash');
  assert.match(said.title, /fault/);
  const details = await page.$eval('.card.failed details', (d) => ({ open: d.open, text: d.querySelector('pre').textContent }));
  assert.equal(details.open, true);
  assert.match(details.text, /panicked at src\/heap\/walk\.rs:1:2/);
  assert.doesNotMatch(details.text, /afternoon|net10/, 'the report names no file');
  await page.click('#start-over');
  await state(page, 'empty');
  await page.close();
});

test('memory runs out: said so, with what helps', async () => {
  const { page } = await open(inWorkers(`{
    const I = WebAssembly.Instance;
    WebAssembly.Instance = function (...args) {
      const exports = { ...new I(...args).exports, ${exportName('dumpsession_open')}: () => { throw new RangeError('Array buffer allocation failed'); } };
      return { exports };
    };
    WebAssembly.Instance.prototype = I.prototype;
  };`));
  await choose(page, [pair[0]]);
  await state(page, 'error');
  const said = await card(page);
  assert.equal(said.code, 'out-of-memory');
  assert.match(said.next, /Close other tabs/);
  await page.close();
});

test('WebAssembly switched off by policy: caught, with a way on', async () => {
  const { page, wrong } = await open(() => delete globalThis.WebAssembly);
  await choose(page, [pair[0]]);
  await state(page, 'error');
  const said = await card(page);
  assert.equal(said.code, 'no-wasm');
  assert.match(said.title, /switched off in this browser/);
  assert.match(said.copy, /^dropheap stat /);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('closing the tab asks first while a file is read, and only then', async () => {
  const { page } = await open(inWorkers('{ const end = Date.now() + 4000; while (Date.now() < end); };'));
  await page.click('#empty h1');
  await choose(page, [pair[0]]);
  await state(page, 'reading');
  const asked = new Promise((resolve) => page.on('dialog', (d) => {
    resolve(d.type());
    void d.dismiss();
  }));
  void page.close({ runBeforeUnload: true });
  assert.equal(await asked, 'beforeunload');
  await page.click('.card [data-act="cancel"]');
  await state(page, 'empty');
  await page.close();
});

test('two processes: a warning above the headline, no rate; of three dumps the pair of one process is compared', async () => {
  const { page, wrong } = await open();
  await choose(page, [pair[0], other[1]]);
  await state(page, 'ready');
  const warnings = (await texts(page, '#warnings .warning')).join('\n');
  assert.match(warnings, /Two different processes|Not known to be one process|started twice/);
  assert.match(warnings, /The runtime differs/);
  assert.match(await page.$eval('#answer h1', (h) => h.textContent), /The heaps differ by.*no rate/);
  await choose(page, [pair[1]]);
  await state(page, 'ready');
  assert.match(await page.$eval('#answer h1', (h) => h.textContent), /Old generations/);
  assert.equal((await page.$$('#panel .series .dump')).length, 3);
  assert.match((await texts(page, '#answer dd')).join(), /Not compared: \d\.$/);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('the command line is masked until it is asked for', async () => {
  const { page } = await open();
  await choose(page, pair);
  await state(page, 'ready');
  const shown = () => page.evaluate(() => document.body.innerText.includes('LeakSim.dll --') || document.body.innerText.includes('--dir'));
  assert.equal(await shown(), false);
  await page.click('#panel .secret button');
  assert.equal(await shown(), true);
  await page.close();
});

test('numbers of the answer filter the table', async () => {
  const { page } = await open();
  await choose(page, pair);
  await state(page, 'ready');
  const links = await page.$$('#answer button.number');
  assert.ok(links.length >= 2);
  await links[0].click();
  await page.waitForFunction(() => /old/i.test(document.querySelector('#table-area, #result').innerText));
  assert.ok((await page.$$('#diff [data-type]')).length > 0);
  await page.close();
});

test('the self-test: what the browser reports as refused, worker included; WebRTC is gone', async (t) => {
  const { page } = await open();
  const sent = [];
  page.on('requestfinished', (r) => sent.push(r.url()));
  await page.click('.promise [data-dialog="why"]');
  await page.waitForFunction(() => /ways blocked/.test(document.getElementById('why-sum').textContent), { timeout: 20_000 });
  t.diagnostic((await texts(page, '#why-sum')).join());
  const lines = await page.$$eval('#why-ways tr', (rows) => rows.map((r) => [r.cells[0].textContent, r.cells[1].textContent]));
  const blocked = lines.filter((l) => l[1] === 'blocked').map((l) => l[0]).join('\n');
  for (const way of ['fetch, XMLHttpRequest, sendBeacon', 'WebSocket, EventSource', 'inside a worker', 'a worker from elsewhere', 'image', 'script, style sheet', 'frame', 'sending a form']) {
    assert.ok(blocked.includes(way), `${way} in\n${blocked}\nall: ${lines.join('\n')}`);
  }
  assert.deepEqual(lines.filter((l) => l[1] === 'not blocked'), []);
  assert.ok(lines.some((l) => /WebRTC/.test(l[0]) && l[1] === 'deleted'));
  assert.match((await texts(page, '#policy'))[0], /connect-src 'none'/);
  // The controls of a video and the page of a frame that was refused are pictures of the browser itself.
  assert.deepEqual(sent.filter((url) => !/^(data|blob):/.test(url)), []);
  assert.equal(await page.evaluate(() => location.hash), '');
  await page.close();
});

test('how to take a dump: a tab for each tool, by mouse and by arrow keys', async () => {
  const { page } = await open();
  await page.click('#empty [data-dialog="how"]');
  const tabs = await texts(page, '#how [role="tab"]');
  assert.ok(tabs.length >= 9);
  await page.click(`#how-${tabs.findIndex((t) => t.startsWith('procdump'))}-tab`);
  assert.match((await page.$eval('#how [role="tabpanel"]:not([hidden])', (p) => p.textContent)), /-ma -r PID/);
  await page.keyboard.press('ArrowDown');
  assert.match((await page.$eval('#how [role="tabpanel"]:not([hidden])', (p) => p.textContent)), /Task Manager/);
  await page.keyboard.press('Escape');
  assert.equal(await page.$eval('#how', (d) => d.open), false);
  await page.close();
});

test('the HTML report holds what its preview says and nothing that was not asked for; it runs and loads nothing', async () => {
  const { page, wrong } = await open();
  await choose(page, pair);
  await state(page, 'ready');
  await page.click('#save-open');
  await page.waitForFunction(() => document.getElementById('save-preview').textContent.length > 100);
  const client = await page.createCDPSession();
  await client.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: dir, eventsEnabled: true });
  const done = new Promise((resolve) => client.on('Browser.downloadProgress', (e) => e.state === 'completed' && resolve(null)));
  const named = new Promise((resolve) => client.on('Browser.downloadWillBegin', (e) => resolve(e.suggestedFilename)));
  await page.click('#save-go');
  const name = await named;
  assert.match(name, /^dropheap_\d{8}-\d{4}.*\.html$/);
  await done;
  const html = readFileSync(join(dir, name), 'utf8');
  assert.doesNotMatch(html, /<script|--dir|LeakSim\.dll --/);
  assert.match(html, /System\.String/);
  const report = await page.browser().newPage();
  const asked = [];
  report.on('request', (r) => asked.push(r.url()));
  await report.goto(`file://${join(dir, name)}`);
  assert.equal(asked.length, 1);
  const total = await report.$eval('table.list tfoot tr:last-child', (r) => r.textContent);
  const printed = JSON.parse(commandLine(['diff', ...pair, '--format', 'json']));
  assert.ok(total.includes(printed.total.sizes[1].toLocaleString('en-US')), total);
  assert.equal((await report.$$('table.list tbody tr')).length >= printed.rows.length, true);
  assert.deepEqual(wrong, []);
  await report.close();
  await page.close();
});

test('axe finds nothing on any state and in any dialog, light and dark', async () => {
  const { page } = await open();
  const check = async (where) => assert.deepEqual(await violations(page), [], where);
  const dialog = async (id) => {
    await page.evaluate((d) => document.getElementById(d).showModal(), id);
    if (id === 'why') await page.waitForFunction(() => /ways blocked/.test(document.getElementById('why-sum').textContent), { timeout: 20_000 });
    if (id === 'save') await page.waitForFunction(() => document.getElementById('save-preview').textContent.length > 100);
    await check(id);
    await page.keyboard.press('Escape');
  };
  await check('empty');
  for (const id of ['how', 'help', 'paste', 'about', 'why']) await dialog(id);
  await choose(page, [made('a kernel.dmp', 'PAGEDU64' + '\0'.repeat(100))]);
  await state(page, 'error');
  await check('error');
  await choose(page, [pair[0]]);
  await state(page, 'ready');
  await check('one of two');
  await page.click('#start-over');
  await choose(page, [other[0], pair[0]]);
  await state(page, 'ready');
  await check('two processes');
  for (const id of ['facts', 'save']) await dialog(id);
  await choose(page, [pair[1]]);
  await state(page, 'ready');
  await check('three dumps');
  await page.close();
});

test('while two dumps are read the page stays free: longest task of the main thread', async (t) => {
  const { page } = await open();
  const { processor, clock, tasks } = await longestTask(page, async () => {
    await choose(page, pair);
    await state(page, 'ready');
    await new Promise((done) => setTimeout(done, 500));
  });
  t.diagnostic(`longest of ${tasks} tasks: ${processor} ms of the processor, ${clock} ms by the clock`);
  // What is aimed at is 50; on a machine that does other things caches are cold.
  assert.ok(tasks > 50 && processor < 100, `${processor} of ${tasks}`);
  await page.close();
});

test('while a dump is walked its types are there, marked as a part, which only grows; nothing is compared, and nothing of it stays', async (t) => {
  // A clock that runs a thousand times as fast: reports of the part come from a heap this small, too; and a walk that waits until they can be seen.
  const { page, wrong } = await open(`${inWorkers(`{
    const now = performance.now.bind(performance);
    performance.now = () => 1000 * now();
    const post = self.postMessage.bind(self);
    let waits = 3;
    self.postMessage = (message, ...rest) => {
      post(message, ...rest);
      const until = now() + 400;
      if (message.type === 'partial' && waits-- > 0) while (now() < until);
    };
  }`)}
    globalThis.parts = [];
    addEventListener('DOMContentLoaded', () => new MutationObserver(() => {
      if (document.getElementById('so-far').hidden || document.getElementById('result').hidden) return;
      const total = document.querySelector('#diff > tfoot > .total');
      if (!total) return;
      const at = {
        said: document.getElementById('so-far').textContent, state: document.body.dataset.state, total: total.textContent, rows: document.querySelectorAll('#diff [data-type]').length,
        hash: location.hash, answer: document.getElementById('answer').checkVisibility(), suspects: document.querySelector('[data-view="suspects"]').hidden,
        bytes: Number(document.querySelector('#diff > tfoot > .total .c-size').textContent.replaceAll(',', '')),
      };
      if (parts.at(-1)?.said !== at.said) parts.push(at);
    }).observe(document, { subtree: true, childList: true, attributes: true }));`);
  await choose(page, pair);
  await state(page, 'ready');
  const parts = await page.evaluate(() => globalThis.parts);
  t.diagnostic(parts.map((p) => `${p.said} ${p.total}`).join(' | '));
  assert.ok(parts.length > 0);
  for (const p of parts) {
    assert.match(p.said, /^So far, \d+ % of the heap of .*(afternoon|evening)\.dmp walked: its counts and sizes still grow|alone, read to its end/);
    assert.deepEqual([p.state, p.answer, p.suspects, p.hash], ['reading', false, true, '']);
    assert.ok(p.rows > (/^So far/.test(p.said) ? 1 : 5), `${p.rows} rows`);
    if (/^So far/.test(p.said)) assert.match(p.total, /Total (of what was read|with Free)/);
  }
  for (let i = 1; i < parts.length; i++) assert.ok(parts[i].bytes >= parts[i - 1].bytes, `${parts[i].bytes}`);
  assert.equal(await page.$eval('#so-far', (p) => p.hidden), true);
  assert.match((await texts(page, '#answer'))[0], /Old generations/);
  const printed = JSON.parse(commandLine(['diff', ...pair, '--format', 'json']));
  assert.equal(await page.$eval('#diff > tfoot .free', (r) => r.dataset.sizeB), String(printed.free.sizes[1]));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('Firefox: the states of errors, the self-test, a pair, three dumps', async (t) => {
  const fox = await firefox();
  try {
    const page = await fox.newPage();
    await page.goto(oneFileUrl);
    await state(page, 'empty');
    await page.click('.promise [data-dialog="why"]');
    await page.waitForFunction(() => /ways blocked/.test(document.getElementById('why-sum').textContent), { timeout: 30_000 });
    t.diagnostic((await texts(page, '#why-sum')).join());
    const lines = await page.$$eval('#why-ways tr', (rows) => rows.map((r) => `${r.cells[0].textContent}: ${r.cells[1].textContent}`));
    t.diagnostic(lines.join(' | '));
    assert.ok(lines.some((l) => /^fetch.*: blocked$/.test(l)));
    assert.ok(!lines.some((l) => /: not blocked/.test(l)));
    await page.keyboard.press('Escape');
    await choose(page, [made('fox.dmp', withoutMemory(pair[1]))]);
    await state(page, 'error');
    assert.equal((await card(page)).title, 'This dump holds no heap');
    await choose(page, pair);
    await state(page, 'ready');
    assert.match((await texts(page, '#files-title'))[0], /Two of three files can be used/);
    assert.match((await texts(page, '#answer'))[0], /Old generations/);
  } finally {
    await fox.close();
  }
});

test('a pasted listing of the same dump: every row equal, no generations', async () => {
  const { page, wrong } = await open();
  await choose(page, [pair[1]]);
  await state(page, 'ready');
  await page.evaluate(() => document.getElementById('paste').showModal());
  await page.$eval('#paste-text', (box, text) => (box.value = text), commandLine(['stat', pair[1], '--format', 'sos']));
  await page.click('#paste-go');
  await page.waitForFunction(() => document.body.dataset.state === 'ready' && /rows equal/.test(document.getElementById('warnings').textContent + document.getElementById('panel').textContent));
  assert.match((await texts(page, '#panel'))[0], /is a listing: no facts of a process, no generations/);
  assert.match((await texts(page, '#answer h1'))[0], /The heaps differ by 0 bytes|no generations/);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('an event log alone, and beside dumps: lives and what ended them', async () => {
  const { page, wrong } = await open();
  await choose(page, [join(root, 'tests', 'fixtures', 'events', 'kudu.xml')]);
  await page.waitForSelector('#events h2');
  assert.match((await texts(page, '#events'))[0], /recycle/);
  await choose(page, pair);
  await state(page, 'ready');
  assert.equal((await page.$$('#events details')).length, 1);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('cancel while two files are read leaves the other; a file that failed is read again, and then can be used', async () => {
  const { page, wrong } = await open(inWorkers('{ const end = Date.now() + 1500; while (Date.now() < end); };'));
  await choose(page, pair);
  await state(page, 'reading');
  await page.click('.card:nth-child(2) [data-act="cancel"]');
  await page.waitForFunction(() => document.querySelectorAll('.card').length === 1);
  await state(page, 'ready');
  assert.match((await texts(page, '#answer h1'))[0], /^The heap holds/);
  assert.match((await texts(page, '#panel .file'))[0], /afternoon/);
  // Its reader is told that there is no memory, once.
  await page.evaluate(() => {
    const { Worker: Plain } = globalThis;
    globalThis.Worker = class extends Plain {
      postMessage(message, ...rest) {
        if (message.type !== 'read') return super.postMessage(message, ...rest);
        globalThis.Worker = Plain;
        this.onmessage({ data: { type: 'failed', failure: { name: 'Error', code: 'out-of-memory', message: 'the browser gave no more memory', hint: 'Close other tabs.' } } });
      }
    };
  });
  await choose(page, [pair[1]]);
  await page.waitForSelector('.card.failed [data-act="retry"]');
  await state(page, 'ready');
  assert.equal((await texts(page, '#files-title'))[0], 'One of two files can be used');
  await page.click('.card.failed [data-act="retry"]');
  await page.waitForFunction(() => document.body.dataset.state === 'ready' && /Old generations/.test(document.querySelector('#answer h1').textContent));
  assert.equal((await page.$$('.card.failed')).length, 0);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('dialogs by keyboard alone: opened by Enter, Tab stays inside, Escape closes, the focus returns to what opened it', async () => {
  const { page } = await open();
  const focused = () => page.evaluate(() => {
    const at = document.activeElement;
    return { dialog: at.closest('dialog')?.id ?? '', opens: at.dataset.dialog ?? '', body: at === document.body };
  });
  const tabTo = async (dialog, most = 60) => {
    for (let i = 0; i < most; i++) {
      await page.keyboard.press('Tab');
      if ((await focused()).opens === dialog) return;
    }
    assert.fail(`${dialog} is not reached by Tab`);
  };
  const walk = async (dialog) => {
    await page.evaluate(() => document.activeElement.blur());
    await tabTo(dialog);
    await page.keyboard.press('Enter');
    assert.equal((await focused()).dialog, dialog);
    // A modal dialog gives Tab to the browser's own controls and takes it back; never to the page under it.
    for (let i = 0; i < 24; i++) {
      await page.keyboard.press('Tab');
      const at = await focused();
      assert.ok(at.dialog === dialog || at.body, `${dialog}: ${JSON.stringify(at)}`);
    }
    await page.keyboard.press('Escape');
    assert.equal(await page.$eval(`#${dialog}`, (d) => d.open), false, dialog);
    assert.equal((await focused()).opens, dialog);
  };
  for (const dialog of ['why', 'how', 'paste', 'help', 'about']) await walk(dialog);
  await choose(page, pair);
  await state(page, 'ready');
  for (const dialog of ['save', 'facts']) await walk(dialog);
  await page.close();
});

test('200 % zoom and a narrow window: no horizontal scrolling, nothing outside the window, in any state and dialog', async () => {
  const { page } = await open();
  const check = async (where) => {
    await new Promise((done) => setTimeout(done, 100));
    const wide = await page.evaluate(() => {
      const out = [];
      if (document.documentElement.scrollWidth > document.documentElement.clientWidth) out.push(`page ${document.documentElement.scrollWidth}`);
      const room = document.querySelector('dialog[open]') ?? document.body;
      for (const node of room.querySelectorAll('button, select, input:not(.unseen), h1, h2')) {
        const box = node.getBoundingClientRect();
        if (box.width > 1 && node.checkVisibility() && !node.closest('.lives, .unseen') && (box.right > innerWidth + 1 || box.left < -1)) out.push(`${node.textContent || node.id} ${Math.round(box.left)}-${Math.round(box.right)}`);
      }
      return out;
    });
    assert.deepEqual(wide, [], where);
  };
  // 1440 by 900 at 200 %; the narrowest that WCAG 1.4.10 asks for.
  for (const [width, height, deviceScaleFactor] of [[720, 450, 2], [320, 640, 1]]) {
    await page.setViewport({ width, height, deviceScaleFactor });
    await page.evaluate(() => document.body.dataset.state === 'empty' || document.getElementById('start-over').click());
    await state(page, 'empty');
    await check(`empty, ${width}`);
    for (const dialog of ['why', 'how', 'paste', 'help', 'about']) {
      await page.evaluate((d) => document.getElementById(d).showModal(), dialog);
      await check(`${dialog}, ${width}`);
      await page.keyboard.press('Escape');
    }
    await choose(page, [made('narrow.dmp', 'PAGEDU64' + '\0'.repeat(100))]);
    await state(page, 'error');
    await check(`error, ${width}`);
    await choose(page, pair);
    await state(page, 'ready');
    await check(`ready, ${width}`);
    for (const dialog of ['save', 'facts']) {
      await page.evaluate((d) => document.getElementById(d).showModal(), dialog);
      await check(`${dialog}, ${width}`);
      await page.keyboard.press('Escape');
    }
    await choose(page, [other[0], join(root, 'tests', 'fixtures', 'events', 'kudu.xml')]);
    await page.waitForFunction(() => document.body.dataset.state === 'ready' && document.querySelectorAll('#panel .series .dump').length === 3);
    await check(`three dumps and an event log, ${width}`);
    for (const view of ['types', 'base', 'namespace', 'assembly']) {
      await page.click(`[data-view="${view}"]`);
      await check(`${view}, ${width}`);
    }
  }
  await page.close();
});
