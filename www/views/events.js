// What an event log says: lives of the worker, newest first, and whether they get shorter. Beside the dumps, or alone.

import { byId, el } from '../lib/dom.js';
import { eventsSummary, lifeRow } from '../lib/events.js';
import { visible } from '../lib/format.js';

/** Lives shown before "all". */
const SHOWN = 8;

/** @param {import('../store.js').Store} store */
export function mountEvents(store) {
  /** @type {any[]} */
  let drawn = [];
  store.subscribe(({ events, result }) => {
    // Alone it is what there is to see; beside a comparison it comes after the answer, in one line each.
    const place = byId(result ? 'chart' : 'result');
    const moved = events.length > 0 && place.previousElementSibling !== byId('events');
    if (moved) place.before(byId('events'));
    if (events === drawn && !moved) return;
    drawn = events;
    byId('events').hidden = events.length === 0;
    byId('events').replaceChildren(...events.map((log) => section(log, !result)));
  });
}

/** @param {any} log  EventsReport @param {boolean} open */
function section(log, open) {
  const lives = log.lives.toReversed();
  const table = (/** @type {any[]} */ some) => el('table.holds',
    el('thead', el('tr', ...['Start, UTC', 'End, UTC', 'Length', 'What ended it', 'Process', 'Dumps'].map((h) => el('th', { scope: 'col' }, h)))),
    el('tbody', ...some.map((life) => el('tr', ...lifeRow(life, log).map((text) => el('td', text))))));
  const summary = eventsSummary(log);
  const holder = el('div.lives', { tabindex: '0', role: 'group', 'aria-label': `Worker lives of ${visible(log.file.file_name)}` }, table(lives.slice(0, SHOWN)));
  return el('details', { open },
    el('summary', el('h2', log.file.file_name), summary[0]),
    ...summary.slice(1).map((line) => el('p', line)),
    lives.length > 0 && holder,
    lives.length > SHOWN && el('button.small', {
      onclick: (/** @type {any} */ e) => {
        holder.replaceChildren(table(lives));
        e.target.remove();
      },
    }, `All ${lives.length} lives`));
}
