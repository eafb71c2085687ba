// Workers that share what can be done in parts; without any, all is done where it is asked for.
// @ts-check

export class Crew {
  /** @param {MessagePort[]} ports to workers that run hand.js */
  constructor(ports = []) {
    this.size = ports.length;
    this.idle = [...ports];
    /** @type {((port: MessagePort) => void)[]} */
    this.waiting = [];
  }

  /**
   * One piece of work, by whoever is free first.
   * @template {any[]} Values @template Answer
   * @param {(...values: Values) => Answer} work of hand.js's list @param {Values} values copied
   * @param {Transferable[]} given of that what is handed over instead @returns {Promise<Answer>}
   */
  async do(work, values, given = []) {
    if (!this.size) return work(...values);
    const port = this.idle.pop() ?? await new Promise(/** @param {(port: MessagePort) => void} next */ next => { this.waiting.push(next); });
    try {
      return await new Promise((done, failed) => {
        port.onmessage = ({data}) => { if ('failed' in data) failed(new Error(data.failed)); else done(data.answer); };
        port.postMessage({name: work.name, values}, given);
      });
    } finally {
      const next = this.waiting.shift();
      if (next) next(port); else this.idle.push(port);
    }
  }
}

export const NOBODY = new Crew();

/**
 * Ports to as many workers as there are cores, four at most; none for a single core, and none to those that do not start.
 * @param {(path: string) => Worker | Promise<Worker>} start a worker, which says when it is ready, and keeps the port that it is sent first
 */
export async function hire(start) {
  const cores = Math.min(4, navigator.hardwareConcurrency || 1);
  const hired = await Promise.allSettled(Array.from({length: cores > 1 ? cores : 0}, async () => {
    const worker = await start('alone/hand.js'), {port1, port2} = new MessageChannel();
    await new Promise((ready, failed) => { worker.onmessage = ready; worker.onerror = failed; });
    worker.postMessage(port1, [port1]);
    return port2;
  }));
  return hired.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []));
}
