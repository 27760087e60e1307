// "How do I take a dump?": a tab for each section of index.html.

import { byId, el } from '../lib/dom.js';

export function mountHow() {
  const list = byId('how').querySelector('.tabs');
  /** @type {HTMLElement[]} */
  const panes = [...byId('how').querySelectorAll('section')];
  const tabs = panes.map((pane, at) => {
    const { tab, group } = pane.dataset;
    pane.id = `how-${at}`;
    pane.prepend(el('h3', tab));
    // What belongs to no group stands apart from them, at the end.
    if (group !== undefined) list.append(group ? el('h3', { role: 'presentation' }, group) : el('span.spring'));
    const button = el('button', { role: 'tab', id: `${pane.id}-tab`, 'aria-controls': pane.id, onclick: () => choose(button) }, tab);
    list.append(button);
    for (const [name, value] of Object.entries({ role: 'tabpanel', 'aria-labelledby': button.id, tabindex: '0' })) pane.setAttribute(name, value);
    return button;
  });
  const choose = (/** @type {HTMLElement} */ tab) => tabs.forEach((t, at) => {
    t.setAttribute('aria-selected', String(t === tab));
    t.tabIndex = t === tab ? 0 : -1;
    panes[at].hidden = t !== tab;
  });
  choose(tabs[0]);
  list.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (e.target));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    choose(tab);
    tab.focus();
  });
}
