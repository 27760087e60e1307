// Firefox ESR: the one file from file://, the pieces from a server.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ALL_REFUSED, choose, firefox, fixtures, hosted, oneFileUrl, root, state, tableRows, tryToSend } from './harness.mjs';

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

test('Firefox: the hosted pieces read a pair and an event log; after the page is there, nothing is asked for, and nothing can be sent', async () => {
  const { dumps } = fixtures().find((p) => p.name === 'net10-x64-wks');
  const server = await hosted();
  const elsewhere = await hosted();
  const browser = await firefox();
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    await state(page, 'empty');
    await page.waitForFunction(() => !document.getElementById('sample').hidden);
    const asked = server.requests.length;
    await choose(page, [join(root, 'tests', 'fixtures', 'events', 'kudu.xml')]);
    await page.waitForSelector('#events details[open] table');
    assert.match(await page.$eval('#events', (e) => e.textContent), /3 recycles/);
    await choose(page, dumps);
    await state(page, 'ready');
    assert.match(await page.$eval('#answer h1', (h) => h.textContent), /Old generations grew/);
    // Beside a comparison it is one line below the answer, and opens.
    assert.deepEqual(await page.evaluate(() => [document.querySelector('#events details').open, document.getElementById('events').parentElement.id]), [false, 'result']);
    await page.click('#events summary');
    assert.equal(await page.$$eval('#events tbody tr', (rows) => rows.length), 4);
    await page.click('[data-view="types"]');
    await page.waitForFunction(() => document.querySelectorAll('#diff [data-type]').length > 5);
    assert.deepEqual(await tryToSend(page, `${elsewhere.url}leak`), ALL_REFUSED);
    assert.deepEqual(elsewhere.requests, []);
    assert.equal(server.requests.length, asked, server.requests.slice(asked).join());
  } finally {
    await browser.close();
    await server.close();
    await elsewhere.close();
  }
});
