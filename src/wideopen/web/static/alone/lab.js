// CIE L*a*b* as OpenCV reckons it: between the values of a table of 33 x 33 x 33 colours, in whole numbers.
// @ts-check

import {decoded} from './colour.js';
import {plane, round, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

/** From linear light to CIE XYZ (D65), white at 1. */
const XYZ = [[0.412453, 0.35758, 0.180423], [0.212671, 0.71516, 0.072169], [0.019334, 0.119193, 0.950227]], WHITE = [0.950456, 1, 1.088754];
const BASE = 2 ** 14, SIDE = 33, STRIDES = [3, 3 * SIDE, 3 * SIDE * SIDE];
/** @type {?Int16Array} */
let table = null;

const f32 = Math.fround, LEAST = f32(216 / 24389), SLOPE = f32(841 / 108), OFFSET = f32(16 / 116);
const bits = new DataView(new ArrayBuffer(8));

/** Cube root in single precision, by the quotient of polynomials in OpenCV's softfloat.cpp; cut off, not rounded. @param {number} x above 0 */
function cubeRoot(x) {
  const exponent = Math.floor(Math.log2(x)), third = Math.floor(exponent / 3), fraction = x / 2 ** (3 * third + 3);
  const above = (((45.2548339756803022511987494 * fraction + 192.2798368355061050458134625) * fraction + 119.1654824285581628956914143) * fraction
    + 13.43250139086239872172837314) * fraction + 0.1636161226585754240958355063;
  const below = (((14.80884093219134573786480845 * fraction + 151.9714051044435648658557668) * fraction + 168.5254414101568283957668343) * fraction
    + 33.9905941350215598754191872) * fraction + 1;
  bits.setFloat64(0, above / below);
  bits.setUint32(4, bits.getUint32(4) & ~0x1fffffff);
  return bits.getFloat64(0) * 2 ** (third + 1);
}

/** L*a*b* of the table's colours, each in [0, BASE]; in single precision, as there, so that a half is rounded the same way. */
function tableOf() {
  const found = new Int16Array(3 * SIDE ** 3), f = (/** @type {number} */ t) => (t > LEAST ? cubeRoot(t) : f32(t * SLOPE + OFFSET));
  const light = Array.from({length: SIDE}, (_, at) => f32(decoded(at / (SIDE - 1)))), shares = XYZ.map((row, at) => row.map(each => f32(each / WHITE[at])));
  const code = (/** @type {number} */ value) => round(f32(f32(BASE * f32(value + 128)) / 256));
  for (let blue = 0, at = 0; blue < SIDE; blue++) for (let green = 0; green < SIDE; green++) for (let red = 0; red < SIDE; red++, at += 3) {
    const [x, y, z] = shares.map(([r, g, b]) => f32(f32(f32(light[blue] * b) + f32(light[green] * g)) + f32(light[red] * r)));
    const bright = y > LEAST ? f32(f32(116 * f(y)) - 16) : f32(f32(24389 / 27) * y);
    found[at] = round(f32(f32(BASE * bright) / 100));
    found[at + 1] = code(f32(500 * f32(f(x) - f(y))));
    found[at + 2] = code(f32(200 * f32(f(y) - f(z))));
  }
  return found;
}

/** @param {Plane[]} colours encoded @returns {Plane[]} L*, a* and b*, divided by 100 */
export function labOf(colours) {
  const values = table ??= tableOf(), {width, height} = colours[0], found = colours.map(() => plane(width, height)), sums = [0, 0, 0];
  for (let at = 0; at < width * height; at++) {
    const places = colours.map(each => round(unit(each.data[at]) * BASE)), parts = places.map(each => (each >> 5) & 15);
    const first = places.reduce((sum, each, axis) => sum + (each >> 9) * STRIDES[axis], 0);
    sums.fill(0);
    for (let corner = 0; corner < 8; corner++) {
      let weight = 1, from = first;
      for (let axis = 0; axis < 3; axis++) {
        const far = corner >> axis & 1;
        weight *= far ? parts[axis] : 16 - parts[axis];
        if (far) from += STRIDES[axis];
      }
      if (weight) for (let channel = 0; channel < 3; channel++) sums[channel] += weight * values[from + channel];
    }
    const [light, a, b] = sums.map(sum => ((sum + 2 ** 11) >> 12) / BASE);
    found[0].data[at] = light;
    found[1].data[at] = (a * 256 - 128) / 100;
    found[2].data[at] = (b * 256 - 128) / 100;
  }
  return found;
}
