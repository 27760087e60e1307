// Tries every way in which a page can reach another place, towards a name that cannot exist, and counts what the browser reports as refused
// (securitypolicyviolation): a failure alone proves nothing, and sendBeacon even returns true where it was blocked.

/** Reserved by RFC 2606: no such name is ever registered. */
const HOST = 'https://dropheap-selftest.invalid';

/** How long reports are waited for, milliseconds. */
const PATIENCE = 1500;

/**
 * @typedef {'blocked' | 'silent' | 'absent' | 'open' | 'gone'} Outcome  reported as refused; tried, no report; no such way in this browser; not covered
 *   by any policy; deleted by the page
 * @typedef {{key: string, name: string, by: string, silent?: string}} Way  `by`: what refuses it
 */

/** @type {Way[]} */
export const WAYS = [
  { key: 'fetch', name: 'fetch', by: 'connect-src' },
  { key: 'xhr', name: 'XMLHttpRequest', by: 'connect-src' },
  { key: 'beacon', name: 'sendBeacon', by: 'connect-src' },
  { key: 'websocket', name: 'WebSocket', by: 'connect-src' },
  { key: 'eventsource', name: 'EventSource', by: 'connect-src' },
  { key: 'webtransport', name: 'WebTransport', by: 'connect-src' },
  { key: 'worker-fetch', name: 'fetch', by: 'connect-src' },
  { key: 'worker-websocket', name: 'WebSocket', by: 'connect-src' },
  { key: 'worker-script', name: 'scripts inside a worker like those that read the dumps', by: 'script-src' },
  { key: 'worker', name: 'a worker from elsewhere', by: 'worker-src, same-origin rule' },
  { key: 'image', name: 'image', by: 'img-src' },
  { key: 'video', name: 'video', by: 'default-src' },
  { key: 'script', name: 'script', by: 'script-src' },
  { key: 'style', name: 'style sheet', by: 'default-src' },
  { key: 'font', name: 'font', by: 'default-src' },
  { key: 'frame', name: 'frame', by: 'default-src' },
  { key: 'object', name: 'plug-in', by: 'default-src' },
  { key: 'form', name: 'sending a form', by: 'form-action' },
  { key: 'prefetch', name: 'prefetch', by: 'default-src', silent: 'this browser prefetches nothing, or does not say so' },
  { key: 'preload', name: 'preload', by: 'img-src', silent: 'this browser does not say so' },
  { key: 'ping', name: 'the ping of a link', by: 'connect-src', silent: 'this browser sends none from here' },
  { key: 'webrtc', name: 'WebRTC', by: 'no policy covers it; the page deletes RTCPeerConnection before anything else runs' },
];

/** Ways that share a line where they end alike. */
const LINES = [
  ['fetch', 'xhr', 'beacon'], ['websocket', 'eventsource', 'webtransport'], ['worker-fetch', 'worker-websocket', 'worker-script'], ['worker'],
  ['image', 'video'], ['script', 'style', 'font'], ['frame', 'object'], ['form'], ['prefetch', 'preload'], ['ping'], ['webrtc'],
];

/**
 * The outcomes as lines: what ended alike is one.
 * @param {Record<string, Outcome>} outcomes
 * @returns {{name: string, note: string, outcome: Outcome}[]}
 */
export function linesOf(outcomes) {
  const way = (/** @type {string} */ key) => /** @type {Way} */ (WAYS.find((w) => w.key === key));
  return LINES.flatMap((keys) => [...new Set(keys.map((k) => outcomes[k]))].map((outcome) => {
    const ways = keys.filter((k) => outcomes[k] === outcome).map(way);
    const notes = ways.map((w) => (outcome === 'silent' ? w.silent ?? 'it did not work, but the browser did not say that it was refused' : w.by));
    return { name: ways.map((w) => w.name).join(', '), note: [...new Set(notes)].join(', '), outcome };
  }));
}

