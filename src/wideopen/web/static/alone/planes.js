// Planes of numbers: resizing, windows and filters, as OpenCV does them for image/resize.py, guided_filter.py and others.
// @ts-check

/** @typedef {{width: number, height: number, data: Float32Array}} Plane row by row from the top */
/** @typedef {{width: number, height: number, data: Uint8ClampedArray}} Picture four bytes a pixel, encoded: R, G, B, A */

/** @param {number} width @param {number} height @param {Float32Array} [data] @returns {Plane} */
export const plane = (width, height, data = new Float32Array(width * height)) => ({width, height, data});

/** Half is rounded to even, as NumPy and OpenCV do. @param {number} value */
export function round(value) {
  const down = Math.floor(value), rest = value - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** A size of the same shape whose longer side is `side`. @param {number} width @param {number} height @param {number} side */
export function fit(width, height, side) {
  const longest = Math.max(width, height);
  return [Math.max(1, round(width * side / longest)), Math.max(1, round(height * side / longest))];
}

/**
 * What each place of a shorter or longer side is a mean of: the first, how many, and their weights, `most` places for each.
 * @param {number} from @param {number} to
 */
function taps(from, to) {
  const scale = from / to, most = Math.ceil(scale) + 1, first = new Int32Array(to), count = new Int32Array(to), weights = new Float64Array(to * most);
  for (let at = 0; at < to; at++) {
    if (to > from) {
      const centre = Math.max(0, Math.min(from - 1, (at + 0.5) * scale - 0.5)), start = Math.min(Math.floor(centre), Math.max(0, from - 2));
      first[at] = start;
      count[at] = Math.min(from, 2);
      weights.set(from === 1 ? [1] : [1 - (centre - start), centre - start], at * most);
    } else {
      const start = at * scale, end = Math.min(from, start + scale), begin = Math.floor(start + 1e-9);
      first[at] = begin;
      count[at] = Math.min(from, Math.ceil(end - 1e-9)) - begin;
      for (let index = 0; index < count[at]; index++) {
        weights[at * most + index] = (Math.min(end, begin + index + 1) - Math.max(start, begin + index)) / (end - start);
      }
    }
  }
  return {first, count, weights, most};
}

/** @param {Float64Array} sum @param {number} channels @param {ReturnType<typeof taps>} across @param {Float32Array} found @param {number} target @param {number} columns */
function narrow(sum, channels, {first, count, weights, most}, found, target, columns) {
  for (let column = 0; column < columns; column++) for (let channel = 0; channel < channels; channel++, target++) {
    const last = column * most + count[column];
    let value = 0;
    for (let index = column * most, at = first[column] * channels + channel; index < last; index++, at += channels) value += weights[index] * sum[at];
    found[target] = value;
  }
}

/**
 * Add whole rows of a picture's bytes, two channels to a word: four times as fast as one by one.
 * @param {Uint32Array} words @param {number} start @param {number} rows at most 257 @param {number} weight @param {Float64Array} sum
 */
function addRows(words, start, rows, weight, sum) {
  const width = sum.length / 4;
  for (let x = 0, at = 0; x < width; x++, at += 4) {
    let even = 0, odd = 0;
    for (let place = start + x, row = 0; row < rows; row++, place += width) {
      even += words[place] & 0xff00ff;
      odd += words[place] >>> 8 & 0xff00ff;
    }
    sum[at] += weight * (even & 0xffff);
    sum[at + 1] += weight * (odd & 0xffff);
    sum[at + 2] += weight * (even >>> 16);
    sum[at + 3] += weight * (odd >>> 16);
  }
}

/**
 * Interleaved values brought to another size along both sides.
 * @param {Float32Array | Uint8ClampedArray} data @param {number} channels @param {number} width @param {number} height
 * @param {number} columns @param {number} rows @returns {Float32Array}
 */
function resampled(data, channels, width, height, columns, rows) {
  const across = taps(width, columns), down = taps(height, rows), length = width * channels;
  const found = new Float32Array(columns * rows * channels), sum = new Float64Array(length), line = new Float32Array(length);
  const words = data instanceof Uint8ClampedArray && rows < height && down.most < 257 ? new Uint32Array(data.buffer, data.byteOffset, data.length / 4) : null;
  for (let row = 0; row < rows; row++) {
    sum.fill(0);
    for (let index = 0, count = down.count[row]; index < count; index++) {
      const start = (down.first[row] + index) * length, weight = down.weights[row * down.most + index];
      if (words && index === 1 && count > 2) {  // All but the first and the last are of one weight.
        addRows(words, start / 4, count - 2, weight, sum);
        index = count - 2;
        continue;
      }
      line.set(data.subarray(start, start + length));
      for (let at = 0; at < length; at++) sum[at] += weight * line[at];
    }
    narrow(sum, channels, across, found, row * columns * channels, columns);
  }
  return found;
}

/** By area along a side that shrinks, linearly along one that grows. @param {Plane} from @param {number} width @param {number} height */
export function resize(from, width, height) {
  if (from.width === width && from.height === height) return from;
  return plane(width, height, resampled(from.data, 1, from.width, from.height, width, height));
}

/** The same for a picture, which keeps its bytes. @param {Picture} from @param {number} width @param {number} height @returns {Picture} */
export function resizePicture(from, width, height) {
  if (from.width === width && from.height === height) return from;
  return {width, height, data: new Uint8ClampedArray(resampled(from.data, 4, from.width, from.height, width, height))};
}

/** Red, green and blue of a picture in [0, 1]. @param {Picture} from @returns {Plane[]} */
export function split(from) {
  return [0, 1, 2].map(channel => {
    const found = plane(from.width, from.height);
    for (let at = 0; at < found.data.length; at++) found.data[at] = from.data[4 * at + channel] / 255;
    return found;
  });
}

/** @param {Plane[]} planes @param {(...values: number[]) => number} rule @returns {Plane} */
export function map(planes, rule) {
  const found = plane(planes[0].width, planes[0].height), [a, b, c] = planes.map(each => each.data), {data} = found;
  if (!b) for (let at = 0; at < data.length; at++) data[at] = rule(a[at]);
  else if (!c) for (let at = 0; at < data.length; at++) data[at] = rule(a[at], b[at]);
  else for (let at = 0; at < data.length; at++) data[at] = rule(a[at], b[at], c[at]);
  return found;
}

/** One plane a share of the way towards another. @param {Plane} from @param {Plane} share @param {Plane} to @returns {Plane} */
export function mix({width, height, data: from}, {data: share}, {data: to}) {
  const found = new Float32Array(from.length);
  for (let at = 0; at < found.length; at++) found[at] = from[at] + share[at] * (to[at] - from[at]);
  return {width, height, data: found};
}

/** @param {Plane} a @param {Plane} b @returns {Plane} */
export function times({width, height, data: a}, {data: b}) {
  const found = new Float32Array(a.length);
  for (let at = 0; at < found.length; at++) found[at] = a[at] * b[at];
  return {width, height, data: found};
}

/** @param {number} value */
export const unit = value => (value < 0 ? 0 : value > 1 ? 1 : value);

/** Where a place beyond the border is mirrored to, the border's own pixel twice. @param {number} at @param {number} size */
export function mirrored(at, size) {
  const turned = ((at % (2 * size)) + 2 * size) % (2 * size);
  return turned < size ? turned : 2 * size - 1 - turned;
}

/** Means over squares, mirrored at the border. @param {Plane} from @param {number} radius @param {Plane} [other] that it is multiplied by @returns {Plane} */
export function box(from, radius, other) {
  const {width, height} = from, found = plane(width, height), side = 2 * radius + 1, area = side * side, target = found.data;
  const rows = new Float64Array(width), wide = new Float64Array(width + 2 * radius + 1), places = [];
  const {data} = other ? times(from, other) : from;
  for (let at = 0; at < radius; at++) places.push([at, mirrored(at - radius, width)], [radius + width + at, mirrored(width + at, width)]);
  for (let row = -radius; row <= radius; row++) {
    const start = mirrored(row, height) * width;
    for (let column = 0; column < width; column++) rows[column] += data[start + column];
  }
  for (let row = 0; row < height; row++) {
    wide.set(rows, radius);
    for (const [at, place] of places) wide[at] = rows[place];
    let sum = 0;
    for (let column = 0; column < side; column++) sum += wide[column];
    for (let column = 0, at = row * width; column < width; column++, at++) {
      target[at] = sum / area;
      sum += wide[column + side] - wide[column];
    }
    const leaves = mirrored(row - radius, height) * width, comes = mirrored(row + radius + 1, height) * width;
    for (let column = 0; column < width; column++) rows[column] += data[comes + column] - data[leaves + column];
  }
  return found;
}

/** Room for `extreme`, kept from line to line. */
let forth = new Float32Array(0), back = new Float32Array(0);

/**
 * Greatest values within a reach along a line (van Herk 1992), the least by way of their negatives.
 * @param {Float32Array} from @param {number} start @param {number} step from value to value @param {number} length
 * @param {number} reach @param {number} sign 1, or -1 for the least @param {Float32Array} target
 */
function extreme(from, start, step, length, reach, sign, target) {
  const size = 2 * reach + 1, whole = Math.ceil((length + size) / size) * size;
  if (forth.length < whole) { forth = new Float32Array(whole); back = new Float32Array(whole); }
  for (let at = 0, phase = 0; at < whole; at++, phase = phase + 1 === size ? 0 : phase + 1) {
    const value = at >= reach && at - reach < length ? sign * from[start + (at - reach) * step] : -Infinity;
    back[at] = value;
    forth[at] = phase && forth[at - 1] > value ? forth[at - 1] : value;
  }
  for (let at = whole - 2, phase = (whole - 2) % size; at >= 0; at--, phase = phase ? phase - 1 : size - 1) {
    if (phase !== size - 1 && back[at + 1] > back[at]) back[at] = back[at + 1];
  }
  for (let at = 0; at < length; at++) {
    const ahead = forth[at + size - 1], behind = back[at];
    target[start + at * step] = sign * (ahead > behind ? ahead : behind);
  }
}

/** @param {Plane} from @param {number} reach @param {boolean} greatest @returns {Plane} */
export function alongRows(from, reach, greatest) {
  const found = plane(from.width, from.height), {width, height} = from;
  for (let row = 0; row < height; row++) extreme(from.data, row * width, 1, width, reach, greatest ? 1 : -1, found.data);
  return found;
}

/** @param {Plane} from @param {number} reach @param {boolean} greatest @returns {Plane} */
export function alongColumns(from, reach, greatest) {
  const found = plane(from.width, from.height), {width, height} = from;
  for (let column = 0; column < width; column++) extreme(from.data, column, width, height, reach, greatest ? 1 : -1, found.data);
  return found;
}

/** Along a diagonal. @param {Plane} from @param {number} reach @param {1|-1} slope rows for each column @param {boolean} greatest @returns {Plane} */
export function alongDiagonals(from, reach, slope, greatest) {
  const found = plane(from.width, from.height), {width, height} = from;
  for (let start = 1 - height; start < width; start++) {
    const first = Math.max(0, start), last = Math.min(width - 1, start + height - 1);
    const at = (slope > 0 ? first - start : height - 1 - (first - start)) * width + first;
    extreme(from.data, at, slope * width + 1, last - first + 1, reach, greatest ? 1 : -1, found.data);
  }
  return found;
}

/** Greatest values within a square. @param {Plane} from @param {number} reach */
export const dilate = (from, reach) => alongColumns(alongRows(from, reach, true), reach, true);

/** Least values within a square. @param {Plane} from @param {number} reach */
export const erode = (from, reach) => alongColumns(alongRows(from, reach, false), reach, false);

/** Greatest or least values within an ellipse as OpenCV draws it. @param {Plane} from @param {number} size odd @param {boolean} greatest @returns {Plane} */
export function overEllipse(from, size, greatest) {
  const {width, height} = from, radius = size >> 1, found = plane(width, height), best = found.data;
  found.data.fill(greatest ? -Infinity : Infinity);
  /** @type {Map<number, Plane>} */
  const wide = new Map();
  for (let offset = -radius; offset <= radius; offset++) {
    const reach = round(radius * Math.sqrt((radius * radius - offset * offset) / (radius * radius)));
    if (!wide.has(reach)) wide.set(reach, alongRows(from, reach, greatest));
    const {data} = /** @type {Plane} */ (wide.get(reach));
    for (let row = Math.max(0, -offset); row < Math.min(height, height - offset); row++) {
      const source = (row + offset) * width, target = row * width;
      if (greatest) {
        for (let column = 0; column < width; column++) if (data[source + column] > best[target + column]) best[target + column] = data[source + column];
      } else for (let column = 0; column < width; column++) if (data[source + column] < best[target + column]) best[target + column] = data[source + column];
    }
  }
  return found;
}

/** Blurred by a Gaussian, mirrored at the border's middle. @param {Plane} from @param {number} sigma @returns {Plane} */
export function gaussian(from, sigma) {
  const {width, height} = from, reach = (round(sigma * 8 + 1) | 1) >> 1, weights = [];
  for (let at = -reach; at <= reach; at++) weights.push(Math.exp(-at * at / (2 * sigma * sigma)));
  const total = weights.reduce((sum, each) => sum + each), half = new Float64Array(width * height), found = plane(width, height);
  const turned = (/** @type {number} */ at, /** @type {number} */ size) => { while (at < 0 || at >= size) at = at < 0 ? -at : 2 * size - 2 - at; return size === 1 ? 0 : at; };
  for (let row = 0; row < height; row++) for (let index = 0; index < weights.length; index++) {
    const start = turned(row + index - reach, height) * width, weight = weights[index] / total;
    for (let column = 0; column < width; column++) half[row * width + column] += weight * from.data[start + column];
  }
  const places = Array.from({length: width + 2 * reach}, (_, at) => turned(at - reach, width));
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    let sum = 0;
    for (let index = 0; index < weights.length; index++) sum += weights[index] * half[row * width + places[column + index]];
    found.data[row * width + column] = sum / total;
  }
  return found;
}

/** @param {Picture} photo @param {number} left @param {number} top @param {number} width @param {number} height @returns {Picture} */
export function cutOut(photo, left, top, width, height) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 4 * ((top + row) * photo.width + left);
    data.set(photo.data.subarray(start, start + 4 * width), 4 * row * width);
  }
  return {width, height, data};
}
