// The package's model, run by ONNX Runtime Web: the counterpart of scene/model.py.
// @ts-check

import {cutAround, refineAt, splitInstances} from './closer.js';
import {NOBODY} from './crew.js';
import {mirrored, plane, resizePicture, fit, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane @typedef {import('./planes.js').Picture} Picture */
/** @typedef {{matte: Plane, relative: Plane}} Places opacity of the subject; disparity of everything else, less its own */
/** @typedef {{multiple: number, working_side: number, mirrored: boolean}} About */

/** @param {string} path @param {(share: number) => void} [tell] @returns {Promise<Uint8Array>} */
export async function load(path, tell) {
  const answer = await fetch(path);
  if (!answer.ok || !answer.body) throw new Error(`${path} is missing from this site (${answer.status}).`);
  const total = Number(answer.headers.get('content-length')) || Infinity, reader = answer.body.getReader(), parts = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    tell?.(Math.min(1, (length += part.value.length) / total));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {Uint8Array} data packed by gzip, but where the web space said so and the browser unpacked it @returns {Promise<ArrayBuffer>} */
function unpacked(data) {
  const blob = new Blob([/** @type {BlobPart} */ (data)]);
  return data[0] === 0x1f ? new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer() : blob.arrayBuffer();
}

/** Mean of two opacities as odds: who is sure counts more. @param {number} a @param {number} b */
function agreed(a, b) {
  const odds = Math.sqrt([a, b].reduce((product, each) => {
    const sure = Math.max(1e-4, Math.min(1 - 1e-4, each));
    return product * sure / (1 - sure);
  }, 1));
  return unit((odds / (1 + odds) - 1e-4) / (1 - 2e-4));
}

export class Network {
  /** @param {any} ort @param {any} session @param {About} about */
  constructor(ort, session, about) { this.ort = ort; this.session = session; this.about = about; }

  /** @param {About} about @param {number} threads if the page is isolated, one else and at least @param {(path: string) => string} place addresses of the runtime and the model @param {(share: number) => void} [tell] */
  static async load(about, threads, place, tell) {
    const [ort, runtime, model] = await Promise.all([
      import(place('alone/ort.wasm.bundle.min.mjs')), load(place('alone/ort-wasm-simd-threaded.wasm.gz')), load(place('default.onnx'), tell),
    ]);
    ort.env.wasm.wasmBinary = await unpacked(runtime);
    ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.max(1, threads) : 1;
    return new Network(ort, await ort.InferenceSession.create(model, {executionProviders: ['wasm']}), about);
  }

  /**
   * A photo, or a part of one, as the network is shown it.
   * @param {Picture} photo of any size @param {import('./crew.js').Crew} [crew] @param {Transferable[]} [given] as of `Crew.do` @returns {Promise<Picture>}
   */
  shown(photo, crew = NOBODY, given = []) {
    const [width, height] = fit(photo.width, photo.height, this.about.working_side);
    return crew.do(resizePicture, [photo, width, height], given);
  }

  /** What the network says of a photo, or of a part of one. @param {Picture} small of `shown` @returns {Promise<Places>} */
  async look(small) {
    const {width, height} = small;
    const wide = Math.ceil(width / this.about.multiple) * this.about.multiple, tall = Math.ceil(height / this.about.multiple) * this.about.multiple;
    const views = this.about.mirrored ? 2 : 1, size = wide * tall, shown = new Float32Array(views * 3 * size);
    for (let row = 0; row < tall; row++) for (let column = 0; column < wide; column++) {
      const from = 4 * (mirrored(row, height) * width + mirrored(column, width));
      for (let channel = 0; channel < 3; channel++) {
        const value = small.data[from + channel] / 255;
        shown[channel * size + row * wide + column] = value;
        if (views === 2) shown[(3 + channel) * size + row * wide + wide - 1 - column] = value;
      }
    }
    const said = await this.session.run({photo: new this.ort.Tensor('float32', shown, [views, 3, tall, wide])}, ['matte', 'relative']);
    const found = {matte: plane(width, height), relative: plane(width, height)}, [matte, relative] = [said.matte.data, said.relative.data];
    for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
      const here = row * wide + column, there = size + row * wide + wide - 1 - column, at = row * width + column;
      // One view goes through the odds, too, as it does in Python.
      found.matte.data[at] = agreed(matte[here], matte[views === 2 ? there : here]);
      found.relative.data[at] = views === 2 ? (relative[here] + relative[there]) / 2 : relative[here];
    }
    return found;
  }
}

/**
 * What is where in a photo, with a place in focus.
 * @param {Network} network @param {Picture} photo @param {string} focus `auto`, or X,Y as shares of width and height @param {import('./crew.js').Crew} crew
 *   makes parts smaller while the network runs @param {Map<string, import('./scene.js').Places>} [known] by focus, which is added to
 * @returns {Promise<import('./scene.js').Places>}
 */
export async function placesAt(network, photo, focus, crew, known = new Map()) {
  const point = focus === 'auto' ? null : /** @type {[number, number]} */ (focus.split(',').map(Number));
  const parts = point ? cutAround(photo, point).map(part => network.shown(part, crew, [part.data.buffer])) : [];
  let found = known.get('auto');
  if (!found) known.set('auto', found = {...await network.look(await network.shown(photo)), focus: 0});
  if (!point) return found;
  const seen = [], whole = crew.do(splitInstances, [found.matte, found.relative]);
  for (const part of parts) seen.push(await network.look(await part));
  known.set(focus, found = refineAt(await whole, point, seen));
  return found;
}
