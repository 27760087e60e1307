// Tries every way in which a page can reach another place, towards a name that cannot exist, and counts what the browser reports as refused
// (securitypolicyviolation): a failure alone proves nothing, and sendBeacon even returns true where it was blocked.

/** Reserved by RFC 2606: no such name is ever registered. */
const HOST = 'https://dropheap-selftest.invalid';

/** How long reports are waited for, milliseconds. */
const PATIENCE = 1500;

/**
 * @typedef {'blocked' | 'silent' | 'absent' | 'open' | 'gone'} Outcome  reported as refused; tried, no report; no such way in this browser; not covered
 *   by any policy; deleted by the page
 * @typedef {[key: string, name: string, by: string, silent?: string]} Way  `by`: what refuses it; `silent`: what is said where no report came
 */

/** Ways that share a line where they end alike. @type {Way[][]} */
const LINES = [
  [['fetch', 'fetch', 'connect-src'], ['xhr', 'XMLHttpRequest', 'connect-src'], ['beacon', 'sendBeacon', 'connect-src']],
  [['websocket', 'WebSocket', 'connect-src'], ['eventsource', 'EventSource', 'connect-src'], ['webtransport', 'WebTransport', 'connect-src']],
  [['worker-fetch', 'fetch', 'connect-src'], ['worker-websocket', 'WebSocket', 'connect-src'], ['worker-script', 'scripts inside a worker like those that read the dumps', 'script-src']],
  [['worker', 'a worker from elsewhere', 'worker-src, same-origin rule']],
  [['image', 'image', 'img-src'], ['video', 'video', 'default-src']],
  [['script', 'script', 'script-src'], ['style', 'style sheet', 'default-src'], ['font', 'font', 'default-src']],
  [['frame', 'frame', 'default-src'], ['object', 'plug-in', 'default-src']],
  [['form', 'sending a form', 'form-action']],
  [['prefetch', 'prefetch', 'default-src', 'this browser prefetches nothing, or does not say so'], ['preload', 'preload', 'img-src', 'this browser does not say so']],
  [['ping', 'the ping of a link', 'connect-src', 'this browser sends none from here']],
  [['webrtc', 'WebRTC', 'no policy covers it; the page deletes RTCPeerConnection before anything else runs']],
];

/** Each by its key. */
export const WAYS = LINES.flat().map(([key]) => key);

/**
 * The outcomes as lines: what ended alike is one.
 * @param {Record<string, Outcome>} outcomes
 * @returns {{name: string, note: string, outcome: Outcome}[]}
 */
export function linesOf(outcomes) {
  return LINES.flatMap((line) => [...new Set(line.map(([key]) => outcomes[key]))].map((outcome) => {
    const ways = line.filter(([key]) => outcomes[key] === outcome);
    const notes = ways.map(([, , by, silent]) => (outcome === 'silent' ? silent ?? 'it did not work, but the browser did not say that it was refused' : by));
    return { name: ways.map(([, name]) => name).join(', '), note: [...new Set(notes)].join(', '), outcome };
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
  for (const key of WAYS) outcomes[key] = 'silent';
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
