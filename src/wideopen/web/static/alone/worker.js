// The worker of the application without a server: photos in, scenes and drawings out.
// @ts-check

import {blurOfMap, blurOfSubject} from '../optics.js';
import {place} from '../place.js';
import {linear, toCode} from './colour.js';
import {carriedMap} from './carried.js';
import {upTo} from './closer.js';
import {Crew, NOBODY} from './crew.js';
import {drawMap} from './depth_lens.js';
import {focusOf, loadMap} from './depth_map.js';
import {drawNoise, lostGrain} from './grain.js';
import {findSurroundings, lampWeight} from './highlights.js';
import {Network, placesAt} from './network.js';
import {fit, map, resize, resizePicture, split} from './planes.js';
import {onCanvas, render, studied, toPicture} from './scene.js';
import {correct} from './strokes.js';

/**
 * @typedef {import('./planes.js').Picture} Picture @typedef {import('./planes.js').Plane} Plane
 * @typedef {import('./scene.js').Places} Places @typedef {import('./strokes.js').Stroke} Stroke
 * @typedef {ReturnType<typeof studied>} Study @typedef {{file: File, how: import('./depth_map.js').How}} Given a depth map
 * @typedef {{photo: Picture, places: Map<string, Places>, study?: Promise<Study>, maps: Map<string, import('./depth_map.js').DepthMap>,
 *   carried: Promise<?import('./depth_map.js').DepthMap>, hand?: {key: string, places: Places},
 *   grain?: {share: number, found: Promise<?import('./grain.js').Grain>}}} Opened
 * @typedef {{lens: import('../optics.js').Lens, taken: import('../optics.js').Taken, chosen: import('../optics.js').Chosen, nearest: number,
 *   largest: number, aperture: import('./compositor.js').Aperture, gain: ?number}} Optics
 * @typedef {{kind: 'load', about: import('./network.js').About, ports: MessagePort[]} | {kind: 'open', key: number, file: File} |
 *   {kind: 'forget', key: number} | {kind: 'cancel', asked: number} |
 *   {kind: 'scene', key: number, focus: string, side: number, depth: ?Given, strokes: Stroke[]} |
 *   {kind: 'render', key: number, focus: string, side: ?number, depth: ?Given, strokes: Stroke[], optics: Optics, grain: number,
 *     type: string, quality: number}} Wish
 */

/** @type {Promise<Network>} */
let network;
let crew = NOBODY;
/** @type {Promise<Float64Array[][]> | undefined} for grain, where others draw it while the model is loaded */
let noise;
/** @type {Map<number, Opened>} */
const photos = new Map();
/** @type {Set<number>} */
const cancelled = new Set();

/** @param {number} key */
function known(key) {
  const opened = photos.get(key);
  if (!opened) throw new Error('The photo is no longer open.');
  return opened;
}

/** A photo as a file has it, upright. @param {File} file @returns {Promise<Picture>} */
async function decode(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'from-image'});
  } catch {
    throw new Error(`${file.name}: this browser cannot read it; JPEG, PNG and WebP always work.`);
  }
  const {width, height} = picture, context = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  if (!context) throw new Error(`${file.name}: ${width}x${height} px are more than this browser can draw.`);
  context.drawImage(picture, 0, 0);
  picture.close();
  const {data} = context.getImageData(0, 0, width, height);
  if (/png|webp/.test(file.type)) {
    for (let at = 3; at < data.length; at += 4) if (data[at] < 255) throw new Error(`${file.name}: has transparency, which wideopen render keeps.`);
  }
  return {width, height, data};
}

/** @param {Picture} picture @param {string} type @param {number} quality @returns {Promise<Blob>} */
function encode({width, height, data}, type, quality) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.putImageData(new ImageData(/** @type {Uint8ClampedArray<ArrayBuffer>} */ (data), width, height), 0, 0);
  return canvas.convertToBlob({type, quality});
}

