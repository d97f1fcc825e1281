// Windows on the map of a model: what lies alone is like nothing that was learned.

import { beginOf } from "./chapter.js";
import { count, dateTime } from "./format.js";
import { frame } from "./plot.js";
import { key } from "./dom.js";

const KINDS = [
  { name: "training", colour: "ink-3", symbol: "circle-open", size: 5 },
  { name: "judged normal", colour: "expected", symbol: "circle", size: 5 },
  { name: "in alarm", colour: "critical", symbol: "x", size: 7 },
  { name: "abnormal, no alarm", colour: "warning", symbol: "triangle-up", size: 8 },
  { name: "abnormal, in alarm", colour: "ok", symbol: "diamond", size: 7 },
];

/** Return the picture: {traces, layout, keys}, or null where there is none. */
export function latentFigure({ chapter, entrant, palette }) {
  const { latent, alarms } = chapter.said[entrant];
  if (!latent) return null;
  const inside = (intervals, row) => (intervals ?? []).some(([begin, end]) => begin <= row && row < end);
  const kindOf = (row) => {
    const ringing = inside(alarms, row);
    if (inside(chapter.events, row)) return ringing ? 4 : 3;
    return ringing ? 2 : row < chapter.train ? 0 : 1;
  };
  const kinds = latent.row.map(kindOf);
  const used = KINDS.map((kind, at) => ({ ...kind, at })).filter(({ at }) => kinds.includes(at));
  const traces = used.map((kind) => spots(chapter, latent, (place) => kinds[place] === kind.at, kind, palette));
  const bare = { showticklabels: false, showgrid: false };
  const layout = frame(palette, {
    margin: { l: 8, r: 8, t: 6, b: 8, pad: 0 },
    hovermode: "closest",
    xaxis: bare,
    yaxis: bare,
  });
  return { traces, layout, keys: used.map(({ at, name }) => key(`spot-${at}`, name)) };
}

function spots(chapter, latent, chosen, { name, colour, symbol, size }, palette) {
  const places = latent.row.map((_, place) => place).filter(chosen);
  const when = (row) => (chapter.timed ? dateTime(beginOf(chapter, row)) : `row ${count(row)}`);
  return {
    x: places.map((place) => latent.x[place]),
    y: places.map((place) => latent.y[place]),
    text: places.map((place) => when(latent.row[place])),
    customdata: places.map((place) => latent.row[place]),
    name,
    mode: "markers",
    marker: { color: palette[colour], symbol, size, opacity: 0.8 },
    hovertemplate: "%{text}",
  };
}
