// The application: photos in, the lens in real time, files out.
// @ts-check

import {Brush} from './brush.js';
import {History} from './history.js';
import {Looks} from './looks.js';
import {nearestStop} from './optics.js';
import {Panel, fill, make} from './panel.js';
import {VIEWS} from './preview.js';
import * as server from './engine.js';
import {Stage, placeRing, wireSeam} from './stage.js';
import {Tasks} from './tasks.js';
import {wire} from './wiring.js';

/**
 * @typedef {import('./server.js').Photo & {key: number, url: string, output: string, scenes: Map<string, import('./scene.js').Scene>,
 *   kind: string, failed: boolean, done: boolean}} Entry
 * @typedef {{settings: Record<string, any>, preset: string, focus: Record<string, string>, keep: number,
 *   strokes?: Record<string, import('./brush.js').Stroke[]>}} State
 */

const SETTLE_MS = 450, SCENES = 4;
const part = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const sheet = part('sheet'), exact = part('exact'), before = part('before'), rings = [part('ring'), part('ring-end')], stop = part('stop');

export class Application {
  /** @param {any} schema */
  constructor(schema) {
    this.schema = schema;
    /** @type {Entry[]} */
    this.photos = [];
    /** @type {?Entry} */
    this.entry = null;
    this.count = 0;
    this.view = 'lens';
    this.loaded = /** @type {?import('./scene.js').Scene} */ (null);
    this.tasks = new Tasks((words, bad) => this.say(words, bad));
    this.history = new History(/** @type {State} */ ({settings: this.plain(), preset: 'plain', focus: {}, keep: 0}));
    this.looks = new Looks(part('preview'), schema);
    this.stage = new Stage(part('stage'), sheet, {
      tap: (x, y, moving, end) => this.focusOn(`${x.toFixed(4)},${y.toFixed(4)}`, moving, end),
      zoomed: () => this.zoomed(), hold: on => this.hold(on),
    });
    this.panel = new Panel(part('controls'), schema, {
      change: (name, value, moving) => this.change({[name]: value}, moving ? name : ''),
      preset: name => this.usePreset(name), focus: where => this.focusOn(where, false),
      keep: stop => this.keepSharp(stop),
      range: on => (on ? this.update() : this.focusOn(this.ends[0], false)),
      giveMap: () => part('map').click(), dropMap: () => this.giveMap(null),
    });
    this.brush = new Brush(this);
    this.showSeam = wireSeam(part('seam-line'), before, sheet);
    stop.max = schema.stops.length - 1;
    for (const words of ['off', 8, 2.8, 1.4, 1]) {
      const at = schema.stops.indexOf(words) / (schema.stops.length - 1);
      const mark = make('span', {textContent: words === 'off' ? 'off' : `f/${words}`});
      mark.style.left = `calc(10px + ${at} * (100% - 20px))`;  // Where the handle's middle is.
      part('ends').append(mark);
    }
    this.update();
  }

  /** Settings where nothing is set: the lens's own f-number. */
  plain() {
    /** @type {Record<string, any>} */
    const found = {};
    for (const option of this.schema.options) found[option.name] = option.default;
    delete found.focus;
    found.aperture = nearestStop(this.schema.stops, this.schema.lenses[found.lens].f_number);
    return found;
  }

  get state() { return this.history.now; }
  get focus() { return this.entry ? this.focusOf(this.entry) : 'auto'; }

  /** What is sharp in a photo: a place, two, or one with the f-number whose depth of field stays. @param {Entry} entry */
  focusOf(entry) {
    const {focus, keep} = this.state, places = focus[entry.key] ?? 'auto';
    return keep && !places.includes(':') ? `${places}@f/${keep}` : places;
  }

  /** @param {string} words @param {boolean} [bad] */
  say(words, bad = false) {
    const line = part('said');
    line.textContent = words;
    line.classList.toggle('bad', bad);
    line.setAttribute('role', bad ? 'alert' : 'status');
  }

  /** @param {Iterable<File>} files @param {?File} [depth] */
  open(files, depth = null) {
    const given = [...files].map(file => /** @type {Entry} */ ({
      file, depth, id: null, depthId: null, focus: 'auto', key: this.count++, url: URL.createObjectURL(file), output: '',
      scenes: new Map(), kind: '', failed: false, done: false,
    }));
    if (!given.length) return;
    this.photos.push(...given);
    this.strip();
    this.choose(given[0]);
  }

