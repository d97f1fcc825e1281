// The four pictures over time of one series, which share what is seen of it.

import { byId, el, key } from "./dom.js";
import { draw, isNarrow, listenForZoom } from "./plot.js";
import { heatFigure, lanesFigure, rowAt } from "./lanes.js";
import { LINE_COLOURS, scoreFigure, signalFigure, triedLine } from "./signals.js";
import { move, within, wholeOf } from "./axis.js";
import { nameOf } from "./summary.js";
import { times } from "./format.js";

const SIGNAL_HEIGHT = 210;
const SCORE_HEIGHT = 180;

/**
 * The pictures, and what is seen in them. `stateOf` returns {chapter, entrant, channel, palette,
 * limit}; `chooseChannel` is called with one whose name was clicked.
 */
export class Timeline {
  #stateOf;
  #view = null;
  #beside = new Map(); // detectors whose score is drawn too -> their colour
  #heat = null;
  #listening = new Set();

  constructor(stateOf, chooseChannel) {
    this.#stateOf = stateOf;
    for (const button of document.querySelectorAll("[data-move]")) {
      button.addEventListener("click", () => this.look(move(stateOf().chapter, this.view, button.dataset.move)));
    }
    byId("plot-heat").addEventListener("click", ({ clientX, clientY }) => {
      const box = byId("plot-heat").getBoundingClientRect();
      const channel = this.#heat && rowAt(this.#heat, clientY - box.top, clientX - box.left);
      if (channel !== null) chooseChannel(channel);
    });
  }

  /** What is seen: a stretch of time. */
  get view() {
    return this.#view ?? wholeOf(this.#stateOf().chapter);
  }

  /** See all of another series. */
  reset() {
    this.#view = null;
    this.#beside.clear();
  }

  /** See a stretch of time, or all of it. */
  look(stretch) {
    this.#view = stretch && within(this.#stateOf().chapter, stretch);
    this.draw();
  }

  draw() {
    this.drawSignal();
    this.drawScore();
    this.drawLanes();
    this.#drawHeat();
  }

  drawSignal() {
    const state = { ...this.#stateOf(), view: this.view };
    const { traces, layout } = signalFigure(state);
    const { chapter, channel, entrant } = state;
    const expects = entrant in chapter.signals[channel].expected;
    byId("signal-keys").replaceChildren(
      key("measured", "measured"),
      ...(expects ? [key("expected", `expected by ${nameOf(chapter, entrant)}${chapter.said[entrant].ahead ? "" : ", row by row as it came"}`)] : []),
      ...(chapter.events ? [key("event", "labelled event")] : []),
      key("learned", "learned from"),
    );
    this.#put("signal", SIGNAL_HEIGHT, traces, layout, `${chapter.channels[channel]} over time`);
  }

  drawScore() {
    const { limit, ...state } = this.#stateOf();
    const { traces, layout } = scoreFigure({ ...state, view: this.view, beside: this.#beside, limit: limit.value });
    this.#put("score", isNarrow() ? 150 : SCORE_HEIGHT, traces, layout, `Score of ${state.entrant} over time; 1 is the limit`);
    this.#offerOthers(state);
  }

  /** Draw what depends on the limit that is tried, and nothing else: lines are long. */
  drawLimit() {
    const { limit, palette } = this.#stateOf();
    const { y0, y1, visible } = triedLine(palette, limit.value);
    const node = byId("plot-score");
    const line = `shapes[${node.layout.shapes.length - 1}]`; // a whole shape would be one more
    Plotly.relayout(node, { [`${line}.y0`]: y0, [`${line}.y1`]: y1, [`${line}.visible`]: visible });
    this.drawLanes();
  }

  drawLanes() {
    const { limit, ...state } = this.#stateOf();
    const shipped = state.chapter.said[state.entrant].alarms;
    const tried = { name: `limit × ${times(limit.value)}`, alarms: limit.alarms(state.chapter, state.entrant) ?? shipped };
    const { traces, layout, height } = lanesFigure({ ...state, view: this.view, tried });
    this.#put("lanes", height, traces, layout, "Who rang when; the list of incidents says the same in words");
  }

  #drawHeat() {
    this.#heat = heatFigure({ ...this.#stateOf(), view: this.view });
    byId("heat-head").hidden = byId("plot-heat").hidden = this.#heat === null;
    if (this.#heat === null) return;
    const { traces, layout, height } = this.#heat;
    this.#put("heat", height, traces, layout, "Blame of each channel over time; the list of incidents names the most blamed");
  }

  #put(name, height, traces, layout, words) {
    const node = byId(`plot-${name}`);
    node.setAttribute("aria-label", words);
    draw(node, height, traces, layout);
    if (this.#listening.has(name)) return;
    this.#listening.add(name);
    listenForZoom(node, () => this.#stateOf().chapter, (stretch) => this.look(stretch));
  }

  /** Offer the scores of the other detectors, each a button that draws it or takes it away. */
  #offerOthers({ chapter, entrant }) {
    const others = Object.keys(chapter.said).filter((name) => name !== entrant);
    const buttons = others.map((name) => {
      const colour = this.#beside.get(name);
      const toggle = () => {
        this.#toggle(name);
        this.drawScore();
        [...byId("score-keys").querySelectorAll("button")][others.indexOf(name)].focus();
      };
      return el("button", { class: "toggle", type: "button", "aria-pressed": String(Boolean(colour)), vars: { line: `var(--${colour ?? "line-strong"})` }, text: nameOf(chapter, name), on: { click: toggle } });
    });
    byId("score-keys").replaceChildren(key("score", nameOf(chapter, entrant)), key("limit", "limit"), ...buttons);
  }

  #toggle(name) {
    if (this.#beside.delete(name)) return;
    const used = [...this.#beside.values()];
    this.#beside.set(name, LINE_COLOURS.find((each) => !used.includes(each)) ?? LINE_COLOURS[0]);
  }
}

