// Places as a hand corrects them, stroke by stroke: the counterpart of scene/correction.py and scene/stroke.py.
// @ts-check

import {cut} from './areas.js';
import {atPoint} from './closer.js';
import {fill} from './fill.js';
import {lift} from './guided.js';
import {dilate, map, plane, resize, split, unit} from './planes.js';
import {shrunk, spread, spreadCoarsely} from './spreading.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {import('./areas.js').Area} Area @typedef {{width: number, height: number}} Size
 * @typedef {import('./scene.js').Places} Places @typedef {import('./spreading.js').Ground} Ground @typedef {[number, number]} Point
 * @typedef {{kind: 'keep'|'give'|'depth', points: Point[], radius: number, softness?: number}} Stroke points in shares of width and height, the
 *   radius of the longer side
 * @typedef {Places & {hand: Hand}} Corrected the matte is exact, of the size of the colours
 * @typedef {{colours: Plane[], doubt: Plane, said: Int8Array, strokes: Stroke[]}} Hand opacity before the first stroke; what the last one over a
 *   pixel said: 1 keep, -1 give
 */

const SURE = 0.65, MARGIN = 0.15, BRUSHES = 12, ALIKE = 0.08;

/** px², from a stroke's line. @param {Stroke} stroke @param {Area} area @param {number} reach px within which that matters @param {Size} size @returns {Float64Array} */
function squaredDistances({points}, {left, top, width, height}, reach, size) {
  const found = new Float64Array(width * height).fill(Infinity), corners = points.map(([x, y]) => [x * size.width - 0.5, y * size.height - 0.5]);
  (corners.length > 1 ? corners.slice(1) : corners).forEach((end, index) => {
    const start = corners[index], dx = end[0] - start[0], dy = end[1] - start[1], length = dx * dx + dy * dy;
    const first = (/** @type {number} */ axis, /** @type {number} */ low) => Math.max(low, Math.floor(Math.min(start[axis], end[axis]) - reach));
    const last = (/** @type {number} */ axis, /** @type {number} */ high) => Math.min(high - 1, Math.ceil(Math.max(start[axis], end[axis]) + reach));
    for (let y = first(1, top); y <= last(1, top + height); y++) for (let x = first(0, left); x <= last(0, left + width); x++) {
      const along = length > 0 ? unit(((x - start[0]) * dx + (y - start[1]) * dy) / length) : 0, at = (y - top) * width + x - left;
      const far = (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2;
      if (far < found[at]) found[at] = far;
    }
  });
  return found;
}

/** Share in [0, 1] to which pixels are painted: 1 within the radius as far as it is not soft. @param {Stroke} stroke @param {Area} area @param {Size} size @returns {Plane} */
function shareOf(stroke, area, size) {
  const longer = Math.max(size.width, size.height), soft = stroke.softness ?? 0, found = plane(area.width, area.height);
  const reach = Math.max(stroke.radius * longer, 0.71), whole = Math.max((1 - soft) * stroke.radius * longer, 0.71);
  squaredDistances(stroke, area, reach, size).forEach((squared, at) => {
    found.data[at] = squared <= whole * whole ? 1 : soft ? unit(1 - (Math.sqrt(squared) - whole) / (soft * reach)) : 0;
  });
  return found;
}

/** What a stroke may change. @param {Stroke} stroke @param {Size} size @returns {Area} */
function windowOf({points, radius}, {width, height}) {
  const reach = Math.max(MARGIN, BRUSHES * radius) * Math.max(width, height), [x, y] = [0, 1].map(axis => points.map(point => point[axis]));
  const left = Math.max(0, Math.trunc(Math.min(...x) * width - reach)), top = Math.max(0, Math.trunc(Math.min(...y) * height - reach));
  return {
    left, top, width: Math.min(width, Math.trunc(Math.max(...x) * width + reach) + 1) - left,
    height: Math.min(height, Math.trunc(Math.max(...y) * height + reach) + 1) - top,
  };
}

/** What was not there before is put into a plane. @param {Plane} from @param {Plane} part @param {Area} area @returns {Plane} a copy */
function withPart(from, part, {left, top, width}) {
  const found = plane(from.width, from.height, from.data.slice());
  for (let row = 0; row < part.height; row++) found.data.set(part.data.subarray(row * width, (row + 1) * width), (top + row) * from.width + left);
  return found;
}

/** Places with a matte that is sure, ready to be corrected. @param {Places} places @param {import('./planes.js').Picture} small the photo, of at most 1024 px @returns {Corrected} */
function begin(places, small) {
  const colours = split(small), doubt = lift(places.matte, colours), said = new Int8Array(doubt.data.length);
  return {...places, matte: map([doubt], value => unit(value / SURE)), hand: {colours, doubt, said, strokes: []}};
}

/** Disparities continued from around to where opacity has gone. @param {Plane} relative @param {Plane} before @param {Plane} after @returns {Plane} */
function behind(relative, before, after) {
  const {width, height} = relative, given = resize(map([before, after], (a, b) => a - b), width, height), left = resize(after, width, height);
  const known = map([given, left], (gone, share) => Number(gone < 0.1 && share < 0.1));
  if (!given.data.some(value => value >= 0.1) || !known.data.includes(1)) return relative;
  return map([given, relative, fill([relative], known)[0]], (gone, value, around) => (gone < 0.1 ? value : around));
}

/** Disparities as far away as a level where a stroke has spread among what lies alike. @param {Plane} relative @param {number} level @param {Ground} ground @param {Stroke} stroke @param {Area} part @param {Size} size */
function levelled(relative, level, ground, stroke, part, {width, height}) {
  const alike = map([cut(resize(relative, width, height), part)], value => Math.exp(-(((value - level) / ALIKE) ** 2)));
  const small = shrunk({...ground, opacity: alike, doubt: alike}), pixel = part.height / small.painted.height / Math.max(width, height);
  const share = withPart(plane(width, height), resize(spreadCoarsely(small, stroke.radius, pixel), part.width, part.height), part);
  return map([relative, resize(share, relative.width, relative.height)], (value, moved) => value + moved * (level - value));
}

/** @param {Corrected} places @param {Stroke} given @returns {Corrected} */
function corrected(places, given) {
  const {matte, relative, hand} = places, end = given.points[given.points.length - 1], onSubject = atPoint(matte, end) > 0.5;
  const target = given.kind === 'depth' && !onSubject ? atPoint(relative, end) : null;
  /** @type {Stroke} */
  const stroke = given.kind === 'depth' ? {...given, kind: onSubject ? 'keep' : 'give'} : given, keeps = stroke.kind === 'keep';
  const part = windowOf(stroke, matte), share = shareOf(stroke, part, matte), painted = map([share], value => Number(value === 1));
  const said = cut(plane(matte.width, matte.height, Float32Array.from(hand.said)), part), own = (/** @type {Plane} */ each) => (keeps ? cut(each, part) : map([cut(each, part)], value => 1 - value));
  const against = map([said, painted], (word, here) => Number(word === (keeps ? -1 : 1) && !here));
  const ground = {colours: hand.colours.map(each => cut(each, part)), opacity: own(matte), doubt: own(hand.doubt), painted, against};
  let spreads = spread(ground, stroke.radius, 1 / Math.max(matte.width, matte.height));
  if (stroke.softness) spreads = map([spreads, share], Math.max);
  const found = withPart(matte, keeps ? spreads : map([spreads], value => 1 - value), part), words = hand.said.slice();
  painted.data.forEach((here, at) => {
    if (here) words[(part.top + Math.floor(at / part.width)) * matte.width + part.left + at % part.width] = keeps ? 1 : -1;
  });
  const next = {...places, matte: found, hand: {...hand, said: words, strokes: [...hand.strokes, stroke]}};
  if (keeps) return next;
  const rest = behind(relative, matte, found);
  return {...next, relative: target === null ? rest : levelled(rest, target, ground, stroke, part, matte)};
}

/** Whether a point lies on the subject. @param {Places} places @param {Point} point */
const isSubject = ({matte}, point) => atPoint(matte, point) > 0.5;

/**
 * Places as strokes correct them once focus is found. @param {Places} places @param {Stroke[]} strokes @param {import('./planes.js').Picture} small
 * the photo, of at most 1024 px @param {string} focus where it was put @returns {Corrected}
 */
export function correct(places, strokes, small, focus) {
  const found = strokes.reduce(corrected, begin(places, small)), [start, end] = focus.split(':').map(at => (at === 'auto' ? null : /** @type {Point} */ (at.split(',').map(Number))));
  const {width, height} = found.matte, whole = map([found.matte, resize(found.relative, width, height)], (opacity, value) => (opacity > 0.5 ? 0 : value));
  if (start && isSubject(places, start) !== isSubject(found, start)) found.focus = isSubject(found, start) ? 0 : atPoint(found.relative, start);
  return end === undefined ? found : {...found, to: end ? atPoint(whole, end) : 0};
}

/** Opacity of a part of the photo at full size, with what is painted exact. @param {Hand} hand @param {Plane} opacity there, changed in place @param {Area} part @param {Size} size */
export function paintOver({strokes}, opacity, part, size) {
  for (const stroke of strokes) {
    const reach = stroke.radius * Math.max(size.width, size.height) + 2, y = stroke.points.map(point => point[1] * size.height);
    if (Math.min(...y) - reach > part.top + part.height || Math.max(...y) + reach < part.top) continue;
    const keeps = stroke.kind === 'keep' ? 1 : 0, {data} = shareOf(stroke, part, size);
    for (let at = 0; at < data.length; at++) opacity.data[at] += data[at] * (keeps - opacity.data[at]);
  }
  return opacity;
}