/** The grain that is lost, sought once. @param {Opened} opened @param {number} share */
function grainOf(opened, share) {
  const seek = async () => crew.do(lostGrain, [opened.photo, share, await noise]);
  if (opened.grain?.share !== share) opened.grain = {share, found: seek()};
  return opened.grain.found;
}

/** What is known of a photo before the network has seen it. @param {Opened} opened */
const studyOf = opened => opened.study ??= crew.do(studied, [opened.photo]);

/** @param {Opened} opened @param {string} focus @returns {Promise<Places>} */
async function placesOf({photo, places}, focus) {
  const [start, end] = focus.split(':');
  return upTo(places.get(start) ?? await placesAt(await network, photo, start, crew, places), end);
}

/** The depth map that is given with a photo, or that it carries; null for none. @param {Opened} opened @param {?Given} given */
async function mapOf({photo, maps, carried}, given) {
  if (!given) return carried;
  const {file, how} = given;
  const key = JSON.stringify([file.name, file.size, file.lastModified, how]), found = maps.get(key) ?? await loadMap(file, how, photo);
  maps.set(key, found);
  return found;
}

/** Disparities in focus of a map. @param {Opened} opened @param {Plane} disparity @param {string} focus @returns {Promise<import('../optics.js').Ends>} */
async function endsOf(opened, disparity, focus) {
  const subject = /auto/.test(focus) ? (await placesOf(opened, 'auto')).matte : disparity;
  const [start, end] = focus.split(':').map(at => focusOf(disparity, at, subject));
  return end === undefined ? [start, start] : [Math.min(start, end), Math.max(start, end)];
}

/**
 * @param {Opened} opened @param {Picture} photo of any size @param {Extract<Wish, {kind: 'render'}>} wish @param {() => Promise<void>} rest
 * @param {Study | Promise<Study>} studying of that photo, while the network runs @param {() => ?Promise<?import('./grain.js').Grain>} seek its grain
 */
async function throughLens(opened, photo, {focus, depth, strokes, optics}, rest, studying, seek) {
  const {lens, taken, chosen, nearest, largest, aperture} = optics, given = await mapOf(opened, depth);
  if (given && strokes.length) throw new Error('Strokes beside a depth map need wideopen serve.');
  if (given) {
    const {disparity, metric} = given, grain = seek(), ends = await endsOf(opened, disparity, focus), short = Math.min(photo.width, photo.height);
    const gain = optics.gain ?? 1 + 3 * (await studying).lamps;
    let [least, most] = [Infinity, -Infinity];
    for (const value of disparity.data) { if (value < least) least = value; if (value > most) most = value; }
    const blur = blurOfMap(lens, taken, chosen, ends, {metric, least, most, short, largest, nearest});
    return drawMap(photo, disparity, {blur, aperture, gain}, await grain, rest, crew);
  }
  const places = await correctedPlaces(opened, focus, strokes), blur = blurOfSubject(lens, taken, [0, 0], 1, largest, chosen);
  await rest();
  const {small, lamps} = await studying, gain = optics.gain ?? 1 + 3 * lamps;
  return render(photo, places, {...blur, aperture, gain, largest}, seek, rest, crew, small);
}

/** Places as strokes correct them. @param {Opened} opened @param {string} focus @param {Stroke[]} strokes @returns {Promise<Places>} */
async function correctedPlaces(opened, focus, strokes) {
  if (!strokes.length) return placesOf(opened, focus);
  if (!strokes.every(({kind}) => ['keep', 'give', 'depth'].includes(kind))) throw new Error('Further things are found by wideopen serve alone.');
  const key = JSON.stringify([focus, strokes]);
  if (opened.hand?.key !== key) {
    const places = await placesOf(opened, focus.split(':')[0]);
    opened.hand = {key, places: correct(places, strokes, (await studyOf(opened)).small, focus)};
  }
  return opened.hand.places;
}

