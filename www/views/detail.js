// What an opened row shows: what the type is, where its objects are, and the commands to look at them in WinDbg.

import { OWNERS, change, keyOf, textOf } from '../lib/columns.js';
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
      ...OWNERS.map((o) => el('button', { 'data-move': o, 'aria-pressed': o === owner, onclick: () => move(assembly, o) }, KINDS[o]))),
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
      el('button.small', { 'aria-pressed': pinned, onclick: does.pin }, pinned ? 'Unpin' : m.k > 2 ? 'Pin to chart' : 'Pin')),
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
  const { c, k, ends } = m;
  const counts = (/** @type {number} */ g) => ends.map((d) => c.generationCounts[(d * 6 + g) * c.n + i]);
  const used = OLD_FIRST.filter((g) => counts(g).some((n) => n > 0));
  const most = Math.max(1, ...used.flatMap(counts));
  const line = (/** @type {string} */ role, /** @type {(string | Node)[]} */ cells) =>
    el('div', { role: 'row' }, ...cells.map((part, n) => el('span', { role: n === 0 && role === 'cell' ? 'rowheader' : role }, part)));
  const bar = (/** @type {number} */ count, /** @type {number} */ at) => {
    const b = el('i', { class: at === ends.length - 1 ? 'filled' : 'outline' });
    b.style.width = count === 0 ? '0' : `max(2px, ${(100 * count) / most}%)`;
    if (count === 0) b.style.visibility = 'hidden';
    return b;
  };
  return [
    el('h2', 'Generations ', k > 1 && el('span.note', `hollow: ${m.names[0]}, filled: ${m.names[k - 1]}`)),
    // No table inside the table: whoever reads its rows finds types alone.
    el('div', { class: `plain${k > 1 ? '' : ' one'}`, role: 'table', 'aria-label': 'Objects by generation' },
      line('columnheader', ['Generation', el('span.unseen', 'Bars'), ...ends.map((d) => `Count ${m.names[d]}`.trim()), ...(k > 1 ? ['Change'] : [])]),
      ...used.map((g) => line('cell', [GENERATIONS[g], el('span.two-bars', { 'aria-hidden': true }, ...counts(g).map(bar)), ...counts(g).map(number), ...(k > 1 ? [signed(change(counts(g)))] : [])]))),
  ];
}

/** Addresses and commands, of the last dump that has objects of the type. @param {import('./row.js').Model} m @param {import('../protocol.js').Detail} d @param {number} i */
function objects(m, d, i) {
  const { methodTables, samples } = d;
  const dump = Math.max(0, methodTables.findLastIndex((t) => t.length > 0));
  const addresses = (samples[dump] ?? []).flat().slice(0, SAMPLES);
  const count = m.c.counts[dump * m.c.n + i];
  const tableLine = (/** @type {string} */ address, /** @type {(string | undefined)[]} */ ...hints) => {
    const [before, after] = hints.map((hint) => hint !== undefined && el('span.hint', hint));
    const command = `!dumpheap -mt ${address}`;
    return el('p.command', before, el('code', command), after, copyButton('Copy', () => command, `Copy ${command}`));
  };
  const differ = methodTables.some((t) => t.length > 1) || new Set(methodTables.filter((t) => t.length > 0).map((t) => t.map((x) => x.address).join())).size > 1;
  return [
    ...(addresses.length > 0 ? [
      el('h2', `${addresses.length < count ? `${number(addresses.length)} of ` : ''}${plural(count, 'object')}${m.k > 1 ? ` in ${m.names[dump]}` : ''} `, el('span.note', 'a click copies the WinDbg command')),
      el('ul.addresses', ...addresses.map((a) => el('li', el('code', a), ...['!do', '!gcroot'].map((command) => copyButton(command, () => `${command} ${a}`, `${command} ${a}`))))),
    ] : []),
    ...(differ ? [
      el('h2', 'Method tables ', el('span.note', 'several, or not the same in each dump')),
      ...methodTables.flatMap((list, n) => list.slice(0, TABLES).map((t) => tableLine(t.address, m.names[n] ?? '', `${plural(t.count, 'object')}, ${number(t.size)} bytes`))),
    ] : (methodTables[dump] ?? []).map((t) => tableLine(t.address))),
    differ && methodTables.some((t) => t.length > TABLES) && el('p.hint', `of each dump the first ${TABLES}`),
  ].filter((n) => n instanceof Node);
}

/** @param {import('../protocol.js').Detail} d */
function supertypes(d) {
  const list = (/** @type {string} */ title, /** @type {import('../protocol.js').Supertype[]} */ types) => {
    const lines = types.map((t) => el('li', el(t.owner === 'runtime' ? 'code.full' : 'b.full', t.type_name_csharp)));
    const rest = lines.slice(SUPERTYPES);
    return lines.length === 0 ? [] : [
      el('h2', title),
      el('ul', ...lines.slice(0, SUPERTYPES)),
      ...(rest.length > 0 ? [el('details', el('summary', `${number(rest.length)} more`), el('ul', ...rest))] : []),
    ];
  };
  // What the reader wrote or added says more than what the runtime brings.
  const first = d.interfaces.toSorted((a, b) => Number(a.owner === 'runtime') - Number(b.owner === 'runtime'));
  return [...list('Base types, nearest first', d.baseTypes), ...list('Interfaces', first)];
}
