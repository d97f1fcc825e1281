// What it comes to: one sentence for a person, and the table of all detectors.

import { count, duration, listed, MISSING, number, percent, plural, ratio } from "./format.js";
import { el } from "./dom.js";
import { rate, rateWord } from "./chapter.js";

const MUCH = 0.05; // of the normal rows in alarm, and of all without a score
const WRITE = { plain: ratio, percent, seconds: duration, count: number };

export const AHEAD = "ahead: a row is judged by later ones too, and is in alarm where its score reaches the limit. Nobody could have rung by it.";

/** Return a detector's name, marked where it looks ahead. */
export const nameOf = (chapter, name) => (chapter.said[name].ahead ? `${name}, looks ahead` : name);

/** Return what a detector did at its own limit, in one sentence. `told` is a tally, or several. */
export function sentence(name, told) {
  const sum = (key) => told.reduce((total, each) => total + (each[key] ?? 0), 0);
  const over = told.every(({ seconds }) => seconds !== null)
    ? duration(told.reduce((total, each) => total + each.rows * each.seconds, 0))
    : plural(sum("rows"), "row");
  if (told.every(({ events }) => events === null)) {
    return `${name} ${rang(sum("alarms"))} in ${over}. Nobody labelled these rows, so nobody can say how often it was right.${blind(told)}`;
  }
  const found = `${name} ${share(sum("hits"), sum("events"))}${soon(told)}${early(told)}`;
  return `${found}, and ${rang(sum("false"))} for nothing in ${over}.${tooLong(told)}${blind(told)}`;
}

/** Say that alarms stood where all was normal, if they did for long: such alarms are not false. */
function tooLong(told) {
  const [rows, normal] = ["false_rows", "normal_rows"].map((name) => told.reduce((sum, each) => sum + each[name], 0));
  return rows > normal * MUCH ? ` ${percent(rows / normal)} of the rows that are labelled normal were in alarm.` : "";
}

/** Say how much was not judged, if it is much: a detector that says nothing of it is not calm. */
function blind(told) {
  const rows = told.reduce((sum, each) => sum + each.rows, 0);
  const unknown = told.reduce((sum, each) => sum + each.rows * each.unknown, 0);
  return unknown > rows * MUCH ? ` ${percent(unknown / rows)} of the rows have no score: nothing is known about them.` : "";
}

const rang = (many) => (many === 0 ? "never rang" : many === 1 ? "rang once" : `rang ${count(many)} times`);

function share(hits, events) {
  if (events === 0) return "found no event, as there was none";
  if (hits === 0) return events === 1 ? "missed the one event" : `found none of ${count(events)} events`;
  if (events === 1) return "found the one event";
  return hits === events ? `found all ${count(events)} events` : `found ${count(hits)} of ${count(events)} events`;
}

/** Say how soon, where it is one series: a median of medians is no median. */
function soon(told) {
  const [only] = told.filter(({ hits }) => hits > 0);
  if (told.length !== 1 || !only || only.seconds === null || only.stood === only.hits) return "";
  const after = only.delay ? `${duration(only.delay * only.seconds)} after it began` : "as it began";
  return only.hits > 1 ? `, half of them within ${duration(only.delay * only.seconds)}` : ` ${after}`;
}

/** Say of how many events an alarm stood already when they began: that is luck as often as skill. */
function early(told) {
  const [stood, hits] = ["stood", "hits"].map((name) => told.reduce((sum, each) => sum + each[name], 0));
  if (!stood) return "";
  return hits === 1 ? " (an alarm stood already when it began)" : ` (for ${count(stood)} of them an alarm stood already)`;
}

/** Return a detector's tally of a chapter at its own limit, with what sentences need beside it. */
export function toldOf(chapter, name) {
  const { tally } = chapter.said[name];
  return { ...tally, seconds: chapter.seconds, rows: chapter.judgedRows };
}

