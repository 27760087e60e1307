// The one file in Firefox ESR, from file://.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_REFUSED, choose, firefox, fixtures, hosted, oneFileUrl, state, tableRows, tryToSend } from './harness.mjs';

test('Firefox: the one file reads a pair from file://, and nothing can be sent', async () => {
  const { dumps, expected } = fixtures().find((p) => p.name === 'net10-x64-wks');
  const server = await hosted();
  const browser = await firefox();
  try {
    const page = await browser.newPage();
    await page.goto(oneFileUrl);
    await state(page, 'empty');
    await choose(page, dumps);
    await state(page, 'ready');
    const rows = await tableRows(page);
    const sum = (key) => rows.reduce((n, r) => n + Number(r[key]), 0);
    const want = (i, key) => [...expected[i].values()].reduce((n, x) => n + x[key], 0);
    assert.deepEqual(
      [sum('countA'), sum('sizeA'), sum('countB'), sum('sizeB')],
      [want(0, 'count'), want(0, 'size'), want(1, 'count'), want(1, 'size')],
    );
    assert.deepEqual(await tryToSend(page, `${server.url}leak`), ALL_REFUSED);
    assert.deepEqual(server.requests, []);
  } finally {
    await browser.close();
    await server.close();
  }
});
