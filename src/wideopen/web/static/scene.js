// A scene as the server sends it: see scene_planes.py.
// @ts-check

/**
 * @typedef {{name: string, type: 'jpeg'|'grey'|'half', width: number, height: number, at: number, bytes: number}} Listed
 * @typedef {object} Scene
 * @property {'subject'|'map'|'picture'} kind what draws it
 * @property {string} name
 * @property {[number, number]} size width and height of the photo itself
 * @property {number} width of the planes
 * @property {number} height
 * @property {number} focus disparity of what is in focus
 * @property {boolean} metric
 * @property {number} lamps how surely what looks like lamps is any
 * @property {import('./optics.js').Taken} taken
 * @property {ImageBitmap} photo
 * @property {ImageBitmap} [behind]
 * @property {ImageBitmap} [drawn]
 * @property {Uint8Array} [matte]
 * @property {Uint8Array} lampsAt
 * @property {Uint16Array} [half] disparity, as half-precision bits
 * @property {Float32Array} [disparity]
 */

/** @param {ArrayBuffer} data @returns {Promise<Scene>} */
export async function readScene(data) {
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  /** @type {Record<string, any>} */
  const found = {};
  await Promise.all(header.planes.map(async (/** @type {Listed} */ plane) => {
    const bytes = new Uint8Array(data, 4 + length + plane.at, plane.bytes);
    if (plane.type === 'jpeg') {
      const blob = new Blob([bytes], {type: 'image/jpeg'});
      found[plane.name] = await createImageBitmap(blob, {colorSpaceConversion: 'none', premultiplyAlpha: 'none'});
    } else {
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
      const raw = await new Response(stream).arrayBuffer();
      found[plane.name] = plane.type === 'half' ? new Uint16Array(raw) : new Uint8Array(raw);
    }
  }));
  const {width, height} = header.planes[0];
  const half = found.disparity;
  return {
    ...header, width, height, photo: found.photo, behind: found.behind, drawn: found.drawn, matte: found.matte,
    lampsAt: found.lamps, half, disparity: half && Float32Array.from(half, fromHalf),
  };
}

/** @param {number} bits @returns {number} */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, part = bits & 1023;
  if (exponent === 0) return sign * part * 2 ** -24;
  return exponent === 31 ? (part ? NaN : sign * Infinity) : sign * 2 ** (exponent - 15) * (1 + part / 1024);
}

const SPOT = 0.012, END = 0.02;

/**
 * Disparities of what is in focus.
 * @param {Scene} scene @param {string} focus a place, two with a colon between, or one with an f-number behind an @ @returns {[number, number]} farthest, nearest
 */
export function endsOf(scene, focus) {
  const ends = focus.split('@')[0].split(':').map(place => disparityAt(scene, place));
  return [Math.min(...ends), Math.max(...ends)];
}

/**
 * Disparity of a place, as scene/focus.py finds it.
 * @param {Scene} scene @param {string} focus auto, near, far or X,Y as shares @returns {number}
 */
function disparityAt(scene, focus) {
  const {disparity, matte, width, height} = scene;
  if (!disparity) return scene.focus;
  if (focus === 'auto') return scene.kind === 'subject' ? 0 : scene.focus;
  const own = (/** @type {number} */ at) => matte && matte[at] > 127 ? 0 : disparity[at];
  /** @type {number[]} */
  const found = [];
  if (focus === 'near' || focus === 'far') {
    for (let at = 0; at < disparity.length; at += 7) found.push(own(at));
    found.sort((a, b) => a - b);
    return found[Math.round((focus === 'near' ? 1 - END : END) * (found.length - 1))];
  }
  const [x, y] = focus.split(',').map(Number), reach = Math.max(SPOT * Math.min(width, height), 1);
  const left = Math.max(0, Math.floor(x * width - reach)), right = Math.min(width - 1, Math.ceil(x * width + reach));
  const top = Math.max(0, Math.floor(y * height - reach)), foot = Math.min(height - 1, Math.ceil(y * height + reach));
  for (let row = top; row <= foot; row++) for (let column = left; column <= right; column++) {
    if (Math.hypot(row + 0.5 - y * height, column + 0.5 - x * width) <= reach) found.push(own(row * width + column));
  }
  found.sort((a, b) => a - b);
  const middle = found.length >> 1;
  return found.length % 2 ? found[middle] : (found[middle - 1] + found[middle]) / 2;
}

/** @param {Scene} scene @returns {[number, number]} least and greatest disparity */
export function depthsOf(scene) {
  let least = Infinity, most = -Infinity;
  for (const value of scene.disparity ?? [0]) { if (value < least) least = value; if (value > most) most = value; }
  if (scene.matte) most = Math.max(most, 0);
  return [least, most];
}
