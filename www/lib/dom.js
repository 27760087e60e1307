// Making elements. Text goes in as text nodes alone: names in a dump are a stranger's.

/**
 * @param {string} tag
 * @param {Record<string, any> | null} [props]  `class`, `text`, `on…` listeners, `data-…`, `aria-…`, booleans, else attributes
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'text') node.textContent = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** The element of that id. @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id} on the page`);
  return found;
}

/** A fresh copy of what a `<template>` holds. @param {string} id @returns {any} */
export function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/** Sets the text of an element only if it changed: no layout, no words said twice by a screen reader. */
export function setText(/** @type {Element} */ node, /** @type {string} */ text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Copies text; where the browser has no clipboard for the page (plain http, old browsers), by a selection.
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    /** @type {any} */ (area).value = text;
    document.body.append(area);
    /** @type {any} */ (area).select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/**
 * A button that copies, and says so in its own label for a moment.
 * @param {string} label @param {() => string} text @param {string} [said]  by a screen reader, where the label is not enough
 */
export function copyButton(label, text, said) {
  const button = el('button', { type: 'button', class: 'small', text: label, 'aria-label': said });
  button.addEventListener('click', async () => {
    button.textContent = (await copyText(text())) ? 'Copied' : 'Not allowed';
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}
