// A photo with a depth map seen through a lens, at full size, tile by tile: the counterpart of lens/depth_lens.py.
// @ts-check

import {cut, grown, seenFrom} from './areas.js';
import {codeOf, linear} from './colour.js';
import {bankPlace, signedBank} from './compositor.js';
import {NOBODY} from './crew.js';
import {SHARP_PX} from './defocus.js';
import * as depth from './depth_layers.js';
import {cleanRim, findHidden} from './disocclusion.js';
import {distances} from './distances.js';
import {addGrain} from './grain.js';
import {findSurroundings, raiseLamps} from './highlights.js';
import {Lifted, enlarged} from './lifted.js';
import {box, dilate, fit, map, mix, plane, resize, resizePicture, round, split, unit} from './planes.js';
import {radiusIn} from './radius.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture @typedef {import('./areas.js').Area} Area
 * @typedef {{blur: import('./radius.js').Blur, aperture: import('./compositor.js').Aperture, gain: number}} MapGlass its blur in px of the photo
 * @typedef {{size: {width: number, height: number}, radii: number[], aperture: import('./compositor.js').Aperture, gain: number, farthest: Plane,
 *   hidden: Plane[], clean: Plane[], surroundings: Plane, edge: number, exact: boolean}} Survey what all tiles share
 * @typedef {{scene: Survey, around: Area, data: Uint8ClampedArray, radius: Plane, channels: number[]}} Part what a tile's channels are drawn
 *   from: an area around the tile, the photo's bytes and the radii there
 */

const TILE = 512, GROWTH = 1.1, SPREAD_LEVELS = 24, SMOOTH = 0.125, SMALL = 768;

/** @param {Plane} values @returns {[number, number]} least and greatest */
function endsOf({data}) {
  let least = Infinity, most = -Infinity;
  for (const value of data) { if (value < least) least = value; if (value > most) most = value; }
  return [least, most];
}

/** The largest radius of all whose disc reaches a place, smooth. @param {Plane} largest small @param {number} scale @returns {Plane} */
function spread(largest, scale) {
  const [, most] = endsOf(largest), half = Math.ceil(SMOOTH * most * scale);
  let found = largest;
  for (let level = 0; level < SPREAD_LEVELS; level++) {
    const low = most * level / SPREAD_LEVELS, high = most * (level + 1) / SPREAD_LEVELS;
    const strong = map([largest], value => (value > low && value <= high ? value : 0));
    if (strong.data.some(Boolean)) found = map([found, dilate(strong, Math.ceil(high * scale) + half)], Math.max);
  }
  return map([box(found, half), largest], Math.max);
}

/** @param {Picture} photo @param {Plane} disparity @param {MapGlass} glass @returns {?Survey} null if nothing is blurred */
function survey(photo, disparity, {blur, aperture, gain}) {
  const {width, height} = photo, longest = Math.max(width, height), radius = radiusIn(disparity, blur, photo), [least, greatest] = endsOf(radius);
  if (Math.max(-least, greatest) <= SHARP_PX) return null;
  const scale = Math.min(1, SMALL / longest), size = fit(width, height, Math.min(SMALL, longest)), radii = signedBank(least, greatest, GROWTH);
  const strongest = dilate(map([radius], Math.abs), Math.ceil(Math.max(radius.height / size[1], 1)));
  const light = linear(split(resizePicture(photo, size[0], size[1]))), surroundings = findSurroundings(light);
  const raised = raiseLamps(light, gain, surroundings), place = bankPlace(radii), last = radii.length - 1;
  const edge = Math.max(1, round(longest * 0.0007), round(0.75 * longest / Math.max(radius.width, radius.height)));
  const nearness = map([depth.settle(resize(radius, size[0], size[1]), Math.ceil(edge * scale + 1))], value => last - place(value));
  const hidden = findHidden(raised, nearness, depth.SAME_STEPS, Math.max(-least, greatest) * scale + 2);
  const clean = cleanRim(raised, nearness, depth.SAME_STEPS, edge * scale + 1), nearest = plane(size[0], size[1]);
  for (let row = 0, at = 0; row < size[1]; row++) for (let column = 0; column < size[0]; column++, at++) {
    nearest.data[at] = strongest.data[Math.floor(row * radius.height / size[1]) * radius.width + Math.floor(column * radius.width / size[0])];
  }
  const exact = Math.min(radius.height - height, radius.width - width) >= -1;
  return {size: {width, height}, radii, aperture, gain, farthest: spread(nearest, scale), hidden, clean, surroundings, edge, exact};
}

/** How far around a tile light may come from, 0 if nothing there is blurred. @param {Survey} scene @param {Area} tile */
function reachOf({farthest, size, edge}, {left, top, width, height}) {
  const first = (/** @type {number} */ at, /** @type {number} */ few, /** @type {number} */ many) => Math.max(Math.floor(at * few / many) - 1, 0);
  const last = (/** @type {number} */ at, /** @type {number} */ few, /** @type {number} */ many) => Math.min(Math.ceil(at * few / many) + 1, few);
  const x = first(left, farthest.width, size.width), y = first(top, farthest.height, size.height);
  const [, found] = endsOf(cut(farthest, {
    left: x, top: y, width: last(left + width, farthest.width, size.width) - x, height: last(top + height, farthest.height, size.height) - y,
  }));
  if (found <= SHARP_PX) return 0;
  const reach = Math.ceil(found) + 4 * edge + 2;
  return reach + (depth.COARSEST - reach % depth.COARSEST) % depth.COARSEST;
}

