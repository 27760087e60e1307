// Above the table: warnings, the answer, and the panel of the dumps.

import { answerOf } from '../lib/answer.js';
import { byId, el } from '../lib/dom.js';
import { GENERATIONS, OLD_FIRST, allRows, atLeast, comparedFacts, generationWords, isListing, oneProcess } from '../lib/facts.js';
import { duration, localTime, number, size, utcShort, visible } from '../lib/format.js';
import { notesOf, warningsOf, withCount } from '../lib/warnings.js';
import { secret } from './cards.js';

/** From the side of the last letter, a bar is drawn only down to this share of the longest. */
const LABELLED = 0.2;

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
    if (result && !result.soFar) draw(result, store, actions);
  });
}

/** @param {import('../store.js').Result} result */
export function sidesOf(result) {
  const side = (/** @type {import('../store.js').Dump} */ d, /** @type {string} */ name) => ({ id: d.id, head: d.head, name });
  const sides = result.dumps.map((d, i) => side(d, result.names[i]));
  const all = result.all.map((d, i) => sides.find((s) => s.id === d.id) ?? side(d, String(i + 1)));
  return { sides, all };
}

/** @param {import('../store.js').Result} result @param {import('../store.js').Store} store @param {import('../app.js').Actions} actions */
function draw(result, store, actions) {
  const { sides, all } = sidesOf(result);
  const answer = answerOf(sides, all, result.comparison);

  byId('warnings').replaceChildren(...warningsOf(sides, all, result.comparison.meta.findings).map((w) =>
    el('div.warning', { role: 'note' }, /** @type {Node} */ (document.querySelector('.sign')).cloneNode(true),
      el('p', el('b', w.title), ' ', w.text),
      el('span.row',
        ...(w.offers ?? []).map((o) => el('button', { class: o.primary ? 'primary' : '', onclick: () => actions.compare(o.ids) }, o.label)),
        w.facts && el('button', { 'data-dialog': 'facts' }, 'Which parts?')))));

  const part = (/** @type {import('../lib/answer.js').Part} */ p) => {
    if (typeof p === 'string') return p;
    const tone = p.strong ?? '';
    if (p.link) return el('button', { class: `link number ${tone}`, onclick: () => follow(store, p.link) }, p.text);
    if (p.code) return el('code', p.text);
    return el('b', { class: tone }, p.text);
  };
  byId('answer').replaceChildren(
    el('h1', ...answer.headline.map(part), ' ', el('span.aside', answer.aside)),
    el('dl.lines', ...answer.lines.flatMap((l) => [el('dt', l.label), el('dd', ...l.parts.map(part))])),
  );

  drawPanel(sides, all, result, actions);
  byId('facts-body').replaceChildren(...result.all.map((d, i) => allFacts(d, all[i].name, actions)));
}

/** A number was clicked: the table shows what it is made of, in view. @param {import('../store.js').Store} store @param {any} link */
function follow(store, link) {
  store.set(link);
  byId('diff').scrollIntoView({ block: 'nearest' });
  byId('status').textContent = 'The table shows what this number is made of.';
}

/** @param {import('../lib/warnings.js').Side[]} sides @param {import('../lib/warnings.js').Side[]} all @param {import('../store.js').Result} result @param {import('../app.js').Actions} actions */
function drawPanel(sides, all, result, actions) {
  const notes = notesOf(sides, result.comparison.meta.findings);
  const { same, differ } = comparedFacts(sides.filter((s) => !isListing(s.head)).map((s) => s.head));
  const several = sides.length > 1;
  const words = el('p', same.length > 0 && several && el('b', `Same in ${sides.length === 2 ? 'both' : 'all'}: `), same.join(' · '),
    same.length > 0 && differ.length > 0 && el('br'), differ.length > 0 && el('b', 'Differs: '), differ.map((d) => d.values.join(' → ')).join(' · '));
  const lines = [...new Set(sides.map((s) => s.head.dump.command_line).filter(Boolean))];
  if (lines.length > 0) words.append(' · ', secret(lines.join('\n'), 'command line hidden,'));

  byId('panel').replaceChildren(
    ...(result.all.length > 2 ? [seriesList(sides, all, result, actions)] : dumpLines(sides, result.dumps)),
    ...notes.map((n) => el('p.note-line', el('span.info', { 'aria-hidden': 'true' }), el('span', el('b', 'Note: '), n))),
    el('div.same', words,
      el('span.row',
        several && el('button.small', { title: 'Compare the other way round', onclick: actions.swap }, 'Swap'),
        el('button.small', { 'data-dialog': 'facts' }, 'All facts'))),
  );
}

