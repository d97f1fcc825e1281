// The report: what is chosen, and who is told when it changes.

import { byId, el, key, offer, soonOnce } from "./dom.js";
import { AHEAD, callsOf, factsOf, nameOf, refusalsOf, sentence, summaryTable, tableNotes, toldOf } from "./summary.js";
import { colours, watchColours } from "./colours.js";
import { count, number, percent, plural } from "./format.js";
import { incidentsHint, incidentsTable } from "./incidents.js";
import { around } from "./axis.js";
import { draw } from "./plot.js";
import { latentFigure } from "./latent.js";
import { Limit } from "./limit.js";
import { openChapter } from "./chapter.js";
import { tailFigure } from "./tail.js";
import { Timeline } from "./timeline.js";

const COLOURS = [
  "measured", "expected", "gap", "score", "over", "truth", "truth-soft", "critical", "warning", "ok", "accent", "brass",
  "unknown-soft", "sunken", "grid", "ink-3", "line-strong", "heat-1", "heat-2", "heat-3", "heat-4",
  "line-a", "line-b", "line-c", "line-d", "line-e",
];
const SQUARE_HEIGHT = 300;

const content = JSON.parse(byId("content").textContent);
const chapters = content.chapters.map(openChapter);
const state = { chapter: chapters[0], entrant: content.first, channel: 0, palette: colours(...COLOURS) };
const limit = new Limit({ ...content, chapters }, showLimit);
const timeline = new Timeline(() => ({ ...state, limit }), chooseChannel);
const drawLimit = soonOnce(() => timeline.drawLimit());

function showLimit() {
  limit.show(state.chapter, state.entrant);
  drawLimit();
}

function chooseSeries(at) {
  state.chapter = chapters[at];
  if (!state.chapter.said[state.entrant]) [state.entrant] = Object.keys(state.chapter.said);
  timeline.reset();
  byId("pick-series").value = at;
  byId("series-before").disabled = at === 0;
  byId("series-after").disabled = at === chapters.length - 1;
  offer(byId("pick-entrant"), Object.keys(state.chapter.said).map((name) => ({ value: name, text: nameOf(state.chapter, name) })), state.entrant);
  offer(byId("pick-channel"), state.chapter.channels.map((text, value) => ({ value, text })), 0);
  state.channel = mostBlamedChannel();
  byId("pick-channel").value = state.channel;
  showAll();
}

function chooseEntrant(name) {
  state.entrant = name;
  showAll();
}

function chooseChannel(at) {
  state.channel = at;
  byId("pick-channel").value = at;
  timeline.drawSignal();
}

/** Return the channel to begin with: the one that had the largest share in all alarms. */
function mostBlamedChannel() {
  const { channels, all_channels, said } = state.chapter;
  const shares = new Map();
  for (const { channels: blamed } of said[state.entrant].incidents.shown) {
    for (const [at, share] of blamed) shares.set(at, (shares.get(at) ?? 0) + share);
  }
  const [[most] = [0]] = [...shares].sort((one, other) => other[1] - one[1]);
  return Math.max(0, channels.indexOf(all_channels[most]));
}

function showAll() {
  const { chapter, entrant } = state;
  const told = toldOf(chapter, entrant);
  byId("picked").textContent = factsOf(chapter);
  const said = sentence(entrant, [told]) + (chapter.said[entrant].ahead ? " It looks ahead." : "");
  byId("series-said").textContent = said;
  byId("series-said").hidden = said === byId("verdict").textContent;
  byId("timeline-notes").textContent = timelineNotes(chapter, entrant, told);
  byId("heat-keys").replaceChildren(...heatKeys());
  byId("alarm-keys").replaceChildren(...alarmKeys(chapter));
  byId("incidents-hint").textContent = incidentsHint(chapter, entrant);
  byId("incidents").replaceChildren(incidentsTable(chapter, entrant, showIncident));
  limit.show(chapter, entrant);
  timeline.draw();
  showModel();
}

function showIncident(rows) {
  timeline.look(around(state.chapter, rows));
  byId("timeline-title").scrollIntoView({ block: "start" });
}

