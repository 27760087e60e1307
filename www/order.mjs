// The order of a WebAssembly module's functions for the smallest gzip: deflate sees 32 KiB back, and functions that were made of one generic, or of
// the same code inlined, lie far apart as they come from the compiler. Nothing but their order changes.

/** Bytes that deflate looks back, less what the next functions take. */
const WINDOW = 22_000;
/** Bytes that count as equal: fewer are everywhere. */
const PIECE = 6;
/** A piece in more functions than this says nothing about what belongs together. */
const COMMON = 60;
/** Added to a length, so that a tiny function does not win by one piece. */
const TINY = 200;

/**
 * The module with a name section in which the functions' names, sorted, give the order: `wasm-opt --reorder-functions-by-name` does the rest.
 * @param {Uint8Array} wasm @returns {Buffer}
 */
export function named(wasm) {
  const { imported, bodies } = functions(wasm);
  const names = [];
  for (const [place, at] of order(bodies).entries()) names[at] = String(place).padStart(6, '0');
  const entries = names.flatMap((name, at) => [...leb(imported + at), name.length, ...Buffer.from(name)]);
  const map = [...leb(names.length), ...entries];
  const section = [4, ...Buffer.from('name'), 1, ...leb(map.length), ...map];
  return Buffer.concat([wasm, Uint8Array.from([0, ...leb(section.length)]), Uint8Array.from(section)]);
}

/**
 * Each next function is the one that has the largest share of its pieces in the window behind it.
 * @param {Uint8Array[]} bodies @returns {number[]}  their indices
 */
export function order(bodies) {
  const pieces = bodies.map((body) => {
    const found = new Set();
    for (let at = 0; at + PIECE <= body.length; at++) {
      let hash = 0x811c9dc5;
      for (let i = at; i < at + PIECE; i++) hash = Math.imul(hash ^ body[i], 0x01000193);
      found.add(hash);
    }
    return found;
  });
  /** @type {Map<number, number[]>} */
  const holders = new Map();
  for (const [at, own] of pieces.entries()) {
    for (const piece of own) {
      const list = holders.get(piece);
      if (list) list.push(at);
      else holders.set(piece, [at]);
    }
  }
  for (const [piece, list] of holders) if (list.length < 2 || list.length > COMMON) holders.delete(piece);

  // How many of each function's pieces are in the window, and how often each piece is there.
  const shared = new Array(bodies.length).fill(0);
  const inside = new Map();
  const move = (/** @type {number} */ at, /** @type {1 | -1} */ by) => {
    for (const piece of pieces[at]) {
      const list = holders.get(piece);
      if (!list) continue;
      const before = inside.get(piece) ?? 0;
      inside.set(piece, before + by);
      if (before + Math.min(by, 0) === 0) for (const holder of list) shared[holder] += by;
    }
  };
  const left = new Set(bodies.keys());
  /** @type {number[]} */
  const ordered = [];
  let size = 0;
  let first = 0;
  while (left.size > 0) {
    let best = -1;
    let most = -1;
    for (const at of left) {
      const share = shared[at] / (pieces[at].size + TINY);
      if (share > most) [most, best] = [share, at];
    }
    left.delete(best);
    ordered.push(best);
    move(best, 1);
    size += bodies[best].length;
    for (; size > WINDOW && first < ordered.length - 1; first++) {
      move(ordered[first], -1);
      size -= bodies[ordered[first]].length;
    }
  }
  return ordered;
}

/** How many functions are imported, and the bodies of the others. @param {Uint8Array} wasm @returns {{imported: number, bodies: Uint8Array[]}} */
function functions(wasm) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = () => {
    const length = number();
    at += length;
  };
  const limits = () => {
    const flags = wasm[at++];
    number();
    if (flags & 1) number();
  };
  let imported = 0;
  const bodies = [];
  while (at < wasm.length) {
    const section = wasm[at++];
    const length = number();
    const end = at + length;
    if (section === 2) {
      for (let count = number(); count > 0; count--) {
        skip();
        skip();
        const kind = wasm[at++];
        if (kind === 0) {
          imported++;
          number();
        } else if (kind === 1) {
          at++;
          limits();
        } else if (kind === 2) limits();
        else at += 2;
      }
    } else if (section === 10) {
      for (let count = number(); count > 0; count--) {
        const length = number();
        bodies.push(wasm.subarray(at, at + length));
        at += length;
      }
    }
    at = end;
  }
  return { imported, bodies };
}

/** @param {number} value @returns {number[]} */
function leb(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