/** Two dumps at most: time, name, generations as a bar. @param {import('../lib/warnings.js').Side[]} sides @param {import('../store.js').Dump[]} dumps */
function dumpLines(sides, dumps) {
  const most = Math.max(...sides.map((s) => s.head.heap.size), 1);
  const pids = new Set(sides.map((s) => s.head.dump.pid));
  return sides.map(({ head, name }, i) => {
    const { dump: facts, heap } = head;
    const local = facts.captured_at === null ? '' : localTime(facts.captured_at).replace(/^(\d+:\d+):\d+/, '$1').replace(i > 0 ? ' your time' : '', '');
    return el('div.dump', { 'data-memory-bytes': dumps[i].memory },
      name && el('span', { class: `letter ${name === 'B' ? 'last' : ''}` }, name),
      el('div',
        el('p', el('b', takenWords(head)), local && el('span.local', `(${local})`),
          pids.size > 1 && facts.pid !== null && el('span', `· pid ${facts.pid}`),
          facts.uptime !== null && el('span', `· up ${duration(facts.uptime)}`),
          // Cut at its beginning: the end, a date mostly, tells the files apart.
          el('code.file', { title: visible(facts.file_name) }, el('bdi', { dir: 'ltr' }, facts.file_name))),
        el('p.bytes', heap.generations.length > 0 && generationBar(heap, most), el('span', `${atLeast(head)}${number(heap.size)} bytes`))));
  });
}

/** @param {any} head */
function takenWords({ dump }) {
  return dump.captured_at === null ? (dump.format.startsWith('minidump') ? 'capture time unknown' : 'a listing') : utcShort(dump.captured_at);
}

/** More than two: a line each, the first of those compared is the reference. */
function seriesList(/** @type {import('../lib/warnings.js').Side[]} */ sides, /** @type {import('../lib/warnings.js').Side[]} */ all, /** @type {import('../store.js').Result} */ result, /** @type {import('../app.js').Actions} */ actions) {
  const last = sides[sides.length - 1];
  return el('ol.series', ...all.map((side, i) => {
    const { id, name, head } = side;
    const { dump: facts, heap } = head;
    const at = sides.findIndex((s) => s.id === id);
    const from = all.slice(i).filter((s) => oneProcess(s.head.dump, last.head.dump) || s === side || s === last).map((s) => s.id);
    return el('li.dump', { 'data-memory-bytes': result.all[i].memory, title: visible(facts.file_name) },
      el('span', { class: `letter ${at >= 0 ? 'last' : ''}` }, name),
      el('b', takenWords(head)),
      el('span', facts.pid !== null && `pid ${facts.pid}`),
      el('span', facts.uptime !== null && `up ${duration(facts.uptime)}`),
      el('span.bytes', `${atLeast(head)}${size(heap.size)}`),
      at === 0 || side === last || from.length < 2 ? el('span.hint', at === 0 ? 'reference' : at < 0 && 'apart')
        : el('button.small.quiet', { 'aria-label': `set as reference: dump ${name}`, onclick: () => actions.compare(from) }, 'set as reference'));
  }));
}

/** @param {any} heap  HeapFacts @param {number} most  bytes of the longest bar */
export function generationBar(heap, most) {
  const bar = el('span.generations', { role: 'img', 'aria-label': generationWords(heap) });
  for (const g of OLD_FIRST) {
    const bytes = heap.generations[g]?.size ?? 0;
    if (bytes === 0) continue;
    const part = el('span', { class: `part ${GENERATIONS[g].toLowerCase()}`, title: `${GENERATIONS[g]}: ${number(bytes)} bytes` });
    part.style.width = `${(bytes / most) * 100}%`;
    if (g === 2 && bytes > LABELLED * most) part.textContent = `${GENERATIONS[g]} ${size(bytes)}`;
    bar.append(part);
  }
  return bar;
}

/** @param {import('../store.js').Dump} dump @param {string} name @param {import('../app.js').Actions} actions */
function allFacts(dump, name, actions) {
  const { dump: facts, runtime, findings, memory } = dump.head;
  const several = (runtime.candidates ?? []).length > 1;
  return el('section',
    el('h3', `${name} ${facts.file_name}`),
    several && el('p', 'Several runtimes are in this process; the one with the larger heap was read. Read another one:'),
    several && el('p.row', ...runtime.candidates.map((/** @type {any} */ c) => el('button', {
      'aria-pressed': c.used, disabled: c.used || c.heap_bytes === null, title: c.why_not ?? '',
      onclick: () => {
        byId('facts').close();
        actions.retry(dump.id, { runtimeChoice: c.number });
      },
    }, `${c.name}: ${c.heap_bytes === null ? 'no heap found' : size(c.heap_bytes)}`))),
    el('dl.facts', ...allRows(dump.head, dump.memory).flatMap((r) => [el('dt', r.label), el('dd', r.secret ? secret(r.text ?? '') : r.text)])),
    memory && el('h4', 'Memory of the process in the dump, by owner'),
    memory && el('dl.facts.owners', ...memory.owners.flatMap((/** @type {any} */ o) => [el('dt', ownerWords(o.owner)), el('dd', el('b', number(o.bytes)), ` bytes: ${o.how}`)])),
    findings.length > 0 && el('h4', 'Findings'),
    ...findings.map((/** @type {any} */ f) => el('p', el('code', f.code), ` ${withCount(f)}`)),
    runtime.evidence?.length > 0 && el('details', el('summary', 'Evidence for what was found in the runtime'),
      ...runtime.evidence.map((/** @type {any} */ e) => el('p', el('b', e.what), ` ${e.value}: ${e.how}`))));
}

/** `gc-free` as words. @param {string} owner  kebab-case */
function ownerWords(owner) {
  return owner.replaceAll('-', ' ').replace(/^gc /, 'GC: ');
}
