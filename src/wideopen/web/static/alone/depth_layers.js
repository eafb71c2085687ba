// A surface cut into layers of equal blur: the counterpart of lens/depth_layers.py.
// @ts-check

import {common, cut, grown, seenFrom} from './areas.js';
import {blurred} from './compositor.js';
import {SHARP_PX} from './defocus.js';
import {box, dilate, erode, map, mix, mirrored, plane, times, unit} from './planes.js';

/**
 * @typedef {import('./planes.js').Plane} Plane @typedef {import('./areas.js').Area} Area
 * @typedef {{radii: number[], place: (radius: number) => number, size: {width: number, height: number}, aperture: import('./compositor.js').Aperture}} Layers
 *   signed radii in px, the nearest first; layers are counted from the farthest
 * @typedef {{near: Plane, far: Plane, exact: boolean}} Edges least and greatest radius within an edge's width
 * @typedef {{light: Plane[], alpha: Plane, radius: Plane, beside: Plane, slope: Plane, roughness: Plane}} Surface
 * @typedef {{seen: Plane[], blurred: Plane}} Drawn
 */

const LEAN_STEPS = 3, EDGE_PX = 2, BLOCK = 16, LEAST = 2e-3, GAP_PX = 5, GAP_LIMIT = 16;
export const SAME_STEPS = 1.5, COARSEST = 4;

/** @param {Layers} layers @param {number} layer */
const radiusOf = ({radii}, layer) => radii[radii.length - 1 - layer];

/** How far neighbouring layers lie from one another at a radius. @param {number[]} radii @returns {(radius: number) => number} */
function stepAt(radii) {
  const last = radii.length - 1;
  const steps = radii.map((_, at) => (last === 0 ? 0 : at === 0 ? radii[1] - radii[0] : at === last ? radii[last] - radii[last - 1] : gradient(radii, at)));
  return radius => {
    if (radius <= radii[0]) return steps[0];
    for (let at = 1; at <= last; at++) if (radius <= radii[at]) return steps[at - 1] + (steps[at] - steps[at - 1]) * (radius - radii[at - 1]) / (radii[at] - radii[at - 1]);
    return steps[last];
  };
}

/** np.gradient of values as places of themselves are even. @param {number[]} values @param {number} at */
const gradient = (values, at) => (values[at + 1] - values[at - 1]) / 2;

/** @param {Plane} radius @param {number} width px @param {boolean} exact @returns {?Edges} */
export function findEdges(radius, width, exact) {
  const near = erode(radius, width), far = dilate(radius, width);
  return far.data.some((value, at) => value - near.data[at] > EDGE_PX) ? {near, far, exact} : null;
}

/** Signed radii without the values in between that edges have. @param {Plane} radius @param {number} width px @returns {Plane} */
export function settle(radius, width) {
  const edges = findEdges(radius, width, true);
  return edges ? map([radius, edges.near, edges.far], (value, near, far) => (far - near <= EDGE_PX ? value : value - near < far - value ? near : far)) : radius;
}

/** Means by weights 1, 2, 1 along either side. @param {Plane} from @returns {Plane} */
function soften(from) {
  const {width, height, data} = from, half = plane(width, height), found = plane(width, height);
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    const start = row * width;
    half.data[start + column] = (data[start + mirrored(column - 1, width)] + 2 * data[start + column] + data[start + mirrored(column + 1, width)]) / 4;
  }
  for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
    const before = mirrored(row - 1, height) * width, after = mirrored(row + 1, height) * width;
    found.data[row * width + column] = (half.data[before + column] + 2 * half.data[row * width + column] + half.data[after + column]) / 4;
  }
  return found;
}

