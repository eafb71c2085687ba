// The controls beside the photo, made from what the server says of its options.
// @ts-check

import {passes} from './optics.js';

/**
 * @typedef {{name: string, panel: string, help: string, kind: string, choices: string[], default: any,
 *   span: ?[number, number, number]}} Option
 * @typedef {{change: (name: string, value: any, moving: boolean) => void, preset: (name: string) => void,
 *   focus: (where: string) => void, range: (on: boolean) => void, keep: (stop: number) => void, giveMap: () => void, dropMap: () => void}} Does
 */

const GROUPS = [
  {title: 'Aperture shape', names: ['roundness', 'rotate', 'squeeze', 'ring', 'vignette', 'rim']},
  {title: 'Light', names: ['highlights', 'grain']},
  {title: 'Lens', names: ['lens', 'axial', 'tilt', 'tilt_direction']},
  {title: 'File', names: ['hdr', 'quality', 'strip']},
];
/** @type {Record<string, string>} */
const LABELS = {
  roundness: 'Round blades', rotate: 'Turn', squeeze: 'Squeeze', ring: 'Mirror lens', vignette: 'Cat’s eyes', rim: 'Rim', axial: 'Axial colour', tilt: 'Tilt', tilt_direction: 'Tilt toward',
  highlights: 'Lamps', grain: 'Grain', lens: 'Focal length', quality: 'Quality', hdr: 'HDR', strip: 'Without metadata', depth_kind: 'Values are', depth_unit: 'Metres a unit',
  invert: 'The other way round', nearest: 'Nearest thing (m)',
};
const BLADES = [0, 3, 5, 6, 7, 8, 9];
const DEGREES = ['rotate', 'tilt', 'tilt_direction'];
/** What the browser alone has not, and who has. */
const LEFT_OUT = 'Runs in this browser alone, without further subjects: wideopen serve has them.';
/** Options whose slider begins somewhere although nothing is set. */
const UNSET = /** @type {Record<string, number>} */ ({highlights: 4, quality: 95});

/**
 * @param {string} tag @param {Record<string, any>} [fields] @param {(Node|string)[]} [inside]
 * @returns {any}
 */
export function make(tag, fields = {}, inside = []) {
  const part = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name.includes('-') || name === 'for' || name === 'role') part.setAttribute(name, value);
    else Object.assign(part, {[name]: value});
  }
  part.append(...inside);
  return part;
}

/** Colour a slider from where it rests to where it is. @param {HTMLInputElement} bar @param {number} rest */
export function fill(bar, rest) {
  const [from, to] = [rest, Number(bar.value)].map(value => 100 * (value - Number(bar.min)) / (Number(bar.max) - Number(bar.min))).sort((a, b) => a - b);
  bar.style.setProperty('--from', `${from}%`);
  bar.style.setProperty('--to', `${to}%`);
}

/** An aperture as a small picture. @param {Partial<import('./optics.js').Aperture>} shape */
export function shapePicture(shape) {
  const whole = {blades: 0, roundness: 0, rotate: 0, ring: 0, squeeze: 1, vignette: 0, ...shape};
  let path = '';
  for (let turn = 0; turn < 120; turn++) {
    const angle = turn * Math.PI / 60;
    let radius = 1;
    while (radius > 0.05 && !passes({...whole, ring: 0}, radius * Math.sin(angle), radius * Math.cos(angle))) radius -= 0.01;
    path += `${turn ? 'L' : 'M'}${(13 + 12 * radius * Math.sin(angle)).toFixed(2)} ${(13 - 12 * radius * Math.cos(angle)).toFixed(2)}`;
  }
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 26 26');
  svg.setAttribute('aria-hidden', 'true');
  const part = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  part.setAttribute('d', `${path}Z`);
  svg.append(part);
  return svg;
}

export class Panel {
  /** @param {HTMLElement} home @param {any} schema @param {Does} does */
  constructor(home, schema, does) {
    this.schema = schema;
    this.does = does;
    this.spanning = false;  // Whether taps set the other end of a range.
    /** @type {Record<string, (value: any) => void>} */
    this.show = {};
    /** @type {Record<string, Option>} */
    this.options = Object.fromEntries(schema.options.map((/** @type {Option} */ option) => [option.name, option]));
    const placed = new Set(['aperture', 'focus', 'blades', ...GROUPS.flatMap(group => group.names)]);
    const rest = schema.options.filter((/** @type {Option} */ option) => !placed.has(option.name));
    home.replaceChildren(this.presets(), this.focus(),
      ...GROUPS.map((group, index) => this.group(group.title, [
        ...(index === 0 ? [this.shapes()] : []), ...group.names.filter(name => this.options[name]).map(name => this.control(this.options[name])),
      ])),
      // A model is named where the browser is alone.
      this.depth(rest), ...(schema.model ? [make('p', {className: 'hint', id: 'left-out', textContent: LEFT_OUT})] : []));
  }

