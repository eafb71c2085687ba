// The photo on the screen: where it lies, zoom, pan, taps, before and after.
// @ts-check

/**
 * @typedef {{tap: (x: number, y: number, moving: boolean, end: boolean) => void, zoomed: (real: boolean) => void,
 *   hold: (on: boolean) => void}} Does
 */

const MOVED_PX = 6, HOLD_MS = 450, PAD = 12;

export class Stage {
  /** @param {HTMLElement} home @param {HTMLElement} sheet @param {Does} does */
  constructor(home, sheet, does) {
    this.home = home;
    this.sheet = sheet;
    this.does = does;
    this.size = [1, 1];
    this.scale = 0;  // CSS px for each px of the photo; 0 is as large as fits.
    this.left = this.top = 0;
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    /** @type {?import('./brush.js').Paints} what a single pointer does, if it is not to focus or pan */
    this.paints = null;
    home.addEventListener('pointerdown', event => this.down(event));
    home.addEventListener('pointermove', event => this.move(event));
    for (const end of ['pointerup', 'pointercancel']) home.addEventListener(end, event => this.up(/** @type {PointerEvent} */ (event)));
    home.addEventListener('wheel', event => this.wheel(event), {passive: false});
    home.addEventListener('contextmenu', event => { if (this.held) event.preventDefault(); });
    new ResizeObserver(() => this.place()).observe(home);
  }

  /** @param {[number, number]} size of the photo in px */
  open(size) {
    this.size = size;
    this.scale = 0;
    this.place();
  }

  get fit() {
    return Math.min((this.home.clientWidth - 2 * PAD) / this.size[0], (this.home.clientHeight - 2 * PAD) / this.size[1]);
  }

  get real() { return 1 / devicePixelRatio; }

  get zoomed() { return this.scale > this.fit * 1.01; }

  place() {
    const scale = this.scale || this.fit, [width, height] = this.size.map(side => side * scale);
    const {clientWidth, clientHeight} = this.home;
    const held = (/** @type {number} */ at, /** @type {number} */ side, /** @type {number} */ room) =>
      side <= room ? (room - side) / 2 : Math.min(0, Math.max(room - side, at));
    this.left = held(this.left, width, clientWidth);
    this.top = held(this.top, height, clientHeight);
    Object.assign(this.sheet.style, {width: `${width}px`, height: `${height}px`, transform: `translate(${this.left}px, ${this.top}px)`});
  }

  /** @param {number} scale @param {number} [x] @param {number} [y] the place of the stage that stays where it is */
  zoom(scale, x = this.home.clientWidth / 2, y = this.home.clientHeight / 2) {
    const before = this.scale || this.fit, next = Math.max(this.fit, Math.min(scale, 4 * Math.max(this.real, this.fit)));
    this.left = x - (x - this.left) * next / before;
    this.top = y - (y - this.top) * next / before;
    this.scale = next <= this.fit * 1.001 ? 0 : next;
    this.place();
    this.does.zoomed(this.zoomed);
  }

  toggleReal() { this.zoom(this.zoomed ? 0 : Math.max(this.real, this.fit * 1.5)); }

  /** @param {number} x @param {number} y in CSS px */
  pan(x, y) { this.left += x; this.top += y; this.place(); }

  /** @param {{clientX: number, clientY: number}} event @returns {[number, number]} shares of width and height */
  at(event) {
    const box = this.sheet.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (this.sheet.hidden || /** @type {Element} */ (event.target).closest('#seam-line, #welcome') || event.button > 0) return;
    this.home.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.moved = this.pointers.size > 1;
    clearTimeout(this.waiting);
    if (this.paints) {
      if (this.moved) this.paints.cancel(); else this.paints.begin(...this.at(event));
    } else if (this.pointers.size === 1 && event.pointerType !== 'mouse') {
      this.waiting = window.setTimeout(() => { if (!this.moved) { this.held = true; this.does.hold(true); } }, HOLD_MS);
    }
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) {
      const [one, other] = [...this.pointers.values()], next = event.pointerId === one.pointerId ? [event, other] : [one, event];
      const far = (/** @type {PointerEvent[]} */ pair) => Math.hypot(pair[0].clientX - pair[1].clientX, pair[0].clientY - pair[1].clientY);
      const box = this.home.getBoundingClientRect();
      const x = (next[0].clientX + next[1].clientX) / 2 - box.left, y = (next[0].clientY + next[1].clientY) / 2 - box.top;
      this.zoom((this.scale || this.fit) * far(next) / Math.max(far([one, other]), 1), x, y);
      this.pointers.set(event.pointerId, event);
      return;
    }
    if (this.paints) {
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.paints.move(...this.at(each));
      return;
    }
    const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (!this.moved && Math.hypot(x, y) < MOVED_PX) return;
    clearTimeout(this.waiting);
    if (this.held) return;
    this.moved = true;
    if (this.zoomed) { this.pan(x, y); this.pointers.set(event.pointerId, event); } else this.tap(event, true);
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    clearTimeout(this.waiting);
    if (this.held) { this.held = false; this.does.hold(false); return; }
    if (this.paints) { if (event.type === 'pointerup') this.paints.end(); else this.paints.cancel(); return; }
    if (event.type === 'pointerup' && !(this.moved && this.zoomed) && !this.pointers.size && !this.pinched) this.tap(event, false);
    this.pinched = this.pointers.size > 0;
  }

  /** @param {PointerEvent} event @param {boolean} moving */
  tap(event, moving) {
    const [x, y] = this.at(event);
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) this.does.tap(x, y, moving, event.shiftKey);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (this.sheet.hidden) return;
    event.preventDefault();
    const box = this.home.getBoundingClientRect();
    this.zoom((this.scale || this.fit) * Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }
}

/** @param {HTMLElement} ring @param {string} [place] X,Y as shares; anything else hides the ring */
export function placeRing(ring, place) {
  ring.hidden = !place?.includes(',');
  const [left, top] = (place ?? '').split(',').map(share => `${100 * Number(share)}%`);
  if (!ring.hidden) Object.assign(ring.style, {left, top});
}

/**
 * The line between before and after.
 * @param {HTMLElement} line @param {HTMLElement} before @param {HTMLElement} sheet
 */
export function wireSeam(line, before, sheet) {
  let at = 50;
  const set = (/** @type {number} */ next) => {
    at = Math.max(0, Math.min(100, next));
    line.style.left = `${at}%`;
    line.setAttribute('aria-valuenow', String(Math.round(at)));
    if (!line.hidden) before.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
  };
  line.addEventListener('pointerdown', event => { line.setPointerCapture(event.pointerId); event.stopPropagation(); });
  line.addEventListener('pointermove', event => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = sheet.getBoundingClientRect();
    set(100 * (event.clientX - box.left) / box.width);
  });
  line.addEventListener('keydown', event => {
    const step = {ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, Home: -100, End: 100}[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    set(at + step);
  });
  return (/** @type {boolean} */ on) => {
    line.hidden = !on;
    before.style.clipPath = '';
    if (on) set(at);
  };
}