  strip() {
    const strip = part('strip');
    strip.hidden = this.photos.length < 2;
    strip.replaceChildren(...this.photos.map(entry => {
      const picture = make('img', {src: entry.url, alt: ''});
      const button = make('button', {title: entry.file.name, 'aria-label': entry.file.name, 'aria-current': String(entry === this.entry)}, [picture]);
      for (const name of /** @type {const} */ (['done', 'failed'])) button.classList.toggle(name, entry[name]);
      button.addEventListener('click', () => this.choose(entry));
      return button;
    }));
    part('download').textContent = this.photos.length > 1 ? `Download ${this.photos.length}` : 'Download';
  }

  /** The places between which all is sharp; one, if focus is no range. */ get ends() { return this.focus.split('@')[0].split(':'); }

  /** @param {Entry} entry */
  async choose(entry) {
    this.entry = entry;
    this.strip();
    this.stopSettling();
    const scene = entry.scenes.get(this.brush.sceneKey(entry, this.ends[0])) ?? entry.scenes.get('auto');
    if (scene) { this.shown(entry, scene); return; }
    await this.tasks.work(`Looking at ${entry.file.name}`, async signal => {
      const found = await this.fetchScene(entry, 'auto', signal);
      if (this.entry === entry) this.shown(entry, found);
    }, error => { if (error) { entry.failed = true; this.remove(entry); } });
  }

  /** @param {Entry} entry a photo that cannot be opened */
  remove(entry) {
    this.photos = this.photos.filter(each => each !== entry);
    URL.revokeObjectURL(entry.url);
    if (this.entry === entry) this.entry = null;
    this.strip();
    if (!this.entry && this.photos.length && !sheet.hidden) this.entry = this.photos[0];
  }

  /** @param {Entry} entry @param {string} focus @param {AbortSignal} [signal] */
  async fetchScene(entry, focus, signal) {
    const settings = this.depthSettings();
    const {scene, output} = await server.scene(this.sent(entry, focus), settings, signal);
    entry.output = output;
    entry.kind = scene.kind;
    entry.scenes.set(this.brush.sceneKey(entry, focus), scene);
    if (entry.scenes.size > SCENES) entry.scenes.delete([...entry.scenes.keys()].find(key => key !== 'auto') ?? '');
    return scene;
  }

  /** An entry as it is sent, with that focus; ids that the server gives are kept in the entry. @param {Entry} entry @param {string} focus @returns {import('./server.js').Photo} */
  sent(entry, focus) {
    return {
      file: entry.file, depth: entry.depth, focus, strokes: this.brush.of(entry), get id() { return entry.id; }, set id(value) { entry.id = value; },
      get depthId() { return entry.depthId; }, set depthId(value) { entry.depthId = value; },
    };
  }

  depthSettings() {
    const {settings} = this.state;
    return Object.fromEntries(['depth_kind', 'depth_unit', 'invert'].map(name => [name, settings[name]]));
  }

  /** @param {Entry} entry @param {import('./scene.js').Scene} scene */
  shown(entry, scene) {
    const other = this.drawn !== entry;
    this.drawn = entry;
    part('welcome').hidden = true;
    sheet.hidden = false;
    if (other) {
      exact.hidden = true;
      this.stage.open(scene.size);
      this.showBefore(entry);
    }
    this.looks.load(this.loaded = scene);
    this.update();
    this.draw();
    if (other) this.thumbnails();
    this.settle();
  }

  /** @param {Entry} entry */
  async showBefore(entry) {
    before.src = entry.url;
    try {
      await before.decode();
    } catch {  // A format that this browser does not read: as the server shows it.
      const blob = await server.render(this.sent(entry, 'auto'), {aperture: 'off', side: this.schema.shown}).catch(() => null);
      if (blob && this.entry === entry) before.src = URL.createObjectURL(blob);
    }
  }

  /** @param {?File} file */
  giveMap(file) {
    const entry = this.entry;
    if (!entry) return;
    entry.depth = file;
    entry.depthId = null;
    entry.scenes.clear();
    this.drawn = null;
    this.choose(entry);
  }

