// Numbers, times and spans in words. A missing number is a dash, never a nought.

export const MISSING = "–";
const SPACE = "\u00a0"; // between a number and its unit

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });

const isMissing = (value) => value === null || value === undefined || !Number.isFinite(value);

/** Return a number with about three digits. */
export function number(value) {
  if (isMissing(value)) return MISSING;
  const size = Math.abs(value);
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return value.toExponential(1);
  if (size >= 100) return whole.format(value);
  return String(Number(value.toPrecision(3)));
}

/** Return a ratio between 0 and 1, or a measure like one. */
export const ratio = (value) => (isMissing(value) ? MISSING : value.toFixed(3));

/** Return a count with separators. */
export const count = (value) => (isMissing(value) ? MISSING : whole.format(value));

/** Return "1 alarm", "2 alarms". */
export const plural = (many, noun) => `${count(many)} ${noun}${many === 1 ? "" : "s"}`;

/** Return a score or a limit: two decimals, whole where it is beyond all measure. */
export function times(value) {
  if (isMissing(value)) return MISSING;
  return value >= 100 ? whole.format(value) : value.toFixed(2);
}

/** Return a share of one as a percentage; what is there but small is not nought. */
export function percent(share) {
  if (isMissing(share)) return MISSING;
  const hundreds = share * 100;
  if (hundreds > 0 && hundreds < 0.1) return `<${SPACE}0.1${SPACE}%`;
  if (hundreds > 99.9 && hundreds < 100) return `>${SPACE}99.9${SPACE}%`;
  return `${Number(hundreds.toFixed(hundreds < 10 ? 1 : 0))}${SPACE}%`;
}

/** Return seconds in the two largest units. */
export function duration(seconds) {
  if (isMissing(seconds)) return MISSING;
  if (seconds < 60) return `${Number(seconds.toPrecision(seconds < 10 ? 2 : 3))}${SPACE}s`;
  const units = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => Math.round(seconds) >= size);
  const [large, size] = units[at];
  const [small, smaller] = units[Math.min(at + 1, 3)];
  const rest = Math.floor((Math.round(seconds) % size) / smaller);
  const first = `${count(Math.floor(Math.round(seconds) / size))}${SPACE}${large}`;
  return rest && at < 3 ? `${first} ${rest}${SPACE}${small}` : first;
}

/** Return date and time of day, UTC. */
export const dateTime = (ms) => `${new Date(ms).toISOString().slice(0, 10)} ${clock.format(ms)}`;

/** Return words as a list: "a, b and c". */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
