// The keys inside the table.

/** @type {{keys: string[], does: string}[]} */
export const KEYS = [
  { keys: ['↑', '↓', 'Home', 'End'], does: 'from row to row' },
  { keys: ['→', 'Enter'], does: 'open a row' },
  { keys: ['←'], does: 'close a row' },
];
