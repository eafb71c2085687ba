// From a photo to what is where in it, to a drawing of it: the counterpart of render/scene_rendering.py.
// @ts-check

import {linear} from './colour.js';
import {draw} from './compositor.js';
import {NOBODY} from './crew.js';
import {removeForeground} from './foreground.js';
import {carryToFullSize} from './full_size.js';
import {lift} from './guided.js';
import {lampCertainty} from './highlights.js';
import {Lifted} from './lifted.js';
import {fit, map, resizePicture, split, unit} from './planes.js';
import {paintOver} from './strokes.js';

/**
 * @typedef {import('./areas.js').Area} Area @typedef {import('./crew.js').Crew} Crew @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture
 * @typedef {import('./network.js').Places & {focus: number, to?: number, hand?: import('./strokes.js').Hand}} Places the disparity in focus, and the
 *   other end of a range; what was painted, where the matte is exact
 * @typedef {{canvas: Plane[], matte: Plane, solid: Plane, relative: Plane, behind: Plane[]}} Seen
 */

const CANVAS_SIDE = 1024, SURE = 0.65;

/** The photo at the size that it is drawn at. @param {Picture} photo */
export function shrunk(photo) {
  const [width, height] = fit(photo.width, photo.height, Math.min(CANVAS_SIDE, Math.max(photo.width, photo.height)));
  return resizePicture(photo, width, height);
}

/** Places lifted to the edges of a photo of at most 1024 px. @param {Picture} photo @param {Places} places @param {Crew} crew @returns {Promise<Seen>} */
export async function onCanvas(photo, {matte, relative, hand}, crew) {
  const canvas = split(photo), coming = crew.do(lift, [relative, canvas]), lifted = await crew.do(lift, [matte, canvas]);
  const behind = await removeForeground(linear(canvas), lifted, crew, !!hand);
  return {canvas, matte: lifted, solid: hand ? lifted : map([lifted], value => unit(value / SURE)), relative: await coming, behind};
}

/** What is drawn at, and how surely its lamps are any: what there is to know of a photo before what is where in it. @param {Picture} photo */
export function studied(photo) {
  const small = shrunk(photo), size = fit(photo.width, photo.height, Math.min(512, Math.max(photo.width, photo.height)));
  return {small, lamps: lampCertainty(linear(split(resizePicture(small, size[0], size[1]))))};
}

/**
 * A photo through a lens, of the same size.
 * @param {Picture} photo @param {Places} places @param {import('./compositor.js').Glass} glass
 * @param {() => ?import('./grain.js').Grain | Promise<?import('./grain.js').Grain>} seek grain, asked once the crew has what must be there first
 * @param {() => Promise<void>} rest taken in between, to hear of other wishes
 * @param {Crew} [crew] @param {Picture} [small] of `shrunk`
 */
export async function render(photo, places, glass, seek, rest, crew = NOBODY, small = shrunk(photo)) {
  const coming = onCanvas(small, places, crew), grain = seek(), {canvas, solid, relative, behind} = await coming;
  await rest();
  const {focus, to = focus} = places, {far = 0, near = 0} = glass, ends = /** @type {[number, number]} */ ([Math.min(focus, to) + far, Math.max(focus, to) + near]);
  const {picture, kept} = await draw(canvas, solid, relative, glass, ends, behind, rest, crew);
  const {hand, matte} = places, inFocus = hand && ends[0] <= 0 && ends[1] >= 0 && !glass.tilt?.some(Boolean), lifted = inFocus && new Lifted(matte, photo);
  const subject = lifted ? {small: solid, at: (/** @type {Area} */ part, /** @type {Uint8ClampedArray} */ data) => paintOver(hand, lifted.at(part, data), part, photo)} : null;
  return carryToFullSize(photo, picture, kept, canvas, await grain, rest, crew, subject);
}

/** @param {Plane[]} colour encoded @returns {Picture} */
export function toPicture(colour) {
  const [{width, height}] = colour, data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let at = 0; at < width * height; at++) for (let channel = 0; channel < 3; channel++) data[4 * at + channel] = Math.round(255 * unit(colour[channel].data[at]));
  return {width, height, data};
}
