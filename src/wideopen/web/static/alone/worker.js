// The worker of the application without a server: photos in, scenes and drawings out.
// @ts-check

import {place} from '../place.js';
import {linear, toCode} from './colour.js';
import {refineAt, upTo} from './closer.js';
import {Grain, lostGrain} from './grain.js';
import {findSurroundings, lampWeight} from './highlights.js';
import {Network} from './network.js';
import {fit, map, resizePicture} from './planes.js';
import {lampsOf, onCanvas, render, toPicture} from './scene.js';

/**
 * @typedef {import('./planes.js').Picture} Picture
 * @typedef {import('./scene.js').Places} Places
 * @typedef {{kind: 'load', about: import('./network.js').About} | {kind: 'open', key: number, photo: Picture} |
 *   {kind: 'forget', key: number} | {kind: 'cancel', asked: number} | {kind: 'scene', key: number, focus: string, side: number} |
 *   {kind: 'render', key: number, focus: string, side: ?number, glass: import('./compositor.js').Glass & {gain: ?number}, grain: number}} Wish
 */

/** @type {Promise<Network>} */
let network;
/** @type {Map<number, {photo: Picture, places: Map<string, Places>, grain?: ?Grain, lamps?: number}>} */
const photos = new Map();
/** @type {Set<number>} */
const cancelled = new Set();

/** @param {number} key @param {string} focus @returns {Promise<Places>} */
async function placesOf(key, focus) {
  const opened = photos.get(key), engine = await network;
  if (!opened) throw new Error('The photo is no longer open.');
  let whole = opened.places.get('auto');
  if (!whole) opened.places.set('auto', whole = {...await engine.look(opened.photo), focus: 0});
  const [start, end] = focus.split(':');
  let found = opened.places.get(start);
  if (!found) {
    found = await refineAt(opened.photo, whole, /** @type {[number, number]} */ (start.split(',').map(Number)), part => engine.look(part));
    opened.places.set(start, found);
  }
  return upTo(found, end);
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
    network = Network.load(wish.about, place, share => postMessage({asked, share}));
    await network;
  } else if (wish.kind === 'open') photos.set(wish.key, {photo: wish.photo, places: new Map()});
  else if (wish.kind === 'forget') photos.delete(wish.key);
  else if (wish.kind === 'scene') {
    const places = await placesOf(wish.key, wish.focus), {photo} = /** @type {{photo: Picture}} */ (photos.get(wish.key));
    await rest();
    const [width, height] = fit(photo.width, photo.height, Math.min(wish.side, Math.max(photo.width, photo.height)));
    const small = resizePicture(photo, width, height), lifted = onCanvas(small, places), light = linear(lifted.canvas);
    const bytes = (/** @type {import('./planes.js').Plane} */ each) => Uint8Array.from(each.data, value => Math.round(255 * value));
    return {
      size: [photo.width, photo.height], photo: small, behind: toPicture(lifted.behind.map(each => map([each], toCode))), matte: bytes(lifted.solid),
      lampsAt: bytes(lampWeight(light, findSurroundings(light))), lamps: lampsOf(photo), half: toHalf(lifted.relative.data), focus: places.focus,
    };
  } else if (wish.kind === 'render') {
    const places = await placesOf(wish.key, wish.focus), opened = photos.get(wish.key);
    if (!opened) throw new Error('The photo is no longer open.');
    await rest();
    let {photo} = opened;
    if (wish.side && wish.side < Math.max(photo.width, photo.height)) {
      const [width, height] = fit(photo.width, photo.height, wish.side);
      photo = resizePicture(photo, width, height);
    }
    const grain = wish.grain ? lostGrain(photo, wish.grain) : null;
    return render(photo, places, {...wish.glass, gain: wish.glass.gain ?? 1 + 3 * lampsOf(photo)}, grain, rest);
  }
  return null;
}

/** One wish after the other; a cancelled one ends where it next takes a rest. */
let last = Promise.resolve();
addEventListener('message', ({data: {asked, wish}}) => {
  if (wish.kind === 'cancel') { cancelled.add(wish.asked); return; }
  const rest = async () => {
    await new Promise(next => setTimeout(next));
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
