// Numbers, times and states in words. A missing number is a dash, never a nought.

export const MISSING = "–";

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
const minute = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: "UTC" });
const whole = new Intl.NumberFormat("en-US");

/** Return a number with about four digits. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const size = Math.abs(value);
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return value.toExponential(2);
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** Return a score with two decimals, or as a whole number where it is beyond all measure. */
export function score(value) {
  if (value === null || value === undefined) return MISSING;
  return value >= 100 ? whole.format(Math.round(value)) : value.toFixed(2);
}

/** Return a share of one as a percentage. */
export function percent(share) {
  return share === null || share === undefined ? MISSING : `${Math.round(share * 100)} %`;
}

/** Return a count with separators. */
export const count = (value) => whole.format(value);

/** Return "1 window", "2 windows". */
export const plural = (many, noun) => `${count(many)} ${noun}${many === 1 ? "" : "s"}`;

/** Return a time of day, UTC, with seconds. */
export const timeOf = (ms) => clock.format(ms);

/** Return a time of day, UTC, without seconds. */
export const minuteOf = (ms) => minute.format(ms);

/** Return a date, UTC. */
export const dateOf = (ms) => new Date(ms).toISOString().slice(0, 10);

/** Return date and time of day, UTC. */
export const dateTimeOf = (ms) => `${dateOf(ms)} ${timeOf(ms)}`;

/** Return how long something takes, in its two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return join(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return join(hours, "h", minutes % 60, "min");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

function join(large, unit, small, smaller) {
  return small ? `${large} ${unit} ${small} ${smaller}` : `${large} ${unit}`;
}

/** Return the first digits of a version: enough to tell two apart. */
export const short = (version) => version.slice(0, 8);

const WHY = {
  ok: "scored",
  warming_up: "warming up: not seen for one whole window yet",
  no_model: "no model yet: nothing was learned for this kind of asset",
  low_coverage: "too few of the window's values were measured",
  error: "the model gave no number",
};

const UNKNOWN = {
  ok: "Unknown",
  warming_up: "Warming up",
  no_model: "No model",
  low_coverage: "Few values",
  error: "No number",
};

/** Return a status in words; null stands for an asset that has had no window. */
export const why = (status) => WHY[status] ?? "no window yet";

/** Return tone (for colour and icon) and word of an asset's state. Unknown is never normal. */
export function stateOf(asset) {
  if (asset.state === "alert") {
    const tone = asset.severity === "critical" ? "critical" : "warning";
    if (asset.rule === "silent") return { tone, word: "Silent" };
    return { tone, word: tone === "critical" ? "Critical" : "Warning" };
  }
  if (asset.state === "ok") return { tone: "ok", word: "Normal" };
  return { tone: "unknown", word: UNKNOWN[asset.status] ?? "Unknown" };
}
