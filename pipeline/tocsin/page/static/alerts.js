// The alerts: newest first, as they open and resolve, and what was told to whom of each.

import { byId, el, keep, setAttribute, setText } from "./dom.js";
import { duration, percent, plural, score, short, stateOf, timeOf } from "./format.js";
import { icon, setIcon } from "./icons.js";
import { showTold, toldLine } from "./told.js";

const SHOWN_CHANNELS = 3;
const FRESH_MS = 2000;
const EMPTY =
  "No alert so far. When an asset leaves what its model knows as normal, it is told here and to every receiver.";

let known = null; // id -> state, once a first picture was seen
const fresh = new Set(); // ids of those that have just opened or resolved
let choose = () => {};

/** Make the list work; `chosen` is called with the asset that a person wants to see. */
export function startAlerts(chosen) {
  choose = chosen;
  byId("alerts").addEventListener("keydown", ({ key, target }) => {
    const open = key === "Escape" ? target.closest("details[open]") : null;
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}

/** Show the alerts of a picture, and announce what is new since the last one. */
export function showAlerts({ alerts, now_ms }) {
  announce(alerts);
  keep(byId("alerts"), alerts, ({ id }) => id, make, (node, alert) => update(node, alert, now_ms));
  byId("alerts-empty").hidden = alerts.length > 0;
  setText(byId("alerts-empty"), EMPTY);
  const open = alerts.filter(({ state }) => state === "open").length;
  setText(byId("alerts-aside"), alerts.length ? `${open} open · ${alerts.length - open} resolved` : "");
}

function announce(alerts) {
  const news = alerts.filter(({ id, state }) => known !== null && known.get(id) !== state);
  known = new Map(alerts.map(({ id, state }) => [id, state]));
  if (!news.length) return;
  const say = ({ asset, state, summary }) => `${state === "open" ? "Alert" : "Resolved"}: ${summary || asset}`;
  setText(byId("said"), news.map(say).join(" "));
  for (const { id } of news) fresh.add(id);
  setTimeout(() => news.forEach(({ id }) => fresh.delete(id)), FRESH_MS);
}

function make(alert) {
  const part = (tag, name) => el(tag, { class: name });
  const line = part("div", "alert-line");
  line.append(part("span", "mark"), el("b"), part("span", "severity"), part("span", "lasted"));
  const told = [part("p", "alert-sentence"), part("dl", "blamed"), part("p", "told-line")];
  const see = el("button", { class: "quiet-button show-asset", type: "button", text: "Show this asset" });
  see.addEventListener("click", () => choose(alert.asset));
  const more = part("div", "alert-more");
  more.append(part("p", "alert-facts aside"), part("div", "tolds"), see);
  return el("li", { class: "alert" }, el("details", {}, el("summary", {}, line, ...told), more));
}

function update(node, alert, now_ms) {
  const find = (name) => node.querySelector(`.${name}`);
  const open = alert.state === "open";
  const { tone, word } = stateOf({ ...alert, state: "alert" });
  setAttribute(node, "data-state", alert.state);
  setAttribute(node, "data-tone", tone);
  setAttribute(node, "data-alert", alert.id);
  setAttribute(node, "data-fresh", fresh.has(alert.id) ? "true" : null);
  setIcon(find("mark"), open ? tone : "ok");
  setText(node.querySelector("b"), alert.asset);
  setText(find("severity"), open ? word : "Resolved");
  setText(find("lasted"), lasted(alert, now_ms));
  setText(find("alert-sentence"), alert.summary);
  showBlamed(find("blamed"), alert.channels.slice(0, SHOWN_CHANNELS));
  toldLine(find("told-line"), alert.told);
  setText(find("alert-facts"), facts(alert));
  showTold(find("tolds"), alert.told);
}

function lasted({ state, began_ms, resolved_ms }, now_ms) {
  if (state !== "open") return `lasted ${duration(resolved_ms - began_ms)}`;
  return `for ${duration((now_ms ?? began_ms) - began_ms)}`;
}

function facts({ rule, began_ms, opened_ms, resolved_ms, score: highest, model, told }) {
  const parts = [`rule ${rule}`, `first sign ${timeOf(began_ms)}`, `opened ${timeOf(opened_ms)}`];
  if (resolved_ms !== null) parts.push(`over ${timeOf(resolved_ms)}`);
  if (highest !== null) parts.push(`highest score ${score(highest)}`);
  if (model) parts.push(`model ${short(model)}`);
  return `${parts.join(", ")} (UTC). ${plural(told.length, "webhook")}.`;
}

function showBlamed(list, channels) {
  const key = JSON.stringify(channels);
  if (list.dataset.shown === key) return;
  list.dataset.shown = key;
  list.hidden = !channels.length;
  list.replaceChildren(
    ...channels.flatMap(([name, share]) => {
      const bar = el("dd", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", `${share * 100}%`);
      return [el("dt", { text: name, title: name }), bar, el("dd", { class: "percent", text: percent(share) })];
    }),
  );
}
