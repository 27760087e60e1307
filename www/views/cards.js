// A card per file while files are read, and as long as one of them cannot be used.

import { factRows } from '../lib/answer.js';
import { byId, el, fromTemplate, setText } from '../lib/dom.js';
import { duration, localTime, number, size, visible } from '../lib/format.js';
import { pageState } from '../store.js';

const STAGES = ['head', 'runtime', 'objects', 'done'];

/**
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 */
export function mountCards(store, actions) {
  const root = byId('cards');
  /** @type {Map<number, {node: HTMLElement, failed: boolean}>} */
  const cards = new Map();

  root.addEventListener('click', (/** @type {Event} */ event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest('[data-act]');
    const id = Number(button?.closest('[data-id]')?.getAttribute('data-id'));
    if (button && button.getAttribute('data-act') !== 'replace') actions.remove(id);
  });

  store.subscribe((s) => {
    const state = pageState(s);
    byId('files').hidden = state === 'empty' || (state === 'ready' && s.dumps.every((d) => d.stage === 'done'));
    setText(byId('files-title'), titleOf(s, state));

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
        card = { node: failed ? failedCard(dump.file, /** @type {any} */ (dump.failure)) : readingCard(dump.file), failed };
        card.node.dataset.id = String(dump.id);
        cards.set(dump.id, card);
      }
      if (root.children[i] !== card.node) root.insertBefore(card.node, root.children[i] ?? null);
      if (!failed) update(card.node, dump);
    });
    const broken = byId('cards').querySelector('.comparison');
    broken?.remove();
    if (s.failure) {
      const card = failedCard(null, s.failure);
      card.classList.add('comparison');
      root.append(card);
    }
  });
}

/** @param {import('../store.js').State} s @param {string} state */
function titleOf(s, state) {
  const all = s.dumps.length;
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six'];
  const word = words[all] ?? number(all);
  if (state === 'reading') return all === 1 ? 'Reading one dump' : `Reading ${word} dumps`;
  const usable = s.dumps.filter((d) => d.stage === 'done').length;
  if (usable > 0) return `${capital(words[usable] ?? number(usable))} of ${word} files can be used`;
  return all === 1 ? 'This file cannot be used' : 'None of the files can be used';
}

const capital = (/** @type {string} */ s) => s.charAt(0).toUpperCase() + s.slice(1);

/** @param {File} file */
function readingCard(file) {
  const card = fromTemplate('card');
  nameCard(card, file);
  card.querySelector('.progress').setAttribute('aria-label', `Reading ${file.name}`);
  return card;
}

/** @param {HTMLElement} card @param {File} file */
function nameCard(card, file) {
  const name = /** @type {HTMLElement} */ (card.querySelector('.file'));
  name.textContent = visible(file.name);
  name.title = visible(file.name);
  setText(/** @type {Element} */ (card.querySelector('.bytes')), size(file.size));
}

/** The core's own words, nothing else. @param {File | null} file @param {import('../protocol.js').Failure} failure */
function failedCard(file, failure) {
  const card = fromTemplate('card-failed');
  if (file) nameCard(card, file);
  else for (const part of card.querySelectorAll('header, .row')) part.remove();
  card.dataset.code = failure.code;
  setText(card.querySelector('.what b'), sentence(visible(failure.message)));
  card.querySelector('.next').append(...withCode(visible(failure.hint)));
  if (failure.details) {
    card.querySelector('details').hidden = false;
    setText(card.querySelector('pre'), failure.details);
  }
  return card;
}

/** The core's messages begin in lower case, as the command line prints them after a colon. */
function sentence(/** @type {string} */ text) {
  return /[.!?]$/.test(text) ? capital(text) : `${capital(text)}.`;
}

/** Text with `code` between backticks. @param {string} text @returns {(Node | string)[]} */
function withCode(text) {
  return text.split('`').map((part, i) => (i % 2 ? el('code', { text: part }) : part));
}

/** @param {HTMLElement} card @param {import('../store.js').Dump} dump */
function update(card, dump) {
  fillFacts(/** @type {HTMLElement} */ (card.querySelector('.facts')), dump);

  const at = dump.stage === 'waiting' ? -1 : STAGES.indexOf(dump.stage);
  const ended = dump.stage === 'done';
  card.querySelectorAll('.stages [data-stage]').forEach((node, i) => {
    node.className = i < at || ended ? 'past' : i === at ? 'now' : '';
  });

  const { progress } = dump;
  const share = ended ? 1 : progress && progress.total > 0 ? progress.done / progress.total : 0;
  const bar = /** @type {HTMLElement} */ (card.querySelector('.progress'));
  bar.setAttribute('aria-valuenow', String(Math.floor(share * 100)));
  /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${share * 100}%`;
  setText(/** @type {Element} */ (card.querySelector('.pace')), paceOf(dump));
  /** @type {HTMLElement} */ (card.querySelector('[data-act]')).hidden = ended;
}

/** Bytes of what, how fast, how long still. @param {import('../store.js').Dump} dump */
function paceOf(dump) {
  if (dump.stage === 'waiting') return 'Waits for the files before it';
  if (dump.stage === 'head') return 'Reading the streams, modules and memory ranges';
  if (dump.stage === 'runtime') return 'Finding the runtime and its heap';
  if (dump.stage === 'done') return `${number(dump.head.heap.size)} bytes in ${number(dump.head.heap.objects)} objects`;
  const { progress } = dump;
  if (!progress) return 'Walking the objects';
  const seconds = (performance.now() - dump.startedAt) / 1000;
  const parts = [`${size(progress.done)} of ${size(progress.total)} of heap`];
  if (seconds > 0.5 && progress.done > 0) {
    parts.push(`${number(progress.read / seconds / 1048576)} MB/s`);
    const left = ((progress.total - progress.done) * seconds) / progress.done;
    if (left >= 1) parts.push(`about ${duration(left)} left`);
  }
  return parts.join(' · ');
}

/** Rows that are always there, so that nothing jumps. @param {HTMLElement} list @param {import('../store.js').Dump} dump */
function fillFacts(list, dump) {
  const stamp = `${dump.facts !== null}${dump.runtime !== null}${dump.stage === 'done'}`;
  if (list.dataset.stamp === stamp) return;
  list.dataset.stamp = stamp;
  list.replaceChildren(...factRows(dump.facts, dump.runtime).flatMap((row) => [el('dt', { text: row.label }), factCell(row, dump)]));
}

/** @param {{label: string, text: string | null, secret?: boolean}} row @param {import('../store.js').Dump} dump */
function factCell(row, dump) {
  if (row.text === null) return el('dd', { class: 'none', text: '—' });
  if (row.secret) return el('dd', null, secret(row.text));
  const local = row.label === 'Taken' && dump.facts?.captured_at ? localTime(dump.facts.captured_at) : '';
  return el('dd', null, row.label === 'Taken' ? el('b', { text: row.text }) : visible(row.text), local && el('span', { class: 'local', text: ` (${local})` }));
}

/** May hold passwords: shown on a click only. @param {string} text */
export function secret(text) {
  const node = el('span', { class: 'secret' });
  node.append(
    el('span', { class: 'dots', 'aria-label': 'hidden', role: 'img', text: '• • • • • • • •' }),
    ' ',
    el('button', { type: 'button', class: 'link', text: 'show', onclick: () => node.replaceChildren(el('code', { text: visible(text) })) }),
  );
  return node;
}
