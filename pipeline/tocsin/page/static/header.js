// The header: how many assets are in which state, the demo's story, and whether we are connected.

import { byId, el, keep, setAttribute, setText } from "./dom.js";
import { count, duration } from "./format.js";
import { icon } from "./icons.js";

const PHASES = {
  learning: "Learn",
  calm: "Calm",
  fault: "Fault",
  recovery: "Recover",
  free: "Yours",
};
const COUNTS = [
  { tone: "critical", name: "alert", word: "in alert" },
  { tone: "ok", name: "ok", word: "normal" },
  { tone: "unknown", name: "unknown", word: "unknown" },
];
const LOCKED = "This page wants its token again. Open it with the token in its address.";
const CONNECTIONS = { connecting: "Connecting …", live: "Live", lost: "Offline", locked: "Locked" };

/** Show what a picture says of the whole. */
export function showHeader(picture) {
  showCounts(picture.counts);
  byId("story").hidden = picture.story === null;
  if (picture.story) showStory(picture.story);
  const open = picture.counts.alert;
  setText(document.querySelector("title"), open ? `(${open}) alert · Tocsin` : "Tocsin");
  setAttribute(document.body, "data-ringing", open ? "true" : null);
}

function showCounts(counts) {
  const make = ({ tone, word, name }) => {
    const mark = icon(tone === "critical" ? "critical" : tone);
    const words = el("span", { class: "word", text: word });
    return el("span", { class: "count", title: word, "data-name": name }, mark, el("b"), words);
  };
  keep(byId("counts"), COUNTS, (each) => each.name, make, (node, { tone, name }) => {
    setText(node.querySelector("b"), count(counts[name]));
    setAttribute(node, "data-tone", counts[name] ? tone : "none");
  });
}

function showStory({ title, phase, progress }) {
  setText(byId("story-title"), title);
  const names = Object.keys(PHASES);
  const at = names.indexOf(phase);
  const make = (name) => el("li", { class: "phase" }, el("span", { text: PHASES[name] }));
  keep(byId("phases"), names, (name) => name, make, (node, name) => {
    const place = names.indexOf(name);
    const done = place < at ? 1 : place > at ? 0 : (progress ?? 1);
    node.style.setProperty("--done", `${Math.round(done * 100)}%`);
    setAttribute(node, "aria-current", place === at ? "step" : null);
  });
}

/** Show whether we are connected; `heard_ms` is when anything was heard last. */
export function showConnection(state, heard_ms) {
  document.body.dataset.connection = state;
  setText(byId("connection"), CONNECTIONS[state]);
  if (state === "locked") showBanner(LOCKED);
  else if (state === "lost") showBanner("Connection lost. Trying again …", age(heard_ms));
}

function age(heard_ms) {
  if (!heard_ms) return "Nothing has come in yet.";
  return `What is shown is ${duration(Date.now() - heard_ms)} old.`;
}

/** Show a sentence over the page, or none; what stands beside it is not announced. */
export function showBanner(sentence, aside = "") {
  byId("banner").hidden = !sentence;
  setText(byId("banner-sentence"), sentence);
  setText(byId("banner-aside"), aside);
}
