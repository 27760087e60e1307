// An assembly is moved to another class by hand, in Chromium and Firefox: by keyboard alone, heard, undone, kept when a dump is added, exported as the
// command line prints it, and in no address and no storage.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeSource, choose, chromium, commandLine, firefox, fixtures, keepHolders, oneFileUrl, state, violations } from './harness.mjs';

const pairs = fixtures();
const { dumps } = pairs.find((p) => p.name === 'net10-x64-wks');
const { dumps: other } = pairs.find((p) => p.name === 'net8-x64-wks');
/** A library with types on the heap, and the entry assembly. */
const PLUGIN = 'LeakPlugin';
const PROGRAM = 'LeakSim';
const rowOf = (name) => `#diff tbody tr[data-id="assembly:${name}"]`;
const ROW = rowOf(PLUGIN);

/** What "Save report" writes. @param {any} page @param {'json' | 'html'} format @param {string} begins  its preview @returns {Promise<string>} */
async function saved(page, format, begins) {
  await page.evaluate(() => document.getElementById('save').showModal());
  await page.click(`#save-formats [value="${format}"]`);
  await page.waitForFunction((b) => document.getElementById('save-preview').textContent.startsWith(b) && !document.getElementById('save-go').disabled, {}, begins);
  return page.evaluate(() => new Promise((done) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => (void blob.text().then(done), createObjectURL.call(URL, blob));
    document.getElementById('save-go').click();
    URL.createObjectURL = createObjectURL;
  }));
}

/** Files, and the view in which assemblies are moved. @param {any} page @param {string[]} files @param {string} [shown] */
async function assembliesOf(page, files, shown = ROW) {
  await choose(page, files);
  await state(page, 'ready');
  await page.click('[data-view="assembly"]');
  await page.waitForSelector(shown);
}

/** By the pointer. @param {any} page @param {string} name @param {'runtime' | 'library' | 'yours'} owner */
async function moveTo(page, name, owner) {
  await page.click(`${rowOf(name)} .name`);
  await page.waitForSelector(`#diff [data-move="${owner}"]`);
  await page.click(`#diff [data-move="${owner}"]`);
  await page.waitForFunction((r) => document.querySelector(r)?.textContent.includes('moved by you'), {}, rowOf(name));
}

const savedJson = (page) => saved(page, 'json', '{');

const byKind = (page) => page.$$eval('.kinds .n', (n) => n.map((x) => x.textContent));
const row = (page) => page.$eval(ROW, (r) => [r.textContent.includes('moved by you'), r.querySelector('.mark')?.textContent ?? null]);
const pressed = (page) => page.waitForFunction(() => document.activeElement?.closest('.detail') && document.activeElement.getAttribute('aria-pressed') === 'true')
  .then(() => page.evaluate(() => document.activeElement.textContent));
/** Suspects by interface or base type, with their classes. */
const bySupertype = (text) => {
  const { suspects, supertypes } = JSON.parse(text);
  return suspects.by_supertype.map((g) => [supertypes[g.supertype].type_name, g.owner]);
};

for (const [browserName, start] of [['Chromium', chromium], ['Firefox', firefox]]) {
  test(`${browserName}: an assembly is moved to another class by hand`, async () => {
    const browser = await start();
    try {
      const page = await browser.newPage();
      await page.setViewport({ width: 1280, height: 900 });
      const wrong = [];
      page.on('pageerror', (error) => wrong.push(error.message));
      await page.goto(oneFileUrl);
      await state(page, 'empty');
      await assembliesOf(page, dumps);
      await page.waitForFunction(() => /\d/.test(document.querySelector('.kinds .n').textContent));
      const before = await byKind(page);
      assert.deepEqual(await row(page), [false, null]);

      // By keyboard: open the row, go in, to "Yours".
      await page.focus(ROW);
      await page.keyboard.press('ArrowRight');
      await page.waitForSelector(`#diff [aria-label="Class of ${PLUGIN}"]`);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Yours');
      await page.keyboard.press('Enter');
      await page.waitForFunction((r) => document.querySelector(r)?.textContent.includes('moved by you'), {}, ROW);
      assert.equal(await pressed(page), 'Yours', 'the focus stays where it was');
      assert.deepEqual(await row(page), [true, 'yours']);
      const said = await page.$$eval('[role="status"]', (all) => all.map((n) => n.textContent).join('\n'));
      assert.match(said, /LeakPlugin counts as yours\. [\d,]+ types of/);
      assert.match(await page.$eval('#diff .detail', (d) => d.textContent), /moved by you; otherwise library: .+Undo$/);
      assert.notDeepEqual(await byKind(page), before);
      if (browserName === 'Chromium') assert.deepEqual(await violations(page), []);
      else {
        await page.evaluate(axeSource);
        assert.deepEqual(await page.evaluate(async () => (await axe.run()).violations.map((v) => v.id)), []);
      }

      const json = await savedJson(page);
      const line = ['diff', ...dumps, '--format', 'json'];
      assert.ok(json === commandLine([...line, '--class', `${PLUGIN}=yours`]), 'the JSON of the page is that of the command line');
      assert.ok(json !== commandLine(line));

      const html = await saved(page, 'html', 'dropheap');
      assert.match(html, /LeakPlugin<.*<td>yours<\/td><td>moved by you; otherwise library/);

      // What is known only here stays here.
      assert.equal(await page.evaluate(() => location.hash), '#view=assembly');
      const stored = await page.evaluate(() => [document.cookie, ...[() => localStorage.length, () => sessionStorage.length].map((f) => {
        try {
          return f();
        } catch {
          return 0;
        }
      })]);
      assert.deepEqual(stored, ['', 0, 0]);

      // Another view and order, and back.
      await page.click('[data-view="suspects"]');
      await page.click('[data-view="types"]');
      const own = await page.$eval(`#diff [data-type="LeakPlugin.PluginTelemetry"] .mark`, (mark) => mark.textContent);
      assert.equal(own, 'yours');
      await page.click('[data-view="assembly"]');
      await page.click('#diff thead [data-by="type"]');
      await page.waitForSelector(ROW);
      assert.deepEqual(await row(page), [true, 'yours']);

      // A dump more: of it and of the others the assembly is still yours.
      await choose(page, [other[1]]);
      await page.waitForFunction(() => document.body.dataset.state === 'ready' && document.querySelectorAll('#panel .series .dump').length === 3);
      await page.click('[data-view="assembly"]');
      await page.waitForSelector(ROW);
      assert.deepEqual(await row(page), [true, 'yours']);

      assert.deepEqual(wrong, []);
      await page.close();
    } finally {
      await browser.close();
    }
  });
}

