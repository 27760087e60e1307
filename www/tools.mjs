// What the build scripts share: saying what is done, running programs, where things are. Node's own modules only: it runs before
// node_modules exists.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const www = join(root, 'www');

/** Something is missing or failed, and the words say what to do: printed without a stack. */
export class Stop extends Error {}

/** Prints a step before it is done. @param {string} words */
export function say(words) {
  console.log(`\n==> ${words}`);
}

/**
 * Runs a program with its output shown; a failure ends everything.
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: Record<string, string>}} [options]
 */
export function run(program, args, options = {}) {
  const started = performance.now();
  console.log(`    ${program} ${args.join(' ')}`);
  const done = spawnSync(program, args, { cwd: options.cwd ?? root, env: { ...process.env, ...options.env }, stdio: 'inherit' });
  if (done.error) throw new Stop(`${program} could not be started: ${done.error.message}`);
  if (done.status !== 0) throw new Stop(`${program} ${args[0] ?? ''} ended with ${done.signal ?? `exit code ${done.status}`}`);
  console.log(`    (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

/** What a program prints, or null if it cannot be run or fails. @param {string} program @param {string[]} args */
export function output(program, args) {
  const done = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  return done.error || done.status !== 0 ? null : done.stdout.trim();
}

/** Cargo's target directory, wherever it was put. */
export function targetDir() {
  const metadata = output('cargo', ['metadata', '--format-version', '1', '--no-deps']);
  if (metadata === null) throw new Stop('cargo metadata failed; run it to see why');
  return JSON.parse(metadata).target_directory;
}

/** The version of wasm-bindgen in Cargo.lock: the command line tool must be the same. */
export function wasmBindgenVersion() {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const found = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock);
  if (!found) throw new Stop('Cargo.lock names no wasm-bindgen');
  return found[1];
}

/** Path of the wasm-bindgen command line tool, installed by setup.mjs. */
export function wasmBindgenPath() {
  return join(targetDir(), 'tools', `wasm-bindgen-${wasmBindgenVersion()}`, 'bin', 'wasm-bindgen');
}

/** Runs a script's main and prints a Stop as words. @param {() => unknown} main */
export async function script(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(`\nStopped: ${error.message}`);
    process.exit(1);
  }
}
