// The cursor over the lanes: it follows the pointer, or the arrow keys on the time axis, and says
// which moment is read out. Escape lets it go, and the newest window is read out again.

import { setAttribute } from "./dom.js";
import { nearest } from "./history.js";

export class Scrub {
  #charts;
  #slider;
  #cursor;
  #moved;
  #axis = null;
  #history = null;
  #at_ms = null;
  #keys = false;

  /** Whether the pointer is held down over the lanes: whoever draws should then wait. */
  pressed = false;

  constructor(charts, slider, moved) {
    this.#charts = charts;
    this.#slider = slider;
    this.#cursor = charts.querySelector(".cursor");
    this.#moved = moved;
    charts.addEventListener("pointermove", (event) => this.#point(event), { capture: true });
    charts.addEventListener("pointerleave", () => this.#keys || this.release());
    charts.addEventListener("pointerdown", ({ target, pointerType }) => {
      this.pressed = pointerType === "mouse" && Boolean(target.closest(".plot"));
    }, { capture: true });
    for (const name of ["pointerup", "pointercancel"]) {
      addEventListener(name, () => (this.pressed = false), { capture: true });
    }
    slider.addEventListener("keydown", (event) => this.#steer(event));
    slider.addEventListener("blur", () => this.release());
  }

  /** The time that is read out, or null for the newest. */
  get at_ms() {
    return this.#at_ms;
  }

  /** Take the axis and the windows as they are drawn now. */
  place(axis, history) {
    this.#axis = axis;
    this.#history = history;
    setAttribute(this.#slider, "aria-valuemin", history.end_ms[0]);
    setAttribute(this.#slider, "aria-valuemax", history.end_ms.at(-1));
    this.#show();
  }

  /** Say what is read out, for those who do not see it. */
  say(text) {
    setAttribute(this.#slider, "aria-valuenow", this.#at_ms ?? this.#history?.end_ms.at(-1) ?? 0);
    setAttribute(this.#slider, "aria-valuetext", text);
  }

  /** Go back to the newest window. */
  release() {
    this.#keys = false;
    this.#move(null);
  }

  #point({ clientX, target }) {
    if (!this.#axis || target.closest(".lane-head")) return;
    const x = clientX - this.#slider.getBoundingClientRect().left;
    const inside = x >= this.#axis.left - 2 && x <= this.#axis.right + 2;
    this.#keys = false;
    this.#move(inside ? this.#axis.at(x) : null);
  }

  #steer(event) {
    const history = this.#history;
    if (!history) return;
    const last = history.end_ms.length - 1;
    const at = this.#at_ms === null ? last : nearest(history, this.#at_ms);
    const [left, right] = [at - 1, at + 1];
    const to = { ArrowLeft: left, ArrowRight: right, PageUp: at - 10, PageDown: at + 10, Home: 0, End: last };
    if (event.key === "Escape") return this.release();
    if (!(event.key in to)) return undefined;
    event.preventDefault();
    this.#keys = true;
    return this.#move(history.end_ms[Math.max(0, Math.min(last, to[event.key]))]);
  }

  #move(at_ms) {
    if (at_ms === this.#at_ms) return;
    this.#at_ms = at_ms;
    this.#show();
    this.#moved();
  }

  #show() {
    const seen = this.#at_ms !== null && this.#axis !== null;
    this.#cursor.hidden = !seen;
    if (!seen) return;
    const at = nearest(this.#history, this.#at_ms);
    const left = this.#slider.getBoundingClientRect().left - this.#charts.getBoundingClientRect().left;
    const x = Math.max(this.#axis.left, Math.min(this.#axis.right, this.#axis.x(this.#history.end_ms[at])));
    this.#cursor.style.transform = `translateX(${left + x}px)`;
  }
}
