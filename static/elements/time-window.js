// Which part of a task's time is seen: the whole, or what somebody zoomed into. While the whole is seen it grows with the
// task; a part stays where it is.

const NARROWEST_MS = 20;

export class TimeWindow {
  #from = 0;
  #to = 1;
  /** `null` while all is seen, else `{ from, to }` */
  #part = null;

  /** The whole: from the task's begin to its end, or to now. */
  setWhole(from, to) {
    this.#from = from;
    this.#to = Math.max(to, from + NARROWEST_MS);
  }

  get from() {
    return this.#part?.from ?? this.#from;
  }

  get to() {
    return this.#part?.to ?? this.#to;
  }

  get span() {
    return this.to - this.from;
  }

  get isZoomed() {
    return this.#part !== null;
  }

  /** Where a moment is, 0 at the left and 1 at the right. */
  place(at) {
    return (at - this.from) / this.span;
  }

  /** Makes the window so many times as wide around a place in it. */
  zoom(factor, around = 0.5) {
    const whole = this.#to - this.#from;
    const span = Math.max(NARROWEST_MS, this.span * factor);
    if (span >= whole) {
      this.fit();
      return;
    }
    const center = this.from + this.span * around;
    this.#set(center - span * around, span);
  }

  /** Moves it by so many of its widths. */
  move(widths) {
    if (this.#part) this.#set(this.from + this.span * widths, this.span);
  }

  show(from, to) {
    const span = Math.max(NARROWEST_MS, to - from);
    if (span >= this.#to - this.#from) this.fit();
    else this.#set(from, span);
  }

  fit() {
    this.#part = null;
  }

  #set(from, span) {
    const begin = Math.min(Math.max(from, this.#from), this.#to - span);
    this.#part = { from: begin, to: begin + span };
  }

  /** Round moments for the axis, about so many: `{ at, place }`, as milliseconds from the task's begin. */
  ticks(most) {
    const step = roundUp(this.span / most);
    const ticks = [];
    for (let at = Math.ceil((this.from - this.#from) / step) * step; at <= this.to - this.#from; at += step) {
      ticks.push({ at, place: this.place(at + this.#from) });
    }
    return ticks;
  }
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE,
  5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];

function roundUp(ms) {
  return STEPS.find((step) => step >= ms) ?? STEPS[STEPS.length - 1];
}
