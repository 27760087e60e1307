// Runs before anything else of the page.

// No policy covers WebRTC; nothing here uses it.
delete (/** @type {any} */ (globalThis).RTCPeerConnection);
delete (/** @type {any} */ (globalThis).webkitRTCPeerConnection);

// The page's own policy had to let its scripts and its style in. They are here now, so that a second policy can take those ways away
// too: after this nothing can be loaded any more, not even from the page's own server, and not by the hash of a known script.
const policy = document.createElement('meta');
policy.httpEquiv = 'Content-Security-Policy';
policy.content = "default-src 'none'; script-src 'wasm-unsafe-eval'; worker-src blob:; img-src data:; form-action 'none'; base-uri 'none'";
document.head.append(policy);
