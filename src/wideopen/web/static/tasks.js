// What takes a while: what is said of it, its progress, and how it is given up.
// @ts-check

const part = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

export class Tasks {
  /** @param {(words: string, bad: boolean) => void} say */
  constructor(say) {
    this.say = say;
    /** @type {Set<AbortController>} */
    this.running = new Set();
  }

  /**
   * @param {string} words @param {(signal: AbortSignal, tell: (share: number, words: string) => void) => Promise<void>} task
   * @param {(error: ?Error) => void} [after]
   */
  async work(words, task, after = () => {}) {
    const control = new AbortController(), bar = part('bar');
    this.running.add(control);
    bar.removeAttribute('value');
    part('busy').hidden = false;
    part('busy-words').textContent = words;
    let failed = null;
    try {
      await task(control.signal, (share, said) => { bar.value = share; part('busy-words').textContent = said; });
    } catch (error) {
      failed = /** @type {Error} */ (error);
    }
    this.running.delete(control);
    part('busy').hidden = this.running.size === 0;
    after(failed);
    if (failed) this.say(control.signal.aborted ? 'Cancelled.' : failed.message, !control.signal.aborted);
  }

  cancel() { for (const control of this.running) control.abort(); }
}
