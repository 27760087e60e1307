// Tries every way in which a page can reach another place, towards a name that cannot exist, and counts what the browser reports as refused
// (securitypolicyviolation): a failure alone proves nothing, and sendBeacon even returns true where it was blocked.

import { el, pause } from './dom.js';

/** Reserved by RFC 2606: no such name is ever registered. */
const HOST = 'https://dropheap-selftest.invalid';

/** How long reports are waited for, milliseconds. */
const PATIENCE = 1500;

/**
 * @typedef {'blocked' | 'silent' | 'absent' | 'open' | 'gone'} Outcome  reported as refused; tried, no report; no such way in this browser; not covered
 *   by any policy; deleted by the page
 * @typedef {[key: string, name: string, by: string, act?: ((to: string) => unknown) | null, silent?: string]} Way  `by`: what refuses it; `act`: tries it
 *   (a worker does, where there is none); `silent`: what is said where no report came
 */

/** Where elements are tried: not hidden, what is hidden is not always loaded. @type {HTMLElement} */
let room;

/** @param {string} tag @param {Record<string, string>} attributes */
const put = (tag, attributes) => {
  const node = el(tag, attributes);
  room.append(node);
  return /** @type {any} */ (node);
};

/** Ways that share a line where they end alike. @type {Way[][]} */
const LINES = [
  [
    ['fetch', 'fetch', 'connect-src', (to) => fetch(to)],
    ['xhr', 'XMLHttpRequest', 'connect-src', (to) => {
      const x = new XMLHttpRequest();
      x.open('GET', to);
      x.send();
    }],
    ['beacon', 'sendBeacon', 'connect-src', (to) => navigator.sendBeacon(to, 'x')],
  ], [
    ['websocket', 'WebSocket', 'connect-src', (to) => void new WebSocket(to.replace('https', 'wss'))],
    ['eventsource', 'EventSource', 'connect-src', (to) => {
      const events = new EventSource(to);
      events.onerror = () => events.close();
    }],
    ['webtransport', 'WebTransport', 'connect-src', (to) => new /** @type {any} */ (globalThis).WebTransport(to).ready],
  ],
  [['worker-fetch', 'fetch', 'connect-src'], ['worker-websocket', 'WebSocket', 'connect-src'], ['worker-script', 'scripts inside a worker like those that read the dumps', 'script-src']],
  [['worker', 'a worker from elsewhere', 'worker-src, same-origin rule', (to) => new Worker(to).terminate()]],
  [['image', 'image', 'img-src', (src) => put('img', { src, alt: '' })], ['video', 'video', 'default-src', (src) => put('video', { src })]],
  [
    ['script', 'script', 'script-src', (src) => put('script', { src })],
    ['style', 'style sheet', 'default-src', (href) => put('link', { rel: 'stylesheet', href })],
    ['font', 'font', 'default-src', (to) => new FontFace('selftest', `url(${to})`).load()],
  ],
  [['frame', 'frame', 'default-src', (src) => put('iframe', { src, title: 'self-test' })], ['object', 'plug-in', 'default-src', (data) => put('object', { data })]],
  [['form', 'sending a form', 'form-action', (action) => {
    // Into a frame of its own, so that the page stays even where nothing refuses it.
    put('iframe', { name: 'selftest', title: 'self-test' });
    put('form', { action, target: 'selftest' }).submit();
  }]],
  [
    ['prefetch', 'prefetch', 'default-src', (href) => put('link', { rel: 'prefetch', href }), 'this browser prefetches nothing, or does not say so'],
    ['preload', 'preload', 'img-src', (href) => put('link', { rel: 'preload', as: 'image', href }), 'this browser does not say so'],
  ],
  [['ping', 'the ping of a link', 'connect-src', async (ping) => {
    // Its own navigation would put an end to the form's.
    await pause(100);
    const before = location.href;
    put('a', { href: '#selftest', ping }).click();
    history.replaceState(history.state, '', before);
  }, 'this browser sends none from here']],
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
    const notes = ways.map(([, , by, , silent]) => (outcome === 'silent' ? silent ?? 'it did not work, but the browser did not say that it was refused' : by));
    return { name: ways.map(([, name]) => name).join(', '), note: [...new Set(notes)].join(', '), outcome };
  }));
}

/** @returns {Promise<Record<string, Outcome>>} */
export async function tryAll() {
  /** @type {Record<string, Outcome>} */
  const outcomes = Object.fromEntries(WAYS.map((key) => [key, 'silent']));
  const heard = (/** @type {string} */ uri, /** @type {string} */ directive) => {
    const key = keyOf(uri, directive);
    if (key in outcomes) outcomes[key] = 'blocked';
  };
  document.onsecuritypolicyviolation = (e) => heard(e.blockedURI, e.effectiveDirective);
  room = el('div.unseen');
  document.body.append(room);
  if (!('WebTransport' in globalThis)) outcomes.webtransport = 'absent';
  outcomes.webrtc = 'RTCPeerConnection' in globalThis || 'webkitRTCPeerConnection' in globalThis ? 'open' : 'gone';
  const tried = LINES.flat().map(async ([key, , , act]) => {
    try {
      await act?.(`${HOST}/${key}`);
    } catch (error) {
      if (key === 'worker' && /** @type {any} */ (error)?.name === 'SecurityError') outcomes[key] = 'blocked';
    }
  });
  await Promise.race([Promise.allSettled([tryInWorker(heard), ...tried]), pause(PATIENCE)]);
  // The reports come in tasks of their own.
  await pause(PATIENCE);
  document.onsecuritypolicyviolation = null;
  room.remove();
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
  fetch(`${host}/worker-fetch`).catch(() => {});
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
  for (const [word, name] of Object.entries({ Firefox: 'Firefox', Edg: 'Edge', Chrome: 'Chromium', Version: 'Safari' })) {
    const version = agent.split(`${word}/`)[1];
    if (version) return `${name} ${parseInt(version)}`;
  }
  return 'this browser';
}
