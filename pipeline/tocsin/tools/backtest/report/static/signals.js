// The two pictures with lines: one channel with what was expected of it, and the scores.

import { beginOf, spanOf } from "./chapter.js";
import { label, frame, timeAxis } from "./plot.js";
import { stretches } from "./axis.js";

const HOLE_SLOTS = 3;
const HIGHEST_LIMIT = 8; // that can be tried
export const LINE_COLOURS = ["line-a", "line-b", "line-c", "line-d", "line-e"];

/** Return the picture of a channel: {traces, layout, values}. */
export function signalFigure({ chapter, entrant, channel, view, palette }) {
  const signal = chapter.signals[channel];
  const expected = signal.expected[entrant];
  const measured = path(chapter, signal.at, signal.measured);
  const traces = [line("measured", measured, { color: palette.measured, width: 1.4 })];
  if (expected) {
    const told = path(chapter, signal.at, expected);
    traces.unshift(
      gapArea(measured, told, palette.gap),
      line("expected", told, { color: palette.expected, width: 1.4, dash: "4px,3px" }),
    );
  }
  const yaxis = { range: reach(view, measured, expected ? traces[1] : null) };
  return { traces, layout: overTime({ chapter, view, palette }, yaxis) };
}

/** Return the picture of scores: that of the detector in full, and thin ones of others. */
export function scoreFigure({ chapter, entrant, view, palette, beside, limit }) {
  const names = [...beside.keys(), entrant].filter((name) => chapter.said[name]);
  const traces = names.map((name) => {
    const { at, values } = chapter.said[name].score;
    const own = name === entrant;
    const style = own ? { color: palette.score, width: 1.6 } : { color: palette[beside.get(name)], width: 1 };
    return line(label(name, 40), path(chapter, at, values), style);
  });
  const most = Math.max(HIGHEST_LIMIT, ...names.map((name) => highest(chapter.said[name].score.values)));
  const yaxis = {
    type: "log",
    range: [-2.04, Math.log10(most * 1.15)], // lower scores are written as 0.01
    tickvals: [0.01, 0.1, 1, 10, 100, 1000, 10_000],
    ticktext: ["≤ 0.01", "0.1", "1", "10", "100", "1,000", "10,000"],
  };
  const layout = overTime({ chapter, view, palette }, yaxis);
  layout.shapes.push(across(1, palette.critical, "5px,4px"), triedLine(palette, limit));
  return { traces, layout };
}

/** Return the line of a limit that is tried, as the last of a picture's shapes; none at the shipped one. */
export function triedLine(palette, limit) {
  return { ...across(limit, palette.accent, "solid"), visible: limit !== 1 };
}

/** Return a line across the whole picture. */
function across(y, color, dash) {
  return { type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color, dash, width: 1.4 }, layer: "above" };
}

const highest = (values) => values.reduce((most, value) => Math.max(most, value ?? 0), 0);

function overTime({ chapter, view, palette }, yaxis) {
  return frame(palette, {
    xaxis: timeAxis(chapter, view),
    yaxis,
    dragmode: "zoom",
    hovermode: "x",
    shapes: shades(chapter, view, palette),
  });
}

/** Return the shades behind a line: what was learned from, and what is labelled abnormal. */
function shades(chapter, view, palette) {
  const rect = ([x0, x1], fillcolor) => ({
    type: "rect", yref: "paper", y0: 0, y1: 1, x0, x1, fillcolor, line: { width: 0 }, layer: "below",
  });
  const learned = rect(spanOf(chapter, [0, chapter.train]), palette["unknown-soft"]);
  const events = stretches(chapter, chapter.events ?? [], view);
  return [learned, ...events.map((each) => rect(each, palette["truth-soft"]))];
}

/** Return the points of a line, interrupted where rows are missing. `at` null means every row. */
function path(chapter, at, values) {
  const [x, y] = [[], []];
  let last = null;
  values.forEach((value, place) => {
    const row = at === null ? place : at[place];
    const slot = chapter.slots[row];
    if (last !== null && slot - last.slot > row - last.row + HOLE_SLOTS) {
      x.push(null);
      y.push(null);
    }
    x.push(beginOf(chapter, row));
    y.push(value);
    last = { row, slot };
  });
  return { x, y };
}

function line(name, { x, y }, style) {
  return { x, y, name, mode: "lines", line: style, hovertemplate: "%{y:.4~g}" };
}

/** Return the area between two lines, one closed outline for every stretch where both are known. */
function gapArea(measured, expected, fillcolor) {
  const [x, y] = [[], []];
  const close = (from, to) => {
    if (to - from < 2) return;
    x.push(...measured.x.slice(from, to), ...measured.x.slice(from, to).reverse(), null);
    y.push(...measured.y.slice(from, to), ...expected.y.slice(from, to).reverse(), null);
  };
  let from = 0;
  measured.x.forEach((_, at) => {
    if (measured.y[at] !== null && expected.y[at] !== null) return;
    close(from, at);
    from = at + 1;
  });
  close(from, measured.x.length);
  return { x, y, mode: "lines", line: { width: 0 }, fill: "toself", fillcolor, hoverinfo: "skip" };
}

/** Return the range in which all that is seen of lines has room. */
function reach([from, to], ...lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const each of lines.filter(Boolean)) {
    each.y.forEach((value, at) => {
      if (value === null || each.x[at] < from || each.x[at] > to) return;
      low = Math.min(low, value);
      high = Math.max(high, value);
    });
  }
  if (low > high) return [0, 1];
  const room = Math.max((high - low) * 0.08, Math.abs(high) * 1e-3, 1e-9);
  return [low - room, high + room];
}
