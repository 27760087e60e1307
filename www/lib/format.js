// Numbers, times and names as text. Pure.

const MINUS = '\u2212';

/** A whole number with thousands separators (a table needs 10^5 of them: Intl takes ten times as long). @param {number} n */
export function number(n) {
  const digits = String(Math.abs(Math.round(n)));
  let out = digits.slice(-3);
  for (let end = digits.length - 3; end > 0; end -= 3) out = `${digits.slice(Math.max(0, end - 3), end)},${out}`;
  return n < 0 ? MINUS + out : out;
}

/** A change: `+1,234`, `−1,234`, `0`. @param {number} n */
export function signed(n) {
  return n > 0 ? '+' + number(n) : number(n);
}

/** Bytes for people; MB = 1,048,576 bytes. @param {number} bytes */
export function size(bytes) {
  const abs = Math.abs(bytes);
  const sign = bytes < 0 ? MINUS : '';
  if (abs < 1024) return `${number(bytes)} ${abs === 1 ? 'byte' : 'bytes'}`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let value = abs / 1024;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit >= 2 ? 2 : value < 100 ? 1 : 0;
  return `${sign}${value.toFixed(digits)} ${units[unit]}`;
}

/** Bytes in MB with three digits, so that a column keeps one unit; nothing but 0 is `0`. @param {number} bytes */
export function megabytes(bytes) {
  if (bytes === 0) return '0';
  return fixed(bytes / 1_048_576, 3);
}

/** @param {number} bytes */
export function signedMegabytes(bytes) {
  return bytes > 0 ? '+' + megabytes(bytes) : megabytes(bytes);
}

/** A change in bytes for people: `+19.4 MB`. @param {number} bytes */
export function signedSize(bytes) {
  return bytes > 0 ? '+' + size(bytes) : size(bytes);
}

/** `part` of `whole` in percent, one digit; a dash where there is no whole. @param {number} part @param {number} whole */
export function percent(part, whole) {
  if (whole === 0) return '\u2014';
  return `${fixed((part / whole) * 100, 1)} %`;
}

/** A change in percent of the first value: `+112.3 %`. @param {number} delta @param {number} first */
export function signedPercent(delta, first) {
  return (delta > 0 && first !== 0 ? '+' : '') + percent(delta, first);
}

/** So many digits after the point, thousands separated before it. @param {number} value @param {number} digits */
function fixed(value, digits) {
  const [whole, rest] = Math.abs(value).toFixed(digits).split('.');
  return `${value < 0 ? MINUS : ''}${number(Number(whole))}.${rest}`;
}

/** Share of a heap that was read; never rounds up to 100 or down from it. @param {number} part @param {number} whole */
export function coverage(part, whole) {
  if (whole === 0 || part >= whole) return '100 %';
  const floored = Math.floor((part / whole) * 10000) / 100;
  return `${floored.toFixed(2)} %`;
}

/** A span of time: `1 h 17 min`, `42 s`. @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return s % 60 && minutes < 10 ? `${minutes} min ${s % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} days ${hours % 24} h` : `${hours / 24} days`;
}

/** `22 Nov 2026, 14:05:12 UTC`. @param {number} seconds since 1970 */
export function utc(seconds) {
  return `${utcDate(seconds)}, ${utcTime(seconds)} UTC`;
}

/** Its form is the language's own: `Sun, 22 Nov 2026 14:05:12 GMT`. @param {number} seconds since 1970 */
const utcText = (seconds) => new Date(seconds * 1000).toUTCString();

/** `22 Nov 2026`. @param {number} seconds since 1970 */
export function utcDate(seconds) {
  return utcText(seconds).slice(5, 16).replace(/^0/, '');
}

/** `22 Nov, 14:05:12 UTC`. @param {number} seconds since 1970 */
export function utcShort(seconds) {
  return `${utcDate(seconds).replace(/ \d+$/, '')}, ${utcTime(seconds)} UTC`;
}

/** `14:05:12`, in UTC. @param {number} seconds since 1970 */
export function utcTime(seconds) {
  return utcText(seconds).slice(17, 25);
}

/** `14:05`, in UTC. @param {number} seconds since 1970 */
export const utcClock = (seconds) => utcTime(seconds).slice(0, 5);

/** The reader's own clock: `15:05:12 your time`; empty where that is UTC. @param {number} seconds since 1970 */
export function localTime(seconds) {
  const d = new Date(seconds * 1000);
  return d.getTimezoneOffset() === 0 ? '' : `${d.toTimeString().slice(0, 8)} your time`;
}

/** Last part of a Windows or Unix path. @param {string} path */
export function baseName(path) {
  return path.slice(Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/')) + 1);
}

/** `one type`, `2,462 types`. @param {number} n @param {string} noun */
export function plural(n, noun) {
  return n === 1 ? `one ${noun}` : `${number(n)} ${noun}s`;
}

/**
 * A stranger's text made safe to look at: control characters, bidirectional overrides and invisible spaces become visible.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
