// The lens in real time: WebGL 2 draws a scene's layers, each blurred in the aperture's shape.
//
// light      everything but the subject, and the subject, in linear light; lamps raised
// gather     each pixel the mean over its disc, in copies of the whole, the half and the quarter size by its radius
// compose    the subject over everything else
// @ts-check

import {spread} from './optics.js';
import {depthsOf} from './scene.js';
import {COMPOSE, GATHER, LIGHT, POINTS, VERTEX} from './shaders.js';

/** @typedef {import('./scene.js').Scene} Scene */
/** @typedef {{texture: WebGLTexture, frame: WebGLFramebuffer, width: number, height: number}} Target */

/** Points on a disc of up to 1.4, 2.6, 3.8 and more px of the copy that it is sampled in. */
export const FINE = [10, 18, 36, 60], ROUGH = [6, 10, 16, 24];
/** Radii drawn at the whole, the half and the quarter size; they overlap where one goes over into the other. */
const SPANS = [[0, 6], [4, 21], [15, 1e9]];
export const VIEWS = {lens: 0, depth: 1, matte: 2, picture: 3};

export class Preview {
  /** @param {HTMLCanvasElement|OffscreenCanvas} canvas @param {number[]} [counts] `FINE` or `ROUGH` */
  constructor(canvas, counts = FINE) {
    this.counts = counts;
    this.canvas = canvas;
    const gl = /** @type {?WebGL2RenderingContext} */ (
      canvas.getContext('webgl2', {alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true}));
    if (!gl) throw new Error('This browser has no WebGL 2.');
    this.gl = gl;
    if (!gl.getExtension('EXT_color_buffer_float')) gl.getExtension('EXT_color_buffer_half_float');
    this.programs = {light: this.program(LIGHT), gather: this.program(GATHER), compose: this.program(COMPOSE)};
    this.shape = '';
    /** @type {?Scene} */
    this.scene = null;
    /** @type {Record<string, WebGLTexture>} */
    this.planes = {};
    /** @type {Target[]} */
    this.targets = [];
    gl.bindVertexArray(gl.createVertexArray());
  }

  /** Whether this browser can draw previews. */
  static works() {
    const gl = document.createElement('canvas').getContext('webgl2');
    return !!gl && !!(gl.getExtension('EXT_color_buffer_float') || gl.getExtension('EXT_color_buffer_half_float'));
  }

