// Instructions of the walk per object, counted by callgrind: the difference of two dumps that differ in their number of objects only, so
// that what is paid once (start, names, the report) is not in it. Compared with tests/bench/instructions.json: a compiler may move it by
// some per cent, a hash look-up or an allocation per object moves it beyond the tolerance. `node www/count.mjs --write` makes a new figure.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stop, root, run, say, script, targetDir } from './tools.mjs';

const FIGURE = join(root, 'tests', 'bench', 'instructions.json');
const OBJECTS = [100_000, 300_000];

/** Counts and compares. */
export function count() {
  say('Instructions of the walk (callgrind)');
  run('cargo', ['build', '--locked', '--release', '--bin', 'dropheap']);
  run('cargo', ['build', '--locked', '--example', 'big-dump']);
  const dir = mkdtempSync(join(tmpdir(), 'dropheap-count-'));
  try {
    const [few, many] = OBJECTS.map((objects) => instructions(dir, objects));
    const perObject = (many - few) / (OBJECTS[1] - OBJECTS[0]);
    const { perObject: known, tolerance } = JSON.parse(readFileSync(FIGURE, 'utf8'));
    console.log(`    ${perObject.toFixed(1)} instructions per object; ${known} were measured (tests/bench/instructions.json)`);
    if (process.argv.includes('--write')) writeFileSync(FIGURE, `${JSON.stringify({ perObject: Number(perObject.toFixed(1)), tolerance })}\n`);
    else if (perObject > known * (1 + tolerance)) throw new Stop(`the walk takes ${perObject.toFixed(1)} instructions per object, more than ${known} and ${tolerance * 100} %`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param {string} dir @param {number} objects */
function instructions(dir, objects) {
  const to = join(dir, String(objects));
  run(join(targetDir(), 'debug', 'examples', 'big-dump'), ['--objects', String(objects), '--out', to]);
  const done = spawnSync('valgrind', [
    '--tool=callgrind', '--callgrind-out-file=/dev/null', join(targetDir(), 'release', 'dropheap'),
    'stat', join(to, 'evening.dmp'), '--threads', '1', '--format', 'csv',
  ], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const collected = /Collected : (\d+)/.exec(done.stderr ?? '');
  if (done.status !== 0 || !collected) throw new Stop(`callgrind did not count: ${done.error ?? done.stderr}`);
  return Number(collected[1]);
}

if (process.argv[1]?.endsWith('count.mjs')) await script(async () => count());
