// The frame: choosing and dropping files, dialogs, theme, the page's state, what a screen reader is told.

import { byId, copied, copyButton, el, setText } from '../lib/dom.js';
import { number, plural, visible } from '../lib/format.js';
import { stagesOf } from '../lib/progress.js';
import { pageState } from '../store.js';

/**
 * @param {import('../store.js').Store} store
 * @param {import('../app.js').Actions} actions
 */
export function mountShell(store, actions) {
  const input = byId('dumps');
  /** The dump that the next chosen file replaces. @type {number | null} */
  let replacing = null;

  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = ''; // so that the same file can be chosen again
    if (replacing !== null && files.length === 1) void actions.replace(replacing, files[0]);
    else void actions.add(files);
    replacing = null;
  });

  document.addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const opener = target.closest('[data-dialog]');
    if (opener) {
      target.closest('dialog')?.close();
      byId(opener.getAttribute('data-dialog') ?? '').showModal();
    }
    // Beside a dialog's content is its backdrop.
    if (target instanceof HTMLDialogElement && beside(target, event)) target.close();
    const replace = target.closest('[data-act="replace"]');
    if (replace || target.closest('[data-choose], [data-choose-area]')) {
      const card = replace?.closest('[data-id]');
      replacing = card ? Number(card.getAttribute('data-id')) : null;
      input.click();
    }
  });

  byId('start-over').addEventListener('click', actions.clear);
  mountDrop(actions);
  mountTheme();
  mountKeys(actions);
  mountSample(actions);
  mountCopyMenu(store, actions);
  mountMenus();

  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.prepend(el('header', el('h2', dialog.ariaLabel), el('form', { method: 'dialog' }, el('button', { type: 'submit' }, 'Close ', el('kbd', 'Esc')))));
  }
  for (const line of document.querySelectorAll('dialog .copyline')) {
    line.append(copyButton('Copy', () => line.querySelector('code')?.textContent ?? ''));
  }
  setText(byId('version'), `dropheap ${VERSION}, build ${BUILD}`);
  byId('about-facts').append(
    ...[['Version', VERSION], ['Build', BUILD], ['Source', SOURCE], ['This copy', ONE_FILE ? 'one file, for any disk' : 'from a server']]
      .flatMap(([label, text]) => [el('dt', label), el('dd', el('code', text))]));
  byId('offline').hidden = ONE_FILE;

  // What is being read is lost with the tab; a result is read again in seconds, but not a dump of 12 GB.
  addEventListener('beforeunload', (e) => {
    if (pageState(store.get()) === 'reading') e.preventDefault();
  });

  store.subscribe((s) => {
    const state = pageState(s);
    byId('empty').hidden = state !== 'empty';
    const part = state === 'reading' ? s.result?.soFar : null;
    byId('result').hidden = state !== 'ready' && !part;
    byId('so-far').hidden = !part;
    byId('result').classList.toggle('part', Boolean(part));
    if (part) setText(byId('so-far'), soFarWords(s, part));
    setText(byId('status'), statusOf(s, state));
    // After the views: whoever waits for a state finds the page as it says.
    queueMicrotask(() => (document.body.dataset.state = pageState(store.get())));
  });
}

/** @param {import('../store.js').State} s @param {{id: number, share: number}} part */
function soFarWords({ dumps }, { id, share }) {
  const name = visible(dumps.find((d) => d.id === id)?.file.name ?? '');
  const then = dumps.length > 1 ? ' The comparison comes when all files are read.' : '';
  return share < 1 ? `So far, ${Math.floor(100 * share)} % of the heap of ${name} walked: its counts and sizes still grow.${then}` : `${name} alone, read to its end.${then}`;
}

/** What a screen reader is told: each stage once, never each byte. @param {import('../store.js').State} s @param {string} state */
function statusOf(s, state) {
  if (state === 'empty') return '';
  if (state === 'error') return s.failure ? 'The dumps could not be compared.' : 'No file could be used.';
  if (state === 'ready') {
    const { columns } = /** @type {any} */ (s.result).comparison;
    const failed = s.dumps.filter((d) => d.stage === 'failed').length;
    return `${columns.dumps === 1 ? 'The statistics are' : `The comparison of ${number(columns.dumps)} dumps is`} ready: ${plural(columns.n, 'type')}.` +
      (failed > 0 ? ` ${plural(failed, 'file')} could not be used.` : '');
  }
  return s.dumps.map((d) => {
    if (d.stage === 'failed') return `${d.file.name}: cannot be used.`;
    if (d.stage === 'done') return `${d.file.name}: read.`;
    const now = stagesOf(d).find((x) => x.state === 'now');
    return `${d.file.name}: ${now ? now.name : 'waits'}.`;
  }).join(' ');
}

