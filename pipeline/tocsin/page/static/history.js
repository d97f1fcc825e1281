// What is known of the watched asset, as columns: one row per window, the newest 600.

const KEPT = 600;
const LEAST_SHOWN = 120;
const COLUMNS = ["end_ms", "score", "error", "status", "model", "coverage"];
const OWN = ["measured", "expected", "blame", "coverage"];

/** Return `history` with newer rows after it; what it already has comes but once. */
export function extend(history, rows) {
  if (history?.asset !== rows.asset || history.profile !== rows.profile) return rows;
  const last_ms = history.end_ms.at(-1) ?? -Infinity;
  const first = rows.end_ms.findIndex((end_ms) => end_ms > last_ms);
  if (first < 0) return history;
  const join = (older, newer) => [...older, ...newer.slice(first)].slice(-KEPT);
  const both = (names, older, newer) =>
    Object.fromEntries(names.map((name) => [name, join(older[name], newer[name])]));
  const channels = history.channels.map((each) => {
    const more = rows.channels.find(({ name }) => name === each.name);
    return { ...each, ...both(OWN, each, more ?? missing(rows)) };
  });
  return { ...history, ...both(COLUMNS, history, rows), channels };
}

function missing(rows) {
  const nothing = rows.end_ms.map(() => null);
  return Object.fromEntries(OWN.map((name) => [name, nothing]));
}

/** Return how far windows are apart: the smallest step there is among them. */
export function strideOf(history) {
  let stride = Infinity;
  const ends = history.end_ms;
  for (let at = 1; at < ends.length; at += 1) stride = Math.min(stride, ends[at] - ends[at - 1]);
  return Number.isFinite(stride) ? stride : 1000;
}

/** Return the indices of windows that do not begin where the one before ends: nothing is known between. */
export function holesOf(history) {
  const stride = strideOf(history);
  const ends = history.end_ms;
  return new Set([...ends.keys()].filter((at) => at > 0 && ends[at] - ends[at - 1] > 1.5 * stride));
}

/** Return the index of the window that ends nearest to a time, or -1 if there is none. */
export function nearest(history, at_ms) {
  let found = -1;
  history.end_ms.forEach((end_ms, at) => {
    if (found < 0 || Math.abs(end_ms - at_ms) < Math.abs(history.end_ms[found] - at_ms)) found = at;
  });
  return found;
}

/**
 * Return the stretch of time that is worth a look: all of it, but for a long past without scores,
 * of which only the end is left.
 */
export function essence(history) {
  const last = history.end_ms.length - 1;
  const known = history.score.findIndex((score) => score !== null);
  const scored = last - known + 1;
  const lead = Math.max(Math.ceil(scored / 3), LEAST_SHOWN - scored);
  const first = known < 0 ? 0 : Math.max(0, known - lead);
  return { from_ms: history.end_ms[first], to_ms: history.end_ms[last] };
}

/** Return the name of the most blamed channel of the newest window over the limit, or null. */
export function culprit(history) {
  const last = history.end_ms.length - 1;
  if (last < 0 || !(history.score[last] >= 1)) return null;
  const most = history.channels.reduce((one, other) => (other.blame[last] > one.blame[last] ? other : one));
  return most.name;
}

/** Return where another model began to score: [{at_ms, model}]. */
export function modelChanges(history) {
  const changes = [];
  let before = null;
  history.model.forEach((model, at) => {
    if (!model) return;
    if (before !== null && model !== before) changes.push({ at_ms: history.end_ms[at], model });
    before = model;
  });
  return changes;
}

/** Return the runs of equal status: [{from_ms, to_ms, status}]. Holes between windows stay holes. */
export function statusRuns(history) {
  const stride = strideOf(history);
  const runs = [];
  history.end_ms.forEach((end_ms, at) => {
    const from_ms = end_ms - stride;
    const last = runs.at(-1);
    if (last?.status === history.status[at] && last.to_ms >= from_ms) last.to_ms = end_ms;
    else runs.push({ from_ms, to_ms: end_ms, status: history.status[at] });
  });
  return runs;
}
