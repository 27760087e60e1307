// The bytes of a gzipped, base64-encoded text: how the WebAssembly and the sample lie inside scripts. Pure.

/** @param {string} base64 @returns {Promise<ArrayBuffer>} */
export function inflate(base64) {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  // A loop: `Uint8Array.from` with a function takes ten times as long, on the page's own thread.
  for (let i = 0; i < text.length; i += 1) packed[i] = text.charCodeAt(i);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
