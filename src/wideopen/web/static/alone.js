// What the server does, done in the browser: the same calls as server.js, answered by a worker. Nothing is sent anywhere.
// @ts-check

import {exifOf, sayings, withSayings} from './alone/chunks.js';
import {hire} from './alone/crew.js';
import {readExif, segments, withSegments} from './alone/jpeg.js';
import {shapeOf} from './looks.js';
import {chooseLens} from './optics.js';
import {place} from './place.js';
import {fromHalf} from './scene.js';
import {Refused} from './server.js';

export {Refused};

/** @typedef {import('./server.js').Photo} Photo */

const TYPES = /** @type {Record<string, string>} */ ({'image/jpeg': '.jpg', 'image/png': '.png', 'image/webp': '.webp'});
const QUALITY = 0.95;
/** @type {any} */
let known;
/** @type {?Promise<Worker>} */
let started = null;
/** @type {Map<number, {done: (answer: any) => void, failed: (error: Error) => void}>} */
const waiting = new Map();
/** @type {Map<string, {photo: Blob, name: string, size: [number, number], segments: import('./alone/jpeg.js').Segment[],
 * said: import('./alone/chunks.js').Chunk[], taken: import('./optics.js').Taken}>} */
const opened = new Map();
let asked = 0, opening = 0;

/** @returns {Promise<any>} options, lenses and presets */
export async function schema() {
  const answer = await fetch(place('schema.json'));
  if (!answer.ok) throw new Refused('schema.json is missing from this site; write it with wideopen page.', answer.status);
  navigator.serviceWorker?.register('offline.js').catch(() => {});  // Where none is allowed, a network is needed.
  return known = await answer.json();
}

/** @param {string} name @returns {Promise<File>} */
export async function example(name) {
  const blob = await (await fetch(place(`examples/${name}`))).blob();
  return new File([blob], name, {type: blob.type});
}

/** @param {string} path @returns {Promise<Worker>} */
const work = async path => await /** @type {any} */ (globalThis).startWorker?.(path) ?? new Worker(place(path), {type: 'module'});

/** The worker, its model loaded, and others that help it. @returns {Promise<Worker>} */
async function start() {
  const [worker, ports] = await Promise.all([work('alone/worker.js'), hire(work)]);
  worker.addEventListener('message', ({data}) => {
    if ('share' in data) { dispatchEvent(new CustomEvent('model', {detail: data.share})); return; }
    const wish = waiting.get(data.asked);
    waiting.delete(data.asked);
    if (data.failed === undefined) wish?.done(data.answer);
    else wish?.failed(data.aborted ? new DOMException(data.failed, 'AbortError') : new Refused(data.failed, 422));
  });
  worker.addEventListener('error', event => {
    for (const wish of waiting.values()) wish.failed(new Refused(event.message || 'The worker could not be started.', 0));
    waiting.clear();
  });
  await tell(worker, {kind: 'load', about: known.model, ports}, undefined, ports);
  return worker;
}

/** @param {Worker} worker @param {import('./alone/worker.js').Wish} wish @param {AbortSignal} [signal] @param {Transferable[]} [given] @returns {Promise<any>} */
function tell(worker, wish, signal, given = []) {
  const number = ++asked;
  return until(new Promise((done, failed) => {
    waiting.set(number, {done, failed});
    worker.postMessage({asked: number, wish}, given);
    signal?.addEventListener('abort', () => worker.postMessage({wish: {kind: 'cancel', asked: number}}));
  }), signal);
}

/** What comes, unless it is given up before. @template T @param {Promise<T>} coming @param {AbortSignal} [signal] @returns {Promise<T>} */
function until(coming, signal) {
  return new Promise((done, failed) => {
    signal?.addEventListener('abort', () => failed(new DOMException('Cancelled.', 'AbortError')));
    coming.then(done, failed);
  });
}

/** @param {Photo} photo @param {AbortSignal} [signal] */
async function open(photo, signal) {
  started ??= start().catch(error => { started = null; throw error; });
  const worker = await until(started, signal);
  if (photo.id) return worker;
  const {file} = photo, parts = segments(new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer())), key = ++opening;
  const said = parts.length ? [] : sayings(new Uint8Array(await file.arrayBuffer()));
  const size = await tell(worker, {kind: 'open', key, file}, signal);
  photo.id = String(key);
  opened.set(photo.id, {photo: file, name: file.name, size, segments: parts, said, taken: readExif([...parts, ...exifOf(said)]).taken});
  return worker;
}

