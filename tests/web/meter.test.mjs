// The bench's processor seconds beside what this process knows of itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Meter } from '../../www/meter.mjs';

test('processor seconds of a process are those that it used since', { skip: process.platform !== 'linux' }, async () => {
  const busy = (/** @type {number} */ seconds) => {
    const before = process.cpuUsage();
    const used = () => Object.values(process.cpuUsage(before)).reduce((a, b) => a + b) / 1e6;
    while (used() < seconds);
    return used();
  };
  busy(0.3);
  const meter = new Meter(process.pid);
  assert.ok(meter.used().all < 0.1, 'what was used before does not count');
  const known = busy(0.5);
  assert.equal(await meter.until(Promise.resolve('as it was')), 'as it was');
  const { all, worker } = meter.used();
  assert.ok(Math.abs(all - known) < 0.25, `${all} s, ${known} s`);
  assert.equal(worker, 0, 'no thread here is a browser\'s worker');
});
