// The report that opens anywhere: one HTML file without a script. Everything from a dump is a stranger's text and is escaped here, once,
// by `text`; the file forbids scripts and connections itself, for whoever opens it. Pure.

import { change, keyOf, lineOf, selection, textOf } from './columns.js';
import { sentence } from './errors.js';
import { GENERATIONS, comparedFacts, isListing } from './facts.js';
import { baseName, duration, number, percent, plural, signed, signedPercent, size, utc, visible } from './format.js';
import { SECTIONS } from './lines.js';

/**
 * @typedef {object} Parts  what it may hold
 * @property {boolean} facts  capture times, pid, runtime, GC
 * @property {boolean} fileNames  of the dumps
 * @property {boolean} modules  names and versions of assemblies
 * @property {boolean} folders  of the executable and the runtime
 * @property {boolean} machine
 * @property {boolean} commandLine
 * @property {boolean} samples  addresses of objects
 *
 * @typedef {object} Input
 * @property {import('./warnings.js').Side[]} sides
 * @property {any} comparison
 * @property {import('./answer.js').Answer} answer
 * @property {import('./warnings.js').Warning[]} warnings
 * @property {string[]} notes
 * @property {'csharp' | 'type'} spelling
 * @property {string} version  of dropheap, with its build
 * @property {number} now  seconds since 1970
 * @property {Map<number, string[]>} samples  by row
 */

/** Rows; what is beyond is summed in one line. */
const MAX_ROWS = 5000;

