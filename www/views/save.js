// Save report: the format, what it holds, and what its first lines are, before anything is written.

import { byId, copied, el, setText } from '../lib/dom.js';
import { number, size } from '../lib/format.js';
import { pageState } from '../store.js';
import { SAMPLED, reportOf } from './report.js';

/** Bytes of a preview. */
const PREVIEW = 4000;

/** @type {{key: string, label: string, type: string, ending: string}[]} */
const FORMATS = [
  { key: 'html', label: 'HTML report, opens anywhere', type: 'text/html', ending: 'html' },
  { key: 'csv', label: 'CSV', type: 'text/csv', ending: 'csv' },
  { key: 'sos', label: 'Text as SOS prints it', type: 'text/plain', ending: 'txt' },
  { key: 'md', label: 'Markdown', type: 'text/markdown', ending: 'md' },
  { key: 'json', label: 'JSON, as the command line', type: 'application/json', ending: 'json' },
];

/** What an HTML report may hold; `in`: the other formats that hold it, too, whether wanted or not. */
const PARTS = [
  { key: 'types', label: 'Types, counts, sizes, groups', on: true, fixed: true, in: ['csv', 'sos', 'md', 'json'] },
  { key: 'facts', label: 'Capture times, pid, runtime, GC', on: true, in: ['json'] },
  { key: 'fileNames', label: 'File names of the dumps', on: true, in: ['json', 'md'] },
  { key: 'modules', label: 'Module names and versions', on: true, in: ['csv', 'json', 'md'] },
  { key: 'folders', label: 'Folders of the program and the runtime', on: false, in: ['json'] },
  { key: 'machine', label: 'Names of the machine, site and pool', on: false, in: ['json'] },
  { key: 'commandLine', label: 'Command line', note: 'masked on the page, too', on: false, in: [], asked: ['json'] },
  { key: 'samples', label: `Sample addresses, of the first ${SAMPLED} types`, on: false, in: [] },
];

/**
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 * @param {import('../analysis.js').ReportsClient} reports
 */
export function mountSave(store, actions, reports) {
  const dialog = byId('save');
  let format = 'html';
  /** @type {Record<string, boolean>} */
  const parts = Object.fromEntries(PARTS.map((p) => [p.key, p.on]));
  let made = '';
  let making = 0;

  byId('save-formats').append(...FORMATS.map((f) =>
    el('label.check', el('input', { type: 'radio', name: 'save-format', value: f.key, checked: f.key === format }), ' ', f.label)));
  byId('save-parts').append(...PARTS.map((p) =>
    el('label.check', el('input', { type: 'checkbox', 'data-part': p.key }), ' ', p.label, p.note && el('span.hint', ` ${p.note}`), el('span.hint.n'))));

  const draw = async () => {
    const mine = ++making;
    const { result } = store.get();
    if (!result) return;
    for (const box of byId('save-parts').querySelectorAll('input')) {
      const part = /** @type {(typeof PARTS)[0]} */ (PARTS.find((p) => p.key === box.dataset.part));
      const free = format === 'html' ? !part.fixed : part.asked?.includes(format);
      box.disabled = !free;
      box.checked = format === 'html' ? parts[part.key] : part.asked?.includes(format) ? parts[part.key] : part.in.includes(format);
      if (part.key === 'types') setText(/** @type {Element} */ (box.parentElement?.querySelector('.n')), ` ${number(result.comparison.columns.n)} rows`);
      if (part.key === 'modules') setText(/** @type {Element} */ (box.parentElement?.querySelector('.n')), ` ${number(result.comparison.meta.assemblies.length)}`);
    }
    const csharp = store.get().spelling === 'csharp';
    let text = '';
    let preview;
    try {
      if (format === 'html') ({ text, preview } = await reportOf(result, store.get().spelling, parts, reports));
      else text = await actions.save(/** @type {any} */ (format), { names: format === 'json' ? undefined : csharp ? 'csharp' : 'sos', withCommandLine: parts.commandLine });
      preview ??= text;
    } catch (failure) {
      preview = String(/** @type {any} */ (failure)?.message ?? failure);
    }
    if (mine !== making) return;
    made = text;
    setText(byId('save-preview'), preview.length > PREVIEW ? `${preview.slice(0, PREVIEW)}\n…` : preview);
    setText(byId('save-size'), text === '' ? '' : `${size(new Blob([text]).size)}`);
    byId('save-go').disabled = byId('save-copy').disabled = text === '';
  };

  dialog.addEventListener('change', (/** @type {any} */ e) => {
    if (e.target.name === 'save-format') format = e.target.value;
    else parts[e.target.dataset.part] = e.target.checked;
    void draw();
  });
  new MutationObserver(() => dialog.open && void draw()).observe(dialog, { attributeFilter: ['open'] });

  byId('save-copy').addEventListener('click', () => copied(byId('save-copy'), made, 'Copy instead'));
  byId('save-go').addEventListener('click', () => {
    const { type, ending } = /** @type {(typeof FORMATS)[0]} */ (FORMATS.find((f) => f.key === format));
    const url = URL.createObjectURL(new Blob([made], { type: `${type};charset=utf-8` }));
    const link = /** @type {HTMLAnchorElement} */ (el('a', { href: url, download: `${fileName()}.${ending}` }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    dialog.close();
  });

  /** By the capture times: no name of a dump, which may name a customer. */
  const fileName = () => {
    const times = store.get().result?.dumps.map((d) => d.head.dump.captured_at).filter((t) => t !== null && t !== undefined) ?? [];
    const stamp = (/** @type {number} */ t) => new Date(t * 1000).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-');
    return ['dropheap', ...(times.length > 0 ? [...new Set([times[0], times[times.length - 1]])].map(stamp) : [])].join('_');
  };

  store.subscribe((s) => {
    if (dialog.open && pageState(s) !== 'ready') dialog.close();
  });
}