  /** @param {string} source */
  program(source) {
    const gl = this.gl, program = /** @type {WebGLProgram} */ (gl.createProgram());
    for (const [kind, text] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, source]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? 'shader');
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program');
    /** @type {Record<string, WebGLUniformLocation>} */
    const places = {};
    for (let index = 0; index < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); index++) {
      const name = /** @type {WebGLActiveInfo} */ (gl.getActiveUniform(program, index)).name.replace('[0]', '');
      places[name] = /** @type {WebGLUniformLocation} */ (gl.getUniformLocation(program, name));
    }
    return {program, places};
  }

  /** @param {Scene} scene */
  load(scene) {
    const gl = this.gl, {width, height} = scene;
    this.release();
    this.scene = scene;
    this.depths = depthsOf(scene);
    this.canvas.width = width;
    this.canvas.height = height;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    const one = new Uint8Array([0]);
    this.planes = {
      photo: this.picture(scene.photo),
      behind: this.picture(scene.behind ?? scene.photo),
      drawn: this.picture(scene.drawn ?? scene.photo),
      matte: this.plane(gl.R8, gl.UNSIGNED_BYTE, scene.matte ?? one, scene.matte ? width : 1, scene.matte ? height : 1),
      lamps: this.plane(gl.R8, gl.UNSIGNED_BYTE, scene.lampsAt, width, height),
      disparity: scene.half ? this.plane(gl.R16F, gl.HALF_FLOAT, scene.half, width, height)
        : this.plane(gl.R8, gl.UNSIGNED_BYTE, one, 1, 1),
    };
    const small = (/** @type {number} */ level) => [Math.ceil(width / 2 ** level), Math.ceil(height / 2 ** level)];
    this.targets = [0, 0, 0, 1, 2, 0].map((level, index) => this.target(small(level)[0], small(level)[1], index < 2));
  }

  release() {
    const gl = this.gl;
    for (const texture of Object.values(this.planes)) gl.deleteTexture(texture);
    for (const target of this.targets) { gl.deleteTexture(target.texture); gl.deleteFramebuffer(target.frame); }
    this.planes = {};
    this.targets = [];
  }

  /** @param {number} filter */
  texture(filter) {
    const gl = this.gl, texture = /** @type {WebGLTexture} */ (gl.createTexture());
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.MIRRORED_REPEAT);
    return texture;
  }

  /** @param {ImageBitmap} picture */
  picture(picture) {
    const gl = this.gl, texture = this.texture(gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.SRGB8_ALPHA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    return texture;
  }

  /** @param {number} kind @param {number} type @param {ArrayBufferView} values @param {number} width @param {number} height */
  plane(kind, type, values, width, height) {
    const gl = this.gl, texture = this.texture(gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, kind, width, height, 0, gl.RED, type, values);
    return texture;
  }

  /** @param {number} width @param {number} height @param {boolean} copies whether smaller copies are kept */
  target(width, height, copies) {
    const gl = this.gl, texture = this.texture(copies ? gl.LINEAR_MIPMAP_NEAREST : gl.LINEAR);
    gl.texStorage2D(gl.TEXTURE_2D, copies ? Math.floor(Math.log2(Math.max(width, height))) + 1 : 1, gl.RGBA16F, width, height);
    const frame = /** @type {WebGLFramebuffer} */ (gl.createFramebuffer());
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    return {texture, frame, width, height};
  }

  /**
   * @param {{program: WebGLProgram, places: Record<string, WebGLUniformLocation>}} pass
   * @param {?Target} target @param {Record<string, WebGLTexture>} textures @param {Record<string, number|number[]>} values
   */
  run(pass, target, textures, values) {
    const gl = this.gl;
    gl.useProgram(pass.program);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target && target.frame);
    gl.viewport(0, 0, target?.width ?? this.canvas.width, target?.height ?? this.canvas.height);
    Object.entries(textures).forEach(([name, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(pass.places[name] ?? null, unit);
    });
    for (const [name, value] of Object.entries(values)) {
      const place = pass.places[name] ?? null;
      if (typeof value === 'number') gl.uniform1f(place, value);
      else if (value.length === 2) gl.uniform2f(place, value[0], value[1]);
      else gl.uniform4f(place, value[0], value[1], value[2], value[3]);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** @param {import('./optics.js').Aperture} aperture */
  useShape(aperture) {
    const key = JSON.stringify(aperture);
    if (key === this.shape) return;
    this.shape = key;
    const gl = this.gl, values = new Float32Array(2 * POINTS), sets = [];
    let at = 0;
    for (const count of this.counts) {
      const points = spread(aperture, count).slice(0, POINTS - at);
      sets.push(at, at + points.length);
      values.set(points.flat(), 2 * at);
      at += points.length;
    }
    const {program, places} = this.programs.gather;
    gl.useProgram(program);
    gl.uniform4fv(places.points, values);
    gl.uniform2iv(places.sets, sets);
  }

  /**
   * Draw a frame.
   * @param {import('./optics.js').Blur} blur @param {import('./optics.js').Aperture} aperture
   * @param {number} gain brightness of clipped lamps @param {number} [view] one of `VIEWS`
   */
  draw(blur, aperture, gain, view = VIEWS.lens) {
    const scene = this.scene;
    if (!scene) return;
    const gl = this.gl, size = [scene.width, scene.height], {planes, programs} = this;
    const [light, front, near0, near1, near2, subject] = this.targets;
    const lens = [blur.perUnit, blur.far, blur.own, blur.limit], {near} = blur, {disparity} = planes;
    if (view === VIEWS.lens) {
      this.useShape(aperture);
      const [low, high] = this.depths ?? [0, 0], least = blur.perUnit * Math.max(blur.far - low, high - near, 0);
      const sources = {photo: planes.photo, behind: planes.behind, matte: planes.matte, lamps: planes.lamps, disparity};
      const copies = (/** @type {Target} */ target, /** @type {number} */ share) => {
        this.run(programs.light, target, sources, {size, lens, near, gain, subject: share});
        gl.bindTexture(gl.TEXTURE_2D, target.texture);
        gl.generateMipmap(gl.TEXTURE_2D);
      };
      copies(light, 0);
      [near0, near1, near2].forEach((target, level) => {
        if (level && least < SPANS[level][0]) {
          gl.bindFramebuffer(gl.FRAMEBUFFER, target.frame);
          gl.clearBufferfv(gl.COLOR, 0, [0, 0, 0, 0]);
        } else {
          this.run(programs.gather, target, {light: light.texture, disparity},
            {size, lens, near, level, only: 0, span: SPANS[level], vignette: aperture.vignette});
        }
      });
      copies(front, 1);
      if (scene.matte && Math.abs(blur.own) > 0.5) {
        this.run(programs.gather, subject, {light: front.texture, disparity},
          {size, lens, near, level: 0, only: 1, span: [0, 1e9], vignette: aperture.vignette});
      }
    }
    const top = scene.matte && Math.abs(blur.own) > 0.5 ? subject : front;
    this.run(programs.compose, null, {
      near0: near0.texture, near1: near1.texture, near2: near2.texture, subject: top.texture,
      photo: planes.photo, matte: planes.matte, drawn: planes.drawn, disparity,
    }, {size, lens, near, view, depths: this.depths ?? [0, 1]});
  }

  /** Wait until all is drawn, for measuring. */
  finish() {
    const pixel = new Uint8Array(4);
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, pixel);
  }
}
