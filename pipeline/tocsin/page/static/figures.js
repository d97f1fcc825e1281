// What the two plotted charts show, as plain objects for plotly.js. Pure: history in, figure out.

import { why } from "./format.js";
import { holesOf, modelChanges, statusRuns } from "./history.js";

const STEPS = [1.5, 2, 3, 4, 6, 8, 12, 16, 24, 40, 60, 100];

/** What both charts need: {history, axis, palette, alerts, breakages}. */
export function signalFigure(view, channel) {
  const { history, palette } = view;
  const column = history.channels.find(({ name }) => name === channel);
  if (!column) return { traces: [], layout: frame(view, [0, 1], []) };
  const range = reach(view, [column.measured, column.expected]);
  const traces = [
    area(history, column.measured, column.expected, palette.gap),
    line(history, column.expected, palette.expected, { width: 1.5, dash: "4px,3px" }),
    line(history, column.measured, palette.measured, { width: 1.5 }),
  ];
  const shapes = [...alertBands(view), ...brokenBars(view)];
  return { traces, layout: frame(view, range, shapes, brokenWords(view)) };
}

export function scoreFigure(view) {
  const { history, palette } = view;
  const top = ceiling(inView(view, history.score));
  const limit = history.score.map((score) => (score === null ? null : 1));
  const over = history.score.map((score) => (score === null ? null : Math.max(1, score)));
  const traces = [
    area(history, limit, over, palette.gap),
    line(history, history.score, palette.score, { width: 1.75 }),
    line(history, over.map((score) => (score > 1 ? score : null)), palette.over, { width: 2 }),
  ];
  const shapes = [...alertBands(view), limitLine(view), ...unknownBands(view), ...changeLines(view)];
  return { traces, layout: frame(view, [0, top], shapes, [...changeWords(view), ...unknownWords(view)]) };
}

/** Return a line that is interrupted where values or whole windows are missing. */
function line(history, values, color, more) {
  const [x, y] = [[], []];
  const holes = holesOf(history);
  values.forEach((value, at) => {
    x.push(...(holes.has(at) ? [null] : []), history.end_ms[at]);
    y.push(...(holes.has(at) ? [null] : []), value);
  });
  return { x, y, mode: "lines", line: { color, ...more }, hoverinfo: "skip" };
}

/** Return the area between two lines, one closed outline for every stretch where both are known. */
function area(history, lower, upper, fillcolor) {
  const [x, y] = [[], []];
  const times = history.end_ms;
  const holes = holesOf(history);
  const close = (from, to) => {
    if (to - from < 2) return;
    const way = [...Array(to - from).keys()].map((at) => from + at);
    const back = [...way].reverse();
    x.push(...way.map((at) => times[at]), ...back.map((at) => times[at]), null);
    y.push(...way.map((at) => lower[at]), ...back.map((at) => upper[at]), null);
  };
  let from = 0;
  times.forEach((_, at) => {
    const known = lower[at] !== null && upper[at] !== null;
    if (known && !holes.has(at)) return;
    close(from, at);
    from = known ? at : at + 1;
  });
  close(from, times.length);
  return { x, y, mode: "lines", line: { width: 0 }, fill: "toself", fillcolor, hoverinfo: "skip" };
}

function inView({ history, axis }, values) {
  const seen = (at_ms) => at_ms >= axis.from_ms && at_ms <= axis.to_ms;
  return values.filter((value, at) => value !== null && seen(history.end_ms[at]));
}

/** Return the range of y in which all that is seen has room, with round ends. */
function reach(view, columns) {
  const seen = columns.flatMap((values) => inView(view, values));
  if (!seen.length) return [0, 1];
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.002, 1e-6);
  const step = 10 ** Math.floor(Math.log10(high - low + 2 * room)) / 2;
  return [Math.floor((low - room) / step) * step, Math.ceil((high + room) / step) * step];
}

function ceiling(scores) {
  const most = Math.max(0, ...scores) * 1.08;
  return STEPS.find((step) => step >= most) ?? 10 ** Math.ceil(Math.log10(most));
}

