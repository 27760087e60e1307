// What travels inside a script: gzip in base64.

/** @param {string} base64 @returns {Promise<ArrayBuffer>} */
export function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
