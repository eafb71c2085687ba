// The subject half taken out of what is drawn around it: the counterpart of lens/foreground_removal.py.
// @ts-check

import {boxOf, cut, grown} from './areas.js';
import {NOBODY} from './crew.js';
import {pushPull} from './fill.js';
import {gaussian, map, mix, overEllipse, plane, round, unit} from './planes.js';

/** @typedef {import('./planes.js').Plane} Plane */

const SOLID = [0.65, 0.95], REACH = 0.015, EXACT_REACH = 0.004, SHARE = 0.5;

/**
 * What is made of all that is not 0 and of its surroundings: everywhere else is 0 before and after.
 * @param {Plane} from @param {number} margin px that it reaches @param {(part: Plane) => Plane} make
 */
function around(from, margin, make) {
  const box = boxOf(from), found = plane(from.width, from.height);
  if (!box) return found;
  const area = grown(box, margin, from), {data} = make(cut(from, area));
  for (let row = 0; row < area.height; row++) found.data.set(data.subarray(row * area.width, (row + 1) * area.width), (area.top + row) * from.width + area.left);
  return found;
}

/** 1 in regions, not thin edges, where a matte does not know. @param {Plane} matte @returns {Plane} */
function findDoubt(matte) {
  const short = Math.min(matte.width, matte.height), size = 2 * Math.max(round(0.014 * short), 3) + 1;
  const unsure = map([matte], value => (value > 0.08 && value < 0.92 ? 1 : 0));
  const wide = around(unsure, size, part => overEllipse(part, size, false)), sigma = 0.006 * short;
  return around(wide, size + 4 * sigma + 2, part => gaussian(overEllipse(overEllipse(part, size, true), size, true), sigma));
}

/** @param {Plane[]} light linear @param {Plane} matte @param {import('./crew.js').Crew} [crew] @param {boolean} [exact] the subject ends where the matte says @returns {Promise<Plane[]>} */
export async function removeForeground(light, matte, crew = NOBODY, exact = false) {
  const solid = exact ? matte : map([matte], value => unit((value - SOLID[0]) / (SOLID[1] - SOLID[0])));
  if (solid.data.every(value => value === 0)) return light;
  const doubt = findDoubt(solid), size = 2 * Math.max(round((exact ? EXACT_REACH : REACH) * Math.min(matte.width, matte.height)), 1) + 1;
  const sure = around(map([solid, doubt], (value, unsure) => Math.min(value, 1 - unsure)), size, part => overEllipse(part, size, true));
  const hole = map([sure, doubt], (value, unsure) => {
    const step = unit((value - 0.03) / 0.12);
    return step * step * (3 - 2 * step) * (1 - unsure);
  });
  const weight = map([hole], value => (1 - value) ** 2), filled = await Promise.all(light.map(each => crew.do(pushPull, [[each], weight])));
  const part = exact ? hole : map([hole], value => SHARE * value);
  return light.map((each, channel) => mix(each, part, filled[channel][0]));
}
