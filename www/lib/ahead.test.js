import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Refused } from './ahead.js';

const MIB = 1 << 20;
const bytes = Uint8Array.from({ length: 8 * MIB }, (_, i) => (i * 2654435761) >>> 24);

/** A file that notes how it is read. @param {Blob} blob @param {string[]} log @param {boolean} [byob] */
function file(blob, log, byob = true) {
  return /** @type {any} */ ({
    size: blob.size,
    slice: (from, to) => ({
      arrayBuffer: () => {
        log.push(`read ${from} ${to}`);
        return blob.slice(from, to).arrayBuffer();
      },
      stream: () => {
        log.push(`stream ${from}`);
        const stream = blob.slice(from, to).stream();
        return { getReader: (options) => {
          if (options && !byob) throw new TypeError('no such reader');
          return options ? stream.getReader(options) : stream.getReader();
        } };
      },
    }),
  });
}

/** @param {Reader} reader @param {number[]} wanted */
async function taken(reader, wanted) {
  const got = new Uint8Array(wanted[1]);
  let at = 0;
  await reader.read(wanted, (piece) => {
    got.set(piece, at);
    at += piece.length;
  });
  assert.equal(at, got.length);
  return got;
}

for (const byob of [true, false]) {
  test(`windows that follow each other come from one stream, ${byob ? 'into one buffer' : 'in its own pieces'}`, async () => {
    const log = [];
    const reader = new Reader(file(new Blob([bytes]), log, byob));
    // The last one is a little further on.
    for (const offset of [100, 100_100, 200_100, 500_000]) {
      assert.deepEqual(await taken(reader, [offset, 100_000, offset + 100_000, 100_000]), bytes.slice(offset, offset + 100_000));
    }
    assert.deepEqual(log, ['stream 100']);
    // Far away, backwards, and the rest of the file.
    assert.deepEqual(await taken(reader, [4 * MIB, 10, 4 * MIB + 10, 10]), bytes.slice(4 * MIB, 4 * MIB + 10));
    assert.deepEqual(await taken(reader, [0, 10, 10, 10]), bytes.slice(0, 10));
    assert.deepEqual(await taken(reader, [7 * MIB, MIB / 2, 7 * MIB + MIB / 2, MIB / 2]), bytes.slice(7 * MIB, 7 * MIB + MIB / 2));
    assert.deepEqual(await taken(reader, [7 * MIB + MIB / 2, MIB / 2]), bytes.slice(7 * MIB + MIB / 2));
    assert.deepEqual(log, ['stream 100', `stream ${4 * MIB}`, 'stream 0', `stream ${7 * MIB}`]);
  });
}

test('windows here and there are read once each, several at once; what is not wanted any more is let go', async () => {
  const log = [];
  const reader = new Reader(file(new Blob([bytes]), log));
  const at = (n) => n * 2 * MIB;
  assert.deepEqual(await taken(reader, [at(2), 16, at(0), 16, at(3), 16]), bytes.slice(at(2), at(2) + 16));
  assert.deepEqual(log, [`read ${at(2)} ${at(2) + 16}`, 'read 0 16', `read ${at(3)} ${at(3) + 16}`]);
  // The walk skipped one, and wants less of the next.
  assert.deepEqual(await taken(reader, [at(3) + 8, 8, at(1), 16]), bytes.slice(at(3) + 8, at(3) + 16));
  assert.deepEqual(log.slice(3), [`read ${at(1)} ${at(1) + 16}`]);
});

test('what the browser refuses is said with its place', async () => {
  const refuse = { size: 100, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) };
  await assert.rejects(new Reader(/** @type {any} */ (refuse)).read([8, 16], () => {}), (error) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual([error.message, error.offset, error.end], ['Error: NotReadableError', 8, 24]);
    return true;
  });
  // A file that became shorter must not be read for ever.
  await assert.rejects(new Reader(file(new Blob([bytes.slice(0, 20)]), [])).read([8, 8, 16, 16], () => {}).then(() =>
    new Reader(Object.assign(file(new Blob([bytes.slice(0, 20)]), []), { size: 40 })).read([16, 16, 32, 8], () => {})), /the file ends/);
});