  /** What belongs together, which folds. @param {string} title @param {Node[]} inside */
  group(title, inside) {
    return make('details', {className: 'group', open: true}, [make('summary', {}, [make('h2', {textContent: title})]), ...inside]);
  }

  presets() {
    /** @type {Record<string, HTMLCanvasElement>} */
    this.thumbnails = {};
    /** @type {Record<string, HTMLButtonElement>} */
    this.presetButtons = {};
    const row = make('div', {className: 'presets'});
    const all = {plain: {description: 'nothing set: as photos are rendered by themselves'}, ...this.schema.presets};
    for (const [name, preset] of Object.entries(all)) {
      const picture = make('canvas', {width: 144, height: 108, 'aria-hidden': 'true'});
      const button = make('button', {title: preset.description, 'aria-pressed': 'false'}, [picture, make('span', {textContent: name})]);
      button.addEventListener('click', () => this.does.preset(name));
      this.thumbnails[name] = picture;
      this.presetButtons[name] = button;
      row.append(button);
    }
    return this.group('Presets', [row]);
  }

  focus() {
    this.focusWords = make('p', {className: 'hint', id: 'focus-words', textContent: 'Tap the photo where it should be sharp.'});
    /** @type {Record<string, HTMLButtonElement>} */
    this.focusButtons = {};
    const row = make('div', {className: 'row focus'});
    for (const [where, words] of [['auto', 'Subject'], ['near', 'Nearest'], ['far', 'Farthest']]) {
      const button = make('button', {textContent: words, 'aria-pressed': 'false'});
      button.addEventListener('click', () => this.does.focus(where));
      this.focusButtons[where] = button;
      row.append(button);
    }
    this.rangeButton = make('button', {textContent: 'Range', title: 'Taps set the other end of what is sharp (or hold Shift)'});
    this.rangeButton.addEventListener('click', () => {
      this.spanning = !this.spanning;
      this.does.range(this.spanning);
    });
    row.append(this.rangeButton);
    const parts = [row, this.focusWords];
    const stops = this.schema.stops.filter((/** @type {any} */ stop) => [16, 11, 8, 5.6, 4, 2.8, 2].includes(stop));
    this.keep = make('select', {id: 'keep-sharp'}, [0, ...stops].map(stop => make('option', {value: stop, textContent: stop ? `as at f/${stop}` : 'by the aperture'})));
    this.keep.addEventListener('change', () => this.does.keep(Number(this.keep.value)));
    const title = 'What is sharp about the focus: what the aperture leaves, or as much as at another f-number, however soft all else.';
    parts.push(make('div', {className: 'field', title}, [make('label', {for: 'keep-sharp', textContent: 'Sharp depth'}), this.keep]));
    return this.group('Focus', parts);
  }

  shapes() {
    const row = make('div', {className: 'row shapes', role: 'group', 'aria-label': 'Blades'});
    /** @type {[number, HTMLButtonElement][]} */
    const buttons = BLADES.map(blades => {
      const name = blades ? `${blades} blades` : 'Disc';
      const button = make('button', {title: name, 'aria-label': name, 'aria-pressed': 'false'}, [shapePicture({blades})]);
      button.addEventListener('click', () => this.does.change('blades', blades, false));
      row.append(button);
      return [blades, button];
    });
    this.show.blades = value => {
      for (const [blades, button] of buttons) button.setAttribute('aria-pressed', String(blades === value));
    };
    return row;
  }

  /** @param {Option} option */
  control(option) {
    const id = `option-${option.name}`, label = LABELS[option.name] ?? option.name.replaceAll('_', ' ');
    const set = (/** @type {any} */ value, moving = false) => this.does.change(option.name, value, moving);
    if (option.kind === 'switch') {
      const box = make('input', {type: 'checkbox', id});
      box.addEventListener('change', () => set(box.checked));
      this.show[option.name] = value => { box.checked = !!value; };
      return make('div', {className: 'field switch', title: option.help}, [make('label', {for: id, textContent: label}), box]);
    }
    if (option.choices.length) {
      const list = make('select', {id}, option.choices.map(choice => make('option', {value: choice, textContent: this.choiceWords(choice)})));
      list.addEventListener('change', () => set(list.value));
      this.show[option.name] = value => { list.value = value; };
      return make('div', {className: 'field', title: option.help}, [make('label', {for: id, textContent: label}), list]);
    }
    if (option.span) return this.slider(option, id, label, set);
    const box = make('input', {type: 'number', id, step: 'any', min: 0});
    box.addEventListener('change', () => set(box.value === '' ? null : Number(box.value)));
    // What is being typed is left alone, whatever comes to an end meanwhile.
    this.show[option.name] = value => { if (document.activeElement !== box) box.value = value ?? ''; };
    return make('div', {className: 'field', title: option.help}, [make('label', {for: id, textContent: label}), box]);
  }

