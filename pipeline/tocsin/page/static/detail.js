// One asset in full: its name and state, four lanes over one time axis, and the moment that is read
// out in front of every lane: the newest window, or the one under the pointer.

import { Axis, marginsOf } from "./axis.js";
import { Chart, loadPlotly } from "./charts.js";
import { byId, el, keep, pulse, setAttribute, setOptions, setText } from "./dom.js";
import { scoreFigure, signalFigure } from "./figures.js";
import { dateTimeOf, MISSING, number, percent, score, short, stateOf, timeOf, why } from "./format.js";
import { culprit, essence, extend, nearest } from "./history.js";
import { icon } from "./icons.js";
import { Scrub } from "./scrub.js";
import { drawBlame, drawStatus, drawTime } from "./strips.js";
import { colours } from "./theme.js";

const DRAW_MS = 330;
const ALL = "all";
const COLOURS = [
  ...["ink-3", "accent", "critical", "warning", "truth", "grid", "sunken", "line", "line-strong"],
  ...["measured", "expected", "gap", "alert-band", "score", "over", "unknown-soft", "ok-band"],
  ...["heat-1", "heat-2", "heat-3", "heat-4"],
];

export class Detail {
  #history = null;
  #picture = null;
  #name = null;
  #channel = null; // as a person chose it; null: the most blamed one
  #followed = null;
  #told;
  #zoom = null;
  #palette = null;
  #plotly = null;
  #scrub;
  #signal = new Chart(byId("plot-signal"), (zoom) => this.#see(zoom));
  #score = new Chart(byId("plot-score"), (zoom) => this.#see(zoom));
  #ask = pulse(() => this.#draw(), DRAW_MS);

