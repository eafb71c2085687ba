// A closer look at a point: the counterpart of scene/closer.py, instances.py and focus.py.
// @ts-check

import {distances} from './distances.js';
import {cutOut, dilate, erode, map, plane, resize, round, unit} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture
 * @typedef {import('./network.js').Places} Seen @typedef {[number, number]} Point shares of width and height
 * @typedef {{left: number, top: number, side: number}} Part in shares
 * @typedef {{row: number, column: number, width: number, height: number}} Area
 */

const SIDES = [0.6, 0.4], FADE = 0.1, OTHER = 0.12, HELD = 0.5, SPOT = 0.012, SURE = 0.65;
const SUBJECT = 0.6, DOUBTED = 0.25, TOUCHED = 0.1, MARGIN = 0.012, APART = 0.25, LEAST = 0.002;

/** @param {number[] | Float32Array} values */
function median(values) {
  const sorted = Float32Array.from(values).sort(), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of a plane about a point. @param {Plane} from @param {Point} point */
export function atPoint({width, height, data}, [x, y]) {
  const far = (/** @type {number} */ row, /** @type {number} */ column) => Math.hypot(row + 0.5 - y * height, column + 0.5 - x * width);
  const held = (/** @type {number} */ at, /** @type {number} */ size) => Math.max(0, Math.min(size - 1, Math.floor(at)));
  const reach = Math.max(SPOT * Math.min(width, height), far(held(y * height, height), held(x * width, width))), found = [];
  for (let row = held(y * height - reach, height); row <= held(y * height + reach, height); row++) {
    for (let column = held(x * width - reach, width); column <= held(x * width + reach, width); column++) {
      if (far(row, column) <= reach) found.push(data[row * width + column]);
    }
  }
  return median(found);
}

/** @param {Part} part @param {number} width @param {number} height @returns {Area} */
function areaOf({left, top, side}, width, height) {
  const rows = Math.max(1, round(side * height)), columns = Math.max(1, round(side * width));
  return {row: Math.min(round(top * height), height - rows), column: Math.min(round(left * width), width - columns), width: columns, height: rows};
}

/** Number of the connected piece that each marked pixel belongs to, from 1. @param {Plane} from */
function pieces(from) {
  const {width, height, data} = from, labels = new Int32Array(data.length), sizes = [0];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    const label = sizes.length, open = [start];
    labels[start] = label;
    sizes.push(0);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      sizes[label]++;
      const column = at % width, row = (at - column) / width;
      for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
        if (data[y * width + x] && !labels[y * width + x]) { labels[y * width + x] = label; open.push(y * width + x); }
      }
    }
  }
  return {labels, sizes};
}

/** @param {Plane} from @returns {Plane} medians of squares of 5, the border's pixels repeated */
function smoothed(from) {
  const {width, height, data} = from, found = plane(width, height), near = new Float32Array(25);
  const held = (/** @type {number} */ at, /** @type {number} */ size) => Math.max(0, Math.min(size - 1, at));
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    for (let index = 0; index < 25; index++) near[index] = data[held(row + Math.floor(index / 5) - 2, height) * width + held(column + index % 5 - 2, width)];
    found.data[row * width + column] = near.sort()[12];
  }
  return found;
}

/** The subject alone, and everything else where it is. @param {Plane} matte @param {Plane} relative @param {number} least @returns {Seen} */
export function splitInstances(matte, relative, least = APART) {
  const {width, height} = matte, reach = Math.max(1, round(MARGIN * Math.min(width, height))), smooth = smoothed(relative);
  const seeds = (/** @type {number} */ sure) => erode(map([matte], value => Number(value > sure)), reach);
  const [subject, doubted] = [SUBJECT, DOUBTED].map(seeds), few = LEAST * matte.data.length;
  const candidates = map([doubted, smooth], (seed, value) => Number(seed > 0 && Math.abs(value) >= least));
  const opened = dilate(erode(candidates, reach), reach), {labels, sizes} = pieces(opened);
  const other = Uint8Array.from(labels, label => Number(label > 0 && sizes[label] >= few));
  const own = Uint8Array.from(subject.data, (seed, at) => Number(seed > 0 && Math.abs(smooth.data[at]) < least));
  if (!other.includes(1) || own.reduce((sum, each) => sum + each, 0) < few) return {matte, relative};
  const toOwn = distances(own, width, height, false), toOther = distances(other, width, height, true), depths = new Map();
  for (let label = 1; label < sizes.length; label++) {
    if (sizes[label] >= few) depths.set(label, median(smooth.data.filter((_, at) => labels[at] === label)));
  }
  const leaves = matte.data.map((value, at) => Number(value > TOUCHED && toOther.away[at] < toOwn.away[at]));
  return {
    matte: plane(width, height, matte.data.map((value, at) => (leaves[at] ? 0 : value))),
    relative: plane(width, height, relative.data.map((value, at) => (leaves[at] ? depths.get(labels[toOther.nearest[at]]) : value))),
  };
}