/** 1 where an edge can be seen in the blur, 0 where it cannot. @param {Survey} scene @param {depth.Edges} edges @param {Area} tile @param {Area} inner @returns {Plane} */
function nearEdge({farthest, size, edge}, {near, far}, tile, inner) {
  const {away} = distances(Uint8Array.from(near.data, (value, at) => Number(far.data[at] - value > 2)), near.width, near.height, true);
  return map([cut(plane(near.width, near.height, away), inner), enlarged(farthest, tile, size)], (distance, largest) =>
    unit((1.25 - distance / Math.max(largest + 2 * edge, 1)) * 4));
}

/**
 * Light of a tile, and how far each of its pixels is blurred; null if nothing is.
 * @param {Part} part @param {Area} tile @returns {?{seen: Plane[], blurred: Plane}}
 */
function drawLight({scene, around, data, radius}, tile) {
  if (!radius.data.some(value => Math.abs(value) > SHARP_PX)) return null;
  const inner = seenFrom(tile, around), {size, gain} = scene;
  const plain = linear(split({...around, data})), light = gain > 1 ? raiseLamps(plain, gain, enlarged(scene.surroundings, around, size)) : plain;
  const place = bankPlace(scene.radii), layers = {radii: scene.radii, place, size, aperture: scene.aperture};
  const edges = depth.findEdges(radius, scene.edge, scene.exact), close = edges ? nearEdge(scene, edges, tile, inner) : plane(tile.width, tile.height);
  const inside = close.data.some(value => value < 1) ? depth.gather(layers, light, radius, tile, inner) : null;
  if (!edges || !close.data.some(value => value > 0)) return inside;
  const [hidden, clean] = [scene.hidden, scene.clean].map(planes => planes.map(each => enlarged(each, around, size)));
  const there = depth.composite(layers, depth.surfaceOf(light, clean, radius, edges), hidden, tile, inner);
  return inside ? {seen: inside.seen.map((each, at) => mix(each, close, there.seen[at])), blurred: mix(inside.blurred, close, there.blurred)} : there;
}

/**
 * A tile of the result.
 * @param {Part[]} parts each for its channels @param {Area} tile @param {Uint8ClampedArray} data of the photo there, changed in place
 * @param {?import('./grain.js').Grain} grain @returns {Uint8ClampedArray} four bytes a pixel of the tile
 */
export function drawTile(parts, tile, data, grain) {
  const lacks = new Float32Array(tile.width * tile.height), lights = parts.map(part => drawLight(part, tile));
  for (const light of lights) light?.blurred.data.forEach((value, at) => { if (value > lacks[at]) lacks[at] = value; });
  lights.forEach((light, index) => {
    if (light) for (const channel of parts[index].channels) {
      const {data: seen} = light.seen[channel];
      for (let at = 0; at < lacks.length; at++) if (lacks[at] > 0) data[4 * at + channel] = 255 * codeOf(unit(seen[at]));
    }
  });
  if (grain) for (let row = 0; row < tile.height; row++) {
    const start = row * tile.width;
    addGrain(grain, data, 4 * start, tile.top + row, lacks.subarray(start, start + tile.width), tile.left);
  }
  return data;
}

/** An area of a photo's bytes. @param {Picture} photo @param {Area} area */
function bytesOf(photo, {left, top, width, height}) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 4 * ((top + row) * photo.width + left);
    data.set(photo.data.subarray(start, start + 4 * width), 4 * row * width);
  }
  return data;
}

/**
 * A photo with a depth map through a lens.
 * @param {Picture} photo @param {Plane} disparity of the photo's shape @param {MapGlass} glass @param {?import('./grain.js').Grain} grain
 * @param {() => Promise<void>} rest taken between tiles @param {import('./crew.js').Crew} [crew] @returns {Promise<Picture>}
 */
export async function drawMap(photo, disparity, glass, grain, rest, crew = NOBODY) {
  const {width, height} = photo, result = {width, height, data: new Uint8ClampedArray(photo.data)}, {blur} = glass;
  // Axial colour: green is drawn without it, red and blue with it.
  const lenses = blur.axial ? [{blur: {...blur, axial: 0}, channels: [1]}, {blur, channels: [0, 2]}] : [{blur, channels: [0, 1, 2]}];
  const scenes = lenses.flatMap(lens => {
    const scene = survey(photo, disparity, {...glass, blur: lens.blur});
    return scene ? [{scene, ...lens}] : [];
  });
  if (!scenes.length) return result;
  await rest();
  const lifted = new Lifted(disparity, photo);
  /** @type {Area[]} */
  const tiles = [];
  for (let top = 0; top < height; top += TILE) for (let left = 0; left < width; left += TILE) {
    tiles.push({left, top, width: Math.min(TILE, width - left), height: Math.min(TILE, height - top)});
  }
  const draw = async (/** @type {Area} */ tile) => {
    await rest();
    const parts = scenes.flatMap(({scene, blur, channels}) => {
      const reach = reachOf(scene, tile);
      if (!reach) return [];
      const around = grown(tile, reach, photo), data = bytesOf(photo, around);
      return [{scene, around, data, radius: radiusIn(lifted.at(around, data), blur, photo, around), channels}];
    });
    if (!parts.length) return;
    const own = bytesOf(photo, tile), given = [own.buffer, ...parts.flatMap(({data, radius}) => [data.buffer, radius.data.buffer])];
    const drawn = await crew.do(drawTile, [parts, tile, own, grain], given);
    for (let row = 0; row < tile.height; row++) {
      result.data.set(drawn.subarray(4 * row * tile.width, 4 * (row + 1) * tile.width), 4 * ((tile.top + row) * width + tile.left));
    }
  };
  await Promise.all(Array.from({length: Math.max(1, crew.size)}, async () => {
    try {
      for (let tile = tiles.shift(); tile; tile = tiles.shift()) await draw(tile);
    } finally {
      tiles.length = 0;  // Where one is given up, all are.
    }
  }));
  return result;
}
