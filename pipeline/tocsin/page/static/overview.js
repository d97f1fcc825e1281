// The plant at a glance: one card per asset, in the server's order. Arrows move, Enter chooses.

import { byId, el, keep, setAttribute, setText } from "./dom.js";
import { count, score, stateOf, why } from "./format.js";
import { setIcon } from "./icons.js";
import { drawSpark } from "./spark.js";

const MANY = 12;
const SETTLE_MS = 10_000;
const EMPTY =
  "Nothing has come in yet. Send readings to the topic of readings: every asset in them appears here by itself.";

let cards = [];
let choose = () => {};
let order = { names: [], states: "", at_ms: -Infinity };

/** Make the list work; `chosen` is called with the name of the asset that a person chose. */
export function startOverview(chosen) {
  choose = chosen;
  const list = byId("assets");
  list.addEventListener("click", (event) => pick(event.target.closest(".card")));
  list.addEventListener("keydown", steer);
  byId("filter").addEventListener("input", () => filter());
  byId("filter").addEventListener("keydown", (event) => {
    if (event.key === "Escape") clearFilter();
    if (event.key === "ArrowDown") focusOn(visible()[0]);
  });
}

/** Show the plant; `chosen` is the name of the asset that is shown in full, or null. */
export function showOverview(picture, chosen) {
  const { assets, counts } = picture;
  cards = settle(assets);
  keep(byId("assets"), cards, (each) => each.asset, make, (node, each) => update(node, each, chosen));
  byId("filter").hidden = assets.length <= MANY && !byId("filter").value;
  byId("assets").hidden = !assets.length;
  byId("assets-empty").hidden = assets.length > 0;
  setText(byId("assets-empty"), EMPTY);
  setText(byId("plant-aside"), aside(counts));
  filter();
  rove();
  drawSparks();
}

function aside({ assets, shown }) {
  if (shown < assets) return `${count(shown)} of ${count(assets)} shown`;
  return assets ? `${count(assets)} asset${assets === 1 ? "" : "s"}` : "";
}

/** Keep the order for a while as long as no asset changes its state: rows that dance help nobody. */
function settle(assets) {
  const states = JSON.stringify(assets.map(({ asset, state, severity }) => [asset, state, severity]).sort());
  const now_ms = performance.now();
  if (states !== order.states || now_ms - order.at_ms > SETTLE_MS) {
    order = { names: assets.map(({ asset }) => asset), states, at_ms: now_ms };
    return assets;
  }
  const byName = new Map(assets.map((each) => [each.asset, each]));
  return order.names.map((name) => byName.get(name));
}

function make() {
  return el(
    "li",
    { class: "card", role: "option", tabindex: "-1" },
    el("span", { class: "card-name" }),
    el("span", { class: "card-score" }),
    el("span", { class: "card-state" }, el("span", { class: "mark" }), el("span", { class: "word" })),
    el("canvas", { "aria-hidden": "true" }),
  );
}

function update(node, asset, chosen) {
  const { tone, word } = stateOf(asset);
  setAttribute(node, "data-tone", tone);
  setAttribute(node, "data-asset", asset.asset);
  setAttribute(node, "aria-selected", String(asset.asset === chosen));
  setText(node.querySelector(".card-name"), asset.asset);
  setAttribute(node.querySelector(".card-name"), "title", asset.asset);
  setText(node.querySelector(".card-score"), score(asset.score));
  setIcon(node.querySelector(".mark"), tone);
  setText(node.querySelector(".word"), word);
  setAttribute(node, "title", tone === "unknown" ? why(asset.status) : null);
  node.querySelector("canvas").scores = asset.spark;
}

/** Draw all sparklines: after everything was written, so that nothing is laid out twice. */
export function drawSparks() {
  for (const canvas of byId("assets").querySelectorAll("canvas")) drawSpark(canvas, canvas.scores);
}

function visible() {
  return [...byId("assets").children].filter((node) => !node.hidden);
}

function filter() {
  const wanted = byId("filter").value.trim().toLowerCase();
  for (const node of byId("assets").children) {
    node.hidden = !node.dataset.asset.toLowerCase().includes(wanted);
  }
}

function clearFilter() {
  byId("filter").value = "";
  filter();
}

/** Let exactly one card be reached by Tab: the one with the focus, else the chosen one. */
function rove() {
  const nodes = visible();
  const stop =
    nodes.find((node) => node === document.activeElement) ??
    nodes.find((node) => node.getAttribute("aria-selected") === "true") ??
    nodes[0];
  for (const node of byId("assets").children) setAttribute(node, "tabindex", node === stop ? "0" : "-1");
}

function focusOn(node) {
  node?.focus();
  rove();
}

function pick(node) {
  if (!node) return;
  focusOn(node);
  choose(node.dataset.asset);
}

function steer(event) {
  const nodes = visible();
  const at = nodes.indexOf(document.activeElement);
  const last = nodes.length - 1;
  const [next, before] = [Math.min(last, at + 1), Math.max(0, at - 1)];
  const to = { ArrowDown: next, ArrowRight: next, ArrowUp: before, ArrowLeft: before, Home: 0, End: last };
  if (event.key === "Enter" || event.key === " ") pick(nodes[at]);
  else if (event.key in to) focusOn(nodes[to[event.key]]);
  else return;
  event.preventDefault();
}
