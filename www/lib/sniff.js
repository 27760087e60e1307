// Which reader a dropped file is for, by its first bytes: a name can say anything. Pure.

/** First bytes that are looked at. */
export const SNIFFED = 4096;

/** Larger than this, a text is no listing. */
export const MAX_TEXT = 64 * 1024 * 1024;

/**
 * @param {Uint8Array} first  the first bytes, SNIFFED at most
 * @param {string} name
 * @param {number} size  of the file
 * @returns {'dump' | 'text' | 'events' | 'module'}  'dump' also for what nobody knows: that reader says what it seems to be
 */
export function kindOf(first, name, size) {
  if (first[0] === 0x4d && first[1] === 0x5a) return 'module'; // MZ
  const text = textOf(first);
  if (text === null) return 'dump';
  if (/^\s*(<\?xml[^>]*>\s*)?(<!-{2}.*?-{2}>\s*)*<Events?[\s>]/.test(text) || (/^\s*<\?xml/.test(text) && /event/i.test(name))) return 'events';
  if (/^\s*<(!doctype\s+html|html)/i.test(text)) return 'dump';
  return size <= MAX_TEXT ? 'text' : 'dump';
}

/** The bytes as text, or null if they are none. @param {Uint8Array} bytes @returns {string | null} */
function textOf(bytes) {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes.length === 0) return null;
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 0x1b) return null;
  }
  return new TextDecoder().decode(bytes);
}
