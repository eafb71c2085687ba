// The network's result carried to the photo's own size: wideopen's fullsize.py and guided.py, which say why.
"use strict";

const RADIUS = 8, EPS = 2e-4, SNAP = 0.02;
const clip = value => Math.min(Math.max(value, 0), 1);
const DECODE = Float32Array.from({ length: 256 }, (_, i) =>
  i / 255 <= 0.04045 ? i / 255 / 12.92 : ((i / 255 + 0.055) / 1.055) ** 2.4);
const encode = light => 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

// Mean over windows of side 2 * RADIUS + 1, mirrored at the frame; one channel.
function box(values, width, height) {
  const side = 2 * RADIUS + 1, rows = new Float64Array(width * height), made = new Float64Array(width * height);
  const slide = (from, to, start, step, length) => {
    let sum = 0;
    for (let i = -RADIUS; i <= RADIUS; i++) sum += from[start + step * mirror(i, length)];
    for (let i = 0; i < length; i++) {
      to[start + step * i] = sum / side;
      sum += from[start + step * mirror(i + RADIUS + 1, length)] - from[start + step * mirror(i - RADIUS, length)];
    }
  };
  for (let y = 0; y < height; y++) slide(values, rows, y * width, 1, width);
  for (let x = 0; x < width; x++) slide(rows, made, x, width, height);
  return made;
}

// Least and greatest value of a map within one pixel.
function around({ width, height, data }) {
  const least = new Float32Array(data.length), greatest = new Float32Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let low = 1, high = 0;
      for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, height - 1); j++)
        for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, width - 1); i++) {
          low = Math.min(low, data[j * width + i]);
          high = Math.max(high, data[j * width + i]);
        }
      least[y * width + x] = low;
      greatest[y * width + x] = high;
    }
  return [least, greatest];
}

// What has no weight replaced by what lies around it, smoothly.
function fill(values, weight) {
  const { width, height } = weight;
  if (width * height <= 1) return values;
  const half = [(width + 1) >> 1, (height + 1) >> 1], weighted = picture(width, height, 3);
  for (let i = 0; i < values.data.length; i++) weighted.data[i] = values.data[i] * weight.data[Math.floor(i / 3)];
  const mass = resize(weight, ...half), plain = resize(values, ...half), coarse = resize(weighted, ...half);
  const certain = picture(...half, 1, mass.data.map(value => Math.min(4 * value, 1)));
  for (let i = 0; i < coarse.data.length; i++) {
    const known = mass.data[Math.floor(i / 3)];
    coarse.data[i] = known > 1e-6 ? coarse.data[i] / known : plain.data[i];
  }
  const wide = resize(fill(coarse, certain), width, height), made = picture(width, height, 3);
  for (let i = 0; i < made.data.length; i++)
    made.data[i] = wide.data[i] + weight.data[Math.floor(i / 3)] * (values.data[i] - wide.data[i]);
  return made;
}

// Local linear models of a map in a guide's colours: slopes of r, g, b and an offset for every pixel.
function guidedCoefficients(guide, values) {
  const { width, height } = guide, size = width * height;
  const product = (a, b) => a.map((value, i) => value * b[i]);
  const mean = plane => box(plane, width, height);
  const rgb = [0, 1, 2].map(c => Float64Array.from({ length: size }, (_, i) => guide.data[3 * i + c]));
  const map = Float64Array.from(values), means = rgb.map(mean), meanOfMap = mean(map);
  const covariance = (i, j) => mean(product(rgb[i], rgb[j])).map((value, k) => value - means[i][k] * means[j][k]);
  const [rr, rg, rb, gg, gb, bb] = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]].map(([i, j]) => covariance(i, j));
  const shared = rgb.map((plane, c) => mean(product(plane, map)).map((value, k) => value - means[c][k] * meanOfMap[k]));
  const found = [0, 1, 2, 3].map(() => new Float64Array(size));
  for (let k = 0; k < size; k++) {
    const [a, b, c, d, e, f] = [rr[k] + EPS, rg[k], rb[k], gg[k] + EPS, gb[k], bb[k] + EPS];
    // Cofactors of the symmetric 3x3 covariance.
    const [A, B, C, D, E, F] = [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b];
    const determinant = a * A + b * B + c * C, [x, y, z] = shared.map(plane => plane[k]);
    const slopes = [A * x + B * y + C * z, B * x + D * y + E * z, C * x + E * y + F * z].map(v => v / determinant);
    slopes.forEach((slope, i) => { found[i][k] = slope; });
    found[3][k] = meanOfMap[k] - slopes.reduce((sum, slope, i) => sum + slope * means[i][k], 0);
  }
  return found.map(mean);
}

