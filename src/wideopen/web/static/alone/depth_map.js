// Depth maps out of files and what is in focus in them: the counterpart of photo/depth.py, photo/depth_file.py and scene/focus.py.
// @ts-check

import {atPoint} from './closer.js';
import {fill} from './fill.js';
import {plane, resize} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {{disparity: Plane, metric: boolean}} DepthMap larger is nearer; in 1/m if metric, else in [0, 1]
 * @typedef {{kind: string, unit: ?number, invert: boolean}} How what its values are: `disparity` or `distance`; metres for one of its units; turned round
 * @typedef {{width: number, height: number, data: Float32Array | Float64Array, full: number, note: any}} Raw full: the type's largest value
 */

const OUTLIERS = 0.001, GREY = 2, END = 0.02, SUBJECT = 0.7, LEAST_SUBJECT = 0.005, TOLERANCE = 0.03, NOTE = 'wideopen';
const CHANNELS = /** @type {Record<number, number>} */ ({0: 1, 2: 3, 4: 2, 6: 4}), SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

/** @param {Uint8Array} data @returns {Record<string, Uint8Array[]>} a PNG's chunks by their names */
function chunks(data) {
  /** @type {Record<string, Uint8Array[]>} */
  const found = {};
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 8; at + 12 <= data.length;) {
    const length = view.getUint32(at), name = String.fromCharCode(...data.subarray(at + 4, at + 8));
    (found[name] ??= []).push(data.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return found;
}

/** A row of a PNG freed of its filter, in place. @param {number} filter @param {Uint8Array} row @param {Uint8Array} above @param {number} step bytes a pixel */
function unfilter(filter, row, above, step) {
  for (let at = 0; at < row.length; at++) {
    const left = at < step ? 0 : row[at - step], up = above[at], corner = at < step ? 0 : above[at - step];
    if (filter === 1) row[at] += left;
    else if (filter === 2) row[at] += up;
    else if (filter === 3) row[at] += (left + up) >> 1;
    else if (filter === 4) {
      const guess = left + up - corner, [a, b, c] = [left, up, corner].map(each => Math.abs(guess - each));
      row[at] += a <= b && a <= c ? left : b <= c ? up : corner;
    }
  }
}

/** A PNG of 16 bits, which a canvas would round. @param {Record<string, Uint8Array[]>} parts @returns {Promise<Raw>} */
async function decode16(parts) {
  const head = new DataView(parts.IHDR[0].buffer, parts.IHDR[0].byteOffset), width = head.getUint32(0), height = head.getUint32(4);
  const channels = CHANNELS[head.getUint8(9)], step = 2 * channels, length = width * step;
  if (head.getUint8(12)) throw new Error('is interlaced; save it without');
  const stream = new Blob(/** @type {BlobPart[]} */ (parts.IDAT)).stream().pipeThrough(new DecompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer()), data = new Float32Array(width * height);
  let above = new Uint8Array(length);
  for (let row = 0; row < height; row++) {
    const line = bytes.subarray(row * (length + 1) + 1, (row + 1) * (length + 1));
    unfilter(bytes[row * (length + 1)], line, above, step);
    above = line;
    for (let column = 0; column < width; column++) {
      const values = Array.from({length: channels > 2 ? 3 : 1}, (_, index) => line[column * step + 2 * index] * 256 + line[column * step + 2 * index + 1]);
      if (Math.max(...values) - Math.min(...values) > GREY * 257) throw new Error('is a colour picture, not a map of depth');
      data[row * width + column] = values[channels > 2 ? 1 : 0];
    }
  }
  return {width, height, data, full: 65535, note: null};
}

/** A picture as a canvas has it. @param {Blob} file @returns {Promise<Raw>} */
async function decode8(file) {
  const picture = await createImageBitmap(file, {colorSpaceConversion: 'none', premultiplyAlpha: 'none'}), {width, height} = picture;
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true}));
  context.drawImage(picture, 0, 0);
  const {data: bytes} = context.getImageData(0, 0, width, height), data = new Float32Array(width * height);
  for (let at = 0; at < data.length; at++) {
    const red = bytes[4 * at], green = bytes[4 * at + 1], blue = bytes[4 * at + 2];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > GREY) throw new Error('is a colour picture, not a map of depth');
    data[at] = green;
  }
  return {width, height, data, full: 255, note: null};
}

/** @param {Blob} file @returns {Promise<Raw>} */
export async function readMap(file) {
  const data = new Uint8Array(await file.arrayBuffer());
  if (!SIGNATURE.every((byte, at) => data[at] === byte)) return decode8(file);
  const parts = chunks(data), raw = parts.IHDR[0][8] === 16 ? await decode16(parts) : await decode8(file);
  const text = (parts.tEXt ?? []).map(each => new TextDecoder('latin1').decode(each)).find(each => each.startsWith(`${NOTE}\0{`));
  return {...raw, note: text ? JSON.parse(text.slice(NOTE.length + 1)) : null};
}

/** Least and greatest value but for outliers, which decide nothing. @param {ArrayLike<number>} values @returns {[number, number]} */
function ends(values) {
  const sorted = Float64Array.from(values).sort(), last = sorted.length - 1;
  const low = sorted[Math.floor(OUTLIERS * last)], high = sorted[Math.ceil((1 - OUTLIERS) * last)];
  return low === high ? [sorted[0], sorted[last]] : [low, high];
}

