// A card per file while files are read, and as long as one of them cannot be used.

import { atLeast, exact, factRows } from '../lib/facts.js';
import { byId, copyButton, el, fromTemplate, setText } from '../lib/dom.js';
import { capital, faultReport, wordsOf } from '../lib/errors.js';
import { coverage, localTime, number, plural, size, visible } from '../lib/format.js';
import { pace, stagesOf } from '../lib/progress.js';
import { pageState } from '../store.js';
import { generationBar } from './answer.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 */
export function mountCards(store, actions) {
  const root = byId('cards');
  /** @type {Map<number, {node: HTMLElement, failed: boolean}>} */
  const cards = new Map();

  /** By `data-act` of a button. @type {Record<string, (id: number, button: HTMLElement) => void>} */
  const acts = {
    cancel: actions.remove, remove: actions.remove, retry: (id) => actions.retry(id), again: actions.compareAgain,
    entry: (id, { dataset }) => actions.retry(id, { entry: dataset.entry ?? null }),
  };
  root.addEventListener('click', (/** @type {any} */ { target }) => {
    const button = target.closest('[data-act]');
    acts[button?.dataset.act]?.(Number(button.closest('[data-id]')?.dataset.id), button);
  });

  store.subscribe((s) => {
    const state = pageState(s);
    const usable = s.dumps.filter((d) => d.stage === 'done').length;
    byId('files').hidden = state === 'empty' || (state === 'ready' && usable === s.dumps.length);
    // One that can be used beside others that cannot: its card says everything, above the table.
    document.body.classList.toggle('alone', state === 'ready' && usable === 1 && s.dumps.length > 1);
    root.classList.toggle('failed-only', state === 'ready' && usable > 1);
    setText(byId('files-title'), titleOf(s, state));
    setText(byId('files-note'), noteOf(s, state));

    for (const [id, card] of cards) {
      if (s.dumps.some((d) => d.id === id)) continue;
      card.node.remove();
      cards.delete(id);
    }
    s.dumps.forEach((dump, i) => {
      const failed = dump.stage === 'failed';
      let card = cards.get(dump.id);
      if (card?.failed !== failed) {
        card?.node.remove();
        card = { node: failed ? failedCard(dump) : readingCard(dump.file), failed };
        card.node.dataset.id = String(dump.id);
        cards.set(dump.id, card);
      }
      if (root.children[i] !== card.node) root.insertBefore(card.node, root.children[i] ?? null);
      if (!failed) update(card.node, dump);
    });
    root.querySelector('.comparison')?.remove();
    if (s.failure) {
      const card = failedCard({ file: null, failure: s.failure, facts: null, runtime: null });
      card.classList.add('comparison');
      root.append(card);
    }
  });
}

/** @param {import('../store.js').State} s @param {string} state */
function titleOf(s, state) {
  const all = s.dumps.length;
  const usable = s.dumps.filter((d) => d.stage === 'done').length;
  const word = (/** @type {number} */ n) => ['', 'one', 'two', 'three', 'four', 'five', 'six'][n] ?? number(n);
  if (state === 'reading') return `Reading ${word(all)} ${all === 1 ? 'file' : 'files'}`;
  if (s.failure) return 'The dumps were read, but not compared';
  if (usable > 0) return `${capital(word(usable))} of ${word(all)} files can be used`;
  if (s.dumps.every((d) => d.failure?.code === 'choose-entry')) return 'Which dump of the zip?';
  return all === 1 ? 'This file cannot be used' : 'None of the files can be used';
}

/** @param {import('../store.js').State} s @param {string} state */
function noteOf(s, state) {
  if (state !== 'reading') return '';
  const used = s.dumps.reduce((n, d) => n + (d.memory), 0);
  return `Read piece by piece, never whole${used > 0 ? `: memory in use ${size(used)}` : ''}. ` +
    (s.dumps.length > 1 ? 'The letters A and B are given by the capture times, when both are known.' : 'Add a second dump at any time.');
}

/** @param {File} file */
function readingCard(file) {
  const card = fromTemplate('card');
  nameCard(card, file);
  card.querySelector('.progress').ariaLabel = `Reading ${visible(file.name)}`;
  card.querySelector('[data-act]').ariaLabel = `Cancel reading ${visible(file.name)}`;
  return card;
}

/** @param {HTMLElement} card @param {File} file */
function nameCard(card, file) {
  const name = /** @type {HTMLElement} */ (card.querySelector('.file'));
  name.textContent = visible(file.name);
  name.title = visible(file.name);
  setText(/** @type {Element} */ (card.querySelector('.bytes')), size(file.size));
}

