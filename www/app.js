// Composition root: the state, the views, and what happens to a file from drop to table.

import './lockdown.js';
import './neighbours.js';
import { analyze, openReports } from './analysis.js';
import { isListing } from './lib/facts.js';
import { inflate } from './lib/inflate.js';
import { suspectCount } from './lib/lines.js';
import { defaultCompared } from './lib/series.js';
import { SNIFFED, kindOf } from './lib/sniff.js';
import { FRESH_TABLE, createStore, emptyState } from './store.js';
import { mountAnswer } from './views/answer.js';
import { mountCards } from './views/cards.js';
import { mountEvents } from './views/events.js';
import { mountHelp } from './views/help.js';
import { mountHow } from './views/how.js';
import { mountPaste } from './views/paste.js';
import { mountSave } from './views/save.js';
import { mountShell } from './views/shell.js';
import { mountTable } from './views/table.js';
import { mountWhy } from './views/why.js';

/** Dumps read at the same time: two share what the disk gives. */
const AT_ONCE = 2;

const store = createStore(emptyState());
const reports = openReports();

/** By dump id. @type {Map<number, AbortController>} */
const running = new Map();
let comparing = new AbortController();
let nextId = 1;

const actions = {
  /** Dumps, zips, listings, event logs, module files, in any order. @param {Iterable<File>} files */
  async add(files) {
    const list = [...files];
    const kinds = await Promise.all(list.map(sniff));
    const sides = list.flatMap((file, i) => (kinds[i] === 'module' ? [] : newDump(file, kinds[i])));
    const modules = list.filter((_, i) => kinds[i] === 'module');
    const { dumps } = store.get();
    if (modules.length > 0) store.set({ modules: [...store.get().modules, ...modules] });
    // What was read without those files is read again.
    const kept = modules.length > 0 ? dumps.map((d) => (d.kind === 'dump' ? again(d) : d)) : dumps;
    if (sides.length > 0 || kept.some((d, i) => d !== dumps[i])) changeDumps([...kept, ...sides]);
  },
  /** @param {number} id @param {File} file */
  async replace(id, file) {
    const kind = await sniff(file);
    if (kind === 'module') return actions.add([file]);
    changeDumps(store.get().dumps.map((d) => (d.id === id ? newDump(file, kind) : d)));
  },
  /** Reads a file once more, perhaps otherwise than before. @param {number} id @param {Partial<import('./store.js').Dump>} [how] */
  retry(id, how = {}) {
    changeDumps(store.get().dumps.map((d) => (d.id === id ? { ...again(d), ...how } : d)));
  },
  /** The comparison itself failed; its worker starts anew by itself. */
  compareAgain() {
    store.set({ failure: null });
    void conclude();
  },
  /** Ends the reading, if it is still under way, and forgets the file. @param {number} id */
  remove(id) {
    changeDumps(store.get().dumps.filter((d) => d.id !== id));
  },
  clear() {
    store.set({ events: [], modules: [], moved: new Map() });
    reports.move('');
    changeDumps([]);
  },
  /** The same dumps, the other way round. */
  swap() {
    const ids = store.get().result?.dumps.map((d) => d.id) ?? [];
    if (ids.length > 1) actions.compare(ids.reverse());
  },
  /** Compares these dumps, in this order; null: those of the last process. @param {number[] | null} ids */
  compare(ids) {
    store.set({ compared: ids });
    void conclude();
  },
  /** An assembly to another class; null: back. @param {string} assembly @param {string | null} owner */
  move(assembly, owner) {
    const moved = new Map(store.get().moved);
    moved.delete(assembly);
    if (owner) moved.set(assembly, owner);
    store.set({ moved });
    reports.move([...moved].map((m) => m.join('=')).join('\n'));
    if (running.size === 0) void conclude();
  },
  /** A listing as one side. @param {string} text */
  paste(text) {
    const n = store.get().dumps.filter((d) => d.file.name.startsWith('pasted')).length;
    changeDumps([...store.get().dumps, newDump(new File([text], n === 0 ? 'pasted listing' : `pasted listing ${n + 1}`), 'listing')]);
  },
  async sample() {
    const { files } = /** @type {any} */ (globalThis).dropheapSample;
    const made = files.map(async (/** @type {any} */ f) => new File([await inflate(f.gzip)], f.name));
    await actions.add(await Promise.all(made));
  },
  /** Opens the file dialog of the browser. */
  choose() {
    document.getElementById('dumps')?.click();
  },
  /** @param {'sos' | 'csv' | 'md' | 'json'} format @param {any} options */
  save(format, options) {
    return reports.save(format, options);
  },
};

/** @param {File} file */
async function sniff(file) {
  try {
    return kindOf(new Uint8Array(await file.slice(0, SNIFFED).arrayBuffer()));
  } catch {
    return 'dump'; // its reader says why the file cannot be read
  }
}

/** @param {File} file @param {'dump' | 'listing'} kind @returns {import('./store.js').Dump} */
function newDump(file, kind) {
  return {
    id: nextId++, file, kind, stage: 'waiting', facts: null, runtime: null, progress: null, startedAt: 0,
    head: null, failure: null, memory: 0, entry: null, runtimeChoice: null,
  };
}

/** The same file, to be read once more. @param {import('./store.js').Dump} dump @returns {import('./store.js').Dump} */
function again(dump) {
  return { ...newDump(dump.file, dump.kind), entry: dump.entry, runtimeChoice: dump.runtimeChoice };
}

