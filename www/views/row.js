// An opened row: where the objects of a type are, and the commands to look at them in WinDbg.

import { GENERATIONS, letters } from '../lib/answer.js';
import { copyButton, el } from '../lib/dom.js';
import { number, plural, signed, visible } from '../lib/format.js';

/** Sample addresses shown. */
const SAMPLES = 8;

/**
 * @param {import('../lib/rows.js').Row} row
 * @param {import('../store.js').Result} result
 * @param {import('../analysis.js').ReportsClient} reports
 */
export function openedRow(row, result, reports) {
  const names = letters(result.dumps.length);
  const ends = result.dumps.length > 1 ? [0, result.dumps.length - 1] : [0];
  const { generationCounts, n } = result.comparison.columns;
  const counts = ends.map((d) => GENERATIONS.map((_, g) => generationCounts[(d * GENERATIONS.length + g) * n + row.index]));
  const right = el('div');
  reports.detail(row.index).then((detail) => {
    const last = detail.methodTables[ends[ends.length - 1]].length > 0 ? ends[ends.length - 1] : 0;
    const whose = result.dumps.length > 1 ? ` in ${names[last]}` : '';
    right.replaceChildren(...samples(detail.methodTables[last], detail.samples[last], whose));
  }, (failure) => right.replaceChildren(el('p', { text: visible(failure.message) })));
  return el('td', { role: 'cell', class: 'detail' },
    el('p', { class: 'row' },
      el('code', { text: visible(row.csharp) }),
      el('span', { class: 'hint', text: row.module === '' ? '' : `of ${visible(row.module)}` }),
      copyButton('Copy name', () => row.csharp)),
    row.type !== row.csharp && el('p', { class: 'row' }, el('code', { class: 'classic', text: visible(row.type) }), copyButton('Copy SOS name', () => row.type)),
    el('div', { class: 'halves' },
      el('div', null, el('h3', { text: 'Generations' }), generations(counts, ends.map((i) => names[i]))),
      right));
}

/** Objects by generation: a column per dump, and the change. No table inside the table: whoever reads its rows finds types alone. */
function generations(/** @type {number[][]} */ counts, /** @type {string[]} */ names) {
  const two = counts.length > 1;
  const line = (/** @type {string} */ role, /** @type {string[]} */ cells) =>
    el('div', { role: 'row' }, ...cells.map((text, i) => el('span', { role: i === 0 && role === 'cell' ? 'rowheader' : role, text })));
  const used = GENERATIONS.map((_, g) => g).filter((g) => counts.some((c) => c[g] > 0));
  return el('div', { class: 'plain', role: 'table', 'aria-label': 'Objects by generation' },
    line('columnheader', ['Generation', ...names.map((n) => (two ? `Count ${n}` : 'Count')), ...(two ? ['Change'] : [])]),
    ...used.map((g) => line('cell', [GENERATIONS[g], ...counts.map((c) => number(c[g])), ...(two ? [signed(counts[1][g] - counts[0][g])] : [])])));
}

/** Addresses and commands of one dump. @param {import('../protocol.js').Detail['methodTables'][0]} tables @param {string[][]} sampled @param {string} whose */
function samples(tables, sampled, whose) {
  const addresses = sampled.flat().slice(0, SAMPLES);
  const objects = tables.reduce((n, m) => n + m.count, 0);
  return [
    addresses.length > 0 && el('h3', { text: `${number(addresses.length)} of ${plural(objects, 'object')}${whose}` }),
    addresses.length > 0 && el('p', { class: 'hint', text: 'A click copies the WinDbg command.' }),
    el('ul', { class: 'addresses' }, ...addresses.map((a) =>
      el('li', null, el('code', { text: a }), copyButton('!do', () => `!do ${a}`), copyButton('!gcroot', () => `!gcroot ${a}`)))),
    ...tables.slice(0, 8).map((m) =>
      el('p', { class: 'row' }, el('code', { text: `!dumpheap -mt ${m.address}` }), copyButton('Copy', () => `!dumpheap -mt ${m.address}`))),
    tables.length > 8 && el('p', { class: 'hint', text: `and ${number(tables.length - 8)} more method tables` }),
  ].filter(Boolean);
}
