// Grain measured where a photo is flat, and put back where it is blurred: the counterpart of image/grain.py.
// @ts-check

import {mirrored, round} from './planes.js';
import {standardNormals} from './random.js';

/** @typedef {import('./planes.js').Picture} Picture */

const BLOCK = 32, FLATTEST = 0.02, BANDS = 8, UNEVEN = 1.6, STRONGEST = 6 / 255, COARSEST = 1.5, FIELD = 512, MOST = 2000;
const ROUGHEST = 0.015, LEAST_PIXELS = 1_500_000, GREY = [0.299, 0.587, 0.114];

/** @type {Map<number, Float64Array>} */
const turnsKnown = new Map();

/** Cosine and sine of as many parts of a turn. @param {number} count */
function turnsOf(count) {
  let found = turnsKnown.get(count);
  if (!found) {
    found = Float64Array.from({length: 2 * count}, (_, at) => (at % 2 ? Math.sin : Math.cos)(2 * Math.PI * (at >> 1) / count));
    turnsKnown.set(count, found);
  }
  return found;
}

/** In place, of a power of two complex numbers. @param {Float64Array} real @param {Float64Array} other @param {boolean} back not divided */
function fourier(real, other, back) {
  const count = real.length;
  for (let at = 1, to = 0; at < count; at++) {
    let bit = count >> 1;
    for (; to & bit; bit >>= 1) to ^= bit;
    to ^= bit;
    if (at < to) { [real[at], real[to]] = [real[to], real[at]]; [other[at], other[to]] = [other[to], other[at]]; }
  }
  const turns = turnsOf(count);
  for (let size = 2; size <= count; size *= 2) for (let turn = 0; turn < size / 2; turn++) {
    const c = turns[2 * turn * count / size], s = back ? turns[2 * turn * count / size + 1] : -turns[2 * turn * count / size + 1];
    for (let at = turn; at < count; at += size) {
      const to = at + size / 2, x = real[to] * c - other[to] * s, y = real[to] * s + other[to] * c;
      real[to] = real[at] - x; other[to] = other[at] - y; real[at] += x; other[at] += y;
    }
  }
}

/** @param {Float64Array} real @param {Float64Array} other of side x side @param {number} side @param {boolean} back */
function fourier2(real, other, side, back) {
  for (let row = 0; row < side; row++) fourier(real.subarray(row * side, (row + 1) * side), other.subarray(row * side, (row + 1) * side), back);
  const [x, y] = [new Float64Array(side), new Float64Array(side)];
  for (let column = 0; column < side; column++) {
    for (let row = 0; row < side; row++) { x[row] = real[row * side + column]; y[row] = other[row * side + column]; }
    fourier(x, y, back);
    for (let row = 0; row < side; row++) { real[row * side + column] = x[row]; other[row * side + column] = y[row]; }
  }
}

