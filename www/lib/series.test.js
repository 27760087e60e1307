import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amountStep, defaultCompared, equalUptime, lives, steps, timeMarks, trend } from './series.js';

const HOUR = 3600;
const dump = (pid, started, captured) => ({ pid, started_at: started, captured_at: captured, uptime: captured === null || started === null ? null : captured - started });
// The first process lived for a morning; the second was dumped three times.
const series = [dump(1984, 0, 4.6 * HOUR), dump(2052, 8 * HOUR, 9.3 * HOUR), dump(2052, 8 * HOUR, 12.5 * HOUR), dump(2052, 8 * HOUR, 15.8 * HOUR)];

test('a life is a process id and a start; what is unknown joins nothing', () => {
  assert.deepEqual(lives(series), [0, 1, 1, 1]);
  assert.deepEqual(lives([dump(1, 5, 9), dump(1, 50, 90)]), [0, 1]);
  assert.deepEqual(lives([dump(1, null, 9), dump(1, null, 9)]), [0, 1]);
  assert.deepEqual(lives([dump(null, 5, 9), dump(null, 5, 9)]), [0, 1]);
});

test('the dumps of the last life are compared, or all where it has one alone', () => {
  const ids = (facts) => defaultCompared(facts.map((f, i) => ({ id: i + 10, facts: f })));
  assert.deepEqual(ids(series), [11, 12, 13]);
  assert.deepEqual(ids(series.slice(0, 2)), [10, 11]);
  assert.deepEqual(ids([series[1], series[2], series[0]]), [10, 11, 12]);
});

test('equal uptime: the nearest pair of two lives, or none', () => {
  assert.deepEqual(equalUptime(series), [0, 2]);
  assert.equal(equalUptime(series.slice(0, 2)), null);
  assert.equal(equalUptime(series.slice(1)), null);
});

test('steps and trends, by the hour where the times are known', () => {
  assert.deepEqual(steps([1, 4, 2]), [3, -2]);
  const of = (sizes, times) => trend({ sizes, counts: sizes }, times);
  assert.equal(of([100, 200, 310], [0, HOUR, 2 * HOUR]).word, 'steady');
  assert.deepEqual(of([100, 200, 600], [0, HOUR, 2 * HOUR]).index, [100, 200, 600]);
  // Twice the growth in twice the time.
  assert.equal(of([100, 200, 400], [0, HOUR, 3 * HOUR]).word, 'steady');
  assert.notEqual(of([100, 200, 400], [null, null, null]).index, null);
  assert.deepEqual(of([5, 5, 5], [0, 1, 2]), { word: '', index: null });
  assert.equal(of([0, 5, 50], [0, HOUR, 2 * HOUR]).word, 'new');
});

test('marks of the axes are round, and few', () => {
  assert.equal(amountStep(206), 50);
  assert.equal(amountStep(28), 5);
  assert.equal(amountStep(0), 1);
  assert.deepEqual(timeMarks(0.5 * HOUR, 11 * HOUR, 6), [2, 4, 6, 8, 10].map((h) => h * HOUR));
  assert.ok(timeMarks(0, 400 * 86_400, 6).length < 20);
  assert.deepEqual(timeMarks(5, 5, 6), [5]);
});