  /** `followed` is called whenever the channel that is shown became another one. */
  constructor(followed) {
    this.#told = followed;
    this.#scrub = new Scrub(byId("charts"), byId("strip-time"), () => this.#read());
    byId("channel").addEventListener("change", ({ target }) => this.chooseChannel(target.value || null));
    byId("back").addEventListener("click", () => this.#see(this.#zoom ? null : ALL));
    byId("names").addEventListener("click", ({ target }) => {
      this.chooseChannel(target.closest("button")?.dataset.channel ?? this.#channel);
    });
    new ResizeObserver(() => this.#ask()).observe(byId("charts"));
    this.#load();
  }

  /** Show another asset from now on; null: none. */
  choose(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#history = null;
    this.#channel = this.#followed = this.#zoom = null;
    this.#scrub.release();
    this.#refresh();
  }

  /** Show a channel's signal; null: whichever is blamed most. */
  chooseChannel(channel) {
    this.#channel = channel;
    this.#refresh();
  }

  /** The channel whose signal is shown, or null. */
  get channel() {
    return this.#channel ?? this.#followed;
  }

  showPicture(picture) {
    this.#picture = picture;
    this.#head();
    this.#refresh();
  }

  showTrace(trace) {
    if (trace.asset !== this.#name) return;
    this.#history = trace;
    this.#refresh();
  }

  showRows(rows) {
    if (rows.asset !== this.#name) return;
    this.#history = extend(this.#history, rows);
    this.#refresh();
  }

  /** Take the colours anew. */
  recolour() {
    this.#palette = null;
    this.#ask();
  }

  #refresh() {
    if (this.#history) this.#follow();
    this.#note();
    this.#head();
    this.#ask();
  }

  async #load() {
    try {
      this.#plotly = await loadPlotly();
      this.#ask();
    } catch {
      const sorry = "The charts could not be loaded. Reload the page to try again.";
      for (const id of ["plot-signal", "plot-score"]) setText(byId(id), sorry);
    }
  }

  /** See a stretch of time from now on: {from_ms, to_ms}, all there is, or null for the usual. */
  #see(zoom) {
    this.#zoom = zoom;
    this.#ask();
  }

  /** Return the stretch of time that is to be drawn, and say what the button by it would do. */
  #stretch() {
    const history = this.#history;
    const whole = { from_ms: history.end_ms[0], to_ms: history.end_ms.at(-1) };
    const usual = essence(history);
    const cut = usual.from_ms > whole.from_ms;
    setText(byId("back"), this.#zoom ? "Back to now" : "Show all");
    setAttribute(byId("back"), "data-shown", this.#zoom || cut ? "true" : null);
    return this.#zoom === ALL ? whole : (this.#zoom ?? usual);
  }

  get #asset() {
    return this.#picture?.assets.find(({ asset }) => asset === this.#name) ?? null;
  }

  get #alerts() {
    return (this.#picture?.alerts ?? []).filter(({ asset }) => asset === this.#name);
  }

  /** What was broken of this asset, each with the title of its kind. */
  get #breakages() {
    const { breakages, bench } = this.#picture ?? {};
    const titles = new Map(bench?.choices.map(({ kind, title }) => [kind, title]));
    return (breakages ?? [])
      .filter(({ asset }) => asset === this.#name)
      .map((each) => ({ ...each, title: titles.get(each.kind) ?? each.kind }));
  }

  #follow() {
    const names = this.#history.channels.map(({ name }) => name);
    const open = this.#alerts.find(({ state, channels }) => state === "open" && channels.length);
    const wanted = open?.channels[0][0] ?? culprit(this.#history) ?? this.#followed;
    this.#followed = names.includes(wanted) ? wanted : (names[0] ?? null);
    if (!names.includes(this.#channel)) this.#channel = null;
    const follow = { value: "", text: "Most blamed" };
    setOptions(byId("channel"), [follow, ...names.map((name) => ({ value: name, text: name }))]);
    byId("channel").value = this.#channel ?? "";
    if (byId("channel-name").textContent === this.channel) return;
    setText(byId("channel-name"), this.channel ?? MISSING);
    this.#told();
  }

  #head() {
    const asset = this.#asset;
    setText(byId("asset-name"), this.#name ?? "No asset yet");
    const place = byId("asset-state");
    const absent = { tone: "unknown", word: this.#history ? "Not in the list" : "Waiting" };
    const { tone, word } = asset ? stateOf(asset) : absent;
    if (place.dataset.shown !== tone + word) {
      place.replaceChildren(icon(tone), el("span", { text: word }));
    }
    place.dataset.shown = tone + word;
    place.dataset.tone = tone;
    setText(byId("asset-facts"), asset ? facts(asset) : " ");
  }

  #note() {
    const sentence = this.#sentence();
    byId("note").hidden = !sentence;
    setAttribute(byId("charts"), "data-empty", sentence ? "true" : null);
    setText(byId("note"), sentence);
  }

  #sentence() {
    if (!this.#picture) return "Connecting to Tocsin …";
    if (this.#name === null) {
      return "Nothing has come in yet. The first asset that sends readings is shown here.";
    }
    if (!this.#history) return `Waiting for the windows of ${this.#name} …`;
    if (!this.#history.end_ms.length) return `No window of ${this.#name} is complete yet.`;
    return "";
  }

  #draw() {
    const history = this.#history;
    if (this.#scrub.pressed) return this.#ask();
    if (!history?.end_ms.length) return undefined;
    const margins = marginsOf(byId("charts"));
    const width = byId("plot-signal").clientWidth;
    const { from_ms, to_ms } = this.#stretch();
    this.#palette ??= colours(...COLOURS);
    const view = {
      history,
      palette: this.#palette,
      axis: new Axis(from_ms, to_ms, width, margins),
      alerts: this.#alerts,
      breakages: this.#breakages,
    };
    this.#names();
    drawBlame(byId("strip-blame"), view, this.channel);
    drawStatus(byId("strip-status"), view);
    drawTime(byId("strip-time"), view);
    this.#scrub.place(view.axis, history);
    if (!this.#plotly) return undefined;
    this.#score.draw(this.#plotly, scoreFigure(view));
    return this.#signal.draw(this.#plotly, signalFigure(view, this.channel));
  }

  #names() {
    byId("charts").style.setProperty("--channels", this.#history.channels.length);
    const make = ({ name }) => {
      const label = el("span", { class: "label", text: name, title: name });
      const button = el("button", { class: "name", type: "button", "data-channel": name });
      button.append(label, el("span", { class: "share" }));
      return el("li", {}, button);
    };
    keep(byId("names"), this.#history.channels, ({ name }) => name, make, (node, { name }) => {
      setAttribute(node.firstChild, "aria-pressed", String(name === this.channel));
    });
    this.#read();
  }

  /** Read out the moment under the cursor, or the newest one. */
  #read() {
    const history = this.#history;
    if (!history?.end_ms.length) return;
    const held = this.#scrub.at_ms;
    const at = held === null ? history.end_ms.length - 1 : nearest(history, held);
    const channel = history.channels.find(({ name }) => name === this.channel);
    const [measured, expected] = [channel?.measured[at] ?? null, channel?.expected[at] ?? null];
    setText(byId("now-measured"), number(measured));
    setText(byId("now-expected"), number(expected));
    setText(byId("now-score"), score(history.score[at]));
    setAttribute(byId("now-score"), "data-over", history.score[at] >= 1 ? "true" : null);
    setText(byId("now-coverage"), percent(history.coverage[at]));
    setText(byId("now-status"), why(history.status[at]).split(":")[0]);
    setText(byId("time-hint"), `${held === null ? "Newest" : "At"} ${timeOf(history.end_ms[at])} UTC`);
    for (const node of byId("names").children) {
      const { blame } = history.channels.find(({ name }) => name === node.dataset.key) ?? { blame: [] };
      setText(node.querySelector(".share"), percent(blame[at]));
    }
    const values = `measured ${number(measured)}, expected ${number(expected)}`;
    const judged = `score ${score(history.score[at])}, ${why(history.status[at])}`;
    this.#scrub.say(`${timeOf(history.end_ms[at])}: ${values}, ${judged}`);
  }
}

function facts({ profile, model, end_ms, status }) {
  const scored = model ? `model ${short(model)}` : why(status).split(":")[0];
  const newest = end_ms === null ? "" : ` · newest window ${dateTimeOf(end_ms)} UTC`;
  return `${profile} · ${scored}${newest}`;
}
