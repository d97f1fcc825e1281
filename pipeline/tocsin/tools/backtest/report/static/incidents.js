// The list of all that rang, what it met, and what was missed.

import { beginOf, slotsIn } from "./chapter.js";
import { count, dateTime, duration, percent, plural, times } from "./format.js";
import { el } from "./dom.js";

const FATES = {
  found: { word: "Found", tone: "ok" },
  again: { word: "Again", tone: "ok" },
  false: { word: "False", tone: "critical" },
  missed: { word: "Missed", tone: "warning" },
  rang: { word: "Rang", tone: "unknown" },
  learned: { word: "In training", tone: "unknown" },
};

/** Return the table of a detector's incidents. `show` is called with the rows of one to look at. */
export function incidentsTable(chapter, name, show) {
  const { shown } = chapter.said[name].incidents;
  const labelled = chapter.events !== null;
  if (!shown.length) return el("p", { class: "empty", text: labelled ? "Nothing rang, and nothing was missed." : "Nothing rang." });
  const titles = ["", "What", "When", "For", "Highest score", "Blamed", ...(labelled ? ["Event", "Delay"] : [])];
  const heads = titles.map((text) => el("th", { scope: "col", text }));
  const lines = shown.map((each) => incidentRow(chapter, each, labelled, show));
  return el("table", { class: "incident-list" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...lines));
}

function incidentRow(chapter, incident, labelled, show) {
  const { word, tone } = FATES[fateOf(chapter, incident)];
  const look = () => show([incident.begin, incident.end]);
  const when = timeText(chapter, incident.begin);
  const button = el("button", {
    class: "quiet-button", type: "button", text: "Show", "aria-label": `Show ${word.toLowerCase()}, ${when}`, on: { click: look },
  });
  const cells = [
    el("td", {}, button),
    el("td", {}, el("span", { class: "badge", "data-tone": tone, text: word })),
    cell("When", when),
    cell("For", longText(chapter, incident)),
    cell("Highest score", times(incident.score)),
    el("td", {}, blamedList(chapter, incident.channels)),
  ];
  if (labelled) cells.push(cell("Event", eventText(chapter, incident)), cell("Delay", delayText(chapter, incident)));
  return el("tr", {}, ...cells);
}

/** Return a cell that, where there is no room for a head, says itself what it holds. */
const cell = (title, text) => el("td", { "data-title": text ? title : null }, el("span", { text }));

/** Return what an incident was. */
export function fateOf(chapter, { finds, event, end }) {
  if (finds === null) return "missed";
  if (event !== null) return finds ? "found" : "again";
  if (end <= chapter.train) return "learned";
  return chapter.events === null ? "rang" : "false";
}

function timeText(chapter, row) {
  return chapter.timed ? dateTime(beginOf(chapter, row)) : `row ${count(row)}`;
}

function longText(chapter, { begin, end }) {
  const slots = slotsIn(chapter, [begin, end]);
  return chapter.seconds === null ? plural(end - begin, "row") : duration(slots * chapter.seconds);
}

function eventText(chapter, { event }) {
  return event === null ? "none" : `${event + 1}, ${timeText(chapter, chapter.events[event][0])}`;
}

function delayText(chapter, { event, delay, begin }) {
  if (delay === null) return "";
  if (begin < chapter.events[event][0]) return "stood already";
  const rows = delay - chapter.events[event][0];
  return chapter.seconds === null ? plural(rows, "row") : duration(rows * chapter.seconds);
}

function blamedList(chapter, channels) {
  const rows = channels.map(([at, share]) =>
    el("li", { vars: { share: `${share * 100}%` } }, el("span", { text: chapter.all_channels[at] }), el("span", { text: percent(share) })),
  );
  return el("ul", { class: "blamed" }, ...rows);
}

/** Return how many incidents there are of what, and how many are not in the list. */
export function incidentsHint(chapter, name) {
  const { shown, left_out } = chapter.said[name].incidents;
  if (!shown.length) return "";
  const fates = shown.map((each) => FATES[fateOf(chapter, each)].word.toLowerCase());
  const counts = [...new Set(fates)].map((word) => `${count(fates.filter((each) => each === word).length)} ${word}`);
  const rest = left_out ? `; ${count(left_out)} with lower scores are left out` : "";
  return counts.join(", ") + rest;
}
