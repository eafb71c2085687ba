// Settings on a scene: what the preview is to draw.
// @ts-check

import {blurOfMap, blurOfSubject, chooseLens} from './optics.js';
import {Preview, VIEWS} from './preview.js';
import {depthsOf, endsOf} from './scene.js';

/** @typedef {import('./scene.js').Scene} Scene */

const THUMBNAIL_PX = 192;

export class Looks {
  /** @param {HTMLCanvasElement} canvas @param {any} schema */
  constructor(canvas, schema) {
    this.schema = schema;
    /** @type {?Preview} none where the browser has no WebGL 2: then all that is seen comes from the server */
    this.preview = Preview.works() ? new Preview(canvas) : null;
    /** @type {?Preview} for thumbnails */
    this.small = null;
  }

  /** @param {Scene} scene */
  load(scene) {
    this.scene = scene;
    this.depths = depthsOf(scene);
    this.preview?.load(scene);
  }

  /** @param {Record<string, any>} settings @param {string} focus @param {number} view */
  draw(settings, focus, view) {
    if (this.scene && this.preview) this.drawWith(this.preview, this.scene, settings, focus, view);
  }

  /** @param {Preview} preview @param {Scene} scene @param {Record<string, any>} settings @param {string} focus @param {number} view */
  drawWith(preview, scene, settings, focus, view) {
    const {schema} = this, off = settings.aperture === 'off';
    if (scene.kind === 'picture') {
      preview.draw({perUnit: 0, far: 0, near: 0, limit: 1, tilt: [0, 0], pivot: [0, 0], axial: 0}, shapeOf(settings), 1, off ? VIEWS.lens : VIEWS.picture);
      return;
    }
    const {tilt, tilt_direction, axial} = settings, chosen = {lens: settings.lens, aperture: settings.aperture, nearest: settings.nearest ?? null, focus, tilt, tilt_direction, axial};
    const lens = chooseLens(chosen, schema.lenses, scene.taken), ends = endsOf(scene, focus);
    const short = Math.min(scene.width, scene.height), [least, most] = this.depths ?? [0, 1];
    const blur = scene.kind === 'map'
      ? blurOfMap(lens, scene.taken, chosen, ends, {metric: scene.metric, least, most, short, largest: schema.largest, nearest: schema.nearest})
      : blurOfSubject(lens, scene.taken, ends, short, schema.largest, chosen);
    const gain = off ? 1 : settings.highlights ?? 1 + (schema.gain - 1) * scene.lamps;
    preview.draw(blur, shapeOf(settings), gain, view);
  }

  /**
   * Presets on this photo, small, one after the other while nothing else is to be done.
   * @param {Record<string, {settings: Record<string, any>}>} presets @param {Record<string, any>} plain
   */
  async *thumbnails(presets, plain) {
    if (!this.scene || !this.preview) return;
    const scene = await smaller(this.scene, THUMBNAIL_PX), {schema} = this;
    this.small ??= new Preview(new OffscreenCanvas(1, 1));
    this.small.load(scene);
    for (const [name, {settings}] of Object.entries(presets)) {
      await new Promise(next => setTimeout(next, 30));
      const f = schema.lenses[settings.lens ?? plain.lens].f_number;
      this.drawWith(this.small, scene, {...plain, aperture: f, ...settings}, settings.focus ?? 'auto', VIEWS.lens);
      yield /** @type {[string, CanvasImageSource]} */ ([name, this.small.canvas]);
    }
  }
}

/** @param {Record<string, any>} settings @returns {import('./optics.js').Aperture} */
export function shapeOf({blades, roundness, rotate, ring, squeeze, vignette, rim = 0}) {
  return {blades: blades === 1 || blades === 2 ? 3 : blades, roundness, rotate, ring, squeeze, vignette, rim};
}

/** @param {Scene} scene @param {number} side @returns {Promise<Scene>} */
async function smaller(scene, side) {
  const share = Math.min(1, side / Math.max(scene.width, scene.height));
  const width = Math.round(scene.width * share), height = Math.round(scene.height * share);
  const picture = (/** @type {ImageBitmap} */ whole) => createImageBitmap(whole, {resizeWidth: width, resizeHeight: height, resizeQuality: 'high'});
  /** @template {Uint8Array|Uint16Array|Float32Array} T @param {T} whole @returns {T} */
  const plane = whole => {
    const found = /** @type {T} */ (new (/** @type {any} */ (whole.constructor))(width * height));
    for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
      const from = Math.floor((row + 0.5) / share) * scene.width + Math.floor((column + 0.5) / share);
      found[row * width + column] = whole[from];
    }
    return found;
  };
  return {
    ...scene, width, height, photo: await picture(scene.photo), behind: scene.behind && await picture(scene.behind),
    matte: scene.matte && plane(scene.matte), lampsAt: plane(scene.lampsAt), half: scene.half && plane(scene.half),
    disparity: scene.disparity && plane(scene.disparity),
  };
}
