// What a lens does, in numbers: the counterparts of lens/thin_lens.py, lens/lens_settings.py and lens/apertures.py.
// @ts-check

/**
 * @typedef {{focal_length_mm: number, f_number: number, focus_distance_m: number, sensor_height_mm: number}} Lens
 * @typedef {{focal_length_mm: ?number, focal_length_35mm: ?number, f_number: ?number, subject_distance_m: ?number}} Taken
 * @typedef {{lens: string, aperture: number|string, nearest: ?number, focus: string, tilt?: number, tilt_direction?: number, axial?: number}} Chosen
 * @typedef {[number, number]} Ends the farthest and the nearest disparity in focus
 * @typedef {[number, number]} Pair across and down
 * @typedef {{perUnit: number, far: number, near: number, limit: number, tilt: Pair, pivot: Pair, axial: number}} Blur
 *   perUnit: px of blur radius for each unit of disparity beyond far or near; limit: largest radius; tilt: growth of the
 *   signed radius for each px across and down; pivot: shares of the sides, where a tilted lens focuses as if it were not;
 *   axial: by how many px at most the signed radius of red and blue is less than green's.
 * @typedef {{blades: number, roundness: number, rotate: number, ring: number, squeeze: number, vignette: number, rim?: number}} Aperture
 */

/**
 * The lens that the settings name, with their f-number.
 * @param {Chosen} chosen @param {Record<string, Lens>} lenses @param {Taken} taken @returns {Lens}
 */
export function chooseLens(chosen, lenses, taken) {
  let lens = lenses[chosen.lens] ?? null;
  if (chosen.lens === 'photo' && taken.focal_length_mm && taken.focal_length_35mm) {
    lens = {
      focal_length_mm: taken.focal_length_mm,
      f_number: taken.f_number ?? lenses['50mm'].f_number,
      focus_distance_m: taken.subject_distance_m ?? 2,
      sensor_height_mm: 24 * taken.focal_length_mm / taken.focal_length_35mm,
    };
  }
  lens ??= lenses['50mm'];
  return chosen.aperture === 'off' ? {...lens, f_number: Infinity} : {...lens, f_number: Number(chosen.aperture)};
}

/** @param {Lens} lens @returns {number} blur disc's radius for each 1/m, as a share of the short side */
export function sharePerDisparity(lens) {
  const focal = lens.focal_length_mm;
  const diameter = focal ** 2 / (lens.f_number * (1 - focal / (1000 * lens.focus_distance_m))) / 1000;
  return 0.5 * diameter / lens.sensor_height_mm;
}

/** Blur radius, as a share of the short side, that depth of field is reckoned by. */
const SHARP = Math.hypot(3, 2) / 2 / 1500 / 2;

/**
 * What is sharp about the focus, where it keeps an f-number's depth of field (PLACE@f/N).
 * @param {Ends} ends @param {string} focus @param {number} share the blur for each unit of disparity @param {Lens} lens
 * @returns {Ends}
 */
function deepened([far, near], focus, share, lens) {
  const kept = Number(focus.split('@f/')[1] ?? 0), reach = share > 0 ? SHARP * kept / (share * lens.f_number) : 0;
  return [far - reach, near + reach];
}

/**
 * How a tilted lens blurs, by the hinge rule, and axial colour: `_shifted` of lens_settings.py.
 * @param {{tilt?: number, tilt_direction?: number, axial?: number}} settings in degrees and mm @param {string} focus @param {Lens} lens
 * @param {number} held share of its blur that a lens keeps, for no disc to be too large @param {number} short
 * @returns {{tilt: Pair, pivot: Pair, axial: number}}
 */
function shifted({tilt = 0, tilt_direction = 0, axial = 0}, focus, lens, held, short) {
  const forMm = held / (2 * lens.f_number), slope = forMm * Math.sin(tilt * Math.PI / 180), toward = tilt_direction * Math.PI / 180;
  const [x, y] = focus.split(/[:@]/)[0].split(',').map(Number);
  return {tilt: [slope * Math.sin(toward), slope * Math.cos(toward)], pivot: y === undefined ? [0.5, 0.5] : [x, y], axial: short * forMm * axial / lens.sensor_height_mm};
}

/**
 * The blur of a scene with a subject, whose disparities are in units of the subject's.
 * @param {Lens} lens @param {Taken} taken @param {Ends} ends @param {number} short @param {number} largest
 * @param {Partial<Chosen>} [chosen] focus, tilt and axial colour @returns {Blur}
 */
