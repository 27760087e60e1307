// Brings what the build and the checks need, and only what is missing. What it may not install it names, with the one line to run.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stop, output, run, say, wasmBindgenPath, wasmBindgenVersion, www } from './tools.mjs';

/** Debian packages by the program that they bring. */
const PACKAGES = { cc: 'build-essential', chromium: 'chromium', 'firefox-esr': 'firefox-esr', valgrind: 'valgrind' };

/** @param {{checks: boolean}} wanted  `checks`: also what only the checks need */
export function setUp({ checks }) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new Stop(`Node ${process.versions.node} is too old; version 20 or later is needed: https://nodejs.org`);
  debianPrograms(checks ? ['cc', 'chromium', 'firefox-esr', 'valgrind'] : ['cc']);
  rust(checks);
  nodeModules();
  wasmBindgen();
}

/** @param {string[]} programs */
function debianPrograms(programs) {
  const missing = programs.filter((p) => !findProgram(p));
  if (missing.length === 0) return;
  const packages = missing.map((p) => PACKAGES[/** @type {keyof typeof PACKAGES} */ (p)]);
  const line = `apt-get update && apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Stop(`missing: ${missing.join(', ')}. On Debian run:\n\n    sudo sh -c '${line}'\n\nElsewhere install them and set CC, CHROMIUM or FIREFOX to their paths.`);
  }
  say(`Installing ${packages.join(', ')} (apt-get)`);
  run('apt-get', ['update', '--quiet']);
  run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...packages], { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  for (const p of missing) {
    if (!findProgram(p)) throw new Stop(`${p} is still missing after apt-get installed ${packages.join(', ')}`);
  }
}

/** A program's path: of its variable (CC, CHROMIUM, FIREFOX), or on the search path. @param {string} name @returns {string | null} */
export function findProgram(name) {
  const variable = { cc: 'CC', chromium: 'CHROMIUM', 'firefox-esr': 'FIREFOX' }[name];
  const set = variable && process.env[variable];
  if (set) return set;
  return output('sh', ['-c', `command -v ${name}`]);
}

/** @param {boolean} checks */
function rust(checks) {
  const rustup = 'curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal';
  if (output('cargo', ['--version']) === null) {
    throw new Stop(`cargo is missing or does not run (rust-toolchain.toml wants the stable channel). Install it by rustup:\n\n    ${rustup}`);
  }
  const byRustup = output('rustup', ['--version']) !== null;
  const sysroot = output('rustc', ['--print', 'sysroot']) ?? '';
  if (!existsSync(join(sysroot, 'lib', 'rustlib', 'wasm32-unknown-unknown'))) {
    if (!byRustup) throw new Stop(`the target wasm32-unknown-unknown is missing, and there is no rustup to add it:\n\n    ${rustup}`);
    say('Adding the Rust target wasm32-unknown-unknown');
    run('rustup', ['target', 'add', 'wasm32-unknown-unknown']);
  }
  for (const [component, probe] of checks ? [['rustfmt', 'fmt'], ['clippy', 'clippy']] : []) {
    if (output('cargo', [probe, '--version']) !== null) continue;
    if (!byRustup) throw new Stop(`${component} is missing, and there is no rustup to add it:\n\n    ${rustup}`);
    say(`Adding the Rust component ${component}`);
    run('rustup', ['component', 'add', component]);
  }
}

/** Once per package-lock.json. */
function nodeModules() {
  const stamp = join(www, 'node_modules', '.lock-sha256');
  const wanted = createHash('sha256').update(readFileSync(join(www, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('Installing the packages of www/package-lock.json (npm ci)');
  run('npm', ['ci', '--prefix', www, '--ignore-scripts', '--no-audit', '--no-fund']);
  writeFileSync(stamp, wanted);
}

/** Once per version in Cargo.lock. */
function wasmBindgen() {
  const path = wasmBindgenPath();
  if (existsSync(path)) return;
  const version = wasmBindgenVersion();
  say(`Building the tool wasm-bindgen ${version} (cargo install, some minutes, once)`);
  run('cargo', ['install', 'wasm-bindgen-cli', '--version', version, '--root', join(path, '..', '..')]);
}
