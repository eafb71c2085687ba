// NumPy's random numbers: PCG64 (O'Neill 2014) seeded with 0, and its standard normals (ziggurat, Marsaglia and Tsang 2000).
// @ts-check

/** Numbers of 128 bits are six limbs of 22 bits, the least first: products of limbs are exact. */
const LIMBS = 6, LIMB = 2 ** 22, LAST = 2 ** 18;
/** @param {bigint} value */
const limbs = value => Array.from({length: LIMBS}, (_, at) => Number((value >> BigInt(22 * at)) & 0x3fffffn));
const MULTIPLIER = limbs(0x2360ed051fc65da44385df649fccf645n);
/** State and increment of numpy.random.PCG64(0). */
const STATE = limbs(35399562948360463058890781895381311971n), INCREMENT = limbs(87136372517582989555478159403783844777n);
const EDGE = 3.654152885361009, AREA = 0.004928673233974655, LAYERS = 256, SCALE = 2 ** 52;

/** The ziggurat's layers: widths, limits below which a draw is taken at once, and heights. */
function layers() {
  const widths = new Float64Array(LAYERS), limits = new Float64Array(LAYERS), heights = new Float64Array(LAYERS);
  const height = (/** @type {number} */ x) => Math.exp(-0.5 * x * x);
  let x = EDGE, before = EDGE;
  const base = AREA / height(x);
  limits[0] = x / base * SCALE;
  widths[0] = base / SCALE;
  heights[0] = 1;
  widths[LAYERS - 1] = x / SCALE;
  heights[LAYERS - 1] = height(x);
  for (let at = LAYERS - 2; at >= 1; at--) {
    x = Math.sqrt(-2 * Math.log(AREA / x + height(x)));
    limits[at + 1] = x / before * SCALE;
    before = x;
    heights[at] = height(x);
    widths[at] = x / SCALE;
  }
  return {widths, limits, heights};
}

/** As numpy.random.default_rng(0).standard_normal(count). @param {number} count @returns {Float64Array} */
export function standardNormals(count) {
  const {widths, limits, heights} = layers(), found = new Float64Array(count);
  const state = [...STATE], before = [...STATE];
  let low = 0, high = 0;  // The words drawn last.
  const next = () => {
    for (let limb = 0, carry = 0; limb < LIMBS; limb++) {
      before[limb] = state[limb];
      carry += INCREMENT[limb];
      for (let part = 0; part <= limb; part++) carry += before[part] * MULTIPLIER[limb - part];
      const above = Math.floor(carry / LIMB);
      state[limb] = carry - above * LIMB;
      carry = above;
    }
    state[LIMBS - 1] %= LAST;
    const [a, b, c, d, e, f] = state, top = e >>> 8 | f << 14, turn = top >>> 26, back = 31 & -turn;
    const x = (a | b << 22) ^ (c >>> 20 | d << 2 | e << 24), y = (b >>> 10 | c << 12) ^ top, [p, q] = turn & 32 ? [y, x] : [x, y];
    low = (back === 0 ? p : p >>> turn | q << back) >>> 0;
    high = (back === 0 ? q : q >>> turn | p << back) >>> 0;
  };
  const share = () => { next(); return ((low >>> 11) + high * 2 ** 21) * 2 ** -53; };
  for (let at = 0; at < count;) {
    next();
    const layer = low & 255, size = (low >>> 9) + (high & 0x1fffffff) * 2 ** 23, value = size * widths[layer] * (low & 256 ? -1 : 1);
    if (size < limits[layer]) found[at++] = value;
    else if (layer === 0) {
      let beyond, other;
      do { beyond = -Math.log1p(-share()) / EDGE; other = -Math.log1p(-share()); } while (2 * other <= beyond * beyond);
      found[at++] = Math.floor(size / 256) % 2 ? -(EDGE + beyond) : EDGE + beyond;
    } else if ((heights[layer - 1] - heights[layer]) * share() + heights[layer] < Math.exp(-0.5 * value * value)) found[at++] = value;
  }
  return found;
}