  /** @param {Option} option @param {string} id @param {string} label @param {(value: any, moving?: boolean) => void} set */
  slider(option, id, label, set) {
    const [min, max, step] = /** @type {[number, number, number]} */ (option.span);
    const bar = make('input', {type: 'range', id, min, max, step}), words = make('output', {className: 'value', htmlFor: id});
    bar.addEventListener('input', () => set(Number(bar.value), true));
    bar.addEventListener('dblclick', () => set(option.default));
    this.show[option.name] = value => {
      bar.value = value ?? UNSET[option.name] ?? option.default;
      words.textContent = value === null || value === undefined ? 'auto' : `${value}${DEGREES.includes(option.name) ? '°' : ''}`;
      bar.setAttribute('aria-valuetext', words.textContent);
      fill(bar, Number(option.default ?? UNSET[option.name] ?? min));
    };
    const title = `${option.help} Double-click sets it back.`;
    return make('div', {className: 'field slider', title}, [make('label', {for: id, textContent: label}), bar, words]);
  }

  /** @param {string} choice */
  choiceWords(choice) {
    const lens = this.schema.lenses[choice];
    if (choice === 'photo') return 'the photo’s own';
    return !lens ? choice : choice === `${lens.focal_length_mm}mm` ? `${lens.focal_length_mm} mm` : `${choice} (${lens.focal_length_mm} mm)`;
  }

  /** @param {Option[]} options */
  depth(options) {
    const give = make('button', {textContent: 'Give a depth map', id: 'give-map'});
    const drop = make('button', {textContent: 'Remove it', id: 'drop-map', hidden: true});
    const words = make('p', {className: 'hint'});
    const more = make('div', {hidden: true}, options.map(option => this.control(option)));
    give.addEventListener('click', () => this.does.giveMap());
    drop.addEventListener('click', () => this.does.dropMap());
    /** @param {?string} name @param {boolean} inside @param {boolean} fixed */
    this.showMap = (name, inside, fixed) => {
      drop.hidden = !name;
      more.hidden = !name && !inside;
      words.textContent = name ? `In use: ${name}`
        : inside ? 'The photo carries a depth map, which is in use.'
          : fixed ? 'This model’s look is fixed: aperture and focus need a depth map.' : 'None: the model says where things are.';
    };
    return this.group('Depth map', [make('div', {className: 'row'}, [give, drop]), words, more]);
  }

  /**
   * Show settings.
   * @param {Record<string, any>} settings @param {string} preset @param {string[]} ends @param {number} keep
   * @param {{map: boolean, fixed: boolean, open: boolean}} about
   */
  update(settings, preset, ends, keep, about) {
    const places = about.map || !this.schema.model;
    for (const [name, show] of Object.entries(this.show)) show(settings[name]);
    for (const [name, button] of Object.entries(this.presetButtons ?? {})) {
      button.setAttribute('aria-pressed', String(name === preset));
      const wants = this.schema.presets[name]?.settings.focus;
      button.disabled = about.fixed || (about.open && !places && (wants === 'near' || wants === 'far'));
    }
    for (const [where, button] of Object.entries(this.focusButtons ?? {})) {
      button.setAttribute('aria-pressed', String(ends.includes(where)));
      button.disabled = !about.open || about.fixed;
      button.hidden = where !== 'auto' && !places;
    }
    if (this.keep) {
      this.keep.value = String(ends.length > 1 ? 0 : keep);
      this.keep.disabled = !about.open || about.fixed;
    }
    if (this.focusWords && this.rangeButton) {
      this.rangeButton.setAttribute('aria-pressed', String(this.spanning));
      this.rangeButton.disabled = !about.open || about.fixed;
      this.focusWords.textContent = about.fixed ? 'The model finds it.'
        : ends.length > 1 ? 'Sharp between the two, soft beyond both.'
        : this.spanning ? 'Tap up to where it should be sharp, too.'
        : ends[0].includes(',') ? 'On the ring: drag it, or tap elsewhere.' : 'Tap the photo where it should be sharp.';
    }
  }
}
