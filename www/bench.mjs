// `npm --prefix www run bench [-- DUMP...]`: the built page in real browsers on real files: how long the walk of the heap takes beside
// the raw read of as many bytes of the same file in the same run. DUMP is a path; the default is a fixture, which is too small to say much.
//
//   --browser chromium|firefox   one of the two
//   --runs N                     medians of N runs (5)
//   --rows EXPECTED.csv          also compares the table's rows with the generator's `expected-evening.csv`; every row is scrolled to
//   --sweep                      raw reads of several window sizes and depths instead

import { readFileSync, statSync } from 'node:fs';
import { chromium, choose, firefox, fixtures, oneFileUrl, state, tableRows } from '../tests/web/harness.mjs';
import { script } from './tools.mjs';

const MIB = 1 << 20;
/** Window in MiB and reads in flight. */
const WAYS = [[16, 4], [16, 2], [64, 2], [4, 8], [8, 4], [16, 8], [32, 4]];
/** As a stream into one buffer, so many at once from different places of the file: what the page does with two. */
const STREAMS = [1, 2, 4];

await script(async () => {
  const args = process.argv.slice(2);
  const option = (/** @type {string} */ name) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : undefined);
  const only = option('--browser');
  const runs = Number(option('--runs') ?? 5);
  const expected = option('--rows');
  const sweep = args.includes('--sweep');
  const dumps = args.filter((a) => a !== '--sweep');
  if (dumps.length === 0) dumps.push(...fixtures().flatMap((f) => f.dumps).sort((a, b) => statSync(b).size - statSync(a).size).slice(0, 1));
  const browsers = Object.entries({ chromium, firefox }).filter(([name]) => only === undefined || only === name);
  for (const dump of dumps) {
    console.log(`\n${dump}\n`);
    console.log(sweep ? '| browser | window x in flight | raw MB/s |\n| --- | --- | ---: |'
      : '| browser | raw: reads s | raw: streams s | MB/s of the best | walk s | walk to reads | walk to streams | facts s | whole s | wasm MiB | longest task ms |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
    for (const [name, launch] of browsers) await one(name, launch, dump, runs, sweep, expected);
  }
});

/** @param {string} name @param {() => Promise<any>} launch @param {string} dump @param {number} runs @param {boolean} sweep @param {string} [expected] */
async function one(name, launch, dump, runs, sweep, expected) {
  const browser = await launch();
  try {
    const all = [];
    let rows = '';
    for (let run = 0; run < runs; run++) {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(listen);
      await page.goto(oneFileUrl);
      await page.evaluate(() => {
        document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'bench' }));
      });
      await (await page.$('#bench')).uploadFile(dump);
      if (sweep) {
        for (const [window, depth] of WAYS) all.push({ way: `${window} MiB x ${depth}`, raw: await raw(page, window * MIB, depth, 0) });
        for (const n of STREAMS) all.push({ way: `streams x ${n}`, raw: await raw(page, 0, n, 0) });
      } else {
        await choose(page, [dump]);
        await state(page, 'ready', 600_000);
        /** @type {any} */
        const heard = await page.evaluate(() => /** @type {any} */ (globalThis).benchHeard());
        // The file's last bytes, as many as the walk read: the memory of a dump is at its end.
        const reads = Math.min(await raw(page, 16 * MIB, 4, heard.read), await raw(page, 64 * MIB, 2, heard.read));
        const streams = Math.min(await raw(page, 0, 1, heard.read), await raw(page, 0, 2, heard.read));
        all.push({ ...heard, reads, streams });
        if (expected !== undefined && run === 0) rows = compared(await tableRows(page), readFileSync(expected, 'utf8'));
      }
      await page.close();
    }
    if (sweep) {
      for (const way of new Set(all.map((a) => a.way))) {
        const seconds = median(all.filter((a) => a.way === way).map((a) => a.raw));
        console.log(`| ${name} | ${way} | ${(statSync(dump).size / seconds / 1e6).toFixed(0)} |`);
      }
      return;
    }
    const of = (/** @type {string} */ key) => median(all.map((a) => a[key]));
    const to = (/** @type {string} */ raw) => median(all.map((a) => a[raw] / a.walk)).toFixed(2);
    console.log(`| ${name} | ${of('reads').toFixed(2)} | ${of('streams').toFixed(2)} | ${(of('read') / Math.min(of('reads'), of('streams')) / 1e6).toFixed(0)} | ${
      of('walk').toFixed(2)} | ${to('reads')} | ${to('streams')} | ${of('facts').toFixed(2)} | ${of('whole').toFixed(2)} | ${(of('memory') / MIB).toFixed(0)} | ${
      of('longest').toFixed(0)} |`);
    if (rows) console.log(`\n${rows}`);
  } finally {
    await browser.close();
  }
}

