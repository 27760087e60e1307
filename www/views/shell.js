// The frame: choosing and dropping files, dialogs, theme, the page's state, what a screen reader is told.

import { byId, copyButton, setText } from '../lib/dom.js';
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
    if (replacing !== null && files.length === 1) actions.replace(replacing, files[0]);
    else actions.add(files);
    replacing = null;
  });

  document.addEventListener('click', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const opener = target.closest('[data-dialog]');
    if (opener) byId(opener.getAttribute('data-dialog') ?? '').showModal();
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
  mountKeys();
  mountSample(actions);

  const policies = [...document.querySelectorAll('meta[http-equiv]')].map((m) => m.getAttribute('content') ?? '');
  setText(byId('policy'), policies.join('\n\n'));
  for (const line of document.querySelectorAll('.copyline')) {
    line.append(copyButton('Copy', () => line.querySelector('code')?.textContent ?? ''));
  }
  setText(byId('version'), `dropheap ${VERSION}, build ${BUILD}`);
  byId('offline').hidden = ONE_FILE;

  store.subscribe((s) => {
    const state = pageState(s);
    byId('empty').hidden = state !== 'empty';
    byId('result').hidden = state !== 'ready';
    setText(byId('status'), STATUS[state]);
    // After the views: whoever waits for a state finds the page as it says.
    queueMicrotask(() => (document.body.dataset.state = pageState(store.get())));
  });
}

const STATUS = { empty: '', reading: 'Reading.', ready: 'The result is ready.', error: 'No file could be used.' };

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
    actions.add(e.dataTransfer?.files ?? []);
  });
}

function mountTheme() {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  // From a file, or with storage switched off, the choice lasts as long as the page.
  const remembered = () => {
    try {
      return localStorage.getItem('theme');
    } catch {
      return null;
    }
  };
  const theme = remembered();
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  byId('theme').addEventListener('click', () => {
    const now = root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('theme', root.dataset.theme);
    } catch {
      // as above
    }
  });
}

function mountKeys() {
  addEventListener('keydown', (e) => {
    const typing = /** @type {HTMLElement} */ (e.target).closest?.('input, textarea, dialog');
    if (e.key === '/' && !typing && !e.ctrlKey && !e.metaKey && !e.altKey && !byId('result').hidden) {
      e.preventDefault();
      byId('search').focus();
      byId('search').select();
    }
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