/** @param {Plane} radius @returns {{slope: Plane, roughness: Plane}} how steeply it changes, and how much a pixel differs from its neighbours */
function slopeOf(radius) {
  const {width, height, data} = radius, slope = plane(width, height), roughness = plane(width, height);
  for (const along of [false, true]) {
    const size = along ? width : height, stride = along ? 1 : width;
    for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
      // Beside the first lies the last one's step, which is none.
      const place = along ? column : row, step = place < size - 1 ? data[at + stride] - data[at] : 0, before = place ? data[at] - data[at - stride] : 0;
      const lean = step * before > 0 ? Math.min(Math.abs(step), Math.abs(before)) : 0;
      if (lean > slope.data[at]) slope.data[at] = lean;
      for (const beside of [Math.abs(step), Math.abs(before)]) roughness.data[at] = Math.max(roughness.data[at], beside <= EDGE_PX ? beside : lean);
    }
  }
  return {slope, roughness};
}

/** Opacity of the nearer surface at edges, and the radius without values in between. @param {Plane[]} light @param {Plane[]} clean @param {Plane} radius @param {Edges} edges @returns {Surface} */
export function surfaceOf(light, clean, radius, {near, far, exact}) {
  const {width, height} = radius, count = radius.data.length, edge = new Uint8Array(count), share = plane(width, height), soft = new Float32Array(count);
  for (let at = 0; at < count; at++) {
    const span = far.data[at] - near.data[at];
    edge[at] = Number(span > EDGE_PX);
    share.data[at] = edge[at] ? (far.data[at] - radius.data[at]) / span : 1;
    soft[at] = edge[at] ? (exact ? unit((Math.abs(near.data[at]) - SHARP_PX) / 2) : 1) : 0;
  }
  const smooth = exact ? soften : (/** @type {Plane} */ each) => box(each, 1), mean = smooth(share), ofNear = light.map(each => smooth(times(share, each)));
  const found = light.map(each => plane(width, height, each.data.slice())), alpha = plane(width, height), settled = plane(width, height);
  for (let at = 0; at < count; at++) {
    alpha.data[at] = 1;
    settled.data[at] = radius.data[at];
    if (!edge[at]) continue;
    const softened = share.data[at] + soft[at] * (mean.data[at] - share.data[at]), nearer = softened > 0.1, least = near.data[at];
    if (nearer) alpha.data[at] = Math.min((softened - 0.1) / 0.8, 1);
    settled.data[at] = nearer ? least : far.data[at];
    const beyond = nearer ? soft[at] * (1 - share.data[at]) : 0, blur = Math.max(Math.abs(settled.data[at]), Math.abs(least));
    const stray = nearer ? 0 : unit((blur - SHARP_PX) / 2);
    for (let channel = 0; channel < 3; channel++) {
      const own = light[channel].data[at], mixed = own + beyond * (ofNear[channel].data[at] / Math.max(mean.data[at], 1e-3) - own);
      found[channel].data[at] = mixed + stray * (clean[channel].data[at] - mixed);
    }
  }
  return {light: found, alpha, radius: settled, beside: far, ...slopeOf(radius)};
}

/** Layers that hold anything, the farthest first. @param {Plane[]} places @returns {number[]} */
function present(places) {
  const found = new Set();
  for (const {data} of places) for (const value of data) { found.add(Math.floor(value)); found.add(Math.ceil(value)); }
  return [...found].sort((a, b) => a - b);
}

/** The part of a picture, by blocks, around all that lies in a layer. @param {Plane[]} places @returns {(layer: number) => ?Area} */
function contentOf(places) {
  const {width, height} = places[0], columns = Math.ceil(width / BLOCK), rows = Math.ceil(height / BLOCK);
  const ranges = places.map(({data}) => {
    const low = new Float32Array(columns * rows).fill(Infinity), high = new Float32Array(columns * rows).fill(-Infinity);
    for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
      const block = (row >> 4) * columns + (column >> 4), value = data[at];
      if (value < low[block]) low[block] = value;
      if (value > high[block]) high[block] = value;
    }
    return {low, high};
  });
  return layer => {
    let [left, right, top, foot] = [columns, -1, rows, -1];
    for (let at = 0; at < columns * rows; at++) {
      if (!ranges.some(({low, high}) => low[at] < layer + 1 && high[at] > layer - 1)) continue;
      const column = at % columns, row = (at - column) / columns;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      foot = row;
    }
    if (right < 0) return null;
    return {
      left: left * BLOCK, top: top * BLOCK, width: Math.min((right + 1) * BLOCK, width) - left * BLOCK,
      height: Math.min((foot + 1) * BLOCK, height) - top * BLOCK,
    };
  };
}

