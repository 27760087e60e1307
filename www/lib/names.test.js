import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emphasis, foldedName, pieces, shorten, splitName } from './names.js';

const joined = (name) => Object.values(splitName(name)).join('');
const shown = (name, room) => Object.values(shorten(name, room)).join('');

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

test("the guide's rule: the namespace to two words, to one, then the middle; never longer than the room, and the end stays", () => {
  const long = 'Microsoft.ApplicationInsights.Extensibility.Implementation.OperationContext';
  assert.equal(shown(long, 80), long);
  assert.equal(shown(long, 50), 'Microsoft.ApplicationInsights.…OperationContext');
  assert.equal(shown(long, 40), 'Microsoft.…OperationContext');
  const node = 'System.Collections.Concurrent.ConcurrentDictionary<System.String, Contoso.CacheEntry>.Node';
  assert.equal(shown(node, 60), 'System.…ConcurrentDictionary<String, CacheEntry>.Node');
  for (const room of [30, 36, 44, 52]) {
    assert.ok(shown(node, room).length <= room, `${room}: ${shown(node, room)}`);
    assert.ok(shown(node, room).endsWith('>.Node'));
  }
  assert.equal(shown('X'.repeat(10_000), 40).length, 40);
});

const strong = (csharp, classic, module) =>
  pieces(splitName(csharp), emphasis(classic, module, (a) => a === 'Contoso')).filter((p) => p.tone === 'strong').map((p) => p.text).join('|');

test('what stands out: the definition by its module, arguments by the assemblies in the classic name', () => {
  assert.equal(strong('Contoso.Order', 'Contoso.Order', 'Contoso'), 'Order');
  assert.equal(strong('Contoso.Order[]', 'Contoso.Order[]', 'Contoso'), 'Order[]');
  assert.equal(strong('System.String', 'System.String', 'CoreLib'), '');
  assert.equal(strong('S.List<Contoso.Order>', 'S.List`1[[Contoso.Order, Contoso]]', 'CoreLib'), 'Order');
  assert.equal(
    strong('S.Dictionary<System.Int32, Contoso.Order>.Entry[]', 'S.Dictionary`2+Entry[[System.Int32, CoreLib],[Contoso.Order, Contoso]][]', 'CoreLib'),
    'Order',
  );
  assert.equal(strong('Contoso.Cache<System.String>', 'Contoso.Cache`1[[System.String, CoreLib]]', 'Contoso'), 'Cache');
});

test('pieces joined are the name, whatever is in it', () => {
  for (const name of ['A.B<C<D>[], E>.F[,]', '<>c__DisplayClass0_0', 'a]b[c>d<', '<img src=x onerror=alert(1)>', '']) {
    assert.equal(pieces(splitName(name), { strong: false, words: new Set() }).map((p) => p.text).join(''), joined(name));
  }
});

test('generated names fold to what they have in common; written ones stay', () => {
  const same = (a, b, module = 'M') => {
    assert.notEqual(foldedName(a, module), null, a);
    assert.equal(foldedName(a, module), foldedName(b, module));
  };
  same('Shop.Cart+<>c__DisplayClass12_0', 'Shop.Cart+<>c__DisplayClass3_1');
  same('System.Data.Entity.DynamicProxies.Order_1F0C33A0B2D44E55', 'System.Data.Entity.DynamicProxies.Order_99AC33A0B2D44E11');
  same('Castle.Proxies.IOrderProxy_1', 'Castle.Proxies.IOrderProxy_27');
  same('Microsoft.Xml.Serialization.GeneratedAssembly.XmlSerializationReader1', 'Microsoft.Xml.Serialization.GeneratedAssembly.XmlSerializationReader12');
  assert.equal(foldedName('ASP.cart_aspx', 'App_Web_x1y2z3'), foldedName('ASP.cart_aspx', 'App_Web_q9'));
  for (const name of ['System.Int32', 'System.Tuple`2', 'A.Proxy', 'Sha256', 'Contoso.Http2Connection', 'System.Collections.Generic.List`1[[System.Int64, CoreLib]]']) {
    assert.equal(foldedName(name, 'System.Private.CoreLib'), null, name);
  }
});
