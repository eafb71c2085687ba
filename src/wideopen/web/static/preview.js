// The lens in real time: WebGL 2 draws a scene's layers, each blurred in the aperture's shape.
//
// light      once for a scene: everything but the subject, and the subject, in linear light, lamps raised, at half size
// gather     each pixel the mean over its disc, at a half, a quarter or an eighth of the size by its radius
// compose    small blurs at full size, and the subject over everything else
// @ts-check

import {spread} from './optics.js';
import {depthsOf} from './scene.js';
import {COPY, JOIN, LEVELS, LIGHT, POINTS, VERTEX, VIEW, compose, gather, spanOf} from './shaders.js';

/** @typedef {import('./scene.js').Scene} Scene */
/** @typedef {{texture: WebGLTexture, frames: WebGLFramebuffer[], width: number, height: number}} Target */

/** Points on a disc of up to 1.4, 2.2, 2.8 and more px of the size that it is sampled in. */
const COUNTS = [7, 12, 18, 24];
const TILE_PX = 32;
const UNCUT = /** @type {const} */ (['gather', 'own']), CUT = /** @type {const} */ (['gatherCut', 'ownCut']);
export const VIEWS = {lens: 0, depth: 1, matte: 2, picture: 3};

export class Preview {
  /** @param {HTMLCanvasElement|OffscreenCanvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    const gl = /** @type {?WebGL2RenderingContext} */ (
      canvas.getContext('webgl2', {alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true}));
    if (!gl) throw new Error('This browser has no WebGL 2.');
    this.gl = gl;
    const floats = gl.getExtension('EXT_color_buffer_float'), about = gl.getExtension('WEBGL_debug_renderer_info');
    if (!floats) gl.getExtension('EXT_color_buffer_half_float');
    // Software rendering converts every half that it reads, which takes longer than to read twice as much.
    const slow = /SwiftShader|llvmpipe|software|basic render/i.test(about ? gl.getParameter(about.UNMASKED_RENDERER_WEBGL) : '');
    this.singles = slow && !!floats && !!gl.getExtension('OES_texture_float_linear');
    const each = (/** @type {boolean} */ cut) => ({gather: gather(false, cut), own: gather(true, cut), compose: compose(false, cut), blurred: compose(true, cut)});
    const {gather: gatherCut, own: ownCut, compose: composeCut, blurred: blurredCut} = each(true);
    const sources = {join: JOIN, light: LIGHT, copy: COPY, view: VIEW, ...each(false), gatherCut, ownCut, composeCut, blurredCut};
    this.sources = sources;
    /** Those that were needed so far. @type {Partial<Record<keyof typeof sources, ReturnType<Preview['program']>>>} */
    this.programs = {};
    this.shape = '';
    this.gain = 0;
    /** @type {?Scene} */
    this.scene = null;
    /** @type {Record<string, WebGLTexture>} */
    this.planes = {};
    /** @type {Record<string, Target>} */
    this.targets = {};
    gl.bindVertexArray(gl.createVertexArray());
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.vertexAttribDivisor(0, 1);
    gl.vertexAttrib4f(0, 0, 0, 1, 1);
    this.tiles = {open: 0, seen: 0, all: 0};
    this.copied = false;  // Whether what is nothing but a sharp subject is on the canvas already.
    /** Those that are drawn on the canvas. @type {[boolean, boolean, boolean]} */
    this.colours = [true, true, true];
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
    this.copied = false;
    this.gain = 0;
    this.depths = depthsOf(scene);
    this.canvas.width = width;
    this.canvas.height = height;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    const none = this.plane(gl.R8, gl.UNSIGNED_BYTE, new Uint8Array([0]), 1, 1);
    const matte = scene.matte ? this.plane(gl.R8, gl.UNSIGNED_BYTE, scene.matte, width, height) : none;
    this.planes = {
      none, matte, photo: this.picture(scene.photo), drawn: scene.drawn ? this.picture(scene.drawn) : none,
      behind: scene.behind ? this.picture(scene.behind) : none,
      lamps: this.plane(gl.R8, gl.UNSIGNED_BYTE, scene.lampsAt, width, height),
      disparity: this.singles && scene.disparity ? this.plane(gl.R32F, gl.FLOAT, scene.disparity, width, height)
        : scene.half ? this.plane(gl.R16F, gl.HALF_FLOAT, scene.half, width, height) : none,
    };
    const light = this.singles ? gl.RGBA32F : gl.RGBA16F;
    const [small, low] = [width, height].map(side => Math.max(1, side >> 1)), whole = Math.floor(Math.log2(Math.max(small, low))) + 1;
    this.targets = {
      photo: this.target(width, height, gl.RGBA8, 1), light: this.target(small, low, light, whole),
      rest: this.target(small, low, gl.RGBA8, LEVELS, true),
      ...scene.matte && {behind: this.target(width, height, gl.RGBA8, 1), own: this.target(small, low, light, whole), subject: this.target(small, low, gl.RGBA8, LEVELS)},
    };
    const {places, ...counts} = tilesOf(scene);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    this.tiles = counts;
    this.run('join', this.targets.photo, {picture: this.planes.photo, matte}, {});
    if (scene.matte) this.run('join', this.targets.behind, {picture: this.planes.behind, matte: none}, {});
  }

  release() {
    const gl = this.gl;
    for (const texture of new Set(Object.values(this.planes))) gl.deleteTexture(texture);
    for (const {texture, frames} of Object.values(this.targets)) {
      gl.deleteTexture(texture);
      for (const frame of frames) gl.deleteFramebuffer(frame);
    }
    this.planes = {};
    this.targets = {};
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
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    return texture;
  }

  /** @param {number} kind @param {number} type @param {ArrayBufferView} values @param {number} width @param {number} height */
  plane(kind, type, values, width, height) {
    const gl = this.gl, texture = this.texture(gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, kind, width, height, 0, gl.RED, type, values);
    return texture;
  }

  /** @param {number} width @param {number} height @param {number} kind @param {number} levels how many sizes, each half the one before
   * @param {boolean} [mixed] whether two sizes are mixed where it is read */
  target(width, height, kind, levels, mixed = false) {
    const gl = this.gl, copies = levels > LEVELS;  // Made by the browser.
    const texture = this.texture(levels === 1 ? gl.LINEAR : mixed ? gl.LINEAR_MIPMAP_LINEAR : gl.LINEAR_MIPMAP_NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, levels, kind, width, height);
    const frames = [...Array(copies ? 1 : levels).keys()].map(level => {
      const frame = /** @type {WebGLFramebuffer} */ (gl.createFramebuffer());
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, level);
      return frame;
    });
    return {texture, frames, width, height};
  }

  /**
   * @param {keyof Preview['programs']} name @param {?Target} target @param {Record<string, WebGLTexture>} textures
   * @param {Record<string, number|number[]>} values @param {number} [level] of the target
   * @param {?[number, number]} [tiles] the first of them, and the one after the last; the whole picture if not given
   */
  run(name, target, textures, values, level = 0, tiles = null) {
    const gl = this.gl, {program, places} = this.programs[name] ??= this.program(this.sources[name]);
    const size = [target?.width ?? this.canvas.width, target?.height ?? this.canvas.height].map(side => Math.max(1, side >> level));
    gl.useProgram(program);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target && target.frames[level]);
    gl.viewport(0, 0, size[0], size[1]);
    gl.colorMask(.../** @type {[boolean, boolean, boolean]} */ (target ? [true, true, true] : this.colours), true);
    Object.entries(textures).forEach(([each, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(places[each] ?? null, unit);
    });
    for (const [each, value] of Object.entries({size, target: size, turned: target ? 1 : -1, ...values})) {
      const place = places[each] ?? null;
      if (typeof value === 'number') gl.uniform1f(place, value);
      else if (value.length === 2) gl.uniform2f(place, value[0], value[1]);
      else gl.uniform4f(place, value[0], value[1], value[2], value[3]);
    }
    if (tiles) {
      gl.enableVertexAttribArray(0);
      gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 0, 16 * tiles[0]);
    } else gl.disableVertexAttribArray(0);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, tiles ? tiles[1] - tiles[0] : 1);
  }

  /** @param {import('./optics.js').Aperture} aperture */
  useShape(aperture) {
    const key = JSON.stringify(aperture), cut = aperture.vignette > 0;
    if (key === this.shape) return;
    this.shape = key;
    const gl = this.gl, {squeeze} = aperture, values = new Float32Array(4 * POINTS), sets = [];
    let at = 0;
    for (const count of COUNTS) {
      const points = spread(aperture, count).slice(0, POINTS - at);
      sets.push(at, at + points.length);
      for (const [x, y] of points) {
        const rim = 2 * Math.min((x * Math.max(squeeze, 1)) ** 2 + (y / Math.min(squeeze, 1)) ** 2, 1) - 1;
        values.set([x, y, rim], 4 * at++);
      }
    }
    for (const name of cut ? CUT : UNCUT) {
      const {program, places} = this.programs[name] ??= this.program(this.sources[name]);
      gl.useProgram(program);
      gl.uniform4fv(places.points, values);
      gl.uniform2iv(places.sets, sets);
    }
  }

  /** The light of everything but the subject, and of the subject, in ever smaller copies. @param {number} gain */
  useGain(gain) {
    if (gain === this.gain) return;
    this.gain = gain;
    const gl = this.gl, {photo, behind, none, matte, lamps} = this.planes, {light, own} = this.targets;
    const make = (/** @type {Target} */ target, /** @type {WebGLTexture} */ picture, /** @type {number} */ subject) => {
      this.run('light', target, {picture, matte, lamps}, {gain, subject});
      gl.bindTexture(gl.TEXTURE_2D, target.texture);
      gl.generateMipmap(gl.TEXTURE_2D);
    };
    make(light, behind === none ? photo : behind, 0);
    if (own) make(own, photo, 1);
  }

  /**
   * Draw a frame.
   * @param {import('./optics.js').Blur} blur @param {import('./optics.js').Aperture} aperture
   * @param {number} gain brightness of clipped lamps @param {number} [view] one of `VIEWS`
   */
  draw(blur, aperture, gain, view = VIEWS.lens) {
    const scene = this.scene;
    if (!scene) return;
    const size = [scene.width, scene.height], {planes, targets} = this, {disparity} = planes, photo = targets.photo.texture;
    const {perUnit, far, near, limit, tilt: [right, down], pivot} = blur, depths = this.depths ?? [0, 0];
    const lens = {size, lens: [perUnit, far, near, limit], lean: [right, down, ...pivot], vignette: aperture.vignette, axial: 0};
    if (view !== VIEWS.lens) {
      this.copied = false;
      this.colours = [true, true, true];
      this.run('view', null, {photo, disparity, drawn: planes.drawn}, {...lens, view, depths});
      return;
    }
    this.useShape(aperture);
    this.useGain(gain);
    if (!blur.axial) { this.drawColours([true, true, true], blur, aperture, lens); return; }
    this.drawColours([false, true, false], blur, aperture, lens);
    this.drawColours([true, false, true], blur, aperture, {...lens, axial: blur.axial});
  }

  /**
   * The lens's picture, of some colours. @param {[boolean, boolean, boolean]} colours
   * @param {import('./optics.js').Blur} blur @param {import('./optics.js').Aperture} aperture @param {Record<string, any> & {axial: number}} lens what all programs are told
   */
  drawColours(colours, {perUnit, far, near, tilt: [right, down]}, aperture, lens) {
    const scene = /** @type {Scene} */ (this.scene), {size, axial} = lens, {planes, targets} = this, {disparity} = planes, photo = targets.photo.texture;
    const depths = this.depths ?? [0, 0];
    this.colours = colours;
    const leaning = Math.abs(right) * size[0] + Math.abs(down) * size[1];
    const cut = Math.sqrt(Math.max(1 - aperture.vignette, 0.1));
    const beside = leaning + Math.abs(axial), radii = (/** @type {number[]} */ [low, high]) => [  // The least and the largest that there can be.
      cut * Math.max(perUnit * (far - high), perUnit * (low - near), 0) - beside, Math.max(perUnit * (far - low), perUnit * (high - near), 0) + beside,
    ];
    const blurred = !!scene.matte && radii([0, 0])[1] - Math.abs(axial) > 0.4, {open, seen, all} = this.tiles;
    const barrel = aperture.vignette > 0, drawSizes = (/** @type {'gather'|'own'|'gatherCut'|'ownCut'} */ name, /** @type {Target} */ target, /** @type {Target} */ light, /** @type {number[]} */ [least, most]) => {
      for (let level = 0; level < LEVELS; level++) {
        const span = spanOf(level);
        if (most < span[0] || least >= span[1]) continue;
        this.run(name, target, {light: light.texture, disparity}, {...lens, level, span, rim: aperture.rim ?? 0}, level, [0, blurred ? all : seen]);
      }
    };
    drawSizes(barrel ? 'gatherCut' : 'gather', targets.rest, targets.light, radii(depths));
    if (blurred) drawSizes(barrel ? 'ownCut' : 'own', targets.subject, targets.own, radii([0, 0]));
    const textures = {photo, disparity, rest: targets.rest.texture};
    if (blurred) this.run(barrel ? 'blurredCut' : 'blurred', null, {...textures, fine: targets.behind.texture, subject: targets.subject.texture}, lens);
    else {
      this.run(barrel ? 'composeCut' : 'compose', null, textures, lens, 0, [0, open]);
      if (open < all && !this.copied) this.run('copy', null, {photo}, lens, 0, [open, all]);
    }
    this.copied = !blurred && colours.every(Boolean);
  }

  /** Wait until all is drawn, for measuring. */
  finish() {
    const pixel = new Uint8Array(4);
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, pixel);
  }
}

