// plotly.js, loaded once and after the page is there: it is large, and the rest need not wait.

const SOURCE = "/static/plotly.min.js";
// Styles that plotly.js would write into the page for its maps. They are not needed, and the
// server forbids inline styles; an element with this id tells plotly.js that they are there.
const MAP_STYLES = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false, showTips: false };

let loading = null;

/** Return plotly.js; rejects if it cannot be loaded, and may then be asked for again. */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const there = document.createElement("meta");
    there.id = MAP_STYLES;
    const script = document.createElement("script");
    script.src = SOURCE;
    script.addEventListener("load", () => resolve(globalThis.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error("plotly.js could not be loaded"));
    });
    document.head.append(there, script);
  });
  return loading;
}

/** A chart of plotly.js in an element of fixed height. */
export class Chart {
  #node;
  #zoomed;
  #ready = false;

  /** `zoomed` is called with a stretch {from_ms, to_ms}, or with null to see everything again. */
  constructor(node, zoomed) {
    this.#node = node;
    this.#zoomed = zoomed;
  }

  /** Show a figure ({traces, layout}). The stretch of time is ours to keep, not plotly.js's. */
  async draw(plotly, { traces, layout }) {
    await plotly.react(this.#node, traces, { ...layout, height: this.#node.clientHeight }, CONFIG);
    if (this.#ready) return;
    this.#ready = true;
    this.#node.on("plotly_relayout", (change) => {
      const [from_ms, to_ms] = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (from_ms !== undefined) this.#zoomed({ from_ms: Number(from_ms), to_ms: Number(to_ms) });
    });
    this.#node.on("plotly_doubleclick", () => this.#zoomed(null));
  }
}
