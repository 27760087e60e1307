import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultReport, wordsOf } from './errors.js';
import { pace, stagesOf } from './progress.js';

const failure = (/** @type {string} */ code, message = 'x', hint = 'Do this.', more = {}) => ({ name: 'Error', code, message, hint, ...more });
const file = { name: 'w3wp 1.dmp', size: 12_288 };

test('a dump without a heap: the process it is of, and the address that takes a full one', () => {
  const w = wordsOf(failure('no-heap-memory', 'this dump has no heap in it: it was written without any memory (MINIDUMP_TYPE 0x0)'), { pid: 2052, captured_at: 0 + 1_795_000_000 }, file);
  assert.equal(w.title, 'This dump holds no heap');
  assert.match(w.because, /^This dump has no heap in it: .*MINIDUMP_TYPE 0x0\)\. It was taken .* UTC\. A file of 12\.0 KB is what Kudu writes/);
  assert.equal(w.copy, 'https://SITE.scm.azurewebsites.net/api/processes/2052/dump?dumpType=2&format=zip');
  assert.match(w.next, /^Take it again with full memory, while pid 2052 still runs/);
  assert.equal(wordsOf(failure('no-heap-memory', 'x: y'), null, null).copy.includes('/PID/'), true);
});

test('another kind of file is called what it is', () => {
  const of = (/** @type {string} */ guess, /** @type {string} */ hint) => wordsOf(failure('not-a-dump', `this is not a Windows minidump: it looks like ${guess}`, hint), null, file);
  assert.equal(of('a .gcdump file (dotnet-gcdump or PerfView)', 'It has no memory of the process in it; take a full dump: `procdump -ma PID` or `dotnet-dump collect --type Full`.').title, 'This is a .gcdump file');
  const lfs = of('a git-lfs pointer: the place holder of a large file', 'Run `git lfs pull` and open the file again.');
  assert.equal(lfs.title, 'This is a git-lfs pointer');
  assert.equal(lfs.next, 'Run `git lfs pull` and open the file again.');
  const kernel = of('a dump of the Windows kernel', 'Take a full dump of the process: `procdump -ma PID`, or in Kudu `/api/processes/PID/dump?dumpType=2`.');
  assert.equal(kernel.next, 'Take a full dump of the process:');
  assert.match(kernel.copy, /^procdump/);
  const odd = wordsOf(failure('not-a-dump', 'this is not a Windows minidump: it begins with 00 01, not with MDMP', 'Copy it again.'), null, file);
  assert.equal(odd.title, 'This is no dump of a Windows process');
  assert.equal(odd.because, 'This is not a Windows minidump: it begins with 00 01, not with MDMP.');
});

test('every code has a title, a reason and a next step', () => {
  for (const code of ['io', 'empty-file', 'truncated', 'damaged', 'limit', 'no-runtime', 'unsupported-runtime', 'unknown-runtime', 'unreadable', 'choose-entry', 'archive', 'out-of-memory', 'no-wasm', 'cannot-run', 'crash', 'usage', 'something-new']) {
    const w = wordsOf(failure(code, 'some reason'), null, file);
    for (const part of [w.title, w.because, w.next]) assert.ok(part.length > 5, `${code}: ${part}`);
    assert.doesNotMatch(w.title, /oops|error/i);
  }
  assert.equal(wordsOf(failure('unsupported-runtime', 'NativeAOT is not supported: no type names'), null, file).title, 'NativeAOT cannot be read here');
});

test('a command line quotes a name that needs it; a fault report holds no name', () => {
  assert.equal(wordsOf(failure('crash'), null, file).copy, 'dropheap stat "w3wp 1.dmp"');
  const text = faultReport(failure('crash', 'panicked', '', { details: 'src/heap/walk.rs:10' }), { architecture: 'x64', os: 'Windows', memory_bytes: 5, memory_ranges: 1, modules: 2, command_line: 'secret', file_name: 'secret.dmp' }, null, file, { version: '1', build: 'b', browser: 'B' });
  assert.match(text, /walk\.rs:10/);
  assert.doesNotMatch(text, /secret|w3wp/);
});

test('stages and pace in words', () => {
  const dump = /** @type {any} */ ({ stage: 'objects', facts: null, kind: 'dump', file: { name: 'a.dmp' }, startedAt: 0, progress: { done: 100 * 1048576, total: 400 * 1048576, read: 200 * 1048576 } });
  assert.deepEqual(stagesOf(dump).map((s) => `${s.name}:${s.state}`), ['Head:past', 'Runtime:past', 'Objects:now', 'Sums:']);
  assert.deepEqual(pace(dump, 1000), { share: 0.25, words: '100 MB of 400 MB of heap', beside: '200 MB/s · about 3 s left' });
  assert.equal(stagesOf({ ...dump, stage: 'head', progress: { done: 1, total: 2, read: 1 } })[0].state, 'now');
  assert.equal(pace({ ...dump, stage: 'waiting' }, 0).words, 'Waits for the files before it');
});
