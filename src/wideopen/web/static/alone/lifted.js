// A map at its photo's own size, wherever it is asked for: the counterpart of image/guided_upsampling.py.
// @ts-check

import {guidedCoefficients} from './guided.js';
import {dilate, erode, plane, resize, resizePicture, round, split} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture @typedef {import('./areas.js').Area} Area */

const WORKING_PIXELS = 2 ** 20;

/** For pixels of a side: which of fewer lie before them, and how far on they are. @param {number} start @param {number} count @param {number} size @param {number} source */
function placesOf(start, count, size, source) {
  const centres = Float64Array.from({length: count}, (_, at) => Math.max(0, Math.min(source - 1, (start + at + 0.5) * source / size - 0.5)));
  return {first: Int32Array.from(centres, Math.floor), share: Float32Array.from(centres, value => value - Math.floor(value))};
}

/** Part of a small map at full size, linearly, the same whatever the part. @param {Plane} small @param {Area} part @param {{width: number, height: number}} size @returns {Plane} */
export function enlarged(small, part, size) {
  const found = plane(part.width, part.height), across = placesOf(part.left, part.width, size.width, small.width);
  const down = placesOf(part.top, part.height, size.height, small.height), {width, height, data} = small;
  for (let row = 0, at = 0; row < part.height; row++) {
    const top = down.first[row] * width, foot = Math.min(down.first[row] + 1, height - 1) * width, share = down.share[row];
    for (let column = 0; column < part.width; column++, at++) {
      const left = across.first[column], right = Math.min(left + 1, width - 1), along = across.share[column];
      const above = data[top + left] + along * (data[top + right] - data[top + left]), below = data[foot + left] + along * (data[foot + right] - data[foot + left]);
      found.data[at] = above + share * (below - above);
    }
  }
  return found;
}

export class Lifted {
  /** @param {Plane} values of the photo's shape @param {Picture} photo */
  constructor(values, photo) {
    const {width, height} = photo;
    this.size = {width, height};
    if (values.height >= height - 1 && values.width >= width - 1) {
      this.models = [resize(values, width, height)];
      return;
    }
    const pixels = Math.min(Math.max(values.width * values.height, WORKING_PIXELS), 2 * WORKING_PIXELS), scale = Math.min(1, Math.sqrt(pixels / (width * height)));
    const size = /** @type {[number, number]} */ ([Math.max(1, round(width * scale)), Math.max(1, round(height * scale))]);
    const guide = split(resizePicture(photo, ...size)), larger = Math.max(1, size[0] / values.width), own = resize(values, ...size), reach = Math.ceil(1.5 * larger);
    this.models = [...guidedCoefficients(guide, own, Math.max(4, Math.ceil(2.5 * larger)), 1e-3), erode(own, reach), dilate(own, reach)];
  }

  /** @param {Area} part @param {Uint8ClampedArray} data of the photo there @returns {Plane} */
  at(part, data) {
    const [first, ...rest] = this.models.map(each => enlarged(each, part, this.size));
    if (!rest.length) return first;
    const [red, green, blue, offset, least, greatest] = [first, ...rest].map(each => each.data);
    for (let at = 0; at < red.length; at++) {
      const value = offset[at] + (red[at] * data[4 * at] + green[at] * data[4 * at + 1] + blue[at] * data[4 * at + 2]) / 255;
      red[at] = Math.min(Math.max(2 * value - (least[at] + greatest[at]) / 2, least[at]), greatest[at]);
    }
    return first;
  }
}
