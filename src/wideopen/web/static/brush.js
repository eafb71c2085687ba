// The brush: what a hand says of what the model took for the subject, wrongly.
// @ts-check

/**
 * @typedef {{kind: 'keep'|'give', points: [number, number][], radius: number}} Stroke
 * @typedef {{begin: (x: number, y: number) => void, move: (x: number, y: number) => void, end: () => void, cancel: () => void}} Paints
 */

const COLOURS = {keep: '#2ecc40', give: '#ff4136'}, STEP = 0.01;
const part = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** @implements {Paints} */
export class Brush {
  /** @param {import('./main.js').Application} app */
  constructor(app) {
    this.app = app;
    this.on = false;
    /** @type {'keep'|'give'} */
    this.kind = 'keep';
    /** @type {?Stroke} */
    this.stroke = null;
    /** @type {[number, number]} where the keyboard paints */
    this.place = [0.5, 0.5];
    for (const kind of /** @type {('keep'|'give')[]} */ (['keep', 'give'])) part(kind).addEventListener('click', () => this.choose(kind));
    part('brush-size').addEventListener('input', () => this.showTip());
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
    if ((this.app.view === 'matte') !== this.on) this.app.toggleView('matte');
    if (this.on) {
      this.app.say('Paint the middle of what is wrong; it spreads by itself.');
      part('stage').focus();
      this.showTip();
    }
  }

  /** @param {'keep'|'give'} kind */
  choose(kind) {
    if (part(kind).hidden) return;
    this.kind = kind;
    for (const each of ['keep', 'give']) part(each).setAttribute('aria-pressed', String(each === kind));
    this.showTip();
  }

  showTip() {
    const size = 2 * Number(part('brush-size').value);
    Object.assign(part('brush-tip').style, {
      left: `${100 * this.place[0]}%`, top: `${100 * this.place[1]}%`, width: `${size}px`, height: `${size}px`, borderColor: COLOURS[this.kind],
    });
  }

  /** @param {number} x @param {number} y */
  begin(x, y) {
    const far = x < 0 || x > 1 || y < 0 || y > 1;
    this.stroke = far ? null : {kind: this.kind, points: [[x, y]], radius: this.radius};
    this.draw();
  }

  /** @param {number} x @param {number} y */
  move(x, y) {
    if (!this.stroke) return;
    const last = this.stroke.points[this.stroke.points.length - 1], {size} = this.app.stage, longer = Math.max(...size);
    const next = /** @type {[number, number]} */ ([Math.max(0, Math.min(1, x)), Math.max(0, Math.min(1, y))]);
    this.place = next;
    this.showTip();
    if (Math.hypot((next[0] - last[0]) * size[0], (next[1] - last[1]) * size[1]) < longer * this.stroke.radius / 4) return;
    this.stroke.points.push(next);
    this.draw();
  }

  end() {
    const {app, stroke} = this, entry = app.entry;
    this.stroke = null;
    if (!stroke || !entry) return;
    const state = app.state, round = (/** @type {number} */ value) => Number(value.toFixed(5));
    const points = /** @type {[number, number][]} */ (stroke.points.map(point => point.map(round)));
    state.strokes = {...state.strokes, [entry.key]: [...this.of(entry), {...stroke, points, radius: round(stroke.radius)}]};
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
    pen.lineWidth = 2 * stroke.radius * Math.max(canvas.width, canvas.height);
    pen.beginPath();
    for (const [x, y] of [stroke.points[0], ...stroke.points]) pen.lineTo(x * canvas.width, y * canvas.height);
    pen.stroke();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.on || event.target !== part('stage') || event.shiftKey || event.ctrlKey || event.metaKey) return;
    const steps = /** @type {Record<string, [number, number]>} */ ({ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]});
    const step = steps[event.key], size = part('brush-size');
    if (step) {
      this.place = /** @type {[number, number]} */ (this.place.map((at, axis) => Math.max(0, Math.min(1, at + STEP * step[axis]))));
      if (this.stroke) this.move(...this.place);
    } else if (event.key === 'Enter') {  // Begins a line that the arrows draw, and ends it.
      if (this.stroke) this.end(); else this.begin(...this.place);
    } else if (event.key === 'Escape') {
      if (this.stroke) this.cancel(); else this.toggle();
    } else if (event.key === '[') size.value -= 2;
    else if (event.key === ']') size.value = Number(size.value) + 2;
    else if (event.key === 'k') this.choose('keep');
    else if (event.key === 'g') this.choose('give');
    else return;
    this.showTip();
    event.preventDefault();
    event.stopPropagation();
  }
}