/** @param {HTMLElement} dialog @param {MouseEvent} event */
function beside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

/** @param {import('../app.js').Actions} actions */
function mountDrop(actions) {
  // dragenter and dragleave fire for every element under the pointer: only the last one out counts.
  let depth = 0;
  const show = () => document.body.classList.toggle('dropping', depth > 0);
  const hasFiles = (/** @type {DragEvent} */ e) => e.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragenter', (e) => {
    if (hasFiles(e)) depth += 1;
    show();
  });
  addEventListener('dragleave', (e) => {
    if (hasFiles(e)) depth = Math.max(0, depth - 1);
    show();
  });
  addEventListener('dragover', (e) => e.preventDefault());
  addEventListener('drop', (e) => {
    // Also for what is no file: a browser would leave the page for it.
    e.preventDefault();
    depth = 0;
    show();
    for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
    take(e.dataTransfer, actions);
  });
}

/** What was dropped or pasted: files, or a listing that was copied. @param {DataTransfer | null} data @param {import('../app.js').Actions} actions */
function take(data, actions) {
  const files = [...(data?.files ?? [])];
  const text = data?.getData('text/plain') ?? '';
  if (files.length > 0) void actions.add(files);
  else if (text.includes('\n')) actions.paste(text);
}

function mountTheme() {
  const root = document.documentElement;
  /** From a file, or with storage switched off, the choice lasts as long as the page. @param {string} [theme] */
  const remembered = (theme) => {
    try {
      if (theme) localStorage.setItem('theme', theme);
      return localStorage.getItem('theme') ?? '';
    } catch {
      return '';
    }
  };
  const before = remembered();
  if (/^(light|dark)$/.test(before)) root.dataset.theme = before;
  byId('theme').addEventListener('click', () => {
    const now = root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    remembered(root.dataset.theme = now === 'dark' ? 'light' : 'dark');
  });
}

/** `/` and `?`: characters that no text of the page takes, so that they act everywhere. @param {import('../app.js').Actions} actions */
function mountKeys(actions) {
  addEventListener('keydown', (e) => {
    const typing = /** @type {HTMLElement} */ (e.target).closest?.('input, textarea, dialog');
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    const search = document.getElementById('search');
    if (e.key === '/' && search && !byId('result').hidden) {
      e.preventDefault();
      search.focus();
      /** @type {HTMLInputElement} */ (search).select();
    }
    if (e.key === '?') {
      e.preventDefault();
      byId('help').showModal();
    }
  });
  // A listing can be pasted anywhere.
  addEventListener('paste', (e) => {
    if (!/** @type {HTMLElement} */ (e.target).closest?.('input, textarea')) take(e.clipboardData, actions);
  });
}

/** @param {import('../app.js').Actions} actions */
function mountSample(actions) {
  const button = byId('sample');
  button.hidden = !(/** @type {any} */ (globalThis).dropheapSample);
  button.addEventListener('click', async () => {
    button.disabled = true;
    await actions.sample();
    button.disabled = false;
  });
}

/** @param {import('../store.js').Store} store @param {import('../app.js').Actions} actions */
function mountCopyMenu(store, actions) {
  const menu = byId('copy-menu');
  menu.addEventListener('click', async (/** @type {any} */ e) => {
    const format = e.target.closest('[data-copy]')?.dataset.copy;
    if (!format) return;
    const summary = closeMenu(menu);
    const done = await copied(summary, await actions.save(format, { names: store.get().spelling === 'csharp' ? 'csharp' : 'sos' }), 'Copy');
    setText(byId('status'), done ? 'Copied.' : 'The browser does not allow copying.');
  });
}

/** Back to what opened it. @param {any} menu */
function closeMenu(menu) {
  const summary = menu.querySelector('summary');
  menu.open = false;
  summary.focus();
  return summary;
}

/** Every menu closes by Escape, and where the pointer or the focus goes elsewhere. */
function mountMenus() {
  const others = (/** @type {Event} */ e) => {
    for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(/** @type {Node} */ (e.target))) /** @type {HTMLDetailsElement} */ (menu).open = false;
  };
  addEventListener('click', others);
  addEventListener('focusin', others);
  addEventListener('keydown', (e) => {
    const menu = e.key === 'Escape' && /** @type {Element} */ (e.target).closest?.('.menu[open]');
    if (menu) closeMenu(menu);
  });
}
