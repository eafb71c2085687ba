// A worker of a crew: it is given a port, and does what comes through it.
// @ts-check

import {splitInstances} from './closer.js';
import {blurred} from './compositor.js';
import {drawTile} from './depth_lens.js';
import {pushPull} from './fill.js';
import {drawStrip, drawnBehind} from './full_size.js';
import {drawNoise, lostGrain} from './grain.js';
import {guidedCoefficients, lift} from './guided.js';
import {raiseLamps} from './highlights.js';
import {resizePicture} from './planes.js';
import {studied} from './scene.js';

const WORKS = {blurred, drawNoise, drawStrip, drawTile, drawnBehind, guidedCoefficients, lift, lostGrain, pushPull, raiseLamps, resizePicture, splitInstances, studied};

/** The memory of what is answered: nobody needs it here any more. @param {any} value @returns {Transferable[]} */
function memoryOf(value) {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  return value && typeof value === 'object' ? [...new Set(Object.values(value).flatMap(memoryOf))] : [];
}

addEventListener('message', ({data: /** @type {MessagePort} */ port}) => {
  port.onmessage = async (/** @type {MessageEvent} */ {data: {name, values}}) => {
    try {
      const answer = await /** @type {any} */ (WORKS)[name](...values);
      port.postMessage({answer}, memoryOf(answer));
    } catch (error) {
      port.postMessage({failed: String(error)});
    }
  };
}, {once: true});
postMessage('ready');
