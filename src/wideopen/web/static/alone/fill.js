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

/** The places before, at and after half of one, the border's mirrored or held. @param {number} at @param {number} size @returns {[number, number, number]} */
const around = (at, size) => [at >> 1 ? (at >> 1) - 1 : Math.min(1, size - 1), at >> 1, Math.min((at >> 1) + 1, size - 1)];

/** @param {Plane} from @param {number} width @param {number} height @returns {Plane} about twice as large (pyrUp) */
function up(from, width, height) {
  const wide = plane(width, from.height), found = plane(width, height);
  for (let at = 0; at < width; at++) {
    const [before, here, after] = around(at, from.width);
    for (let row = 0, start = 0; row < from.height; row++, start += from.width) {
      const [a, b, c] = [from.data[start + before], from.data[start + here], from.data[start + after]];
      wide.data[row * width + at] = at % 2 ? (b + c) / 2 : (a + 6 * b + c) / 8;
    }
  }
  for (let row = 0; row < height; row++) {
    const [before, here, after] = around(row, from.height).map(each => wide.data.subarray(each * width, (each + 1) * width)), start = row * width;
    for (let at = 0; at < width; at++) found.data[start + at] = row % 2 ? (here[at] + after[at]) / 2 : (before[at] + 6 * here[at] + after[at]) / 8;
  }
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
