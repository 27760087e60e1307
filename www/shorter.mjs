// What makes the built page shorter and changes nothing of it: what minifiers leave, since they cannot know that a style sheet, a page and a script
// belong together. Each of them says what it relies on.

import { gzipSync } from 'node:zlib';

/**
 * Custom properties with names of one or two letters; those that a script sets keep theirs. Relies on no script asking for another one.
 * @param {string} css @param {string} script  in which names stand between quotes
 */
export function shortTokens(css, script) {
  const kept = new Set(Array.from(script.matchAll(/(["'`])--([\w-]+)\1/g), (m) => m[2]));
  /** @type {Map<string, number>} */
  const uses = new Map();
  for (const [, name] of css.matchAll(/--([\w-]+)/g)) if (!kept.has(name)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const byUse = [...uses.keys()].sort((a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0) || (a < b ? -1 : 1));
  const free = Array.from({ length: byUse.length + kept.size }, (_, i) => (i < 26 ? '' : 'a') + String.fromCharCode(97 + (i % 26))).filter((name) => !kept.has(name));
  const short = new Map(byUse.map((name, i) => [name, free[i]]));
  return css.replace(/--([\w-]+)/g, (all, name) => (short.has(name) ? `--${short.get(name)}` : all));
}

/** Elements that a `</p>` may be left out before, of those that the page has. */
const ENDS_P = 'details|div|dl|fieldset|footer|form|h[1-6]|header|main|ol|p|pre|section|table|ul';

/**
 * Without the end tags that HTML lets leave out: where the next tag begins what ends the element anyway, or ends what holds it. Relies on the page
 * having no comments any more, and no paragraph inside an `a` or a `noscript`.
 * @param {string} html
 */
export function withoutEndTags(html) {
  const before = (/** @type {string} */ tags, /** @type {string} */ next) => [new RegExp(`</(?:${tags})>(?=\\s*(?:${next})\\b)`, 'g'), ''];
  return [
    before('li', '<li|</[ou]l'), before('t[dh]', '<t[dh]|</tr'), before('tr', '<tr|</t(?:head|body)'), before('thead', '<tbody'), before('tbody', '</table'),
    before('head', '<body'), [/<\/body>\s*<\/html>\s*$/, ''], before('p', `<(?:${ENDS_P})|</(?:article|dialog|div|section|li|td|main)`),
  ].reduce((text, [end, none]) => text.replace(end, /** @type {string} */ (none)), html);
}

/** Elements that begin and end a line by themselves. */
const BLOCKS = `article|body|br|dialog|head|html|l(?:i|ink)|meta|noscript|script|t(?:able|[hrd]|body|head|itle|emplate)|${ENDS_P}`;

/**
 * Without the line breaks around blocks. Relies on the page having none that are shown: no `pre` with text, nothing set to keep white space.
 * @param {string} html
 */
export function withoutBreaks(html) {
  return html.replace(new RegExp(`\\n+(?=</?(?:${BLOCKS})\\b)|(?<=</?(?:${BLOCKS})\\b[^>]*>)\\n+`, 'g'), '');
}

/**
 * Functions in another order: deflate looks back 32 KB, so like should stand beside like. Relies on functions that are declared being there before
 * any other line runs, wherever they stand; the other lines stay in theirs.
 * @param {any} script  terser's tree of a script that is one function called at once
 * @param {(string | null)[]} order  names of functions; null for a line that is none. What is not among them comes last
 */
export function reorder(script, order) {
  const holder = outermost(script);
  const listed = new Set(order);
  const isListed = (/** @type {any} */ line) => line.TYPE === 'Defun' && listed.has(line.name.name);
  const functions = new Map(holder.body.filter(isListed).map((/** @type {any} */ line) => [line.name.name, line]));
  const rest = holder.body.filter((/** @type {any} */ line) => !isListed(line));
  holder.body = [...order.flatMap((name) => (name === null ? rest.splice(0, 1) : functions.get(name) ?? [])), ...rest];
}

/** @param {any} script */
function outermost(script) {
  const call = script.body.length === 1 && script.body[0].body;
  if (call?.TYPE !== 'Call' || call.args.length > 0 || !Array.isArray(call.expression.body)) throw new Error('the script is not one function called at once');
  return call.expression;
}

/**
 * Looks for an order that `reorder` should give: one function after the other is tried elsewhere, and stays where the script is smaller. Takes minutes.
 * @param {any} script  as above @param {(node: any) => string} print @param {number} tries
 * @returns {(string | null)[]}
 */
export function search(script, print, tries) {
  let lines = outermost(script).body.map((/** @type {any} */ line) => ({ name: line.TYPE === 'Defun' ? line.name.name : null, text: print(line) }));
  const size = (/** @type {{text: string}[]} */ of) => gzipSync(of.map((l) => l.text).join(''), { level: 9 }).length;
  let least = size(lines);
  let seed = 1;
  const random = (/** @type {number} */ below) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  for (let n = 0; n < tries; n += 1) {
    const from = random(lines.length);
    if (lines[from].name === null) continue;
    const moved = lines.toSpliced(from, 1);
    moved.splice(random(lines.length), 0, lines[from]);
    const bytes = size(moved);
    if (bytes < least) [least, lines] = [bytes, moved];
  }
  return lines.map((/** @type {{name: string | null}} */ l) => l.name);
}
