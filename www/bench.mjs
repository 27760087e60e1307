// `npm --prefix www run bench [-- DUMP...]`: the built page in real browsers on real files: how long the walk of the heap takes beside
// the raw read of as many bytes of the same file in the same run. DUMP is a path; the default is a fixture, which is too small to say much.
//
//   --browser chromium|firefox   one of the two
//   --runs N                     medians of N runs (5)
//   --rows                       also compares what the page found with `expected-evening.csv` beside each dump, as the generator writes it: every
//                                method table in the listing that the page saves, every type in the table, which is scrolled through (four
//                                minutes where 100,000 types have long names)
//   --sweep                      raw reads of more kinds: windows of 4 to 64 MiB, 1 to 8 of them in flight, 1 to 8 streams, synchronous; the best of each browser is
//                                marked, and the page's walk stands beside it
//
// The ratio is to the best of all raw reads. Beside the seconds stand the processor's: of all the browser's threads, and of the worker's own (Linux). Where they come to as
// many as there are cores times the seconds, nothing but less work would be faster. They are also what can be compared on a machine that is not quiet.

import { createReadStream, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, choose, firefox, fixtures, keepHolders, oneFileUrl, state, tableRows } from '../tests/web/harness.mjs';
import { compared, expectedRows } from './expected.mjs';
import { Meter } from './meter.mjs';
import { script } from './tools.mjs';

const MIB = 1 << 20;
/**
 * Window in MiB and reads in flight; window 0: as so many streams at once from different places of the file, each into one buffer (the page has four); in flight
 * 0: by FileReaderSync, one after the other.
 */
const WAYS = [[16, 4], [64, 2], [0, 1], [0, 2], [0, 4], [0, 8]];
const MORE_WAYS = [[16, 0], [64, 0], [16, 1], [16, 2], [4, 8], [8, 4], [16, 8], [32, 4], [64, 1], [64, 4], [0, 3], [0, 6], ...WAYS];

/** @param {number} window @param {number} depth */
const wayName = (window, depth) => (window === 0 ? `streams x ${depth}` : depth === 0 ? `${window} MiB, synchronous` : `${window} MiB x ${depth}`);

await script(async () => {
  const args = process.argv.slice(2);
  const option = (/** @type {string} */ name) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : undefined);
  const only = option('--browser');
  const runs = Number(option('--runs') ?? 5);
  const [rows, sweep] = [args.includes('--rows'), args.includes('--sweep')];
  const dumps = args.filter((a) => !a.startsWith('--'));
  if (dumps.length === 0) dumps.push(...fixtures().flatMap((f) => f.dumps).sort((a, b) => statSync(b).size - statSync(a).size).slice(0, 1));
  const browsers = Object.entries({ chromium, firefox }).filter(([name]) => only === undefined || only === name);
  for (const dump of dumps) {
    console.log(`\n${dump}\n`);
    console.log(`| browser | what | s | MB/s | of the best raw | processor s | of it the worker | cores of ${availableParallelism()} |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |`);
    for (const [name, launch] of browsers) await one(name, launch, dump, runs, sweep, rows);
  }
});

/** @param {string} name @param {(options: object) => Promise<any>} launch @param {string} dump @param {number} runs @param {boolean} sweep @param {boolean} rows */
async function one(name, launch, dump, runs, sweep, rows) {
  const browser = await launch({ protocolTimeout: 1_200_000 });
  const { pid } = browser.process();
  try {
    /** By what was done, of each run. @type {Map<string, {s: number, all: number, worker: number}[]>} */
    const times = new Map();
    const note = (/** @type {string} */ what, /** @type {number} */ s, /** @type {{all: number, worker: number}} */ processor) => {
      times.set(what, [...times.get(what) ?? [], { s, ...processor }]);
    };
    const heards = [];
    /** @type {string[]} */
    let found = [];
    for (let run = 0; run < runs; run++) {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(listen);
      await page.evaluateOnNewDocument(keepHolders);
      await page.goto(oneFileUrl);
      await page.evaluate(() => {
        document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'bench' }));
      });
      await (await page.$('#bench')).uploadFile(dump);
      const meter = new Meter(pid);
      await choose(page, [dump]);
      await meter.until(page.evaluate('benchRuntime'));
      const before = meter.used();
      await meter.until(page.evaluate('benchEnd'));
      const after = meter.used();
      await meter.until(state(page, 'ready', 600_000));
      const whole = meter.used();
      /** @type {any} */
      const heard = await page.evaluate(() => /** @type {any} */ (globalThis).benchHeard());
      heards.push(heard);
      note('walk', heard.walk, { all: after.all - before.all, worker: after.worker - before.worker });
      note('whole', heard.whole, whole);
      // The file's last bytes, as many as the walk read: the memory of a dump is at its end.
      for (const [window, depth] of sweep ? MORE_WAYS : WAYS) {
        const meter = new Meter(pid);
        const s = await meter.until(raw(page, window * MIB, depth, heard.read));
        note(`raw: ${wayName(window, depth)}`, s, meter.used());
      }
      if (rows && run === 0) found = await checked(page, join(dirname(dump), 'expected-evening.csv'));
      await page.close();
    }
    const of = (/** @type {string} */ what, /** @type {'s' | 'all' | 'worker'} */ key) => median((times.get(what) ?? []).map((t) => t[key]));
    const heard = (/** @type {string} */ key) => median(heards.map((h) => h[key]));
    const raws = [...times.keys()].filter((what) => what.startsWith('raw'));
    const best = raws.reduce((a, b) => (of(a, 's') <= of(b, 's') ? a : b));
    for (const what of [...raws, 'walk', 'whole']) {
      const s = of(what, 's');
      console.log(`| ${name} | ${what}${what === best ? ' (best)' : ''} | ${s.toFixed(2)} | ${(heard('read') / s / 1e6).toFixed(0)} | ${(of(best, 's') / s).toFixed(2)} | ${
        of(what, 'all').toFixed(2)} | ${of(what, 'worker').toFixed(2)} | ${(of(what, 'all') / s).toFixed(2)} |`);
    }
    console.log(`\n${name}: facts after ${heard('facts').toFixed(2)} s, WebAssembly ${(heard('memory') / MIB).toFixed(0)} MiB, longest task ${heard('longest').toFixed(0)} ms\n`);
    if (rows) console.log(`${found.map((line) => `${name}: ${line}`).join('\n')}\n`);
  } finally {
    await browser.close();
  }
}

