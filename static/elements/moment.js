// <time-since> and <time-until>: a point in time as people say it, kept true while it is shown.

const shown = new Set();

function tick() {
  for (const element of shown) element.draw();
}

class TimeElement extends HTMLElement {
  connectedCallback() {
    if (shown.size === 0) TimeElement.timer = setInterval(tick, 1000);
    shown.add(this);
    this.draw();
  }

  disconnectedCallback() {
    shown.delete(this);
    if (shown.size === 0) clearInterval(TimeElement.timer);
  }

  static observedAttributes = ["at"];

  attributeChangedCallback() {
    this.draw();
  }

  draw() {
    const at = new Date(this.getAttribute("at"));
    if (Number.isNaN(at.getTime())) return;
    this.title = at.toLocaleString();
    const text = this.say(at.getTime() - Date.now(), at);
    if (this.textContent !== text) this.textContent = text;
  }
}

class TimeSince extends TimeElement {
  say(left) {
    const gone = Math.max(0, -left) / 1000;
    return gone < 5 ? "just now" : `${duration(gone, 1)} ago`;
  }
}

class TimeUntil extends TimeElement {
  say(left, at) {
    if (left <= 0) return "any moment";
    const seconds = Math.ceil(left / 1000);
    return seconds < 3600 ? `in ${duration(seconds, 2)}` : `until ${at.toLocaleString()}`;
  }
}

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** `duration(3725, 2)` is `1 h 2 min`. */
export function duration(seconds, most) {
  let rest = Math.floor(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (parts.length === 0 && size === 1)) parts.push(`${count} ${unit}`);
    if (parts.length === most) break;
  }
  return parts.join(" ");
}

/** For how long something took: `340 ms`, `2.4 s`, `1 min 5 s`. */
export function took(millis) {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`;
  if (millis < 10_000) return `${(millis / 1000).toFixed(1)} s`;
  return duration(millis / 1000, 2);
}

customElements.define("time-since", TimeSince);
customElements.define("time-until", TimeUntil);
