// Builds the page by the recipe (wasm-pack.toml): `dist/` in pieces for hosting, and `dist/dropheap.html` in one file for file://.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { named } from './order.mjs';
import { plainer } from './plainer.mjs';
import { reorder, search, shortTokens, withoutBreaks, withoutEndTags } from './shorter.mjs';
import { Stop, output, root, run, say, script, targetDir, wasmBindgenPath, www } from './tools.mjs';

/** Builds both. @returns {Promise<{outDir: string, oneFile: string}>} */
export async function build() {
  // Not at the top: node_modules may be installed only now.
  const { parse } = await import('smol-toml');
  const esbuild = await import('esbuild');
  const recipe = /** @type {any} */ (parse(readFileSync(join(root, 'wasm-pack.toml'), 'utf8')));
  const outDir = join(root, recipe.build['out-dir']);

  const { packed, glue } = await buildWasm(recipe);
  budget('the WebAssembly', packed.length, recipe.budget['wasm-gzip']);

  say('Bundling the page (esbuild)');
  const worker = await bundle(esbuild, 'worker.js', { 'dropheap-wasm': { path: glue } }, { 'Symbol.dispose': 'undefined' });
  const embedded = {
    'embedded:wasm': { contents: packed.toString('base64') },
    'embedded:worker': { contents: worker },
  };
  const html = withoutBreaks(withoutEndTags(read('index.html').replace(/<!-{2}[^]*?-{2}>/g, '').replace(/\n\s+/g, '\n').replace(/(?<= [\w-]+=)"([\w.-]+)"(?!\/)/g, '$1')));
  const source = sourceHash();
  const app = (/** @type {boolean} */ oneFile, /** @type {string} */ buildId) => bundle(esbuild, 'app.js', embedded, {
    VERSION: JSON.stringify(packageVersion()),
    SOURCE: JSON.stringify(source),
    BUILD: JSON.stringify(buildId),
    ONE_FILE: String(oneFile),
  });
  const css = shortTokens((await esbuild.transform(styles(), { loader: 'css', minify: true })).code.trim(), await app(false, ''));
  const buildId = createHash('sha256').update(await app(false, '')).update(css).update(html).digest('hex').slice(0, 8);
  const sample = sampleScript(recipe);

  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  const hosted = await app(false, buildId);
  const zipped = (/** @type {string[]} */ ...texts) => texts.reduce((n, text) => n + gzipSync(text, { level: 9 }).length, 0);
  budget('the page', zipped(hosted, css, html), recipe.budget['page-gzip']);
  budget('the page without the WebAssembly', zipped(hosted.replace(embedded['embedded:wasm'].contents, ''), css, html), recipe.budget['code-gzip']);
  const pieces = sample === null ? html.replace('<script src=sample.js defer></script>', '') : html;
  write(outDir, 'index.html', pieces);
  write(outDir, 'app.css', css);
  write(outDir, 'app.js', hosted);
  if (sample !== null) write(outDir, 'sample.js', sample);
  const oneFile = recipe.build['one-file'];
  const all = inOneFile(html, css, sample, await app(true, buildId));
  budget('the one file without the sample', Buffer.byteLength(all) - (sample?.length ?? 0), recipe.budget['one-file'], '');
  budget('the one file', Buffer.byteLength(all), recipe.budget['one-file-sample'], '');
  write(outDir, oneFile, all);
  return { outDir, oneFile: join(outDir, oneFile) };
}

/** Of everything that a build is made from, by path: what a stranger compares with a commit's own. */
function sourceHash() {
  const hash = createHash('sha256');
  const add = (/** @type {string} */ path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = `${path}/${entry.name}`;
      if (entry.name === 'node_modules' || /\.test\.m?js$/.test(entry.name)) continue;
      if (entry.isDirectory()) add(inner);
      else hash.update(`${inner}\0`).update(readFileSync(join(root, inner))).update('\0');
    }
  };
  for (const file of ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', 'wasm-pack.toml']) hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
  add('src');
  add('www');
  return hash.digest('hex');
}