/** What is in focus, without the f-number whose depth of field stays. @param {Photo} photo */
const placeOf = ({focus}) => focus.split('@')[0];

/** @param {Photo} photo @param {Record<string, any>} settings */
const given = ({depth}, {depth_kind: kind, depth_unit: unit, invert}) => depth && {file: depth, how: {kind: kind ?? 'disparity', unit: unit ?? null, invert: !!invert}};

/** Strokes; the brush has no further subjects here. @param {Photo} photo */
const painted = ({strokes}) => /** @type {import('./alone/strokes.js').Stroke[]} */ (strokes ?? []);

/** @param {{width: number, height: number, data: Uint8ClampedArray}} picture */
const image = ({width, height, data}) => new ImageData(/** @type {Uint8ClampedArray<ArrayBuffer>} */ (data), width, height);

/** @param {Photo} photo @param {Record<string, any>} settings @param {AbortSignal} [signal] @returns {Promise<{scene: import('./scene.js').Scene, output: string}>} */
export async function scene(photo, settings, signal) {
  const worker = await open(photo, signal), id = String(photo.id), {name, taken} = /** @type {any} */ (opened.get(id));
  const found = await tell(worker, {kind: 'scene', key: Number(id), focus: placeOf(photo), side: known.screen, depth: given(photo, settings), strokes: painted(photo)}, signal);
  const how = /** @type {ImageBitmapOptions} */ ({colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
  const [before, behind] = await Promise.all([found.photo, found.behind].map(each => each && createImageBitmap(image(each), how)));
  return {
    scene: {
      ...found, name, width: before.width, height: before.height, taken, photo: before, behind,
      disparity: Float32Array.from(found.half, fromHalf),
    },
    output: outputOf(photo.file),
  };
}

/** The name that the command line gives a result. @param {File} file */
function outputOf(file) {
  const own = file.name.match(/\.[^.]+$/)?.[0] ?? '', type = TYPES[file.type];
  return `${own ? file.name.slice(0, -own.length) : file.name}-bokeh${type ? own || type : '.jpg'}`;
}

/** @param {Photo} photo @param {Record<string, any>} settings @param {AbortSignal} [signal] @returns {Promise<Blob>} */
export async function render(photo, settings, signal) {
  const worker = await open(photo, signal), about = /** @type {any} */ (opened.get(String(photo.id)));
  if (settings.aperture === 'off') return photo.file;
  const {tilt, tilt_direction, axial, aperture} = settings;
  const chosen = {lens: settings.lens, aperture, nearest: settings.nearest ?? null, focus: photo.focus, tilt, tilt_direction, axial};
  const lens = chooseLens(chosen, known.lenses, about.taken), {largest, nearest} = known;
  const type = settings.side || !(photo.file.type in TYPES) ? 'image/jpeg' : photo.file.type;
  const blob = /** @type {Blob} */ (await tell(worker, {
    kind: 'render', key: Number(photo.id), focus: placeOf(photo), depth: given(photo, settings), strokes: painted(photo), side: settings.side ?? null, grain: settings.grain, type,
    quality: settings.quality ? settings.quality / 100 : QUALITY,
    optics: {
      lens, taken: about.taken, chosen, nearest, largest, gain: settings.highlights ?? null,
      aperture: {...shapeOf(settings), rim: settings.rim ?? 0},
    },
  }, signal));
  if (settings.side) return blob;
  const made = new Uint8Array(await blob.arrayBuffer());
  if (type !== 'image/jpeg') return withSayings(made, about.said, settings.strip, about.size);
  return withSegments(made, settings.strip ? about.segments.filter((/** @type {any} */ each) => each.marker === 0xe2) : about.segments);
}

/** @param {string[]} ids */
export function forget(ids) {
  for (const id of ids) {
    opened.delete(id);
    started?.then(worker => tell(worker, {kind: 'forget', key: Number(id)}));
  }
}
