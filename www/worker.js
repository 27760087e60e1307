// Runs the core on one dump, or on several reports. No DOM. Structures are read synchronously inside the core (FileReaderSync); the
// walk gets its windows from here, with several asynchronous reads under way.

import { DumpSession, crashError, diff, initSync, memoryBytes, readError } from 'dropheap-wasm';
import { PROGRESS_EVERY, WINDOWS_IN_FLIGHT } from './protocol.js';

/** @param {import('./protocol.js').Answer} answer */
const post = (answer) => self.postMessage(answer);

/** @type {string[]} */
const complaints = [];
const consoleError = console.error;
console.error = (...words) => {
  // A panic's place is only said here.
  complaints.push(words.join(' ').split('\n\nStack')[0]);
  consoleError.apply(console, words);
};

self.onmessage = async ({ data }) => {
  /** @type {import('./protocol.js').Job} */
  const job = data;
  /** @type {import('./protocol.js').Failure | null} */
  let crash = null;
  try {
    initSync({ module: job.module });
    crash = crashError();
    if (job.type === 'diff') post({ type: 'diff', diff: diff(job.reports) });
    else await read(job.file);
  } catch (error) {
    post({ type: 'failed', failure: failureOf(error, crash) });
  }
};

/** @param {File} file */
async function read(file) {
  const session = DumpSession.open(file);
  post({ type: 'facts', facts: session.dumpFacts() });
  post({ type: 'runtime', runtime: session.locate() });
  await walk(session, file);
  const report = session.finish();
  post({ type: 'report', report, memory: memoryBytes() });
}

/**
 * Feeds the walk. Only the first of the wanted windows is certain, so a read whose window is no longer wanted is let go.
 * @param {DumpSession} session
 * @param {File} file
 */
async function walk(session, file) {
  /** @type {Map<string, Promise<Uint8Array | {refused: unknown}>>} */
  let inFlight = new Map();
  let bytes = 0;
  let told = -Infinity;
  for (;;) {
    /** @type {[number, number][]} */
    const wanted = session.upcoming(WINDOWS_IN_FLIGHT);
    if (wanted.length === 0) return;
    const before = inFlight;
    inFlight = new Map();
    for (const [offset, len] of wanted) {
      const key = `${offset}+${len}`;
      inFlight.set(key, before.get(key) ?? window(file, offset, len));
    }
    const [offset, len] = wanted[0];
    const key = `${offset}+${len}`;
    const got = await inFlight.get(key);
    inFlight.delete(key);
    if (!(got instanceof Uint8Array)) throw readError(offset, len, String(got?.refused));
    bytes += got.length;
    const { done, total } = session.feed(offset, got);
    const now = performance.now();
    if (now - told >= PROGRESS_EVERY) {
      told = now;
      post({ type: 'progress', progress: { done, total, read: bytes } });
    }
  }
}

/** Never rejects: a window that is let go must not become an unhandled rejection. */
function window(/** @type {File} */ file, /** @type {number} */ offset, /** @type {number} */ len) {
  return file.slice(offset, offset + len).arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    (refused) => ({ refused }),
  );
}

/**
 * The core throws its own words; anything else is a fault: a trap, or memory that ran out.
 * @param {any} error
 * @param {import('./protocol.js').Failure | null} crash
 * @returns {import('./protocol.js').Failure}
 */
function failureOf(error, crash) {
  if (typeof error?.code === 'string' && typeof error.hint === 'string') return error;
  const details = [...complaints.slice(-3), `${error?.name ?? 'Error'}: ${error?.message ?? error}`].join('\n');
  return { ...(crash ?? { name: 'Error', code: 'crash', message: String(error), hint: '' }), details };
}
