// Reads what the walk wants, in the order in which it wants it. One that goes on in the file for long is read as a stream: the browser reads ahead by
// itself, and hands over small pieces in one buffer that is used again. (A read of megabytes by `arrayBuffer` costs more processor time than the
// walk itself, most of it for pages of fresh memory.) Windows here and there are read one by one, several of them at once.

/** Bytes that are read and thrown away rather than begin another stream behind them. */
const NEAR = 1 << 20;

/** Bytes of the buffer; Chromium fills up to 2 MiB at once, Firefox 64 KiB. */
const PIECE = 256 << 10;

/**
 * The streams that are read. What waits for a stream and is known to nobody but who waits is taken for garbage by Chromium 156, and waits for ever.
 * @type {Set<object>}
 */
const streams = new Set();

/** What the browser said; `offset` and `end` are those of the read. */
export class Refused extends Error {
  /** @param {unknown} why @param {number} offset @param {number} end */
  constructor(why, offset, end) {
    super(String(why));
    Object.assign(this, { offset, end });
  }
}

export class Reader {
  #file;
  /** Where the stream is in the file. */
  #at = -1;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader | null} */
  #stream = null;
  #byob = true;
  #buffer = new ArrayBuffer(PIECE);
  /** What a stream gave beyond what was wanted. */
  #rest = new Uint8Array(0);
  /** Single reads under way. @type {{offset: number, end: number, got: Promise<ArrayBuffer>}[]} */
  #flying = [];

  /** @param {Blob} file  offsets are in it: a part of a file (`slice`) will do */
  constructor(file) {
    this.#file = file;
  }

  /**
   * Reads a window.
   * @param {ArrayLike<number>} wanted  `[offset, length, ...]` of it and of those that are likely to follow
   * @param {(bytes: Uint8Array) => void} take  gets its bytes, in order; they are gone afterwards
   */
  async read(wanted, take) {
    const [offset, len] = [wanted[0], wanted[1]];
    const end = offset + len;
    try {
      if (!near(this.#at, offset) && !goesOn(wanted)) return take(await this.#single(wanted));
      if (!near(this.#at, offset)) this.#open(offset);
      while (this.#at < offset) await this.#piece(offset - this.#at);
      while (this.#at < end) take(await this.#piece(end - this.#at));
    } catch (why) {
      throw why instanceof Refused ? why : new Refused(why, offset, end);
    }
  }

  /** The window, while the others are on their way. One that is not wanted any more is let go, one that holds more than is still wanted will do. @param {ArrayLike<number>} wanted */
  async #single(wanted) {
    const before = this.#flying;
    this.#flying = [];
    for (let i = 0; i < wanted.length; i += 2) {
      const [offset, end] = [wanted[i], wanted[i] + wanted[i + 1]];
      let read = before.find((r) => r.offset <= offset && end <= r.end);
      if (!read) {
        read = { offset, end, got: this.#file.slice(offset, end).arrayBuffer() };
        // Let go, it must not become an unhandled rejection.
        read.got.catch(() => {});
      }
      this.#flying.push(read);
    }
    const { offset, got } = /** @type {{offset: number, end: number, got: Promise<ArrayBuffer>}} */ (this.#flying.shift());
    return new Uint8Array(await got, wanted[0] - offset, wanted[1]);
  }

  /** @param {number} offset */
  #open(offset) {
    this.#close();
    this.#at = offset;
    this.#rest = this.#rest.subarray(0, 0);
    const stream = this.#file.slice(offset).stream();
    try {
      this.#stream = stream.getReader({ mode: 'byob' });
      this.#byob = true;
    } catch {
      // A browser whose files have no such streams.
      this.#stream = stream.getReader();
      this.#byob = false;
    }
    streams.add(this.#stream);
  }

  #close() {
    streams.delete(/** @type {object} */ (this.#stream));
    this.#stream?.cancel().catch(() => {});
  }

  /** The stream's next bytes, at most so many. @param {number} most */
  async #piece(most) {
    if (this.#rest.length === 0) {
      const into = this.#byob ? [new Uint8Array(this.#buffer, 0, Math.min(most, PIECE))] : [];
      const { value } = await /** @type {any} */ (this.#stream).read(...into);
      if (!value?.length) throw new Error('the file ends');
      if (this.#byob) this.#buffer = value.buffer;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    this.#at += piece.length;
    return piece;
  }
}

/** Whether `offset` is a little ahead of where a stream is. @param {number} at @param {number} offset */
const near = (at, offset) => at >= 0 && offset >= at && offset - at <= NEAR;

/** Whether each window follows the one before. @param {ArrayLike<number>} wanted */
function goesOn(wanted) {
  for (let i = 2; i < wanted.length; i += 2) if (!near(wanted[i - 2] + wanted[i - 1], wanted[i])) return false;
  return wanted.length > 2;
}
