import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf } from './failure.js';

const crash = { name: 'Error', code: 'crash', message: 'stopped at a fault of its own', hint: 'Please report it.' };
const named = (name, message) => Object.assign(new Error(message), { name });

test("the core's own words stay as they are", () => {
  const own = { name: 'Error', code: 'truncated', message: 'ends too early', hint: 'Copy it again.' };
  assert.equal(failureOf(own, crash, []), own);
});

test('a panic is a crash, with its place in the details', () => {
  const f = failureOf(named('RuntimeError', 'unreachable executed'), crash, ["panicked at src/x.rs:1:1:\nboom"]);
  assert.equal(f.code, 'crash');
  assert.equal(f.details, 'panicked at src/x.rs:1:1:\nboom\nRuntimeError: unreachable executed');
});

test('memory that ran out is said to be that: by the browser, or by an abort without a word', () => {
  for (const error of [named('RangeError', 'Array buffer allocation failed'), named('RangeError', 'WebAssembly.Memory.grow(): Maximum memory size exceeded'),
    named('RuntimeError', 'unreachable'), named('RuntimeError', 'unreachable executed')]) {
    const f = failureOf(error, crash, []);
    assert.equal(f.code, 'out-of-memory', error.message);
    assert.ok(f.details.includes(error.message));
  }
  assert.equal(failureOf(named('RangeError', 'Maximum call stack size exceeded'), crash, []).code, 'crash');
  assert.equal(failureOf(named('RuntimeError', 'memory access out of bounds'), crash, []).code, 'crash');
});

test('before the core runs there are still words', () => {
  assert.deepEqual(failureOf('odd', null, []), { name: 'Error', code: 'crash', message: 'odd', hint: '', details: 'Error: odd' });
});
