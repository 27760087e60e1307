import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ahead, readBeside, readHere } from './ahead.js';

test('each window is read once, however often it is wanted', async () => {
  const reads = [];
  const ahead = new Ahead(async (offset, end) => {
    reads.push([offset, end]);
    return new Uint8Array([offset]);
  });
  assert.deepEqual(await ahead.first([[0, 16], [16, 16], [32, 16]]), { offset: 0, end: 16, got: new Uint8Array([0]) });
  assert.deepEqual((await ahead.first([[16, 16], [32, 16], [48, 16]])).got, new Uint8Array([16]));
  assert.deepEqual(reads, [[0, 16], [16, 32], [32, 48], [48, 64]]);
});

test('a read that holds more than is still wanted will do; what is not wanted is let go', async () => {
  const reads = [];
  const ahead = new Ahead(async (offset, end) => {
    reads.push([offset, end]);
    return new Uint8Array([offset]);
  });
  await ahead.first([[0, 16], [16, 16], [32, 16], [48, 16]]);
  // The walk skipped into the fourth window.
  assert.deepEqual(await ahead.first([[56, 8], [64, 16]]), { offset: 48, end: 64, got: new Uint8Array([48]) });
  assert.deepEqual(reads.slice(4), [[64, 80]]);
});

test('a refused read is a value', async () => {
  const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) };
  assert.deepEqual(await readHere(/** @type {any} */ (gone), 0, 1), { refused: 'Error: NotReadableError' });
});

test('where there are no workers, the file is read here', async () => {
  const read = readBeside(new Blob([new Uint8Array([1, 2, 3, 4])]));
  assert.deepEqual(await read(1, 3), new Uint8Array([2, 3]));
});
