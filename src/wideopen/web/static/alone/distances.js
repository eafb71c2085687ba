// How far it is to what is marked, as OpenCV's distanceTransform reckons it.
// @ts-check

/** Chamfer distances to what is marked, and which marked pixel is nearest. @param {Uint8Array} marked @param {number} width @param {number} height @param {boolean} fine whether by steps of a knight, too */
export function distances(marked, width, height, fine) {
  const away = new Float32Array(marked.length).fill(Infinity), nearest = new Int32Array(marked.length).fill(-1);
  for (let at = 0; at < marked.length; at++) if (marked[at]) { away[at] = 0; nearest[at] = at; }
  const across = fine ? [-1, 0, -1, 1, -2, 2, -1, 1] : [-1, 0, -1, 1], down = fine ? [0, -1, -1, -1, -1, -1, -2, -2] : [0, -1, -1, -1];
  const costs = fine ? [1, 1, 1.4, 1.4, 2.1969, 2.1969, 2.1969, 2.1969] : [0.955, 0.955, 1.3693, 1.3693];
  for (const way of [1, -1]) {
    for (let step = 0, row = way > 0 ? 0 : height - 1; step < height; step++, row += way) {
      for (let at = row * width + (way > 0 ? 0 : width - 1), column = way > 0 ? 0 : width - 1, place = 0; place < width; place++, at += way, column += way) {
        for (let index = 0; index < costs.length; index++) {
          const x = column + way * across[index], y = row + way * down[index];
          if (x < 0 || y < 0 || x >= width || y >= height) continue;
          const from = y * width + x, long = away[from] + costs[index];
          if (long >= away[at]) continue;
          away[at] = long;
          nearest[at] = nearest[from];
        }
      }
    }
  }
  return {away, nearest};
}