/** In the page, before its scripts: hears what the workers say, and how long the page cannot answer. */
function listen() {
  const heard = { start: 0, facts: 0, runtime: 0, end: 0, whole: 0, read: 0, memory: 0, longest: 0 };
  const now = () => performance.now() / 1000;
  globalThis.Worker = class extends Worker {
    constructor(/** @type {any} */ ...args) {
      super(.../** @type {[string]} */ (args));
      this.addEventListener('message', ({ data }) => {
        if (data.type === 'facts') heard.facts = now();
        if (data.type === 'runtime') heard.runtime = now();
        if (data.type === 'progress') {
          heard.read = Math.max(heard.read, data.progress.read);
          if (data.progress.done === data.progress.total) heard.end = now();
        }
        if (data.type === 'report') {
          heard.whole = now();
          heard.memory = data.memory;
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
  /** @type {any} */ (globalThis).benchHeard = () => ({
    ...heard,
    facts: heard.facts - heard.start,
    walk: (heard.end || heard.whole) - heard.runtime,
    whole: heard.whole - heard.start,
  });
}

/** The table's rows beside those that the generator knows; a type's method tables are one row. @param {any[]} shown @param {string} csv */
function compared(shown, csv) {
  /** @param {Map<string, [number, number]>} to @param {string} type @param {number} count @param {number} size */
  const add = (to, type, count, size) => {
    const [c, s] = to.get(type) ?? [0, 0];
    to.set(type, [c + count, s + size]);
  };
  const [want, got] = [new Map(), new Map()];
  for (const line of csv.trim().split('\n').slice(1)) {
    const [, count, size, type] = /** @type {string[]} */ (/^[^,]*,(\d+),(\d+),(.*)$/.exec(line));
    add(want, type.replace(/^"|"$/g, '').replaceAll('""', '"'), Number(count), Number(size));
  }
  // The runtime's own tools have no name for types of an unloaded assembly; the page has.
  const unnamed = '<Unloaded Type>';
  for (const r of shown) add(got, want.has(r.type) || !want.has(unnamed) ? r.type : unnamed, Number(r.countA || r.countB), Number(r.sizeA || r.sizeB));
  const wrong = [...want].filter(([type, numbers]) => String(got.get(type)) !== String(numbers)).map(([type]) => type);
  const more = [...got.keys()].filter((type) => !want.has(type));
  return [`${want.size - wrong.length} of ${want.size} rows right`, ...wrong.slice(0, 5).map((t) => `wrong: ${t}: ${got.get(t)}, expected ${want.get(t)}`),
    ...more.slice(0, 5).map((t) => `not expected: ${t}: ${got.get(t)}`)].join('\n');
}

/** Seconds to read the last bytes of the file (0: all of it) in a worker: `depth` reads of `window` bytes in flight, or as so many streams (0). @returns {Promise<number>} */
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
          const reader = file.slice(from + i * part, from + (i + 1) * part).stream().getReader({ mode: 'byob' });
          for (;;) {
            const { done, value } = await reader.read(new Uint8Array(buffer));
            if (done) break;
            buffer = value.buffer;
          }
        }));
        postMessage((performance.now() - start) / 1000);
        return;
      }
      for (let at = bytes === 0 ? 0 : Math.max(0, file.size - bytes); at < file.size || flying.length > 0;) {
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
