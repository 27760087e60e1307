// The client of the workers: a File in, a report out; reports in, their comparison out. Alone knows how the WebAssembly arrives and how a worker starts, and is the same
// for both builds: the gzipped WebAssembly and the worker's source lie inside this script, so nothing is ever fetched; the worker
// starts from a Blob URL, because only then does it inherit the policy that stands in the page.

import wasmGzipBase64 from 'embedded:wasm';
import workerSource from 'embedded:worker';
import { inflate } from './lib/inflate.js';

/** @type {Promise<WebAssembly.Module> | null} */
let compiled = null;

/** @type {string | null} */
let workerUrl = null;

/** Compiled once, shared by all workers. */
function wasmModule() {
  compiled ??= inflate(wasmGzipBase64).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}

/**
 * Reads one dump, saved listing or event log in a worker of its own. To cancel is to end the worker: the core is synchronous.
 * @param {File} file
 * @param {Pick<import('./protocol.js').Read, 'runtime' | 'modules' | 'entry'>} how
 * @param {AbortSignal} signal
 * @param {Record<string, (said: any) => void>} heard  by the type of the worker's message (protocol.js): `progress` comes before the facts too, while an archive is
 *   unpacked; `partial` is what was walked so far: a report like the last one, whose heap is not complete
 * @returns {Promise<{report: ArrayBuffer, head: import('./protocol.js').Head, memory: number, events?: any}>}  the report is for
 *   `add` of the reports. A saved listing, CSV or JSON gives a report too (`head.dump.format` is `listing` or `csv`, or what the JSON says), without facts
 *   and without progress; pasted text is `new File([text], name)`. An event log gives `events` alone, an EventsReport for `lives` of the reports.
 *   Rejects with a Failure; never settles once aborted
 */
export function analyze(file, how, signal, heard) {
  return new Promise((resolve, reject) => {
    wasmModule().then((module) => {
      if (signal.aborted) return;
      const worker = start((answer) => {
        if (signal.aborted) return;
        heard[answer.type]?.(answer);
        if (!['report', 'events', 'failed'].includes(answer.type)) return;
        worker.terminate();
        if (answer.type === 'failed') reject(answer.failure);
        else resolve(/** @type {any} */ (answer));
      });
      // This also keeps the worker: Chromium ends one that only waits for a stream when nobody has it any more.
      signal.addEventListener('abort', () => worker.terminate());
      worker.postMessage({ type: 'read', module, file, ...how });
    }).catch((error) => reject(cannotRun(error)));
  });
}

/**
 * The reports, in one worker as long as the page lives. Should that worker crash, the calls under way are told, and the next call
 * starts another one with the same reports: their bytes are kept here.
 */
