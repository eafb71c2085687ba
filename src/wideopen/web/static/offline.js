// Service worker of the application without a server: after the first visit it needs no network, and its pages may use threads.
// @ts-check

/** @type {any} */
const worker = globalThis;
/** Name of this version, and its files: `wideopen page` puts them here. */
const VERSION = '', FILES = /** @type {string[]} */ ([]);
/** With these a page is isolated from other sites, which browsers want before WebAssembly may share memory with threads. */
const ISOLATED = {'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp', 'Cross-Origin-Resource-Policy': 'same-origin'};

worker.addEventListener('install', (/** @type {any} */ event) => {
  event.waitUntil(caches.open(VERSION).then(cache => cache.addAll(FILES)).then(() => worker.skipWaiting()));
});
worker.addEventListener('activate', (/** @type {any} */ event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith('wideopen ') && name !== VERSION) await caches.delete(name);
    await worker.clients.claim();
  })());
});
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  if (event.request.method !== 'GET' || new URL(event.request.url).origin !== location.origin) return;
  event.respondWith((async () => {
    const kept = await (await caches.open(VERSION)).match(event.request, {ignoreSearch: true});
    const answer = kept ?? await fetch(event.request), headers = new Headers(answer.headers);
    for (const [name, value] of Object.entries(ISOLATED)) headers.set(name, value);
    return new Response(answer.body, {status: answer.status, statusText: answer.statusText, headers});
  })());
});
