import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortTokens, withoutEndTags } from '../shorter.mjs';

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
