// "Why?": the self-test in the reader's own browser, and the policies as they stand in the page.

import { byId, el, setText } from '../lib/dom.js';
import { utc } from '../lib/format.js';
import { browserName, linesOf, tryAll } from '../lib/selftest.js';

export function mountWhy() {
  const dialog = byId('why');
  let under = false;
  const test = async () => {
    if (under) return;
    under = true;
    setText(byId('why-sum'), 'Trying each way …');
    const outcomes = await tryAll();
    byId('why-ways').replaceChildren(...linesOf(outcomes).map(row));
    const all = Object.entries(outcomes).filter(([, o]) => o !== 'absent');
    const blocked = all.filter(([, o]) => o === 'blocked').length;
    byId('why-sum').replaceChildren(el('b', `${blocked} of ${all.length} ways blocked`), ` ${browserName(navigator.userAgent)}, ${utc(Date.now() / 1000)}`);
    dialog.dataset.tested = 'yes';
    under = false;
  };
  byId('why-again').addEventListener('click', test);
  // Opened by whatever button: the test runs at once.
  new MutationObserver(() => dialog.open && !dialog.dataset.tested && void test()).observe(dialog, { attributeFilter: ['open'] });

  const policies = [...document.querySelectorAll('meta[http-equiv]')].map((m) => m.getAttribute('content') ?? '');
  setText(byId('policy'), policies.join('\n\n'));
}

const SAID = {
  blocked: ['yes', 'blocked'],
  silent: ['', 'no report'],
  absent: ['', 'not in this browser'],
  open: ['no', 'not blocked'],
  gone: ['', 'deleted'],
};

/** @param {ReturnType<typeof linesOf>[0]} line */
function row({ name, note, outcome }) {
  const [sign, text] = SAID[outcome];
  return el('tr', el('th', { scope: 'row' }, name, ' ', el('span.hint', note)), el('td', { class: sign }, text));
}
