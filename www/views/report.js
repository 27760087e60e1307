// The report that opens anywhere: one HTML file without a script, drawn by what draws the page and in its style. Whatever comes from a dump is the text of a
// node, which the browser escapes when it writes the markup; the file forbids scripts and connections itself, for whoever opens it.

import { keyOf, textOf } from '../lib/columns.js';
import { el, pause } from '../lib/dom.js';
import { GENERATIONS, allRows } from '../lib/facts.js';
import { baseName, number, plural, signed, utc } from '../lib/format.js';
import { linesOfSuspects, linesOfTypes } from '../lib/lines.js';
import { columnsOf, footRow, headRows, lineNode } from './row.js';
import { TRACK, modelOf, once } from './table.js';

/** Rows; what is beyond is in the sums alone. */
const MAX_ROWS = 5000;

/** Rows with sample addresses. */
export const SAMPLED = 50;

/** Lines of the preview. */
const PREVIEWED = 80;

/** The part that a fact is of, where that is not `facts`. @type {Record<string, string>} */
const PART_OF = {
  Dump: 'types', 'Command line': 'commandLine', 'Written by': 'commandLine', Executable: 'folders', 'Runtime file': 'folders', 'GC module': 'folders',
  'App pool': 'machine', Instance: 'machine', Site: 'machine', Kind: 'types', Heap: 'types', Read: 'types', ...Object.fromEntries(GENERATIONS.map((g) => [g, 'types'])),
};

/**
 * @param {import('../store.js').Result} result  which the page has answered
 * @param {'csharp' | 'type'} spelling
 * @param {Record<string, boolean>} parts  what it may hold, by the keys of save.js
 * @param {import('../analysis.js').ReportsClient} reports
 * @returns {Promise<{text: string, preview: string}>}
 */