  /** @param {Record<string, any>} values @param {string} [of] */
  change(values, of = '') {
    const state = this.state;
    Object.assign(state.settings, values);
    state.preset = '';
    this.history.push(state, of);
    this.changed(Object.keys(values).some(name => name in this.depthSettings()));
  }

  /** @param {string} name */
  usePreset(name) {
    const state = this.state, preset = this.schema.presets[name]?.settings ?? {};
    const {focus, ...values} = preset;
    const lens = values.lens ?? this.plain().lens;
    state.settings = {...this.plain(), aperture: nearestStop(this.schema.stops, this.schema.lenses[lens].f_number), ...values};
    state.settings.aperture = nearestStop(this.schema.stops, state.settings.aperture);
    state.preset = name;
    if (this.entry && focus) state.focus[this.entry.key] = focus;
    else if (this.entry && ['near', 'far'].includes(this.ends[0])) state.focus[this.entry.key] = 'auto';
    this.history.push(state);
    this.changed(false);
  }

  /** @param {string} where @param {boolean} moving @param {boolean} [end] whether it is the other end of a range */
  focusOn(where, moving, end = false) {
    const entry = this.entry;
    if (!entry || !entry.scenes.size || entry.kind === 'picture') return;
    const state = this.state;
    state.focus[entry.key] = end || this.panel.spanning ? `${this.ends[0]}:${where}` : where;
    if (this.schema.presets[state.preset]?.settings.focus) state.preset = '';
    this.history.push(state, moving ? 'focus' : this.history.merged === 'focus' ? 'focus' : '');
    if (!moving) this.history.settle();
    this.changed(false);
  }

  /** @param {number} stop the f-number whose depth of field stays about one place, 0 for the aperture's own */
  keepSharp(stop) {
    const state = this.state;
    state.keep = stop;
    this.panel.spanning = false;
    if (this.entry) state.focus[this.entry.key] = this.ends[0];
    this.history.push(state);
    this.changed(false);
  }

  /** @param {boolean} scene whether another map is read */
  changed(scene) {
    this.update();
    if (scene && this.entry) { this.entry.scenes.clear(); this.drawn = null; this.choose(this.entry); return; }
    if (this.looks.preview) exact.hidden = true;  // Else it stays until the next is there.
    this.draw();
    this.settle();
  }

  /** @param {-1|1} step */
  go(step) {
    this.history.go(step);
    this.changed(false);
  }

  update() {
    const {settings, preset} = this.state, entry = this.entry, open = !!entry?.scenes.size;
    const fixed = entry?.kind === 'picture', words = settings.aperture === 'off' ? 'off' : `f/${settings.aperture}`;
    stop.value = this.schema.stops.indexOf(settings.aperture);
    stop.disabled = !open;
    document.body.classList.toggle('open', open);
    fill(stop, 0);
    stop.setAttribute('aria-valuetext', words.replace('/', ' '));
    part('stop-words').textContent = words;
    this.panel.update(settings, preset, this.ends, this.state.keep, {map: entry?.kind === 'map', fixed, open});
    this.panel.showMap?.(entry?.depth?.name ?? null, entry?.kind === 'map' && !entry?.depth, fixed);
    for (const id of ['hold', 'seam', 'depth-view', 'matte-view', 'zoom', 'download']) part(id).disabled = !open;
    part('depth-view').disabled = !open || fixed || !this.looks.preview;
    part('matte-view').disabled = !open || entry?.kind !== 'subject' || !this.looks.preview;
    part('brush').disabled = part('matte-view').disabled || part('brush').hidden;
    part('undo').disabled = !this.history.canUndo;
    part('redo').disabled = !this.history.canRedo;
    for (const view of ['depth', 'matte']) part(`${view}-view`).setAttribute('aria-pressed', String(this.view === view));
    rings.forEach((ring, end) => placeRing(ring, open ? this.ends[end] : undefined));
  }

  /** What the lens's settings are for this photo: none where the model's look is fixed. @param {Entry} entry */
  settingsFor(entry) {
    const {settings} = this.state;
    if (entry.kind !== 'picture') return settings;
    return settings.aperture === 'off' ? {aperture: 'off'} : {grain: settings.grain};
  }

