// A stroke spread among what looks and lies alike: the counterpart of image/spreading.py.
// @ts-check

import {distances} from './distances.js';
import {guidedCoefficients, lift} from './guided.js';
import {nearestColours} from './kmeans.js';
import {labOf} from './lab.js';
import {dilate, fit, map, plane, resize, unit} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane
 * @typedef {{colours: Plane[], opacity: Plane, doubt: Plane, painted: Plane, against: Plane}} Ground of one size: encoded colours; the share that
 *   already is what the stroke says, now and before anything was painted; what it paints, and what others did that say the opposite
 */

const SIDE = 320, NEAR = 1e4, ROUNDS = 4, SURE = 3, BIAS = 0.428;
const WEIGHTS = [-0.801, -0.117, -0.331, -0.021, 1.665, -2.539, 2.61, 0.752, 1.359, 1.194, 1.12];

/** @param {Ground} ground @returns {Ground} of at most SIDE px */
export function shrunk({colours, opacity, doubt, painted, against}) {
  const {width, height} = painted, size = /** @type {[number, number]} */ (fit(width, height, Math.min(SIDE, Math.max(width, height))));
  const small = (/** @type {Plane} */ each) => resize(each, ...size), covered = small(painted), most = covered.data.reduce((a, b) => Math.max(a, b), 0);
  const here = map([covered], value => Number(value > Math.min(0.25, 0.9 * most)));  // Or it is thinner than a pixel here.
  return {
    colours: colours.map(small), opacity: small(opacity), doubt: small(doubt), painted: here,
    against: map([small(against), here], (share, own) => Number(share > 0.25 && !own)),
  };
}

/** Beyond the border mirrored in its middle. @param {number} at @param {number} size */
const turned = (at, size) => (size === 1 ? 0 : at < 0 ? -at : at >= size ? Math.max(0, 2 * size - 2 - at) : at);

/** OpenCV's bilateral filter of radius 2. @param {Plane[]} planes @returns {Plane[]} */
function bilateral(planes) {
  const {width, height} = planes[0], found = planes.map(() => plane(width, height)), steps = [];
  for (let y = -2; y <= 2; y++) for (let x = -2; x <= 2; x++) if (Math.hypot(x, y) <= 2) steps.push({x, y, weight: Math.exp(-(x * x + y * y) / 8)});
  const [a, b, c] = planes.map(each => each.data);
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    let [total, first, second, third] = [0, 0, 0, 0];
    for (const {x, y, weight} of steps) {
      const from = turned(row + y, height) * width + turned(column + x, width);
      const far = Math.abs(a[from] - a[at]) + Math.abs(b[from] - b[at]) + Math.abs(c[from] - c[at]), share = weight * Math.exp(-far * far / 0.0128);
      total += share;
      first += share * a[from];
      second += share * b[from];
      third += share * c[from];
    }
    found[0].data[at] = first / total;
    found[1].data[at] = second / total;
    found[2].data[at] = third / total;
  }
  return found;
}

/** How far each pixel's colour is from the nearest of a few that stand for a mask's. @param {Plane[]} lab @param {Plane} mask @param {number} count @returns {Plane} */
function unlike(lab, mask, count) {
  const colours = nearestColours(lab, mask, count), [x, y, z] = lab.map(each => each.data), found = plane(mask.width, mask.height);
  for (let at = 0; at < found.data.length; at++) {
    let least = colours.length ? Infinity : 0.25;
    for (const [a, b, c] of colours) least = Math.min(least, (x[at] - a) ** 2 + (y[at] - b) ** 2 + (z[at] - c) ** 2);
    found.data[at] = Math.sqrt(least);
  }
  return found;
}

/** Length of the shortest path from a mask. @param {Plane} mask @param {Plane} across costs of steps to the right @param {Plane} down @returns {Plane} */
function geodesic(mask, across, down) {
  const {width, height} = mask, length = map([mask], value => (value ? 0 : NEAR)), {data} = length;
  const columns = new Float32Array(data.length), rows = new Float32Array(data.length);
  for (let at = 0; at < data.length; at++) {
    if (at % width) columns[at] = columns[at - 1] + across.data[at - 1];
    if (at >= width) rows[at] = rows[at - width] + down.data[at - width];
  }
  const sweep = (/** @type {Float32Array} */ way, /** @type {number} */ start, /** @type {number} */ step, /** @type {number} */ count) => {
    let least = Infinity;
    for (let index = 0, at = start; index < count; index++, at += step) { least = Math.min(least, Math.fround(data[at] - way[at])); data[at] = way[at] + least; }
    least = Infinity;
    for (let index = 0, at = start + (count - 1) * step; index < count; index++, at -= step) { least = Math.min(least, Math.fround(data[at] + way[at])); data[at] = least - way[at]; }
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (let row = 0; row < height; row++) sweep(columns, row * width, 1, width);
    for (let column = 0; column < width; column++) sweep(rows, column, width, height);
  }
  return map([length], value => Math.max(value, 0));
}

/** Distance from a mask in px. @param {Plane} mask @returns {Plane} */
const distanceTo = ({width, height, data}) => plane(width, height, distances(Uint8Array.from(data), width, height, true).away);

/** Means of squares of 9, mirrored in the middle of the border. @param {Plane} from @returns {Plane} */
function blurred({width, height, data}) {
  const half = new Float64Array(data.length), found = plane(width, height);
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    for (let step = -4; step <= 4; step++) half[at] += data[row * width + turned(column + step, width)];
  }
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    let sum = 0;
    for (let step = -4; step <= 4; step++) sum += half[turned(row + step, height) * width + column];
    found.data[at] = sum / 81;
  }
  return found;
}