/** @param {number[]} values */
const median = values => {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** np.interp. @param {number} at @param {number[]} places @param {number[]} values */
function between(at, places, values) {
  if (at <= places[0]) return values[0];
  const next = places.findIndex(place => place >= at);
  if (next < 0) return values[values.length - 1];
  return values[next - 1] + (values[next] - values[next - 1]) * (at - places[next - 1]) / (places[next] - places[next - 1]);
}

/** Blocks spread over the photo, interleaved in [0, 1], less what is coarser than grain; and their brightness. @param {Picture} photo */
function blocks({width, height, data}) {
  const rows = Math.floor(height / BLOCK), columns = Math.floor(width / BLOCK), step = Math.max(1, Math.ceil(Math.sqrt(rows * columns / MOST)));
  const weights = Array.from({length: 13}, (_, at) => Math.exp(-((at - 6) ** 2) / (2 * COARSEST * COARSEST))), total = weights.reduce((a, b) => a + b);
  const places = Int32Array.from({length: BLOCK + 12}, (_, at) => mirrored(at - 6, BLOCK)), shares = Float64Array.from(weights, each => each / total);
  const found = [], size = BLOCK * 3, block = new Float32Array(BLOCK * size), half = new Float64Array(BLOCK * size);
  for (let row = 0; row < rows; row += step) for (let column = 0; column < columns; column += step) {
    let brightness = 0;
    for (let line = 0, at = 0; line < BLOCK; line++) {
      for (let from = 4 * ((row * BLOCK + line) * width + column * BLOCK), end = from + 4 * BLOCK; from < end; from += 4) {
        for (let channel = 0; channel < 3; channel++, at++) {
          block[at] = data[from + channel] / 255;
          brightness += GREY[channel] * block[at] / (BLOCK * BLOCK);
        }
      }
    }
    half.fill(0);
    for (let line = 0; line < BLOCK; line++) for (let index = 0; index < 13; index++) {
      const to = line * size, from = places[line + index] * size, share = shares[index];
      for (let at = 0; at < size; at++) half[to + at] += share * block[from + at];
    }
    const rest = new Float32Array(block.length);
    for (let line = 0; line < BLOCK; line++) for (let place = 0; place < BLOCK; place++) for (let channel = 0; channel < 3; channel++) {
      let smooth = 0;
      for (let index = 0; index < 13; index++) smooth += shares[index] * half[line * size + places[place + index] * 3 + channel];
      const at = line * size + place * 3 + channel;
      rest[at] = block[at] - smooth;
    }
    found.push({rest, brightness, ...roughness(rest)});
  }
  return found;
}

/** How rough a block is, and whether it is so everywhere. @param {Float32Array} rest */
function roughness(rest) {
  const squares = new Float64Array(48);
  for (let row = 0, at = 0; row < BLOCK; row++) for (let column = 0; column < BLOCK; column++) {
    const cell = 3 * ((row >> 3) * 4 + (column >> 3));
    for (let channel = 0; channel < 3; channel++, at++) squares[cell + channel] += rest[at] * rest[at];
  }
  const spread = [0, 1, 2].reduce((sum, channel) => {
    let all = 0;
    for (let cell = 0; cell < 16; cell++) all += squares[3 * cell + channel];
    return sum + Math.sqrt(all / (BLOCK * BLOCK)) / 3;
  }, 0);
  const cells = Array.from({length: 16}, (_, cell) => [0, 1, 2].reduce((sum, channel) => sum + Math.sqrt(squares[3 * cell + channel] / 64) / 3, 0));
  return {spread, even: Math.max(...cells) < UNEVEN * Math.max(median(cells), 1e-6)};
}

/** @typedef {{rest: Float32Array, brightness: number, spread: number, even: boolean}} Block */

/** Blocks of nothing but grain, and its strength by brightness. @param {Block[]} inside @returns {{chosen: Block[], strength: number[]}} */
function flattest(inside) {
  const bySpread = (/** @type {Block} */ a, /** @type {Block} */ b) => a.spread - b.spread, sorted = [...inside].sort(bySpread);
  const place = FLATTEST * (sorted.length - 1), low = Math.floor(place);
  const limit = sorted[low].spread + (place - low) * ((sorted[low + 1] ?? sorted[low]).spread - sorted[low].spread);
  /** @type {Block[]} */
  let chosen = [];
  /** @type {[number, number][]} */
  let known = [];
  for (let band = 0; band < BANDS; band++) {
    const members = sorted.filter(each => Math.min(Math.floor(each.brightness * BANDS), BANDS - 1) === band);
    if (members.length < 8) continue;
    const flat = members.slice(0, Math.max(4, round(FLATTEST * members.length))).filter(each => each.spread <= 2.5 * limit);
    if (flat.length < 2) continue;
    chosen.push(...flat);
    known.push([(band + 0.5) / BANDS, median(flat.map(each => each.spread))]);
  }
  if (!known.length) { chosen = sorted.slice(0, 4); known = [[0.5, median(chosen.map(each => each.spread))]]; }
  const most = Math.min(UNEVEN * Math.min(...known.map(each => each[1])), STRONGEST), spreads = known.map(each => Math.min(each[1], most));
  return {chosen, strength: Array.from({length: BANDS}, (_, band) => between((band + 0.5) / BANDS, known.map(each => each[0]), spreads))};
}

/** Symmetric root of a symmetric 3x3 matrix. @param {number[][]} matrix */
function root(matrix) {
  const a = matrix.map(row => [...row]), axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  for (let sweep = 0; sweep < 30; sweep++) for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) {  // Jacobi's rotations.
    if (Math.abs(a[p][q]) < 1e-300) continue;
    const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]), c = Math.cos(angle), s = Math.sin(angle);
    for (const row of a) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
    const [x, y] = [[...a[p]], [...a[q]]];
    for (let at = 0; at < 3; at++) { a[p][at] = c * x[at] - s * y[at]; a[q][at] = s * x[at] + c * y[at]; }
    for (const row of axes) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  }
  return [0, 1, 2].map(i => [0, 1, 2].map(j => [0, 1, 2].reduce((sum, k) => sum + axes[i][k] * Math.sqrt(Math.max(a[k][k], 0)) * axes[j][k], 0)));
}

/** @type {?Float64Array[][]} */
let noiseKnown = null;

/** Three spectra of white noise, real and imaginary parts: the same for every photo, and as long in the making as all else. @returns {Float64Array[][]} */
export function drawNoise() {
  if (noiseKnown) return noiseKnown;
  const size = FIELD * FIELD, normals = standardNormals(3 * size);
  return noiseKnown = [0, 1, 2].map(channel => {
    const real = normals.slice(channel * size, (channel + 1) * size), other = new Float64Array(size);
    fourier2(real, other, FIELD, false);
    return [real, other];
  });
}

