// The depth map that a phone puts into its portrait photos in JPEG: the counterpart of photo/embedded_depth.py.
// @ts-check

import {fitting, fromDisparity, fromDistance, readMap} from './depth_map.js';
import {plane} from './planes.js';

/**
 * @typedef {import('./depth_map.js').DepthMap} DepthMap @typedef {Record<string, string>} Said
 * @typedef {{start: number, end: number, exif: ?DataView, packets: string[]}} Part one of the pictures in a file, and its XMP
 * @typedef {{dark: ?number, bright: ?number, inverse: boolean, brightIsNear: boolean, unit: ?number}} Range what the darkest and the brightest
 *   value stand for; whether values are spread over 1/distance; metres of a unit
 */

const GDEPTH = 'http://ns.google.com/photos/1.0/depthmap/', DYNAMIC = 'http://ns.google.com/photos/dd/1.0/depthmap/';
const APPLE = 'http://ns.apple.com/pixeldatainfo/1.0/', APPLE_DEPTH = 'http://ns.apple.com/depthData/1.0/';
const METRES = /** @type {Record<string, number>} */ ({m: 1, meters: 1, mm: 0.001}), XMP = 'http://ns.adobe.com/xap/1.0/\0', MORE = 'http://ns.adobe.com/xmp/extension/\0';
const latin = new TextDecoder('latin1');

/** The picture that starts there. @param {Uint8Array} data @param {number} start @returns {Part} */
function partAt(data, start) {
  /** @type {Part} */
  const part = {start, end: data.length, exif: null, packets: []}, pieces = /** @type {[number, string][]} */ ([]);
  for (let at = start + 2; at + 4 <= data.length && data[at] === 0xff;) {
    const marker = data[at + 1];
    if (marker === 0xff) { at++; continue; }
    if (marker === 0xd9) { part.end = at + 2; break; }
    const end = at + 2 + data[at + 2] * 256 + data[at + 3], body = data.subarray(at + 4, end), text = marker === 0xe1 ? latin.decode(body) : '';
    if (text.startsWith(XMP)) part.packets.push(text.slice(XMP.length));
    else if (text.startsWith(MORE)) pieces.push([new DataView(body.buffer, body.byteOffset + MORE.length + 36).getUint32(0), text.slice(MORE.length + 40)]);
    else if (text.startsWith('Exif\0\0')) part.exif ??= new DataView(body.buffer, body.byteOffset + 6, body.length - 6);
    at = end;
    // A scan's data goes on to the next marker that is no restart's.
    if (marker === 0xda) while (at < data.length && !(data[at] === 0xff && data[at + 1] && data[at + 1] !== 0xff && (data[at + 1] & 0xf8) !== 0xd0)) at++;
  }
  if (pieces.length) part.packets.push(pieces.sort((a, b) => a[0] - b[0]).map(each => each[1]).join(''));
  return part;
}

/** @param {Uint8Array} data @returns {Part[]} the pictures of a JPEG that follow one another; none of another kind of file */
function partsOf(data) {
  const found = [], begins = (/** @type {number} */ at) => data[at] === 0xff && data[at + 1] === 0xd8 && data[at + 2] === 0xff;
  for (let start = 0; begins(start) && found.length < 64;) {
    const part = partAt(data, start);
    found.push(part);
    start = part.end;
    while (start < data.length && !begins(start)) start++;
  }
  return found;
}

/** All simple properties of one namespace, attributes or elements. @param {string} packet @param {string} namespace @returns {Said} */
function properties(packet, namespace) {
  /** @type {Said} */
  const found = {};
  for (const [, prefix] of packet.matchAll(new RegExp(`xmlns:(\\w+)=["']${namespace.replace(/[.]/g, '\\.')}["']`, 'g'))) {
    for (const [, name, value] of packet.matchAll(new RegExp(`\\b${prefix}:(\\w+)=["']([^"']*)["']`, 'g'))) if (value) found[name] = value;
    for (const [, name, value] of packet.matchAll(new RegExp(`<${prefix}:(\\w+)>\\s*([^<]*?)\\s*</`, 'g'))) if (value) found[name] = value;
  }
  return found;
}

/** @param {string | undefined} text @param {boolean} [positive] */
function number(text, positive = false) {
  const value = text === undefined || text.trim() === '' ? NaN : Number(text);
  return Number.isNaN(value) || (positive && value <= 0) ? null : value;
}

/** @param {Said} said @returns {Range} dark is near in Google's formats */
function googleRange(said) {
  const units = (said.Units ?? '').toLowerCase(), linear = said.Format === 'RangeLinear', known = units !== 'diopters';
  const [near, far] = [said.Near, said.Far].map(text => (known ? number(text, !linear) : null)), unit = METRES[units] ?? null;
  if (linear) return {dark: near, bright: far, inverse: false, brightIsNear: false, unit};
  return {dark: near && 1 / near, bright: far && 1 / far, inverse: true, brightIsNear: false, unit};
}

