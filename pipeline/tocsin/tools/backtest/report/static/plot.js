// What all pictures have in common: their frame, and how plotly.js is asked to draw them.

import { byId } from "./dom.js";

const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false, showTips: false };
const NARROW = 560;
const RIGHT_MARGIN = 10;
const DAY_MS = 86_400_000;
const TIMES = [
  { dtickrange: [null, 60_000], value: "%H:%M:%S" },
  { dtickrange: [60_000, DAY_MS / 4], value: "%H:%M" },
  { dtickrange: [DAY_MS / 4, DAY_MS], value: "%-d %b %H:%M" },
  { dtickrange: [DAY_MS, null], value: "%-d %b %Y" },
];

export const isNarrow = () => document.body.clientWidth < NARROW;

/** Return the margin at the left that pictures over time share. */
export const leftMargin = () => (isNarrow() ? 78 : 136);

/** Return how many pixels there are for the time that is seen. */
export const timePixels = () => Math.max(100, byId("plot-lanes").clientWidth - leftMargin() - RIGHT_MARGIN);

/** Return a frame: `palette` has ink-3 and grid, `more` goes over it. */
export function frame(palette, more = {}) {
  const quiet = { zeroline: false, showline: false, ticks: "", gridcolor: palette.grid, automargin: false };
  const { xaxis = {}, yaxis = {}, ...rest } = more;
  return {
    autosize: false,
    margin: { l: leftMargin(), r: RIGHT_MARGIN, t: 4, b: 22, pad: 0 },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: palette["ink-3"] },
    hoverlabel: { font: { size: 12 }, align: "left", namelength: -1 },
    showlegend: false,
    dragmode: false,
    ...rest,
    xaxis: { ...quiet, fixedrange: true, ...xaxis },
    yaxis: { ...quiet, fixedrange: true, nticks: 5, ...yaxis },
  };
}

/** Return the x axis of pictures over time. */
export function timeAxis(chapter, view, more = {}) {
  const kind = chapter.timed ? { type: "date", tickformatstops: TIMES } : { type: "linear", tickformat: ",d" };
  return { ...kind, range: [...view], fixedrange: false, nticks: isNarrow() ? 4 : 9, ...more };
}

/** Draw traces into an element of `height` pixels. */
export function draw(node, height, traces, layout) {
  node.style.height = `${height}px`;
  return Plotly.react(node, traces, { ...layout, width: node.clientWidth, height }, CONFIG);
}

/** Let dragging over a picture choose a stretch of time, and a double click all of it. */
export function listenForZoom(node, chapterOf, zoom) {
  node.on("plotly_relayout", (change) => {
    const [from, to] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (from === undefined) return;
    zoom([from, to].map((place) => (chapterOf().timed ? timeOfPlotly(place) : Number(place))));
  });
  node.on("plotly_doubleclick", () => zoom(null));
}

/** Return milliseconds of a time as plotly.js writes it: UTC, without saying so. */
function timeOfPlotly(place) {
  return typeof place === "number" ? place : Date.parse(`${place.replace(" ", "T")}Z`);
}

/** Return names that fit; those that begin alike keep what they end with too. */
export function labels(names, most) {
  const cut = names.map((name) => label(name, most));
  const alike = (text) => cut.indexOf(text) !== cut.lastIndexOf(text);
  return cut.map((text, at) => (alike(text) ? label(names[at], most, Math.floor(most / 2)) : text));
}

/** Return a name that fits, with `end` letters of its end, safe for plotly.js, which reads some tags in its texts. */
export function label(name, most, end = 0) {
  const text = name.length > most ? `${name.slice(0, most - 1 - end)}…${name.slice(name.length - end)}` : name;
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
