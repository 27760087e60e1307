// What is built: the same bytes each time, within its sizes, nothing that could be fetched, the same headers in the note as the page needs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { root } from './harness.mjs';

const dist = join(root, 'dist');
const read = (/** @type {string} */ name) => readFileSync(join(dist, name), 'utf8');
const hashes = () => readdirSync(dist).sort().map((name) => `${name} ${createHash('sha256').update(readFileSync(join(dist, name))).digest('hex')}`);

test('two builds from the same sources give the same bytes', () => {
  const before = hashes();
  const built = spawnSync(process.execPath, [join(root, 'www', 'build.mjs')], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  assert.deepEqual(hashes(), before);
});

test('the build holds no path of the machine that made it', () => {
  const app = read('app.js');
  const packed = [...app.matchAll(/"([A-Za-z0-9+/]{50000,}=*)"/g)].map((m) => Buffer.from(m[1], 'base64'));
  assert.equal(packed.length, 1);
  const wasm = gunzipSync(packed[0]);
  assert.equal(wasm.subarray(1, 4).toString(), 'asm');
  for (const place of [root, process.env.CARGO_HOME ?? join(homedir(), '.cargo')]) assert.ok(!wasm.includes(place), place);
  for (const text of [app, read('index.html'), read('dropheap.html')]) assert.ok(!text.includes(root));
});

test('of the glue only what this page needs is there', () => {
  for (const words of ['FinalizationRegistry', 'encodeInto', 'instantiateStreaming', 'deferred', 'realloc']) assert.ok(!read('app.js').includes(words), words);
});

test('sizes: page code without the WebAssembly and the sample', (t) => {
  const code = read('app.js').replace(/"[A-Za-z0-9+/]{50000,}=*"/g, '""');
  const sizes = [code, read('app.css'), read('index.html')].map((text) => gzipSync(text, { level: 9 }).length);
  const total = sizes.reduce((a, b) => a + b);
  t.diagnostic(`script, style, page: ${sizes.join(' + ')} = ${total} bytes gzipped; one file: ${read('dropheap.html').length} bytes`);
  assert.ok(total <= 60_000, `${total}`);
});

test('the hosting note names the policy that the page has', () => {
  const policy = /http-equiv="?Content-Security-Policy"? content="([^"]+)"/.exec(read('index.html'))?.[1];
  const note = readFileSync(join(root, 'www', 'HOSTING.md'), 'utf8');
  assert.equal(note.split(`${policy}; frame-ancestors 'none'`).length - 1, 3, policy);
});
