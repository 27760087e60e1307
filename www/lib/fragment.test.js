import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromFragment, toFragment } from './fragment.js';

const usual = {
  view: 'types', order: { by: 'size', dir: -1 }, show: 'all', generation: 'all', owners: { runtime: true, library: true, yours: true },
  hidden: [], spelling: 'csharp', units: 'bytes', fold: true, letters: true, axis: 'clock',
};

test('of the page as it opens there is nothing but the view', () => {
  assert.equal(toFragment(usual), 'view=types');
  assert.deepEqual(fromFragment(''), {});
});

test('every part comes back', () => {
  const other = {
    view: 'namespace', order: { by: 'count:2', dir: 1, chosen: true }, show: 'grown', generation: 'old', owners: { runtime: false, library: true, yours: true },
    hidden: ['average', 'bar'], spelling: 'type', units: 'people', fold: false, letters: false, axis: 'uptime',
  };
  assert.deepEqual(fromFragment(`#${toFragment(other)}`), other);
});

test('nothing of a dump is in it', () => {
  const secret = { ...usual, search: 'Contoso.Secret', opened: ['Contoso.Secret\tContoso'], pinned: ['Contoso.Secret\tContoso'], goTo: 'Contoso.Secret' };
  assert.equal(toFragment(secret), 'view=types');
});

test('a fragment of a stranger sets nothing that the page does not know', () => {
  assert.deepEqual(fromFragment('#view=admin&sort=-<img>&show=__proto__&gen=constructor&hide=search.name&names=x&units=9&time=z'), { hidden: [] });
});
