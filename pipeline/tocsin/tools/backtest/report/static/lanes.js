// The two pictures with rows: who rang when, and which channels were to blame.

import { beginOf, spanOf } from "./chapter.js";
import { frame, isNarrow, label, labels, leftMargin, timeAxis } from "./plot.js";
import { stretches } from "./axis.js";

const LANE = 24;
const MOST_CHANNELS = 16;
const RAMP = [0, 0.05, 1 / 6, 1 / 3, 1]; // of three times the limit

/** Return the picture of who rang when: {traces, layout, height}. */
export function lanesFigure({ chapter, entrant, view, palette, tried }) {
  const lanes = [
    ...(chapter.events ? [{ name: "labelled events", parts: [[chapter.events, "truth"]] }] : []),
    ...Object.keys(chapter.said).map((name) => ({ name, parts: coloured(chapter, chapter.said[name].alarms) })),
    { name: tried.name, parts: [[tried.alarms, "accent"]] },
  ];
  const traces = lanes.flatMap(({ parts }, at) =>
    parts.map(([intervals, colour]) => bars(chapter, intervals, at, view, palette[colour])),
  );
  const most = isNarrow() ? 12 : 21;
  const names = labels(lanes.map(({ name }) => name), most);
  const ticktext = names.map((name, at) => (lanes[at].name === entrant ? `<b>${name}</b>` : name));
  const layout = frame(palette, {
    xaxis: timeAxis(chapter, view),
    yaxis: { range: [lanes.length - 0.5, -0.5], tickvals: lanes.map((_, at) => at), ticktext },
    dragmode: "zoom",
    hovermode: false,
  });
  return { traces, layout, height: lanes.length * LANE + 26 };
}

/** Return alarms by what they met: [intervals, colour]. */
function coloured(chapter, alarms) {
  if (!chapter.events) return [[alarms, "over"]];
  const meets = ([begin, end]) => chapter.events.some((event) => event[0] < end && begin < event[1]);
  return [[alarms.filter(meets), "ok"], [alarms.filter((each) => !meets(each)), "critical"]];
}

function bars(chapter, intervals, lane, view, color) {
  const [x, y] = [[], []];
  for (const [begin, end] of stretches(chapter, intervals, view)) {
    x.push(begin, end, null);
    y.push(lane, lane, null);
  }
  return { x, y, mode: "lines", line: { color, width: 12 }, hoverinfo: "skip" };
}

/** Return the picture of blame, the most blamed channel on top; null where nobody is blamed. */
export function heatFigure({ chapter, entrant, view, palette }) {
  const blame = chapter.said[entrant]?.blame;
  if (!blame) return null;
  const order = mostBlamed(blame.cells).slice(0, MOST_CHANNELS);
  const most = isNarrow() ? 12 : 21;
  const x = [...blame.edges.slice(0, -1).map((row) => beginOf(chapter, row)), spanOf(chapter, [0, chapter.rows])[1]];
  const names = ["sunken", "heat-1", "heat-2", "heat-3", "heat-4"];
  const trace = {
    type: "heatmap",
    x,
    y: order.map((_, at) => at),
    z: order.map((at) => blame.cells[at]),
    text: order.map((at) => blame.cells[at].map(() => label(chapter.channels[at], 60))),
    zmin: 0,
    zmax: 3,
    ygap: 2,
    zsmooth: false,
    showscale: false,
    colorscale: names.map((name, at) => [RAMP[at], palette[name]]),
    hovertemplate: "%{text}: %{z:.2f} of the limit<extra></extra>",
  };
  const layout = frame(palette, {
    xaxis: timeAxis(chapter, view),
    yaxis: {
      range: [order.length - 0.5, -0.5],
      tickvals: order.map((_, at) => at),
      ticktext: labels(order.map((at) => chapter.channels[at]), most),
      showgrid: false,
    },
    dragmode: "zoom",
    hovermode: "closest",
    plot_bgcolor: palette["unknown-soft"],
  });
  return { traces: [trace], layout, height: order.length * 20 + 26, order };
}

/** Return the channels, the one with the most blame first. */
function mostBlamed(cells) {
  const sums = cells.map((row) => row.reduce((sum, cell) => sum + (cell ?? 0), 0));
  return sums.map((_, at) => at).sort((one, other) => sums[other] - sums[one]);
}

/** Return the channel whose row lies at `y` pixels of a picture with these rows, or null. */
export function rowAt(figure, y, x) {
  const at = Math.floor((y - 4) / 20);
  return x < leftMargin() && at >= 0 ? (figure.order[at] ?? null) : null;
}
