// The page: what comes in goes to the parts of the page, and what a person chooses to the server.

import { showAlerts, startAlerts } from "./alerts.js";
import { showBench, startBench } from "./bench.js";
import { Detail } from "./detail.js";
import { byId, pulse } from "./dom.js";
import { showBanner, showConnection, showHeader } from "./header.js";
import { Live } from "./live.js";
import { showModels } from "./models.js";
import { drawSparks, showOverview, startOverview } from "./overview.js";
import { forgetColours } from "./spark.js";
import { startTheme } from "./theme.js";

let picture = null;
let chosen = named(); // the asset that is shown in full
let byHand = chosen !== null; // whether a person chose it
let connection = "connecting";

const detail = new Detail(() => picture && showBench(picture, chosen, detail.channel));
const live = new Live({
  picture: (newest) => {
    picture = newest;
    // nothing is drawn in a tab that is not seen, but its title tells of alerts all the same
    if (document.hidden) showHeader(picture);
    show();
  },
  trace: (trace) => detail.showTrace(trace),
  rows: (rows) => detail.showRows(rows),
  connection: (state) => {
    connection = state;
    tellConnection();
  },
});
const show = pulse(showPicture);

function showPicture() {
  if (!picture) return;
  if (!byHand) watch(proposed());
  showHeader(picture);
  showOverview(picture, chosen);
  detail.showPicture(picture);
  showAlerts(picture);
  showModels(picture);
  showBench(picture, chosen, detail.channel);
  tellConnection();
}

/** Return the asset to look at while nobody has chosen: in the demo where something happens. */
function proposed() {
  const broken = picture.breakages?.find(({ fate }) => fate === "running");
  const alarmed = picture.alerts.find(({ state }) => state === "open");
  const eventful = picture.kind === "demo" ? (broken?.asset ?? alarmed?.asset) : null;
  return eventful ?? chosen ?? picture.assets[0]?.asset ?? null;
}

function watch(asset) {
  if (asset === chosen) return;
  chosen = asset;
  detail.choose(asset);
  live.watch(asset);
}

function choose(asset) {
  byHand = true;
  watch(asset);
  history.replaceState(null, "", `#${encodeURIComponent(asset)}`);
  show();
}

/** Return the asset that the address names, or null. */
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

function tellConnection() {
  showConnection(connection, live.heard_ms);
  if (connection !== "live") return;
  const trouble = picture?.log?.ok === false;
  showBanner(trouble ? `The log cannot be read: ${picture.log.reason}` : "");
}

startOverview(choose);
startAlerts(choose);
startBench((asset, channel) => {
  choose(asset);
  detail.chooseChannel(channel);
});
startTheme(() => {
  forgetColours();
  drawSparks();
  detail.recolour();
});
addEventListener("hashchange", () => named() && choose(named()));
addEventListener("resize", pulse(drawSparks, 100));
setInterval(tellConnection, 1000);
showConnection(connection, 0);
detail.choose(chosen);
live.watch(chosen);
