import assert from 'node:assert/strict';
import { test } from 'node:test';
import { change, growth, keyOf, lineOf, selection, sumOf, textOf } from './columns.js';
import { linesOfAssemblies, linesOfNamespaces, linesOfSupertypes, linesOfSuspects, linesOfTypes, slotsOf } from './lines.js';
import { foldedName } from './names.js';
import { nameRanks } from './rows.js';
import { made } from './testing.js';

const { columns: c } = made([
  ['Lib.Context', 'Lib', 'library', [10, 110], [1000, 11000]],
  ['Lib.Inner.Part', 'Lib', 'library', [0, 100], [0, 6000]],
  ['System.String', 'corlib', 'runtime', [50, 70], [500, 2500]],
  ['Lib.ITelemetry[]', 'Lib', 'library', [1, 1], [64_024, 256_024], { base_size: 24, component_size: 8 }],
  ['App.Cart.<>c__DisplayClass1_0', 'App', 'yours', [5, 4], [120, 96]],
  ['App.Cart.<>c__DisplayClass2_0', 'App', 'yours', [5, 5], [120, 120]],
]);
const s = selection(c, 'all');
const context = (more = {}) => ({
  c, s, rows: [0, 1, 2, 3, 4, 5], order: { by: 'size', dir: -1 }, ranks: () => nameRanks(c, 'csharp'), opened: new Set(), fold: null, spelling: 'csharp', ...more,
});
const words = (items) => items.map((i) => (i.kind === 'type' ? textOf(c, i.i, 'csharp') : i.kind === 'group' ? `(${i.label})` : i.kind === 'section' ? `# ${i.label}` : i.kind === 'rule' ? i.text : i.kind));
const fold = (i) => foldedName(textOf(c, i, 'csharp'), textOf(c, i, 'module')) ?? '';

test('types by size, the rule after the fewest that make four fifths, an opened row below its type', () => {
  const x = context({ growth: growth(s), opened: new Set([keyOf(c, 0)]) });
  assert.deepEqual(words(linesOfTypes(x)).slice(0, 4), ['Lib.ITelemetry[]', 'Lib.Context', 'detail', 'Lib.Inner.Part']);
  const flat = context({ rows: [0, 1, 2], growth: 18_000 });
  assert.deepEqual(words(linesOfTypes(flat)), ['Lib.Context', 'Lib.Inner.Part', 'These 2 types make 89 % of the growth', 'System.String']);
});

test('generated names fold into one line with their sum, and open', () => {
  const x = context({ fold });
  const items = linesOfTypes(x);
  const line = items.find((i) => i.kind === 'group');
  assert.equal(line.label, 'App.Cart.<>c__DisplayClass*');
  assert.deepEqual(line.numbers, { counts: [10, 9], sizes: [240, 216] });
  assert.equal(items.length, 5);
  assert.equal(linesOfTypes(context({ fold, opened: new Set([line.id]) })).length, 7);
});

test('a tree of namespaces adds up at each level', () => {
  const closed = linesOfNamespaces(context());
  assert.deepEqual(words(closed), ['(Lib)', '(System)', '(App.Cart)']);
  const sum = (items) => items.reduce((n, i) => n + change(i.numbers.sizes), 0);
  assert.equal(sum(closed), change(sumOf(s, context().rows).sizes));
  const open = linesOfNamespaces(context({ opened: new Set(['namespace:Lib']) }));
  assert.deepEqual(words(open).slice(0, 4), ['(Lib)', 'Lib.ITelemetry[]', 'Lib.Context', '(Inner)']);
  assert.deepEqual(open.slice(1, 4).map((i) => i.level), [2, 2, 2]);
});

test('assemblies add up', () => {
  const items = linesOfAssemblies(context(), () => undefined);
  assert.deepEqual(words(items), ['(Lib)', '(corlib)', '(App)']);
  assert.equal(items.reduce((n, i) => n + i.rows.length, 0), 6);
});

