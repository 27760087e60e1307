// What an opened row shows: what the type is, where its objects are, and the commands to look at them in WinDbg.

import { OWNERS, keyOf, textOf } from '../lib/columns.js';
import { copyButton, el } from '../lib/dom.js';
import { GENERATIONS, OLD_FIRST } from '../lib/facts.js';
import { number, plural, signed, visible } from '../lib/format.js';
import { MOVED } from '../lib/lines.js';
import { KINDS } from './toolbar.js';

/** Sample addresses shown, method tables, supertypes before the rest is folded. */
const SAMPLES = 8;
const TABLES = 8;
const SUPERTYPES = 6;

/**
 * Of an assembly: whose its types are, why, and where to move them.
 * @param {string} assembly @param {{owner: string, reason: string}} known @param {(assembly: string, owner: string | null) => void} move
 */
export function classCell(assembly, { owner, reason }, move) {
  return el('td.detail', { role: 'gridcell' }, el('p.title', 'Its types count as',
    el('span.group', { role: 'group', 'aria-label': `Class of ${assembly}` },
      ...OWNERS.map((o) => el('button', { 'data-move': o, 'aria-pressed': String(o === owner), onclick: () => move(assembly, o) }, KINDS[o]))),
    el('span.hint', reason), reason.startsWith(MOVED) && el('button.small', { 'data-move': '', onclick: () => move(assembly, null) }, 'Undo')));
}

/**
 * At once what the columns know; the rest as soon as the worker tells.
 * @param {import('./row.js').Model} m
 * @param {number} i
 * @param {import('../store.js').State} state
 * @param {Promise<import('../protocol.js').Detail>} asked
 * @param {{pin: () => void}} does
 */
export function detailCell(m, i, state, asked, does) {
  const [csharp, classic] = [textOf(m.c, i, 'csharp'), textOf(m.c, i, 'type')];
  const whose = el('span.hint');
  const left = el('div');
  const right = el('div.supertypes');
  const pinned = state.pinned.includes(keyOf(m.c, i));
  const cell = el('td.detail', { role: 'gridcell' },
    el('p.title',
      el('code.full', csharp), whose,
      copyButton('Copy name', () => csharp),
      el('button.small', { 'aria-pressed': String(pinned), onclick: does.pin }, pinned ? 'Unpin' : m.k > 2 ? 'Pin to chart' : 'Pin')),
    classic !== csharp && el('p.title', el('code.full.classic', classic), copyButton('Copy SOS name', () => classic)),
    el('div.halves', left, right));
  if (m.generations) left.append(...generations(m, i));
  const fill = (/** @type {import('../protocol.js').Detail} */ d) => {
    whose.textContent = visible(`${d.owner ?? OWNERS[m.c.owner[i]]}: ${d.module || 'no assembly'}${d.reason ? ` (${d.reason})` : ''}`);
    left.append(...objects(m, d, i));
    right.append(...supertypes(d));
  };
  asked.then(fill, (failure) => left.append(el('p.bad', failure?.message ?? 'The details could not be read.')));
  return cell;
}

/** Objects by generation, in the first dump (hollow) and the last (filled). @param {import('./row.js').Model} m @param {number} i */
function generations(m, i) {
  const { c, k } = m;
  const ends = k > 1 ? [0, k - 1] : [0];
  const at = (/** @type {number} */ d, /** @type {number} */ g) => c.generationCounts[(d * 6 + g) * c.n + i];
  const used = OLD_FIRST.filter((g) => ends.some((d) => at(d, g) > 0));
  const most = Math.max(1, ...used.flatMap((g) => ends.map((d) => at(d, g))));
  const line = (/** @type {string} */ role, /** @type {(string | Node)[]} */ cells) =>
    el('div', { role: 'row' }, ...cells.map((part, n) => el('span', { role: n === 0 && role === 'cell' ? 'rowheader' : role }, part)));
  const bars = (/** @type {number} */ g) => {
    const track = el('span.two-bars', { 'aria-hidden': 'true' });
    ends.forEach((d, n) => {
      const b = el('i', { class: n === ends.length - 1 ? 'filled' : 'outline' });
      b.style.width = at(d, g) === 0 ? '0' : `max(2px, ${(100 * at(d, g)) / most}%)`;
      if (at(d, g) === 0) b.style.visibility = 'hidden';
      track.append(b);
    });
    return track;
  };
  return [
    el('h2', 'Generations ', k > 1 && el('span.note', `hollow: ${m.names[0]}, filled: ${m.names[k - 1]}`)),
    // No table inside the table: whoever reads its rows finds types alone.
    el('div', { class: `plain${k > 1 ? '' : ' one'}`, role: 'table', 'aria-label': 'Objects by generation' },
      line('columnheader', ['Generation', el('span.unseen', 'Bars'), ...ends.map((d) => (k > 1 ? `Count ${m.names[d]}` : 'Count')), ...(k > 1 ? ['Change'] : [])]),
      ...used.map((g) => line('cell', [GENERATIONS[g], bars(g), ...ends.map((d) => number(at(d, g))), ...(k > 1 ? [signed(at(k - 1, g) - at(0, g))] : [])]))),
  ];
}