/** @param {Float32Array} values @returns {Uint16Array} half-precision bits */
function toHalf(values) {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(values, (value, at) => {
    const exponent = (bits[at] >>> 23 & 255) - 112, sign = bits[at] >>> 16 & 0x8000;
    if (exponent <= 0) return sign | Math.round(Math.abs(value) * 2 ** 24);
    return sign | Math.min(0x7bff, (exponent << 10) + ((bits[at] & 0x7fffff) + 0x1000 >>> 13));
  });
}

/** @param {Wish} wish @param {() => Promise<void>} rest @param {number} asked @returns {Promise<any>} */
async function answer(wish, rest, asked) {
  if (wish.kind === 'load') {
    crew = new Crew(wish.ports);
    if (crew.size) noise = crew.do(drawNoise, []);
    network = Network.load(wish.about, crew.size, place, share => postMessage({asked, share}));
    await network;
  } else if (wish.kind === 'open') {
    const photo = await decode(wish.file), carried = carriedMap(wish.file, photo);
    carried.catch(() => {});  // Told where it is used.
    photos.set(wish.key, {photo, places: new Map(), maps: new Map(), carried});
    return [photo.width, photo.height];
  } else if (wish.kind === 'forget') photos.delete(wish.key);
  else if (wish.kind === 'scene') {
    const opened = known(wish.key), {photo} = opened, [width, height] = fit(photo.width, photo.height, Math.min(wish.side, Math.max(photo.width, photo.height)));
    const small = resizePicture(photo, width, height), light = linear(split(small));
    const bytes = (/** @type {Plane} */ each) => Uint8Array.from(each.data, value => Math.round(255 * value));
    const found = {size: [photo.width, photo.height], photo: small, lampsAt: bytes(lampWeight(light, findSurroundings(light))), lamps: (await studyOf(opened)).lamps};
    const given = await mapOf(opened, wish.depth);
    if (given) {
      const {disparity, metric} = given, [focus] = await endsOf(opened, disparity, wish.focus.split(':')[0]);
      return {...found, kind: 'map', half: toHalf(resize(disparity, width, height).data), focus, metric};
    }
    const places = await correctedPlaces(opened, wish.focus, wish.strokes);
    await rest();
    const {behind, solid, relative} = await onCanvas(small, places, crew), around = toPicture(behind.map(each => map([each], toCode)));
    return {...found, kind: 'subject', behind: around, matte: bytes(solid), half: toHalf(relative.data), focus: places.focus, metric: false};
  } else if (wish.kind === 'render') {
    const opened = known(wish.key), {width, height} = opened.photo, reduced = wish.side && wish.side < Math.max(width, height);
    const seek = () => (wish.grain && !reduced ? grainOf(opened, wish.grain) : null);
    const photo = reduced ? resizePicture(opened.photo, .../** @type {[number, number]} */ (fit(width, height, /** @type {number} */ (wish.side)))) : opened.photo;
    return encode(await throughLens(opened, photo, wish, rest, reduced ? studied(photo) : studyOf(opened), seek), wish.type, wish.quality);
  }
  return null;
}

/** One wish after the other; a cancelled one ends where it next takes a rest. */
let last = Promise.resolve();
addEventListener('message', ({data: {asked, wish}}) => {
  if (wish.kind === 'cancel') { cancelled.add(wish.asked); return; }
  const rest = async () => {
    // Timers that follow each other wait for 4 ms each; messages do not.
    const {port1, port2} = new MessageChannel();
    await new Promise(next => { port1.onmessage = next; port2.postMessage(null); });
    port1.close();
    if (cancelled.delete(asked)) throw new DOMException('Cancelled.', 'AbortError');
  };
  last = last.then(async () => {
    try {
      await rest();
      postMessage({asked, answer: await answer(wish, rest, asked)});
    } catch (error) {
      postMessage({asked, failed: /** @type {Error} */ (error).message, aborted: /** @type {Error} */ (error).name === 'AbortError'});
    }
  });
});
