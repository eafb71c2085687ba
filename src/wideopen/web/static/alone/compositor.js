// A picture drawn through a lens, layer by layer: the counterpart of lens/compositor.py.
// @ts-check

import {encoded, linear} from './colour.js';
import {SHARP_PX, convolve, cropped} from './defocus.js';
import {raiseLamps} from './highlights.js';
import {map, plane, unit} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane
 * @typedef {{left: number, top: number, width: number, height: number}} Area
 * @typedef {{blur: number, aperture: import('../optics.js').Aperture, gain: number, largest: number}} Glass
 *   blur: radius for each unit of disparity, and largest, as shares of the short side
 */

const GROWTH = 1.3, LEAST_VISIBLE = 0.05, STEP = 4;

/** Signed radii in px between which discs are mixed. @param {number} least @param {number} greatest @returns {number[]} */
export function signedBank(least, greatest) {
  const side = (/** @type {number} */ most) => {
    const found = [];
    for (let radius = SHARP_PX; radius < most;) { radius = Math.min(Math.max(radius + 0.5, radius * GROWTH), most); found.push(radius); }
    return found;
  };
  return [...side(-least).map(radius => -radius).reverse(), 0, ...side(greatest)].map(Math.fround);
}

/** Where a radius lies in a bank, as a fraction of its steps. @param {number[]} radii @returns {(radius: number) => number} */
export function bankPlace(radii) {
  const zero = radii.indexOf(0), nodes = [...radii.slice(0, zero), -SHARP_PX, SHARP_PX, ...radii.slice(zero + 1)];
  const steps = [...radii.keys()].flatMap(step => (step === zero ? [zero, zero] : [step]));
  return radius => {
    if (radius <= nodes[0]) return steps[0];
    for (let at = 1; at < nodes.length; at++) {
      if (radius <= nodes[at]) return steps[at - 1] + (steps[at] - steps[at - 1]) * (radius - nodes[at - 1]) / (nodes[at] - nodes[at - 1]);
    }
    return steps[steps.length - 1];
  };
}

/** Twice a layer's radius around what is in it, null for nothing. @param {Plane} share @param {number} radius @returns {?Area} */
function reachOf(share, radius) {
  const {width, height, data} = share;
  let [left, right, top, foot] = [width, -1, height, -1];
  for (let at = 0, row = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    if (data[at] < 1e-3) continue;
    if (column < left) left = column;
    if (column > right) right = column;
    if (row < top) top = row;
    foot = row;
  }
  if (right < 0) return null;
  const margin = 2 * Math.ceil(radius) + 2 * STEP, start = (/** @type {number} */ at) => Math.floor(Math.max(0, at - margin) / STEP) * STEP;
  return {
    left: start(left), top: start(top), width: Math.min(right + 1 + margin, width) - start(left),
    height: Math.min(foot + 1 + margin, height) - start(top),
  };
}

/**
 * A layer blurred; with optical vignetting, kernels stand on the corners of a grid and are mixed in between.
 * @param {Plane[]} planes @param {number} radius @param {import('../optics.js').Aperture} shape @param {Area} area @param {Plane} whole
 */
function blurred(planes, radius, shape, area, whole) {
  if (!shape.vignette || Math.abs(radius) <= SHARP_PX) return convolve(planes, radius, shape);
  const cells = 8, diagonal = Math.hypot(whole.width, whole.height), found = planes.map(each => plane(each.width, each.height));
  const hat = (/** @type {number} */ index, /** @type {number} */ start, /** @type {number} */ length, /** @type {number} */ side) => {
    const weights = Float32Array.from({length}, (_, at) => Math.max(0, 1 - Math.abs((start + at + 0.5) * cells / side - index)));
    const first = weights.findIndex(Boolean), last = weights.findLastIndex(Boolean) + 1;
    return {weights, first, last};
  };
  const reach = Math.ceil(Math.abs(radius)) + 2 * STEP;
  for (let row = 0; row <= cells; row++) for (let column = 0; column <= cells; column++) {
    const down = hat(row, area.top, area.height, whole.height), across = hat(column, area.left, area.width, whole.width);
    if (down.first < 0 || across.first < 0) continue;
    const top = Math.floor(Math.max(down.first - reach, 0) / STEP) * STEP, left = Math.floor(Math.max(across.first - reach, 0) / STEP) * STEP;
    const foot = Math.min(down.last + reach, area.height), right = Math.min(across.last + reach, area.width);
    /** @type {[number, number]} */
    const place = [(2 * column / cells - 1) * whole.width / diagonal, (2 * row / cells - 1) * whole.height / diagonal];
    const seen = convolve(planes.map(each => cropped(each, left, top, right - left, foot - top)), radius, shape, place);
    seen.forEach((each, index) => {
      for (let y = down.first; y < down.last; y++) for (let x = across.first; x < across.last; x++) {
        found[index].data[y * area.width + x] += down.weights[y] * across.weights[x] * each.data[(y - top) * each.width + x - left];
      }
    });
  }
  return found;
}

