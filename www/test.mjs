// `npm --prefix www test`: set-up and every check. The first one that fails ends it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { count } from './count.mjs';
import { setUp } from './setup.mjs';
import { root, run, say, script, www } from './tools.mjs';

await script(async () => {
  const started = performance.now();
  say('Set-up: what is missing is installed');
  setUp({ checks: true });

  say('Rust: formatting');
  run('cargo', ['fmt', '--all', '--check']);
  say('Rust: lints, native');
  run('cargo', ['clippy', '--locked', '--all-targets', '--', '-D', 'warnings']);
  say('Rust: lints, wasm32');
  run('cargo', ['clippy', '--locked', '--lib', '--target', 'wasm32-unknown-unknown', '--', '-D', 'warnings']);
  say('Rust: tests');
  run('cargo', ['test', '--locked']);
  count();
  say('Page: unit tests');
  run(process.execPath, ['--test', '--test-reporter=spec', ...files(join(www, 'lib'), '.test.js')]);
  await build();
  say('Page: tests in browsers');
  run('cargo', ['build', '--locked', '--bin', 'dropheap']);
  run(process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=600000', ...files(join(root, 'tests', 'web'), '.test.mjs')]);

  say(`Every check passed (${((performance.now() - started) / 60000).toFixed(1)} min)`);
});

/** @param {string} dir @param {string} ending */
function files(dir, ending) {
  return readdirSync(dir).filter((f) => f.endsWith(ending)).sort().map((f) => join(dir, f));
}
