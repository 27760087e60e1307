// Composition root: the state, the views, and what happens to a file from drop to table.

import './lockdown.js';
import { analyze, openReports } from './analysis.js';
import { inflate } from './lib/inflate.js';
import { tableOf } from './lib/rows.js';
import { createStore } from './store.js';
import { mountAnswer } from './views/answer.js';
import { mountCards } from './views/cards.js';
import { mountShell } from './views/shell.js';
import { mountTable } from './views/table.js';

/** Dumps read at the same time: two share what the disk gives. */
const AT_ONCE = 2;

const store = createStore({
  dumps: [],
  swapped: false,
  result: null,
  failure: null,
  spelling: 'csharp',
  search: '',
  show: 'all',
  order: { by: 'size', dir: -1 },
});

const reports = openReports();

/** By dump id. @type {Map<number, AbortController>} */
const running = new Map();
let comparing = new AbortController();
let nextId = 1;

const actions = {
  /** @param {Iterable<File>} files */
  add(files) {
    const added = [...files].map(newDump);
    if (added.length > 0) changeDumps([...store.get().dumps, ...added]);
  },
  /** @param {number} id @param {File} file */
  replace(id, file) {
    changeDumps(store.get().dumps.map((d) => (d.id === id ? newDump(file) : d)));
  },
  /** Ends the reading, if it is still under way, and forgets the file. @param {number} id */
  remove(id) {
    changeDumps(store.get().dumps.filter((d) => d.id !== id));
  },
  clear() {
    changeDumps([]);
  },
  swap() {
    store.set({ swapped: !store.get().swapped });
    void conclude();
  },
  async sample() {
    const { files } = /** @type {any} */ (globalThis).dropheapSample;
    const made = files.map(async (/** @type {any} */ f) => new File([await inflate(f.gzip)], f.name));
    actions.add(await Promise.all(made));
  },
};

/** @param {File} file @returns {import('./store.js').Dump} */
function newDump(file) {
  return { id: nextId++, file, stage: 'waiting', facts: null, runtime: null, progress: null, startedAt: 0, head: null, failure: null, memory: 0 };
}

/** A new set of files: what is gone is stopped, the old comparison is void, what waits is started. @param {import('./store.js').Dump[]} dumps */
function changeDumps(dumps) {
  for (const [id, controller] of running) {
    if (!dumps.some((d) => d.id === id)) {
      controller.abort();
      running.delete(id);
    }
  }
  for (const dump of store.get().dumps) {
    if (dump.stage === 'done' && !dumps.some((d) => d.id === dump.id)) void reports.remove(dump.id);
  }
  comparing.abort();
  store.set({ dumps, result: null, failure: null, swapped: false, search: '', show: 'all' });
  advance();
}

/** Starts what waits; compares when everything has ended. */
function advance() {
  const { dumps } = store.get();
  for (const dump of dumps) {
    if (dump.stage === 'waiting' && running.size < AT_ONCE) void read(dump);
  }
  if (running.size === 0 && dumps.length > 0) void conclude();
}

/** @param {import('./store.js').Dump} dump */
async function read({ id, file }) {
  const controller = new AbortController();
  running.set(id, controller);
  store.setDump(id, { stage: 'head' });
  try {
    const { report, head, memory } = await analyze(file, {
      signal: controller.signal,
      onFacts: (facts) => store.setDump(id, { facts, stage: 'runtime' }),
      onRuntime: (runtime) => store.setDump(id, { runtime, stage: 'objects', startedAt: performance.now() }),
      onProgress: (progress) => store.setDump(id, { progress }),
    });
    await reports.add(id, report);
    if (controller.signal.aborted) {
      void reports.remove(id);
      return;
    }
    store.setDump(id, { head, memory, stage: 'done' });
  } catch (failure) {
    store.setDump(id, { failure: /** @type {any} */ (failure), stage: 'failed' });
  }
  running.delete(id);
  advance();
}

/** Every file has ended: the table of one, or the comparison of several. */
async function conclude() {
  comparing.abort();
  comparing = new AbortController();
  const { signal } = comparing;
  const { swapped } = store.get();
  const usable = inOrder(store.get().dumps.filter((d) => d.stage === 'done'));
  if (usable.length === 0) return;
  const dumps = swapped ? usable.reverse() : usable;
  try {
    const comparison = await reports.compare(dumps.map((d) => d.id), { signal });
    store.set({ result: { dumps, comparison, table: tableOf(comparison) } });
  } catch (failure) {
    if (!signal.aborted) store.set({ failure: /** @type {any} */ (failure) });
  }
}

/** By capture time where every file knows it; else as dropped. @param {import('./store.js').Dump[]} dumps */
function inOrder(dumps) {
  const known = dumps.every((d) => d.head.dump.captured_at !== null);
  return known ? dumps.toSorted((a, b) => a.head.dump.captured_at - b.head.dump.captured_at) : dumps;
}

/** @typedef {typeof actions} Actions */

mountShell(store, actions);
mountCards(store, actions);
mountAnswer(store, actions);
mountTable(store, reports);
