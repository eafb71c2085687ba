// Encoded sRGB and linear light: the counterpart of image/color.py.
// @ts-check

import {plane, unit} from './planes.js';

/** @param {number} x */
export const decoded = x => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
/** @param {number} x */
export const toCode = x => (x <= 0.0031308 ? x * 12.92 : 1.055 * x ** (1 / 2.4) - 0.055);

/** Light of bytes. */
export const LIGHT = Float32Array.from({length: 256}, (_, at) => decoded(at / 255));

/** @param {import('./planes.js').Plane[]} colour encoded, in [0, 1] */
export const linear = colour => colour.map(({width, height, data}) => {
  const found = plane(width, height);
  for (let at = 0; at < data.length; at++) {
    const byte = Math.round(255 * data[at]);  // Most often it is of one.
    found.data[at] = Math.abs(255 * data[at] - byte) < 1e-5 ? LIGHT[byte] : decoded(data[at]);
  }
  return found;
});
/** Codes of light, which is looked up by its square root. */
const STEPS = 65535, CODE = Float32Array.from({length: STEPS + 1}, (_, at) => toCode((at / STEPS) ** 2));

/** As `toCode`, to 1e-5, for light within [0, 1]. @param {number} light */
export const codeOf = light => CODE[Math.round(Math.sqrt(light) * STEPS)];

/** @param {import('./planes.js').Plane[]} light held within [0, 1] */
export const encoded = light => light.map(({width, height, data}) => {
  const found = plane(width, height);
  for (let at = 0; at < data.length; at++) found.data[at] = codeOf(unit(data[at]));
  return found;
});
