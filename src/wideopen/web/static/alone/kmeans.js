// A few colours that stand for many, as OpenCV's kmeans finds them with its seed 0: the same strokes make the same picture.
// @ts-check

/** @typedef {import('./planes.js').Plane} Plane @typedef {[number, number, number]} Colour */

const FACTOR = 4164903690n, WORD = 0xffffffffn, TRIALS = 3, ROUNDS = 8, EPSILON = 0.01 ** 2, MOST = 2000;

/** OpenCV's random numbers: multiply with carry. */
function random() {
  let state = WORD;
  const next = () => { state = (state & WORD) * FACTOR + (state >> 32n); return Number(state & WORD); };
  return {whole: next, share: () => { const high = next(); return (high * 2 ** 32 + next()) * 2 ** -64; }};
}

/** @param {Colour} a @param {Colour} b */
const apart = (a, b) => Math.fround((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2);

/** The first centres (k-means++: Arthur and Vassilvitskii 2007). @param {Colour[]} colours @param {number} count @returns {Colour[]} */
function seeds(colours, count) {
  const {whole, share} = random(), found = [colours[whole() % colours.length]];
  let far = colours.map(each => apart(each, found[0])), sum = far.reduce((a, b) => a + b, 0);
  while (found.length < count) {
    let best = {sum: Infinity, far, centre: found[0]};
    for (let trial = 0; trial < TRIALS; trial++) {
      let left = share() * sum, chosen = 0;
      for (; chosen < colours.length - 1; chosen++) if ((left -= far[chosen]) <= 0) break;
      const here = far.map((value, at) => Math.min(value, apart(colours[at], colours[chosen]))), total = here.reduce((a, b) => a + b, 0);
      if (total < best.sum) best = {sum: total, far: here, centre: colours[chosen]};
    }
    found.push(best.centre);
    ({far, sum} = best);
  }
  return found;
}

/** @param {Plane[]} planes @param {Plane} mask @param {number} count @returns {Colour[]} those of the mask themselves where they are fewer; none of an empty one */
export function nearestColours(planes, mask, count) {
  const [x, y, z] = planes.map(each => each.data);
  const inside = [...mask.data.keys()].filter(at => mask.data[at]);
  const step = inside.length < count ? 1 : Math.max(1, Math.floor(inside.length / MOST));
  const colours = inside.filter((_, index) => index % step === 0).map(at => /** @type {Colour} */ ([x[at], y[at], z[at]]));
  if (inside.length < count) return colours;
  let centres = seeds(colours, count);
  for (let round = 1; round < ROUNDS; round++) {
    const sums = centres.map(() => [0, 0, 0, 0]);
    for (const colour of colours) {
      let nearest = 0;
      for (let index = 1, least = apart(colour, centres[0]); index < count; index++) {
        const far = apart(colour, centres[index]);
        if (far < least) { least = far; nearest = index; }
      }
      const sum = sums[nearest];
      for (let axis = 0; axis < 3; axis++) sum[axis] += colour[axis];
      sum[3]++;
    }
    const moved = centres.map((old, index) => (sums[index][3] ? /** @type {Colour} */ (sums[index].slice(0, 3).map(value => value / sums[index][3])) : old));
    const shift = Math.max(...moved.map((each, index) => apart(each, centres[index])));
    centres = moved;
    if (shift <= EPSILON) break;
  }
  return centres;
}