// What full size is made of, at working size: the blurred picture continued behind the subject, the least and the
// greatest share within one px, the share as a linear function of the photo's colours.
function prepare(guide, bokeh, share, seen) {
  const { width, height } = guide, size = width * height, [least, greatest] = around(share);
  const background = picture(width, height, 3), maps = picture(width, height, 9);
  for (let i = 0; i < 3 * size; i++) {
    const kept = share.data[Math.floor(i / 3)];
    background.data[i] = clip((bokeh.data[i] - kept * seen.data[i]) / Math.max(1 - kept, 0.05));
  }
  const weight = picture(width, height, 1, greatest.map(value => Math.min(2 * (1 - value), 1) ** 2));
  const filled = fill(background, weight), model = guidedCoefficients(guide, share.data);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) maps.data[9 * i + c] = clip(filled.data[3 * i + c]);
    maps.data.set([least[i], greatest[i], ...model.map(plane => plane[i])], 9 * i + 3);
  }
  return maps;
}

// For every place of a side of `to` px: four places of one of `from` px and their weights (cubic, a = -0.75).
function cubicTaps(from, to) {
  const places = new Int32Array(4 * to), weights = new Float32Array(4 * to), a = -0.75;
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * (from / to) - 0.5, first = Math.floor(centre), x = centre - first;
    const near = t => ((a + 2) * t - (a + 3)) * t * t + 1;
    const before = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    weights.set([before, near(x), near(1 - x), 1 - before - near(x) - near(1 - x)], 4 * i);
    for (let k = 0; k < 4; k++) places[4 * i + k] = Math.min(Math.max(first - 1 + k, 0), from - 1);
  }
  return { places, weights };
}

// The photo with its blur: photo RGB in 0..255, the rest as wideopen's `carry` takes it. Row by row.
function carry(photo, bokeh, sharp, seen) {
  const size = [Math.min(photo.width, bokeh.width), Math.min(photo.height, bokeh.height)];
  const maps = prepare(toUnit(resize8(photo, ...size)), resize(bokeh, ...size), resize(sharp, ...size), resize(seen, ...size));
  const across = cubicTaps(maps.width, photo.width), down = cubicTaps(maps.height, photo.height);
  const done = new Uint8ClampedArray(photo.data.length), wide = new Map(), row = 9 * photo.width;
  const along = source => {
    if (!wide.has(source)) {
      const made = new Float32Array(row), from = 9 * source * maps.width;
      for (let x = 0; x < photo.width; x++)
        for (let k = 4 * x; k < 4 * x + 4; k++)
          for (let c = 0; c < 9; c++) made[9 * x + c] += across.weights[k] * maps.data[from + 9 * across.places[k] + c];
      if (wide.size >= 4) wide.delete(wide.keys().next().value);
      wide.set(source, made);
    }
    return wide.get(source);
  };
  for (let y = 0; y < photo.height; y++) {
    const rows = [0, 1, 2, 3].map(k => along(down.places[4 * y + k])), weights = down.weights.subarray(4 * y, 4 * y + 4);
    const at = i => weights[0] * rows[0][i] + weights[1] * rows[1][i] + weights[2] * rows[2][i] + weights[3] * rows[3][i];
    for (let x = 0; x < photo.width; x++) mixPixel(photo.data, done, 3 * (y * photo.width + x), at, 9 * x);
  }
  return done;
}

// One pixel: the photo's own where it is sharp, the background where it is not, both in linear light between.
function mixPixel(photo, done, pixel, at, i) {
  const least = at(i + 3), greatest = at(i + 4);
  let share = 0;
  if (least >= 1 - SNAP) share = 1;
  else if (greatest > SNAP) {
    let found = at(i + 8);
    for (let c = 0; c < 3; c++) found += at(i + 5 + c) * photo[pixel + c] / 255;
    share = clip((Math.min(Math.max(found, least), greatest) - SNAP) / (1 - 2 * SNAP));
  }
  for (let c = 0; c < 3; c++) {
    const own = photo[pixel + c];
    if (share === 1) {
      done[pixel + c] = own;
      continue;
    }
    const behind = rint(255 * clip(at(i + c)));
    done[pixel + c] = share ? encode(share * DECODE[own] + (1 - share) * DECODE[behind]) : behind;
  }
}
