// The connection: server-sent events, one stream for the whole page. The browser connects again by
// itself; only where it gives up (an answer that is no stream) this tries on. A server that is gone
// without a word is found out by asking it for a sign of life.

const QUIET_MS = 15_000;
const AGAIN_MS = 2_000;

export class Live {
  #source = null;
  #asset = null;
  #heard_ms = 0;
  #again = 0;
  #tell;

  /** `tell` has the functions picture, trace, rows and connection ("live", "lost", "locked"). */
  constructor(tell) {
    this.#tell = tell;
    setInterval(() => this.#listen(), QUIET_MS / 3);
  }

  /** When anything was heard last, in milliseconds since the epoch; 0: never. */
  get heard_ms() {
    return this.#heard_ms;
  }

  /** Watch an asset (or none) beside the plant. */
  watch(asset) {
    this.#asset = asset;
    this.#open();
  }

  #open() {
    clearTimeout(this.#again);
    this.#source?.close();
    const query = this.#asset === null ? "" : `?asset=${encodeURIComponent(this.#asset)}`;
    const source = new EventSource(`/api/live${query}`);
    this.#source = source;
    for (const name of ["picture", "trace", "rows"]) {
      source.addEventListener(name, (event) => {
        if (source === this.#source) this.#hear(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => this.#fail(source));
  }

  #hear(name, what) {
    this.#heard_ms = Date.now();
    this.#tell.connection("live");
    this.#tell[name](what);
  }

  #fail(source) {
    if (source !== this.#source) return;
    this.#tell.connection("lost");
    if (source.readyState === EventSource.CLOSED) {
      this.#again = setTimeout(() => this.#knock(), AGAIN_MS);
    }
  }

  /** Find out whether the page may still be seen at all before connecting again. */
  async #knock() {
    try {
      const answer = await fetch("/", { cache: "no-store" });
      if (answer.status === 401) return this.#tell.connection("locked");
    } catch {
      // not there yet: the next try will tell
    }
    return this.#open();
  }

  async #listen() {
    const source = this.#source;
    if (source?.readyState !== EventSource.OPEN || Date.now() - this.#heard_ms < QUIET_MS) return;
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(QUIET_MS / 3) });
    } catch {
      if (source === this.#source) {
        this.#tell.connection("lost");
        this.#open();
      }
    }
  }
}
