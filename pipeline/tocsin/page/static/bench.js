// Breaking something, in the demo: an asset, a channel, a kind of fault, and what became of it.

import { byId, el, keep, setAttribute, setOptions, setText } from "./dom.js";
import { duration } from "./format.js";
import { setIcon } from "./icons.js";

const SHOWN = 4;
const NAMED = new Map([
  [true, ", and the channel was named first"],
  [false, ", but another channel was named first"],
]);

let bench = null;
let broke = () => {};
let busy = false;
let mine = false; // whether a person chose the asset here, so that it no longer follows the page's

/** Make the bench work; `broken` is called with asset and channel once something was broken. */
export function startBench(broken) {
  broke = broken;
  byId("bench-asset").addEventListener("change", () => {
    mine = true;
    offerChannels();
  });
  byId("bench-channel").addEventListener("change", () => {
    mine = true;
  });
  byId("kinds").addEventListener("click", ({ target }) => {
    const button = target.closest(".kind");
    if (button && !busy) breakIt(button.dataset.kind);
  });
}

/** Show the bench, if there is one; it proposes the asset and the channel that are looked at. */
export function showBench(picture, asset, channel) {
  bench = picture.bench;
  byId("bench").hidden = bench === null;
  if (bench === null) return;
  setOptions(byId("bench-asset"), options(Object.keys(bench.channels)));
  if (!mine && asset in bench.channels) byId("bench-asset").value = asset;
  offerChannels();
  if (!mine && bench.channels[asset]?.includes(channel)) byId("bench-channel").value = channel;
  showKinds();
  showFates(picture);
}

const options = (names) => names.map((name) => ({ value: name, text: name }));

function offerChannels() {
  setOptions(byId("bench-channel"), options(bench.channels[byId("bench-asset").value] ?? []));
}

function showKinds() {
  const make = ({ kind, title, meaning }) => {
    const words = [el("b", { text: title }), el("span", { text: meaning })];
    return el("button", { class: "kind", type: "button", "data-kind": kind }, ...words);
  };
  keep(byId("kinds"), bench.choices, ({ kind }) => kind, make, (node) => {
    node.disabled = busy;
  });
}

async function breakIt(kind) {
  const [asset, channel] = [byId("bench-asset").value, byId("bench-channel").value];
  wait(true);
  refuse("");
  try {
    const answer = await fetch("/api/breakages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ asset, channel, kind }),
    });
    const body = await answer.json();
    if (!answer.ok) return refuse(body.error ?? "That could not be broken.");
    mine = false;
    return broke(asset, channel);
  } catch {
    return refuse("Nothing was broken: Tocsin could not be reached. Try again.");
  } finally {
    wait(false);
  }
}

function wait(now) {
  busy = now;
  setAttribute(byId("kinds"), "aria-busy", String(now));
  for (const button of byId("kinds").children) button.disabled = now;
}

let refusal = "";

function refuse(sentence) {
  refusal = sentence;
  const place = byId("refusal");
  place.hidden = !sentence;
  setText(place, refusal);
}

function showFates({ breakages, now_ms }) {
  const shown = (breakages ?? []).slice(0, SHOWN);
  byId("fates-empty").hidden = shown.length > 0;
  byId("fates").hidden = !shown.length;
  const update = (node, each) => updateFate(node, each, now_ms, each === shown[0]);
  keep(byId("fates"), shown, ({ id }) => id, makeFate, update);
}

function makeFate() {
  const words = [el("p"), el("p", { class: "verdict" }), el("p", { class: "clock" })];
  return el("li", { class: "fate" }, el("span", { class: "mark" }), ...words);
}

function updateFate(node, breakage, now_ms, newest) {
  const { tone, mark, text } = verdict(breakage, now_ms);
  setAttribute(node, "data-fate", breakage.fate);
  setAttribute(node, "data-tone", tone);
  node.classList.toggle("older", !newest);
  setIcon(node.firstChild, mark);
  setText(node.querySelector("p"), what(breakage));
  setText(node.querySelector(".verdict"), text);
  setText(node.querySelector(".clock"), newest ? clock(breakage, now_ms) : "");
}

function what({ asset, channel, kind, by }) {
  const title = bench.choices.find((choice) => choice.kind === kind)?.title ?? kind;
  return `${title} of ${channel} on ${asset}, ${by === "story" ? "by the story" : "by you"}`;
}

/** Say what became of it, plainly. */
function verdict({ fate, delay_s, named }, now_ms) {
  if (fate === "caught") {
    const after = delay_s === null ? "Caught" : `Caught after ${duration(delay_s * 1000)}`;
    return { tone: "ok", mark: "ok", text: `${after}${NAMED.get(named) ?? ""}.` };
  }
  if (fate === "missed") return { tone: "critical", mark: "failed", text: "Not caught: nothing was said." };
  return { tone: "warning", mark: "waiting", text: now_ms === null ? "Just broken." : "Not caught yet." };
}

function clock({ start_ms, end_ms }, now_ms) {
  if (now_ms === null || now_ms < start_ms) return "It begins with the next readings.";
  if (now_ms < end_ms) return `Broken for ${duration(now_ms - start_ms)} of the plant's time.`;
  const [lasted, ago] = [duration(end_ms - start_ms), duration(now_ms - end_ms)];
  return `It lasted ${lasted} and ended ${ago} ago, in the plant's time.`;
}
