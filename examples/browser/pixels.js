// Pixels for the network, as wideopen's padding.py makes them. Pictures are { width, height, data }, data RGB in 0..255.
"use strict";

// For every place of a side of `to` px: the places of a side of `from` px that it is made of, and their weights.
function weightsOf(from, to) {
  const scale = from / to, weights = [];
  for (let i = 0; i < to; i++) {
    const entry = [];
    if (to < from) {  // by area
      const start = i * scale, end = start + scale;
      for (let j = Math.floor(start); j < Math.min(Math.ceil(end - 1e-9), from); j++)
        entry.push([j, (Math.min(j + 1, end) - Math.max(j, start)) / scale]);
    } else {  // linearly, centres of pixels aligned
      const centre = (i + 0.5) * scale - 0.5, low = Math.floor(centre), share = centre - low;
      const inside = j => Math.min(Math.max(j, 0), from - 1);
      entry.push([inside(low), 1 - share], [inside(low + 1), share]);
    }
    weights.push(entry);
  }
  return weights;
}

function resize(picture, width, height) {
  const across = weightsOf(picture.width, width), down = weightsOf(picture.height, height);
  const narrow = new Float32Array(width * picture.height * 3), data = new Float32Array(width * height * 3);
  for (let y = 0; y < picture.height; y++)
    for (let x = 0; x < width; x++)
      for (const [from, weight] of across[x])
        for (let c = 0; c < 3; c++)
          narrow[(y * width + x) * 3 + c] += weight * picture.data[(y * picture.width + from) * 3 + c];
  for (let y = 0; y < height; y++)
    for (const [from, weight] of down[y])
      for (let i = 0; i < width * 3; i++) data[y * width * 3 + i] += weight * narrow[from * width * 3 + i];
  return { width, height, data: data.map(Math.round) };
}

// Width and height of the same shape whose longer side is `longSide`.
function fit(width, height, longSide) {
  const longest = Math.max(width, height);
  return [width, height].map(side => Math.max(1, Math.round(side * longSide / longest)));
}

// [3, H, W] in 0..1, mirrored at the right and lower edges up to multiples of `multiple`.
function toPlanes(picture, multiple) {
  const [width, height] = [picture.width, picture.height].map(side => Math.ceil(side / multiple) * multiple);
  const mirror = (i, side) => { i %= 2 * side; return i < side ? i : 2 * side - 1 - i; };
  const planes = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        planes[(c * height + y) * width + x] =
          picture.data[(mirror(y, picture.height) * picture.width + mirror(x, picture.width)) * 3 + c] / 255;
  return { width, height, planes };
}

// The photo where the network says sharp, its picture where not, and `strength` of that over the photo.
function mix(photo, bokeh, sharp, stride, strength) {
  const data = new Uint8ClampedArray(photo.width * photo.height * 4), plane = bokeh.length / 3;
  for (let y = 0; y < photo.height; y++)
    for (let x = 0; x < photo.width; x++) {
      const at = y * photo.width + x, from = y * stride + x, share = strength * (1 - (sharp ? sharp[from] : 0));
      for (let c = 0; c < 3; c++) {
        const own = photo.data[at * 3 + c];
        data[at * 4 + c] = own + share * (255 * bokeh[c * plane + from] - own);
      }
      data[at * 4 + 3] = 255;
    }
  return new ImageData(data, photo.width, photo.height);
}