/** A map of a picture, as its range says. @param {Uint8Array<ArrayBuffer>} picture @param {Range} range @returns {Promise<DepthMap>} */
async function scaled(picture, {dark, bright, inverse, brightIsNear, unit}) {
  const raw = await readMap(new Blob([picture])), shares = Float64Array.from(raw.data, value => Math.fround(value / raw.full));
  if (dark === null || bright === null || dark === bright || Math.min(dark, bright) < 0 || !Number.isFinite(dark + bright)) {
    return fromDisparity({...raw, data: shares}, null, !brightIsNear);
  }
  const values = shares.map(share => dark + share * (bright - dark));
  return fromDistance({...raw, data: inverse ? values.map(value => 1 / value) : values}, unit, false);
}

/** One of the files that follow the photo. @param {Uint8Array} data @param {Part} photo @returns {?{picture: Uint8Array, said: Said}} */
function appended(data, photo) {
  for (const packet of photo.packets) {
    const said = properties(packet, DYNAMIC);
    const items = [...packet.matchAll(/<(\w+):Item\b(?:[^>]*\/>|[^]*?<\/\1:Item>)/g)].map(([text]) => Object.fromEntries(
      [...text.matchAll(/[\s<]\w+:(\w+)(?:=["']([^"']*)["']|>\s*([^<]*?)\s*<\/)/g)].map(([, name, attribute, element]) => [name, attribute ?? element])));
    const index = items.findIndex((item, at) => at && (said.DepthURI ? item.DataURI === said.DepthURI : (item.Semantic ?? '').toLowerCase() === 'depth'));
    if (index < 0) continue;
    const lengths = items.map(item => Number(item.Length ?? 0) + Number(item.Padding ?? 0)), length = Number(items[index].Length ?? 0);
    const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0), first = Number(items[0].Padding ?? 0);
    for (const start of [photo.end + first + sum(lengths.slice(1, index)), data.length - sum(lengths.slice(index))]) {
      const picture = data.slice(Math.max(start, 0), Math.max(start, 0) + length);
      if (length && picture.length === length && ((picture[0] === 0xff && picture[1] === 0xd8) || (picture[0] === 0x89 && picture[1] === 0x50))) return {picture, said};
    }
  }
  return null;
}

/** @param {Uint8Array<ArrayBuffer>} data @param {Part[]} parts @returns {?{picture: Uint8Array<ArrayBuffer>, range: Range}} */
function found(data, parts) {
  const said = Object.assign({}, ...parts[0].packets.map(packet => properties(packet, GDEPTH)));
  if (said.Data) return {picture: Uint8Array.from(atob(said.Data.replace(/\s/g, '')), letter => letter.charCodeAt(0)), range: googleRange(said)};
  const held = appended(data, parts[0]);
  if (held) return {picture: new Uint8Array(held.picture), range: googleRange(held.said)};
  for (const part of parts.slice(1)) {
    const [own, depth] = [APPLE, APPLE_DEPTH].map(namespace => Object.assign({}, ...part.packets.map(packet => properties(packet, namespace))));
    const kind = own.AuxiliaryImageType, nearer = kind === 'disparity';
    if (!['disparity', 'depth'].includes(kind) || (own.AuxiliaryImageSubType ?? '').includes('matte')) continue;
    const unit = depth.Accuracy === 'absolute' ? 1 : null, [dark, bright] = [own.FloatMinValue, own.FloatMaxValue].map(text => number(text));
    return {picture: data.slice(part.start, part.end), range: {dark, bright, inverse: nearer, brightIsNear: nearer, unit}};
  }
  return null;
}

/** EXIF's orientation, 1 to 8. @param {?DataView} exif */
function orientationOf(exif) {
  try {
    if (!exif) return 1;
    const little = exif.getUint16(0) === 0x4949, start = exif.getUint32(4, little);
    for (let entry = 0; entry < exif.getUint16(start, little); entry++) {
      const at = start + 2 + 12 * entry;
      if (exif.getUint16(at, little) === 0x0112) return exif.getUint16(at + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;  // A damaged one says nothing.
  }
  return 1;
}

/** A plane turned as EXIF's orientation says. @param {import('./planes.js').Plane} from @param {number} orientation */
function upright(from, orientation) {
  const {width, height, data} = from, turned = orientation >= 5;
  if (!(orientation >= 2 && orientation <= 8)) return from;
  const made = plane(turned ? height : width, turned ? width : height);
  for (let row = 0, at = 0; row < made.height; row++) for (let column = 0; column < made.width; column++, at++) {
    const [x, y] = turned ? [row, column] : [column, row];
    const right = [2, 3, 7, 8].includes(orientation) ? width - 1 - x : x, foot = [3, 4, 6, 7].includes(orientation) ? height - 1 - y : y;
    made.data[at] = data[foot * width + right];
  }
  return made;
}

/** The map that a JPEG of that size carries, upright; null if there is none. @param {File} file @param {{width: number, height: number}} photo @returns {Promise<?DepthMap>} */
export async function carriedMap(file, photo) {
  const data = new Uint8Array(await file.arrayBuffer()), parts = partsOf(data), held = parts.length ? found(data, parts) : null, name = `${file.name} (embedded depth)`;
  if (!held) return null;
  try {
    const {disparity, metric} = await scaled(held.picture, held.range);
    return fitting({disparity: upright(disparity, orientationOf(parts[0].exif)), metric}, name, photo);
  } catch (error) {
    throw new Error(`${name}: ${/** @type {Error} */ (error).message}; give a map of your own`);
  }
}
