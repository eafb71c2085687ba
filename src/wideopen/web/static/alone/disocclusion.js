// What lies behind the near side of an edge in depth: the counterpart of image/disocclusion.py.
// @ts-check

import {boxOf, cut, grown} from './areas.js';
import {distances} from './distances.js';
import {fill} from './fill.js';
import {dilate, erode, map, plane, times} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

const FINENESS = 3, STEPS = 96;

/** @param {number} reach px */
const held = reach => Math.max(Math.ceil(reach), 1);

/** @param {Plane} from @param {(value: number, at: number) => boolean} rule @returns {Plane} */
function mask({width, height, data}, rule) {
  const found = plane(width, height);
  for (let at = 0; at < data.length; at++) found.data[at] = rule(data[at], at) ? 1 : 0;
  return found;
}

/**
 * The chosen pixels in groups of like nearness: the least of each, and the area around them.
 * @param {Plane} nearness @param {Plane} chosen @param {number} gap @param {number} margin px
 * @returns {{first: number, area: import('./areas.js').Area, level: Plane}[]} the level is that of the area
 */
function levels(nearness, chosen, gap, margin) {
  const {width, height, data} = nearness;
  let low = Infinity, high = -Infinity;
  for (const value of data) { if (value < low) low = value; if (value > high) high = value; }
  if (high - low <= gap) return [];
  const count = Math.min(STEPS, Math.ceil(FINENESS * (high - low) / gap)), edge = (/** @type {number} */ at) => low + (high - low) * at / count;
  const group = plane(width, height), boxes = Array.from({length: count}, () => [width, -1, height, -1]);
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    if (!chosen.data[at]) { group.data[at] = -1; continue; }
    let found = Math.min(count - 1, Math.floor((data[at] - low) / (high - low) * count));
    while (found > 0 && data[at] < edge(found)) found--;
    while (found < count - 1 && data[at] >= edge(found + 1)) found++;
    group.data[at] = found;
    const box = boxes[found];
    if (column < box[0]) box[0] = column;
    if (column > box[1]) box[1] = column;
    if (row < box[2]) box[2] = row;
    box[3] = row;
  }
  return boxes.flatMap(([left, right, top, foot], index) => {
    if (right < 0) return [];
    const area = grown({left, top, width: right + 1 - left, height: foot + 1 - top}, margin, nearness);
    return [{first: edge(index), area, level: mask(cut(group, area), value => value === index)}];
  });
}

/**
 * Put into planes, where a level is, what lies around it where the weight is; into the last of four what is nearest.
 * @param {Plane[]} found @param {import('./areas.js').Area} area that what follows is cut out of @param {Plane} level @param {Plane[]} known not cut out
 * @param {Plane} weight @param {number} margin
 */
function fillIn(found, area, level, known, weight, margin) {
  const box = boxOf(level), {width} = found[0];
  if (!box) return;
  const part = grown(box, margin, level), share = cut(weight, part), inside = cut(level, part).data;
  if (!share.data.some(Boolean)) return;
  const there = {...part, left: area.left + part.left, top: area.top + part.top}, parts = known.map(each => cut(each, there));
  const filled = fill(parts.slice(0, 3), share);
  if (parts.length === 4) {
    const {nearest} = distances(Uint8Array.from(share.data), part.width, part.height, true), last = plane(part.width, part.height);
    for (let at = 0; at < nearest.length; at++) last.data[at] = parts[3].data[nearest[at]];
    filled.push(last);
  }
  for (let row = 0, at = 0; row < part.height; row++) for (let column = 0; column < part.width; column++, at++) {
    if (!inside[at]) continue;
    for (let index = 0; index < filled.length; index++) found[index].data[(there.top + row) * width + there.left + column] = filled[index].data[at];
  }
}

/**
 * Continue farther surfaces behind nearer ones.
 * @param {Plane[]} colour linear light @param {Plane} nearness @param {number} gap @param {number} reach px
 * @returns {Plane[]} colour and nearness of the second surface; the photo's own where there is none
 */
export function findHidden(colour, nearness, gap, reach) {
  const window = held(reach + 1), lowest = erode(nearness, window), edge = mask(nearness, (value, at) => value - lowest.data[at] > gap);
  const known = [...colour, nearness], found = known.map(each => plane(each.width, each.height, each.data.slice()));
  for (const {first, area, level} of levels(nearness, edge, gap, window + 2)) {
    const limit = Math.fround(first - gap + 1e-6), farther = erode(mask(cut(nearness, area), value => value < limit), 1);
    fillIn(found, area, times(level, dilate(farther, window)), known, farther, reach);
  }
  found[3] = map([found[3], nearness], Math.min);
  return found;
}

/**
 * The far side of edges, as far as the near side's colour may have strayed, replaced by what lies beyond.
 * @param {Plane[]} colour @param {Plane} nearness @param {number} gap @param {number} rim px @returns {Plane[]}
 */
export function cleanRim(colour, nearness, gap, rim) {
  const highest = dilate(nearness, held(rim)), strayed = mask(nearness, (value, at) => highest.data[at] - value > gap), margin = 8 * rim + 8;
  const found = colour.map(each => plane(each.width, each.height, each.data.slice()));
  for (const {first, area, level} of levels(nearness, strayed, gap, margin)) {
    const near = cut(nearness, area), stray = cut(strayed, area).data;
    let last = -Infinity;
    for (let at = 0; at < level.data.length; at++) if (level.data[at] && near.data[at] > last) last = near.data[at];
    fillIn(found, area, level, colour, mask(near, (value, at) => !stray[at] && value < last + gap && value > first - gap), margin);
  }
  return found;
}
