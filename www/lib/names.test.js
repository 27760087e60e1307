import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitName } from './names.js';

const joined = (name) => Object.values(splitName(name)).join('');

test('the namespace ends before the name, not inside its arguments', () => {
  assert.equal(splitName('System.Collections.Generic.Dictionary<System.String, A.B>').namespace, 'System.Collections.Generic.');
  assert.equal(splitName('System.Collections.Generic.Dictionary`2+Entry[[System.String, System.Private.CoreLib]][]').namespace, 'System.Collections.Generic.');
  assert.equal(splitName('A.B.Outer+Inner').namespace, 'A.B.');
  assert.equal(splitName('Program').namespace, '');
});

test('arguments lose their namespaces, in the C# spelling only', () => {
  assert.equal(joined('System.Collections.Generic.List<System.String>'), 'System.Collections.Generic.List<String>');
  assert.equal(joined('A.B<C.D<E.F>.G, H.I[]>.J'), 'A.B<D<F>.G, I[]>.J');
  const classic = 'A.B`1[[System.String, System.Private.CoreLib]]';
  assert.equal(joined(classic), classic);
});

test('names that compilers make stay as they are', () => {
  for (const name of ['Program+<>c__DisplayClass0_0', 'Program+<Main>d__0', '<PrivateImplementationDetails>', '<>f__AnonymousType0<T>', '']) {
    assert.equal(joined(name), name);
  }
});

test('the end of a long name is kept whole: it tells a dictionary from its entries', () => {
  const entries = splitName('System.Collections.Generic.Dictionary<System.String, Contoso.Orders.SomeVeryLongTypeName>.Entry[]');
  assert.ok(entries.tail.endsWith('>.Entry[]'));
  assert.ok(entries.head.startsWith('Dictionary<'));
  assert.equal(splitName('A.UserContext').tail, 'UserContext');
});
