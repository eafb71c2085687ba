// Blur by an aperture of one radius: the counterpart of lens/defocus.py and of the kernels in lens/apertures.py.
// @ts-check

import {passes} from '../optics.js';
import {mirrored, plane, resize} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane
 * @typedef {import('../optics.js').Aperture} Aperture
 * @typedef {{row: number, from: number, to: number, weight: number}} Run a piece of a kernel's row of one weight; `to` is beyond it
 */

export const SHARP_PX = 0.5;
const COARSE = [[48, 4], [12, 2]];

/**
 * The light that a point behind the plane in focus throws, as runs; all weights sum to 1.
 * @param {number} radius @param {Aperture} shape @param {boolean} turned by half a turn @param {[number, number]} [place]
 *   (right, down) of the picture's middle, in half diagonals
 */
export function kernel(radius, shape, turned, place = [0, 0]) {
  const n = Math.max(Math.ceil(radius - 0.5), 0), side = 2 * n + 1, fine = Math.max(4, Math.ceil(64 / side)), shift = 2 * shape.vignette;
  const weights = new Float64Array(side * side);
  let total = 0;
  const axis = Float32Array.from({length: side * fine}, (_, at) => ((at + 0.5) / fine - n - 0.5) / radius);
  for (let y = 0; y < axis.length; y++) for (let x = 0; x < axis.length; x++) {
    const u = axis[x], v = -axis[y];
    if (!passes(shape, u, v) || (shift && Math.hypot(u - shift * place[0], v + shift * place[1]) > 1)) continue;
    weights[Math.floor(y / fine) * side + Math.floor(x / fine)]++;
    total++;
  }
  if (!total) weights[n * side + n] = total = 1;
  // What is drawn at a place is the mean of what lies around it, mirrored through the place.
  if (!turned) weights.reverse();
  /** @type {Run[]} */
  const runs = [];
  for (let row = 0; row < side; row++) {
    for (let from = 0; from < side;) {
      const weight = weights[row * side + from];
      let to = from + 1;
      while (to < side && weights[row * side + to] === weight) to++;
      if (weight) runs.push({row, from, to, weight: weight / total});
      from = to;
    }
  }
  return {runs, n};
}

/** @param {Plane} from @param {{runs: Run[], n: number}} kernel @returns {Plane} its mean, mirrored at the border */
function filtered(from, {runs, n}) {
  const {width, height} = from, wide = width + 2 * n, rows = 2 * n + 1, found = plane(width, height);
  // Sums from the left of the rows in reach, and these rows themselves.
  const sums = Array.from({length: rows}, () => new Float64Array(wide + 1)), line = new Float64Array(width);
  const load = (/** @type {number} */ row) => {
    const sum = sums[((row % rows) + rows) % rows], start = mirrored(row, height) * width;
    for (let at = 0; at < n; at++) sum[at + 1] = sum[at] + from.data[start + mirrored(at - n, width)];
    for (let at = 0; at < width; at++) sum[at + n + 1] = sum[at + n] + from.data[start + at];
    for (let at = n + width; at < wide; at++) sum[at + 1] = sum[at] + from.data[start + mirrored(at - n, width)];
  };
  for (let row = -n; row < n; row++) load(row);
  for (let row = 0; row < height; row++) {
    load(row + n);
    line.fill(0);
    for (const run of runs) {
      const sum = sums[((row - n + run.row) % rows + rows) % rows], {from: left, to: right, weight} = run;
      for (let at = 0; at < width; at++) line[at] += weight * (sum[at + right] - sum[at + left]);
    }
    found.data.set(line, row * width);
  }
  return found;
}

/** @param {Plane} from @param {number} before @param {number} right @param {number} foot @returns {Plane} with more pixels around it, mirrored */
function padded(from, before, right, foot) {
  const width = from.width + before + right, height = from.height + before + foot, found = plane(width, height);
  const columns = Int32Array.from({length: width}, (_, at) => mirrored(at - before, from.width));
  for (let row = 0; row < height; row++) {
    const start = mirrored(row - before, from.height) * from.width;
    for (let column = 0; column < width; column++) found.data[row * width + column] = from.data[start + columns[column]];
  }
  return found;
}

/** @param {Plane} from @param {number} left @param {number} top @param {number} width @param {number} height @returns {Plane} */
export function cropped(from, left, top, width, height) {
  const found = plane(width, height);
  for (let row = 0; row < height; row++) found.data.set(from.data.subarray((top + row) * from.width + left, (top + row) * from.width + left + width), row * width);
  return found;
}

/**
 * Every point drawn as the aperture's shape; large discs at a fraction of the size.
 * @param {Plane[]} planes @param {number} radius px, signed: negative in front of the plane in focus @param {Aperture} shape
 * @param {[number, number]} [place] @returns {Plane[]}
 */
export function convolve(planes, radius, shape, place) {
  const size = Math.abs(radius);
  if (size <= SHARP_PX) return planes;
  const scale = COARSE.find(([start]) => size >= start)?.[1] ?? 1, drawn = kernel(Math.round(size / scale * 1e4) / 1e4, shape, radius < 0, place);
  if (scale === 1) return planes.map(each => filtered(each, drawn));
  const {width, height} = planes[0], right = scale + (scale - width % scale) % scale, foot = scale + (scale - height % scale) % scale;
  return planes.map(each => {
    const around = padded(each, scale, right, foot), small = resize(around, around.width / scale, around.height / scale);
    return cropped(resize(filtered(small, drawn), around.width, around.height), scale, scale, width, height);
  });
}
