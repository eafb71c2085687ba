// Pixels for the network, as wideopen's padding.py makes them. A picture is { width, height, channels, data }, interleaved.
"use strict";

const picture = (width, height, channels, data) => ({
  width, height, channels, data: data ?? new Float32Array(width * height * channels),
});

// To the nearest whole number, halves to the even one, as OpenCV rounds.
function rint(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 ? up - 1 : up;
}

// For every place of a side of `to` px: `count` places of a side of `from` px that it is made of, and their weights.
function tapsOf(from, to) {
  const scale = from / to, count = to < from ? Math.ceil(scale) + 1 : 2;
  const places = new Int32Array(to * count), weights = new Float64Array(to * count);
  for (let i = 0; i < to; i++)
    if (to < from) {  // by area
      const start = i * scale, end = start + scale, first = Math.floor(start + 1e-9);
      for (let k = 0; k < count; k++) {
        places[i * count + k] = Math.min(first + k, from - 1);
        const share = Math.min(first + k + 1, end) - Math.max(first + k, start);
        weights[i * count + k] = share > 1e-9 && first + k < from ? share / scale : 0;
      }
    } else {  // linearly, centres of pixels aligned
      const centre = (i + 0.5) * scale - 0.5, low = Math.floor(centre), inside = j => Math.min(Math.max(j, 0), from - 1);
      places.set([inside(low), inside(low + 1)], i * count);
      weights.set([1 - (centre - low), centre - low], i * count);
    }
  return { count, places, weights };
}

// By area along a side that shrinks, linearly along one that grows; not rounded.
function resize(image, width, height) {
  if (width === image.width && height === image.height) return image;
  const { channels } = image, across = tapsOf(image.width, width), down = tapsOf(image.height, height);
  const narrow = new Float32Array(width * image.height * channels), made = picture(width, height, channels);
  for (let y = 0; y < image.height; y++)
    for (let x = 0; x < width; x++)
      for (let k = x * across.count; k < (x + 1) * across.count; k++) {
        const weight = across.weights[k], from = (y * image.width + across.places[k]) * channels;
        if (weight)
          for (let c = 0; c < channels; c++) narrow[(y * width + x) * channels + c] += weight * image.data[from + c];
      }
  const row = width * channels;
  for (let y = 0; y < height; y++)
    for (let k = y * down.count; k < (y + 1) * down.count; k++) {
      const weight = down.weights[k], from = down.places[k] * row;
      if (weight) for (let i = 0; i < row; i++) made.data[y * row + i] += weight * narrow[from + i];
    }
  return made;
}

// The same of whole numbers in 0..255, rounded; where both sides grow, in fixed point, as OpenCV enlarges 8 bits.
function resize8(image, width, height) {
  if (width < image.width || height < image.height) {
    const made = resize(image, width, height);
    return { ...made, data: made.data.map(rint) };
  }
  if (width === image.width && height === image.height) return image;
  const { channels } = image, made = picture(width, height, channels);
  const [across, down] = [tapsOf(image.width, width), tapsOf(image.height, height)];
  for (const taps of [across, down]) taps.weights = taps.weights.map(weight => rint(2048 * weight));
  const along = (row, x, c) => {
    const at = k => across.weights[k] * image.data[(row * image.width + across.places[k]) * channels + c];
    return (at(2 * x) + at(2 * x + 1)) >> 4;
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        const part = k => (down.weights[k] * along(down.places[k], x, c)) >> 16;
        made.data[(y * width + x) * channels + c] = (part(2 * y) + part(2 * y + 1) + 2) >> 2;
      }
  return made;
}

// Values of 0..255 as 0..1.
const toUnit = image => ({ ...image, data: Float32Array.from(image.data, value => value / 255) });

// Width and height of the same shape whose longer side is `longSide`.
function fit(width, height, longSide) {
  const longest = Math.max(width, height);
  return [width, height].map(side => Math.max(1, rint(side * longSide / longest)));
}

// The place that a place beyond a side of `side` px is the mirror image of; the first pixel beyond is the last one again.
function mirror(place, side) {
  const i = ((place % (2 * side)) + 2 * side) % (2 * side);
  return i < side ? i : 2 * side - 1 - i;
}

// Mirrored at the right and lower edges up to multiples of `multiple`.
function pad(image, multiple) {
  const [width, height] = [image.width, image.height].map(side => Math.ceil(side / multiple) * multiple);
  const { channels } = image, made = picture(width, height, channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (mirror(y, image.height) * image.width + mirror(x, image.width)) * channels;
      for (let c = 0; c < channels; c++) made.data[(y * width + x) * channels + c] = image.data[from + c];
    }
  return made;
}

// The upper left part, `data` by rows of `stride` pixels; clipped to 0..1.
function crop(planes, channels, stride, width, height) {
  const made = picture(width, height, channels), plane = planes.length / channels;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        made.data[(y * width + x) * channels + c] = Math.min(Math.max(planes[c * plane + y * stride + x], 0), 1);
  return made;
}

// [channels, height, width] from interleaved pixels.
function toPlanes({ width, height, channels, data }) {
  const planes = new Float32Array(data.length), size = width * height;
  for (let i = 0; i < size; i++) for (let c = 0; c < channels; c++) planes[c * size + i] = data[i * channels + c];
  return planes;
}
