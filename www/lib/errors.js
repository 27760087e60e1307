// A failure as a person needs it: what the file is, why it cannot be used, the next step, one thing to copy. The core's own words
// (error.rs) are the reasons; here they get a title, the process's own number in the command, and what the page alone knows. Pure.

import { size, utc, visible } from './format.js';

/**
 * @typedef {object} Words
 * @property {string} title  what it is; no code, no "failed"
 * @property {string} because
 * @property {string} next  the next step; `code` between backticks
 * @property {string} copy  what the next step needs; may be empty
 * @property {string} more  a second way; may be empty
 * @property {boolean} howTo  "How do I take a dump?" helps
 * @property {boolean} again  reading the same file again may help
 */

/** Behind a next step: the command to copy reads the same file. */
const COMMAND = ' Or use the command line:';

/** What the page says beside the core's words, by code: `command` of the command line. @type {Record<string, Partial<Words> & {command?: string}>} */
const SAID = {
  'no-heap-memory': { title: 'This dump holds no heap' },
  unreadable: { title: 'A part that is needed is missing from this dump' },
  'empty-file': { title: 'This file is empty' },
  truncated: { title: 'This dump is cut short' },
  damaged: { title: 'This dump is damaged' },
  limit: { title: 'This dump is damaged' },
  'no-runtime': { title: 'No .NET in this process', howTo: true },
  'unknown-runtime': {
    title: 'The heap could not be found with certainty', command: 'info',
    next: 'Drop the .NET files of that machine (`coreclr.dll` or `clr.dll`, and the assemblies) beside the dump; or report the runtime’s version with what this prints:',
  },
  'choose-entry': { title: 'Several dumps in this zip', next: 'Choose one; the others can be opened from the same file.' },
  io: {
    title: 'The file was changed or removed while it was read', again: true,
    next: 'Check that it is still there and complete, and choose it again: a browser refuses a file that has changed since it was chosen.',
  },
  'out-of-memory': {
    title: 'The browser’s memory is full', again: true, command: 'stat',
    because: 'This page needs up to 256 MB for a dump of any size, and did not get it.',
    next: `Close other tabs and read the file again, one dump at a time; a 64-bit browser has more room.${COMMAND}`,
  },
  'no-wasm': {
    title: 'WebAssembly is switched off in this browser', command: 'stat',
    because: 'The reader of dumps is WebAssembly. A policy of your organisation, Edge’s enhanced security, a lockdown mode, or a browser without JIT switches it off.',
    next: `Allow it for this page (in Edge: Settings, Privacy, Enhance your security on the web, Exceptions), or open the one-file copy in another browser.${COMMAND}`,
  },
  'cannot-run': { title: 'The reader could not be started in this browser', again: true, command: 'stat' },
  crash: {
    title: 'dropheap has a fault that this file brought out', again: true, command: 'stat',
    next: `Please report it with the text below: it holds no contents of the heap.${COMMAND}`,
  },
};

/**
 * @param {import('../protocol.js').Failure} failure
 * @param {any} facts  DumpFacts, if the head could be read
 * @param {{name: string, size: number} | null} file
 * @returns {Words}
 */
export function wordsOf({ code, message, hint }, facts, file) {
  const said = SAID[code];
  /** @type {Words} */
  const words = {
    title: 'This file cannot be used', because: sentence(message), next: hint, more: '', howTo: false, again: false, ...said,
    copy: said?.command ? `dropheap ${said.command} ${shellName(file)}` : '',
  };
  if (code === 'unsupported-runtime') words.title = `${/^(.+?) is not supported/.exec(message)?.[1] ?? 'This runtime'} cannot be read here`;
  if (code === 'no-heap-memory' || code === 'unreadable') Object.assign(words, fullDump(facts));
  if (code === 'no-heap-memory' && facts?.captured_at) words.because += ` It was taken ${utc(facts.captured_at)}.`;
  if (code === 'no-heap-memory' && file && file.size < 1024 * 1024) words.because += ` A file of ${size(file.size)} is what Kudu writes unless it is asked otherwise (dumpType=0).`;
  if (code === 'not-a-dump') {
    const named = /: (?:it looks like )?(an? [^:(]*)/.exec(message)?.[1].trim();
    words.title = named ? `This is ${named}` : 'This is no dump of a Windows process';
    if (hint.includes('`procdump -ma')) Object.assign(words, { copy: 'procdump -accepteula -ma PID evening.dmp', next: hint.replace(/ `.*/s, ''), howTo: true });
  }
  return words;
}

/** The way to a full dump of the same process. @param {any} facts */
function fullDump(facts) {
  const pid = facts?.pid ?? 'PID';
  const still = facts?.pid ? `, while pid ${facts.pid} still runs` : '';
  return {
    next: `Take it again with full memory${still}. In a browser that is signed in to Azure, with your site’s name for SITE:`,
    copy: `https://SITE.scm.azurewebsites.net/api/processes/${pid}/dump?dumpType=2&format=zip`,
    more: `On the machine itself: \`procdump -accepteula -ma ${pid}\`. The process stands still while either is written.`,
    howTo: true,
  };
}

/**
 * What can be pasted into a bug report: versions, sizes, the fault's words; nothing of the heap, no names of files or of types.
 * @param {import('../protocol.js').Failure} failure
 * @param {any} facts
 * @param {any} runtime
 * @param {{name: string, size: number} | null} file
 * @param {{version: string, build: string, browser: string}} page
 */
export function faultReport(failure, facts, runtime, file, page) {
  const lines = [
    `dropheap ${page.version}, build ${page.build}`,
    page.browser,
    `code: ${failure.code}`,
    `message: ${failure.message}`,
    file && `file: ${file.size} bytes`,
    facts && `dump: ${facts.architecture ?? 'unknown architecture'}, ${facts.os ?? 'unknown system'}, ${facts.memory_bytes} bytes in ${facts.memory_ranges} ranges, ${facts.modules} modules`,
    runtime && `runtime: ${runtime.name} ${runtime.file_version ?? ''} ${runtime.architecture}, ${runtime.gc_mode} GC, ${runtime.gc_layout}, ${runtime.heaps} heaps`,
    failure.details && `details: ${failure.details}`,
  ];
  return lines.filter(Boolean).map((l) => visible(String(l)).replaceAll('\\u000a', '\n')).join('\n');
}

/** A file name as one word of a command line. @param {{name: string} | null} file */
function shellName(file) {
  const name = visible(file?.name ?? 'FILE');
  return /^[\w.:\\/-]+$/.test(name) ? name : `"${name.replaceAll('"', '')}"`;
}

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The core's messages begin in lower case, as the command line prints them after a colon. @param {string} text */
export const sentence = (text) => `${capital(text)}${/[.!?]$/.test(text) ? '' : '.'}`;
