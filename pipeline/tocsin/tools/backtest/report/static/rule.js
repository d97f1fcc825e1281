// What would have rung with another limit. A level is the number of limits that a score reaches.

const UNKNOWN = 255;

/**
 * Return the alarms, as intervals of rows, if the limit at place `limit` of the grid is taken.
 *
 * `rule` is [openCount, openOf, calmCount, calmSteps]: an alarm begins when openCount of the last
 * openOf slots reach the limit, and ends after calmCount rows in a row below the limit that is
 * calmSteps lower. A row without a score does neither.
 */
export function ring(levels, slots, limit, [openCount, openOf, calmCount, calmSteps]) {
  const alarms = [];
  let [begin, calm, breaches] = [-1, 0, []];
  levels.forEach((level, row) => {
    if (level === UNKNOWN) return;
    if (begin < 0) {
      if (level <= limit) return;
      breaches = [...breaches.filter((slot) => slot > slots[row] - openOf), slots[row]];
      if (breaches.length >= openCount) [begin, calm, breaches] = [row, 0, []];
      return;
    }
    calm = level <= limit - calmSteps ? calm + 1 : 0;
    if (calm < calmCount) return;
    alarms.push([begin, row]);
    begin = -1;
  });
  return begin < 0 ? alarms : [...alarms, [begin, levels.length]];
}

/** Return what came of events (or null where there are no labels) and alarms; delays are in rows. */
export function tally(events, alarms) {
  const finders = (events ?? []).map((event) => alarms.find((alarm) => overlap(alarm, event)));
  const found = finders.filter(Boolean);
  const delays = finders.flatMap((alarm, at) =>
    alarm ? [Math.max(0, alarm[0] - events[at][0])] : [],
  );
  return {
    alarms: alarms.length,
    rows: alarms.reduce((sum, [begin, end]) => sum + end - begin, 0),
    events: events === null ? null : events.length,
    hits: found.length,
    false: alarms.filter((alarm) => !(events ?? []).some((event) => overlap(alarm, event))).length,
    delays,
  };
}

const overlap = (one, other) => one[0] < other[1] && other[0] < one[1];

/** Return the tallies of several series as one. */
export function addTallies(tallies) {
  const sum = (name) => tallies.reduce((total, each) => total + (each[name] ?? 0), 0);
  const labelled = tallies.some(({ events }) => events !== null);
  return {
    alarms: sum("alarms"),
    rows: sum("rows"),
    events: labelled ? sum("events") : null,
    hits: sum("hits"),
    false: sum("false"),
    delays: tallies.flatMap(({ delays }) => delays),
  };
}

/** Return the median of numbers; null without any. */
export function median(numbers) {
  if (!numbers.length) return null;
  const sorted = [...numbers].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