function timelineNotes(chapter, name, told) {
  const { thinned, said } = chapter;
  const { facts: { model, fit_s }, ahead } = said[name];
  const parts = [...(ahead ? [`This looks ${AHEAD}`] : []), `${callsOf(told)}, ${percent(told.in_alarm)} of rows in alarm, ${percent(told.unknown)} without a score.`];
  if (model) parts.push(`Model ${model.version.slice(0, 8)} (${model.form}, windows of ${model.length} rows), learned in ${number(fit_s)} s.`);
  if (thinned) parts.push("This recording is long: lines show the lowest and highest row of every short stretch, so spikes are there, but not every row. Alarms are exact.");
  return [...parts, ...refusalsOf(chapter)].join(" ");
}

const heatKeys = () => [
  el("span", { class: "key" }, "calm", el("i", { class: "ramp", "aria-hidden": "true" }), "3 times the limit by this channel alone"),
  el("span", { text: "A click on a name shows that channel above." }),
];

function alarmKeys({ events }) {
  if (!events) return [key("rang", "rang")];
  return [key("event-bar", "labelled"), key("right", "met an event"), key("false", "met none"), key("tried", "with another limit")];
}

/** Show the two pictures that are not over time. */
function showModel() {
  const { chapter, entrant } = state;
  const tail = tailFigure(state);
  byId("tail-keys").replaceChildren(...tail.keys);
  byId("tail-notes").textContent = tail.notes;
  picture("plot-tail", tail, `Scores of ${entrant}: shares of rows`);
  const latent = latentFigure(state);
  document.querySelector(".latent").hidden = latent === null;
  if (latent === null) return;
  byId("latent-keys").replaceChildren(...latent.keys);
  byId("latent-notes").textContent = `${plural(chapter.said[entrant].latent.row.length, "window")} of this series, squeezed into a few numbers by ${entrant} and turned so that two of them tell the most apart. Windows that lie near each other are alike. Directions and distances have no unit.`;
  picture("plot-latent", latent, `Windows as ${entrant} sees them`);
}

function picture(id, { traces, layout }, words) {
  const node = byId(id);
  node.setAttribute("aria-label", words);
  draw(node, SQUARE_HEIGHT, traces, layout);
}

function redraw() {
  state.palette = colours(...COLOURS);
  timeline.draw();
  showModel();
}

function showSummary() {
  const { table, first, left_out } = content;
  const told = chapters.filter(({ said }) => said[first]).map((chapter) => toldOf(chapter, first));
  const names = table.rows.map(({ name }) => name);
  byId("scope").textContent = `${plural(table.series, "recording")}, ${plural(names.length, "detector")}, ${plural(table.seeds, "seed")}`;
  byId("verdict").textContent = sentence(first, told);
  byId("verdict-more").textContent = `In ${told.length === 1 ? "the" : `${count(told.length)} recordings, in the`} rows behind those it learned from, at the limit it ships with${table.seeds > 1 ? ", with the first seed" : ""}.`;
  byId("table-hint").textContent = table.labelled ? "at the limits they ship with; the best is marked" : "at the limits they ship with";
  byId("table").replaceChildren(summaryTable(table, first));
  const notes = tableNotes(table);
  if (left_out) notes.push(`Only the first ${chapters.length} series are shown one by one below; the table has all ${table.series}.`);
  for (const each of content.silent) notes.push(`${each.name} is not here. ${refusalsOf(each).join("; ")}.`);
  byId("table-notes").replaceChildren(...notes.map((text) => el("li", { text })));
}

function start() {
  offer(byId("pick-series"), chapters.map(({ name }, value) => ({ value, text: name })), 0);
  byId("pick-series").addEventListener("change", ({ target }) => chooseSeries(Number(target.value)));
  byId("series-before").addEventListener("click", () => chooseSeries(chapters.indexOf(state.chapter) - 1));
  byId("series-after").addEventListener("click", () => chooseSeries(chapters.indexOf(state.chapter) + 1));
  byId("pick-entrant").addEventListener("change", ({ target }) => chooseEntrant(target.value));
  byId("pick-channel").addEventListener("change", ({ target }) => chooseChannel(Number(target.value)));
  showSummary();
  chooseSeries(0);
  watchColours(redraw);
  watchWidth(redraw);
  document.body.dataset.drawn = "true";
}

/** Call `changed` once the page has another width. */
function watchWidth(changed) {
  let width = document.body.clientWidth;
  const soon = soonOnce(changed);
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    soon();
  }).observe(document.body);
}

start();
