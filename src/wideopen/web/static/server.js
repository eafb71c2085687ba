// The HTTP API, as the application uses it.
// @ts-check

import {readScene} from './scene.js';

/** What the server refused, in one line for a person. */
export class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) { super(message); this.status = status; }
}

/** @param {string} path @param {RequestInit} [init] */
async function ask(path, init) {
  let answer;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') throw error;
    throw new Refused('The server does not answer.', 0);
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.detail ?? `The server answers ${answer.status}.`, answer.status);
}

/** @returns {Promise<any>} options, lenses and presets */
export const schema = async () => (await ask('schema')).json();

/** @param {string} name @returns {Promise<File>} */
export async function example(name) {
  const blob = await (await ask(`examples/${name}`)).blob();
  return new File([blob], name, {type: blob.type});
}

/**
 * @typedef {object} Photo
 * @property {File} file
 * @property {?File} depth
 * @property {?string} id by which the server knows it
 * @property {?string} depthId
 * @property {string} focus
 * @property {import('./brush.js').Stroke[]} [strokes]
 */

/** @param {Photo} photo @param {Record<string, any>} settings */
function form(photo, settings) {
  const body = new FormData();
  if (photo.id) body.append('photo_id', photo.id); else body.append('photo', photo.file, photo.file.name);
  if (photo.depth) {
    if (photo.depthId) body.append('depth_id', photo.depthId); else body.append('depth', photo.depth, photo.depth.name);
  }
  if (photo.strokes?.length) body.append('strokes', photo.strokes.map(stroke => JSON.stringify(stroke)).join('\n'));
  for (const [name, value] of Object.entries({...settings, focus: photo.focus})) {
    if (value !== null && value !== undefined) body.append(name, String(value));
  }
  return body;
}

/**
 * One call about a photo; sent whole once more if the server has removed it meanwhile.
 * @param {string} path @param {Photo} photo @param {Record<string, any>} settings @param {AbortSignal} [signal]
 */
async function about(path, photo, settings, signal) {
  try {
    return await ask(path, {method: 'POST', body: form(photo, settings), signal});
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 410) throw error;
    photo.id = photo.depthId = null;
    return ask(path, {method: 'POST', body: form(photo, settings), signal});
  }
}

/** @param {Photo} photo @param {Record<string, any>} settings @param {AbortSignal} [signal] */
export async function scene(photo, settings, signal) {
  const answer = await about('scene', photo, settings, signal);
  const names = JSON.parse(answer.headers.get('x-wideopen') ?? '{}');
  photo.id = names.id;
  photo.depthId = names.depth_id;
  return {scene: await readScene(await answer.arrayBuffer()), output: String(names.output)};
}

/** @param {Photo} photo @param {Record<string, any>} settings @param {AbortSignal} [signal] @returns {Promise<Blob>} */
export async function render(photo, settings, signal) {
  return (await about('render', photo, settings, signal)).blob();
}

/** @param {string[]} ids */
export function forget(ids) {
  if (!ids.length) return;
  const body = new FormData();
  body.append('ids', ids.join(','));
  navigator.sendBeacon('forget', body);
}
