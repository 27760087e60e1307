// What the page and its workers say to each other. A worker that reads a dump does that one job and is then ended; the one that holds the reports
// answers calls as long as the page lives.

/**
 * @typedef {{name: string, code: string, message: string, hint: string, details?: string, entries?: {name: string, size: number | null}[]}} Failure
 *   the core's words (error.rs); the page adds none. `details` are for a bug report; `entries` of `choose-entry`: the dumps of a zip.
 *
 * @typedef {object} Progress
 * @property {number} done  bytes of heap walked or skipped; before the facts: packed bytes of the archive that were unpacked
 * @property {number} total  bytes of all segments; before the facts: packed bytes of the dump
 * @property {number} read  bytes of the file read for it
 *
 * @typedef {object} Read  a dump to read
 * @property {'read'} type
 * @property {WebAssembly.Module} module
 * @property {File} file
 * @property {number | null} runtime  which of the process's runtimes
 * @property {File[]} modules  files that may be modules of the process
 * @property {string | null} entry  which dump of a zip that has several
 *
 * @typedef {Read
 *   | {type: 'reports', module: WebAssembly.Module}} Job  the page's first message
 *
 * @typedef {{type: 'call', call: number, name: string, args: any[]}} Call  of a method of Reports (web.rs)
 *
 * @typedef {{type: 'facts', facts: any}
 *   | {type: 'runtime', runtime: any}
 *   | {type: 'progress', progress: Progress}
 *   | {type: 'partial', report: ArrayBuffer, head: any, progress: Progress}
 *   | {type: 'report', report: ArrayBuffer, head: any, memory: number}
 *   | {type: 'events', events: any}
 *   | {type: 'answer', call: number, value: any}
 *   | {type: 'refused', call: number, failure: Failure}
 *   | {type: 'failed', failure: Failure}} Answer  from the worker; `report`, `events` (an EventsReport, events/mod.rs) and `failed` end it
 *
 * What the reports tell; numbers that are absent are in no column.
 *
 * @typedef {any} Head  a HeapReport (report.rs) without its rows: `types`, `method_tables` and `supertypes` are empty
 *
 * @typedef {object} Columns  the rows of a comparison; `n` rows, `dumps` dumps
 * @property {number} n
 * @property {number} dumps
 * @property {string[]} strings
 * @property {Uint32Array} type  classic names, as places in `strings`; the next three too
 * @property {Uint32Array} csharp
 * @property {Uint32Array} module
 * @property {Uint32Array} namespace
 * @property {Uint8Array} owner  0 runtime, 1 library, 2 yours
 * @property {Float64Array} counts  of dump `d` and row `i` at `d * n + i`
 * @property {Float64Array} sizes
 * @property {Float64Array} generationCounts  of generation `g` (gen0, gen1, gen2, loh, poh, frozen) at `(d * 6 + g) * n + i`; all 0 for a side without generations
 * @property {Float64Array} generationSizes
 * @property {Float64Array} slots  elements of the arrays of a row together, at the places of `counts`; -1 for what is no array
 *
 * @typedef {object} Comparison
 * @property {any} meta  a DiffReport (report.rs) without `rows`; `free_generations` are Free by dump and generation
 * @property {Columns} columns  in the order of DiffReport.rows: descending by absolute change of size
 * @property {Suspects | null} suspects  null for one dump
 *
 * The growing types in four sections (suspects.rs has the rules). Rows are places in the columns, supertypes places in `meta.supertypes`; what is
 * `old_delta_size` is null where a side has no generations.
 *
 * @typedef {{rows: number[], totals: {counts: number[], sizes: number[], delta_count: number, delta_size: number}, old_delta_size: number | null}} Together
 *
 * @typedef {object} Suspects
 * @property {number} growth  bytes: the denominator of every share
 * @property {number} growing_types
 * @property {number | null} old_delta_size  of all types, Free apart
 * @property {{supertype: number, equal: number[], owner: string, all_types: number, same_number: number | null, types: Together}[]} by_supertype
 *   `same_number`: place in the next list of a row with the same number as all of these together
 * @property {{number: number, steps: number[], ranges: [number, number][], types: Together}[]} same_number  `ranges`: by dump, least and largest count
 * @property {{row: number, slots: (number | null)[], old_delta_size: number | null}[]} resized
 * @property {number[]} alone
 * @property {{section: 'groups' | 'same_number', code: 'no-growth' | 'other-process' | 'partial', reason: string}[]} withheld
 *
 * @typedef {{type_name: string, type_name_csharp: string, module: string, owner: string}} Supertype
 *
 * @typedef {object} Detail  of one row
 * @property {string} module
 * @property {'runtime' | 'library' | 'yours'} owner
 * @property {string} reason  what decided the owner
 * @property {Supertype[]} baseTypes  nearest first
 * @property {Supertype[]} interfaces
 * @property {{address: string, count: number, size: number}[][]} methodTables  by dump
 * @property {string[][][]} samples  addresses of objects by dump and generation
 *
 * @typedef {object} Groups  (report.rs), and for each group the places of its rows
 * @property {string} by
 * @property {boolean} overlap
 * @property {any[]} rows
 * @property {Uint32Array[]} members
 * @property {number} outside_types
 * @property {any} outside
 */

/** Windows of the walk that are known ahead: whether it goes on in the file, and single reads in flight where it does not; their size is the core's (limits.rs). */
export const WINDOWS_IN_FLIGHT = 4;

/** Between two progress messages, milliseconds. */
export const PROGRESS_EVERY = 250;

/** Between two reports of what was walked so far, milliseconds. */
export const PARTIAL_EVERY = 1000;

/** The share of the time that those may take. */
export const PARTIAL_SHARE = 0.02;
