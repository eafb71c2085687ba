// A picture drawn through a lens, layer by layer: the counterpart of lens/compositor.py.
// @ts-check

import {encoded, linear} from './colour.js';
import {NOBODY} from './crew.js';
import {SHARP_PX, convolve, cropped} from './defocus.js';
import {raiseLamps} from './highlights.js';
import {map, mix, plane, unit} from './planes.js';
import {radiusIn} from './radius.js';

/**
 * @typedef {import('./planes.js').Plane} Plane
 * @typedef {{left: number, top: number, width: number, height: number}} Area
 * @typedef {import('../optics.js').Aperture & {rim?: number}} Aperture
 * @typedef {{perUnit: number, aperture: Aperture, gain: number, largest: number, far?: number, near?: number, tilt?: [number, number],
 *   pivot?: [number, number], axial?: number}} Glass perUnit: radius for each unit of disparity, and largest and axial, as shares of the short side;
 *   far, near: what is sharp about what is in focus; tilt, pivot and axial: of radius.js
 */

const GROWTH = 1.3, LEAST_VISIBLE = 0.05, STEP = 4;

/** Signed radii in px between which discs are mixed. @param {number} least @param {number} greatest @param {number} [growth] @returns {number[]} */
export function signedBank(least, greatest, growth = GROWTH) {
  const side = (/** @type {number} */ most) => {
    const found = [];
    for (let radius = SHARP_PX; radius < most;) { radius = Math.min(Math.max(radius + 0.5, radius * growth), most); found.push(radius); }
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

/** How far from what a layer holds anything is seen of it, twice. @param {number} radius */
const marginOf = radius => 2 * Math.ceil(Math.abs(radius)) + 2 * STEP;

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
  const margin = marginOf(radius), start = (/** @type {number} */ at) => Math.floor(Math.max(0, at - margin) / STEP) * STEP;
  return {
    left: start(left), top: start(top), width: Math.min(right + 1 + margin, width) - start(left),
    height: Math.min(foot + 1 + margin, height) - start(top),
  };
}

/**
 * A layer blurred; with optical vignetting, kernels stand on the corners of a grid and are mixed in between.
 * @param {Plane[]} planes @param {number} radius @param {Aperture} shape @param {Area} area
 * @param {{width: number, height: number}} whole
 */
export function blurred(planes, radius, shape, area, whole) {
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
 * What a layer holds of everything else, of the subject and at all, by each pixel's places in the bank; `visible` grows by it.
 * @param {number} index of the layer @param {Plane} matte @param {Plane} place @param {Plane} own the subject's, of one pixel if it has but one
 * @param {Plane} visible of this layer and all in front of it
 */
function sharesOf(index, matte, place, own, visible) {
  const [away, subject, share] = [0, 1, 2].map(() => plane(matte.width, matte.height)), [opacity, at, total] = [matte.data, place.data, visible.data];
  const [found, mine, all] = [away.data, subject.data, share.data], whole = own.data.length === 1 ? Math.max(0, 1 - Math.abs(own.data[0] - index)) : -1;
  for (let pixel = 0; pixel < all.length; pixel++) {
    const far = Math.abs(at[pixel] - index), part = whole >= 0 ? whole : Math.max(0, 1 - Math.abs(own.data[pixel] - index));
    if (far >= 1 && !part) continue;
    found[pixel] = far < 1 ? (1 - opacity[pixel]) * (1 - far) : 0;
    mine[pixel] = opacity[pixel] * part;
    all[pixel] = found[pixel] + mine[pixel];
    total[pixel] += all[pixel];
  }
  return {away, subject, share};
}

/** Of a plane what is within so many px of the rows of a share, from its first pixel to its last: nothing else is seen. @param {Plane} from @param {Plane} share @param {number} reach @returns {Plane} */
function nearTo(from, {width, height, data}, reach) {
  const found = plane(width, height), firsts = new Int32Array(height).fill(width), ends = new Int32Array(height);
  for (let row = 0; row < height; row++) {
    let first = row * width, end = first + width;
    while (first < end && !data[first]) first++;
    while (end > first && !data[end - 1]) end--;
    for (let y = Math.max(0, row - reach); first < end && y <= Math.min(height - 1, row + reach); y++) {
      firsts[y] = Math.min(firsts[y], Math.max(0, first - row * width - reach));
      ends[y] = Math.max(ends[y], Math.min(width, end - row * width + reach));
    }
  }
  firsts.forEach((first, row) => { if (first < ends[row]) found.data.set(from.data.subarray(row * width + first, row * width + ends[row]), row * width + first); });
  return found;
}

/** @param {Float32Array} light of everything else, in place @param {Float32Array} share @param {Float32Array} own light of the subject @param {Float32Array} part of it */
function weigh(light, share, own, part) {
  for (let at = 0; at < light.length; at++) light[at] = share[at] * light[at] + part[at] * own[at];
}

/** Lay a blurred layer over what is there: of three channels, and what is kept. @param {Plane[]} result @param {Plane[]} seen @param {Area} area @param {boolean} sharp */
function lay(result, seen, area, sharp) {
  const [red, green, blue, share, visible] = seen.map(each => each.data), [r, g, b, kept] = result.map(each => each.data), {width} = result[0];
  for (let row = 0, from = 0; row < area.height; row++) {
    for (let column = 0, to = (area.top + row) * width + area.left; column < area.width; column++, from++, to++) {
      const fills = unit(share[from] / Math.max(visible[from], LEAST_VISIBLE)), part = fills / Math.max(share[from], 1e-4), through = 1 - fills;
      r[to] = part * red[from] + through * r[to];
      g[to] = part * green[from] + through * g[to];
      b[to] = part * blue[from] + through * b[to];
      kept[to] = through * kept[to] + (sharp ? fills : 0);
    }
  }
}

/**
 * See a photo through a lens: green without axial colour, and red and blue with it.
 * @param {Plane[]} photo encoded @param {Plane} matte @param {Plane} relative disparity less the subject's @param {Glass} glass
 * @param {import('../optics.js').Ends} ends in focus @param {Plane[]} behind linear light @param {() => Promise<void>} rest taken between layers
 * @param {import('./crew.js').Crew} [crew]
 * @returns {Promise<{picture: Plane[], kept: Plane}>} encoded, and the share of the photo's own pixels
 */
export async function draw(photo, matte, relative, glass, ends, behind, rest, crew = NOBODY) {
  const plain = await drawAll(photo, matte, relative, {...glass, axial: 0}, ends, behind, rest, crew);
  if (!glass.axial) return plain;
  const other = await drawAll(photo, matte, relative, glass, ends, behind, rest, crew), [red, , blue] = other.picture;
  return {picture: [red, plain.picture[1], blue], kept: map([plain.kept, other.kept], Math.min)};
}

/** All colours as axial colour has red and blue: arguments and result as of `draw`. @type {(...values: Required<Parameters<typeof draw>>) => ReturnType<typeof draw>} */
async function drawAll(photo, matte, relative, glass, [far, near], behind, rest, crew) {
  const {width, height} = matte, short = Math.min(width, height), most = short * glass.largest, {tilt, pivot, axial = 0} = glass;
  const blur = {perUnit: short * glass.perUnit, far, near, limit: most, tilt, pivot, axial: short * axial}, held = (/** @type {number} */ value) => Math.max(-most, Math.min(most, value));
  const radius = map([radiusIn(relative, blur, matte)], held), leans = tilt && tilt.some(Boolean);
  const own = map([radiusIn(leans ? plane(width, height) : plane(1, 1), blur, matte)], held);
  let [least, greatest] = [Infinity, -Infinity];
  for (const {data} of [radius, own]) for (const value of data) { if (value < least) least = value; if (value > greatest) greatest = value; }
  const radii = signedBank(least, greatest), light = linear(photo), raised = crew.do(raiseLamps, [light, glass.gain]), one = Math.abs(own.data[0]);
  const shows = map(leans ? [radius, own] : [radius], (value, mine = one) => unit((Math.max(Math.abs(value), Math.abs(mine)) - 0.5) / 1.5));
  const others = await crew.do(raiseLamps, [light.map((each, channel) => mix(each, shows, behind[channel])), glass.gain]), subject = await raised;
  const result = [...others.map(each => plane(width, height, each.data.slice())), map([matte], () => 1)], visible = plane(width, height);
  const placeOf = bankPlace(radii), [place, at] = [radius, own].map(each => map([each], value => placeOf(value)));
  /** @type {{area: Area, sharp: boolean, coming: Promise<Plane[]>}[]} */
  const layers = [];
  for (let index = radii.length - 1; index >= 0; index--) {
    const {away, subject: mine, share} = sharesOf(index, matte, place, at, visible);
    const area = reachOf(share, radii[index]);
    if (area) {
      const cut = (/** @type {Plane} */ each) => cropped(each, area.left, area.top, area.width, area.height);
      const holds = cut(share), planes = [...others.map(cut), holds, nearTo(cut(visible), holds, marginOf(radii[index]))], [awayThere, mineThere] = [cut(away).data, cut(mine).data];
      subject.forEach((each, channel) => weigh(planes[channel].data, awayThere, cut(each).data, mineThere));
      // Plane by plane, so that nobody waits for a wide layer; a barrel's kernels take longer to make than to send.
      const parts = crew.size && !glass.aperture.vignette ? planes.map(each => [each]) : [planes];
      const coming = Promise.all(parts.map(part => crew.do(blurred, [part, radii[index], glass.aperture, area, {width, height}], part.map(each => each.data.buffer))));
      layers.push({area, sharp: radii[index] === 0, coming: coming.then(seen => seen.flat())});
    }
    while (layers.length > (index ? crew.size : 0)) {
      const {area, sharp, coming} = /** @type {typeof layers[0]} */ (layers.shift());
      lay(result, await coming, area, sharp);
      await rest();
    }
  }
  const [red, green, blue, kept] = result;
  return {picture: encoded([red, green, blue]), kept};
}
