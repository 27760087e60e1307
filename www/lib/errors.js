// A failure as a person needs it: what the file is, why it cannot be used, the next step, one thing to copy. The core's own words
// (error.rs) are the reasons; here they get a title, the process's own number in the command, and what the page alone knows. Pure.

import { size, utc, visible } from './format.js';

/**
 * @typedef {object} Words
 * @property {string} title  what it is; no code, no "failed"
 * @property {string} why
 * @property {string} next  the next step; `code` between backticks
 * @property {string} copy  what the next step needs; may be empty
 * @property {string} more  a second way; may be empty
 * @property {boolean} howTo  "How do I take a dump?" helps
 * @property {boolean} again  reading the same file again may help
 */

/**
 * @param {import('../protocol.js').Failure} failure
 * @param {any} facts  DumpFacts, if the head could be read
 * @param {{name: string, size: number} | null} file
 * @returns {Words}
 */
export function wordsOf(failure, facts, file) {
  const { code } = failure;
  const message = sentence(failure.message);
  const { hint } = failure;
  /** @type {Words} */
  const plain = { title: 'This file cannot be used', why: message, next: hint, copy: '', more: '', howTo: false, again: false };
  switch (code) {
    case 'no-heap-memory':
      return { ...plain, ...fullDump(facts), title: 'This dump holds no heap', why: noHeapWhy(message, facts, file) };
    case 'unreadable':
      return { ...plain, ...fullDump(facts), title: 'A part that is needed is missing from this dump' };
    case 'not-a-dump':
      return notADump(plain, failure, facts);
    case 'empty-file':
      return { ...plain, title: 'This file is empty' };
    case 'truncated':
      return { ...plain, title: 'This dump is cut short' };
    case 'damaged':
    case 'limit':
      return { ...plain, title: 'This dump is damaged' };
    case 'no-runtime':
      return { ...plain, title: 'No .NET in this process', howTo: true };
    case 'unsupported-runtime':
      return { ...plain, title: `${/^(.+?) is not supported/.exec(failure.message)?.[1] ?? 'This runtime'} cannot be read here` };
    case 'unknown-runtime':
      return {
        ...plain, title: 'The heap could not be found with certainty',
        next: 'Drop the .NET files of that machine (`coreclr.dll` or `clr.dll`, and the assemblies) beside the dump; or report the runtime’s version with what the command line prints.',
        copy: `dropheap info ${shellName(file)}`,
        more: 'A wrong number is worse than none: what cannot be proven is not shown.',
      };
    case 'choose-entry':
      return { ...plain, title: 'Several dumps in this zip', next: 'Choose one; the others can be opened from the same file.' };
    case 'io':
      return {
        ...plain, title: 'The file was changed or removed while it was read', again: true,
        next: 'Check that it is still there and complete, choose it again, and let nothing write to it meanwhile.',
        more: 'A browser refuses a file whose size or time has changed since it was chosen, and one on a drive that is gone.',
      };
    case 'out-of-memory':
      return {
        ...plain, title: 'The browser’s memory is full', again: true,
        why: 'This page needs up to 256 MB for a dump of any size, and did not get it.',
        next: 'Close other tabs and read the file again, one dump at a time; a 64-bit browser has more room. Or use the command line:',
        copy: `dropheap stat ${shellName(file)}`,
      };
    case 'no-wasm':
      return {
        ...plain, title: 'WebAssembly is switched off in this browser',
        why: 'The reader of dumps is WebAssembly. A policy of your organisation, Edge’s enhanced security, a lockdown mode, or a browser without JIT switches it off.',
        next: 'Allow it for this page (in Edge: Settings, Privacy, Enhance your security on the web, Exceptions), or open the one-file copy in another browser, or use the command line:',
        copy: `dropheap stat ${shellName(file)}`,
      };
    case 'cannot-run':
      return { ...plain, title: 'The reader could not be started in this browser', again: true, copy: `dropheap stat ${shellName(file)}` };
    case 'crash':
      return {
        ...plain, title: 'dropheap has a fault that this file brought out', again: true,
        why: `${message} Nothing is wrong with the dump, perhaps; the page goes on.`,
        next: 'Please report it with the text below: it holds no contents of the heap. The command line may get further.',
        copy: `dropheap stat ${shellName(file)}`,
      };
    default:
      return plain;
  }
}

/** @param {Words} plain @param {import('../protocol.js').Failure} failure @param {any} facts @returns {Words} */
function notADump(plain, failure, facts) {
  const guess = /^this is not a Windows minidump: (?:it looks like )?(.*)$/s.exec(failure.message)?.[1] ?? '';
  const named = /^(a|an) [^:]*/.exec(guess)?.[0].replace(/ \(.*$/, '');
  const full = /procdump -ma PID|--type Full/.test(failure.hint);
  return {
    ...plain,
    title: named ? `This is ${named}` : 'This is no dump of a Windows process',
    why: guess === '' ? plain.why : `It is not a Windows minidump: ${/^(it|nothing)/.test(guess) ? '' : 'it looks like '}${guess}.`,
    ...(full ? { copy: 'procdump -accepteula -ma PID evening.dmp', next: failure.hint.replace(/:? ?`?procdump.*$/s, ':').replace(/;? *take a full dump:$/, '; take a full dump of the process:'), howTo: true } : {}),
  };
}

/** @param {string} message @param {any} facts @param {{name: string, size: number} | null} file */
function noHeapWhy(message, facts, file) {
  const has = [facts?.pid !== null && facts?.pid !== undefined && `pid ${facts.pid}`, facts?.captured_at && `taken ${utc(facts.captured_at)}`].filter(Boolean).join(', ');
  const detail = /: (.*)$/s.exec(message)?.[1] ?? '';
  const small = file !== null && file.size < 1024 * 1024 ? ` A file of ${size(file.size)} is what Kudu writes unless it is asked otherwise (dumpType=0).` : '';
  return `It was taken without full memory: it has the threads and the list of modules${has ? ` (${has})` : ''}, but none of the objects${detail ? `: ${detail}` : '.'}${small}`;
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
