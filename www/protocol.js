// What the page and its workers say to each other. One worker does one job and is then ended.

/**
 * @typedef {{name: string, code: string, message: string, hint: string, details?: string}} Failure
 *   the core's words (error.rs); the page adds none. `details` are for a bug report.
 *
 * @typedef {object} Progress
 * @property {number} done  bytes of heap walked or skipped
 * @property {number} total  bytes of all segments
 * @property {number} read  bytes of the file read for it
 *
 * @typedef {{type: 'read', module: WebAssembly.Module, file: File}
 *   | {type: 'diff', module: WebAssembly.Module, reports: any[]}} Job  from the page
 *
 * @typedef {{type: 'facts', facts: any}
 *   | {type: 'runtime', runtime: any}
 *   | {type: 'progress', progress: Progress}
 *   | {type: 'report', report: any, memory: number}
 *   | {type: 'diff', diff: any}
 *   | {type: 'failed', failure: Failure}} Answer  from the worker; the last three end the job
 */

/** Asynchronous reads in flight during the walk; their size is the core's (limits.rs). */
export const WINDOWS_IN_FLIGHT = 4;

/** Between two progress messages, milliseconds. */
export const PROGRESS_EVERY = 100;
