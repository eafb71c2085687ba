// The brush: what a hand says of what the model took for the subject, wrongly.
// @ts-check

/**
 * @typedef {'keep'|'give'|'depth'|'also'} Kind
 * @typedef {{kind: Kind, points: [number, number][], radius?: number, softness?: number}} Stroke `also` has points alone
 * @typedef {{begin: (x: number, y: number) => void, move: (x: number, y: number) => void, end: () => void, cancel: () => void}} Paints
 */

/** @type {Record<Kind, string>} */
const COLOURS = {keep: '#2ecc40', give: '#ff4136', depth: '#ffb000', also: '#39c0ff'};
/** @type {Record<string, Kind>} */
const KEYS = {k: 'keep', g: 'give', d: 'depth', t: 'also'};
const KINDS = Object.values(KEYS), STEP = 0.01;
const HINTS = {
  keep: 'Paint the middle of what is wrong; it spreads by itself.', give: 'Paint the middle of what is wrong; it spreads by itself.',
  depth: 'Draw over a thing, and end the line on what lies as far away.', also: 'Tap a thing, or draw a frame around it, to keep it sharp, too.',
};
/** Narrower frames are taps: a share of width and height. */
const FRAME = 0.02;
const part = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** @implements {Paints} */
export class Brush {
  /** @param {import('./main.js').Application} app */
  constructor(app) {
    this.app = app;
    this.on = false;
    /** @type {Kind} */
    this.kind = 'keep';
    /** @type {?Stroke} */
    this.stroke = null;
    /** @type {[number, number]} where the keyboard paints */
    this.place = [0.5, 0.5];
    part('also').hidden = !!app.schema.model;  // Where the browser is alone nobody looks closer; the panel says so.
    for (const kind of KINDS) part(kind).addEventListener('click', () => this.choose(kind));
    for (const bar of ['brush-size', 'brush-softness']) part(bar).addEventListener('input', () => this.showTip());
    part('brush-done').addEventListener('click', () => this.toggle());
    part('stage').addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
      if (this.on && event.pointerType !== 'touch') { this.place = app.stage.at(event); this.showTip(); }
    });
    // Before the stage's own keys: arrows move the brush in place of the focus.
    part('stage').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.key(event), {capture: true});
  }

  /** @param {import('./main.js').Entry} entry @returns {Stroke[]} */
  of(entry) { return this.app.state.strokes?.[entry.key] ?? []; }

  /** What a scene is known by. @param {import('./main.js').Entry} entry @param {string} focus */
  sceneKey(entry, focus) { return this.of(entry).length ? `${focus} ${JSON.stringify(this.of(entry))}` : focus; }

  get radius() {
    const {stage} = this.app;
    return Math.min(0.5, Number(part('brush-size').value) / (Math.max(...stage.size) * (stage.scale || stage.fit)));
  }

  toggle() {
    this.on = !this.on;
    part('brush').setAttribute('aria-pressed', String(this.on));
    part('brush-bar').hidden = part('brush-tip').hidden = !this.on;
    this.app.stage.paints = this.on ? this : null;
    if (this.on) {
      this.show();
      part('stage').focus();
    } else if (this.app.view !== 'lens') this.app.toggleView(/** @type {'depth'|'matte'} */ (this.app.view));
  }

  /** @param {Kind} kind */
  choose(kind) {
    if (part(kind).hidden) return;
    this.kind = kind;
    for (const each of KINDS) part(each).setAttribute('aria-pressed', String(each === kind));
    this.show();
  }

  /** What a stroke of this kind changes, and what to do. */
  show() {
    const view = this.kind === 'depth' ? 'depth' : 'matte';
    if (this.app.view !== view) this.app.toggleView(view);
    this.app.say(HINTS[this.kind]);
    this.showTip();
  }

  showTip() {
    const size = this.kind === 'also' ? 8 : 2 * Number(part('brush-size').value), solid = 100 - Number(part('brush-softness').value);
    Object.assign(part('brush-tip').style, {
      left: `${100 * this.place[0]}%`, top: `${100 * this.place[1]}%`, width: `${size}px`, height: `${size}px`, borderColor: COLOURS[this.kind],
      background: this.kind === 'also' ? '' : `radial-gradient(closest-side, ${COLOURS[this.kind]}30 ${solid}%, transparent)`,
    });
  }

  /** @param {number} x @param {number} y */
  begin(x, y) {
    const far = x < 0 || x > 1 || y < 0 || y > 1;
    const softness = Number(part('brush-softness').value) / 100;
    this.stroke = far ? null : this.kind === 'also' ? {kind: 'also', points: [[x, y]]}
      : {kind: this.kind, points: [[x, y]], radius: this.radius, ...softness && {softness}};
    this.draw();
  }

  /** @param {number} x @param {number} y */
  move(x, y) {
    if (!this.stroke) return;
    const last = this.stroke.points[this.stroke.points.length - 1], {size} = this.app.stage, longer = Math.max(...size);
    const next = /** @type {[number, number]} */ ([Math.max(0, Math.min(1, x)), Math.max(0, Math.min(1, y))]);
    this.place = next;
    this.showTip();
    if (this.stroke.kind === 'also') this.stroke.points = [this.stroke.points[0], next];
    else if (Math.hypot((next[0] - last[0]) * size[0], (next[1] - last[1]) * size[1]) < longer * (this.stroke.radius ?? 0) / 4) return;
    else this.stroke.points.push(next);
    this.draw();
  }

  end() {
    const {app, stroke} = this, entry = app.entry;
    this.stroke = null;
    if (!stroke || !entry) return;
    const state = app.state, round = (/** @type {number} */ value) => Number(value.toFixed(5));
    const points = /** @type {[number, number][]} */ (stroke.points.map(point => point.map(round)));
    if (stroke.kind === 'also' && isTap(points)) points.length = 1;
    if (stroke.radius) stroke.radius = round(stroke.radius);
    state.strokes = {...state.strokes, [entry.key]: [...this.of(entry), {...stroke, points}]};
    app.history.push(state);
    app.changed(false);
    app.stopSettling();  // A brush is followed at once.
    app.finish();
  }

  cancel() { this.stroke = null; this.draw(); }

  /** What is being painted, until the matte that comes of it is there. */
  draw() {
    const canvas = part('painted'), {stroke} = this, [width, height] = this.app.stage.size;
    const shrink = Math.min(1, 1600 / Math.max(width, height));
    canvas.width = Math.round(width * shrink);
    canvas.height = Math.round(height * shrink);
    if (!stroke) return;
    const pen = canvas.getContext('2d');
    pen.strokeStyle = COLOURS[stroke.kind];
    pen.globalAlpha = 0.6;
    pen.lineCap = pen.lineJoin = 'round';
    pen.lineWidth = stroke.radius ? 2 * stroke.radius * Math.max(canvas.width, canvas.height) : 3;
    if (stroke.kind === 'also') {
      const [[left, top], [right, bottom]] = [stroke.points[0], stroke.points[1] ?? stroke.points[0]];
      pen.strokeRect(left * canvas.width, top * canvas.height, (right - left) * canvas.width, (bottom - top) * canvas.height);
      return;
    }
    pen.beginPath();
    for (const [x, y] of [stroke.points[0], ...stroke.points]) pen.lineTo(x * canvas.width, y * canvas.height);
    pen.stroke();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.on || event.target !== part('stage') || event.shiftKey && !'{}'.includes(event.key) || event.ctrlKey || event.metaKey) return;
    const steps = /** @type {Record<string, [number, number]>} */ ({ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]});
    const step = steps[event.key], size = part('brush-size'), softness = part('brush-softness');
    if (step) {
      this.place = /** @type {[number, number]} */ (this.place.map((at, axis) => Math.max(0, Math.min(1, at + STEP * step[axis]))));
      if (this.stroke) this.move(...this.place);
    } else if (event.key === 'Enter') {  // Begins a line that the arrows draw, and ends it.
      if (this.stroke) this.end(); else this.begin(...this.place);
    } else if (event.key === 'Escape') {
      if (this.stroke) this.cancel(); else this.toggle();
    } else if (event.key === '[') size.value -= 2;
    else if (event.key === ']') size.value = Number(size.value) + 2;
    else if (event.key === '{') softness.value -= 10;
    else if (event.key === '}') softness.value = Number(softness.value) + 10;
    else if (event.key in KEYS && !part(KEYS[event.key]).hidden) this.choose(KEYS[event.key]);
    else return;
    this.showTip();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {[number, number][]} points */
function isTap(points) {
  const [[left, top], [right, bottom]] = [points[0], points[1] ?? points[0]];
  return Math.min(Math.abs(right - left), Math.abs(bottom - top)) < FRAME;
}
