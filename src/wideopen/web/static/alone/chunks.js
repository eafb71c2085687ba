// What a PNG or a WebP says beside its picture: read, and put into another one, as jpeg.js does for JPEG.
// @ts-check

import {crc32} from '../zip.js';
import {readExif} from './jpeg.js';

/** @typedef {{name: string, bytes: Uint8Array}} Chunk what it holds, without its name, length and checksum */

const COLOUR = /^(iCCP|sRGB|gAMA|cHRM|cICP|ICCP)$/, EXIF = /^(eXIf|EXIF)$/, KEPT = /^(eXIf|[itz]TXt|tIME|pHYs|EXIF|XMP )$/;
const HEAD = Uint8Array.from([0xff, 0xe1, 0, 0, ...new TextEncoder().encode('Exif\0\0')]);

/** @param {Uint8Array} data @param {number} at */
const nameAt = (data, at) => String.fromCharCode(...data.subarray(at, at + 4));

/** All chunks; none for another kind of file. @param {Uint8Array} data @returns {Chunk[]} */
function chunks(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.length), webp = nameAt(data, 0) === 'RIFF', found = [];
  if (!webp && nameAt(data, 1).slice(0, 3) !== 'PNG') return [];
  for (let at = webp ? 12 : 8; at + 8 <= data.length;) {
    const size = view.getUint32(webp ? at + 4 : at, webp);
    found.push({name: nameAt(data, webp ? at : at + 4), bytes: data.subarray(at + 8, at + 8 + size)});
    at += webp ? 8 + size + size % 2 : 12 + size;
  }
  return found;
}

/** Chunks that say something; of another kind of file none. @param {Uint8Array} data @returns {Chunk[]} */
export const sayings = data => chunks(data).filter(({name}) => COLOUR.test(name) || KEPT.test(name)).map(({name, bytes}) => ({name, bytes: bytes.slice()}));

/** EXIF as a JPEG holds it. @param {Chunk[]} all @returns {import('./jpeg.js').Segment[]} */
export const exifOf = all => all.filter(({name}) => EXIF.test(name)).map(({bytes}) => {
  const start = nameAt(bytes, 0) === 'Exif' ? 6 : 0, found = new Uint8Array(HEAD.length + bytes.length - start);
  found.set(HEAD);
  found.set(bytes.subarray(start), HEAD.length);
  return {marker: 0xe1, bytes: found};
});

/** EXIF of a PNG that is upright now, as the browser turned it (it turns no WebP); anything else as it is. @param {Chunk} chunk @returns {Chunk} */
function upright(chunk) {
  if (chunk.name !== 'eXIf') return chunk;
  const [exif] = exifOf([chunk]), {orientation} = readExif([exif]);
  if (orientation) exif.bytes[orientation] = 1;
  return {name: chunk.name, bytes: exif.bytes.slice(HEAD.length)};
}

/** @param {Chunk} chunk */
function ofPng({name, bytes}) {
  const found = new Uint8Array(12 + bytes.length), view = new DataView(found.buffer);
  view.setUint32(0, bytes.length);
  found.set(new TextEncoder().encode(name), 4);
  found.set(bytes, 8);
  view.setUint32(8 + bytes.length, crc32(found.subarray(4, 8 + bytes.length)));
  return found;
}

/** @param {Chunk} chunk */
function ofWebp({name, bytes}) {
  const found = new Uint8Array(8 + bytes.length + bytes.length % 2);
  found.set(new TextEncoder().encode(name));
  new DataView(found.buffer).setUint32(4, bytes.length, true);
  found.set(bytes, 8);
  return found;
}

/** The head that a WebP needs which says anything. @param {Chunk[]} picture @param {Chunk[]} said @param {[number, number]} size @returns {Chunk} */
function headOf(picture, said, [width, height]) {
  const has = (/** @type {Chunk[]} */ all, /** @type {string} */ wanted) => all.some(({name}) => name === wanted);
  const bytes = new Uint8Array(10), view = new DataView(bytes.buffer);
  view.setUint8(0, (has(said, 'ICCP') ? 32 : 0) | (has(picture, 'ALPH') ? 16 : 0) | (has(said, 'EXIF') ? 8 : 0) | (has(said, 'XMP ') ? 4 : 0));
  for (const [at, side] of [[4, width], [7, height]]) {
    view.setUint16(at, side - 1 & 0xffff, true);
    view.setUint8(at + 2, side - 1 >> 16);
  }
  return {name: 'VP8X', bytes};
}

/**
 * A PNG or WebP with what another one said; its colours are that one's.
 * @param {Uint8Array} made @param {Chunk[]} all of `sayings` @param {boolean} strip of all but colours @param {[number, number]} size in px @returns {Blob}
 */
export function withSayings(made, all, strip, size) {
  const said = all.filter(({name}) => !strip || COLOUR.test(name)).map(upright);
  const own = chunks(made).filter(({name}) => !COLOUR.test(name) && name !== 'VP8X'), colour = said.filter(({name}) => COLOUR.test(name));
  const rest = said.filter(({name}) => !COLOUR.test(name));
  if (nameAt(made, 0) !== 'RIFF') {
    const parts = [own[0], ...said, ...own.slice(1)].map(ofPng);
    return new Blob([made.slice(0, 8), ...parts], {type: 'image/png'});
  }
  if (!said.length) return new Blob([/** @type {BlobPart} */ (made)], {type: 'image/webp'});
  const parts = [headOf(own, said, size), ...colour, ...own, ...rest].map(ofWebp), start = ofWebp({name: 'RIFF', bytes: new Uint8Array(4)});
  start.set(new TextEncoder().encode('WEBP'), 8);
  new DataView(start.buffer).setUint32(4, parts.reduce((sum, each) => sum + each.length, 4), true);
  return new Blob([start, ...parts], {type: 'image/webp'});
}
