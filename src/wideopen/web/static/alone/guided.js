// Maps that follow a photo's edges: the counterpart of image/guided_filter.py and guided_upsampling.py.
// @ts-check

import {box, dilate, erode, map, plane, resize, times} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

/**
 * Local linear models of a map in a photo's colours, and their offset.
 * @param {Plane[]} guide @param {Plane} values @param {number} radius @param {number} eps @param {Plane} [texture] @returns {Plane[]}
 */
export function guidedCoefficients(guide, values, radius, eps = 2e-4, texture) {
  const [r, g, b] = guide, mean = guide.map(each => box(each, radius)), own = box(values, radius);
  const products = [[r, r], [r, g], [r, b], [g, g], [g, b], [b, b]].map(([x, y]) => box(x, radius, y).data);
  const shared = guide.map(each => box(each, radius, values).data), [mr, mg, mb] = mean.map(each => each.data);
  const found = [0, 1, 2, 3].map(() => plane(values.width, values.height)), [sr, sg, sb, offset] = found.map(each => each.data);
  for (let at = 0; at < sr.length; at++) {
    const more = texture ? texture.data[at] : 0, x = mr[at], y = mg[at], z = mb[at], v = own.data[at];
    const rr = products[0][at] - x * x + more + eps, gg = products[3][at] - y * y + more + eps, bb = products[5][at] - z * z + more + eps;
    const rg = products[1][at] - x * y + more, rb = products[2][at] - x * z + more, gb = products[4][at] - y * z + more;
    const p = shared[0][at] - x * v, q = shared[1][at] - y * v, s = shared[2][at] - z * v;
    const crr = gg * bb - gb * gb, crg = rb * gb - rg * bb, crb = rg * gb - rb * gg;
    const cgg = rr * bb - rb * rb, cgb = rb * rg - rr * gb, cbb = rr * gg - rg * rg;
    const determinant = rr * crr + rg * crg + rb * crb;
    sr[at] = (crr * p + crg * q + crb * s) / determinant;
    sg[at] = (crg * p + cgg * q + cgb * s) / determinant;
    sb[at] = (crb * p + cgb * q + cbb * s) / determinant;
    offset[at] = v - sr[at] * x - sg[at] * y - sb[at] * z;
  }
  return found.map(each => box(each, radius));
}

/** A small map at the size of a photo of at most 1024 px, in [0, 1]. @param {Plane} small @param {Plane[]} photo @returns {Plane} */
export function lift(small, photo) {
  const [{width, height}] = photo, values = resize(small, width, height);
  if (small.height >= height - 1 && small.width >= width - 1) return values;
  const enlarged = Math.max(1, width / small.width), reach = Math.ceil(1.5 * enlarged);
  const least = erode(values, reach).data, greatest = dilate(values, reach).data;
  const [a, b, c, offset] = guidedCoefficients(photo, values, Math.max(4, Math.ceil(2.5 * enlarged)), 1e-3).map(each => each.data);
  const found = plane(width, height), [r, g, blue] = photo.map(each => each.data);
  for (let at = 0; at < found.data.length; at++) {
    const value = offset[at] + a[at] * r[at] + b[at] * g[at] + c[at] * blue[at];
    found.data[at] = Math.min(Math.max(2 * value - (least[at] + greatest[at]) / 2, least[at]), greatest[at]);
  }
  return found;
}

/** Variance of brightness inside the pixels of a smaller size. @param {Plane} grey of any larger size @param {Plane} apart @returns {Plane} */
export function hiddenTexture(grey, apart) {
  const {width, height} = apart, weight = map([apart], value => Math.max(value, 1e-3));
  const mean = resize(grey, width, height), square = resize(times(grey, grey), width, height);
  const mass = map([weight, square, mean], (share, two, one) => share * Math.max(two - one * one, 0));
  return map([box(mass, 3), box(weight, 3)], (sum, total) => sum / total);
}