test('an open assembly begins with where it can be moved, and says that it was', () => {
  const about = (name) => (name === 'Lib' ? { owner: 'yours', reason: 'moved by you; otherwise library: product Lib' } : name === 'App' ? { owner: 'yours', reason: 'the entry assembly' } : undefined);
  const items = linesOfAssemblies(context({ opened: new Set(['assembly:Lib', 'assembly:corlib', 'assembly:App']) }), about);
  assert.deepEqual(words(items), ['(Lib)', 'detail', 'Lib.ITelemetry[]', 'Lib.Context', 'Lib.Inner.Part', '(corlib)', 'System.String', '(App)', 'detail', 'App.Cart.<>c__DisplayClass1_0', 'App.Cart.<>c__DisplayClass2_0']);
  assert.deepEqual(items.filter((i) => i.kind === 'detail').map((i) => [i.assembly, i.id]), [['Lib', 'assembly:Lib\n'], ['App', 'assembly:App\n']]);
  assert.deepEqual(items.filter((i) => i.kind === 'group').map((i) => i.note), ['moved by you, 3 types', '1 type', '2 types']);
  assert.equal(new Set(items.map((i) => i.id)).size, items.length);
});

test('supertypes are hollow and say how many of their types pass the filter', () => {
  const [section, line] = linesOfSupertypes(context({ rows: [0, 2] }), [
    { label: 'Interfaces', note: '', groups: [{ name: 'Lib.ITelemetry', name_csharp: 'Lib.ITelemetry', module: 'Lib', owner: 'library', rows: [0, 1] }, { name: 'X', name_csharp: '', module: '', owner: null, rows: [1] }] },
  ]);
  assert.equal(section.kind, 'section');
  assert.deepEqual([line.hollow, line.note, line.rows], [true, '1 of 2 types', [0]]);
});

const suspects = {
  by_supertype: [{ name: 'Lib.I', name_csharp: 'Lib.I', module: 'Lib', owner: 'library', rows: [0, 1], note: '' }],
  same_number: [[0, 1]], resized: [3], alone: [2], withheld: [], complete: true,
};

test('suspects: every type is in one line of the sections that add up', () => {
  const items = linesOfSuspects(context(), suspects, (n) => `+${n}`);
  assert.deepEqual(words(items), [
    '# By interface or base type', '(Lib.I)', '# Same number', '(2 types, each +100)', '# Resized', 'Lib.ITelemetry[]', '# On their own', 'System.String',
    '# Not growing', '(1 type shrank)', '(1 type of equal size)',
  ]);
  const lines = items.filter((i) => (i.kind === 'group' && !i.hollow) || i.kind === 'type');
  const sum = lines.reduce((n, i) => n + change((i.kind === 'type' ? lineOf(s, i.i) : i.numbers).sizes), 0);
  assert.equal(sum, change(sumOf(s, context().rows).sizes));
});

test('suspects of parts of heaps: that a type shrank is not said as a fact', () => {
  const items = linesOfSuspects(context(), { ...suspects, complete: false }, String);
  assert.deepEqual(words(items).slice(-3), ['# Not larger in what was read', '(1 type smaller)', '(1 type of equal size)']);
});

test('suspects under a filter: a group says how many of its types are left', () => {
  const items = linesOfSuspects(context({ rows: [1] }), suspects, (n) => `+${n}`);
  assert.ok(words(items).includes('(1 of 2 types, each +100)'));
});

test('a type that is in two groups opens in one of them', () => {
  const opened = new Set(['group:Lib.I\tLib', `group:same:${keyOf(c, 0)}`, `group:Lib.I\tLib\n${keyOf(c, 0)}`]);
  const items = linesOfSuspects(context({ opened }), suspects, String);
  assert.equal(items.filter((i) => i.kind === 'detail').length, 1);
  assert.equal(new Set(items.map((i) => i.id)).size, items.length);
});

test('pinned types stand on top whatever the filter says, and once', () => {
  const items = linesOfTypes(context({ rows: [0, 1], pinned: new Set([keyOf(c, 1), keyOf(c, 2)]) }));
  assert.deepEqual(words(items), ['# Pinned', 'Lib.Inner.Part', 'System.String', '# Types', 'Lib.Context']);
});

test('slots of an array that was resized', () => {
  assert.deepEqual(slotsOf(c, 3), [8000, 32000]);
  assert.equal(slotsOf(c, 0), null);
});