/** A periodic texture with the blocks' mean spectrum and covariance of colours. @param {Block[]} chosen @param {Float64Array[][]} noise of `drawNoise` @returns {Float32Array} */
function drawField(chosen, noise) {
  const power = new Float64Array(BLOCK * BLOCK), covariance = [0, 1, 2].map(() => [0, 0, 0]), size = BLOCK * BLOCK;
  const hann = Array.from({length: BLOCK}, (_, at) => 0.5 - 0.5 * Math.cos(2 * Math.PI * at / (BLOCK - 1)));
  for (const {rest} of chosen) {
    const real = new Float64Array(size), other = new Float64Array(size);
    for (let at = 0; at < size; at++) {
      real[at] = (GREY[0] * rest[3 * at] + GREY[1] * rest[3 * at + 1] + GREY[2] * rest[3 * at + 2]) * hann[Math.floor(at / BLOCK)] * hann[at % BLOCK];
      for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) covariance[i][j] += rest[3 * at + i] * rest[3 * at + j] / (size * chosen.length);
    }
    fourier2(real, other, BLOCK, false);
    for (let at = 0; at < size; at++) power[at] += (real[at] ** 2 + other[at] ** 2) / chosen.length;
  }
  power[0] = 0;
  const amplitude = new Float64Array(FIELD * FIELD), fine = FIELD / BLOCK;
  for (let row = 0; row < FIELD; row++) for (let column = 0; column < FIELD; column++) {
    const [y, x] = [row / fine, column / fine], [top, left] = [Math.floor(y), Math.floor(x)];
    const at = (/** @type {number} */ down, /** @type {number} */ across) => power[(top + down) % BLOCK * BLOCK + (left + across) % BLOCK];
    const line = (/** @type {number} */ down) => at(down, 0) + (x - left) * (at(down, 1) - at(down, 0));
    amplitude[row * FIELD + column] = Math.sqrt(Math.max(line(0) + (y - top) * (line(1) - line(0)), 0));
  }
  const drawn = noise.map(spectrum => {
    const [real, other] = spectrum.map(each => each.map((value, at) => value * amplitude[at]));
    fourier2(real, other, FIELD, true);
    const mean = real.reduce((sum, each) => sum + each, 0) / real.length;
    const deviation = Math.sqrt(real.reduce((sum, each) => sum + (each - mean) ** 2, 0) / real.length);
    return real.map(each => each / deviation);
  });
  const mix = root(covariance), scale = Math.sqrt((covariance[0][0] + covariance[1][1] + covariance[2][2]) / 3), field = new Float32Array(3 * FIELD * FIELD);
  for (let at = 0; at < FIELD * FIELD; at++) for (let i = 0; i < 3; i++) {
    field[3 * at + i] = (mix[i][0] * drawn[0][at] + mix[i][1] * drawn[1][at] + mix[i][2] * drawn[2][at]) / scale;
  }
  return field;
}

/** @typedef {{strengths: Float32Array, field: Float32Array}} Grain its strength at each brightness in 8 bits, and a periodic texture */

/**
 * @param {Grain} grain @param {Uint8ClampedArray} data @param {number} start of a row in it @param {number} row of the photo
 * @param {Float32Array} lacks of each of its pixels, 1 where no grain is left
 * @param {number} [left] column that it begins at
 */
export function addGrain({strengths, field}, data, start, row, lacks, left = 0) {
  const line = row % FIELD * FIELD;
  for (let x = 0, at = start; x < lacks.length; x++, at += 4) {
    if (!lacks[x]) continue;
    const grey = round(GREY[0] * data[at] + GREY[1] * data[at + 1] + GREY[2] * data[at + 2]), from = 3 * (line + (left + x) % FIELD);
    const strength = 255 * strengths[grey] * Math.sqrt(1 - (1 - lacks[x]) ** 2);
    data[at] += strength * field[from];
    data[at + 1] += strength * field[from + 1];
    data[at + 2] += strength * field[from + 2];
  }
}

/**
 * The grain that a blurred photo lacks, null if there is none that is sure to be grain.
 * @param {Picture} photo @param {number} share of its strength @param {Float64Array[][]} [noise] of `drawNoise`, where somebody else has it @returns {?Grain}
 */
export function lostGrain(photo, share, noise) {
  if (!share || photo.width * photo.height < LEAST_PIXELS) return null;
  const found = blocks(photo);
  if (found.length < 16) return null;
  const inside = found.filter(each => each.brightness > 0.04 && each.brightness < 0.96 && each.spread > 0 && each.even);
  if (inside.length < 16) return null;
  const {chosen, strength} = flattest(inside), mean = strength.reduce((sum, each) => sum + each, 0) / BANDS;
  if (Math.max(...strength) * 255 < 0.3 || mean > ROUGHEST) return null;
  const places = strength.map((_, band) => (band + 0.5) / BANDS), shares = strength.map(each => each * share);
  return {strengths: Float32Array.from({length: 256}, (_, at) => between(at / 255, places, shares)), field: drawField(chosen, noise ?? drawNoise())};
}
