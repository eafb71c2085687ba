// Settings on a scene: what the preview is to draw.
// @ts-check

import {blurOfMap, blurOfSubject, chooseLens} from './optics.js';
import {Preview, ROUGH, VIEWS} from './preview.js';
import {depthsOf, endsOf} from './scene.js';

/** @typedef {import('./scene.js').Scene} Scene */

const THUMBNAIL_PX = 192, DRAFT_PX = 480, LEAST_PX = 200, FRAME_MS = 60, REST_MS = 150;

export class Looks {
  /**
   * @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} draft for frames while something moves, where the whole
   *   size would be too slow @param {any} schema
   */
  constructor(canvas, draft, schema) {
    this.schema = schema;
    /** @type {?Preview} none where the browser has no WebGL 2: then all that is seen comes from the server */
    this.preview = Preview.works() ? new Preview(canvas) : null;
    this.canvas = draft;
    /** @type {?Scene} the same, smaller, for drafts */
    this.rough = null;
    /** @type {?Preview} */
    this.drafts = null;
    /** @type {?Preview} for thumbnails */
    this.small = null;
    /** @type {?number} long side of drafts, once it is known; infinite where whole frames are fast enough */
    this.side = null;
  }

  /** @param {Scene} scene */
  load(scene) {
    this.scene = scene;
    this.depths = depthsOf(scene);
    this.preview?.load(scene);
    this.fresh = true;
    this.rough = null;
    this.canvas.hidden = true;
    if (this.preview && scene.kind !== 'picture') this.prepare(scene);
  }

  /** Find out how long a frame takes here, and how small one has to be to follow a finger. @param {Scene} scene */
  async prepare(scene) {
    this.drafts ??= new Preview(this.canvas, ROUGH);
    const blur = {perUnit: 12, far: 0, near: 0, own: 0, limit: 100};
    let side = this.side ?? DRAFT_PX;
    if (!this.side) {
      this.drafts.load(await smaller(scene, side));
      let took = 0;
      for (let round = 0; round < 2; round++) {  // The first one compiles.
        const start = performance.now();
        this.drafts.draw(blur, shapeOf({blades: 0, roundness: 0, rotate: 0, ring: 0, squeeze: 1, vignette: 0}), 1);
        this.drafts.finish();
        took = performance.now() - start;
      }
      const whole = took * (Math.max(scene.width, scene.height) / side) ** 2;
      side = whole <= FRAME_MS ? Infinity : Math.max(LEAST_PX, Math.min(DRAFT_PX, side * Math.sqrt(FRAME_MS / took)));
      this.side = side;
    }
    if (side === Infinity) return;
    const rough = await smaller(scene, side);
    if (this.scene !== scene) return;
    this.drafts.load(rough);
    this.rough = rough;
  }

  /**
   * Draw now what can be drawn at once, and the whole when nothing moves any more.
   * @param {Record<string, any>} settings @param {string} focus @param {number} view
   */
  draw(settings, focus, view) {
    if (!this.scene || !this.preview) return;
    clearTimeout(this.later);
    const whole = () => {
      if (this.scene && this.preview) this.drawWith(this.preview, this.scene, settings, focus, view);
      this.canvas.hidden = true;
    };
    if (this.fresh || !this.rough || !this.drafts || view !== VIEWS.lens) { this.fresh = false; whole(); return; }
    this.drawWith(this.drafts, this.rough, settings, focus, view);
    this.canvas.hidden = false;
    this.later = window.setTimeout(whole, REST_MS);
  }

  /** @param {Preview} preview @param {Scene} scene @param {Record<string, any>} settings @param {string} focus @param {number} view */
  drawWith(preview, scene, settings, focus, view) {
    const {schema} = this, off = settings.aperture === 'off';
    if (scene.kind === 'picture') {
      preview.draw({perUnit: 0, far: 0, near: 0, own: 0, limit: 1}, shapeOf(settings), 1, off ? VIEWS.lens : VIEWS.picture);
      return;
    }
    const chosen = {lens: settings.lens, aperture: settings.aperture, nearest: settings.nearest ?? null, focus};
    const lens = chooseLens(chosen, schema.lenses, scene.taken), ends = endsOf(scene, focus);
    const short = Math.min(scene.width, scene.height), [least, most] = this.depths ?? [0, 1];
    const blur = scene.kind === 'map'
      ? blurOfMap(lens, scene.taken, chosen, ends, {metric: scene.metric, least, most, short, largest: schema.largest, nearest: schema.nearest})
      : blurOfSubject(lens, scene.taken, ends, short, schema.largest);
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
      this.drawWith(this.small, scene, {...plain, aperture: f, ...settings}, 'auto', VIEWS.lens);
      yield /** @type {[string, CanvasImageSource]} */ ([name, this.small.canvas]);
    }
  }
}

/** @param {Record<string, any>} settings @returns {import('./optics.js').Aperture} */
export function shapeOf({blades, roundness, rotate, ring, squeeze, vignette}) {
  return {blades: blades === 1 || blades === 2 ? 3 : blades, roundness, rotate, ring, squeeze, vignette};
}

/** @param {Scene} scene @param {number} side @returns {Promise<Scene>} */
async function smaller(scene, side) {
  const share = Math.min(1, side / Math.max(scene.width, scene.height));
  const width = Math.round(scene.width * share), height = Math.round(scene.height * share);
  const picture = (/** @type {ImageBitmap} */ whole) => createImageBitmap(whole, {resizeWidth: width, resizeHeight: height, resizeQuality: 'high'});
  /** @template {Uint8Array|Uint16Array} T @param {T} whole @returns {T} */
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
  };
}
