// What the Copy buttons put on the clipboard. Pure.

/** A CSV cell; one that a spreadsheet would take for a formula gets an apostrophe in front. @param {string | number | null} value */
export function csvCell(value) {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * As the command line's `--format csv`: the rows, then Free.
 * @param {import('./rows.js').Table} table
 * @param {import('./rows.js').Row[]} rows  in the order shown
 * @param {'csharp' | 'type'} spelling
 */
export function toCsv(table, rows, spelling) {
  const head = table.diff
    ? ['type_name', 'module', 'count_1', 'size_1', 'count_2', 'size_2', 'delta_count', 'delta_size']
    : ['type_name', 'module', 'count', 'total_size'];
  const lines = [...rows, table.free].map((r) => [
    r[spelling], r.module, r.countA, r.sizeA, ...(table.diff ? [r.countB, r.sizeB, r.count, r.size] : []),
  ]);
  return [head, ...lines].map((line) => line.map(csvCell).join(',') + '\n').join('');
}

/**
 * @param {import('./rows.js').Table} table
 * @param {import('./rows.js').Row[]} rows  in the order shown
 * @param {'csharp' | 'type'} spelling
 */
export function toMarkdown(table, rows, spelling) {
  const cell = (/** @type {string} */ s) => '`' + s.replace(/[\r\n]/g, ' ').replaceAll('`', 'ˋ').replaceAll('|', '\\|') + '`';
  const number = (/** @type {number | null} */ n) => (n === null ? '' : n.toLocaleString('en-US'));
  const head = table.diff
    ? '| Type | Size A | Size B | Change | Count A | Count B | Change |\n|---|--:|--:|--:|--:|--:|--:|\n'
    : '| Type | Size | Count |\n|---|--:|--:|\n';
  const line = (/** @type {import('./rows.js').Row} */ r, /** @type {string} */ name) => {
    const cells = table.diff ? [r.sizeA, r.sizeB, r.size, r.countA, r.countB, r.count] : [r.sizeA, r.countA];
    return `| ${name} | ${cells.map(number).join(' | ')} |\n`;
  };
  return head + rows.map((r) => line(r, cell(r[spelling]))).join('') + line(table.free, 'Free') + line(table.total, '**Total of the heap**');
}
