// `npm --prefix www start`: set-up, build, and the page on 127.0.0.1.

import { build } from './build.mjs';
import { serve } from './serve.mjs';
import { setUp } from './setup.mjs';
import { say, script } from './tools.mjs';

const PORT = 8765;

await script(async () => {
  say('Set-up: what is missing is installed');
  setUp({ checks: false });
  const { outDir, oneFile } = await build();
  const wanted = Number(process.env.PORT ?? PORT);
  const { url } = await serve(outDir, wanted).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error;
    console.log(`    port ${wanted} is taken: another one`);
    return serve(outDir, 0);
  });
  say(`The page:     ${url}`);
  console.log(`    One file:     ${oneFile} (open it from the disk, no server needed)`);
  console.log('    Stop with Ctrl+C.');
});
