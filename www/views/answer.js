// Above the table: warnings, the answer, and the panel of the dumps.

import { GENERATIONS, OLD_FIRST, answerOfDiff, answerOfOne, atLeast, bits, factRows, generationWords, letters, withCount } from '../lib/answer.js';
import { byId, el } from '../lib/dom.js';
import { baseName, duration, localTime, number, plural, size, utc, visible } from '../lib/format.js';
import { secret } from './cards.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 */
export function mountAnswer(store, actions) {
  /** @type {import('../store.js').Result | null} */
  let drawn = null;
  store.subscribe(({ result }) => {
    if (result === drawn) return;
    drawn = result;
    if (result) draw(result, actions);
  });
}

/** @param {import('../store.js').Result} result @param {import('../app.js').Actions} actions */
function draw(result, actions) {
  const reports = result.dumps.map((d) => d.head);
  const answer = reports.length > 1 ? answerOfDiff(reports, result.comparison.meta, result.table.rows) : answerOfOne(reports[0]);

  byId('warnings').replaceChildren(...answer.warnings.map((w) =>
    el('p', { class: 'warning' }, el('span', { class: 'sign', 'aria-hidden': 'true', text: '!' }), el('span', null, el('b', { text: visible(w.title) }), ' ', visible(w.text)))));

  byId('answer').replaceChildren(
    el('h1', null, ...answer.headline.map((p) => (p.strong ? el('b', { class: p.strong, text: p.text }) : p.text)), ' ', el('span', { class: 'aside', text: answer.aside })),
    el('dl', { class: 'lines' }, ...answer.lines.flatMap((l) => [el('dt', { text: l.label }), el('dd', { text: visible(l.text) })])),
  );

  const names = reports.length > 1 ? letters(reports.length) : [''];
  const most = Math.max(...reports.map((r) => r.heap.size), 1);
  byId('panel').replaceChildren(
    ...result.dumps.map((dump, i) => dumpLine(dump, names[i], most)),
    el('div', { class: 'same' },
      sameWords(reports),
      el('span', { class: 'row' },
        reports.length > 1 && el('button', { type: 'button', class: 'small', text: 'Swap', title: 'Compare the other way round', onclick: actions.swap }),
        el('button', { type: 'button', class: 'small', text: 'All facts', 'data-dialog': 'facts' }))),
  );
  byId('facts-body').replaceChildren(...result.dumps.map((dump, i) => allFacts(dump, names[i])));
}

/** One dump of the panel: its time, its name, its generations as a bar. */
function dumpLine(/** @type {import('../store.js').Dump} */ dump, /** @type {string} */ letter, /** @type {number} */ most) {
  const { dump: facts, heap } = dump.head;
  const taken = facts.captured_at === null ? 'capture time unknown' : utc(facts.captured_at);
  const local = facts.captured_at === null ? '' : localTime(facts.captured_at);
  const bar = el('span', { class: 'generations', role: 'img', 'aria-label': generationWords(heap) });
  for (const g of OLD_FIRST) {
    const bytes = heap.generations[g]?.size ?? 0;
    if (bytes === 0) continue;
    const part = el('span', { class: `part ${GENERATIONS[g].toLowerCase()}`, title: `${GENERATIONS[g]}: ${number(bytes)} bytes` });
    part.style.width = `${(bytes / most) * 100}%`;
    if (bytes > 0.2 * most) part.textContent = `${GENERATIONS[g]} ${size(bytes)}`;
    bar.append(part);
  }
  return el('div', { class: 'dump', 'data-memory-bytes': dump.memory },
    letter && el('span', { class: `letter ${letter === 'B' ? 'last' : ''}`, text: letter }),
    el('div', null,
      el('p', null, el('b', { text: taken }), local && el('span', { class: 'local', text: ` (${local})` }), facts.uptime !== null && ` · up ${duration(facts.uptime)}`,
        // Cut at its beginning: the end, a date mostly, tells the files apart.
        el('code', { class: 'file', title: visible(facts.file_name) }, el('bdi', { dir: 'ltr', text: visible(facts.file_name) }))),
      el('p', { class: 'bytes' }, bar, el('span', { text: `${atLeast(dump.head)}${number(heap.size)} bytes` }))));
}

/** What is equal is said once; what differs, for each. @param {any[]} reports */
function sameWords(reports) {
  const facts = [
    (/** @type {any} */ r) => r.dump.image_path && baseName(r.dump.image_path),
    (/** @type {any} */ r) => r.dump.pid !== null && `pid ${r.dump.pid}`,
    (/** @type {any} */ r) => r.runtime.name,
    (/** @type {any} */ r) => bits(r.runtime),
    (/** @type {any} */ r) => `${r.runtime.gc_mode} GC, ${plural(r.runtime.heaps, 'heap')}, ${r.runtime.gc_layout}`,
    (/** @type {any} */ r) => r.dump.os,
    (/** @type {any} */ r) => plural(r.dump.modules, 'module'),
  ].map((f) => reports.map((r) => f(r) || 'unknown'));
  const same = facts.filter((values) => values.every((v) => v === values[0])).map((values) => values[0]).filter((v) => v !== 'unknown');
  const differ = facts.filter((values) => values.some((v) => v !== values[0])).map((values) => values.join(' → '));
  const p = el('p', null);
  if (reports.length > 1 && same.length > 0) p.append(el('b', { text: `Same in ${reports.length === 2 ? 'both' : 'all'}: ` }));
  p.append(visible(same.join(' · ')));
  if (differ.length > 0) p.append(el('br', null), el('b', { text: 'Differs: ' }), visible(differ.join(' · ')));
  return p;
}

/** @param {import('../store.js').Dump} dump @param {string} letter */
function allFacts(dump, letter) {
  const { dump: facts, runtime, heap, findings } = dump.head;
  const rows = [
    ...factRows(facts, runtime),
    { label: 'Executable', text: facts.image_path },
    { label: 'Runtime file', text: runtime.file_version && `${runtime.module}, ${runtime.file_version}` },
    { label: 'GC module', text: runtime.gc_module },
    { label: 'Heap', text: `${number(heap.size)} bytes in ${number(heap.objects)} objects; ${number(heap.aligned_size)} bytes with alignment` },
    { label: 'Read', text: `${number(heap.explained_bytes)} of ${number(heap.total_bytes)} bytes of ${plural(heap.segments.length, 'segment')} explained` },
    ...heap.generations.map((/** @type {any} */ c, /** @type {number} */ g) => ({ label: GENERATIONS[g], text: c.count ? `${number(c.count)} objects, ${number(c.size)} bytes` : null })),
    { label: 'Reader', text: `${size(dump.memory)} of WebAssembly memory` },
  ].filter((r) => r.text !== null && r.text !== '');
  return el('section', null,
    el('h3', { text: `${letter} ${visible(facts.file_name)}` }),
    el('dl', { class: 'facts' }, ...rows.flatMap((r) => [el('dt', { text: r.label }), el('dd', null, r.secret ? secret(r.text) : visible(r.text))])),
    findings.length > 0 && el('h4', { text: 'Findings' }),
    ...findings.map((/** @type {any} */ f) => el('p', null, el('code', { text: f.code }), ` ${visible(withCount(f))}`)),
    runtime.evidence.length > 0 && el('details', null, el('summary', { text: 'Evidence for what was found in the runtime' }),
      ...runtime.evidence.map((/** @type {any} */ e) => el('p', null, el('b', { text: visible(e.what) }), ` ${visible(e.value)}: ${visible(e.how)}`))));
}
