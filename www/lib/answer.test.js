import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf } from './answer.js';
import { MB, comparisonOf, headOf, listingHead, sidesOf } from './testing-heads.js';

const words = (/** @type {any[]} */ parts) => parts.map((p) => p.text ?? p).join('');
const line = (/** @type {any} */ answer, /** @type {string} */ label) => words(answer.lines.find((/** @type {any} */ l) => l.label === label)?.parts ?? []);
const rows = /** @type {any} */ ([['A.B', 'm', [1, 3], [10, 30]], ['A.C', 'm', [5, 5], [50, 50]]]);

test('the headline is the growth of the old generations without Free, and its rate in one process', () => {
  const a = headOf({ taken: 3600, gens: [MB, 0, 10 * MB, MB, 0, 0] });
  const b = headOf({ taken: 3 * 3600, gens: [2 * MB, 0, 15 * MB, 2 * MB, 0, 0], free: 2 * MB });
  const free = (/** @type {number} */ n) => [0, 0, n, 0, 0, 0].map((size) => ({ count: 1, size }));
  const forth = comparisonOf(rows, { free_generations: [free(0), free(2 * MB)] });
  const answer = answerOf(sidesOf([a, b]), sidesOf([a, b]), forth);
  assert.equal(words(answer.headline), 'Old generations grew by 4.0 MB, 2.0 MB an hour');
  assert.equal(answer.aside, 'young: +1.0 MB · average between two points');
  assert.deepEqual(/** @type {any} */ (answer.headline[1]).link.generation, 'old');
  assert.match(line(answer, 'Trust'), /^Every object of both dumps was read\. One process: pid 2052/);
  const back = answerOf(sidesOf([b, a]), sidesOf([b, a]), comparisonOf(rows, { free_generations: [free(2 * MB), free(0)] }));
  assert.equal(words(back.headline), 'Old generations shrank by 4.0 MB');
  assert.equal(words(answerOf(sidesOf([a, a]), sidesOf([a, a]), comparisonOf(rows)).headline), 'Old generations did not change');
  assert.ok(answer.lines.length <= 3, 'four lines with the headline');
});

test('seconds apart there is no rate, a rate by the hour would be a guess', () => {
  const a = headOf({ taken: 3600 });
  const b = headOf({ taken: 3612, gens: [0, 0, 3 * MB, 0, 0, 0] });
  assert.equal(words(answerOf(sidesOf([a, b]), [], comparisonOf(rows)).headline), 'Old generations grew by 2.0 MB in 12 s');
});

test('three of one process: whether each step grew; dumps of another one are named as not compared', () => {
  const of = (/** @type {number} */ taken, /** @type {number} */ mb) => headOf({ taken, gens: [0, 0, mb * MB, 0, 0, 0] });
  const three = sidesOf([of(3600, 1), of(7200, 2), of(10800, 4)]);
  const grown = comparisonOf([['A', 'm', [1, 2, 3], [1, 2, 3]]]);
  assert.equal(words(answerOf(three, three, grown).headline), 'Old generations grew by 3.0 MB, 1.5 MB an hour, in both steps');
  const uneven = sidesOf([of(3600, 1), of(7200, 5), of(10800, 4)]);
  assert.match(words(answerOf(uneven, uneven, grown).headline), /in 1 of 2 steps$/);
  const other = { id: 9, head: headOf({ pid: 7 }), name: '1' };
  assert.match(line(answerOf(three, [other, ...three], grown), 'Trust'), / Not compared: 1\.$/);
});

test('two processes have a difference, no growth and no rate', () => {
  const a = headOf({ taken: 3600 });
  const b = headOf({ taken: 7200, pid: 1984, gens: [0, 0, 3 * MB, 0, 0, 0] });
  const answer = answerOf(sidesOf([a, b]), sidesOf([a, b]), comparisonOf(rows));
  assert.equal(words(answer.headline), 'The heaps differ by +2.0 MB');
  assert.match(answer.aside, /no rate/);
});

