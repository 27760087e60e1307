// The box for a listing that was copied from a debugger.

import { byId } from '../lib/dom.js';

/** @param {import('../app.js').Actions} actions */
export function mountPaste(actions) {
  const box = byId('paste-text');
  byId('paste-go').addEventListener('click', () => {
    if (box.value.trim() === '') {
      box.focus();
      return;
    }
    actions.paste(box.value);
    box.value = '';
    byId('paste').close();
  });
}