const SAME = 'has the same depth everywhere, so there is nothing to focus on';

/** @param {Raw} raw @param {?number} unit @param {boolean} invert @returns {DepthMap} */
export function fromDisparity({width, height, data}, unit, invert) {
  const [low, high] = ends(data);
  if (low === high) throw new Error(SAME);
  if (unit) return {disparity: plane(width, height, Float32Array.from(data, value => value / unit)), metric: true};
  const shares = Float32Array.from(data, value => Math.min(Math.max((value - low) / (high - low), 0), 1));
  return {disparity: plane(width, height, invert ? shares.map(value => 1 - value) : shares), metric: false};
}

/** @param {Raw} raw @param {?number} unit @param {boolean} invert @returns {DepthMap} */
export function fromDistance({width, height, data}, unit, invert) {
  const finite = data.filter(value => value > 0 && value < Infinity), known = Float32Array.from(data, value => Number(value > 0));
  if (!finite.length) throw new Error('every distance is 0 or infinite, which means unknown; give a map with distances');
  const [near, far] = ends(finite), one = unit ? 1 / unit : near;
  if (near === far && !data.some(value => value === Infinity)) throw new Error(SAME);
  const found = plane(width, height, Float32Array.from(data, value => {
    const turned = invert && value > 0 && value < Infinity ? Math.min(Math.max(near + far - value, near), far) : value;
    return value > 0 ? (unit ? one / turned : Math.min(one / turned, 1)) : 0;
  }));
  if (known.includes(0)) {
    const [around] = fill([found], plane(width, height, known));
    for (let at = 0; at < known.length; at++) if (!known[at]) found.data[at] = Math.max(around.data[at], 0);
  }
  return {disparity: found, metric: !!unit};
}

/** A map out of a file of a photo of that size; errors are lines for a person. @param {File} file @param {How} how @param {{width: number, height: number}} photo @returns {Promise<DepthMap>} */
export async function loadMap(file, {kind, unit, invert}, photo) {
  let found;
  try {
    const raw = await readMap(file).catch(error => {
      throw error instanceof Error && !(error instanceof DOMException) ? error : new Error('this browser cannot read it; give a grey PNG, JPEG or WebP');
    });
    if (invert && (unit || raw.note?.metric)) throw new Error('a map with a unit cannot be inverted; leave one of the two away');
    if (raw.note?.wideopen === 'disparity') {
      if (kind !== 'disparity') throw new Error(`says that it holds disparity, not ${kind}; leave the kind away`);
      const data = Float32Array.from(raw.data, value => value * (raw.note.white ?? 1) / raw.full);
      found = {disparity: plane(raw.width, raw.height, invert ? data.map(value => 1 - value) : data), metric: raw.note.metric === true};
    } else found = (kind === 'distance' ? fromDistance : fromDisparity)(raw, unit, invert);
  } catch (error) {
    throw new Error(`${file.name}: ${/** @type {Error} */ (error).message}`);
  }
  return fitting(found, file.name, photo);
}

/** @param {DepthMap} map @param {string} name which opens the error if it has another shape @param {{width: number, height: number}} photo */
export function fitting(map, name, photo) {
  const {width, height} = map.disparity, across = Math.abs(width - height * photo.width / photo.height), down = Math.abs(height - width * photo.height / photo.width);
  if (across > Math.max(1, TOLERANCE * width) && down > Math.max(1, TOLERANCE * height)) {
    throw new Error(`${name}: is ${width}x${height} px, another shape than the photo's ${photo.width}x${photo.height}; give the map of this photo, not cropped`);
  }
  return map;
}

/** np.percentile. @param {Float32Array} values @param {number} share */
function percentile(values, share) {
  const sorted = Float32Array.from(values).sort(), place = share * (sorted.length - 1), low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** Median over the subject; without one, of what is nearest in the middle of the frame. @param {Plane} disparity @param {Plane} subject its opacity */
function ofSubject(disparity, subject) {
  const {width, height, data} = disparity, opacity = resize(subject, width, height).data, inside = data.filter((_, at) => opacity[at] > SUBJECT);
  if (inside.length >= LEAST_SUBJECT * data.length && inside.length < 0.9 * data.length) return percentile(inside, 0.5);
  const bell = (/** @type {number} */ side) => Float64Array.from({length: side}, (_, at) => Math.exp(-(((at - (side - 1) / 2) / (side / 5)) ** 2) / 2));
  const across = bell(width), down = bell(height), order = Uint32Array.from(data.keys()).sort((a, b) => data[a] - data[b]);
  const weight = (/** @type {number} */ at) => down[Math.floor(at / width)] * across[at % width], total = order.reduce((sum, at) => sum + weight(at), 0);
  let sum = 0;
  return data[/** @type {number} */ (order.find(at => (sum += weight(at)) >= 0.75 * total))];
}

/** Disparity of what is to be in focus. @param {Plane} disparity @param {string} place auto, near, far or X,Y as shares @param {Plane} subject its opacity, for auto */
export function focusOf(disparity, place, subject) {
  if (place === 'near' || place === 'far') return percentile(disparity.data, place === 'near' ? 1 - END : END);
  return place === 'auto' ? ofSubject(disparity, subject) : atPoint(disparity, /** @type {[number, number]} */ (place.split(',').map(Number)));
}