/** Return the table of all detectors. */
export function summaryTable({ columns, rows }, first) {
  const heads = columns.map(({ title, term }) =>
    el("th", { scope: "col" }, el("span", { text: title }), el("small", { text: term })),
  );
  const lines = rows.map((row) => summaryRow(row, columns, first));
  const corner = el("th", { scope: "col", text: "Detector" });
  return el("table", { class: "figures" }, el("thead", {}, el("tr", {}, corner, ...heads)), el("tbody", {}, ...lines));
}

function summaryRow(row, columns, first) {
  const marks = (row.mute ? " †" : "") + (row.ahead ? " ‡" : "");
  const ahead = row.ahead ? [el("small", { text: "looks ahead" })] : [];
  const name = el("th", { scope: "row", class: row.name === first ? "own" : "" }, row.name + marks, ...ahead);
  const cells = row.cells.map((cell, at) => summaryCell(cell, columns[at]));
  return el("tr", { class: row.mute ? "mute" : row.ahead ? "ahead" : "" }, name, ...cells);
}

function summaryCell({ mean, se, best }, { kind }) {
  const write = WRITE[kind];
  const value = el(best ? "b" : "span", { text: write(mean) });
  const sure = se === null ? [] : [el("small", { text: `± ${write(se)}` })];
  return el("td", { class: best ? "best" : "" }, value, ...sure);
}

/** Return what has to be said about the table. */
export function tableNotes({ rows, series, labelled, seeds }) {
  const notes = [];
  const mute = rows.filter((row) => row.mute).map(({ name }) => name);
  if (mute.length && labelled) {
    notes.push(
      `† ${listed(mute)} is in alarm all the time. That finds every event at once, and its one alarm is never false, as it meets an event: event figures alone are won by knowing nothing. Read them beside the share of normal rows in alarm. It is left out when the best is marked.`,
    );
  } else if (mute.length) notes.push(`† ${listed(mute)} is in alarm all the time, whatever is measured.`);
  const ahead = rows.filter((row) => row.ahead).map(({ name }) => name);
  if (ahead.length) notes.push(`‡ ${listed(ahead)} ${ahead.length > 1 ? "look" : "looks"} ${AHEAD} It is left out when the best is marked.`);
  notes.push(means(labelled || series, seeds));
  if (labelled && labelled < series) notes.push(`Measured on the ${labelled} series with labels; ${series - labelled} have none.`);
  if (labelled) notes.push(`${MISSING} stands for what cannot be said, such as a delay where nothing was found. Delays and weeks count rows, so a hole in a recording is part of neither.`);
  return notes;
}

function means(series, seeds) {
  if (series > 1) return `Means over ${series} series${seeds > 1 ? ` and ${seeds} seeds` : ""} ± their standard error over series.`;
  return seeds > 1 ? `Means over ${seeds} seeds ± their standard error.` : "One series and one seed: how much of this is chance, these figures do not say.";
}

/** Return what is known of a series in one line. */
export function factsOf(chapter) {
  const { rows, train, seconds, all_channels, events, channels } = chapter;
  const long = seconds === null ? "" : ` (${duration(chapter.slots.at(-1) * seconds + seconds)})`;
  const some = channels.length < all_channels.length ? `, ${channels.length} of them shown` : "";
  const marked = events === null ? "no labels" : plural(events.length, "labelled event");
  return `${plural(rows, "row")}${long} of ${plural(all_channels.length, "channel")}${some}, ${count(train)} to learn from, ${marked}.`;
}

/** Return who said nothing of a series, and why. */
export const refusalsOf = ({ refusals }) => Object.entries(refusals).map(([name, why]) => `${name} said nothing: ${why}`);

/** Return one number a detector's alarms come to: how often somebody is called. */
export function callsOf(told) {
  return `${number(rate(told.alarms, told.rows, told.seconds))} alarms ${rateWord(told.seconds !== null)}`;
}
