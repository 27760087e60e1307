// The one state of the page, and the only mutable thing on it.

/**
 * @typedef {'waiting' | 'head' | 'runtime' | 'objects' | 'done' | 'failed'} Stage
 *
 * @typedef {object} Dump  a file that is one side of a comparison: a dump, or a listing
 * @property {number} id
 * @property {File} file
 * @property {'dump' | 'listing'} kind
 * @property {Stage} stage
 * @property {any} facts  DumpFacts, as soon as the head is read
 * @property {any} runtime  RuntimeFacts, as soon as it is located
 * @property {import('./protocol.js').Progress | null} progress
 * @property {number} startedAt  of the stage that progress is of, performance.now()
 * @property {any} head  HeapReport without its rows, once done
 * @property {import('./protocol.js').Failure | null} failure
 * @property {number} memory  bytes of WebAssembly memory it took; 0 until known
 * @property {string | null} entry  the dump inside a zip that was chosen
 * @property {number | null} runtimeChoice  the runtime that was chosen, where the process has several
 *
 * @typedef {object} Result
 * @property {Dump[]} dumps  in the order compared
 * @property {Dump[]} all  every usable one, by capture time where each is known
 * @property {string[]} names  of `dumps`: A and B, or their numbers in `all` where there are more than two
 * @property {import('./protocol.js').Comparison} comparison
 * @property {{id: number, share: number}} [soFar]  while files are read: one of them, and how much of its heap was walked; nothing is compared
 *
 * @typedef {object} State
 * @property {Dump[]} dumps  in the order dropped
 * @property {File[]} modules  files of modules dropped beside the dumps
 * @property {any[]} events  what was read from event logs
 * @property {number[] | null} compared  ids of the dumps to compare, in order; null: those of the last process, by capture time
 * @property {Result | null} result
 * @property {import('./protocol.js').Failure | null} failure  of the comparison itself
 * @property {'suspects' | 'types' | 'base' | 'namespace' | 'assembly'} view
 * @property {string} show  'all' | 'grown' | 'shrunk' | 'new' | 'gone' | 'steady'
 * @property {{runtime: boolean, library: boolean, yours: boolean}} owners
 * @property {string} generation  'all' | 'old' | 'young' | 'gen0' | 'gen1' | 'gen2' | 'loh' | 'poh' | 'frozen'
 * @property {string} search
 * @property {import('./lib/rows.js').Order} order
 * @property {'csharp' | 'type'} spelling
 * @property {'bytes' | 'people'} units
 * @property {string[]} opened  keys of the open rows: `type\tmodule`, or `group:NAME`
 * @property {Map<string, string>} moved  assemblies that the reader moved, and the class of each
 * @property {string | null} goTo  key of a row to open and to scroll to; whoever does it sets it to null
 * @property {string[]} hidden  keys of columns that are switched off
 * @property {boolean} fold  names that differ in a generated part are one row
 * @property {string[]} pinned  keys of rows
 * @property {boolean} letters  single letters act inside the table
 * @property {'clock' | 'uptime'} axis  of the chart
 */

/** What the table shows when a new set of files is there. */
export const FRESH_TABLE = {
  view: /** @type {State['view']} */ ('types'),
  show: 'all',
  owners: { runtime: true, library: true, yours: true },
  generation: 'all',
  search: '',
  opened: /** @type {string[]} */ ([]),
  goTo: null,
  pinned: /** @type {string[]} */ ([]),
};

/** @returns {State} */
export function emptyState() {
  return {
    dumps: [], modules: [], events: [], compared: null, result: null, failure: null, moved: new Map(), ...FRESH_TABLE,
    order: { by: 'size', dir: -1 }, spelling: 'csharp', units: 'bytes', hidden: [], fold: true, letters: true, axis: 'clock',
  };
}

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

/** The list with the key, or without it if it was there. @param {string[]} list @param {string} key */
export const toggled = (list, key) => (list.includes(key) ? list.filter((k) => k !== key) : [...list, key]);

/** What `<body data-state>` says: stable, for people who script the page. @param {State} s */
export function pageState(s) {
  if (s.dumps.length === 0) return 'empty';
  if (s.dumps.some((d) => d.stage !== 'done' && d.stage !== 'failed')) return 'reading';
  if (s.failure || s.dumps.every((d) => d.stage === 'failed')) return 'error';
  return s.result && !s.result.soFar ? 'ready' : 'reading';
}
