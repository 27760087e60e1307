// Processor seconds of a browser, thread by thread, as Linux counts them; 0 elsewhere.

import { readFileSync, readdirSync } from 'node:fs';

/** From now on. */
export class Meter {
  /** @type {string[]} */
  #processes;
  /** By thread, in nanoseconds. @type {Map<string, {first: number, last: number, worker: boolean}>} */
  #threads = new Map();

  /** @param {number} root */
  constructor(root) {
    /** @type {Map<string, string[]>} */
    const children = new Map();
    for (const pid of list('/proc')) {
      const parent = /^\d+ \(.*\) \S+ (\d+)/s.exec(text(`/proc/${pid}/stat`))?.[1] ?? '';
      children.set(parent, [...children.get(parent) ?? [], pid]);
    }
    this.#processes = [String(root)];
    for (const pid of this.#processes) this.#processes.push(...children.get(pid) ?? []);
    this.#look(true);
  }

  /** Looks until it is there: what a thread used that has ended is known no more. @template T @param {Promise<T>} what @returns {Promise<T>} */
  async until(what) {
    const timer = setInterval(() => this.#look(false), 100);
    try {
      return await what;
    } finally {
      clearInterval(timer);
    }
  }

  used() {
    this.#look(false);
    const sum = (/** @type {boolean} */ all) => [...this.#threads.values()].reduce((n, t) => n + (all || t.worker ? t.last - t.first : 0), 0) / 1e9;
    return { all: sum(true), worker: sum(false) };
  }

  /** @param {boolean} first */
  #look(first) {
    for (const pid of this.#processes) {
      for (const tid of list(`/proc/${pid}/task`)) {
        const at = `/proc/${pid}/task/${tid}`;
        const last = Number(text(`${at}/schedstat`).split(' ')[0]);
        const known = this.#threads.get(at);
        if (known) known.last = Math.max(known.last, last);
        else this.#threads.set(at, { first: first ? last : 0, last, worker: false });
        // A thread is named after it began.
        const thread = /** @type {{worker: boolean}} */ (this.#threads.get(at));
        thread.worker ||= /^(DedicatedWorker|DOM Worker)/.test(text(`${at}/comm`));
      }
    }
  }
}

/** What has ended has none. @param {string} path */
function text(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} path */
function list(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
