// What another limit would have come to: recomputed here, row by row, whenever the slider moves.

import { byId, el } from "./dom.js";
import { count, duration, number, percent, plural, times } from "./format.js";
import { addTallies, median, ring, tally } from "./rule.js";
import { judgedParts, rate, rateWord, readLevels } from "./chapter.js";

const DAY_S = 86_400;

/** The slider. `changed` is called with the place on the grid whenever it is another. */
export class Limit {
  #chapters;
  #limits;
  #shipped;
  #levels = new Map();

  constructor({ chapters, limits, shipped }, changed) {
    this.#chapters = chapters;
    this.#limits = limits;
    this.#shipped = shipped;
    this.at = shipped;
    const choose = (at) => {
      this.at = at;
      byId("limit").value = at;
      changed();
    };
    byId("limit").max = limits.length - 1;
    byId("limit").addEventListener("input", (event) => choose(Number(event.target.value)));
    byId("limit-back").addEventListener("click", () => choose(shipped));
  }

  get value() {
    return this.#limits[this.at];
  }

  /** Return the alarms of a detector in a chapter at the present limit; null where not all is known. */
  alarms(chapter, name) {
    const said = chapter.said[name];
    if (!said?.try) return null;
    if (!this.#levels.has(said)) this.#levels.set(said, readLevels(said.try.levels));
    return ring(this.#levels.get(said), chapter.slots, this.at, said.try.rule);
  }

  /** Show what the present limit comes to for a detector. */
  show(chapter, name) {
    const tool = chapter.said[name]?.try ?? null;
    byId("limit-tool").hidden = tool === null;
    byId("limit-notes").replaceChildren(...this.#notes(chapter, tool).map((text) => el("span", { text })));
    if (tool === null) return;
    byId("limit").min = tool.rule[3];
    byId("limit").value = this.at;
    byId("limit").setAttribute("aria-valuetext", `${times(this.value)} times the shipped limit`);
    byId("limit-value").textContent = times(this.value);
    byId("limit-back").disabled = this.at === this.#shipped;
    byId("limit-found").replaceChildren(this.#table(chapter, name));
  }

  #table(chapter, name) {
    const all = this.#chapters.filter((each) => each.said[name]?.try);
    const columns = [{ title: "this series", chapters: [chapter] }];
    const many = all.length === this.#chapters.length ? "all" : `${all.length} of`;
    if (all.length > 1) columns.push({ title: `${many} ${this.#chapters.length}`, chapters: all });
    const found = columns.map(({ chapters }) => this.#count(chapters, name));
    const heads = columns.map(({ title }) => el("th", { scope: "col", text: title }));
    const head = columns.length > 1 ? [el("thead", {}, el("tr", {}, el("td"), ...heads))] : [];
    const lines = LINES.filter(({ of }) => found.some((each) => of(each) !== null)).map(({ id, title, of }) =>
      el("tr", { "data-line": id }, el("th", { scope: "row", text: title(found[0]) }), ...found.map((each) => el("td", { text: of(each) ?? "" }))),
    );
    return el("table", { class: "limit-table" }, ...head, el("tbody", {}, ...lines));
  }

  #count(chapters, name) {
    const tallies = chapters.map((chapter) => {
      const events = chapter.events && judgedParts(chapter, chapter.events);
      return tally(events, judgedParts(chapter, this.alarms(chapter, name)));
    });
    const sum = (of) => chapters.reduce((total, each) => total + of(each), 0);
    const timed = chapters.every(({ seconds }) => seconds !== null);
    return {
      ...addTallies(tallies),
      timed,
      span: sum((each) => each.judgedRows * (timed ? each.seconds : 1)),
      rowsJudged: sum(({ judgedRows }) => judgedRows),
      delay: medianDelay(tallies, chapters, timed),
    };
  }

  #notes(chapter, tool) {
    if (tool === null) {
      return ["This series is too long for its every score to be in this file, so no other limit can be tried here."];
    }
    const notes = [];
    const span = chapter.judgedRows * chapter.seconds;
    if (chapter.seconds !== null && span < 7 * DAY_S) {
      notes.push(`${duration(span)} were judged: what that comes to in a week is a wide guess. `);
    }
    if (chapter.events) {
      notes.push(
        "The shipped limit was found without labels. One that you choose because it looks best with these labels is fitted to them: expect less of it on anything else. ",
      );
    }
    if (tool.apart) {
      notes.push(
        `At 1 this differs from what was rung in ${plural(tool.apart, "row")}: the detector also judged moments that have no row here. `,
      );
    }
    return notes;
  }
}

function medianDelay(tallies, chapters, timed) {
  return median(tallies.flatMap(({ delays }, at) => delays.map((rows) => rows * (timed ? chapters[at].seconds : 1))));
}

const often = (many) => ({ span, timed }) => number(timed ? rate(many, span, 1) : rate(many, span, null));

const LINES = [
  { id: "alarms", title: () => "Alarms", of: ({ alarms }) => count(alarms) },
  { id: "weekly", title: ({ timed }) => `Alarms ${rateWord(timed)}`, of: (found) => often(found.alarms)(found) },
  { id: "share", title: () => "Time in alarm", of: ({ rows, rowsJudged }) => percent(rows / rowsJudged) },
  { id: "found", title: () => "Events found", of: ({ events, hits }) => (events === null ? null : `${count(hits)} of ${count(events)}`) },
  { id: "missed", title: () => "Events missed", of: ({ events, hits }) => (events === null ? null : count(events - hits)) },
  { id: "false", title: () => "False alarms", of: (found) => (found.events === null ? null : count(found.false)) },
  {
    id: "false-weekly",
    title: ({ timed }) => `False alarms ${rateWord(timed)}`,
    of: (found) => (found.events === null ? null : often(found.false)(found)),
  },
  {
    id: "delay",
    title: () => "Median delay",
    of: ({ events, delay, timed }) => (events === null ? null : timed ? duration(delay) : delay === null ? "–" : plural(delay, "row")),
  },
];
