// What the page found in a dump of the generator (src/synth/big.rs), beside what the generator knows of it. Pure.

/** Of types of an unloaded assembly: the runtime's own tools have no name for them, the page has. */
const UNNAMED = '<Unloaded Type>';

/** What is beyond the rows that are kept (limits.rs, MAX_ROWS) is one row of this name. */
const OTHERS = '<other method tables>';

/** @typedef {{count: number, size: number, type: string}} Row */

/**
 * `expected-evening.csv`, by method table.
 * @param {AsyncIterable<string>} lines
 * @returns {Promise<Map<string, Row>>}
 */
export async function expectedRows(lines) {
  const rows = new Map();
  for await (const line of lines) {
    const [, table, count, size, type] = /^([0-9a-f]{16}),(\d+),(\d+),(.*)$/.exec(line) ?? [];
    if (table) rows.set(table, { count: Number(count), size: Number(size), type: type.replace(/^"|"$/g, '').replaceAll('""', '"') });
  }
  return rows;
}

/**
 * What the page says to the row, against what is right, as sentences. Where the page has more method tables than rows, those that it shows must be right
 * each, the others in their sum, and the page must say how many they are.
 * @param {Map<string, Row>} want  by method table
 * @param {string} listing  what the page saves "as SOS prints it": a row for each method table
 * @param {Record<string, string>[]} shown  the table's rows, by their stable hooks: a row for each type
 * @param {string} words  the warnings on the page
 * @returns {string[]}
 */
export function compared(want, listing, shown, words) {
  const wrong = [];
  let equal = 0;
  const [rest, others] = [new Map(want), { count: 0, size: 0 }];
  /** What the table should show: the types of the method tables that are told. @type {Map<string, Row>} */
  const types = new Map();
  const add = (/** @type {string} */ type, /** @type {{count: number, size: number}} */ { count, size }) => {
    const sum = types.get(type) ?? { type, count: 0, size: 0 };
    types.set(type, { type, count: sum.count + count, size: sum.size + size });
  };
  for (const [, table, count, size, name] of listing.matchAll(/^([0-9a-f]{16}) +(\d+) +(\d+) (.*)$/gm)) {
    const [row, type] = [{ count: Number(count), size: Number(size) }, name.trim()];
    add(type, row);
    if (type === OTHERS) {
      Object.assign(others, row);
      continue;
    }
    const right = rest.get(table);
    rest.delete(table);
    if (right && same(right, row) && (right.type === type || right.type === UNNAMED)) equal += 1;
    else wrong.push(`wrong: method table ${table}: ${told({ ...row, type })}, expected ${right ? told(right) : 'none, or not twice'}`);
  }
  const sum = [...rest.values()].reduce((all, r) => ({ count: all.count + r.count, size: all.size + r.size }), { count: 0, size: 0 });
  const out = [`${equal} of ${want.size} method tables equal`];
  if (others.count > 0) {
    out.push(`the other ${rest.size} in one row: ${told(others)}`);
    if (!words.includes(`the smallest ${rest.size},`)) wrong.push(`wrong: the page does not say that the smallest ${rest.size} are in one row`);
  }
  if (!same(sum, others)) wrong.push(`wrong: ${rest.size} method tables have no row of their own: ${told(others)}, expected ${told(sum)}`);

  let rows = 0;
  for (const { type, countA, countB, sizeA, sizeB } of shown) {
    const row = { count: Number(countA || countB), size: Number(sizeA || sizeB) };
    const known = types.get(type);
    // Several assemblies may have a type of one name: what is left must come to nothing.
    if (known) types.set(type, { type, count: known.count - row.count, size: known.size - row.size });
    else wrong.push(`wrong: the table has ${told({ ...row, type })}, which no method table has`);
    rows += 1;
  }
  const unequal = [...types.values()].filter((t) => !same(t, { count: 0, size: 0 }));
  wrong.push(...unequal.map((t) => `wrong: the table lacks ${told(t)}`));
  out.push(`${types.size - unequal.length} of ${types.size} types equal in the ${rows} rows of the table`);
  if (wrong.length > 0) out.push(`${wrong.length} WRONG`, ...wrong.slice(0, 10));
  return out;
}

/** @param {{count: number, size: number}} a @param {{count: number, size: number}} b */
function same(a, b) {
  return a.count === b.count && a.size === b.size;
}

/** @param {{count: number, size: number, type?: string}} row */
function told({ count, size, type }) {
  return `${count} objects of ${size} bytes${type === undefined ? '' : ` of ${type}`}`;
}