/** @returns {Promise<Record<string, Outcome>>} */
export async function tryAll() {
  /** @type {Set<string>} */
  const reported = new Set();
  const at = (/** @type {string} */ key) => `${HOST}/${key}`;
  const heard = (/** @type {string} */ uri, /** @type {string} */ directive) => {
    const key = keyOf(uri, directive);
    if (key) reported.add(key);
  };
  const listen = (/** @type {SecurityPolicyViolationEvent} */ e) => heard(e.blockedURI, e.effectiveDirective);
  document.addEventListener('securitypolicyviolation', listen);

  /** @type {Record<string, Outcome>} */
  const outcomes = {};
  for (const { key } of WAYS) outcomes[key] = 'silent';
  const room = document.createElement('div');
  room.className = 'unseen'; // not hidden: what is hidden is not always loaded
  document.body.append(room);
  const quietly = async (/** @type {string} */ key, /** @type {() => unknown} */ act) => {
    try {
      await act();
    } catch (error) {
      if (key === 'worker' && /** @type {any} */ (error)?.name === 'SecurityError') outcomes[key] = 'blocked';
    }
  };
  const put = (/** @type {string} */ tag, /** @type {Record<string, string>} */ attributes) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    room.append(node);
    return node;
  };

  const g = /** @type {any} */ (globalThis);
  /** @type {EventSource[]} */
  const closing = [];
  const pageWays = {
    fetch: () => fetch(at('fetch'), { mode: 'no-cors' }),
    xhr: () => {
      const x = new XMLHttpRequest();
      x.open('GET', at('xhr'));
      x.send();
    },
    beacon: () => navigator.sendBeacon(at('beacon'), 'x'),
    websocket: () => void new WebSocket(at('websocket').replace('https', 'wss')),
    eventsource: () => closing.push(new EventSource(at('eventsource'))),
    webtransport: () => new g.WebTransport(at('webtransport')).ready,
    worker: () => new Worker(at('worker')).terminate(),
    image: () => put('img', { src: at('image'), alt: '' }),
    video: () => put('video', { src: at('video') }),
    script: () => put('script', { src: at('script') }),
    style: () => put('link', { rel: 'stylesheet', href: at('style') }),
    font: () => new FontFace('selftest', `url(${at('font')})`).load(),
    frame: () => put('iframe', { src: at('frame'), title: 'self-test' }),
    object: () => put('object', { data: at('object') }),
    form: () => {
      // Into a frame of its own, so that the page stays even where nothing refuses it.
      put('iframe', { name: 'selftest', title: 'self-test' });
      /** @type {HTMLFormElement} */ (put('form', { action: at('form'), target: 'selftest' })).submit();
    },
    prefetch: () => put('link', { rel: 'prefetch', href: at('prefetch') }),
    preload: () => put('link', { rel: 'preload', as: 'image', href: at('preload') }),
    ping: async () => {
      // Its own navigation would put an end to the form's.
      await pause(100);
      const before = location.href;
      /** @type {HTMLElement} */ (put('a', { href: '#selftest', ping: at('ping') })).click();
      history.replaceState(history.state, '', before);
    },
  };
  if (!('WebTransport' in g)) outcomes.webtransport = 'absent';
  outcomes.webrtc = 'RTCPeerConnection' in g || 'webkitRTCPeerConnection' in g ? 'open' : 'gone';
  const waits = [tryInWorker(heard), ...Object.entries(pageWays).filter(([key]) => outcomes[key] !== 'absent').map(([key, act]) => quietly(key, act))];
  await Promise.race([Promise.allSettled(waits), pause(PATIENCE)]);
  // The reports come in tasks of their own.
  await pause(PATIENCE);
  document.removeEventListener('securitypolicyviolation', listen);
  room.remove();
  for (const source of closing) source.close();
  for (const key of reported) if (key in outcomes) outcomes[key] = 'blocked';
  return outcomes;
}

/**
 * The way that a report is of. Of frames and plug-ins browsers name the place without its path.
 * @param {string} uri  blockedURI @param {string} directive  effectiveDirective
 */
export function keyOf(uri, directive) {
  const [, , host, key] = uri.split('/');
  if (`https://${host}` !== HOST) return '';
  return key?.split('?')[0] || { 'frame-src': 'frame', 'object-src': 'object', 'form-action': 'form' }[directive] || '';
}

const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));

/** A worker that starts from a Blob, as those that read the dumps do. @param {(uri: string, directive: string) => void} heard @returns {Promise<void>} */
function tryInWorker(heard) {
  return new Promise((done) => {
    const url = URL.createObjectURL(new Blob([`(${inWorker})(${JSON.stringify(HOST)},${PATIENCE})`], { type: 'text/javascript' }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => {
      if (data !== null) return heard(data.uri, data.directive);
      worker.terminate();
      URL.revokeObjectURL(url);
      done();
    };
    worker.onerror = () => done();
  });
}

/** Runs inside the worker: knows nothing of this file. @param {string} host @param {number} patience */
function inWorker(host, patience) {
  self.addEventListener('securitypolicyviolation', (/** @type {any} */ e) => self.postMessage({ uri: e.blockedURI, directive: e.effectiveDirective }));
  fetch(`${host}/worker-fetch`, { mode: 'no-cors' }).catch(() => {});
  try {
    new WebSocket(`${host.replace('https', 'wss')}/worker-websocket`);
  } catch {
    // reported all the same
  }
  try {
    /** @type {any} */ (self).importScripts(`${host}/worker-script`);
  } catch {
    // reported all the same
  }
  setTimeout(() => self.postMessage(null), patience);
}

/** `Chromium 156`, `Firefox 140`. @param {string} agent  navigator.userAgent */
export function browserName(agent) {
  for (const [pattern, name] of /** @type {[RegExp, string][]} */ ([[/Firefox\/(\d+)/, 'Firefox'], [/Edg\/(\d+)/, 'Edge'], [/Chrom(?:e|ium)\/(\d+)/, 'Chromium'], [/Version\/(\d+).*Safari/, 'Safari']])) {
    const found = pattern.exec(agent);
    if (found) return `${name} ${found[1]}`;
  }
  return 'this browser';
}
