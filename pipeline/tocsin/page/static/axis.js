// The time axis that all lanes share: places in pixels, and round times to mark.

import { dateOf, minuteOf, timeOf } from "./format.js";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
  .map((seconds) => seconds * SECOND);
const ROOM = 72;

/** Return the margins of the lanes, as the style sheet has them. */
export function marginsOf(charts) {
  const style = getComputedStyle(charts);
  const read = (name) => Number.parseFloat(style.getPropertyValue(name)) || 0;
  return { left: read("--plot-left"), right: read("--plot-right"), head: read("--head") };
}

/** A stretch of time on a stretch of pixels. */
export class Axis {
  constructor(from_ms, to_ms, width, margins) {
    this.from_ms = from_ms;
    this.to_ms = Math.max(to_ms, from_ms + 1);
    this.left = margins.left;
    this.right = width - margins.right;
    this.width = width;
  }

  /** Return the pixel of a time. */
  x(at_ms) {
    return this.left + ((at_ms - this.from_ms) / (this.to_ms - this.from_ms)) * (this.right - this.left);
  }

  /** Return the time of a pixel. */
  at(x) {
    const share = Math.max(0, Math.min(1, (x - this.left) / (this.right - this.left)));
    return this.from_ms + share * (this.to_ms - this.from_ms);
  }

  /** Return round times: [{at_ms, text}], not too close to one another. */
  ticks() {
    const most = Math.max(2, Math.floor((this.right - this.left) / ROOM));
    const step = STEPS.find((each) => (this.to_ms - this.from_ms) / each <= most) ?? STEPS.at(-1);
    const found = [];
    for (let at = Math.ceil(this.from_ms / step) * step; at <= this.to_ms; at += step) {
      found.push({ at_ms: at, text: labelOf(at, step) });
    }
    return found;
  }
}

function labelOf(at_ms, step_ms) {
  if (step_ms < 60 * SECOND) return timeOf(at_ms);
  return step_ms < DAY ? minuteOf(at_ms) : dateOf(at_ms).slice(5);
}