/** A new set of files: what is gone is stopped, the old comparison is void, what waits is started. @param {import('./store.js').Dump[]} dumps */
function changeDumps(dumps) {
  const gone = store.get().dumps.filter((d) => !dumps.some((n) => n.id === d.id));
  for (const { id, stage } of gone) {
    running.get(id)?.abort();
    if (running.delete(id)) void reports.remove(-id);
    if (stage === 'done') void reports.remove(id);
  }
  comparing.abort();
  const compared = store.get().compared?.every((id) => dumps.some((d) => d.id === id)) && gone.length === 0 ? store.get().compared : null;
  store.set({ dumps, compared, result: null, failure: null, ...FRESH_TABLE });
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
async function read(dump) {
  const { id } = dump;
  const controller = new AbortController();
  running.set(id, controller);
  store.setDump(id, { stage: 'head', startedAt: performance.now() });
  const { signal } = controller;
  try {
    if (typeof WebAssembly !== 'object') throw NO_WASM;
    const done = await analyze(dump.file, { runtime: dump.runtimeChoice, entry: dump.entry, modules: store.get().modules }, signal, {
      facts: ({ facts }) => store.setDump(id, { facts, kind: 'dump', stage: 'runtime', progress: null }),
      runtime: ({ runtime }) => store.setDump(id, { runtime, stage: 'objects', startedAt: performance.now() }),
      progress: ({ progress }) => store.setDump(id, { progress }),
      partial: ({ report, head, progress }) => void showSoFar(id, { head, share: progress.done / progress.total }, signal, report),
    });
    void reports.remove(-id);
    if (signal.aborted) return;
    if (done.events) {
      // No side of a comparison: it stands beside the dumps.
      store.set({ dumps: store.get().dumps.filter((d) => d.id !== id), events: [...store.get().events, done.events] });
    } else {
      await reports.add(id, done.report);
      if (signal.aborted) return void reports.remove(id);
      const { head, memory } = done;
      store.setDump(id, { head, memory, kind: isListing(head) ? 'listing' : 'dump', facts: head.dump, runtime: head.runtime, stage: 'done', progress: null });
      // What was shown in part is whole now, while others are still read.
      if (store.get().result?.soFar?.id === id && running.size > 1) void showSoFar(id, { head, share: 1 }, signal);
    }
  } catch (failure) {
    if (signal.aborted) return;
    store.setDump(id, { failure: /** @type {any} */ (failure), stage: 'failed' });
  }
  running.delete(id);
  advance();
}

/**
 * The types of one dump while files are read: the first that is large enough to tell of itself, until the comparison is there. A part of a dump is
 * never compared.
 * @param {number} id @param {{head: any, share: number}} part @param {AbortSignal} signal @param {ArrayBuffer} [report]  of what was walked so far
 */
async function showSoFar(id, { head, share }, signal, report) {
  const other = () => signal.aborted || (store.get().result?.soFar?.id ?? id) !== id || Boolean(store.get().result && !store.get().result?.soFar);
  const dump = store.get().dumps.find((d) => d.id === id);
  if (other() || !dump) return;
  try {
    if (report) await reports.add(-id, report);
    const comparison = await reports.compare([report ? -id : id]);
    if (other() || running.size === 0 || (report && !running.has(id))) return;
    const dumps = [{ ...dump, head }];
    store.set({ result: { dumps, all: dumps, names: [''], comparison, soFar: { id, share } } });
  } catch {
    // The walk goes on, and its end has words of its own.
  }
}

/** @type {import('./protocol.js').Failure} */
const NO_WASM = {
  name: 'Error', code: 'no-wasm', message: 'WebAssembly is switched off', hint: '',
};

/** Every file has ended: the statistics of one, or the comparison of several. */
async function conclude() {
  comparing.abort();
  comparing = new AbortController();
  const { signal } = comparing;
  const all = inOrder(store.get().dumps.filter((d) => d.stage === 'done'));
  if (all.length === 0) return;
  const wanted = store.get().compared;
  const ids = wanted ?? defaultCompared(all.map((d) => ({ id: d.id, facts: d.head.dump })));
  const dumps = ids.flatMap((id) => all.find((d) => d.id === id) ?? []);
  try {
    const comparison = await reports.compare(dumps.map((d) => d.id));
    if (signal.aborted) return;
    await assignLives(all);
    if (signal.aborted) return;
    const { result } = store.get();
    const fresh = !result || Boolean(result.soFar);
    const names = all.length > 2 ? dumps.map((d) => String(all.indexOf(d) + 1)) : dumps.length === 1 ? [''] : ['A', 'B'];
    const view = comparison.suspects && suspectCount(comparison.suspects) > 0 ? 'suspects' : 'types';
    store.set({ result: { dumps, all, names, comparison }, failure: null, ...(fresh ? { view } : {}) });
  } catch (failure) {
    if (!signal.aborted) store.set({ failure: /** @type {any} */ (failure) });
  }
}

/** Which life of an event log each dump is of. @param {import('./store.js').Dump[]} all */
async function assignLives(all) {
  const { events } = store.get();
  if (events.length === 0) return;
  const dumps = all.filter((d) => d.kind === 'dump').map((d) => d.head.dump);
  store.set({ events: await Promise.all(events.map((log) => reports.lives(log, dumps))) });
}

/** By capture time where every file knows it; else as dropped. @param {import('./store.js').Dump[]} dumps */
function inOrder(dumps) {
  const known = dumps.every((d) => (d.head.dump.captured_at ?? null) !== null);
  return known ? dumps.toSorted((a, b) => a.head.dump.captured_at - b.head.dump.captured_at) : dumps;
}

/** @typedef {typeof actions} Actions */

mountShell(store, actions);
mountCards(store, actions);
mountAnswer(store, actions);
mountTable(store, reports, actions);
mountSave(store, actions, reports);
mountPaste(actions);
mountEvents(store);
mountHow();
mountWhy();
mountHelp(store);
