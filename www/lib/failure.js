// What is said of an error inside a worker. Pure.

/**
 * The core throws its own words; anything else is a fault: a trap, or memory that ran out.
 * @param {any} error
 * @param {import('../protocol.js').Failure | null} crash  the core's words for a fault of its own
 * @param {string[]} complaints  what was said on the console, a panic's message and place among it
 * @returns {import('../protocol.js').Failure}
 */
export function failureOf(error, crash, complaints) {
  if (typeof error?.code === 'string' && typeof error.hint === 'string') return error;
  const details = [...complaints.slice(-3), `${error?.name ?? 'Error'}: ${error?.message ?? error}`].join('\n');
  if (isOutOfMemory(error, complaints)) return { ...OUT_OF_MEMORY, details };
  return { ...(crash ?? { name: 'Error', code: 'crash', message: String(error), hint: '' }), details };
}

/**
 * The browser says so itself where it cannot make a buffer. Inside the WebAssembly an allocation that fails ends in `unreachable` without a
 * word; every panic has words.
 * @param {any} error @param {string[]} complaints
 */
function isOutOfMemory(error, complaints) {
  if (error?.name === 'RangeError' && /memory|allocation|buffer/i.test(error.message)) return true;
  return error?.name === 'RuntimeError' && /unreachable/.test(error.message) && complaints.length === 0;
}

const OUT_OF_MEMORY = {
  name: 'Error',
  code: 'out-of-memory',
  message: 'the browser gave no more memory',
  hint: '', // errors.js has the next step
};