/**
 * Rectangles of tiles of a picture, as left, top, right and bottom in shares of its sides: first those in which more than
 * the subject is seen, then those around which such lie, then all others. As few as may be: each costs.
 * @param {Scene} scene @returns {{places: Float32Array<ArrayBuffer>, open: number, seen: number, all: number}}
 */
function tilesOf({width, height, matte}) {
  const [across, down] = [width, height].map(side => Math.ceil(side / TILE_PX)), open = new Uint8Array(across * down).fill(matte ? 0 : 1);
  matte?.forEach((value, at) => { if (value < 254) open[Math.floor(at / width / TILE_PX) * across + Math.floor(at % width / TILE_PX)] = 1; });
  const kinds = Array.from(open, (one, at) => {
    const row = Math.floor(at / across), column = at % across;
    return one ? 0 : [-1, 0, 1].some(y => [-1, 0, 1].some(x => column + x >= 0 && column + x < across && open[(row + y) * across + column + x])) ? 1 : 2;
  });
  /** @type {number[][][]} */
  const groups = [[], [], []];
  for (let row = 0; row < down; row++) for (let column = 0; column < across;) {
    const kind = kinds[row * across + column], left = column;
    while (column < across && kinds[row * across + column] === kind) column++;
    const above = groups[kind].find(each => each[0] === left && each[2] === column && each[3] === row);
    if (above) above[3]++; else groups[kind].push([left, row, column, row + 1]);
  }
  const [first, second, third] = groups.map(group => group.length);
  const shares = groups.flat().flatMap(ends => ends.map((end, axis) => Math.min(1, end * TILE_PX / (axis % 2 ? height : width))));
  return {places: new Float32Array(shares), open: first, seen: first + second, all: first + second + third};
}
