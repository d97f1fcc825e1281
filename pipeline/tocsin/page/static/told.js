// What was told to whom: the outcome of every webhook, whether its signature held, and its body.

import { el, keep, setAttribute, setText } from "./dom.js";
import { dateTimeOf } from "./format.js";
import { setIcon } from "./icons.js";

const OUTCOMES = {
  waiting: { tone: "unknown", icon: "waiting", text: "not delivered yet" },
  delivered: { tone: "ok", icon: "ok", text: "delivered" },
  failed: { tone: "critical", icon: "failed", text: "not delivered" },
  disabled: { tone: "warning", icon: "warning", text: "the receiver wants no more" },
};

/** Return what is known of a signature, in words; of a receiver that is gone nothing is. */
function signature({ signed, verified }) {
  if (verified === true) return ", signature verified";
  if (verified === false) return ", signature did not hold";
  if (signed === null) return "";
  return signed ? ", signed" : ", not signed";
}

function describe(told) {
  const outcome = OUTCOMES[told.outcome] ?? OUTCOMES.waiting;
  const bad = told.verified === false;
  return {
    tone: bad ? "critical" : outcome.tone,
    icon: bad ? "failed" : outcome.icon,
    text: told.outcome !== "delivered" ? outcome.text : `${outcome.text}${signature(told)}`,
  };
}

/** Say on one line who was told the newest step; the place is kept where nobody was yet. */
export function toldLine(line, tolds) {
  const newest = [...new Map(tolds.map((told) => [told.receiver, told])).values()];
  const { tone, icon, text } = summarize(newest);
  if (!line.firstChild) line.append(el("span", { class: "mark" }), el("span", { class: "text" }));
  setAttribute(line, "data-tone", tone);
  setIcon(line.firstChild, icon);
  setText(line.lastChild, text);
}

function summarize(newest) {
  if (!newest.length) return { tone: "unknown", icon: "waiting", text: "There is no receiver to tell." };
  const each = newest.map((told) => ({ receiver: told.receiver, ...describe(told) }));
  const amiss = each.filter(({ tone }) => tone !== "ok");
  const { receiver, tone, icon, text } = amiss[0] ?? each[0];
  if (each.length === 1) return { tone, icon, text: `${receiver}: ${text}` };
  if (!amiss.length) return { tone, icon, text: `All ${each.length} receivers told.` };
  const told = `${each.length - amiss.length} of ${each.length} receivers told`;
  return { tone, icon, text: `${told}; ${receiver}: ${text}` };
}

/** Show every webhook; its body is fetched when a person opens it. */
export function showTold(place, tolds) {
  keep(place, tolds, (told) => told.webhook_id, make, update);
}

function make(told) {
  const line = el("div", { class: "alert-line" });
  line.append(el("span", { class: "mark" }), el("b"), el("span", { class: "outcome" }));
  const pre = el("pre", { tabindex: "0", "aria-label": "Body of the webhook" });
  const summary = el("summary", {}, line, el("code", { text: told.webhook_id }));
  const details = el("details", { class: "told" }, summary, pre);
  details.addEventListener("toggle", () => details.open && fetchBody(told.webhook_id, pre));
  return details;
}

function update(node, told) {
  const { tone, icon, text } = describe(told);
  setAttribute(node, "data-tone", tone);
  setIcon(node.querySelector(".mark"), icon);
  setText(node.querySelector("b"), `${told.receiver}: ${told.status}`);
  setText(node.querySelector(".outcome"), text);
  // unlike all other times this one is the wall clock's
  const when = told.at_ms === null ? null : `by the clock: ${dateTimeOf(told.at_ms)} UTC`;
  setAttribute(node.querySelector(".outcome"), "title", when);
}

async function fetchBody(id, pre) {
  if (pre.dataset.there) return;
  setText(pre, "Fetching what was sent …");
  try {
    const answer = await fetch(`/api/told/${encodeURIComponent(id)}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const { body } = await answer.json();
    setText(pre, JSON.stringify(body, null, 2));
    pre.dataset.there = "true";
  } catch {
    setText(pre, "What was sent could not be fetched. Close this and open it again.");
  }
}
