// Making elements. Text goes in as text nodes alone, with what cannot be seen made visible: names in a dump are a stranger's.

import { visible } from './format.js';

/**
 * `el('p.hint', { title }, 'words', node)`. What is null, undefined or false is left out.
 * @param {string} tag  with its fixed classes
 * @param {...(Record<string, any> | Node | string | number | null | undefined | false)} parts  first, if a plain object, `on…` listeners and attributes, `class`
 *   for what is not fixed; then the children
 * @returns {HTMLElement}
 */
export function el(tag, ...parts) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  node.className = classes.join(' ');
  if (name === 'button') node.setAttribute('type', 'button');
  const there = (/** @type {any} */ x) => x !== null && x !== undefined && x !== false;
  if (parts[0]?.constructor === Object) {
    for (const [key, given] of Object.entries(/** @type {any} */ (parts.shift()))) {
      // What these say is `true` or `false`; the others are there or not.
      const value = key.startsWith('aria-') && typeof given === 'boolean' ? String(given) : given;
      if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
      else if (key === 'class') node.classList.add(...value.split(' ').filter(Boolean));
      else if (there(value)) node.setAttribute(key, value === true ? '' : value);
    }
  }
  node.append(.../** @type {any[]} */ (parts.filter(there).map((x) => (typeof x === 'string' ? visible(x) : x))));
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

/** @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

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
    const area = el('textarea.unseen', { 'aria-hidden': 'true' });
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
  const button = el('button.small', { 'aria-label': said, onclick: () => copied(button, text(), label) }, label);
  return button;
}

/** Copies, and says so in the label of what was pressed, for a moment. @param {Element} node @param {string} text @param {string} label  of before */
export async function copied(node, text, label) {
  const done = await copyText(text);
  node.textContent = done ? 'Copied' : 'Not allowed';
  setTimeout(() => (node.textContent = label), 1500);
  return done;
}
