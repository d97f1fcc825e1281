// Where rows score: those the limit was found on, normal ones after them, and abnormal ones.

import { frame, isNarrow } from "./plot.js";
import { key } from "./dom.js";
import { number, percent } from "./format.js";

const LEAST_SEEN = 1e-4;

/** Return the picture: {traces, layout, keys, notes}. */
export function tailFigure({ chapter, entrant, palette }) {
  const { edges, calm, later, abnormal, fit, words } = chapter.said[entrant].tail;
  const middles = edges.slice(0, -1).map((edge, at) => Math.sqrt(edge * edges[at + 1]));
  const traces = [
    calm && outline(edges, calm, { color: palette["ink-3"], width: 0 }, palette["line-strong"]),
    later && outline(edges, later, { color: palette.expected, width: 1.75 }),
    abnormal && outline(edges, abnormal, { color: palette.truth, width: 1.75, dash: "2px,2px" }),
    fit && { x: middles, y: fit.map(positive), mode: "lines", line: { color: palette.brass, width: 2.5 }, hoverinfo: "skip" },
    { x: [1, 1], y: [LEAST_SEEN / 2, 2], mode: "lines", line: { color: palette.critical, width: 1.5, dash: "5px,4px" }, hoverinfo: "skip" },
  ].filter(Boolean);
  const keys = [
    calm && key("calm", words ? "rows the limit was found on" : "rows learned from"),
    later && key("later", chapter.events ? "judged, normal" : "judged"),
    abnormal && key("abnormal", "judged, abnormal"),
    fit && key("fit", "fitted tail"),
    key("limit", "limit"),
  ].filter(Boolean);
  return { traces, layout: layoutOf(palette, seenRange(edges, [calm, later, abnormal])), keys, notes: notesOf(words, Boolean(fit)) };
}

const positive = (share) => (share > 0 ? share : null);

/** Return the outline of bars; below what can be seen there is none. */
function outline(edges, shares, line, fillcolor) {
  const [x, y] = [[edges[0]], [LEAST_SEEN / 2]];
  shares.forEach((share, at) => {
    x.push(edges[at], edges[at + 1]);
    y.push(Math.max(share, LEAST_SEEN / 2), Math.max(share, LEAST_SEEN / 2));
  });
  x.push(edges.at(-1));
  y.push(LEAST_SEEN / 2);
  const fill = fillcolor ? { fill: "tozeroy", fillcolor } : {};
  return { x, y, mode: "lines", line, hoverinfo: "skip", ...fill };
}

/** Return the first and last edge between which there is something to be seen. */
function seenRange(edges, columns) {
  const used = columns.filter(Boolean).flatMap((shares) => shares.flatMap((share, at) => (share > 0 ? [at] : [])));
  const [first, last] = [Math.min(...used), Math.max(...used) + 1];
  return [Math.log10(Math.min(edges[first] ?? 0.1, 0.3)) - 0.15, Math.log10(Math.max(edges[last] ?? 3, 3)) + 0.05];
}

function layoutOf(palette, range) {
  return frame(palette, {
    margin: { l: isNarrow() ? 46 : 54, r: 10, t: 4, b: 38, pad: 0 },
    hovermode: false,
    xaxis: {
      type: "log",
      range,
      tickvals: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      ticktext: ["≤ 0.01", "0.03", "0.1", "0.3", "1", "3", "10", "30", "≥ 100"],
      title: { text: "score", standoff: 6 },
    },
    yaxis: {
      type: "log",
      range: [Math.log10(LEAST_SEEN), 0],
      tickvals: [1e-4, 1e-3, 1e-2, 0.1, 1],
      ticktext: ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"],
    },
  });
}

function notesOf(words, fitted) {
  if (!words) return "Shares of rows by score, on a scale of tens. This detector keeps no record of how its limit was found.";
  const { budget, reason, method, above, shape, threshold } = words;
  const tail = fitted ? ` The tail begins at ${number(threshold)} and has the shape ${number(shape)}.` : "";
  const kept = above === null ? "" : ` Of those rows ${percent(above)} reach it.`;
  return `Shares of rows by score, on a scale of tens. The limit is where ${percent(budget)} of normal windows should lie above it. How it was found: ${method} (${reason}).${tail}${kept}`;
}
