// A dump that lacks the pages of one module, and that module's file dropped beside it: its types have their names again. Both are made here
// of a fixture: the pages are moved to an address where nothing looks, the file is put together from them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, chromium, commandLine, fixtures, oneFileUrl, scratch, state, tableRows } from './harness.mjs';

const MODULE = 'LeakSim.dll';
const PAGE = 4096;

/** @param {Buffer} dump @returns {{cut: Buffer, file: Buffer}} the dump without the pages of MODULE, and MODULE as it lay on the disk */
function apart(dump) {
  const streams = new Map();
  for (let i = 0; i < dump.readUInt32LE(8); i++) {
    const at = dump.readUInt32LE(12) + 12 * i;
    streams.set(dump.readUInt32LE(at), dump.readUInt32LE(at + 8));
  }
  const modules = streams.get(4);
  let base = null;
  let size = 0;
  for (let i = 0; i < dump.readUInt32LE(modules); i++) {
    const at = modules + 4 + 108 * i;
    const name = dump.readUInt32LE(at + 20);
    const text = dump.toString('utf16le', name + 4, name + 4 + dump.readUInt32LE(name));
    if (text.endsWith(`\\${MODULE}`)) [base, size] = [dump.readBigUInt64LE(at), dump.readUInt32LE(at + 8)];
  }
  assert.ok(base !== null, `${MODULE} is a module of the process`);
  const list = streams.get(9);
  let offset = Number(dump.readBigUInt64LE(list + 8));
  const image = Buffer.alloc(size);
  const cut = Buffer.from(dump);
  let moved = 0;
  for (let i = 0; i < Number(dump.readBigUInt64LE(list)); i++) {
    const at = list + 16 + 16 * i;
    const [start, length] = [dump.readBigUInt64LE(at), Number(dump.readBigUInt64LE(at + 8))];
    if (start >= base && start + BigInt(length) <= base + BigInt(size)) {
      dump.copy(image, Number(start - base), offset, offset + length);
      cut.writeBigUInt64LE(0x6000_0000_0000n + (start & 0xffff_ffffn), at);
      moved += 1;
    }
    offset += length;
  }
  assert.ok(moved > 0, 'the dump has pages of the module');
  const nt = image.readUInt32LE(0x3c);
  const table = nt + 24 + image.readUInt16LE(nt + 20);
  const sections = Array.from({ length: image.readUInt16LE(nt + 6) }, (_, i) => [12, 20, 16].map((field) => image.readUInt32LE(table + 40 * i + field)));
  const file = Buffer.alloc(Math.max(...sections.map(([, raw, bytes]) => raw + bytes)));
  image.copy(file, 0, 0, PAGE);
  for (const [address, raw, bytes] of sections) image.copy(file, raw, address, address + bytes);
  return { cut, file };
}

test('module files beside a dump that lacks their pages: names are tokens without them, and the names with them', async () => {
  const { dumps } = fixtures().find((p) => p.name === 'net8-x64-wks');
  const dir = scratch();
  const { cut, file } = apart(readFileSync(dumps[1]));
  const [dump, dll] = [join(dir, 'cut.dmp'), join(dir, MODULE)];
  writeFileSync(dump, cut);
  writeFileSync(dll, file);
  const rowsOf = (/** @type {string[]} */ args) => JSON.parse(commandLine(['stat', ...args, '--format', 'json'])).types.map((t) => `${t.type_name}\t${t.count}\t${t.total_size}`).sort();
  const whole = rowsOf([dumps[1]]);
  const browser = await chromium();
  try {
    const page = await browser.newPage();
    await page.goto(oneFileUrl);
    const shown = async () => (await tableRows(page)).filter((r) => r.type !== 'Free').map((r) => `${r.type}\t${r.countA}\t${r.sizeA}`).sort();
    await choose(page, [dump]);
    await state(page, 'ready');
    const without = await shown();
    assert.deepEqual(without, rowsOf([dump]));
    assert.ok(without.some((r) => r.startsWith('LeakSim!0x0200')), 'tokens');
    assert.notDeepEqual(without, whole);
    // The same dump again, by itself: what was read without the file is read again.
    await choose(page, [dll]);
    await page.waitForFunction(() => document.body.dataset.state === 'ready' && !document.body.innerText.includes('LeakSim!0x0200'));
    assert.deepEqual(await shown(), whole);
    assert.match(await page.$eval('#facts-body', (f) => f.textContent), /module-files/);
  } finally {
    await browser.close();
  }
});