/** @param {any} recipe @returns {Promise<{packed: Buffer, glue: string}>} */
async function buildWasm(recipe) {
  const { target, profile } = recipe.build;
  say('Building the WebAssembly (cargo, wasm-bindgen, wasm-opt, zopfli)');
  const features = recipe.build['target-features'].map((/** @type {string} */ f) => `+${f}`).join(',');
  const flags = [...places().map(([from, to]) => `--remap-path-prefix=${from}=${to}`), '-C', `target-feature=${features}`].join('\x1f');
  run('cargo', ['build', '--lib', '--locked', '--target', target, '--profile', profile], { env: { CARGO_ENCODED_RUSTFLAGS: flags } });
  const work = join(targetDir(), 'page');
  const raw = join(targetDir(), target, profile, 'dropheap.wasm');
  run(wasmBindgenPath(), [...recipe['wasm-bindgen'].flags, '--out-dir', work, raw]);
  const bound = join(work, 'dropheap_bg.wasm');

  // These steps take longer than all the rest of a build without changes.
  const { flags: shrink, finish } = recipe['wasm-opt'];
  const { iterations } = recipe.zopfli;
  const steps = JSON.stringify([shrink, finish, iterations]);
  const key = createHash('sha256').update(readFileSync(bound)).update(steps).update(read('order.mjs')).digest('hex');
  const optimised = join(work, 'optimised.wasm');
  const packed = `${optimised}.gz`;
  const stamp = join(work, 'optimised.sha256');
  const names = join(work, 'names.json');
  if (!existsSync(packed) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== key) {
    const wasmOpt = join(www, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
    const unordered = join(work, 'unordered.wasm');
    run(process.execPath, [wasmOpt, ...shrink, bound, '-o', unordered]);
    writeFileSync(unordered, named(readFileSync(unordered)));
    const shortened = output(process.execPath, [wasmOpt, ...finish, unordered, '-o', optimised]);
    if (shortened === null) throw new Stop('wasm-opt failed');
    writeFileSync(names, shortened);
    const { gzipAsync } = await import('@gfx/zopfli');
    // It hears errors that are not its own, and prints itself.
    for (const event of ['uncaughtException', 'unhandledRejection']) process.removeAllListeners(event);
    writeFileSync(packed, await gzipAsync(readFileSync(optimised), { numiterations: iterations, blocksplittingmax: 0 }));
    writeFileSync(stamp, key);
  }
  const glue = join(work, 'glue.js');
  writeFileSync(glue, renamed(plainer(readFileSync(join(work, 'dropheap.js'), 'utf8')), JSON.parse(readFileSync(names, 'utf8'))));
  return { packed: readFileSync(packed), glue };
}

/** Panics name source files: without the places of this machine, so that a build elsewhere gives the same bytes. */
function places() {
  const told = output('cargo', ['metadata', '--format-version', '1', '--locked']);
  const version = output('rustc', ['-vV']);
  const sysroot = output('rustc', ['--print', 'sysroot']);
  const commit = /^commit-hash: (\w+)$/m.exec(version ?? '')?.[1];
  if (told === null || sysroot === null || !commit) throw new Stop('cargo metadata or rustc failed; run them to see why');
  const crates = JSON.parse(told).packages.filter((/** @type {any} */ p) => p.source !== null);
  const folders = new Set(crates.map((/** @type {any} */ p) => dirname(dirname(p.manifest_path))));
  // The standard library, compiled elsewhere, names its own files by the commit: so do its generics, where its sources are installed.
  return [...[...folders].map((folder) => [folder, '/cargo']), [join(sysroot, 'lib', 'rustlib', 'src', 'rust'), `/rustc/${commit}`], [root, '/dropheap']];
}

/** wasm-bindgen's glue with the names that wasm-opt gave. @param {string} glue @param {{imports: string[][], exports: string[][]}} names */
function renamed(glue, { imports, exports }) {
  const inside = new Map(imports.map(([, name, short]) => [name, short]));
  const [[module]] = imports;
  const outside = new Map(/** @type {[string, string][]} */ (exports));
  return glue
    .replace(`"${module}": `, 'a: ') // the one module, which it names so
    .replace(/^( +)(\w+)(: \w+\()/gm, (all, before, name, after) => (inside.has(name) ? before + inside.get(name) + after : all))
    .replace(/\bwasm\.(\w+)/g, (all, name) => (outside.has(name) ? `wasm.${outside.get(name)}` : all));
}

/**
 * One script: no modules, since file:// loads none.
 * @param {typeof import('esbuild')} esbuild
 * @param {string} entry
 * @param {Record<string, {path: string} | {contents: string}>} embedded  by the name imported: a file, or a text
 * @param {Record<string, string>} define
 */
async function bundle(esbuild, entry, embedded, define) {
  const built = await esbuild.build({
    entryPoints: [join(www, entry)],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    charset: 'utf8',
    // The names are terser's, and by them functions.json knows the functions.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    write: false,
    define,
    plugins: [{
      name: 'embedded',
      setup(hooks) {
        for (const [name, what] of Object.entries(embedded)) {
          const filter = new RegExp(`^${name}$`);
          if ('path' in what) hooks.onResolve({ filter }, () => ({ path: what.path }));
          else hooks.onResolve({ filter }, () => ({ path: name, namespace: 'embedded', pluginData: what.contents }));
        }
        hooks.onLoad({ filter: /.*/, namespace: 'embedded' }, ({ pluginData }) => ({ contents: pluginData, loader: 'text' }));
      },
    }],
  });
  // Over esbuild's own minifying, which keeps more.
  const { minify } = await import('terser');
  const { ast } = /** @type {any} */ (await minify(built.outputFiles[0].text, {
    ecma: 2020, module: true,
    format: { ast: true, code: false },
    // Without the two that are false the text is shorter by itself, and longer once it is gzipped.
    compress: { passes: 3, keep_fargs: false, reduce_funcs: false, lhs_constants: false, unsafe: true, unsafe_arrows: true },
  }));
  const print = (/** @type {any} */ node) => node.print_to_string({ comments: false, ascii_only: true, ecma: 2020 });
  if (entry === 'app.js') {
    reorder(ast, JSON.parse(read('functions.json')));
    const tries = Number(/^--reorder=(\d+)$/.exec(process.argv[2])?.[1] ?? 0);
    if (tries > 0) {
      const wasm = /** @type {any} */ (embedded['embedded:wasm']).contents;
      writeFileSync(join(www, 'functions.json'), `${JSON.stringify(search(ast, (node) => print(node).replace(wasm, ''), tries), null, 1)}\n`);
      throw new Stop('functions.json has another order: build again');
    }
  }
  return print(ast).trim();
}

/** The sample pair as a script, or null where there is none. @param {any} recipe @returns {string | null} */
function sampleScript(recipe) {
  const { files, names } = recipe.sample;
  const missing = files.filter((/** @type {string} */ f) => !existsSync(join(root, f)));
  if (missing.length > 0) {
    console.log(`    no sample pair: ${missing.join(', ')} not there; the button is left out`);
    return null;
  }
  const pair = files.map((/** @type {string} */ f, /** @type {number} */ i) => ({ name: names[i], gzip: readFileSync(join(root, f)).toString('base64') }));
  return `globalThis.dropheapSample={files:${JSON.stringify(pair)}};`;
}

/**
 * Everything inside one page; the policy allows exactly these scripts and this style, by their hashes.
 * @param {string} html
 * @param {string} css
 * @param {string | null} sample
 * @param {string} app
 */
function inOneFile(html, css, sample, app) {
  const hash = (/** @type {string} */ text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const inline = (/** @type {string} */ code) => {
    // Would end the element in the middle of the script.
    if (/<\/script|<!--/i.test(code)) throw new Stop('a script of the page holds "</script" or "<!--"');
    return `<script>${code}</script>`;
  };
  const scripts = sample === null ? [app] : [sample, app];
  let page = html;
  const put = (/** @type {string} */ what, /** @type {string} */ by) => {
    if (page.split(what).length !== 2) throw new Stop(`index.html must hold exactly once: ${what}`);
    page = page.replace(what, () => by);
  };
  put('<link rel=stylesheet href=app.css>', `<style>${css}</style>`);
  put("script-src 'self'", `script-src ${scripts.map(hash).join(' ')}`);
  put("style-src 'self'", `style-src ${hash(css)}`);
  put('<script src=sample.js defer></script>', sample === null ? '' : inline(sample));
  put('<script src=app.js defer></script>', inline(app));
  return page;
}

/** @param {string} what @param {number} bytes @param {number} limit @param {string} [packed] */
function budget(what, bytes, limit, packed = ' gzipped') {
  const words = `${what}: ${bytes.toLocaleString('en-US')} bytes${packed}, budget ${limit.toLocaleString('en-US')}`;
  if (bytes > limit) throw new Stop(`${words} (wasm-pack.toml): over budget`);
  console.log(`    ${words}`);
}

function packageVersion() {
  return /^version = "([^"]+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1] ?? '';
}

const read = (/** @type {string} */ name) => readFileSync(join(www, name), 'utf8');

/** The style sheets of www/css as one, tokens first. */
export function styles() {
  return ['base.css', 'table.css'].map((name) => read(join('css', name))).join('\n');
}

function write(/** @type {string} */ dir, /** @type {string} */ name, /** @type {string} */ text) {
  writeFileSync(join(dir, name), text);
  console.log(`    ${join(dir, name)}: ${Buffer.byteLength(text).toLocaleString('en-US')} bytes`);
}

if (process.argv[1] === join(www, 'build.mjs')) await script(build);
