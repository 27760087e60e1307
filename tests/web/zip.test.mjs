// Dumps in archives, in the built page in Chromium: beside the plain dump no type differs, and the file stays where it lies.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { choose, commandLine, inChromium, parseCsv, root, scratch, state, tableRows } from './harness.mjs';

const home = join(root, 'tests', 'fixtures');
const zip = (/** @type {string} */ name) => join(home, 'zip', name);
const dir = scratch();
const plain = join(dir, 'afternoon.dmp');
const gzip = join(home, 'net31-x64-wks', 'afternoon.dmp.gz');
writeFileSync(plain, gunzipSync(readFileSync(gzip)));
const cut = join(dir, 'cut.zip');
writeFileSync(cut, readFileSync(zip('net31-x64-wks-afternoon.zip')).subarray(0, 600_000));

const { open } = inChromium();

/** Types by name and module, as the command line counts them. @param {string} dump */
function counted(dump) {
  const [head, ...lines] = parseCsv(commandLine(['stat', dump, '--by', 'type', '--format', 'csv']));
  const at = (name) => head.indexOf(name);
  return new Map(lines.map((l) => [`${l[at('type_name')]}\t${l[at('module')]}`, `${l[at('count')]} ${l[at('total_size')]}`]));
}

const pairs = [
  [plain, zip('net31-x64-wks-afternoon.zip')],
  [plain, gzip],
  [zip('kudu-stored.zip'), zip('kudu-fastest.zip')],
  [zip('kudu-optimal.zip'), zip('kudu-fastest-seekable.zip')],
  [zip('infozip-streamed.zip'), zip('7zip.zip')],
];

for (const files of pairs) {
  test(`${files.map((f) => f.split('/').at(-1)).join(', ')}: the same rows, and those of the command line`, async () => {
    const { page, wrong } = await open();
    await choose(page, files);
    await state(page, 'ready');
    const rows = (await tableRows(page)).filter((r) => r.type !== 'Free');
    const expected = counted(files[1]);
    expected.delete('Free\t');
    assert.equal(rows.length, expected.size);
    for (const r of rows) {
      assert.equal(`${r.countA} ${r.sizeA}`, `${r.countB} ${r.sizeB}`, r.type);
      assert.equal(`${r.countB} ${r.sizeB}`, expected.get(`${r.type}\t${r.module}`), r.type);
    }
    assert.deepEqual(wrong, []);
    await page.close();
  });
}

test('cut off: what arrived is counted, and the page says so', async () => {
  const { page, wrong } = await open();
  await choose(page, [cut]);
  await state(page, 'ready');
  assert.ok((await tableRows(page)).length > 50);
  assert.match(await page.$eval('body', (b) => b.textContent), /the zip file ends inside minidump\.dmp/);
  assert.deepEqual(wrong, []);
  await page.close();
});

for (const [name, words] of [['encrypted.zip', /evening\.dmp is encrypted/], ['deflate64.zip', /packed by DEFLATE64/]]) {
  test(`${name}: a sentence and the next step`, async () => {
    const { page } = await open();
    await choose(page, [zip(/** @type {string} */ (name))]);
    await state(page, 'error');
    const said = await page.$eval('body', (b) => b.textContent);
    assert.match(said, /** @type {RegExp} */ (words));
    assert.match(said, /Unpack it/);
    await page.close();
  });
}
