// What a JPEG says beside its picture: read, and put into another one.
// @ts-check

/** @typedef {{marker: number, bytes: Uint8Array}} Segment with its marker and length */
/** @typedef {{taken: import('../optics.js').Taken, orientation: ?number}} Exif orientation: where its value lies in the segment */

const EXIF = 'Exif\0\0';

/** Segments before the picture; none for another kind of file. @param {Uint8Array} data @returns {Segment[]} */
export function segments(data) {
  const found = [];
  if (data[0] !== 0xff || data[1] !== 0xd8) return [];
  for (let at = 2; at + 4 <= data.length && data[at] === 0xff;) {
    const marker = data[at + 1], length = 2 + data[at + 2] * 256 + data[at + 3];
    if (marker === 0xda) break;
    found.push({marker, bytes: data.slice(at, at + length)});
    at += length;
  }
  return found;
}

/** @param {Segment} segment @param {string} words */
const begins = (segment, words) => [...words].every((letter, at) => segment.bytes[4 + at] === letter.charCodeAt(0));

/** @param {Segment[]} all @returns {Exif} */
export function readExif(all) {
  /** @type {import('../optics.js').Taken} */
  const taken = {focal_length_mm: null, focal_length_35mm: null, f_number: null, subject_distance_m: null};
  /** @type {Exif} */
  const found = {taken, orientation: null}, segment = all.find(each => each.marker === 0xe1 && begins(each, EXIF));
  if (!segment) return found;
  const start = 4 + EXIF.length, view = new DataView(segment.bytes.buffer, segment.bytes.byteOffset + start, segment.bytes.length - start);
  try {
    const little = view.getUint16(0) === 0x4949;
    const entries = (/** @type {number} */ at) => Array.from({length: view.getUint16(at, little)}, (_, index) => at + 2 + 12 * index);
    const value = (/** @type {number} */ at) => {
      if (view.getUint16(at + 2, little) === 3) return view.getUint16(at + 8, little);
      if (view.getUint16(at + 2, little) !== 5) return view.getUint32(at + 8, little);
      const place = view.getUint32(at + 8, little), top = view.getUint32(place, little);
      return top === 0xffffffff ? Infinity : top / view.getUint32(place + 4, little);
    };
    const names = /** @type {Record<number, 'focal_length_mm'|'focal_length_35mm'|'f_number'|'subject_distance_m'>} */ (
      {0x920a: 'focal_length_mm', 0xa405: 'focal_length_35mm', 0x829d: 'f_number', 0x9206: 'subject_distance_m'});
    for (const at of entries(view.getUint32(4, little))) {
      const tag = view.getUint16(at, little);
      if (tag === 0x0112) found.orientation = start + at + 8 + (little ? 0 : 1);
      if (tag !== 0x8769) continue;
      for (const entry of entries(view.getUint32(at + 8, little))) {
        const name = names[view.getUint16(entry, little)], number = name ? value(entry) : 0;
        if (name && number > 0 && number < Infinity) taken[name] = number;
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;  // A damaged one says nothing more.
  }
  return found;
}

/** A JPEG with what another one said: EXIF (upright now), XMP, profile, IPTC, comments. @param {Uint8Array} made @param {Segment[]} all @returns {Blob} */
export function withSegments(made, all) {
  // Not what tells of further pictures in the file (a gain map, a depth map): they are not taken along.
  const further = /hdrgm:|Container:Directory/, words = (/** @type {Segment} */ each) => new TextDecoder('latin1').decode(each.bytes);
  const kept = all.filter(each => [0xed, 0xfe].includes(each.marker) || (each.marker === 0xe1 && !further.test(words(each)))
    || (each.marker === 0xe2 && begins(each, 'ICC_PROFILE'))), {orientation} = readExif(kept);
  const exif = kept.find(each => each.marker === 0xe1 && begins(each, EXIF));
  if (exif && orientation) exif.bytes[orientation] = 1;
  const own = segments(made), picture = own.reduce((at, each) => at + each.bytes.length, 2);
  const rest = own.filter(({marker}) => marker !== 0xe2);  // The browser's own profile, sRGB.
  const parts = [made.slice(0, 2), ...rest.filter(each => each.marker === 0xe0), ...kept, ...rest.filter(each => each.marker !== 0xe0), made.slice(picture)];
  return new Blob(parts.map(part => /** @type {BlobPart} */ (part instanceof Uint8Array ? part : part.bytes)), {type: 'image/jpeg'});
}
