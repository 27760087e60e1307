// What a screen reader reads, state by state: Chromium's accessibility tree, in its order, against the lists in `reader/*.txt`, which say it as it
// is heard. Numbers and names that a fixture decides are in them; what the machine decides (speeds, builds, the reader's clock) is `…`.
// `READER_UPDATE=1` writes the lists anew: read the difference before committing it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, fixtures, inChromium, inWorkers, root, scratch, state, violations } from './harness.mjs';

const chrome = inChromium();
const [{ dumps: pair }] = fixtures().filter((p) => p.name === 'net10-x64-wks');
const lists = join(root, 'tests', 'web', 'reader');

/** Roles that are said with a name; whatever lies around them is silent. */
const NAMED = new Set(['heading', 'button', 'link', 'checkbox', 'radio', 'searchbox', 'combobox', 'tab', 'image', 'progressbar', 'DisclosureTriangle', 'treegrid', 'table', 'group', 'region']);
/** Roles that are said, and then what is in them. */
const HOLDERS = new Set(['status', 'alert', 'note', 'treegrid', 'table', 'group', 'region']);

/** @param {any} node @returns {string[]} the texts in it, of an image its name */
const texts = (node) => {
  const text = (node.name ?? '').replace(/\s+/g, ' ').trim();
  if (['StaticText', 'image', 'button', 'columnheader'].includes(node.role)) return text === '' ? [] : [text];
  return (node.children ?? []).flatMap(texts);
};

/** The tree as lines: role, name, state; a row of a table is one line. @param {any} node @param {string} [room] @returns {string[]} */
function spoken(node, room = '') {
  const { role, children = [] } = node;
  const name = (node.name ?? '').replace(/\s+/g, ' ').trim();
  const inner = (/** @type {string} */ at) => children.flatMap((/** @type {any} */ c) => spoken(c, at));
  if (role === 'StaticText') return name === '' ? [] : [`${room}"${name}"`];
  const states = [
    node.level && `level ${node.level}`, node.pressed !== undefined && (node.pressed ? 'pressed' : 'not pressed'), node.checked !== undefined && (node.checked ? 'checked' : 'not checked'),
    node.expanded !== undefined && (node.expanded ? 'expanded' : 'collapsed'), node.selected && 'selected', node.disabled && 'disabled',
  ].filter(Boolean).join(', ');
  const after = states === '' ? '' : ` (${states})`;
  if (role === 'row') return [`${room}row: ${children.map((/** @type {any} */ c) => texts(c).join(' ')).filter(Boolean).join(' | ')}${after}`];
  if (HOLDERS.has(role)) return [`${room}${role}${NAMED.has(role) && name !== '' ? ` "${name}"` : ''}${after}`, ...(role === 'treegrid' ? short : (/** @type {string[]} */ x) => x)(inner(`${room}  `))];
  if (!NAMED.has(role)) return inner(room);
  return [`${room}${role} "${name}"${after}`];
}

/** Of many rows the first four, and those of the foot. @param {string[]} lines */
function short(lines) {
  const rows = lines.filter((l) => /^ *row: /.test(l));
  const cut = new Set(rows.length > 9 ? rows.slice(5, -3) : []);
  return lines.flatMap((l) => (!cut.has(l) ? [l] : l === rows[5] ? [l.replace(/row: .*/, '… more rows')] : []));
}

/** @param {any} page @param {string} name @param {any} [part]  of the page; else all of it */
async function heard(page, name, part) {
  const said = spoken(await page.accessibility.snapshot({ interestingOnly: false, root: part })).join('\n')
    .replace(/[\d,.]+ MB\/s/g, '… MB/s').replace(/about [^"]* left/g, 'about … left').replace(/build \w{8}/g, 'build …').replace(/ \([\d:]+( your time)?\)/g, '').replace(/memory in use [\d.]+ MB/g, 'memory in use …');
  const path = join(lists, `${name}.txt`);
  if (process.env.READER_UPDATE) {
    mkdirSync(lists, { recursive: true });
    writeFileSync(path, `${said}\n`);
  }
  assert.equal(said, readFileSync(path, 'utf8').trimEnd());
  // Whatever the list says: nothing that can be pressed is without a name.
  assert.deepEqual(said.split('\n').filter((line) => /^ *\w+ ""/.test(line)), []);
}

test('empty', async () => {
  const { page } = await chrome.open();
  await state(page, 'empty');
  await heard(page, 'empty');
  await page.close();
});

test('while files are read: stages, and the types so far; axe finds nothing, light and dark', async () => {
  // The clock runs faster, so that a heap this small gives a part; then the worker falls silent, so that the page stays as it is.
  const { page, wrong } = await chrome.open({ first: inWorkers(`{
    const now = performance.now.bind(performance);
    performance.now = () => 1000 * now();
    const post = self.postMessage.bind(self);
    let silent = false;
    self.postMessage = (message, ...rest) => {
      if (silent && message.type !== 'answer') return;
      if (message.type === 'partial') silent = true;
      post(message, ...rest);
    };
  }`) });
  await choose(page, [pair[0]]);
  await page.waitForFunction(() => !document.getElementById('so-far').hidden && document.querySelector('#diff tfoot .total'));
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'reading');
  assert.deepEqual(await violations(page), []);
  // How far it came is the machine's.
  const tree = spoken(await page.accessibility.snapshot({ interestingOnly: false })).join('\n');
  for (const part of [/status\n *"net10-x64-wks-afternoon\.dmp: Objects\."/, /heading "Reading one file" \(level 1\)/, /progressbar "Reading net10-x64-wks-afternoon\.dmp"/, /"[\d.]+ [KM]B of [\d.]+ [KM]B of heap"/, /button "Cancel reading net10-x64-wks-afternoon\.dmp"/, /"So far, \d+ % of the heap of net10-x64-wks-afternoon\.dmp walked: its counts and sizes still grow\."/, /treegrid "Types"/]) assert.match(tree, part);
  const order = ['status', '"Reading one file"', 'progressbar', '"Cancel reading', '"So far,', 'treegrid'].map((what) => tree.indexOf(what));
  assert.deepEqual(order, order.toSorted((a, b) => a - b), tree);
  assert.deepEqual(wrong, []);
  await page.close();
});

test('the answer, an opened row, and a file that cannot be used', async () => {
  const { page } = await chrome.open();
  await choose(page, pair);
  await state(page, 'ready');
  await page.waitForFunction(() => /\d/.test(document.querySelector('#shown .n').textContent));
  await heard(page, 'answer');
  await page.focus('#diff tbody tr[tabindex="0"]');
  await page.keyboard.press('2');
  await page.waitForSelector('#diff tbody tr[data-type]');
  await page.focus('#diff tbody tr[tabindex="0"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#diff .detail .addresses');
  await heard(page, 'opened-row', await page.$('#diff .detail'));
  await page.click('#start-over');
  const kernel = join(scratch(), 'kernel.dmp');
  writeFileSync(kernel, 'PAGEDU64' + '\0'.repeat(100));
  await choose(page, [kernel]);
  await state(page, 'error');
  await heard(page, 'error');
  await page.close();
});