export function blurOfSubject(lens, taken, ends, short, largest, chosen = {}) {
  const subject = taken.subject_distance_m;
  if (subject && subject * 1000 > 4 * lens.focal_length_mm) lens = {...lens, focus_distance_m: subject};
  const whole = sharePerDisparity(lens) / lens.focus_distance_m, share = Math.min(whole, largest);
  const [far, near] = deepened(ends, chosen.focus ?? '', whole, lens);
  return {perUnit: short * share, far, near, limit: short * largest, ...shifted(chosen, chosen.focus ?? 'auto', lens, whole > 0 ? share / whole : 0, short)};
}

/**
 * The blur of a scene with a depth map.
 * @param {Lens} lens @param {Taken} taken @param {Chosen} chosen @param {Ends} ends
 * @param {{metric: boolean, least: number, most: number, short: number, largest: number, nearest: number}} map
 * @returns {Blur}
 */
export function blurOfMap(lens, taken, chosen, ends, map) {
  const focus = (ends[0] + ends[1]) / 2;
  const subject = chosen.focus.startsWith('auto') && taken.subject_distance_m && focus > 0;
  const guess = subject ? Number(taken.subject_distance_m) * focus : map.nearest;
  const metres = map.metric ? 1 : chosen.nearest ?? guess;
  const distance = focus > 0 ? metres / focus : Infinity;
  lens = {...lens, focus_distance_m: Math.max(distance, 1.01 * lens.focal_length_mm / 1000)};
  const share = sharePerDisparity(lens) / metres, [far, near] = deepened(ends, chosen.focus, share, lens);
  const held = Math.min(share, map.largest / Math.max(map.most - near, far - map.least, 1e-6)), limit = map.largest * map.short;
  return {perUnit: held * map.short, far, near, limit, ...shifted(chosen, chosen.focus, lens, share > 0 ? held / share : 0, map.short)};
}

/**
 * Whether light passes at (u right, v up) of the unit disc.
 * @param {Aperture} shape @param {number} u @param {number} v
 */
export function passes(shape, u, v) {
  const across = u * Math.max(shape.squeeze, 1), up = v / Math.min(shape.squeeze, 1);
  const distance = Math.hypot(across, up);
  let boundary = 1;
  if (shape.blades >= 3 && shape.roundness < 1) {
    const half = Math.PI / shape.blades;
    const angle = Math.atan2(across, up) + shape.rotate * Math.PI / 180;
    const turned = ((angle % (2 * half)) + 2 * half) % (2 * half);
    const straight = Math.cos(half) / Math.cos(turned - half);
    boundary = straight + shape.roundness * (1 - straight);
  }
  return distance <= boundary && distance >= shape.ring;
}

/**
 * About so many points, evenly spread over an aperture, their middle in the middle of its light.
 * @param {Aperture} shape @param {number} count @returns {[number, number][]} (x right, y down) in radii
 */
export function spread(shape, count) {
  const fine = 96;
  let open = 0, middle = [0, 0];
  for (let row = 0; row < fine; row++) for (let column = 0; column < fine; column++) {
    const u = (column + 0.5) / fine * 2 - 1, v = 1 - (row + 0.5) / fine * 2;
    if (passes(shape, u, v)) { open++; middle[0] += u; middle[1] -= v; }
  }
  const area = Math.max(open, 1) * 4 / fine ** 2, step = Math.sqrt(area / count / 0.866);
  /** @type {[number, number][]} */
  const found = [];
  const rows = Math.ceil(1 / (step * 0.866));
  for (let row = -rows; row <= rows; row++) {
    const y = row * step * 0.866, columns = Math.ceil(1 / step) + 1;
    for (let column = -columns; column <= columns; column++) {
      const x = (column + (row & 1 ? 0.5 : 0)) * step;
      if (passes(shape, x, -y)) found.push([x, y]);
    }
  }
  if (!found.length) return [[0, 0]];
  // The lattice's middle is not quite the aperture's.
  const shift = [0, 1].map(axis => middle[axis] / Math.max(open, 1) - found.reduce((sum, p) => sum + p[axis], 0) / found.length);
  return found.map(([x, y]) => [x + shift[0], y + shift[1]]);
}

/**
 * The place of the slider nearest to an f-number.
 * @param {(number|string)[]} stops off, and numbers @param {number|string} wanted @returns {number|string}
 */
export function nearestStop(stops, wanted) {
  if (wanted === 'off') return 'off';
  const far = (/** @type {number|string} */ stop) => Math.abs(Number(stop) - Number(wanted));
  return stops.slice(1).reduce((best, each) => (far(each) < far(best) ? each : best));
}
