// Settings that can be taken back.
// @ts-check

/** @template T */
export class History {
  /** @param {T} first */
  constructor(first) { this.past = [JSON.stringify(first)]; this.at = 0; this.merged = ''; }

  /** @returns {T} */
  get now() { return JSON.parse(this.past[this.at]); }

  /** @param {T} next @param {string} [of] a moving control's name: its steps are taken back together */
  push(next, of = '') {
    const text = JSON.stringify(next);
    if (text === this.past[this.at]) return;
    if (of && of === this.merged && this.at === this.past.length - 1 && this.at > 0) this.past[this.at] = text;
    else { this.past.splice(this.at + 1); this.past.push(text); this.at = this.past.length - 1; }
    this.merged = of;
    if (this.past.length > 200) { this.past.shift(); this.at--; }
  }

  /** What moves next is a step of its own. */
  settle() { this.merged = ''; }

  get canUndo() { return this.at > 0; }

  get canRedo() { return this.at < this.past.length - 1; }

  /** @param {-1|1} step */
  go(step) { this.at = Math.max(0, Math.min(this.past.length - 1, this.at + step)); this.merged = ''; return this.now; }
}
