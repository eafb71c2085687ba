// Blur by an aperture of one radius: the counterpart of lens/defocus.py and of the kernels in lens/apertures.py.
// @ts-check

import {passes} from '../optics.js';
import {mirrored, plane, resize} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane
 * @typedef {import('../optics.js').Aperture & {rim?: number}} Aperture rim: spherical aberration, a bright or a soft rim behind the focus
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
  const rim = (turned ? -1 : 1) * (shape.rim ?? 0);
  let total = 0;
  const axis = Float32Array.from({length: side * fine}, (_, at) => ((at + 0.5) / fine - n - 0.5) / radius);
  for (let y = 0; y < axis.length; y++) for (let x = 0; x < axis.length; x++) {
    const u = axis[x], v = -axis[y];
    if (!passes(shape, u, v) || (shift && Math.hypot(u - shift * place[0], v + shift * place[1]) > 1)) continue;
    // The mean of the square of the distance over a disc is 1/2: as much light passes as without a rim.
    const across = u * Math.max(shape.squeeze, 1), up = v / Math.min(shape.squeeze, 1), light = rim ? 1 + rim * (2 * Math.min(across * across + up * up, 1) - 1) : 1;
    weights[Math.floor(y / fine) * side + Math.floor(x / fine)] += light;
    total += light;
  }
  if (total <= 0) weights[n * side + n] = total = 1;
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

/**
 * Runs of one weight, four at a time where there are so many: single pixels, and longer ones.
 * @param {Run[]} runs @returns {{single: boolean, weight: number, runs: Run[]}[]}
 */
function together(runs) {
  /** @type {Map<string, Run[]>} */
  const alike = new Map();
  for (const run of runs) {
    const key = `${run.to - run.from === 1} ${run.weight}`;
    alike.set(key, [...alike.get(key) ?? [], run]);
  }
  return [...alike.values()].flatMap(each => {
    const found = [], single = each[0].to - each[0].from === 1;
    for (let at = 0; at < each.length;) {
      const count = each.length - at >= 4 ? 4 : 1;
      found.push({single, weight: each[0].weight, runs: each.slice(at, at += count)});
    }
    return found;
  });
}

/** @typedef {Float64Array} Line */

/** @param {Line} line @param {number} start @param {number} end @param {number} weight @param {Line} a @param {number} i @param {Line} b @param {number} j @param {Line} c @param {number} k @param {Line} d @param {number} l */
function addFour(line, start, end, weight, a, i, b, j, c, k, d, l) {
  for (let at = start; at < end; at++) line[at] += weight * (a[at + i] + b[at + j] + c[at + k] + d[at + l]);
}

/** @param {Line} line @param {number} start @param {number} end @param {number} weight @param {Line} a @param {Run} p @param {Line} b @param {Run} q @param {Line} c @param {Run} r @param {Line} d @param {Run} s */
function addFourRuns(line, start, end, weight, a, p, b, q, c, r, d, s) {
  const i = p.from, j = p.to, k = q.from, l = q.to, m = r.from, n = r.to, o = s.from, t = s.to;
  for (let at = start; at < end; at++) {
    line[at] += weight * (a[at + j] - a[at + i] + (b[at + l] - b[at + k]) + (c[at + n] - c[at + m]) + (d[at + t] - d[at + o]));
  }
}

/** @param {Line} line @param {number} start @param {number} end @param {number} weight @param {Line} row @param {number} from @param {number} to */
function addRun(line, start, end, weight, row, from, to) {
  for (let at = start; at < end; at++) line[at] += weight * (row[at + to] - row[at + from]);
}

/** @param {Line} line @param {number} start @param {number} end @param {number} weight @param {Line} row @param {number} from */
function addOne(line, start, end, weight, row, from) {
  for (let at = start; at < end; at++) line[at] += weight * row[at + from];
}

/** The mean, mirrored at the border; layers are 0 nearly everywhere, so only what is in reach of something is added up. @param {Plane} from @param {{runs: Run[], n: number}} kernel @returns {Plane} */
function filtered(from, {runs, n}) {
  const {width, height, data} = from, wide = width + 2 * n, count = 2 * n + 1, found = plane(width, height), groups = together(runs);
  // The rows in reach, and sums from their left.
  const rows = Array.from({length: count}, () => new Float64Array(wide)), sums = rows.map(() => new Float64Array(wide + 1)), line = new Float64Array(width);
  const firsts = new Int32Array(count), lasts = new Int32Array(count);
  const places = Array.from({length: n}, (_, at) => [[at, mirrored(at - n, width)], [n + width + at, mirrored(width + at, width)]]).flat();
  const load = (/** @type {number} */ at) => {
    const row = rows[at % count], sum = sums[at % count], start = mirrored(at - n, height) * width;
    row.set(data.subarray(start, start + width), n);
    for (const [to, place] of places) row[to] = data[start + place];
    for (let column = 0, total = 0; column < wide; column++) sum[column + 1] = total += row[column];
    let first = 0, last = wide;
    while (first < wide && !row[first]) first++;
    while (last > first && !row[last - 1]) last--;
    firsts[at % count] = first;
    lasts[at % count] = last;
  };
  for (let row = 0; row < 2 * n; row++) load(row);
  for (let row = 0; row < height; row++) {
    load(row + 2 * n);
    line.fill(0);
    for (const {single, weight, runs} of groups) {
      let start = width, end = 0;
      for (const {row: down, from, to} of runs) {
        const at = (row + down) % count;
        if (firsts[at] === lasts[at]) continue;
        start = Math.min(start, firsts[at] - to + 1);
        end = Math.max(end, lasts[at] - from);
      }
      start = Math.max(start, 0);
      end = Math.min(end, width);
      if (start >= end) continue;
      const [p, q, r, s] = runs, held = single ? rows : sums, a = held[(row + p.row) % count];
      if (!s) {
        if (single) addOne(line, start, end, weight, a, p.from); else addRun(line, start, end, weight, a, p.from, p.to);
        continue;
      }
      const b = held[(row + q.row) % count], c = held[(row + r.row) % count], d = held[(row + s.row) % count];
      if (single) addFour(line, start, end, weight, a, p.from, b, q.from, c, r.from, d, s.from);
      else addFourRuns(line, start, end, weight, a, p, b, q, c, r, d, s);
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
