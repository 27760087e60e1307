import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SNIFFED, kindOf } from './sniff.js';

const bytes = (/** @type {string} */ s) => new TextEncoder().encode(s).subarray(0, SNIFFED);

test('a file is taken for what it begins as, not for what it is called', () => {
  /** @type {[Uint8Array, string][]} */
  const cases = [
    [bytes('MDMP\x93\xa7'), 'dump'], [bytes('PK\x03\x04'), 'dump'], [Uint8Array.of(0x1f, 0x8b), 'dump'], [bytes('MZ\x90\0'), 'module'],
    [bytes('0:000> !dumpheap -stat\n'), 'listing'], [Uint8Array.of(0xff, 0xfe), 'listing'], [bytes('{"schema":"dropheap.report/1"'), 'listing'], [new Uint8Array(0), 'listing'],
  ];
  for (const [first, want] of cases) assert.equal(kindOf(first), want, String(first));
});
