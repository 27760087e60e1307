// A server for the pieces in dist/, on this machine alone.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** All that is ever served, and as what. @type {Record<string, [string, string]>} */
const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/index.html': ['index.html', 'text/html; charset=utf-8'],
  '/app.css': ['app.css', 'text/css; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/sample.js': ['sample.js', 'text/javascript; charset=utf-8'],
  '/dropheap.html': ['dropheap.html', 'text/html; charset=utf-8'],
};

/**
 * @param {string} dir
 * @param {number} port  0 = any
 * @returns {Promise<{url: string, requests: string[], close: () => Promise<void>}>}  `requests`: every path asked for
 */
export function serve(dir, port) {
  /** @type {string[]} */
  const requests = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push(path);
    const file = FILES[path];
    const known = file && existsSync(join(dir, file[0])) && (request.method === 'GET' || request.method === 'HEAD');
    response.writeHead(known ? 200 : 404, {
      'Content-Type': known ? file[1] : 'text/plain; charset=utf-8',
      'Cache-Control': 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    });
    if (!known) response.end('not here\n');
    else if (request.method === 'HEAD') response.end();
    else createReadStream(join(dir, file[0])).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve({
        url: `http://127.0.0.1:${address.port}/`,
        requests,
        close: () => new Promise((done) => {
          server.closeAllConnections();
          server.close(() => done());
        }),
      });
    });
  });
}