/**
 * See a photo through a lens.
 * @param {Plane[]} photo encoded @param {Plane} matte @param {Plane} relative disparity less the subject's @param {Glass} glass
 * @param {import('../optics.js').Ends} ends @param {Plane[]} behind linear light @param {() => Promise<void>} rest taken between layers
 * @returns {Promise<{picture: Plane[], kept: Plane}>} encoded, and the share of the photo's own pixels
 */
export async function draw(photo, matte, relative, glass, [far, near], behind, rest) {
  const {width, height} = matte, short = Math.min(width, height), most = short * glass.largest;
  const held = (/** @type {number} */ value) => Math.max(-most, Math.min(most, value));
  const radiusOf = (/** @type {number} */ value) => held(short * glass.blur * (Math.min(Math.max(value, far), near) - value));
  const radius = map([relative], radiusOf), own = radiusOf(0);
  let [least, greatest] = [own, own];
  for (const value of radius.data) { if (value < least) least = value; if (value > greatest) greatest = value; }
  const radii = signedBank(least, greatest), light = linear(photo), subject = raiseLamps(light, glass.gain);
  const shows = map([radius], value => unit((Math.max(Math.abs(value), Math.abs(own)) - 0.5) / 1.5));
  const others = raiseLamps(light.map((each, channel) => map([each, shows, behind[channel]], (value, share, other) => value + share * (other - value))), glass.gain);
  const result = others.map(each => plane(width, height, each.data.slice())), kept = plane(width, height);
  kept.data.fill(1);
  const hidden = plane(width, height), placeOf = bankPlace(radii), place = map([radius], placeOf), at = placeOf(Math.fround(own));
  hidden.data.fill(1);
  for (let index = radii.length - 1; index >= 0; index--) {
    const part = Math.max(1 - Math.abs(at - index), 0), away = plane(width, height), share = plane(width, height);
    for (let pixel = 0; pixel < share.data.length; pixel++) {
      away.data[pixel] = (1 - matte.data[pixel]) * Math.max(1 - Math.abs(place.data[pixel] - index), 0);
      share.data[pixel] = away.data[pixel] + matte.data[pixel] * part;
      hidden.data[pixel] -= share.data[pixel];
    }
    const area = reachOf(share, Math.abs(radii[index]));
    if (!area) continue;
    const cut = (/** @type {Plane} */ each) => cropped(each, area.left, area.top, area.width, area.height);
    const [awayThere, matteThere, shareThere] = [away, matte, share].map(cut);
    const lit = others.map((each, channel) => {
      const [far, near] = [cut(each), cut(subject[channel])];
      for (let pixel = 0; pixel < far.data.length; pixel++) far.data[pixel] = awayThere.data[pixel] * far.data[pixel] + part * matteThere.data[pixel] * near.data[pixel];
      return far;
    });
    const visible = map([cut(hidden)], value => 1 - value);
    const seen = blurred([...lit, shareThere, visible], radii[index], glass.aperture, area, matte);
    const sharp = radii[index] === 0;
    for (let row = 0; row < area.height; row++) for (let column = 0; column < area.width; column++) {
      const from = row * area.width + column, to = (area.top + row) * width + area.left + column;
      const room = Math.max(seen[4].data[from], LEAST_VISIBLE), through = 1 - unit(seen[3].data[from] / room);
      for (let channel = 0; channel < 3; channel++) result[channel].data[to] = seen[channel].data[from] / room + through * result[channel].data[to];
      kept.data[to] = through * kept.data[to] + (sharp ? 1 - through : 0);
    }
    await rest();
  }
  return {picture: encoded(result.map(each => map([each], unit))), kept};
}
