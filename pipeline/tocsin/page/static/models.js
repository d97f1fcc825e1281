// The models' story: every version with what it learned from, its verdict, and which one scores.

import { byId, el, keep, setAttribute, setText } from "./dom.js";
import { count, dateTimeOf, plural, short } from "./format.js";
import { icon } from "./icons.js";

const SOON = "Takes over at the next checkpoint.";
const STANDINGS = { champion: "chosen", previous: "previous", refused: "refused", retired: "retired" };

/** Show the models of a picture. */
export function showModels(picture) {
  const { models } = picture;
  const show = (node, model) => update(node, model, picture);
  keep(byId("models"), models, ({ profile, version }) => `${profile} ${version}`, make, show);
  byId("models-empty").hidden = models.length > 0;
  setText(byId("models-empty"), waiting(picture));
}

function waiting({ assets, story }) {
  if (!assets.length) return "No model yet. The first one is learned from the readings that come in.";
  const now = "It is being learned from what comes in.";
  const soon = "It is learned as soon as enough windows have come in.";
  const when = story?.phase === "learning" ? now : soon;
  return `No model yet. ${when} Until it is there nothing is scored, and nothing counts as normal.`;
}

function make(model) {
  const line = el(
    "div",
    { class: "model-line" },
    el("span", { class: "version", text: short(model.version), title: model.version }),
    el("span", { class: "badge" }),
    el("time", { text: dateTimeOf(model.created_ms), title: "when it was learned, in event time, UTC" }),
  );
  const checks = el("details", { class: "checks" }, el("summary"), el("ul"));
  return el("li", { class: "model" }, line, el("p", { class: "model-text" }), checks);
}

function update(node, model, picture) {
  const scoring = scored(model, picture);
  const { tone, word } = standing(model, scoring);
  setAttribute(node, "data-version", model.version);
  setAttribute(node, "data-tone", tone);
  setText(node.querySelector(".badge"), word);
  setText(node.querySelector(".model-text"), sentence(model, scoring, picture));
  showChecks(node.querySelector(".checks"), model);
}

/** Return how many of the assets that are shown have their newest score from this model. */
function scored({ profile, version }, { assets }) {
  return assets.filter((asset) => asset.profile === profile && asset.model === version).length;
}

function standing({ promoted, standing: place }, scoring) {
  if (!promoted) return { tone: "critical", word: "refused" };
  if (scoring) return { tone: "ok", word: "scores now" };
  return { tone: null, word: STANDINGS[place] ?? place };
}

function sentence(model, scoring, { assets, counts }) {
  const { profile, windows } = model;
  const from = windows === null ? "" : `: learned from and judged on ${plural(windows, "window")}`;
  const parts = [`${profile}${from}.`];
  if (model.parent) parts.push(`A refit of ${short(model.parent)}.`);
  const part = counts.shown < counts.assets;
  const all = part ? `the ${count(counts.shown)} that are shown` : plural(assets.length, "asset");
  if (scoring) parts.push(`Scores ${count(scoring)} of ${all}.`);
  else if (model.standing === "champion") parts.push(model.scoring ? "It has scored." : SOON);
  return parts.join(" ");
}

function showChecks(details, { checks, promoted }) {
  const key = JSON.stringify(checks);
  if (details.dataset.shown === key) return;
  details.dataset.shown = key;
  const passed = checks.filter((check) => check.passed).length;
  const verdict = promoted ? "Promoted" : "Refused";
  setText(details.querySelector("summary"), `${verdict}: ${passed} of ${checks.length} checks passed`);
  details.querySelector("ul").replaceChildren(
    ...checks.map((check) => {
      const tone = check.passed ? "ok" : "critical";
      const mark = el("span", {}, icon(check.passed ? "ok" : "failed"));
      const outcome = el("span", { class: "said", text: check.passed ? "Passed: " : "Failed: " });
      return el("li", { "data-tone": tone }, mark, el("span", {}, outcome, check.sentence));
    }),
  );
  if (!promoted) details.open = true;
}
