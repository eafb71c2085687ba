// NumPy's random numbers: PCG64 (O'Neill 2014) seeded with 0, and its standard normals (ziggurat, Marsaglia and Tsang 2000).
// @ts-check

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n, MASK = (1n << 128n) - 1n, WORD = (1n << 64n) - 1n;
/** State and increment of numpy.random.PCG64(0). */
const STATE = 35399562948360463058890781895381311971n, INCREMENT = 87136372517582989555478159403783844777n;
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
  let state = STATE;
  const next = () => {
    state = (state * MULTIPLIER + INCREMENT) & MASK;
    const mixed = (state >> 64n) ^ (state & WORD), turn = state >> 122n;
    return ((mixed >> turn) | (mixed << (64n - turn))) & WORD;
  };
  const share = () => Number(next() >> 11n) * 2 ** -53;
  for (let at = 0; at < count;) {
    const drawn = next(), layer = Number(drawn & 255n), size = Number((drawn >> 9n) & 0xfffffffffffffn);
    const value = size * widths[layer] * ((drawn >> 8n) & 1n ? -1 : 1);
    if (size < limits[layer]) found[at++] = value;
    else if (layer === 0) {
      let beyond, other;
      do { beyond = -Math.log1p(-share()) / EDGE; other = -Math.log1p(-share()); } while (2 * other <= beyond * beyond);
      found[at++] = Math.floor(size / 256) % 2 ? -(EDGE + beyond) : EDGE + beyond;
    } else if ((heights[layer - 1] - heights[layer]) * share() + heights[layer] < Math.exp(-0.5 * value * value)) found[at++] = value;
  }
  return found;
}