/** @param {{file: File | null, failure: any, facts: any, runtime: any}} dump */
function failedCard({ file, failure, facts, runtime }) {
  const card = fromTemplate('card-failed');
  const part = (/** @type {string} */ selector) => card.querySelector(selector);
  const words = wordsOf(failure, facts, file);
  card.dataset.code = failure.code;
  if (file) nameCard(card, file);
  else {
    part('header').remove();
    part('.row').replaceChildren(el('button.primary', { 'data-act': 'again' }, 'Compare again'));
  }
  setText(part('.what b'), visible(words.title));
  for (const key of /** @type {const} */ (['because', 'next', 'more'])) {
    part(`.${key}`).append(...withCode(visible(words[key])));
    part(`.${key}`).hidden = words[key] === '';
  }
  const line = part('.copyline');
  line.hidden = words.copy === '';
  setText(line.firstElementChild, words.copy);
  line.append(copyButton('Copy', () => words.copy));
  if (!words.howTo) part('[data-dialog="how"]')?.remove();
  if (!words.again) part('[data-act="retry"]')?.remove();
  // What is inside a zip with several dumps.
  for (const entry of failure.entries ?? []) {
    part('.choices').append(el('button', { 'data-act': 'entry', 'data-entry': entry.name }, `Open ${entry.name}`, entry.size > 0 && el('span.hint', ` ${size(entry.size)}`)));
  }
  const report = faultReport(failure, facts, runtime, file, { version: VERSION, build: BUILD, browser: navigator.userAgent });
  setText(part('pre'), report);
  part('details').open = failure.code === 'crash';
  part('details').append(copyButton('Copy report', () => report));
  return card;
}

/** Text with `code` between backticks. @param {string} text @returns {(Node | string)[]} */
function withCode(text) {
  return text.split('`').map((part, i) => (i % 2 ? el('code', part) : part));
}

/** @param {HTMLElement} card @param {import('../store.js').Dump} dump */
function update(card, dump) {
  fillFacts(/** @type {HTMLElement} */ (card.querySelector('.facts')), dump);
  const stages = stagesOf(dump);
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (card.querySelector(selector));
  const [row, bar, at] = ['.stages', '.progress', '.pace'].map(part);
  const ended = dump.stage === 'done';
  const stamp = stages.map((s) => `${s.name}${s.state}`).join();
  if (row.dataset.stamp !== stamp) {
    row.dataset.stamp = stamp;
    row.replaceChildren(...stages.map((s) => el('span', { class: s.state, 'data-stage': s.key }, s.name)));
  }
  const { share, words, beside } = pace(dump, performance.now());
  bar.ariaValueNow = String(Math.floor(share * 100));
  bar.ariaValueText = words;
  /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${share * 100}%`;
  row.hidden = bar.hidden = part('[data-act]').hidden = ended;
  if (!ended) at.replaceChildren(el('b', words), beside && el('span.beside', ` · ${beside}`));
  else if (!at.querySelector('.done')) at.replaceChildren(doneLine(dump));
}

/** What a dump that has been read says while others are still under way. @param {import('../store.js').Dump} dump */
function doneLine(dump) {
  const { heap } = dump.head;
  return el('span.done', heap.generations.length > 0 && generationBar(heap, heap.size), el('span.bytes', `${atLeast(dump.head)}${number(heap.size)} bytes`));
}

/** Rows that are always there, so that nothing jumps. @param {HTMLElement} list @param {import('../store.js').Dump} dump */
function fillFacts(list, dump) {
  if (dump.kind === 'listing') {
    list.hidden = true;
    return;
  }
  const { facts, head } = dump;
  const stamp = [facts, dump.runtime, head].map(Boolean).join();
  if (list.dataset.stamp === stamp) return;
  list.dataset.stamp = stamp;
  const rows = factRows(facts, dump.runtime);
  if (!facts) rows[0].text = 'Facts appear as soon as the head is read';
  if (head) {
    const { heap } = head;
    rows.push(
      { label: 'Heap', text: `${number(heap.size)} bytes in ${plural(heap.objects, 'object')}` },
      { label: 'Read', text: exact(head) ? '✓ completely, every object counted' : `${coverage(heap.explained_bytes, heap.total_bytes)} of the heap` });
  }
  list.replaceChildren(...rows.flatMap((row) => [el('dt', row.label), factCell(row, dump)]));
}

/** @param {{label: string, text: string | null, secret?: boolean}} row @param {import('../store.js').Dump} dump */
function factCell(row, dump) {
  if (row.text === null) return el('dd.none', '—');
  if (row.secret) return el('dd', secret(row.text));
  if (row.label !== 'Taken') return el('dd', row.text);
  const local = dump.facts?.captured_at ? localTime(dump.facts.captured_at) : '';
  return el('dd', dump.facts ? null : { class: 'none' }, dump.facts ? el('b', row.text) : row.text, local && el('span.local', ` (${local})`));
}

/** May hold passwords: shown on a click only. @param {string} text @param {string} [before] */
export function secret(text, before = '') {
  const node = el('span.secret');
  node.append(
    before === '' ? el('span.dots', { 'aria-label': 'hidden', role: 'img' }, '• • • • • • • •') : before,
    ' ',
    el('button.link', { 'aria-label': 'Show the command line', onclick: () => node.replaceChildren(el('code', text)) }, 'show'),
  );
  return node;
}