/** Lengths of the steps of a colour to the right, or down. @param {Plane[]} lab @param {number} stride @returns {Plane} */
function stepsOf(lab, stride) {
  const found = plane(lab[0].width, lab[0].height), [a, b, c] = lab.map(each => each.data);
  for (let at = 0; at + stride < a.length; at++) found.data[at] = Math.hypot(a[at + stride] - a[at], b[at + stride] - b[at], c[at + stride] - c[at]);
  return found;
}

/** @param {Float32Array} values */
function median(values) {
  const sorted = values.slice().sort(), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Logarithms of the odds that each pixel is what the stroke says. @param {Ground} ground @param {number} radius of the brush @param {number} pixel @returns {Plane} */
function oddsOf({colours, opacity, doubt, painted, against}, radius, pixel) {
  // In single precision, as there: what is as far away as the limit would else be on its other side.
  const {width} = painted, size = Math.fround(Math.max(radius, 0.004)), step = Math.fround(pixel), limit = Math.fround(Math.fround(4 * size) + Math.fround(0.02));
  const lab = bilateral(labOf(colours)), other = unlike(lab, painted, 4);
  const [across, down] = [1, width].map(stride => stepsOf(lab, stride));
  const cost = (/** @type {Plane} */ steps, /** @type {number} */ stride) => plane(width, steps.height, steps.data.map((length, at) =>
    0.3 * length + step * (0.3 + 5 * Math.max(other.data[at], other.data[at + stride] ?? 0))));
  const path = map([geodesic(painted, cost(across, 1), cost(down, width))], value => Math.min(value, 3)), away = map([distanceTo(painted)], value => value * step);
  const easy = (/** @type {Plane} */ steps) => map([steps], length => 0.3 * length + 0.3 * step);
  const opposed = against.data.includes(1) ? map([geodesic(against, easy(across), easy(down))], value => Math.min(value, 2)) : map([path], () => 2);
  const done = map([opacity], value => Number(value > 0.7)), toDone = done.data.includes(1) ? map([distanceTo(done)], value => value * step) : map([path], () => 1);
  const elsewhere = unlike(lab, map([opacity, away], (share, far) => Number(share < 0.1 && far > limit)), 6), around = blurred(opacity);
  const told = map([doubt], value => { const held = Math.min(Math.max(value, 0.003), 0.997); return Math.log(held / (1 - held)) / 5; });
  const own = median(told.data.filter((_, at) => painted.data[at] > 0)), found = plane(width, painted.height);
  for (let at = 0; at < found.data.length; at++) {
    const features = [
      Math.sqrt(path.data[at]), Math.min(path.data[at] / size, 20), Math.log(away.data[at] / size + 0.3), Math.min(toDone.data[at] / size, 20),
      Math.sqrt(other.data[at]), other.data[at] - elsewhere.data[at], told.data[at], told.data[at] - own, opacity.data[at], around.data[at], opposed.data[at],
    ];
    found.data[at] = features.reduce((sum, value, index) => sum + value * WEIGHTS[index], BIAS);
  }
  return found;
}

/** What of a mask and the painted pixels is connected with the latter. @param {Plane} mask @param {Plane} painted @returns {Plane} */
function connected(mask, painted) {
  const {width, height} = mask, found = plane(width, height), open = [...painted.data.keys()].filter(at => painted.data[at]);
  for (const at of open) found.data[at] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const column = at % width;
    for (const next of [column ? at - 1 : -1, column < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= width * height || found.data[next] || !mask.data[next]) continue;
      found.data[next] = 1;
      open.push(next);
    }
  }
  return found;
}

/**
 * Share to which a stroke changes each pixel of what `shrunk` gives; 0 where it does not reach.
 * @param {Ground} small @param {number} radius of the brush, and of a pixel, in shares of the longer side @param {number} pixel @returns {Plane}
 */
export function spreadCoarsely(small, radius, pixel) {
  const odds = map([oddsOf(small, radius, pixel)], value => Math.max(-SURE, Math.min(SURE, value))), [red, green, blue] = small.colours;
  const [a, b, c, offset] = guidedCoefficients(small.colours, odds, 4, 1e-3), smooth = odds;
  for (let at = 0; at < smooth.data.length; at++) {
    smooth.data[at] = a.data[at] * red.data[at] + b.data[at] * green.data[at] + c.data[at] * blue.data[at] + offset.data[at];
  }
  const changes = connected(map([smooth, small.against], (value, other) => Number(value > 0 && !other)), small.painted);
  return map([smooth, changes, small.painted], (value, reached, own) => (reached ? Math.max(unit(value + 0.5), own) : 0));
}

/** Share that is what the stroke says once it has spread. @param {Ground} ground of a window about it @param {number} radius @param {number} pixel @returns {Plane} */
export function spread(ground, radius, pixel) {
  const {width, height} = ground.painted, small = shrunk(ground), share = spreadCoarsely(small, radius, pixel * height / small.painted.height);
  const found = lift(map([small.opacity, share], Math.max), ground.colours), where = resize(dilate(map([share], value => Number(value > 0)), 2), width, height);
  for (let at = 0; at < found.data.length; at++) {
    const now = ground.opacity.data[at];
    found.data[at] = ground.painted.data[at] ? 1 : ground.against.data[at] ? now : now + where.data[at] * Math.max(found.data[at] - now, 0);
  }
  return found;
}
