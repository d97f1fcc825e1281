// The axis that all pictures of one series share, and what is seen of it.

import { timePixels } from "./plot.js";
import { spanOf } from "./chapter.js";

const LEAST_SHARE = 1 / 2000; // of a series that can be looked at closely

/** Return all of a series' time. */
export const wholeOf = (chapter) => spanOf(chapter, [0, chapter.rows]);

/** Return a stretch of time, cut to what there is, and not too short to be seen. */
export function within(chapter, [from, to]) {
  const [first, last] = wholeOf(chapter);
  const long = Math.min(last - first, Math.max(to - from, (last - first) * LEAST_SHARE));
  const begin = Math.min(Math.max((from + to - long) / 2, first), last - long);
  return [begin, begin + long];
}

/** Return the stretch that is seen after one of the moves of the tools. */
export function move(chapter, [from, to], way) {
  const long = to - from;
  const moved = {
    earlier: [from - long / 2, to - long / 2],
    later: [from + long / 2, to + long / 2],
    in: [from + long / 4, to - long / 4],
    out: [from - long / 2, to + long / 2],
    all: wholeOf(chapter),
  };
  return within(chapter, moved[way]);
}

/** Return a stretch of time around rows [begin, end), so that what came before and after is seen. */
export function around(chapter, interval) {
  const [from, to] = spanOf(chapter, interval);
  const [first, last] = wholeOf(chapter);
  const room = Math.max((to - from) * 0.75, (last - first) / 40);
  return within(chapter, [from - room, to + room]);
}

/**
 * Return intervals of rows as stretches of time that can be drawn: what lies closer together than
 * can be seen is one stretch, and none is too thin.
 */
export function stretches(chapter, intervals, [from, to]) {
  const thin = (to - from) / timePixels();
  const found = [];
  for (const interval of intervals) {
    const [begin, end] = spanOf(chapter, interval);
    if (end < from || begin > to) continue;
    const last = found.at(-1);
    if (last && begin - last[1] < thin) last[1] = Math.max(last[1], end);
    else found.push([begin, Math.max(end, begin + thin)]);
  }
  return found;
}
