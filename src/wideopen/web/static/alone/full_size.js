// A drawing carried to the photo's own size: the counterpart of lens/full_resolution.py.
// @ts-check

import {LIGHT, codeOf} from './colour.js';
import {NOBODY} from './crew.js';
import {fill} from './fill.js';
import {addGrain} from './grain.js';
import {guidedCoefficients, hiddenTexture} from './guided.js';
import {dilate, erode, map, mix, plane, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture */

const SNAP = 0.02, WIDE = 8, NARROW = 1, TEXTURE = 2, SAMPLES = 3, CROSSING = [0.3, 0.8], STEEPEST = 4, ROWS = 128;

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
 * @param {Picture} photo @param {Plane[]} drawn encoded @param {Plane} share @param {Plane[]} seen @param {import('./crew.js').Crew} crew
 * @param {?Plane} subject its opacity, if another matte decides at full size: m is then the share kept of all else @returns {Promise<Plane[]>}
 */
async function prepare(photo, drawn, share, seen, crew, subject) {
  const {width, height} = share, own = subject ? beside(share, subject) : share, wide = crew.do(guidedCoefficients, [seen, own, WIDE, 2e-4]);
  const filled = Promise.all(drawn.map((each, channel) => crew.do(drawnBehind, [each, share, seen[channel]])));
  const least = erode(own, 1), greatest = dilate(own, 1), span = map([greatest, least], (most, few) => most - few);
  const step = (/** @type {number} */ scale) => Math.ceil(scale / SAMPLES);
  const grey = samples(photo, step(photo.width / width), step(photo.height / height));
  const texture = map([hiddenTexture(grey, map([span], value => Math.max(1 - 4 * value, 0)))], value => TEXTURE * value);
  const close = crew.do(guidedCoefficients, [seen, own, NARROW, 2e-4, texture]), near = dilate(map([span], crossing), 2), narrow = await close;
  const model = (await wide).map((each, index) => mix(each, near, narrow[index]));
  return [...await filled, least, greatest, ...model];
}

/** A colour of what is drawn, without what is kept of the photo. @param {Plane} drawn @param {Plane} share that is kept @param {Plane} seen @returns {Plane} */
export function drawnBehind(drawn, share, seen) {
  const behind = map([drawn, share, seen], (value, kept, own) => unit((value - kept * own) / Math.max(1 - kept, 0.05)));
  return map(fill([behind], map([dilate(share, 1)], value => Math.min(2 * (1 - value), 1) ** 2)), unit);
}

/** From m of all to m of what is not the subject, continued from around behind it. @param {Plane} share @param {Plane} subject @returns {Plane} */
function beside(share, subject) {
  const rest = map([share, subject], (kept, own) => unit(1 - (1 - kept) / Math.max(1 - own, 0.05)));
  return fill([rest], map([dilate(subject, 1)], value => (1 - value) ** 2))[0];
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

/**
 * @typedef {object} Strip rows of a photo, and what they are made of
 * @property {number} width @property {number} height of the whole photo
 * @property {number} top @property {Uint8ClampedArray} data of the rows from there on
 * @property {{width: number, height: number, first: number, lines: Float32Array[]}} small size of the maps, and of each of them the rows
 *   from `first` on @property {?import('./grain.js').Grain} grain @property {?Float32Array} subject its opacity there, where it is exact and in focus
 */

/** @param {Float32Array} from @param {number} start @param {{places: Int32Array, weights: Float64Array}} taps @param {Float32Array} target */
function enlargeRow(from, start, {places, weights}, target) {
  for (let column = 0, tap = 0; column < target.length; column++, tap += 4) {
    target[column] = weights[tap] * from[start + places[tap]] + weights[tap + 1] * from[start + places[tap + 1]]
      + weights[tap + 2] * from[start + places[tap + 2]] + weights[tap + 3] * from[start + places[tap + 3]];
  }
}

/** @param {Float32Array[]} lines four @param {number[]} weights @param {number} from @param {number} to @param {Float32Array} target */
function mixRow([p, q, r, s], [a, b, c, d], from, to, target) {
  for (let at = from; at < to; at++) target[at] = a * p[at] + b * q[at] + c * r[at] + d * s[at];
}

/** Rows of a photo with what is drawn in place of what is not kept. @param {Strip} strip changed in place */
export function drawStrip({width, height, top, data, small, grain, subject}) {
  const across = cubicTaps(small.width, width), steeper = Math.min(Math.max(height / small.height / 2, 1), STEEPEST) - 1;
  const row = () => new Float32Array(width), rows = small.lines.map(row), lacks = row();
  /** Enlarged along their rows, four rows of each map at a time. */
  const lines = small.lines.map(() => [row(), row(), row(), row()]), held = [-1, -1, -1, -1];
  for (let y = top, start = 0; start < data.length; y++, start += 4 * width) {
    const centre = (y + 0.5) * small.height / height - 0.5, first = Math.floor(centre), weights = cubic(centre - first);
    const wanted = [-1, 0, 1, 2].map(step => Math.max(0, Math.min(small.height - 1, first + step)));
    for (const each of wanted) {
      if (held[each & 3] === each) continue;
      held[each & 3] = each;
      lines.forEach((four, index) => enlargeRow(small.lines[index], (each - small.first) * small.width, across, four[each & 3]));
    }
    const mix = (/** @type {number} */ index, /** @type {number} */ from, /** @type {number} */ to) =>
      mixRow(wanted.map(each => lines[index][each & 3]), weights, from, to, rows[index]);
    mix(3, 0, width);
    mix(4, 0, width);
    const [red, green, blue, least, greatest, inRed, inGreen, inBlue, offset] = rows;
    const own = subject?.subarray(start / 4, start / 4 + width);
    let left = width, right = 0, from = width, to = 0;
    for (let x = 0; x < width; x++) {
      if (least[x] >= 1 - SNAP || (own && own[x] >= 1 - SNAP)) continue;
      if (x < left) left = x;
      right = x + 1;
      if (greatest[x] <= SNAP && !(own && own[x] > SNAP)) continue;
      if (x < from) from = x;
      to = x + 1;
    }
    if (right <= left) continue;
    for (let index = 0; index < 3; index++) mix(index, left, right);
    for (let index = 5; index < 9; index++) mix(index, from, to);
    lacks.fill(0);
    for (let x = left, at = start + 4 * left; x < right; x++, at += 4) {
      if (least[x] >= 1 - SNAP || (own && own[x] >= 1 - SNAP)) continue;
      let kept = 0;
      if (greatest[x] > SNAP || (own && own[x] > SNAP)) {
        const value = offset[x] + (inRed[x] * data[at] + inGreen[x] * data[at + 1] + inBlue[x] * data[at + 2]) / 255;
        const within = Math.min(Math.max(value, least[x]), greatest[x]);
        kept = snapped(0.5 + (within - 0.5) * (1 + steeper * crossing(greatest[x] - least[x])));
        if (own) kept += snapped(own[x]) * (1 - kept);
        if (kept === 1) continue;
      }
      lacks[x] = 1 - kept;
      const before = kept && [data[at], data[at + 1], data[at + 2]];
      // Written into bytes, values are rounded and held within them.
      data[at] = 255 * red[x];
      data[at + 1] = 255 * green[x];
      data[at + 2] = 255 * blue[x];
      if (before) for (let channel = 0; channel < 3; channel++) {
        const light = kept * LIGHT[before[channel]] + (1 - kept) * LIGHT[data[at + channel]];
        data[at + channel] = 255 * codeOf(light);
      }
    }
    if (grain) addGrain(grain, data, start, y, lacks);
  }
  return data;
}

/**
 * @param {Picture} photo @param {Plane[]} drawn encoded, at most as large @param {Plane} share of the photo that is kept
 * @param {Plane[]} seen the photo that it was drawn from, at that size @param {?import('./grain.js').Grain} grain
 * @param {() => Promise<void>} rest taken between strips @param {import('./crew.js').Crew} [crew]
 * @param {?{small: Plane, at: (part: import('./areas.js').Area, data: Uint8ClampedArray) => Plane}} [subject] opacity of what is in focus, exact at full size
 * @returns {Promise<Picture>} the photo's own pixels where m is 1
 */
export async function carryToFullSize(photo, drawn, share, seen, grain, rest, crew = NOBODY, subject = null) {
  const maps = await prepare(photo, drawn, share, seen, crew, subject && subject.small), {width, height} = photo, [small] = maps, scale = small.height / height;
  const result = {width, height, data: new Uint8ClampedArray(photo.data.length)};
  const draw = async (/** @type {number} */ top) => {
    await rest();
    const last = Math.min(top + ROWS, height) - 1, first = Math.max(0, Math.floor((top + 0.5) * scale - 0.5) - 1);
    const beyond = Math.min(small.height, Math.floor((last + 0.5) * scale - 0.5) + 3), data = photo.data.slice(4 * top * width, 4 * (last + 1) * width);
    const lines = maps.map(each => each.data.slice(first * small.width, beyond * small.width));
    const own = subject && subject.at({left: 0, top, width, height: last + 1 - top}, data).data;
    const strip = {width, height, top, data, small: {width: small.width, height: small.height, first, lines}, grain, subject: own};
    result.data.set(await crew.do(drawStrip, [strip], [data.buffer, ...lines.map(each => each.buffer)]), 4 * top * width);
  };
  const tops = Array.from({length: Math.ceil(height / ROWS)}, (_, index) => index * ROWS), busy = Math.max(1, 2 * crew.size);
  // No more at a time than keeps everyone busy: the photo is not copied whole.
  await Promise.all(Array.from({length: busy}, async () => {
    try {
      for (let top = tops.shift(); top !== undefined; top = tops.shift()) await draw(top);
    } finally {
      tops.length = 0;  // Where one is given up, all are.
    }
  }));
  return result;
}