/** Addresses and commands, of the last dump that has objects of the type. @param {import('./row.js').Model} m @param {import('../protocol.js').Detail} d @param {number} i */
function objects(m, d, i) {
  let dump = m.k - 1;
  while (dump > 0 && (d.methodTables[dump]?.length ?? 0) === 0) dump -= 1;
  const tables = d.methodTables[dump] ?? [];
  const where = m.k > 1 ? ` in ${m.names[dump]}` : '';
  const addresses = (d.samples[dump] ?? []).flat().slice(0, SAMPLES);
  const count = m.c.counts[dump * m.c.n + i];
  const command = (/** @type {string} */ text) => el('p.command', el('code', text), copyButton('Copy', () => text, `Copy ${text}`));
  const differ = d.methodTables.some((t) => t.length > 1) || new Set(d.methodTables.filter((t) => t.length > 0).map((t) => t.map((x) => x.address).join())).size > 1;
  return [
    addresses.length > 0 && el('h2', `${addresses.length < count ? `${number(addresses.length)} of ` : ''}${plural(count, 'object')}${where} `, el('span.note', 'a click copies the WinDbg command')),
    addresses.length > 0 && el('ul.addresses', ...addresses.map((a) =>
      el('li', el('code', a), copyButton('!do', () => `!do ${a}`, `!do ${a}`), copyButton('!gcroot', () => `!gcroot ${a}`, `!gcroot ${a}`)))),
    differ && el('h2', 'Method tables ', el('span.note', 'several, or not the same in each dump')),
    ...(differ
      ? d.methodTables.flatMap((list, n) => list.slice(0, TABLES).map((t) =>
          el('p.command', el('span.hint', m.names[n] ?? ''), el('code', `!dumpheap -mt ${t.address}`),
            el('span.hint', `${plural(t.count, 'object')}, ${number(t.size)} bytes`), copyButton('Copy', () => `!dumpheap -mt ${t.address}`, `Copy !dumpheap -mt ${t.address}`))))
      : tables.slice(0, 1).map((t) => command(`!dumpheap -mt ${t.address}`))),
    differ && d.methodTables.some((t) => t.length > TABLES) && el('p.hint', `of each dump the first ${TABLES}`),
  ].filter((n) => n instanceof Node);
}

/** @param {import('../protocol.js').Detail} d */
function supertypes(d) {
  const list = (/** @type {string} */ title, /** @type {import('../protocol.js').Supertype[]} */ types) => {
    if (types.length === 0) return [];
    const line = (/** @type {import('../protocol.js').Supertype} */ t) => el('li', el(t.owner === 'runtime' ? 'code.full' : 'b.full', t.type_name_csharp));
    const rest = types.slice(SUPERTYPES);
    return [
      el('h2', title),
      el('ul', ...types.slice(0, SUPERTYPES).map(line)),
      rest.length > 0 && el('details', el('summary', `${number(rest.length)} more`), el('ul', ...rest.map(line))),
    ];
  };
  // What the reader wrote or added says more than what the runtime brings.
  const first = (/** @type {import('../protocol.js').Supertype[]} */ types) => types.toSorted((a, b) => Number(a.owner === 'runtime') - Number(b.owner === 'runtime'));
  return [...list('Base types, nearest first', d.baseTypes), ...list('Interfaces', first(d.interfaces))].filter((n) => n instanceof Node);
}
