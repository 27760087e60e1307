// Browsers, pages and fixtures for the tests of the built pages.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { serve } from '../../www/serve.mjs';
import { findProgram } from '../../www/setup.mjs';
import { targetDir } from '../../www/tools.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const require = createRequire(join(root, 'www', 'package.json'));
const { default: puppeteer } = await import(pathToFileURL(require.resolve('puppeteer-core')).href);

/** Source of axe-core, to run inside a page. */
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const oneFileUrl = pathToFileURL(join(root, 'dist', 'dropheap.html')).href;

/** The pieces in dist/ on a server. */
export const hosted = () => serve(join(root, 'dist'), 0);

/** A folder that is gone when the process ends. @returns {string} */
export function scratch() {
  const dir = mkdtempSync(join(tmpdir(), 'dropheap-web-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Chromium with a profile of its own. @param {object} [options]  of the launch */
export function chromium(options) {
  return puppeteer.launch({
    ...options,
    executablePath: findProgram('chromium'),
    userDataDir: scratch(),
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** Firefox ESR, driven by WebDriver BiDi. @param {object} [options]  of the launch */
export function firefox(options) {
  return puppeteer.launch({ ...options, browser: 'firefox', executablePath: findProgram('firefox-esr'), userDataDir: scratch() });
}

/**
 * Chromium and the pieces on a server, for all tests of a file. `open` gives a fresh page, and what went wrong in it: errors and complaints on the
 * console; `first` is run in it ahead of everything else.
 */
export function inChromium() {
  let server;
  let browser;
  before(async () => {
    server = await hosted();
    browser = await chromium();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
  return {
    server: () => server,
    async open({ kind = 'one file', hash = '', first = null, height = 900 } = {}) {
      const page = await browser.newPage();
      await page.setViewport({ width: 1440, height });
      const wrong = [];
      page.on('pageerror', (error) => wrong.push(error.message));
      page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
      if (first) await page.evaluateOnNewDocument(first);
      await page.goto(`${kind === 'hosted' ? server.url : oneFileUrl}${hash}`, { waitUntil: 'load' });
      return { page, wrong };
    },
  };
}

/** Put in front of every worker's script. @param {string} code @returns {string} for `first` */
export const inWorkers = (code) => `{
  const B = Blob;
  globalThis.Blob = class extends B {
    constructor(parts, options) { super(options?.type === 'text/javascript' ? [${JSON.stringify(code)}, ...parts] : parts, options); }
  };
}`;

/** What axe-core finds, in light and in dark. @param {any} page @returns {Promise<string[]>} */
export async function violations(page) {
  const found = [];
  for (const theme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.evaluate(axeSource);
    const result = await page.evaluate(() => axe.run());
    found.push(...result.violations.map((v) => `${theme}: ${v.id}: ${v.nodes[0].html.slice(0, 200)} ${v.nodes[0].failureSummary}`));
  }
  return found;
}

/** To run in a page ahead of its scripts: its workers that were told to hold the reports are within reach as `holders`, and `ask` calls the last of them. */
export function keepHolders() {
  const Plain = Worker;
  globalThis.holders = [];
  globalThis.Worker = class extends Plain {
    postMessage(message, ...rest) {
      if (message.type === 'reports') globalThis.holders.push(this);
      super.postMessage(message, ...rest);
    }
  };
  let calls = 1e6;
  globalThis.ask = (name, ...args) => new Promise((resolve, reject) => {
    const call = ++calls;
    const holder = globalThis.holders.at(-1);
    holder.addEventListener('message', ({ data }) => {
      if (data.call === call) data.type === 'answer' ? resolve(data.value) : reject(new Error(data.failure.message));
    });
    holder.postMessage({ type: 'call', call, name, args });
  });
}

/**
 * The longest task of the page's own thread while something happens: its processor time, which does not depend on what else the machine does, and
 * its time by the clock; milliseconds. @param {any} page @param {() => Promise<unknown>} act
 */
export async function longestTask(page, act) {
  await page.tracing.start({ categories: ['toplevel', 'devtools.timeline'] });
  await act();
  const { traceEvents: all } = JSON.parse(Buffer.from(await page.tracing.stop()).toString());
  const thread = (/** @type {any} */ e) => `${e.pid}:${e.tid}`;
  // Of the renderers' main threads the page's is the one that lays out.
  const layouts = new Map();
  for (const e of all.filter((e) => e.name === 'Layout')) layouts.set(thread(e), (layouts.get(thread(e)) ?? 0) + 1);
  const [[main]] = [...layouts].sort((a, b) => b[1] - a[1]);
  const tasks = all.filter((e) => thread(e) === main && e.ph === 'X' && /RunTask$/.test(e.name));
  const longest = (/** @type {'tdur' | 'dur'} */ by) => Math.round(Math.max(0, ...tasks.map((e) => e[by] ?? 0)) / 1000);
  return { processor: longest('tdur'), clock: longest('dur'), tasks: tasks.length };
}

/** Waits for `<body data-state>`. */
export async function state(page, wanted, timeout = 120_000) {
  await page.waitForFunction((s) => document.body.dataset.state === s, { timeout }, wanted);
}

/** Chooses files by the stable hook. @param {any} page @param {string[]} paths */
export async function choose(page, paths) {
  const input = await page.$('#dumps');
  await input.uploadFile(...paths);
}

/** What the native build prints. @param {string[]} args */
export function commandLine(args) {
  const done = spawnSync(join(targetDir(), 'debug', 'dropheap'), args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.error || done.status !== 0) throw new Error(`dropheap ${args.join(' ')}: ${done.error ?? done.stderr}`);
  return done.stdout;
}

/** What an export of the core is called in the built page (build.mjs shortens the names). @param {string} name */
export function exportName(name) {
  const { exports } = JSON.parse(readFileSync(join(targetDir(), 'page', 'names.json'), 'utf8'));
  return exports.find(([long]) => long === name)[1];
}

/** Every row of the table by its stable hooks: in the view of types, nothing folded, from the first to the last, since only those in sight are there. */
export async function tableRows(page) {
  await page.click('[data-view="types"]');
  return page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const fold = document.querySelector('[data-fold]');
    if (fold.checked) fold.click();
    await frame();
    const body = document.querySelector('#diff tbody');
    const rows = new Map();
    const top = () => body.getBoundingClientRect().top + scrollY;
    for (let y = 0; ; y += innerHeight) {
      scrollTo(0, top() + y);
      await frame();
      for (const r of document.querySelectorAll('#diff [data-type]')) rows.set(`${r.dataset.type}\t${r.dataset.module}`, { ...r.dataset });
      if (y > body.clientHeight) break;
    }
    scrollTo(0, 0);
    await frame();
    return [...rows.values()].map(({ id, ...row }) => row);
  });
}

/** What `tryToSend` returns where nothing can be sent. */
export const ALL_REFUSED = { page: [true, true, true, true], worker: [true, true, true, true, true], webRtc: 'undefined' };

/**
 * Tries every way to reach an address from the page and from a worker of it, and waits. Says which were seen to fail; whether
 * anything arrived, the server at that address knows.
 */
export async function tryToSend(page, url) {
  const tries = `async (url) => {
    const failed = (f) => Promise.resolve().then(f).then(() => false, () => true);
    const socket = () => new Promise((ok, no) => { const s = new WebSocket(url.replace('http', 'ws')); s.onopen = ok; s.onerror = no; });
    const request = () => new Promise((ok, no) => { const x = new XMLHttpRequest(); x.open('GET', url); x.onload = ok; x.onerror = no; x.send(); });
    const events = () => new Promise((ok, no) => { const e = new EventSource(url); e.onopen = ok; e.onerror = no; });
    return [await failed(() => fetch(url, { mode: 'no-cors' })), await failed(request), await failed(socket), await failed(events)];
  }`;
  const inPage = await page.evaluate(`(${tries})(${JSON.stringify(url)})`);
  const inWorker = await page.evaluate((code, to) => new Promise((resolve) => {
    const source = `onmessage = async ({ data }) => {
      let refused = false;
      try { importScripts(data); } catch { refused = true; }
      postMessage([...(await (${code})(data)), refused]);
    }`;
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(to);
  }), tries, url);
  const webRtc = await page.evaluate((to) => {
    const add = (tag, attributes) => document.body.append(Object.assign(document.createElement(tag), attributes));
    add('img', { src: to });
    add('script', { src: to });
    add('link', { rel: 'stylesheet', href: to });
    add('link', { rel: 'prefetch', href: to });
    add('iframe', { src: to });
    add('object', { data: to });
    add('video', { src: to });
    // A policy that names hashes lets a script from anywhere be asked for, if its integrity is one of them.
    const hash = /'(sha256-[^']+)'/.exec(document.querySelector('meta[http-equiv]').content)?.[1];
    if (hash) add('script', { src: to, integrity: hash, crossOrigin: 'anonymous' });
    const form = document.createElement('form');
    form.action = to;
    form.target = 'elsewhere';
    document.body.append(form);
    try {
      form.submit();
    } catch {
      // Firefox says so; Chromium does not.
    }
    navigator.sendBeacon(to, 'x');
    return typeof RTCPeerConnection;
  }, url);
  await new Promise((done) => setTimeout(done, 500));
  return { page: inPage, worker: inWorker, webRtc };
}

const STAGES = ['afternoon', 'evening'];

/**
 * The dump pairs of tests/fixtures, unpacked.
 * @returns {{name: string, dumps: string[], expected: Map<string, {count: number, size: number}>[]}[]}
 */
export function fixtures() {
  const home = join(root, 'tests', 'fixtures');
  const sets = existsSync(home) ? readdirSync(home).sort().filter((set) => STAGES.every((stage) => existsSync(join(home, set, `${stage}.dmp.gz`)))) : [];
  if (sets.length === 0) throw new Error(`no dump pair in ${home}: FOLDER/{afternoon,evening}.dmp.gz with expected-{afternoon,evening}.csv`);
  const to = scratch();
  return sets.map((set) => {
    const dumps = STAGES.map((stage) => {
      const path = join(to, `${set}-${stage}.dmp`);
      writeFileSync(path, gunzipSync(readFileSync(join(home, set, `${stage}.dmp.gz`))));
      return path;
    });
    return { name: set, dumps, expected: STAGES.map((stage) => expectedTypes(join(home, set, `expected-${stage}.csv`))) };
  });
}

/** What another tool counted: a row per method table, added up by type name. @param {string} path */
function expectedTypes(path) {
  const [head, ...lines] = parseCsv(readFileSync(path, 'utf8'));
  const at = (name) => {
    const i = head.indexOf(name);
    if (i < 0) throw new Error(`${path}: no column ${name}`);
    return i;
  };
  const [name, count, size] = [at('type_name'), at('count'), at('total_size')];
  const types = new Map();
  for (const line of lines) {
    const sum = types.get(line[name]) ?? { count: 0, size: 0 };
    types.set(line[name], { count: sum.count + Number(line[count]), size: sum.size + Number(line[size]) });
  }
  return types;
}

/** @param {string} text @returns {string[][]} */
export function parseCsv(text) {
  const rows = [];
  for (const line of text.split(/\r?\n/).filter((l) => l !== '')) {
    const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((m) => m[1]?.replaceAll('""', '"') ?? m[2]);
    rows.push(cells);
  }
  return rows;
}
