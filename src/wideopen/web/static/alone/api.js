// The model and the lens for other programs: what the npm package gives.
// @ts-check

import {blurOfSubject, chooseLens} from '../optics.js';
import {upTo} from './closer.js';
import {Crew, hire, NOBODY} from './crew.js';
import {lostGrain} from './grain.js';
import {Network, placesAt} from './network.js';
import {checked} from './options.js';
import {render, studied} from './scene.js';

/**
 * @typedef {object} Options by the names of `wideopen render`; what is left out is as there
 * @property {number | 'off'} [aperture] f-number
 * @property {string} [focus] `auto`, or X,Y as shares of width and height; two with a colon between are a range
 * @property {string} [lens] of the schema's lenses
 * @property {number} [blades] @property {number} [roundness] @property {number} [rotate] @property {number} [ring]
 * @property {number} [squeeze] @property {number} [vignette] @property {number} [rim] @property {number} [tilt] @property {number} [tilt_direction] @property {number} [axial] @property {number} [highlights] @property {number} [grain]
 * @property {Partial<import('../optics.js').Taken>} [taken] what the photo's EXIF says
 */

export class Wideopen {
  /** @param {any} schema @param {Network} network @param {Crew} crew */
  constructor(schema, network, crew = NOBODY) { this.schema = schema; this.network = network; this.crew = crew; }

  /**
   * Fetch the model and make it ready: some 18 MB.
   * @param {string} [home] address of the package's folder, with a slash at its end @param {(share: number) => void} [tell]
   */
  static async load(home = new URL('..', import.meta.url).href, tell = () => {}) {
    const place = (/** @type {string} */ path) => home + path, schema = await (await fetch(place('schema.json'))).json();
    const crew = new Crew(await hire(path => new Worker(place(path), {type: 'module'})));
    return new Wideopen(schema, await Network.load(schema.model, crew.size, place, tell), crew);
  }

  /**
   * Where the subject is and how near everything else is; keep it to draw a photo at several f-numbers.
   * @param {import('./planes.js').Picture} photo as of `render` @param {string} [focus]
   * @returns {Promise<import('./scene.js').Places>}
   */
  async look(photo, focus = 'auto') {
    checked({focus}, this.schema.options);
    const [start, end] = focus.split(':');
    return upTo(await placesAt(this.network, photo, start, this.crew), end);
  }

  /**
   * A photo as shot wide open, of the same size; its sharp pixels are the photo's own. Throws TypeError for an option
   * that there is none of, RangeError for a value outside its range.
   * @param {import('./planes.js').Picture} photo sRGB, opaque, such as an ImageData @param {Options} [options]
   * @param {import('./scene.js').Places} [places] of `look` with the same focus
   * @returns {Promise<import('./planes.js').Picture>}
   */
  async render(photo, options = {}, places) {
    const plain = Object.fromEntries(this.schema.options.map((/** @type {any} */ option) => [option.name, option.default]));
    const set = /** @type {any} */ ({...plain, ...checked(options, this.schema.options)}), focus = options.focus ?? 'auto', {lenses, largest} = this.schema;
    const taken = {focal_length_mm: null, focal_length_35mm: null, f_number: null, subject_distance_m: null, ...options.taken};
    const lens = chooseLens({lens: set.lens, aperture: set.aperture ?? lenses[set.lens].f_number, nearest: null, focus}, lenses, taken);
    const {blades, roundness, rotate, ring, squeeze, vignette, rim} = set, aperture = {blades, roundness, rotate, ring, squeeze, vignette, rim};
    const {small, lamps} = studied(photo), gain = set.highlights ?? 1 + (this.schema.gain - 1) * lamps, {tilt, tilt_direction, axial} = set;
    const blur = blurOfSubject(lens, taken, [0, 0], 1, largest, {focus, tilt, tilt_direction, axial});
    const grain = this.crew.do(lostGrain, [photo, set.grain]), rest = () => new Promise(/** @param {(value: void) => void} next */ next => setTimeout(next));
    return render(photo, places ?? await this.look(photo, focus), {...blur, aperture, gain, largest}, () => grain, rest, this.crew, small);
  }
}
