// Reads windows of a file ahead of their use. The reads run in a worker of their own: a browser hands over the bytes of a Blob on the thread
// that asked for them, and the one that walks is busy.

/** @typedef {Uint8Array<ArrayBuffer> | {refused: string}} Got  a read never rejects: one that is let go must not become an unhandled rejection */

export class Ahead {
  /** @type {{offset: number, end: number, got: Promise<Got>}[]} */
  #flying = [];
  #read;

  /** @param {(offset: number, end: number) => Promise<Got>} read */
  constructor(read) {
    this.#read = read;
  }

  /**
   * The first of the wanted windows, while the others are on their way. Only the first one is certain: a read that is not wanted any
   * more is let go, one that holds more than is still wanted will do.
   * @param {[offset: number, len: number][]} wanted
   * @returns {Promise<{offset: number, end: number, got: Got}>}
   */
  async first(wanted) {
    const before = this.#flying;
    this.#flying = wanted.map(([offset, len]) => before.find((w) => w.offset <= offset && offset + len <= w.end)
      ?? { offset, end: offset + len, got: this.#read(offset, offset + len) });
    const first = /** @type {{offset: number, end: number, got: Promise<Got>}} */ (this.#flying.shift());
    return { offset: first.offset, end: first.end, got: await first.got };
  }
}

/** @param {Blob} file @param {number} offset @param {number} end @returns {Promise<Got>} */
export function readHere(file, offset, end) {
  return file.slice(offset, end).arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    (refused) => ({ refused: String(refused) }),
  );
}

/** What the reading worker does: the whole of it. */
const READER = `let file;
onmessage = async ({ data }) => {
  if (data instanceof Blob) { file = data; return; }
  const [number, offset, end] = data;
  try {
    const buffer = await file.slice(offset, end).arrayBuffer();
    postMessage([number, buffer], [buffer]);
  } catch (refused) {
    postMessage([number, String(refused)]);
  }
};`;

/**
 * Reads in a worker inside this worker, which ends with it; here, where there can be none.
 * @param {Blob} file  offsets are in it: a part of a file (`slice`) will do
 * @returns {(offset: number, end: number) => Promise<Got>}
 */
export function readBeside(file) {
  /** @type {Map<number, (got: Got) => void>} */
  const waiting = new Map();
  let next = 0;
  /** @type {Worker | null} */
  let reader = null;
  const here = () => {
    // What it was asked for is read again.
    reader = null;
    for (const again of [...waiting.values()]) again({ refused: '' });
    waiting.clear();
  };
  try {
    reader = new Worker(URL.createObjectURL(new Blob([READER], { type: 'text/javascript' })));
    reader.onerror = here;
    reader.onmessage = ({ data: [number, got] }) => {
      waiting.get(number)?.(typeof got === 'string' ? { refused: got } : new Uint8Array(got));
      waiting.delete(number);
    };
    reader.postMessage(file);
  } catch {
    here();
  }
  return async (offset, end) => {
    if (reader !== null) {
      const number = next++;
      /** @type {Promise<Got>} */
      const answer = new Promise((resolve) => waiting.set(number, resolve));
      reader.postMessage([number, offset, end]);
      const got = await answer;
      if (reader !== null) return got;
    }
    return readHere(file, offset, end);
  };
}
