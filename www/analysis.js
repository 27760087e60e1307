// The client of the workers: a File in, a report out. Alone knows how the WebAssembly arrives and how a worker starts, and is the same
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
 * Reads one dump.
 * @param {File} file
 * @param {{signal: AbortSignal, onFacts: (facts: any) => void, onRuntime: (runtime: any) => void,
 *   onProgress: (p: import('./protocol.js').Progress) => void}} heard
 * @returns {Promise<{report: any, memory: number}>}  rejects with a Failure; never settles once aborted
 */
export function analyze(file, heard) {
  return run((module) => ({ type: 'read', module, file }), heard.signal, (answer) => {
    if (answer.type === 'facts') heard.onFacts(answer.facts);
    if (answer.type === 'runtime') heard.onRuntime(answer.runtime);
    if (answer.type === 'progress') heard.onProgress(answer.progress);
    return answer.type === 'report' ? answer : null;
  });
}

/**
 * Compares reports, in the order given.
 * @param {any[]} reports
 * @param {AbortSignal} signal
 * @returns {Promise<any>}  a DiffReport; rejects with a Failure; never settles once aborted
 */
export async function compare(reports, signal) {
  const answer = await run((module) => ({ type: 'diff', module, reports }), signal, (a) => (a.type === 'diff' ? a : null));
  return answer.diff;
}

/**
 * One worker for one job. To cancel is to end the worker: the core is synchronous.
 * @template T
 * @param {(module: WebAssembly.Module) => import('./protocol.js').Job} jobFor
 * @param {AbortSignal} signal
 * @param {(answer: import('./protocol.js').Answer) => T | null} hear  the result, once there
 * @returns {Promise<T>}
 */
function run(jobFor, signal, hear) {
  return new Promise((resolve, reject) => {
    wasmModule().then((module) => {
      if (signal.aborted) return;
      workerUrl ??= URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
      const worker = new Worker(workerUrl);
      signal.addEventListener('abort', () => worker.terminate());
      worker.onmessage = ({ data }) => {
        if (signal.aborted) return;
        const result = hear(data);
        if (result === null && data.type !== 'failed') return;
        worker.terminate();
        if (result === null) reject(data.failure);
        else resolve(result);
      };
      worker.onerror = (event) => {
        worker.terminate();
        reject(cannotRun(event.message));
      };
      worker.onmessageerror = () => {
        worker.terminate();
        reject(cannotRun('a message could not be read'));
      };
      worker.postMessage(jobFor(module));
    }).catch((error) => reject(cannotRun(String(error))));
  });
}

/** The one failure that the core cannot word, because it never came to run. @param {string} reason @returns {import('./protocol.js').Failure} */
function cannotRun(reason) {
  return {
    name: 'Error',
    code: 'cannot-run',
    message: 'dropheap could not start in this browser',
    hint: 'Use Chrome or Edge 123, Firefox 120, Safari 17.5, or a later one; or the command line.',
    details: reason,
  };
}
