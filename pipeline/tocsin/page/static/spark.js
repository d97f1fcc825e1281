// Sparklines: the last scores of an asset. The scale is bent so that the limit is always in the
// middle, any score fits, and small ones can be told apart. What is not known is a grey field, never
// a line.

import { colours } from "./theme.js";

let palette = null;

/** Take the colours anew at the next drawing. */
export function forgetColours() {
  palette = null;
}

/** Draw `scores` (numbers or null, oldest first) into a canvas, right-aligned on `places` places. */
export function drawSpark(canvas, scores, places = 60) {
  palette ??= colours("score", "over", "line-strong", "unknown-soft");
  const { pen, width, height } = fit(canvas);
  const step = width / places;
  const xs = scores.map((_, at) => width - (scores.length - at - 0.5) * step);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = palette["unknown-soft"];
  scores.forEach((score, at) => {
    if (score === null) pen.fillRect(xs[at] - step / 2, 3, step + 0.5, height - 6);
  });
  limit(pen, width, height / 2);
  line(pen, xs, scores, (score) => 1.5 + (height - 3) * (1 - bend(score)));
}

/** Return a place from 0 to 1 for any score; the limit's is one half. */
function bend(score) {
  const root = Math.sqrt(Math.max(0, score));
  return root / (1 + root);
}

function limit(pen, width, y) {
  pen.setLineDash([2, 3]);
  pen.lineWidth = 1;
  pen.strokeStyle = palette["line-strong"];
  pen.beginPath();
  pen.moveTo(0, y);
  pen.lineTo(width, y);
  pen.stroke();
  pen.setLineDash([]);
}

/** Draw the line piece by piece: what reaches the limit is of another colour and thicker. */
function line(pen, xs, scores, yOf) {
  pen.lineCap = "round";
  for (let at = 0; at < scores.length; at += 1) {
    const before = scores[at - 1] ?? scores[at];
    if (scores[at] === null) continue;
    const over = Math.max(before, scores[at]) >= 1;
    pen.strokeStyle = over ? palette.over : palette.score;
    pen.lineWidth = over ? 2 : 1.5;
    pen.beginPath();
    pen.moveTo(at && scores[at - 1] !== null ? xs[at - 1] : xs[at], yOf(before));
    pen.lineTo(xs[at], yOf(scores[at]));
    pen.stroke();
  }
}

/** Return a canvas's pen in CSS pixels, after giving it as many pixels as the screen has. */
export function fit(canvas) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}
