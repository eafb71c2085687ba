// Holes filled from around them: the counterpart of image/inpaint.py.
// @ts-check

import {map, mix, plane, resize, times} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

/** @param {number} at @param {number} size */
const turned = (at, size) => (size === 1 ? 0 : at < 0 ? -at : at >= size ? 2 * size - 2 - at : at);

/** @param {Plane} from @returns {Plane} half as large (OpenCV's pyrDown) */
function down(from) {
  const {width, height, data} = from, columns = (width + 1) >> 1, rows = (height + 1) >> 1, found = plane(columns, rows);
  const weights = [1, 4, 6, 4, 1], sum = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    sum.fill(0);
    weights.forEach((weight, index) => {
      const start = turned(2 * row + index - 2, height) * width;
      for (let at = 0; at < width; at++) sum[at] += weight * data[start + at];
    });
    for (let column = 0; column < columns; column++) {
      let value = 0;
      for (let index = 0; index < 5; index++) value += weights[index] * sum[turned(2 * column + index - 2, width)];
      found.data[row * columns + column] = value / 256;
    }
  }
  return found;
}

/** @param {Plane} from @param {number} width @param {number} height @returns {Plane} about twice as large (pyrUp) */
function up(from, width, height) {
  const wide = plane(width, from.height), found = plane(width, height);
  const doubled = (/** @type {Plane} */ source, /** @type {Plane} */ target, /** @type {number} */ count, /** @type {number} */ lines,
    /** @type {(line: number, at: number, size: number) => number} */ place) => {
    const size = count;
    for (let line = 0; line < lines; line++) {
      for (let at = 0; at < (target === wide ? width : height); at++) {
        const half = at >> 1, here = source.data[place(line, half, 0)], after = source.data[place(line, Math.min(half + 1, size - 1), 0)];
        const before = source.data[place(line, half ? half - 1 : Math.min(1, size - 1), 0)];
        target.data[place(line, at, 1)] = at % 2 ? (here + after) / 2 : (before + 6 * here + after) / 8;
      }
    }
  };
  doubled(from, wide, from.width, from.height, (line, at, to) => line * (to ? width : from.width) + at);
  doubled(wide, found, from.height, width, (line, at) => at * width + line);
  return found;
}

/** @param {Plane[]} image @param {Plane} weight 0 is filled, 1 is known @returns {Plane[]} */
export function pushPull(image, weight) {
  const {width, height} = weight;
  if (Math.min(width, height) < 2 || weight.data.every(value => value >= 1)) return image;
  const known = image.map(each => times(each, weight)), share = down(weight);
  const small = known.map(each => map([down(each), share], (value, mass) => value / Math.max(mass, 1e-6)));
  const below = pushPull(small, map([share], mass => Math.min(mass * 2, 1)));
  return known.map((each, channel) => {
    const {data} = up(below[channel], width, height);
    for (let at = 0; at < data.length; at++) data[at] = each.data[at] + (1 - weight.data[at]) * data[at];
    return plane(width, height, data);
  });
}

/** @param {Plane[]} values @param {Plane} weight @returns {Plane[]} */
export function fill(values, weight) {
  const {width, height} = weight;
  if (width * height <= 1) return values;
  const size = /** @type {[number, number]} */ ([(width + 1) >> 1, (height + 1) >> 1]), mass = resize(weight, ...size);
  const coarse = fill(values.map(each => {
    const sum = resize(times(each, weight), ...size);
    return map([sum, mass, resize(each, ...size)], (total, share, plain) => (share > 1e-6 ? total / share : plain));
  }), map([mass], share => Math.min(4 * share, 1)));
  return values.map((each, channel) => mix(resize(coarse[channel], width, height), weight, each));
}
