// Lamps that the camera clipped: the counterpart of lens/highlights.py.
// @ts-check

import {alongColumns, alongDiagonals, alongRows, map, plane, resize, round, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

const CLIPPED = 0.9, DARK = [0.2, 0.5], SIZE = 0.05, WORKING_PX = 512, MANY = [0.01, 0.1];

/** @param {Plane[]} light */
const darkest = light => map(light, Math.min);

/** Sums over a square as far as it lies in the picture, by how much of it does. @param {Plane} from @param {number} reach */
function meanWithin(from, reach) {
  const {width, height} = from, sums = new Float64Array((width + 1) * (height + 1)), found = plane(width, height);
  for (let row = 0; row < height; row++) {
    let line = 0;
    for (let column = 0; column < width; column++) {
      line += from.data[row * width + column];
      sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + line;
    }
  }
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    const [top, foot] = [Math.max(0, row - reach), Math.min(height, row + reach + 1)].map(at => at * (width + 1));
    const [left, right] = [Math.max(0, column - reach), Math.min(width, column + reach + 1)];
    const area = (foot - top) / (width + 1) * (right - left);
    found.data[row * width + column] = (sums[foot + right] - sums[top + right] - sums[foot + left] + sums[top + left]) / area;
  }
  return found;
}

/** How bright it is around small bright things. @param {Plane[]} light @returns {Plane} */
export function findSurroundings(light) {
  const {width, height} = light[0], scale = Math.min(1, WORKING_PX / Math.max(width, height));
  if (scale < 1) {
    const size = /** @type {[number, number]} */ ([Math.max(1, round(width * scale)), Math.max(1, round(height * scale))]);
    return resize(findSurroundings(light.map(each => resize(each, ...size))), width, height);
  }
  const dark = darkest(light), reach = Math.max(round(SIZE * Math.min(width, height) / 2), 1), length = 2 * reach + 1;
  const slant = round(length / Math.sqrt(8));
  /** @type {((from: Plane, greatest: boolean) => Plane)[]} */
  const lines = [
    (from, greatest) => alongRows(from, reach, greatest), (from, greatest) => alongColumns(from, reach, greatest),
    (from, greatest) => alongDiagonals(from, slant, 1, greatest), (from, greatest) => alongDiagonals(from, slant, -1, greatest),
  ];
  return lines.reduce((best, line) => map([best, line(line(dark, false), true)], Math.max), meanWithin(dark, length));
}

/** How surely each pixel is of a lamp. @param {Plane[]} light @param {Plane} surroundings @returns {Plane} */
export function lampWeight(light, surroundings) {
  return map([darkest(light), surroundings], (dark, around) =>
    unit((dark - CLIPPED) / (1 - CLIPPED)) ** 2 * unit((DARK[1] - around) / (DARK[1] - DARK[0])));
}

/** @param {Plane[]} light @param {number} gain @param {Plane} [surroundings] of all of it @returns {Plane[]} */
export function raiseLamps(light, gain, surroundings) {
  if (gain <= 1 || light.every(each => each.data.every(value => value <= CLIPPED))) return light;
  const weight = lampWeight(light, surroundings ?? findSurroundings(light));
  return light.map(each => map([each, weight], (value, share) => value * (1 + (gain - 1) * share)));
}

/** 1 if what looks like lamps fills little of a photo, down to 0. @param {Plane[]} light */
export function lampCertainty(light) {
  const weight = lampWeight(light, findSurroundings(light)).data;
  let filled = 0;
  for (const value of weight) if (value > 0) filled++;
  return unit((MANY[1] - filled / weight.length) / (MANY[1] - MANY[0]));
}
