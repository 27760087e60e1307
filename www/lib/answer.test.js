import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOfDiff, answerOfOne, exact, factRows, letters } from './answer.js';

const MB = 1048576;
const cells = (bytes) => bytes.map((size) => ({ count: 1, size, aligned_size: size }));

function report({ taken, pid = 2052, started = 1000, gens, free = 0, explained, gc = false, findings = [], unproven = null }) {
  const total = gens.reduce((a, b) => a + b, 0);
  return {
    dump: { captured_at: taken, pid, started_at: started, uptime: taken - started, memory_bytes: total + 10 * MB },
    runtime: { gc_in_progress: gc, unproven },
    heap: {
      complete: explained === undefined && !gc, explained_bytes: explained ?? total, total_bytes: total, objects: 7, size: total,
      generations: cells(gens), free: { count: 1, size: free },
    },
    findings,
  };
}
const rows = [{ size: 2 * MB }, { size: -MB }, { size: 0 }];
/** As the reports tell it; all of Free is in gen2. */
const answerOf = (reports, findings = []) => answerOfDiff(reports, {
  dumps: reports.map((r) => ({ generations: r.heap.generations })),
  free_generations: reports.map((r) => cells([0, 0, r.heap.free.size, 0, 0, 0])),
  free: { delta_size: MB }, findings,
}, rows);
const words = (parts) => parts.map((p) => p.text).join('');

test('the headline is the growth of the old generations without Free, and its rate in one process', () => {
  const a = report({ taken: 3600, gens: [MB, 0, 10 * MB, MB, 0, 0] });
  const b = report({ taken: 3 * 3600, gens: [2 * MB, 0, 15 * MB, 2 * MB, 0, 0], free: 2 * MB });
  const answer = answerOf([a, b]);
  assert.equal(words(answer.headline), 'Old generations grew by 4.0 MB, 2.0 MB an hour');
  assert.equal(answer.aside, 'young: +1.0 MB');
  assert.deepEqual(answer.warnings, []);
  assert.match(answer.lines.at(-1).text, /^Every object of both dumps was read\. One process: pid 2052/);
  const back = answerOf([b, a]);
  assert.equal(words(back.headline).startsWith('Old generations shrank by 4.0 MB'), true);
  assert.equal(words(answerOf([a, a]).headline), 'Old generations did not change');
});

test('two processes have a difference, no growth and no rate', () => {
  const a = report({ taken: 3600, gens: [0, 0, MB, 0, 0, 0] });
  const b = report({ taken: 7200, pid: 1984, gens: [0, 0, 3 * MB, 0, 0, 0] });
  const answer = answerOf([a, b], [{ code: 'other-process', count: 1, message: 'another process', partial: false }]);
  assert.equal(words(answer.headline), 'The heaps differ by +2.0 MB');
  assert.match(answer.aside, /no rate/);
  assert.deepEqual(answer.warnings, [{ title: 'Before you compare:', text: 'another process' }]);
});

test('a partial report is said in words, once, before the answer', () => {
  const a = report({ taken: 3600, gens: [0, 0, 100 * MB, 0, 0, 0] });
  const hole = { code: 'heap-hole', count: 37, message: 'a part is missing', partial: true };
  const b = report({ taken: 7200, gens: [0, 0, 200 * MB, 0, 0, 0], explained: 190 * MB, findings: [hole], unproven: 'Never compared.' });
  assert.equal(exact(b), false);
  const answer = answerOf([a, b], [{ code: 'partial-dump', count: 1, message: 'said by the dump itself', partial: true }]);
  assert.deepEqual(answer.warnings.map((w) => `${w.title} ${w.text}`), [
    'Unproven runtime in B: Never compared.',
    '95.00 % of the heap of B could be read; 10.0 MB could not. Its counts are at least these; a type not seen may still be there.',
    'In B: a part is missing (37 times)',
  ]);
  assert.match(words(answer.headline), /^The parts of the heaps that were read differ by/);
  assert.match(answer.lines.at(-1).text, /100 % of A, 95\.00 % of B/);
});

test('during a GC nothing is promised, not even a lower bound', () => {
  const gc = report({ taken: 1, gens: [0, 0, MB, 0, 0, 0], gc: true, findings: [{ code: 'gc-in-progress', count: 1, message: 'a GC moved objects', partial: true }] });
  const answer = answerOfOne(gc);
  assert.equal(words(answer.headline), 'What could be walked of the heap holds 1.0 MB in 7 objects');
  assert.equal(answer.warnings.length, 1);
  assert.doesNotMatch(answer.lines.map((l) => l.text).join(' '), /No GC was running/);
});

test('a report that is not exact always has a warning', () => {
  const odd = report({ taken: 1, gens: [0, 0, MB, 0, 0, 0] });
  odd.heap.complete = false;
  assert.equal(answerOfOne(odd).warnings.length, 1);
  assert.equal(answerOfOne(report({ taken: 1, gens: [0, 0, MB, 0, 0, 0] })).warnings.length, 0);
});

test('letters: A is the first and B the last', () => {
  assert.deepEqual(letters(2), ['A', 'B']);
  assert.deepEqual(letters(4), ['A', '2', '3', 'B']);
});

test('facts that are not known are null, never 0', () => {
  const rows = factRows(null, null);
  assert.equal(rows.every((r) => r.text === null), true);
  const some = factRows({ captured_at: null, pid: null, started_at: null, uptime: null, image_path: null, command_line: 'x --secret', os: null, architecture: null, processors: null, memory_bytes: 5, memory_ranges: 1, modules: 2, threads: 3 }, null);
  assert.equal(some.find((r) => r.label === 'Process').text, null);
  assert.equal(some.find((r) => r.label === 'Command line').secret, true);
  assert.equal(some.find((r) => r.label === 'Contents').text, '5 bytes of memory in one range, 2 modules, 3 threads');
});
