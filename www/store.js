// The one state of the page, and the only mutable thing on it.

/**
 * @typedef {'waiting' | 'head' | 'runtime' | 'objects' | 'done' | 'failed'} Stage
 *
 * @typedef {object} Dump
 * @property {number} id
 * @property {File} file
 * @property {Stage} stage
 * @property {any} facts  DumpFacts, as soon as the head is read
 * @property {any} runtime  RuntimeFacts, as soon as it is located
 * @property {import('./protocol.js').Progress | null} progress
 * @property {number} startedAt  of the objects stage, performance.now()
 * @property {import('./protocol.js').Head} head  of its report, once read; the rest is held by the reports
 * @property {import('./protocol.js').Failure | null} failure
 * @property {number} memory  bytes of WebAssembly memory it took; 0 until known
 *
 * @typedef {object} Result
 * @property {Dump[]} dumps  in the order compared
 * @property {import('./protocol.js').Comparison} comparison  of one dump too
 * @property {import('./lib/rows.js').Table} table
 *
 * @typedef {object} State
 * @property {Dump[]} dumps  in the order dropped
 * @property {boolean} swapped
 * @property {Result | null} result
 * @property {import('./protocol.js').Failure | null} failure  of the comparison itself
 * @property {'csharp' | 'type'} spelling
 * @property {string} search
 * @property {string} show  a key of SHOWN
 * @property {import('./lib/rows.js').Order} order
 */

/** @param {State} state */
export function createStore(state) {
  /** @type {Set<(s: State) => void>} */
  const listeners = new Set();
  let queued = false;
  const tell = () => {
    queued = false;
    for (const listener of listeners) listener(state);
  };
  return {
    get: () => state,
    /** Changes some of the state; the listeners hear of several changes at once. @param {Partial<State>} patch */
    set(patch) {
      state = { ...state, ...patch };
      if (!queued) {
        queued = true;
        queueMicrotask(tell);
      }
    },
    /** @param {number} id @param {Partial<Dump>} patch */
    setDump(id, patch) {
      this.set({ dumps: state.dumps.map((d) => (d.id === id ? { ...d, ...patch } : d)) });
    },
    /** @param {(s: State) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
    },
  };
}

/** @typedef {ReturnType<typeof createStore>} Store */

/** What `<body data-state>` says: stable, for people who script the page. @param {State} s */
export function pageState(s) {
  if (s.dumps.length === 0) return 'empty';
  if (s.dumps.some((d) => d.stage !== 'done' && d.stage !== 'failed')) return 'reading';
  if (s.failure || s.dumps.every((d) => d.stage === 'failed')) return 'error';
  return s.result ? 'ready' : 'reading';
}