export function openReports() {
  /** By the page's number of the report. @type {Map<number, ArrayBuffer>} */
  const kept = new Map();
  /** @type {Map<number, {resolve: (value: any) => void, reject: (failure: any) => void}>} */
  const waiting = new Map();
  /** @type {Promise<Worker> | null} */
  let worker = null;
  let calls = 0;
  /** What was compared last, so that a new worker can tell of its rows. @type {number[] | null} */
  let compared = null;
  /** Assemblies moved to another class by hand, as `--class` of the command line has them, a line each. */
  let moves = '';

  /** @param {import('./protocol.js').Failure} failure */
  const crashed = (failure) => {
    void worker?.then((w) => w.terminate(), () => {});
    worker = null;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };

  const running = () => {
    worker ??= wasmModule().then((module) => {
      const started = start((answer) => {
        if (answer.type === 'failed') crashed(answer.failure);
        if (answer.type !== 'answer' && answer.type !== 'refused') return;
        const call = waiting.get(answer.call);
        waiting.delete(answer.call);
        if (answer.type === 'answer') call?.resolve(answer.value);
        else call?.reject(answer.failure);
      });
      started.postMessage({ type: 'reports', module });
      for (const [id, report] of kept) send(started, 'add', [id, new Uint8Array(report), moves]).catch(() => {});
      if (compared) send(started, 'compare', [Uint32Array.from(compared)]).catch(() => {});
      return started;
    });
    return worker;
  };

  /** @param {Worker} to @param {string} name @param {any[]} args @returns {Promise<any>} */
  const send = (to, name, args) => new Promise((resolve, reject) => {
    const call = ++calls;
    waiting.set(call, { resolve, reject });
    to.postMessage({ type: 'call', call, name, args });
  });

  /** @param {string} name @param {any[]} args @returns {Promise<any>} */
  const ask = (name, args) => running().then((to) => send(to, name, args), (error) => {
    worker = null;
    throw cannotRun(error);
  });

  return {
    /**
     * Holds a report.
     * @param {number} id @param {ArrayBuffer} report  as `analyze` gave it; stays the page's
     * @returns {Promise<void>}
     */
    async add(id, report) {
      await running();
      kept.set(id, report);
      return ask('add', [id, new Uint8Array(report), moves]);
    },
    /** Moves assemblies in all reports, those to come too; what was moved before is forgotten. @param {string} lines  `NAME=yours` */
    move(lines) {
      moves = lines;
      for (const [id, report] of kept) ask('add', [id, new Uint8Array(report), moves]).catch(() => {});
    },
    /** @param {number} id @returns {Promise<void>} */
    async remove(id) {
      kept.delete(id);
      if (compared?.includes(id)) compared = null;
      if (worker) await ask('remove', [id]);
    },
    /**
     * Compares reports, one or more, in the order given.
     * @param {number[]} ids
     * @returns {Promise<import('./protocol.js').Comparison>}  rejects with a Failure
     */
    compare(ids) {
      compared = ids;
      return ask('compare', [Uint32Array.from(ids)]);
    },
    /**
     * An event log with dumps in their lives.
     * @param {any} events  as `analyze` gave it; stays as it is @param {any[]} dumps  `head.dump` of each dump, in the page's order
     * @returns {Promise<any>}  the same with `dumps` and `lives[].dumps` filled
     */
    lives: (events, dumps) => ask('lives', [events, dumps]),
    /**
     * What an opened row shows.
     * @param {number} row  of the last comparison
     * @returns {Promise<import('./protocol.js').Detail>}
     */
    detail: (row) => ask('detail', [row]),
    /**
     * The last comparison as text, the command line's own bytes: `diff --format` of several dumps, `stat --format` of one; `sos` is always of one.
     * @param {'sos' | 'csv' | 'md' | 'json'} format
     * @param {{names?: 'sos' | 'csharp', dump?: number, withCommandLine?: boolean}} [options]  `names`: as usual for the format if not given;
     *   `dump`: which one for `sos`, its place in the comparison, the last if not given
     * @returns {Promise<string>}
     */
    save: (format, { names, dump, withCommandLine = false } = {}) => ask('save', [format, names, dump, withCommandLine]),
    /** @param {'base' | 'interface' | 'namespace' | 'assembly' | 'kind'} by @returns {Promise<import('./protocol.js').Groups>} */
    group: (by) => ask('group', [by]),
  };
}

/** @typedef {ReturnType<typeof openReports>} ReportsClient */

/**
 * A worker. What it cannot say itself is put into its words: `failed`.
 * @param {(answer: import('./protocol.js').Answer) => void} hear
 */
function start(hear) {
  workerUrl ??= URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  const worker = new Worker(workerUrl);
  worker.onmessage = ({ data }) => hear(data);
  worker.onerror = (event) => {
    event.preventDefault();
    hear({ type: 'failed', failure: cannotRun(event.message) });
  };
  worker.onmessageerror = () => hear({ type: 'failed', failure: cannotRun('a message could not be read') });
  return worker;
}

/** The one failure that the core cannot word, because it never came to run. @param {unknown} reason @returns {import('./protocol.js').Failure} */
function cannotRun(reason) {
  return {
    name: 'Error',
    code: 'cannot-run',
    message: 'dropheap could not start in this browser',
    hint: 'Use Chrome or Edge 123, Firefox 120, Safari 17.5, or a later one; or the command line.',
    details: String(reason),
  };
}
