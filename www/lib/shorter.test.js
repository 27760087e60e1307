import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainer } from '../plainer.mjs';
import { reorder, search, shortTokens, withoutBreaks, withoutEndTags } from '../shorter.mjs';

test('tokens get short names, those of scripts keep theirs, and no two become one', () => {
  const css = ':root{--ink:red;--ink2:blue;--columns:1;--a:2}p{color:var(--ink);left:var(--ink2,var(--a));width:var(--columns);top:var(--ink)}';
  assert.equal(shortTokens(css, 'x.setProperty("--columns",y);i--;--ink'), ':root{--a:red;--c:blue;--columns:1;--b:2}p{color:var(--a);left:var(--c,var(--b));width:var(--columns);top:var(--a)}');
  assert.match(shortTokens(':root{--x:1;--a:2}', "'--a'"), /^:root\{--b:1;--a:2\}$/);
  const many = Array.from({ length: 40 }, (_, i) => `--long-name-${i}:${i}`).join(';');
  assert.equal(new Set(shortTokens(many, '').match(/--[a-z]+/g)).size, 40);
});

test('end tags go only where the next tag says the same', () => {
  assert.equal(withoutEndTags('<ul><li>a</li>\n<li>b <b>c</b></li></ul><p>d</p> e'), '<ul><li>a\n<li>b <b>c</b></ul><p>d</p> e');
  assert.equal(withoutEndTags('<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td><td>c</td></tr></tbody></table>'), '<table><thead><tr><th>a<tbody><tr><td>b<td>c</table>');
  assert.equal(withoutEndTags('<div><p>a</p><p>b</p><button>c</button><p>d</p></div><p>e</p><svg/><p>f</p></template>'), '<div><p>a<p>b</p><button>c</button><p>d</div><p>e</p><svg/><p>f</p></template>');
});

test('line breaks go around blocks, and stay where they are a space', () => {
  assert.equal(withoutBreaks('<div>\n<p>a\n<b>b</b>\n<i>c</i></p>\n</div>\n<button>d</button>\n<button>e</button>\n<section>'), '<div><p>a\n<b>b</b>\n<i>c</i></p></div><button>d</button>\n<button>e</button><section>');
  assert.equal(withoutBreaks('<pre>\n<picture>\n<bdi>\n<code>x</code>\n'), '<pre><picture>\n<bdi>\n<code>x</code>\n');
});

test('glue in which a pattern is not found ends the build', () => {
  assert.throws(() => plainer('export function f() {}'), /has no .* any more \(.*\): look at www\/plainer\.mjs/);
});

/** As terser has it, as far as it is looked at: `f` and `g` are functions, what is in capitals is another line. @param {string} lines */
const script = (lines) => ({ body: [{ body: { TYPE: 'Call', args: [], expression: { body: lines.split(' ').map((name) => (/[A-Z]/.test(name) ? { TYPE: 'SimpleStatement', name: null, text: name } : { TYPE: 'Defun', name: { name }, text: name })) } } }] });
const linesOf = (/** @type {any} */ tree) => tree.body[0].body.expression.body.map((/** @type {any} */ l) => l.text).join(' ');

test('functions go where the list has them; other lines keep their order, and what is in no list comes last', () => {
  const tree = script('A f B g h C');
  reorder(tree, ['g', null, null, 'gone', 'f']);
  assert.equal(linesOf(tree), 'g A B f h C');
  assert.throws(() => reorder({ body: [] }, []), /one function/);
});

test('the search loses no line and moves functions alone', () => {
  const tree = script('A f B g C h');
  const text = { f: 'x'.repeat(40), A: 'y'.repeat(40) };
  const order = search(tree, (line) => /** @type {any} */ (text)[line.text] ?? line.text, 200);
  assert.deepEqual(order.filter((name) => name !== null).toSorted(), ['f', 'g', 'h']);
  assert.equal(order.filter((name) => name === null).length, 3);
  reorder(tree, order);
  assert.equal(linesOf(tree).replace(/[a-z ]/g, ''), 'ABC');
});
