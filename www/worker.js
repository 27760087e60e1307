// Runs the core: one worker for each dump that is read, and one that holds the reports. No DOM. Structures are read synchronously inside the
// core (FileReaderSync); the walk gets its windows from here, as streams.

import { DumpSession, Reports, crashError, fileKind, initSync, memoryBytes, readError, readEvents, readListing } from 'dropheap-wasm';
import { Reader, Refused } from './lib/ahead.js';
import { failureOf } from './lib/failure.js';
import { PARTIAL_EVERY, PARTIAL_SHARE, PROGRESS_EVERY, WINDOWS_IN_FLIGHT } from './protocol.js';

/** @param {import('./protocol.js').Answer} answer @param {Transferable[]} [handedOver] */
const post = (answer, handedOver = []) => self.postMessage(answer, handedOver);

/** @type {string[]} */
const complaints = [];
const consoleError = console.error;
console.error = (...words) => {
  // A panic's place is only said here.
  complaints.push(words.join(' ').split('\n\nStack')[0]);
  consoleError.apply(console, words);
};

/** The core's words for a fault of its own, fetched before there is one. @type {import('./protocol.js').Failure | null} */
let crash = null;

/** @type {Reports | null} */
let reports = null;

self.onmessage = async ({ data }) => {
  /** @type {import('./protocol.js').Job | import('./protocol.js').Call} */
  const job = data;
  try {
    if (job.type === 'call') {
      answer(job);
      return;
    }
    initSync({ module: job.module });
    crash = crashError();
    if (job.type === 'reports') reports = new Reports();
    else await read(job);
  } catch (error) {
    post({ type: 'failed', failure: failureOf(error, crash, complaints) });
  }
};

/**
 * One call of the page to the reports. What the core refuses is the call's own answer; any other error means that the memory of this
 * instance cannot be trusted any more, and ends the worker.
 * @param {import('./protocol.js').Call} call
 */
function answer({ call, name, args }) {
  try {
    post({ type: 'answer', call, value: /** @type {any} */ (reports)[name](...args) });
  } catch (error) {
    const failure = failureOf(error, crash, complaints);
    if (failure !== error) throw error;
    post({ type: 'refused', call, failure });
  }
}

/** @param {import('./protocol.js').Read} job */
async function read({ file, runtime, modules, entry }) {
  const kind = fileKind(file);
  if (kind === 'events') return post({ type: 'events', events: readEvents(file) });
  if (kind === 'listing') {
    const { report, head } = readListing(file);
    return post({ type: 'report', report: report.buffer, head, memory: memoryBytes() }, [report.buffer]);
  }
  const session = DumpSession.open(file, runtime, modules, entry);
  for (let at = session.unpack(); at; at = session.unpack()) {
    post({ type: 'progress', progress: { done: at.done, total: at.total, read: at.done } });
  }
  post({ type: 'facts', facts: session.dumpFacts() });
  post({ type: 'runtime', runtime: session.locate() });
  await walk(session, file);
  const { report, head } = session.finish();
  post({ type: 'report', report: report.buffer, head, memory: memoryBytes() }, [report.buffer]);
}

/**
 * Feeds the walk.
 * @param {DumpSession} session
 * @param {File} file
 */
async function walk(session, file) {
  let bytes = 0;
  let told = -Infinity;
  const begun = performance.now();
  let next = begun + PARTIAL_EVERY;
  const total = session.total();
  // Of a deflated dump only the core knows the bytes; any other one is a range of the file.
  const start = session.fileOffset();
  const lanes = Array.from({ length: session.lanes() }, () => (start === undefined ? null : new Reader(file.slice(start))));
  /** Those whose window is on its way: meanwhile the others are walked. @type {Map<number, Promise<unknown>>} */
  const coming = new Map();
  for (;;) {
    let full = 0;
    for (const lane of lanes.keys()) {
      if (coming.has(lane)) continue;
      if (session.busy(lane)) {
        full++;
        continue;
      }
      const wanted = session.want(lane, WINDOWS_IN_FLIGHT);
      const reader = lanes[lane];
      if (wanted.length === 0) continue;
      if (reader === null) {
        session.putOwn(lane);
        full++;
      } else {
        coming.set(lane, reader.read(wanted, (got) => session.put(lane, got)).then(() => coming.delete(lane), (error) => {
          throw error instanceof Refused ? readError((start ?? 0) + error.offset, error.end - error.offset, error.message) : error;
        }));
      }
      bytes += wanted[1] ?? 0;
    }
    if (full + coming.size === 0) return;
    if (full < 2 && coming.size > 0) {
      await Promise.race(coming.values());
      continue;
    }
    const done = session.step();
    const now = performance.now();
    if (now - told >= PROGRESS_EVERY || done === total) {
      told = now;
      post({ type: 'progress', progress: { done, total, read: bytes } });
    }
    // Not where all of it is there in a moment: a table costs what the walk could have had.
    if (now >= next && (total - done) * (now - begun) > done * PARTIAL_EVERY) {
      const part = session.partial();
      if (part) post({ type: 'partial', report: part.report.buffer, head: part.head, progress: { done, total, read: bytes } }, [part.report.buffer]);
      const cost = performance.now() - now;
      next = now + Math.max(PARTIAL_EVERY, cost / PARTIAL_SHARE);
    }
  }
}