function frame({ axis, palette }, range, shapes, annotations = []) {
  const quiet = { fixedrange: true, zeroline: false, showline: false, ticks: "" };
  const ticks = axis.ticks();
  return {
    width: axis.width,
    autosize: false,
    margin: { l: axis.left, r: axis.width - axis.right, t: 6, b: 6, pad: 0 },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: palette["ink-3"] },
    showlegend: false,
    hovermode: false,
    dragmode: "zoom",
    xaxis: {
      ...quiet,
      fixedrange: false,
      range: [axis.from_ms, axis.to_ms],
      tickmode: "array",
      tickvals: ticks.map(({ at_ms }) => at_ms),
      showticklabels: false,
      gridcolor: palette.grid,
    },
    yaxis: { ...quiet, range, nticks: 5, gridcolor: palette.grid },
    shapes,
    annotations,
  };
}

function band(from_ms, to_ms, fillcolor, more = {}) {
  const place = { type: "rect", yref: "paper", x0: from_ms, x1: to_ms, y0: 0, y1: 1 };
  return { ...place, fillcolor, line: { width: 0 }, layer: "below", ...more };
}

function alertBands({ alerts, axis, palette }) {
  const color = palette["alert-band"];
  return alerts.map(({ began_ms, resolved_ms }) => band(began_ms, resolved_ms ?? axis.to_ms, color));
}

function brokenBars({ breakages, palette }) {
  const top = { y0: 0.965, layer: "above" };
  return breakages.map(({ start_ms, end_ms }) => band(start_ms, end_ms, palette.truth, top));
}

function brokenWords({ breakages, axis, palette }) {
  return breakages
    .filter(({ start_ms, end_ms }) => end_ms > axis.from_ms && start_ms < axis.to_ms)
    .map(({ start_ms, title, channel }) =>
      word(axis, Math.max(start_ms, axis.from_ms), `${title}: ${channel}`, palette.truth, { y: 0.96 }),
    );
}

function limitLine({ axis, palette }) {
  const line = { color: palette.critical, width: 1.25, dash: "4px,4px" };
  return { type: "line", x0: axis.from_ms, x1: axis.to_ms, y0: 1, y1: 1, line, layer: "above" };
}

function unknownRuns({ history }) {
  return statusRuns(history).filter(({ status }) => status !== "ok");
}

function unknownBands(view) {
  const color = view.palette["unknown-soft"];
  return unknownRuns(view).map(({ from_ms, to_ms }) => band(from_ms, to_ms, color));
}

/** Say in the middle of an unknown stretch why it is unknown, where there is room to. */
function unknownWords(view) {
  const { axis, palette } = view;
  return unknownRuns(view).flatMap(({ from_ms, to_ms, status }) => {
    const [left, right] = [Math.max(axis.from_ms, from_ms), Math.min(axis.to_ms, to_ms)];
    const text = why(status).split(":")[0];
    if (axis.x(right) - axis.x(left) < text.length * 7) return [];
    return [word(axis, (left + right) / 2, text, palette["ink-3"], { y: 0.96, xanchor: "center" })];
  });
}

function changeLines(view) {
  const line = { color: view.palette.accent, width: 1, dash: "1px,2px" };
  const tall = { type: "line", yref: "paper", y0: 0, y1: 1, line };
  return modelChanges(view.history).map(({ at_ms }) => ({ ...tall, x0: at_ms, x1: at_ms }));
}

function changeWords({ history, axis, palette }) {
  return modelChanges(history)
    .filter(({ at_ms }) => at_ms > axis.from_ms && at_ms < axis.to_ms)
    .map(({ at_ms, model }) => word(axis, at_ms, `model ${model.slice(0, 8)}`, palette.accent, { y: 1 }));
}

/** Return a word at a time, on the side of it where there is room. Names are escaped: plotly.js
 * reads some tags in its texts. */
function word(axis, at_ms, text, color, more) {
  return {
    x: at_ms,
    yref: "paper",
    yanchor: "top",
    xanchor: axis.right - axis.x(at_ms) > text.length * 7 ? "left" : "right",
    text: escape(text),
    font: { color, size: 11 },
    showarrow: false,
    borderpad: 2,
    ...more,
  };
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
