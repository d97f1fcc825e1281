// The two strips that are drawn by hand: blame per channel over time, coverage and status.

import { holesOf, statusRuns, strideOf } from "./history.js";
import { fit } from "./spark.js";

const RAMP = [0.15, 0.5, 1, 3]; // share of the limit at which each colour of the ramp is reached

/**
 * Draw the blame: one row per channel, one cell per window. A cell's colour is the channel's share
 * of the error times the error, so that 1 means: it alone would reach the limit. A calm plant is
 * calm here too, whoever has the largest share of next to nothing. The line is the signal itself.
 */
export function drawBlame(canvas, { history, axis, palette }, chosen) {
  const { pen, width, height } = fit(canvas);
  const rows = history.channels.length || 1;
  const row = height / rows;
  const head = row > 30 ? 17 : 0; // on a phone every row begins with its name
  pen.clearRect(0, 0, width, height);
  const heat = ramp(["sunken", "heat-1", "heat-2", "heat-3", "heat-4"].map((name) => palette[name]));
  history.channels.forEach((channel, at) => {
    const box = { top: at * row + head + 1, height: row - head - 2 };
    cells(pen, { history, axis, palette, heat }, channel, box);
    trail(pen, { history, axis }, channel.measured, box, palette.measured);
    if (channel.name === chosen) frame(pen, axis, box, palette.accent);
  });
}

function cells(pen, { history, axis, palette, heat }, channel, box) {
  const stride = strideOf(history);
  pen.fillStyle = palette.sunken;
  pen.fillRect(axis.left, box.top, axis.right - axis.left, box.height);
  history.end_ms.forEach((end_ms, at) => {
    const [left, right] = edges(axis, end_ms - stride, end_ms);
    if (right <= left) return;
    const [share, error] = [channel.blame[at], history.error[at]];
    if (share === null || error === null) return;
    pen.fillStyle = heat(share * error);
    pen.fillRect(left, box.top, right - left, box.height);
  });
  hatchRuns(pen, { history, axis, palette }, box);
}

/** Return the nearest border between two pixels of the screen: cells then meet without a seam. */
function snap(x) {
  return Math.round(x * devicePixelRatio) / devicePixelRatio;
}

/** Return a pixel stretch of a stretch of time, cut to what is seen. */
function edges(axis, from_ms, to_ms) {
  return [Math.max(axis.left, snap(axis.x(from_ms))), Math.min(axis.right, snap(axis.x(to_ms)))];
}

function hatchRuns(pen, { history, axis, palette }, box) {
  const pattern = hatch(pen, palette);
  for (const { from_ms, to_ms, status } of statusRuns(history)) {
    if (status === "ok") continue;
    const [left, right] = edges(axis, from_ms, to_ms);
    if (right <= left) continue;
    pen.fillStyle = palette["unknown-soft"];
    pen.fillRect(left, box.top, right - left, box.height);
    pen.fillStyle = pattern;
    pen.fillRect(left, box.top, right - left, box.height);
  }
}

let tile = null;

/** Return a pattern of thin diagonal lines: what unknown looks like. */
function hatch(pen, palette) {
  tile ??= document.createElement("canvas");
  tile.width = tile.height = 6;
  const brush = tile.getContext("2d");
  brush.strokeStyle = palette["line-strong"];
  brush.beginPath();
  for (const shift of [-6, 0, 6]) {
    brush.moveTo(shift, 6);
    brush.lineTo(shift + 6, 0);
  }
  brush.stroke();
  return pen.createPattern(tile, "repeat");
}