test('Undo gives back what the rule decided, also of one dump; suspects follow the class', async () => {
  const browser = await chromium();
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    await page.goto(oneFileUrl);
    await assembliesOf(page, dumps, rowOf(PROGRAM));
    const toggle = async (owner) => {
      if (!(await page.$(`#diff [aria-label="Class of ${PROGRAM}"]`))) await page.click(`${rowOf(PROGRAM)} .name`);
      await page.waitForSelector(`#diff [data-move="${owner}"]`);
      await page.click(`#diff [data-move="${owner}"]`);
      await page.waitForFunction((o) => document.querySelector('#diff .detail [aria-pressed="true"]')?.dataset.move === o, {}, owner || 'yours');
    };
    const line = ['diff', ...dumps, '--format', 'json'];
    await toggle('library');
    await toggle('runtime');
    assert.ok((await savedJson(page)) === commandLine([...line, '--class', `${PROGRAM}=runtime`]));
    // What the page groups is what `--suspects` prints of the same request.
    const asked = (...more) => bySupertype(commandLine([...line, '--suspects', ...more]));
    const drawn = async () => {
      await page.click('[data-view="suspects"]');
      const ids = await page.$$eval('#diff tbody tr.set', (rows) => rows.map((r) => r.dataset.id).filter((id) => id.includes('\t')));
      await page.click('[data-view="assembly"]');
      return ids.filter((id) => !id.startsWith('group:same')).map((id) => id.slice('group:'.length).split('\t')[0]);
    };
    const [plain, moved] = [asked(), asked('--class', `${PROGRAM}=runtime`)];
    assert.ok(plain.some(([name]) => name.startsWith('LeakSim.')), JSON.stringify(plain));
    assert.notDeepEqual(moved, plain);
    assert.deepEqual(await drawn(), moved.map(([name]) => name));
    await toggle('');
    assert.deepEqual(await drawn(), plain.map(([name]) => name));
    assert.ok((await savedJson(page)) === commandLine(line));
    await page.close();

    const one = await browser.newPage();
    await one.goto(oneFileUrl);
    await assembliesOf(one, [dumps[1]], rowOf(PROGRAM));
    await moveTo(one, PROGRAM, 'library');
    assert.ok((await savedJson(one)) === commandLine(['stat', dumps[1], '--format', 'json', '--class', `${PROGRAM}=library`]));
  } finally {
    await browser.close();
  }
});

test('a crash of the worker that holds the reports loses no move', async () => {
  const browser = await chromium();
  try {
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(keepHolders);
    await page.goto(oneFileUrl);
    await assembliesOf(page, dumps);
    await moveTo(page, PLUGIN, 'yours');
    await page.evaluate(() => window.holders[0].onmessage({ data: { type: 'failed', failure: { message: 'for the test' } } }));
    assert.ok((await savedJson(page)) === commandLine(['diff', ...dumps, '--format', 'json', '--class', `${PLUGIN}=yours`]));
    assert.equal(await page.evaluate(() => window.holders.length), 2);

    // Of another set of files nobody has said anything.
    await page.evaluate(() => document.getElementById('start-over').click());
    await state(page, 'empty');
    await assembliesOf(page, dumps);
    assert.deepEqual(await row(page), [false, null]);
  } finally {
    await browser.close();
  }
});
