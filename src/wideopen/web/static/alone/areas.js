// Rectangles of a picture and what is cut out by them: the counterpart of image/tiles.py.
// @ts-check

import {plane} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane @typedef {{left: number, top: number, width: number, height: number}} Area */
/** @typedef {{width: number, height: number}} Size */

/** The area and so many px around it, as far as the picture goes. @param {Area} area @param {number} margin @param {Size} size @returns {Area} */
export function grown({left, top, width, height}, margin, size) {
  const reach = Math.ceil(margin), x = Math.max(left - reach, 0), y = Math.max(top - reach, 0);
  return {left: x, top: y, width: Math.min(left + width + reach, size.width) - x, height: Math.min(top + height + reach, size.height) - y};
}

/** What two areas share, null for nothing. @param {Area} a @param {Area} b @returns {?Area} */
export function common(a, b) {
  const left = Math.max(a.left, b.left), top = Math.max(a.top, b.top);
  const width = Math.min(a.left + a.width, b.left + b.width) - left, height = Math.min(a.top + a.height, b.top + b.height) - top;
  return width > 0 && height > 0 ? {left, top, width, height} : null;
}

/** An area as seen from another one's corner. @param {Area} area @param {{left: number, top: number}} origin @returns {Area} */
export const seenFrom = (area, origin) => ({...area, left: area.left - origin.left, top: area.top - origin.top});

/** The smallest area of all that is not 0, null if everything is. @param {Plane} mask @returns {?Area} */
export function boxOf({width, height, data}) {
  let [left, right, top, foot] = [width, -1, height, -1];
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    if (!data[at]) continue;
    if (column < left) left = column;
    if (column > right) right = column;
    if (row < top) top = row;
    foot = row;
  }
  return right < 0 ? null : {left, top, width: right + 1 - left, height: foot + 1 - top};
}

/** @param {Plane} from @param {Area} area @returns {Plane} */
export function cut(from, {left, top, width, height}) {
  const found = plane(width, height);
  for (let row = 0; row < height; row++) found.data.set(from.data.subarray((top + row) * from.width + left, (top + row) * from.width + left + width), row * width);
  return found;
}
