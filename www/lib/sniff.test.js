import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_TEXT, kindOf } from './sniff.js';

const bytes = (/** @type {string} */ s) => new TextEncoder().encode(s);

test('a file goes to the reader for what it is, not for what it is called', () => {
  /** @type {[Uint8Array, string, string][]} */
  const cases = [
    [Uint8Array.of(0x4d, 0x44, 0x4d, 0x50, 0x93, 0xa7, 0, 0), 'a.txt', 'dump'],
    [bytes('PK\x03\x04'), 'a.zip', 'dump'],
    [Uint8Array.of(0x4d, 0x5a, 0x90, 0), 'a.dmp', 'module'],
    [bytes('<?xml version="1.0"?>\n<Events><Event>'), 'x', 'events'],
    [bytes('\ufeff<Events>'), 'x', 'events'],
    [bytes('<?xml version="1.0"?><Root>'), 'eventlog.xml', 'events'],
    [bytes('<!DOCTYPE html><html>'), 'dump.dmp', 'dump'],
    [bytes('0:000> !dumpheap -stat\n'), 'log.dmp', 'text'],
    [Uint8Array.of(0xff, 0xfe, 0x53, 0, 0x74, 0), 'windbg.log', 'text'],
    [bytes('{"schema":"dropheap.report/1"'), 'x.json', 'text'],
    [new Uint8Array(0), 'empty.dmp', 'dump'],
    [new Uint8Array(64), 'zero.dmp', 'dump'],
  ];
  for (const [first, name, want] of cases) assert.equal(kindOf(first, name, 1000), want, name);
  assert.equal(kindOf(bytes('text'), 'x.txt', MAX_TEXT + 1), 'dump');
});
