import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factRows, comparedFacts, exact, oneProcess, otherProcess } from './facts.js';
import { MB, headOf, listingHead, sidesOf } from './testing-heads.js';
import { notesOf, warningsOf } from './warnings.js';

const titles = (/** @type {any[]} */ w) => w.map((x) => `${x.title} ${x.text}`.trim());

test('two exact dumps of one process: no warning', () => {
  const sides = sidesOf([headOf({ taken: 3600 }), headOf({ taken: 7200 })]);
  assert.deepEqual(warningsOf(sides, sides, []), []);
  assert.deepEqual(notesOf(sides), []);
});

test('another process: the comparison at equal uptime is offered, and the pair of one process', () => {
  const a = headOf({ pid: 1984, started: 0, taken: 16_680 });
  const early = headOf({ pid: 2052, started: 50_000, taken: 66_400 });
  const late = headOf({ pid: 2052, started: 50_000, taken: 78_000 });
  const all = sidesOf([a, early, late]);
  const [w] = warningsOf([all[0], all[2]], all, [{ code: 'other-process', count: 1, message: 'never shown twice', partial: false }]);
  assert.equal(w.title, 'Two different processes: pid 1984 and pid 2052.');
  assert.match(w.text, /not the growth of one process\. Dump 2 is of pid 2052, too, at nearly the uptime of 1 \(4 h 38 min and 4 h 33 min\)/);
  assert.deepEqual(w.offers?.map((o) => [o.label, o.ids]), [['Compare 1 with 2 at equal uptime', [1, 2]], ['Compare 2 with 3, one process', [2, 3]]]);
  const again = headOf({ pid: 2052, started: 9000, taken: 20_000 });
  assert.match(titles(warningsOf(sidesOf([headOf({ taken: 3600 }), again]), [], []))[0], /pid 2052, started twice/);
  const unknown = headOf({ taken: 3600, pid: null, started: null });
  assert.match(titles(warningsOf(sidesOf([unknown, unknown]), [], []))[0], /^Not known to be one process/);
});

test('bitness, runtime, program, GC, module versions: each says what differs', () => {
  const a = headOf({ taken: 3600, assemblies: [{ name: 'Contoso', version: '1.0' }, { name: 'Lib', version: '2.0' }] });
  const b = headOf({
    taken: 7200, dump: { image_path: 'D:\\Other.exe' }, runtime: { name: '.NET 9.0', pointer_size: 4, architecture: 'x86', gc_mode: 'server' },
    assemblies: [{ name: 'Contoso', version: '1.1' }, { name: 'Lib', version: '2.0' }],
  });
  const said = titles(warningsOf(sidesOf([a, b]), [], [])).join('\n');
  for (const part of [/program differs: Contoso\.exe in A, Other\.exe in B/, /bitness differs: 64-bit \(x64\) in A, 32-bit \(x86\) in B/, /runtime differs: \.NET 10/, /The GC differs: workstation GC/, /version of one module differs: Contoso 1\.0 → 1\.1\./]) {
    assert.match(said, part);
  }
});

test('a partial report is said in words, once', () => {
  const a = headOf({ taken: 3600, gens: [0, 0, 100 * MB, 0, 0, 0] });
  const hole = { code: 'heap-hole', count: 37, message: 'a part is missing', partial: true };
  const b = headOf({ taken: 7200, gens: [0, 0, 200 * MB, 0, 0, 0], explained: 190 * MB, findings: [hole], unproven: 'Never compared.' });
  assert.equal(exact(b), false);
  assert.deepEqual(titles(warningsOf(sidesOf([a, b]), [], [{ code: 'partial-dump', count: 1, message: 'said by the dump itself', partial: true }])), [
    'Unproven runtime in B: Never compared.',
    '95.00 % of the heap of B could be read; 10.0 MB could not. Counts of B are at least these; a type not seen may still be there. New and gone are not shown as facts.',
    'In B: a part is missing (37 times)',
  ]);
});

test('during a GC there is one warning; a report that is not exact always has one', () => {
  const gc = headOf({ taken: 1, gc: true, findings: [{ code: 'gc-in-progress', count: 1, message: 'a GC moved objects', partial: true }] });
  assert.equal(warningsOf(sidesOf([gc]), [], []).length, 1);
  const odd = headOf({ taken: 1 });
  odd.heap.complete = false;
  assert.equal(warningsOf(sidesOf([odd]), [], []).length, 1);
});

test('notes: another number of heaps, a dump minutes after the start, a listing', () => {
  const server = (/** @type {number} */ heaps, /** @type {number} */ taken) => headOf({ taken, runtime: { gc_mode: 'server', heaps } });
  assert.match(notesOf(sidesOf([server(2, 9000), server(4, 9900)]))[0], /server GC with 2 heaps in A, 4 heaps in B; it adds heaps under load/);
  assert.match(notesOf(sidesOf([headOf({ taken: 1240 }), headOf({ taken: 9000 })]))[0], /^A was taken 4 min after the start: caches are still filling/);
  assert.match(notesOf(sidesOf([listingHead(), headOf({ taken: 9000 })])).join(), /A is a listing/);
  const differs = [{ code: 'listing-differs', message: 'of 9 rows 2 differ', count: 1 }];
  const sides = sidesOf([listingHead(), headOf({ taken: 9000 })]);
  assert.match(notesOf(sides, differs).join(), /Of 9 rows 2 differ/);
  assert.doesNotMatch(warningsOf(sides, sides, differs).map((w) => w.text).join(), /9 rows/);
  assert.doesNotMatch(notesOf([...sides, ...sides], differs).join(), /9 rows/);
});

test('one process: id and start; seconds of two clocks do not count, another instance does', () => {
  const d = (/** @type {any} */ x) => headOf({ dump: x }).dump;
  assert.equal(oneProcess(d({}), d({ started_at: 1002 })), true);
  assert.equal(otherProcess(d({}), d({ started_at: 1010 })), true);
  assert.equal(oneProcess(d({ instance_id: 'a' }), d({ instance_id: 'b' })), false);
  assert.equal(oneProcess(d({ started_at: null }), d({})), false);
  assert.equal(otherProcess(d({ started_at: null }), d({})), false);
});

test('facts: unknown stays unknown, equal ones are said once', () => {
  assert.deepEqual(factRows(null, null).map((r) => r.text), Array(7).fill(null));
  const { same, differ } = comparedFacts([headOf({}), headOf({ dump: { os: 'Windows 11' } })]);
  assert.ok(same.includes('pid 2052'));
  assert.deepEqual(differ, [{ what: 'system', values: ['Windows 10.0.20348', 'Windows 11'] }]);
});