/** How much each pixel of a part counts. @param {Part} part @param {number} width @param {number} height */
function fading(part, width, height) {
  const along = (/** @type {number} */ length, /** @type {number} */ start) => Float32Array.from({length}, (_, at) => Math.min(
    start > 0 ? (at + 0.5) / (length * FADE) : 1, start + part.side < 1 - 1e-6 ? (length - at - 0.5) / (length * FADE) : 1, 1));
  const down = along(height, part.top), across = along(width, part.left);
  return (/** @type {number} */ at) => down[Math.floor(at / width)] * across[at % width];
}

/** Parts of a photo about a point. @param {Point} point @returns {Part[]} */
const partsAround = point => SIDES.map(side => {
  const [left, top] = point.map(at => Math.min(Math.max(at - side / 2, 0), 1 - side));
  return {left, top, side};
});

/** What the network is to look at for `refineAt`. @param {Picture} photo @param {Point} point @returns {Picture[]} */
export const cutAround = (photo, point) => partsAround(point).map(part => {
  const {column, row, width, height} = areaOf(part, photo.width, photo.height);
  return cutOut(photo, column, row, width, height);
});

/**
 * Places corrected by what parts of the photo about a point show.
 * @param {Seen} whole of `splitInstances` @param {Point} point @param {Seen[]} parts what is seen in those of `cutAround`
 * @returns {import('./scene.js').Places}
 */
export function refineAt({matte, relative}, point, parts) {
  const {width, height} = matte, views = [{part: {left: 0, top: 0, side: 1}, seen: {matte, relative}}, ...partsAround(point).map((part, at) => ({part, seen: parts[at]}))];
  const [mean, size, weight, thing, held] = [0, 1, 2, 3, 4].map(() => new Float32Array(width * height));
  /** @type {Plane} */
  let first = relative;
  for (const {part, seen} of views) {
    const within = /** @type {Point} */ ([(point[0] - part.left) / part.side, (point[1] - part.top) / part.side]);
    const disparity = map([seen.matte, seen.relative], (opacity, value) => (1 - unit(opacity / SURE)) * value), here = atPoint(disparity, within);
    const from = map([disparity], value => value - here), area = areaOf(part, width, height), counts = fading(part, area.width, area.height);
    if (part.side === 1) first = from;
    const away = resize(from, area.width, area.height), own = resize(seen.matte, area.width, area.height), holds = atPoint(seen.matte, within) > HELD;
    for (let at = 0; at < away.data.length; at++) {
      const to = (area.row + Math.floor(at / area.width)) * width + area.column + at % area.width, share = counts(at);
      mean[to] += share * away.data[at];
      size[to] += share * Math.abs(away.data[at]);
      weight[to] += share;
      if (holds) { thing[to] += share * own.data[at]; held[to] += share; }
    }
  }
  const shift = first.data.map((value, at) => Math.sign(mean[at] || 1) * size[at] / weight[at] - value);
  const own = thing.map((value, at) => value / Math.max(held[at], 1));
  const focus = disparityOf({matte, relative}, point);
  if (held.some(Boolean)) {
    const elsewhere = plane(width, height, shift.map((value, at) => value + (matte.data[at] > HELD ? first.data[at] : relative.data[at] - focus)));
    if (atPoint(matte, point) > HELD) return {...splitInstances(plane(width, height, matte.data.map((value, at) => Math.max(value, own[at]))), elsewhere), focus: 0};
    return {...splitInstances(plane(width, height, own), elsewhere, OTHER), focus: 0};
  }
  const shifts = shift.filter((value, at) => matte.data[at] > SUBJECT && value !== 0);
  const moved = shifts.length ? median(shifts) : 0;
  return {matte, relative: map([relative], value => value - moved), focus: focus - moved};
}

/** Relative disparity at a point. @param {Seen} places @param {Point} point */
function disparityOf({matte, relative}, point) {
  return atPoint(map([matte, relative], (opacity, value) => (opacity > 0.5 ? 0 : value)), point);
}

/**
 * Places that are in focus from where they are to another one: all between is sharp.
 * @param {import('./scene.js').Places} places @param {string} [end] X,Y as shares, or auto, the subject; none, if undefined
 * @returns {import('./scene.js').Places}
 */
export function upTo(places, end) {
  if (!end) return places;
  return {...places, to: end === 'auto' ? 0 : disparityOf(places, /** @type {Point} */ (end.split(',').map(Number)))};
}