test('what was not read of B can only add, of A only take away; of both nothing is said', () => {
  const whole = headOf({ taken: 3600, gens: [0, 0, 100 * MB, 0, 0, 0] });
  const part = headOf({ taken: 7200, gens: [0, 0, 200 * MB, 0, 0, 0], explained: 190 * MB, findings: [{ code: 'heap-hole', count: 1, message: 'x', partial: true }] });
  const partA = headOf({ taken: 100, gens: [0, 0, 50 * MB, 0, 0, 0], explained: 190 * MB, findings: [{ code: 'heap-hole', count: 1, message: 'x', partial: true }] });
  const of = (/** @type {any[]} */ heads) => words(answerOf(sidesOf(heads), [], comparisonOf(rows)).headline);
  assert.equal(of([whole, part]), 'The heaps differ by at least +100 MB');
  assert.equal(of([partA, whole]), 'The heaps differ by at most +50.0 MB');
  assert.match(of([partA, part]), /^The parts of the heaps that were read differ by/);
  assert.match(line(answerOf(sidesOf([whole, part]), [], comparisonOf(rows)), 'Trust'), /100 % of A, 95\.00 % of B/);
});

test('during a GC nothing is promised, not even a lower bound', () => {
  const gc = headOf({ taken: 1, gc: true, findings: [{ code: 'gc-in-progress', count: 1, message: 'a GC moved objects', partial: true }] });
  const answer = answerOf(sidesOf([gc]), [], comparisonOf(rows));
  assert.equal(words(answer.headline), 'What could be walked of the heap holds 1.0 MB in 7 objects');
  assert.doesNotMatch(line(answer, 'Trust'), /No GC was running/);
});

test('a listing has no generations: a difference, and no line about the process', () => {
  const heads = [listingHead(), headOf({ taken: 3600, gens: [0, 0, 3 * MB, 0, 0, 0] })];
  const answer = answerOf(sidesOf(heads), [], comparisonOf(rows, { memory: { process: 1, managed_heap: 1 } }));
  assert.equal(words(answer.headline), 'The heaps differ by +2.0 MB');
  assert.equal(answer.aside, 'no generations in a listing');
  assert.equal(line(answer, 'Process'), '');
});

test('process against heap: which of them made most of it', () => {
  const of = (/** @type {number} */ bytes) => headOf({ taken: 3600, memory: { bytes, owners: [] } });
  const both = sidesOf([of(171 * MB), of(206 * MB)]);
  const say = (/** @type {number} */ heap) => line(answerOf(both, both, comparisonOf(rows, { memory: { process: 35 * MB, managed_heap: heap } })), 'Process');
  assert.equal(say(21 * MB), '171 → 206 MB in the dumps, +35.0 MB: managed heap +21.0 MB, native and other +14.0 MB. The heap made most of it.');
  assert.match(say(2 * MB), /Most of it is not the managed heap\.$/);
});

test('suspects: at most three facts, each a link to its row; without a group the type that grew most', () => {
  const heads = [headOf({ taken: 3600 }), headOf({ taken: 7200 })];
  const totals = { counts: [7800, 18651], sizes: [1, 2], delta_count: 10851, delta_size: 7 * MB };
  const comparison = comparisonOf([['N.Ctx', 'lib', [1, 2], [1, 2]], ['N.ITelemetry[]', 'lib', [1, 1], [64024, 256024]]], { supertypes: [{ type_name: 'N.ITelemetry', type_name_csharp: 'N.ITelemetry', module: 'lib' }] }, {
    growth: 20 * MB, growing_types: 3, withheld: [],
    by_supertype: [{ supertype: 0, same_number: 0, types: { rows: [0, 1], totals } }],
    same_number: [{ number: 10851, steps: [10851], types: { rows: [0, 1], totals } }],
    resized: [{ row: 1, slots: [8000, 32000] }], alone: [],
  });
  const answer = answerOf(sidesOf(heads), [], comparison);
  assert.equal(line(answer, 'Suspects').trim(),
    'ITelemetry: 7,800 → 18,651 objects of 2 types. With them 2 types, each +10,851, 7.0 MB. One ITelemetry[] grew from 8,000 to 32,000 slots.');
  const links = /** @type {any} */ (answer.lines.find((l) => l.label === 'Suspects')).parts.flatMap((/** @type {any} */ p) => p.link?.goTo ?? []);
  assert.deepEqual(links, ['group:N.ITelemetry\tlib', 'group:same:N.Ctx\tlib', 'N.ITelemetry[]\tlib']);
  const alone = answerOf(sidesOf(heads), [], comparisonOf(rows));
  assert.match(line(alone, 'Types'), /^One type grew: A\.B: \+20 bytes/);
  const none = comparisonOf([['A', 'm', [1, 1], [5, 5]]], {}, { by_supertype: [], same_number: [], resized: [], alone: [], withheld: [{ section: 'groups', code: 'no-growth', reason: 'The heap did not grow.' }] });
  assert.equal(line(answerOf(sidesOf(heads), [], none), 'Types').trim(), 'No type grew. The heap did not grow.');
});
