// Runs the application from within one file, in the page and in its worker: browsers load no modules from files.
// @ts-check

/** Give every file of a bundle an address, in which modules name each other. @param {Record<string, string | Blob>} bundle */
function unpack(bundle) {
  /** @type {Record<string, string>} */
  const made = {};
  /** @type {(path: string) => string} */
  const place = path => made[path] ??= URL.createObjectURL(typeof bundle[path] === 'string' ? linked(path) : bundle[path]);
  /** @type {(path: string) => Blob} */
  const linked = path => new Blob([String(bundle[path]).replace(/(from |await import\()'(\.[^']+)'/g,
    (_, before, other) => `${before}'${place(new URL(other, `file:///${path}`).pathname.slice(1))}'`)], {type: 'text/javascript'});
  Object.assign(globalThis, {bundle, place});
}

/** @param {string} path @returns {Promise<Worker>} */
async function startWorker(path) {
  const start = `${unpack}\nonmessage = async ({data}) => { onmessage = null; unpack(data); await import(place(${JSON.stringify(path)})); postMessage('ready'); };`;
  const worker = new Worker(URL.createObjectURL(new Blob([start], {type: 'text/javascript'})));
  worker.postMessage(/** @type {any} */ (globalThis).bundle);
  await new Promise(ready => worker.addEventListener('message', ready, {once: true}));
  return worker;
}

{
  const read = JSON.parse(document.getElementById('bundle')?.textContent ?? '{}');
  const entries = Object.entries(read).map(([path, base64]) => {
    const bytes = Uint8Array.from(atob(/** @type {string} */ (base64)), letter => letter.charCodeAt(0));
    return [path, /\.m?js$/.test(path) ? new TextDecoder().decode(bytes) : new Blob([bytes])];
  });
  unpack(Object.fromEntries(entries));
  Object.assign(globalThis, {startWorker});
  import(/** @type {any} */ (globalThis).place('main.js'));
}