/** A stranger's text inside an element or a quoted attribute. @param {any} value */
function text(value) {
  return visible(String(value)).replace(/[&<>"']/g, (c) => /** @type {any} */ ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]);
}

/** A name: kept from turning the text around it. @param {any} value */
const name = (value) => `<bdi>${text(value)}</bdi>`;

/** @param {Input} input @param {Parts} parts @returns {string} */
export function reportHtml(input, parts) {
  const { sides, comparison, answer } = input;
  const { meta } = comparison;
  const title = answer.headline.map((p) => p.text).join('');
  const body = [
    `<p class="by">dropheap ${text(input.version)}, report of ${text(utc(input.now))}</p>`,
    ...input.warnings.map((w) => `<p class="warning"><b>${text(w.title)}</b> ${text(w.text)}</p>`),
    `<h1>${text(title)}</h1>`,
    answer.aside ? `<p class="aside">${text(answer.aside)}</p>` : '',
    `<dl>${answer.lines.map((l) => `<dt>${text(l.label)}</dt><dd>${l.parts.map((p) => text(p.text)).join('')}</dd>`).join('')}</dl>`,
    ...input.notes.map((n) => `<p class="aside">Note: ${text(n)}</p>`),
    dumps(sides, parts),
    suspects(input),
    types(input, parts),
    parts.modules ? modules(meta) : '',
    '<p class="aside">Sizes are exact bytes as <code>!dumpheap -stat</code> sums them; MB = 1,048,576 bytes. Objects that nobody holds any more are counted too. This report holds no memory, no field values and no texts of strings.</p>',
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
<title>${text(title)}</title>
<style>${STYLE}</style></head>
<body>
${body.filter(Boolean).join('\n')}
</body></html>
`;
}

/** @param {import('./warnings.js').Side[]} sides @param {Parts} parts */
function dumps(sides, parts) {
  const rows = sides.map(({ head, name: letter }) => {
    const { dump: facts, heap } = head;
    const cells = [
      letter,
      ...(parts.fileNames ? [name(facts.file_name)] : []),
      ...(parts.facts ? [text(isListing(head) ? 'a listing' : facts.captured_at === null ? 'unknown' : utc(facts.captured_at)), facts.pid === null ? '' : `pid ${text(facts.pid)}`, facts.uptime === null ? '' : `up ${text(duration(facts.uptime))}`] : []),
      `${number(heap.objects)} objects`, `${number(heap.size)} bytes`,
      text(GENERATIONS.map((g, i) => (heap.generations[i]?.size > 0 ? `${g} ${size(heap.generations[i].size)}` : '')).filter(Boolean).join(', ')),
    ];
    return `<tr>${cells.map((c) => `<td>${c}</td>`).join('')}</tr>`;
  });
  const lines = [];
  const heads = sides.map((s) => s.head).filter((h) => !isListing(h));
  if (parts.facts && heads.length > 0) {
    const { same, differ } = comparedFacts(heads.map((h) => (parts.machine ? h : { ...h, dump: { ...h.dump, instance_id: null, site_name: null, app_pool: null } })));
    lines.push(`<p>${same.map(text).join(' · ')}${differ.length > 0 ? `<br><b>Differs:</b> ${differ.map((d) => text(d.values.join(' → '))).join(' · ')}` : ''}</p>`);
  }
  const list = (/** @type {string} */ label, /** @type {(h: any) => any} */ of) => {
    const values = [...new Set(heads.map(of).filter(Boolean))];
    if (values.length > 0) lines.push(`<p>${label}: ${values.map((v) => `<code>${name(v)}</code>`).join(', ')}</p>`);
  };
  if (parts.folders) list('Executable', (h) => h.dump.image_path);
  if (parts.folders) list('Runtime', (h) => h.runtime.module);
  if (parts.commandLine) list('Command line', (h) => h.dump.command_line);
  return `<table class="dumps"><tbody>${rows.join('')}</tbody></table>${lines.join('')}`;
}

/** @param {Input} input */
function suspects(input) {
  const { meta, columns, suspects: found } = input.comparison;
  if (!found) return '';
  const typeName = (/** @type {number} */ i) => name(textOf(columns, i, input.spelling));
  const line = (/** @type {string} */ label, /** @type {any} */ t) =>
    `<tr><th scope="row">${label}</th><td>${signed(t.delta_size)}</td><td>${percent(t.delta_size, found.growth)}</td><td>${signed(t.delta_count)}</td></tr>`;
  const section = (/** @type {string[]} */ [title, rule], /** @type {string[]} */ rows) => (rows.length === 0 ? '' : `<h2>${title}</h2><p class="aside">${sentence(rule)}</p>
<table class="types"><thead><tr><th scope="col">Suspect</th><th scope="col">Change of size</th><th scope="col">of growth</th><th scope="col">Change of count</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`);
  const last = columns.dumps - 1;
  const numbers = selection(columns, 'all');
  return [
    section(SECTIONS.supertype,
      found.by_supertype.map((/** @type {any} */ g) => {
        const s = meta.supertypes[g.supertype];
        return line(`${name(input.spelling === 'csharp' ? s.type_name_csharp : s.type_name)} <small>${plural(g.types.rows.length, 'type')}</small>`, g.types.totals);
      })),
    section(SECTIONS.same,
      found.same_number.map((/** @type {any} */ g) => line(`${plural(g.types.rows.length, 'type')}, each ${signed(g.number)}<br><small>${g.types.rows.map(typeName).join(', ')}</small>`, g.types.totals))),
    section(SECTIONS.resized,
      found.resized.map((/** @type {any} */ r) => line(`${typeName(r.row)} <small>${r.slots[0] ?? '?'} to ${r.slots[last] ?? '?'} slots</small>`,
        { delta_size: change(lineOf(numbers, r.row).sizes), delta_count: change(lineOf(numbers, r.row).counts) }))),
    ...found.withheld.map((/** @type {any} */ w) => `<p class="aside">${text(w.reason)}</p>`),
  ].join('');
}

/** @param {Input} input @param {Parts} parts */
function types(input, parts) {
  const { meta, columns } = input.comparison;
  const { n } = columns;
  const several = columns.dumps > 1;
  const numbers = selection(columns, 'all');
  const lines = Array.from({ length: n }, (_, i) => lineOf(numbers, i));
  const changed = (/** @type {number} */ i) => Math.abs(change(lines[i].sizes));
  const order = [...lines.keys()].sort((a, b) => changed(b) - changed(a) || (keyOf(columns, a) < keyOf(columns, b) ? -1 : 1));
  const most = n > 0 ? Math.max(1, changed(order[0])) : 1;
  const cell = (/** @type {string} */ value) => `<td>${value}</td>`;
  const bar = (/** @type {number} */ value) => {
    const width = Math.max(1, Math.round((Math.abs(value) / most) * 100));
    return value === 0 ? '<td></td>' : `<td class="bar"><i class="${!several ? 'plain' : value > 0 ? 'grow' : 'shrink'}" style="width:${width}px"></i></td>`;
  };
  const line = (/** @type {string} */ label, /** @type {any} */ { counts, sizes }, drawn = '<td></td>') => {
    const cells = several
      ? [signed(change(sizes)), signedPercent(change(sizes), sizes[0]), signed(change(counts)), ...[...sizes, ...counts].map(number)]
      : [number(sizes[0]), percent(sizes[0], meta.total.sizes[0]), number(counts[0])];
    return `<tr><th scope="row">${label}</th>${cells.map(cell).toSpliced(1, 0, drawn).join('')}</tr>`;
  };
  const shown = order.slice(0, MAX_ROWS);
  const rows = shown.map((i) => {
    const samples = parts.samples ? input.samples.get(i) : undefined;
    const where = parts.modules && textOf(columns, i, 'module') ? ` <small>${text(textOf(columns, i, 'module'))}</small>` : '';
    return line(`${name(textOf(columns, i, input.spelling))}${where}${samples?.length ? `<br><small>${samples.map(text).join(' ')}</small>` : ''}`, lines[i], bar(change(lines[i].sizes)));
  });
  const names = input.sides.map((s) => s.name);
  const head = several
    ? ['Type', `Change of size, ${names[0]} to ${names.at(-1)}`, '', '%', 'Change of count', ...names.map((l) => `Size ${l}`), ...names.map((l) => `Count ${l}`)]
    : ['Type', 'Size', '', 'of heap', 'Count'];
  const rest = order.length - shown.length;
  const complete = input.sides.every((s) => s.head.heap.complete);
  return `<h2>${plural(n, 'type')}</h2>
<table class="types"><thead><tr>${head.map((h) => `<th scope="col">${text(h)}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody>
<tfoot>${rest > 0 ? `<tr><th scope="row">and ${number(rest)} more types, in the sums below</th></tr>` : ''}${line('Free', meta.free)}${line(complete ? 'Total, as !dumpheap -stat prints it' : 'Total of what was read', meta.total)}</tfoot></table>`;
}

/** @param {any} meta */
function modules(meta) {
  if (meta.assemblies.length === 0) return '';
  const rows = meta.assemblies.map((/** @type {any} */ a) => `<tr><th scope="row">${name(baseName(a.name))}</th><td>${text(a.version ?? '')}</td><td>${text(a.owner)}</td><td>${text(a.reason)}</td></tr>`);
  return `<h2>${rows.length === 1 ? 'One assembly' : `${number(rows.length)} assemblies`} with objects</h2>
<table class="modules"><tbody>${rows.join('\n')}</tbody></table>`;
}

/** What a report says, as plain text, for a look before it is saved. @param {string} html  from reportHtml, or its beginning */
export function wordsOfReport(html) {
  const entities = /** @type {any} */ ({ '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' });
  return html.slice(html.indexOf('<body>') + 6)
    .replace(/\s*<\/(?:p|h1|h2|tr|dd|caption)>\s*/g, '\n').replace(/<\/(?:td|th|dt)>/g, '  ').replace(/<br>/g, '\n  ')
    .replace(/<h[12]>/g, '\n').replace(/<[^>]*>?/g, '').replace(/&(?:lt|gt|quot|#39|amp);/g, (e) => entities[e])
    .replace(/ +\n/g, '\n').trim();
}

const STYLE = `:root{color-scheme:light dark;--ink:light-dark(#16181b,#e9ebee);--ink3:light-dark(#646a73,#959ca6);--page:light-dark(#fff,#181b1f);--line:light-dark(#dcdddf,#2a2e34);--grow:light-dark(#d4610a,#e58236);--shrink:light-dark(#2f74c6,#6ba4ea);--gen2:light-dark(#3f4651,#b6bcc5)}
body{font:13px/20px "Segoe UI",system-ui,sans-serif;color:var(--ink);background:var(--page);margin:24px;font-variant-numeric:tabular-nums}
h1{font-size:24px;line-height:32px;margin:8px 0}h2{font-size:16px;margin:24px 0 6px}p{margin:6px 0;max-width:110ch}.by,.aside,small,dt{color:var(--ink3)}
.warning{border:1px solid;border-left-width:5px;border-radius:6px;padding:8px 12px}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px}dd{margin:0}
table{border-collapse:collapse}th,td{padding:2px 10px;text-align:right;font-weight:400;border-bottom:1px solid var(--line);white-space:nowrap}th[scope=row]{text-align:left;font-family:Consolas,ui-monospace,monospace;font-size:12px;white-space:normal;overflow-wrap:anywhere}
thead th{vertical-align:bottom;color:var(--ink3);position:sticky;top:0;background:var(--page)}thead th:first-child,.dumps td,.modules td{text-align:left}tfoot th,tfoot td{font-weight:700}
code{font-family:Consolas,ui-monospace,monospace;overflow-wrap:anywhere}.bar{text-align:left;min-width:100px}.bar i{display:block;height:10px;box-sizing:border-box}.grow{background:var(--grow)}.plain{background:var(--gen2)}.shrink{border:1px solid var(--shrink)}
@media print{body{margin:0;color:#000;background:#fff}thead th{position:static}}`;
