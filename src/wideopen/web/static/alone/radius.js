// From disparities to blur radii: the counterpart of LensSettings.radius_in.
// @ts-check

import {SHARP_PX} from './defocus.js';
import {plane} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {import('./areas.js').Area} Area
 * @typedef {{perUnit: number, far: number, near: number, limit: number, tilt?: [number, number], pivot?: [number, number], axial?: number}} Blur px of radius for each
 *   unit of disparity beyond far or near; the largest radius in px; growth of the signed radius for each px across and down by the tilt of the lens,
 *   and where, in shares of the sides, it focuses as if it were not tilted; by how many px at most axial colour makes the signed radius less
 */

/**
 * Signed radii in px.
 * @param {Plane} disparity of a part of a photo, at any size @param {Blur} blur @param {{width: number, height: number}} size of the photo
 * @param {Area} [part] all of it, if not given @returns {Plane}
 */
export function radiusIn({width, height, data}, {perUnit, far, near, limit, tilt = [0, 0], pivot = [0.5, 0.5], axial = 0}, size, part = {left: 0, top: 0, ...size}) {
  const found = plane(width, height), leans = tilt[0] !== 0 || tilt[1] !== 0;
  // By half of what is blurred at all, if that is less: what is in focus is so in every colour.
  const coloured = (/** @type {number} */ radius) =>
    (axial ? radius - Math.sign(axial) * Math.min(Math.max((Math.abs(radius) - SHARP_PX) / 2, 0), Math.abs(axial)) : radius);
  for (let row = 0, at = 0; row < height; row++) {
    const down = part.top + (row + 0.5) * part.height / height - pivot[1] * size.height;
    for (let column = 0; column < width; column++, at++) {
      const value = data[at];
      if (!leans) { found.data[at] = coloured(perUnit * (Math.min(Math.max(value, far), near) - value)); continue; }
      const lean = tilt[0] * (part.left + (column + 0.5) * part.width / width - pivot[0] * size.width) + tilt[1] * down;
      // A range leans as a whole: it is as deep everywhere.
      const radius = Math.max(perUnit * (far - value) + lean, 0) + Math.min(perUnit * (near - value) + lean, 0);
      found.data[at] = coloured(Math.max(-limit, Math.min(limit, radius)));
    }
  }
  return found;
}
