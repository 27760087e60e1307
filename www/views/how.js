// "How do I take a dump?": tabs. The texts are in index.html.

import { byId } from '../lib/dom.js';

export function mountHow() {
  const tabs = /** @type {HTMLElement[]} */ ([...byId('how').querySelectorAll('[role="tab"]')]);
  const choose = (/** @type {HTMLElement} */ tab, /** @type {boolean} */ focus) => {
    for (const t of tabs) {
      const mine = t === tab;
      t.setAttribute('aria-selected', String(mine));
      t.tabIndex = mine ? 0 : -1;
      byId(t.getAttribute('aria-controls') ?? '').hidden = !mine;
    }
    if (focus) tab.focus();
  };
  byId('how').addEventListener('click', (/** @type {any} */ e) => {
    const tab = e.target.closest('[role="tab"]');
    if (tab) choose(tab, false);
  });
  byId('how').addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (e.target));
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    choose(tabs[(to + tabs.length) % tabs.length], true);
  });
}
