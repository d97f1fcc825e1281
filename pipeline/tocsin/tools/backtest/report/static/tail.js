// Where rows score: those that were learned from, normal ones after them, and abnormal ones.

import { frame, isNarrow } from "./plot.js";
import { key } from "./dom.js";
import { number, percent } from "./format.js";

const LEAST_SEEN = 1e-4;
const FITTED = "fitted tail";
const OTHERWISE =
  "It need not continue the grey bars. It was fitted to other scores: each part of these rows by what the other parts teach, and what several of them reach together, as an alert wants it.";

/** Return the picture: {traces, layout, keys, notes}. */
export function tailFigure({ chapter, entrant, palette }) {
  const { edges, learned, later, abnormal, fit, words } = chapter.said[entrant].tail;
  const fitted = Boolean(fit?.some(seen));
  const traces = [
    learned && outline(edges, learned, { color: palette["ink-3"], width: 0 }, palette["line-strong"]),
    later && outline(edges, later, { color: palette.expected, width: 1.75 }),
    abnormal && outline(edges, abnormal, { color: palette.truth, width: 1.75, dash: "2px,2px" }),
    fitted && { name: FITTED, ...outline(edges, fit, { color: palette.brass, width: 2.5 }) },
    { x: [1, 1], y: [LEAST_SEEN / 2, 2], mode: "lines", line: { color: palette.critical, width: 1.5, dash: "5px,4px" }, hoverinfo: "skip" },
  ].filter(Boolean);
  const keys = [
    learned && key("bars", "rows learned from"),
    later && key("later", chapter.events ? "judged, normal" : "judged"),
    abnormal && key("abnormal", "judged, abnormal"),
    fitted && key("fit", FITTED),
    key("limit", "limit"),
  ].filter(Boolean);
  const range = seenRange(edges, [learned, later, abnormal, fitted && fit.map(seen)]);
  return { traces, layout: layoutOf(palette, range), keys, notes: notesOf(words, fitted) };
}

const seen = (share) => (share >= LEAST_SEEN ? share : 0);

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
  const tail = fitted ? ` The tail begins at ${number(threshold)} and has the shape ${number(shape)}. ${OTHERWISE}` : "";
  const kept = above === null ? "" : ` Of the rows learned from ${percent(above)} reach the limit.`;
  return `Shares of rows by score, on a scale of tens. An alert should be about to open in ${percent(budget)} of normal windows. How the limit was found: ${method} (${reason}).${tail}${kept}`;
}