/** In the page, before its scripts: hears what the workers say, and how long the page cannot answer. */
function listen() {
  const heard = { start: 0, facts: 0, runtime: 0, end: 0, whole: 0, read: 0, memory: 0, longest: 0 };
  const now = () => performance.now() / 1000;
  const page = /** @type {any} */ (globalThis);
  const [located, walked] = [Promise.withResolvers(), Promise.withResolvers()];
  [page.benchRuntime, page.benchEnd] = [located.promise, walked.promise];
  globalThis.Worker = class extends Worker {
    constructor(/** @type {any} */ ...args) {
      super(.../** @type {[string]} */ (args));
      this.addEventListener('message', ({ data }) => {
        if (data.type === 'facts') heard.facts = now();
        if (data.type === 'runtime') {
          heard.runtime = now();
          located.resolve(null);
        }
        if (data.type === 'progress') {
          heard.read = Math.max(heard.read, data.progress.read);
          if (heard.runtime > 0 && data.progress.done === data.progress.total) {
            heard.end = now();
            walked.resolve(null);
          }
        }
        if (data.type === 'report') {
          heard.whole = now();
          heard.memory = data.memory;
          walked.resolve(null);
        }
      });
    }
  };
  addEventListener('change', () => {
    if (heard.start === 0) heard.start = now();
  }, { capture: true });
  let last = performance.now();
  setInterval(() => {
    const time = performance.now();
    if (heard.start > 0) heard.longest = Math.max(heard.longest, time - last - 5);
    last = time;
  }, 5);
  page.benchHeard = () => ({
    ...heard,
    facts: heard.facts - heard.start,
    walk: (heard.end || heard.whole) - heard.runtime,
    whole: heard.whole - heard.start,
  });
}

/** What the page found beside what the generator knows. @param {any} page @param {string} expected */
async function checked(page, expected) {
  const want = await expectedRows(createInterface({ input: createReadStream(expected) }));
  const listing = await page.evaluate(() => /** @type {any} */ (globalThis).ask('save', 'sos', 'sos'));
  const words = await page.evaluate(() => document.querySelector('#warnings')?.textContent);
  // Many rows at once, so that 100,000 of them are not scrolled through for minutes.
  await page.setViewport({ width: 1440, height: 4000, deviceScaleFactor: 0.25 });
 console.time('rows');
  const rows = await tableRows(page); console.timeEnd('rows');
 return compared(want, listing, rows, words);
}

/** Seconds to read the last bytes of the file (0: all of it) in a worker, by `depth` and `window` of a way, in bytes. @returns {Promise<number>} */
function raw(/** @type {any} */ page, /** @type {number} */ window, /** @type {number} */ depth, /** @type {number} */ bytes) {
  return page.evaluate((/** @type {number} */ window, /** @type {number} */ depth, /** @type {number} */ bytes) => {
    const source = `onmessage = async ({ data: { file, window, depth, bytes } }) => {
      const start = performance.now();
      const flying = [];
      if (window === 0) {
        const from = bytes === 0 ? 0 : Math.max(0, file.size - bytes);
        const part = Math.ceil((file.size - from) / depth);
        await Promise.all(Array.from({ length: depth }, async (_, i) => {
          let buffer = new ArrayBuffer(1 << 18);
          // Held, as ahead.js holds its own: one that is known to nobody but who waits for it is taken for garbage, and waits for ever.
          const reader = self['reader' + i] = file.slice(from + i * part, from + (i + 1) * part).stream().getReader({ mode: 'byob' });
          for (;;) {
            const { done, value } = await reader.read(new Uint8Array(buffer));
            if (done) break;
            buffer = value.buffer;
          }
        }));
        postMessage((performance.now() - start) / 1000);
        return;
      }
      const sync = depth === 0 ? new FileReaderSync() : null;
      for (let at = bytes === 0 ? 0 : Math.max(0, file.size - bytes); at < file.size || flying.length > 0;) {
        if (sync) {
          new Uint8Array(sync.readAsArrayBuffer(file.slice(at, at + window)))[0];
          at += window;
          continue;
        }
        while (at < file.size && flying.length < depth) {
          flying.push(file.slice(at, at + window).arrayBuffer());
          at += window;
        }
        new Uint8Array(await flying.shift())[0];
      }
      postMessage((performance.now() - start) / 1000);
    }`;
    // Held: Chromium ends a worker that only waits for a stream when nobody has it any more.
    const worker = /** @type {any} */ (globalThis).benchWorker = new Worker(URL.createObjectURL(new Blob([source])));
    const file = /** @type {any} */ (document.querySelector('#bench')).files[0];
    worker.postMessage({ file, window, depth, bytes });
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => {
        worker.terminate();
        resolve(data);
      };
    });
  }, window, depth, bytes);
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