/** What a target is blurred from, begun where coarse pixels do. @param {Area} target @param {number} reach @param {{width: number, height: number}} size @returns {Area} */
function sourceOf(target, reach, size) {
  const {left, top, width, height} = grown(target, reach, size), [x, y] = [left - left % COARSEST, top - top % COARSEST];
  return {left: x, top: y, width: left + width - x, height: top + height - y};
}

/**
 * `target` of planes that cover `source`, blurred.
 * @param {Layers} layers @param {Plane[]} planes @param {number} layer @param {Area} tile in the photo @param {Area} inner the same in its surroundings
 * @param {Area} source @param {Area} target @returns {Plane[]}
 */
function blur({radii, aperture, size}, planes, layer, tile, inner, source, target) {
  const there = {...source, left: source.left + tile.left - inner.left, top: source.top + tile.top - inner.top};
  return blurred(planes, radii[radii.length - 1 - layer], aperture, there, size).map(each => cut(each, seenFrom(target, source)));
}

/** A tile of one surface without edges: every pixel the mean of the disc around it. @param {Layers} layers @param {Plane[]} light @param {Plane} radius @param {Area} tile @param {Area} inner @returns {Drawn} */
export function gather(layers, light, radius, tile, inner) {
  const own = map([cut(radius, inner)], value => layers.radii.length - 1 - layers.place(value)), content = contentOf([own]), {width, height} = own;
  const found = light.map(() => plane(width, height));
  for (const layer of present([own])) {
    const part = content(layer);
    if (!part) continue;
    const target = {...part, left: part.left + inner.left, top: part.top + inner.top}, source = sourceOf(target, Math.abs(radiusOf(layers, layer)) + 4, radius);
    const seen = blur(layers, light.map(each => cut(each, source)), layer, tile, inner, source, target);
    for (let row = 0, from = 0; row < part.height; row++) for (let column = 0; column < part.width; column++, from++) {
      const to = (part.top + row) * width + part.left + column, share = 1 - Math.abs(own.data[to] - layer);
      if (share > 0) for (let channel = 0; channel < 3; channel++) found[channel].data[to] += share * seen[channel].data[from];
    }
  }
  return {seen: found, blurred: map([cut(radius, inner)], value => unit(Math.abs(value) - SHARP_PX))};
}

/** Where the surfaces of a tile with edges lie among the layers. @param {Layers} layers @param {Surface} surface @param {Plane} second place of the second surface */
function placesOf(layers, surface, second) {
  const {width, height} = second, count = layers.radii.length - 1, step = stepAt(layers.radii);
  const [own, under, alpha, foot, lean] = [0, 1, 2, 3, 4].map(() => plane(width, height));
  for (let at = 0; at < own.data.length; at++) {
    const radius = surface.radius.data[at], place = own.data[at] = count - layers.place(radius), steps = step(radius), behind = second.data[at];
    const alone = behind > place - SAME_STEPS, beside = surface.beside.data[at];
    under.data[at] = alone ? -1 : behind;
    alpha.data[at] = alone ? 1 : surface.alpha.data[at];
    foot.data[at] = alone ? -1 : place - Math.max(SAME_STEPS, LEAN_STEPS * surface.slope.data[at] / steps);
    if (!alone && beside - radius > EDGE_PX) {
      const there = count - layers.place(beside);
      if (there > behind + SAME_STEPS) { alpha.data[at] = 1; foot.data[at] = Math.min(foot.data[at], there); }
    }
    lean.data[at] = Math.min(surface.roughness.data[at] * Math.max(Math.abs(radius), 1) / steps, 1);
  }
  return {own, under, alpha, foot, lean};
}