  draw() {
    cancelAnimationFrame(this.frame ?? 0);
    this.frame = requestAnimationFrame(() => {
      if (!this.entry?.scenes.size) return;
      const start = performance.now();
      this.looks.draw(this.state.settings, this.focus, VIEWS[/** @type {'lens'} */ (this.view)]);
      performance.measure('preview', {start});
    });
  }

  stopSettling() {
    clearTimeout(this.settling);
    this.asked?.abort();
  }

  /** Once nothing moves: what a closer look says of the point in focus, and the picture as the file will be. */
  settle() {
    this.stopSettling();
    this.settling = window.setTimeout(() => this.finish(), SETTLE_MS);
  }

  async finish() {
    const entry = this.entry;
    if (!entry?.scenes.size) return;
    const asked = this.asked = new AbortController(), focus = this.focus, [start] = this.ends;
    try {
      const found = entry.scenes.get(this.brush.sceneKey(entry, start)) ?? (entry.kind === 'subject' && await this.fetchScene(entry, start, asked.signal));
      if (asked.signal.aborted || this.entry !== entry) return;
      if (found && found !== this.loaded) { this.looks.load(this.loaded = found); this.draw(); }
      if (!this.brush.stroke) this.brush.draw();
      if (this.view !== 'lens') return;
      const wanted = Math.max(...this.stage.size) * (this.stage.scale || this.stage.fit) * devicePixelRatio;
      const whole = this.stage.zoomed && wanted > this.schema.shown && /\.(jpe?g|png|webp|avif)$/i.test(entry.output);
      const side = whole ? undefined : Math.round(Math.min(this.schema.shown, Math.max(wanted, this.schema.screen)));
      this.say(whole ? 'Drawing the real pixels …' : '');
      const blob = await server.render(this.sent(entry, focus), {...this.settingsFor(entry), side}, asked.signal);
      const picture = new Image(), url = URL.createObjectURL(blob);
      picture.src = url;
      await picture.decode();
      if (asked.signal.aborted || this.entry !== entry) return;
      URL.revokeObjectURL(exact.src);
      exact.src = url;
      exact.hidden = this.view !== 'lens';
      this.say(this.words(entry));
    } catch (error) {
      if (!asked.signal.aborted) this.say(/** @type {Error} */ (error).message, true);
    }
  }

  /** @param {Entry} entry */
  words(entry) {
    const [width, height] = this.stage.size, {aperture} = this.state.settings;
    const size = `${entry.file.name}, ${width} × ${height} px`;
    if (aperture === 'off') return `${size}: the photo as it is.`;
    return entry.kind === 'picture' ? `${size}: by the model, whose look is fixed.` : `${size}: f/${aperture}.`;
  }

  async thumbnails() {
    const entry = this.entry;
    if (!entry || entry.kind === 'picture') return;
    for await (const [name, picture] of this.looks.thumbnails({plain: {settings: {}}, ...this.schema.presets}, this.plain())) {
      if (this.entry !== entry) return;
      this.panel.thumbnails?.[name]?.getContext('2d')?.drawImage(picture, 0, 0, 144, 108);
    }
  }

  /** @param {'depth'|'matte'} view */
  toggleView(view) {
    this.view = this.view === view ? 'lens' : view;
    exact.hidden = true;
    this.say({lens: '', depth: 'Yellow is near, black far; blue stripes are in focus.', matte: 'In colour: what is taken for the subject.'}[this.view] ?? '');
    this.update();
    this.draw();
    this.settle();
  }

  zoomed() {
    part('zoom').setAttribute('aria-pressed', String(this.stage.zoomed));
    this.settle();
  }

  /** @param {boolean} on */
  hold(on) {
    if (!this.entry) return;
    if (part('seam-line').hidden) { before.hidden = !on; } else { before.style.visibility = on ? 'hidden' : ''; }
  }

  toggleSeam() {
    const on = part('seam-line').hidden;
    before.hidden = !on;
    this.showSeam(on);
    part('seam').setAttribute('aria-pressed', String(on));
  }
}

try {
  const app = new Application(await server.schema());
  wire(app);
  app.say('');
  document.documentElement.dataset.ready = 'true';
} catch (error) {
  part('said').textContent = /** @type {Error} */ (error).message;
  part('said').classList.add('bad');
}
