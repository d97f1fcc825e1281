// A series as it came, with the places of its rows in time.

const WEEK_S = 604_800;

/**
 * Open a chapter of the content. What is added: `slots` (place of each row on the grid in time),
 * `seconds` (of one slot, null where times were made up), `judgedRows` (how many rows count: what
 * lies in a hole was not judged).
 */
export function openChapter(raw) {
  const slots = new Float64Array(raw.rows);
  raw.runs.forEach(([row, slot], at) => {
    const end = raw.runs[at + 1]?.[0] ?? raw.rows;
    for (let each = row; each < end; each += 1) slots[each] = slot + each - row;
  });
  return { ...raw, slots, seconds: raw.timed ? raw.period_ms / 1000 : null, judgedRows: raw.rows - raw.judged };
}

/** Return where a slot begins on the time axis: milliseconds, or its number where times were made up. */
function placeOf(chapter, slot) {
  return chapter.timed ? chapter.begin_ms + slot * chapter.period_ms : slot;
}

/** Return where a row begins. */
export const beginOf = (chapter, row) => placeOf(chapter, chapter.slots[row]);

/** Return where rows [begin, end) begin and end. */
export function spanOf(chapter, [begin, end]) {
  return [beginOf(chapter, begin), placeOf(chapter, chapter.slots[end - 1] + 1)];
}

/** Return how long rows [begin, end) last, in slots. */
export function slotsIn(chapter, [begin, end]) {
  return end > begin ? chapter.slots[end - 1] + 1 - chapter.slots[begin] : 0;
}

/** Return how many of something there are in a week, or in 10,000 rows where nobody knows weeks. */
export function rate(many, rows, seconds) {
  return seconds === null ? (many / rows) * 10_000 : (many / (rows * seconds)) * WEEK_S;
}

export const rateWord = (timed) => (timed ? "a week" : "in 10,000 rows");

/** Return those parts of intervals that lie in the rows that are judged. */
export function judgedParts(chapter, intervals) {
  return intervals
    .filter(([, end]) => end > chapter.judged)
    .map(([begin, end]) => [Math.max(begin, chapter.judged), end]);
}

/** Return the levels that were written as base64, one a row. */
export function readLevels(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