/** What a layer holds: of the first surface, of the second, and for the first time. @param {ReturnType<typeof placesOf>} places @param {Area} source @param {number} layer */
function sharesOf({own, under, alpha, foot}, source, layer) {
  const [place, second, opacity, ends] = [own, under, alpha, foot].map(each => cut(each, source).data);
  const [mine, behind, fresh] = [0, 1, 2].map(() => plane(source.width, source.height)), floor = layer - 1;
  for (let at = 0; at < place.length; at++) {
    const held = ends[at] > layer ? 0 : unit(place[at] - floor) * opacity[at], free = 1 - held;
    mine.data[at] = held;
    behind.data[at] = unit(second[at] - floor) * free;
    fresh.data[at] = opacity[at] * Math.max(0, 1 - Math.abs(place[at] - layer)) + free * Math.max(0, 1 - Math.abs(second[at] - layer));
  }
  return {mine, behind, fresh};
}

/** The share of a pixel that a layer fills. @param {number} cover @param {number} fresh @param {?number} leaning @param {number} through */
function visible(cover, fresh, leaning, through) {
  const under = Math.max(cover - fresh, 0), over = fresh * Math.min(through / Math.max(1 - under, 1e-4), 1);
  const gap = leaning === null ? 0 : Math.min(cover - (1 - through), GAP_LIMIT * leaning);
  return Math.min(Math.max(over, gap, 0), through);
}

/** A tile with edges. @param {Layers} layers @param {Surface} surface @param {Plane[]} hidden light of the second surface, and its place @param {Area} tile @param {Area} inner @returns {Drawn} */
export function composite(layers, surface, hidden, tile, inner) {
  const places = placesOf(layers, surface, hidden[3]), {own, under, lean} = places, alone = map([own, under], (place, second) => (second === -1 ? place : second));
  const content = contentOf([own, alone]), found = surface.light.map(() => plane(inner.width, inner.height));
  const softened = plane(inner.width, inner.height), through = plane(inner.width, inner.height, new Float32Array(inner.width * inner.height).fill(1));
  for (const layer of present([own, alone]).reverse()) {
    const reach = Math.abs(radiusOf(layers, layer)) + 2, holds = content(layer), target = holds && common(grown(holds, reach, own), inner);
    if (!target || !cut(through, seenFrom(target, inner)).data.some(value => value >= LEAST)) continue;
    const source = sourceOf(target, reach, own), {mine, behind, fresh} = sharesOf(places, source, layer), second = behind.data.some(Boolean);
    const planes = surface.light.map((each, channel) => {
      const lit = times(cut(each, source), mine);
      if (second) { const other = cut(hidden[channel], source).data; for (let at = 0; at < other.length; at++) lit.data[at] += other[at] * behind.data[at]; }
      return lit;
    });
    const cover = second ? map([mine, behind], (a, b) => a + b) : mine;
    const [red, green, blue, covered, renewed] = blur(layers, [...planes, cover, fresh], layer, tile, inner, source, target).map(each => each.data);
    const leaning = times(fresh, cut(lean, source)), around = Math.ceil(reach >= GAP_PX ? reach : Math.max(reach - 2, 1));
    const leans = leaning.data.some(Boolean) ? cut(box(leaning, around), seenFrom(target, source)).data : null;
    const part = seenFrom(target, inner), amount = Math.min(Math.max(reach - 2 - SHARP_PX, 0), 1);
    for (let row = 0, from = 0; row < part.height; row++) for (let column = 0; column < part.width; column++, from++) {
      const to = (part.top + row) * inner.width + part.left + column;
      const fills = visible(covered[from], renewed[from], leans && leans[from], through.data[to]), share = fills / Math.max(covered[from], 1e-4);
      found[0].data[to] += share * red[from];
      found[1].data[to] += share * green[from];
      found[2].data[to] += share * blue[from];
      softened.data[to] += amount * fills;
      through.data[to] -= fills;
    }
  }
  const filled = map([through], value => Math.max(1 - value, 1e-3));
  return {
    seen: found.map(each => map([each, filled], (value, share) => value / share)),
    blurred: map([softened, filled], (value, share) => (value / share > LEAST ? value / share : 0)),
  };
}
