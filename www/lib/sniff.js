// What a dropped file is taken for until it is read, by its first bytes: a name can say anything. Pure.

/** Bytes that are looked at. */
export const SNIFFED = 2;

/** What begins with none of them is a text, if it is anything. @type {Record<string, 'dump' | 'module'>} */
const BEGINNINGS = { MD: 'dump', PK: 'dump', '\x1f\x8b': 'dump', MZ: 'module' };

/**
 * A module is no side of a comparison. Which of the two others a file is, its card shows; what it is indeed, its worker finds out.
 * @param {Uint8Array} first  the first bytes, SNIFFED of them
 * @returns {'dump' | 'listing' | 'module'}
 */
export const kindOf = (first) => BEGINNINGS[String.fromCharCode(...first)] ?? 'listing';
