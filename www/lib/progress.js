// How far the reading of a file is, in words: the stage, bytes of what, how fast, how long still. Pure.

import { duration, number, size } from './format.js';

const NAMES = { unpack: 'Unpacking', head: 'Head', runtime: 'Runtime', objects: 'Objects', done: 'Sums' };

/**
 * The stages of a file in their order; `unpack` only where the file is packed.
 * @param {import('../store.js').Dump} dump
 * @returns {{key: string, name: string, state: 'past' | 'now' | ''}[]}
 */
export function stagesOf(dump) {
  const keys = dump.kind === 'listing' ? ['head', 'done'] : ['head', 'runtime', 'objects', 'done'];
  // Only a packed file has progress before its head is read.
  const unpacking = dump.stage === 'head' && dump.progress !== null;
  if (unpacking || dump.facts?.entry) keys.unshift('unpack');
  const current = unpacking ? 'unpack' : dump.stage;
  const at = keys.indexOf(current);
  const ended = dump.stage === 'done';
  return keys.map((key, i) => ({
    key, name: /** @type {any} */ (NAMES)[key], state: ended || i < at ? 'past' : i === at ? 'now' : '',
  }));
}

/**
 * @param {import('../store.js').Dump} dump
 * @param {number} now  performance.now()
 * @returns {{share: number, words: string, beside: string}}
 */
export function pace(dump, now) {
  const { progress } = dump;
  const unpacking = dump.stage === 'head' && progress !== null;
  const words = {
    waiting: 'Waits for the files before it', done: 'Read', head: dump.kind === 'listing' ? 'Reading the listing' : 'Reading the streams, modules and memory ranges',
    runtime: 'Finding the runtime and its heap', objects: 'Walking the objects', failed: '',
  }[dump.stage];
  if (!progress?.total || (dump.stage !== 'objects' && !unpacking)) return { share: dump.stage === 'done' ? 1 : 0, words, beside: '' };
  const seconds = (now - dump.startedAt) / 1000;
  const beside = [];
  if (seconds > 0.5 && progress.done > 0) {
    beside.push(`${number(progress.read / seconds / 1048576)} MB/s`);
    const left = ((progress.total - progress.done) * seconds) / progress.done;
    if (left >= 1) beside.push(`about ${duration(left)} left`);
  }
  return {
    share: Math.min(1, progress.done / progress.total),
    words: `${size(progress.done)} of ${size(progress.total)} of ${unpacking ? 'file' : 'heap'}`,
    beside: beside.join(' · '),
  };
}