export async function reportOf(result, spelling, parts, reports) {
  const { dumps, names, comparison: { columns: c, meta } } = result;
  const said = [...document.querySelectorAll('#warnings, #answer, #panel .note-line')].map((node) => /** @type {Element} */ (node.cloneNode(true)));
  const m = modelOf(result);
  // The heads of columns tell when a dump was taken, and of which process.
  if (!parts.facts) Object.assign(m, { life: '', meta: { ...meta, dumps: meta.dumps.map((/** @type {any} */ d) => ({ ...d, dump: {} })) } });
  const known = once(m, reports, () => {});
  const s = known.selection('all');
  /** @type {import('../lib/lines.js').Context} */
  const context = {
    c, s, rows: [...c.owner.keys()], order: m.k > 1 ? null : { by: 'size', dir: -1 }, ranks: () => known.ranks(spelling), fold: null, spelling, growth: m.growth,
    opened: new Set(known.suspects?.same_number.map(([first]) => `group:same:${keyOf(c, first)}`)),
  };
  const suspects = known.suspects ? linesOfSuspects(context, known.suspects, signed) : [];
  // Those in no group are among the types.
  const end = suspects.findIndex((item) => item.kind === 'section' && /:alone|:rest/.test(item.id));
  const groups = suspects.slice(0, end < 0 ? undefined : end);
  const types = linesOfTypes(context);
  /** @type {Map<number, string>} */
  const samples = new Map();
  for (const item of parts.samples ? types.slice(0, SAMPLED) : []) {
    if (item.kind === 'type') samples.set(item.i, (await reports.detail(item.i)).samples[m.k - 1].flat().slice(0, 4).join(' '));
  }

  /** @param {string} view @param {import('../lib/lines.js').Item[]} items @param {(x: import('./row.js').Shown) => HTMLElement[]} foot */
  const list = async (view, items, foot) => {
    const x = { units: /** @type {const} */ ('bytes'), spelling, view, s, columns: columnsOf(m, 'bytes', view), bars: known.bars(TRACK), room: Infinity, two: false, order: null };
    const body = el('tbody');
    for (const [at, item] of items.entries()) {
      const row = lineNode(item, m, x);
      if (item.kind === 'type') row.children[0].append(...[parts.modules && textOf(c, item.i, 'module'), samples.get(item.i)].filter(Boolean).map((text) => el('span.note', text)));
      body.append(row);
      plain([row, ...row.querySelectorAll('*')]);
      // The page goes on meanwhile.
      if (at % 200 === 199) await pause(0);
    }
    const node = el('table.list', { class: m.k > 1 ? '' : 'one' }, el('thead', ...headRows(m, x)), body, el('tfoot', ...foot(x)));
    node.style.setProperty('--zero', `${x.bars.zero}px`);
    return node;
  };
  /** What is equal in all is said once. @param {any[][]} lines  the first cell of each is its head */
  const table = (lines) => el('table.holds', ...lines.map(([head, ...cells]) => {
    const same = new Set(cells).size < 2;
    return el('tr', el('th', { scope: 'row' }, head), ...(same ? cells.slice(0, 1) : cells).map((text) => el('td', { colspan: same && cells.length }, text)));
  }));

  const facts = dumps.map(({ head }, at) => [
    { label: 'Dump', text: `${names[at]} ${parts.fileNames ? head.dump.file_name : ''}` },
    ...allRows({ ...head, dump: { ...head.dump, entry: parts.fileNames && head.dump.entry } }, 0),
  ]);
  const labels = [...new Set(facts.flat().map(({ label }) => label))].filter((label) => parts[PART_OF[label] ?? 'facts']);
  const main = el('main.report',
    el('p.hint', `dropheap ${VERSION} (${BUILD}), report of ${utc(Date.now() / 1000)}`),
    ...said,
    table(labels.map((label) => [label, ...facts.map((rows) => rows.find((r) => r.label === label)?.text ?? '—')])),
    groups.length > 0 && el('h2', 'Suspects'),
    groups.length > 0 && await list('suspects', groups, () => []),
    el('h2', plural(c.n, 'type')),
    await list('types', types.slice(0, MAX_ROWS), (x) => [
      footRow(m, x, known.sum('all'), 'types', `All ${plural(c.n, 'type')}`, types.length > MAX_ROWS ? [`the rows above are the first ${number(MAX_ROWS)}`] : []),
      footRow(m, x, meta.free, 'free', 'Free'),
      footRow(m, x, meta.total, 'total', m.complete ? 'Total, as !dumpheap -stat prints it' : 'Total of what was read'),
    ]),
    parts.modules && el('h2', 'Assemblies with objects'),
    parts.modules && table(meta.assemblies.map((/** @type {any} */ a) => [baseName(a.name), a.version, a.owner, a.reason])),
    el('p.hint', 'Sizes are exact bytes as ', el('code', '!dumpheap -stat'), ' sums them; MB = 1,048,576 bytes. Objects that nobody holds any more are counted too. This report holds no memory, no field values and no texts of strings.'),
  );
  plain(main.querySelectorAll(':not(tbody *)'));
  for (const node of main.querySelectorAll('.warning .row')) node.remove();
  if (!parts.modules) for (const node of main.querySelectorAll('.warning p')) if (/^The version/.test(node.textContent ?? '')) node.lastChild?.remove();
  // What the page says of facts beside others.
  const kept = (/** @type {string} */ text) => (parts.facts ? text : text.replace(/\bpid \d[\w,: ]*\d/g, 'pid …'));
  const title = main.querySelector('h1')?.textContent ?? '';
  const style = [...document.styleSheets[0].cssRules].map((rule) => rule.cssText).join('\n');
  return {
    preview: kept([...main.querySelectorAll('p, h1, h2, dt, tr')].slice(0, PREVIEWED).map((/** @type {any} */ node) =>
      [...(node.cells ?? (node.matches('dt') ? [node, node.nextSibling] : [node]))].map(wordsOf).join('  ')).join('\n')),
    text: `<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width">
${el('title', title).outerHTML}
<style>${style}</style>
<body>${kept(main.outerHTML)}`,
  };
}

/** Without what only the page has a use for. @param {Iterable<Element>} nodes */
function plain(nodes) {
  for (const node of nodes) {
    const span = node.getAttribute('aria-colspan');
    if (span) node.setAttribute('colspan', span);
    for (const name of node.getAttributeNames()) if (/^(aria|data|role|tab|title)/.test(name) || !node.getAttribute(name)) node.removeAttribute(name);
    if (node.tagName === 'BUTTON') node.replaceWith(el('span', { class: node.className }, ...node.childNodes));
  }
}

/** What stands apart on the screen does so in the preview. @param {Element} node */
const wordsOf = (node) => [...node.childNodes].map((part) => part.textContent).join(node.matches('th, td, p') ? ' ' : '').replace(/ +/g, ' ').trim();
