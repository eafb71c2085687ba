// A drawing carried to the photo's own size: the counterpart of lens/full_resolution.py.
// @ts-check

import {LIGHT, toCode} from './colour.js';
import {fill} from './fill.js';
import {guidedCoefficients, hiddenTexture} from './guided.js';
import {dilate, erode, map, plane, resizePicture, round, split, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture */

const SNAP = 0.02, WIDE = 8, NARROW = 1, TEXTURE = 2, SAMPLES = 3, CROSSING = [0.3, 0.8], STEEPEST = 4, STEPS = 65535;
const CODE = Float32Array.from({length: STEPS + 1}, (_, at) => toCode((at / STEPS) ** 2));

/** How far m, of which that is the change within a pixel, crosses an edge there. @param {number} span */
const crossing = span => unit((span - CROSSING[0]) / (CROSSING[1] - CROSSING[0]));

/** @param {number} share */
const snapped = share => unit((share - SNAP) / (1 - 2 * SNAP));

/** Brightness of a few samples of each working pixel. @param {Picture} photo @param {number} across @param {number} down @returns {Plane} */
function samples(photo, across, down) {
  const width = Math.ceil(photo.width / across), height = Math.ceil(photo.height / down), found = plane(width, height);
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    const at = 4 * (row * down * photo.width + column * across);
    found.data[row * width + column] = (photo.data[at] + photo.data[at + 1] + photo.data[at + 2]) / 765;
  }
  return found;
}

/**
 * What full size is made of: the blurred picture behind the subject, least and greatest m, m as a function of colours.
 * @param {Picture} photo @param {Plane[]} drawn encoded @param {Plane} share @param {Plane[]} seen @returns {Plane[]}
 */
function prepare(photo, drawn, share, seen) {
  const {width, height} = share, guide = split(resizePicture(photo, width, height));
  const least = erode(share, 1), greatest = dilate(share, 1), span = map([greatest, least], (most, few) => most - few);
  const behind = drawn.map((each, channel) => map([each, share, seen[channel]], (value, kept, own) => unit((value - kept * own) / Math.max(1 - kept, 0.05))));
  const weight = map([greatest], value => Math.min(2 * (1 - value), 1) ** 2);
  const step = (/** @type {number} */ scale) => Math.ceil(scale / SAMPLES);
  const grey = samples(photo, step(photo.width / width), step(photo.height / height));
  const texture = map([hiddenTexture(grey, map([span], value => Math.max(1 - 4 * value, 0)))], value => TEXTURE * value);
  const close = guidedCoefficients(guide, share, NARROW, 2e-4, texture), wide = guidedCoefficients(guide, share, WIDE);
  const near = dilate(map([span], crossing), 2);
  const model = wide.map((each, index) => map([each, near, close[index]], (value, edge, other) => value + edge * (other - value)));
  return [...fill(behind, weight).map(each => map([each], unit)), least, greatest, ...model];
}

/** Weights of Keys' cubic convolution with a = -0.75. @param {number} x @returns {number[]} */
function cubic(x) {
  const a = -0.75, near = [x, 1 - x].map(t => ((a + 2) * t - (a + 3)) * t * t + 1);
  const before = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
  return [before, ...near, 1 - before - near[0] - near[1]];
}

/** What each of `to` places is made of: the first of four, and their weights. @param {number} from @param {number} to */
function cubicTaps(from, to) {
  const places = new Int32Array(4 * to), weights = new Float64Array(4 * to);
  for (let at = 0; at < to; at++) {
    const centre = (at + 0.5) * from / to - 0.5, first = Math.floor(centre);
    weights.set(cubic(centre - first), 4 * at);
    for (let tap = 0; tap < 4; tap++) places[4 * at + tap] = Math.max(0, Math.min(from - 1, first - 1 + tap));
  }
  return {places, weights};
}

/** @param {Plane} from @param {number} row @param {{places: Int32Array, weights: Float64Array}} taps @param {Float32Array} target */
function enlargeRow(from, row, {places, weights}, target) {
  const line = from.data.subarray(row * from.width, (row + 1) * from.width);
  for (let column = 0, tap = 0; column < target.length; column++, tap += 4) {
    target[column] = weights[tap] * line[places[tap]] + weights[tap + 1] * line[places[tap + 1]]
      + weights[tap + 2] * line[places[tap + 2]] + weights[tap + 3] * line[places[tap + 3]];
  }
}

/**
 * @param {Picture} photo @param {Plane[]} drawn encoded, at most as large @param {Plane} share of the photo that is kept
 * @param {Plane[]} seen the photo that it was drawn from, at that size @param {?import('./grain.js').Grain} grain
 * @param {() => Promise<void>} rest taken between rows
 * @returns {Promise<Picture>} the photo's own pixels where m is 1
 */
export async function carryToFullSize(photo, drawn, share, seen, grain, rest) {
  const maps = prepare(photo, drawn, share, seen), {width, height} = photo, [small] = maps;
  const result = {width, height, data: new Uint8ClampedArray(photo.data)};
  const across = cubicTaps(small.width, width), steeper = Math.min(Math.max(height / small.height / 2, 1), STEEPEST) - 1;
  /** @type {Map<number, Float32Array[]>} */
  const enlarged = new Map();
  const lineOf = (/** @type {number} */ wanted) => {
    const row = Math.max(0, Math.min(small.height - 1, wanted));
    let lines = enlarged.get(row);
    if (!lines) {
      lines = enlarged.size >= 5 ? /** @type {Float32Array[]} */ (enlarged.get([...enlarged.keys()][0])) : maps.map(() => new Float32Array(width));
      if (enlarged.size >= 5) enlarged.delete([...enlarged.keys()][0]);
      maps.forEach((each, index) => enlargeRow(each, row, across, /** @type {Float32Array[]} */ (lines)[index]));
      enlarged.set(row, lines);
    }
    return lines;
  };
  const lacks = new Float32Array(width);
  for (let row = 0; row < height; row++) {
    const centre = (row + 0.5) * small.height / height - 0.5, first = Math.floor(centre), [a, b, c, d] = cubic(centre - first);
    const [l0, l1, l2, l3] = [first - 1, first, first + 1, first + 2].map(lineOf);
    const at = (/** @type {number} */ index, /** @type {number} */ x) => a * l0[index][x] + b * l1[index][x] + c * l2[index][x] + d * l3[index][x];
    for (let x = 0; x < width; x++) {
      const least = at(3, x);
      lacks[x] = 0;
      if (least >= 1 - SNAP) continue;
      const greatest = at(4, x), pixel = 4 * (row * width + x), {data} = result;
      let kept = 0;
      if (greatest > SNAP) {
        const value = at(8, x) + (at(5, x) * data[pixel] + at(6, x) * data[pixel + 1] + at(7, x) * data[pixel + 2]) / 255;
        const within = Math.min(Math.max(value, least), greatest);
        kept = snapped(0.5 + (within - 0.5) * (1 + steeper * crossing(greatest - least)));
        if (kept === 1) continue;
      }
      lacks[x] = 1 - kept;
      for (let channel = 0; channel < 3; channel++) {
        const behind = round(255 * unit(at(channel, x)));
        if (!kept) { data[pixel + channel] = behind; continue; }
        const light = kept * LIGHT[data[pixel + channel]] + (1 - kept) * LIGHT[behind];
        data[pixel + channel] = round(255 * CODE[round(Math.sqrt(unit(light)) * STEPS)]);
      }
    }
    grain?.add(result.data, row, width, lacks);
    if (row % 64 === 63) await rest();
  }
  return result;
}
