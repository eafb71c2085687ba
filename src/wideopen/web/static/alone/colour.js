// Encoded sRGB and linear light: the counterpart of image/color.py.
// @ts-check

import {map} from './planes.js';

/** @param {number} x */
const decoded = x => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
/** @param {number} x */
export const toCode = x => (x <= 0.0031308 ? x * 12.92 : 1.055 * x ** (1 / 2.4) - 0.055);

/** Light of bytes. */
export const LIGHT = Float32Array.from({length: 256}, (_, at) => decoded(at / 255));

/** @param {number} x most often of a byte */
function toLight(x) {
  const byte = Math.round(255 * x);
  return Math.abs(255 * x - byte) < 1e-5 ? LIGHT[byte] : decoded(x);
}

/** @param {import('./planes.js').Plane[]} colour encoded, in [0, 1] */
export const linear = colour => colour.map(each => map([each], toLight));
/** @param {import('./planes.js').Plane[]} light in [0, 1] */
export const encoded = light => light.map(each => map([each], toCode));