/** Draw a signal into its row, as high as the row is: its shape, not its size. */
function trail(pen, { history, axis }, values, box, color) {
  const seen = values.filter((value, at) => value !== null && history.end_ms[at] >= axis.from_ms);
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  const y = (value) => box.top + box.height - 3 - ((value - low) / (high - low || 1)) * (box.height - 6);
  pen.save();
  pen.beginPath();
  pen.rect(axis.left, box.top, axis.right - axis.left, box.height);
  pen.clip();
  pen.beginPath();
  const holes = holesOf(history);
  values.forEach((value, at) => {
    if (value === null) return;
    const apart = holes.has(at) || (values[at - 1] ?? null) === null;
    pen[apart ? "moveTo" : "lineTo"](axis.x(history.end_ms[at]), y(value));
  });
  pen.globalAlpha = 0.45;
  pen.lineWidth = 1;
  pen.strokeStyle = color;
  pen.stroke();
  pen.restore();
}

function frame(pen, axis, box, color) {
  pen.strokeStyle = color;
  pen.lineWidth = 1.5;
  pen.strokeRect(axis.left + 0.5, box.top + 0.5, axis.right - axis.left - 1, box.height - 1);
}

/** Draw the coverage as a step area, and below it what each window was: normal, alert, unknown. */
export function drawStatus(canvas, view) {
  const { pen, width, height } = fit(canvas);
  const { axis, palette } = view;
  const across = axis.right - axis.left;
  pen.clearRect(0, 0, width, height);
  const upper = { top: 2, height: height - 22 };
  const lower = { top: height - 14, height: 12 };
  for (const { top, height: tall } of [upper, lower]) {
    pen.fillStyle = palette.sunken;
    pen.fillRect(axis.left, top, across, tall);
  }
  coverage(pen, view, upper);
  statusBand(pen, view, lower);
  pen.fillStyle = palette["ink-3"];
  pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  pen.textAlign = "right";
  pen.fillText("100", axis.left - 5, upper.top + 9);
  pen.fillText("0", axis.left - 5, upper.top + upper.height);
}

function coverage(pen, { history, axis, palette }, box) {
  const stride = strideOf(history);
  pen.fillStyle = palette.line;
  history.end_ms.forEach((end_ms, at) => {
    const [left, right] = edges(axis, end_ms - stride, end_ms);
    const tall = (history.coverage[at] ?? 0) * box.height;
    if (right > left) pen.fillRect(left, box.top + box.height - tall, right - left, tall);
  });
}

function statusBand(pen, { history, axis, palette, alerts }, box) {
  pen.fillStyle = palette["ok-band"];
  for (const { from_ms, to_ms, status } of statusRuns(history)) {
    const [left, right] = edges(axis, from_ms, to_ms);
    if (status === "ok" && right > left) pen.fillRect(left, box.top, right - left, box.height);
  }
  for (const { began_ms, resolved_ms, severity } of alerts) {
    const [left, right] = edges(axis, began_ms, resolved_ms ?? axis.to_ms);
    pen.fillStyle = palette[severity];
    if (right > left) pen.fillRect(left, box.top, right - left, box.height);
  }
  hatchRuns(pen, { history, axis, palette }, box);
}

/** Draw the marks of the time axis. */
export function drawTime(canvas, { axis, palette }) {
  const { pen, width, height } = fit(canvas);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = palette["ink-3"];
  pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  for (const { at_ms, text } of axis.ticks()) {
    const half = pen.measureText(text).width / 2;
    const x = Math.max(axis.left + half - 4, Math.min(width - half, axis.x(at_ms)));
    pen.textAlign = "center";
    pen.fillText(text, x, 13);
  }
}

/** Return a function from a value to a colour between those of the ramp. */
function ramp(names) {
  const colours = names.map((name) => name.match(/[\d.]+/g).map(Number));
  const stops = [0, ...RAMP];
  return (value) => {
    const at = Math.max(1, stops.findIndex((stop) => stop >= value));
    if (value >= stops.at(-1)) return names.at(-1);
    const share = (value - stops[at - 1]) / (stops[at] - stops[at - 1]);
    const mixed = [0, 1, 2].map((part) => colours[at - 1][part] * (1 - share) + colours[at][part] * share);
    return `rgb(${mixed.map(Math.round).join(" ")})`;
  };
}
