// Icons as paths on a field of 16 by 16: every state has a shape of its own beside its colour.

const SVG = "http://www.w3.org/2000/svg";
const DISC = "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z";

const PATHS = {
  ok: `${DISC}M6.9 11.3 11.9 6.2 10.8 5.1 6.9 9.1 5.2 7.4 4.1 8.5z`,
  warning: "M8 1.2 15.6 14.6H.4zM7.2 6v4.2h1.6V6zM7.2 11.4V13h1.6v-1.6z",
  critical: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1zM7.1 4v5.2h1.8V4zM7.1 10.4v1.7h1.8v-1.7z",
  unknown:
    "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM5.6 6.5C5.6 4.9 6.7 4 8.1 4s2.4.9 2.4 2.2c0 1.8-1.7 1.9-1.7 3.1H7.2c0-2 1.7-2.2 1.7-3.1 0-.5-.3-.8-.8-.8-.6 0-.9.4-.9 1.1zM7.2 10.2h1.6v1.6H7.2z",
  failed: `${DISC}M5.3 4.2 4.2 5.3 6.9 8 4.2 10.7l1.1 1.1L8 9.1l2.7 2.7 1.1-1.1L9.1 8l2.7-2.7-1.1-1.1L8 6.9z`,
  waiting: `${DISC}M7.2 3.6v5l3.6 2.1.8-1.3-2.8-1.7V3.6z`,
  sun: "M8 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM7.3.6h1.4v2.3H7.3zM7.3 13.1h1.4v2.3H7.3zM.6 7.3h2.3v1.4H.6zM13.1 7.3h2.3v1.4h-2.3zM2.3 3.3l1-1 1.6 1.6-1 1zM11.1 12.1l1-1 1.6 1.6-1 1zM12.7 2.3l1 1-1.6 1.6-1-1zM3.9 11.1l1 1-1.6 1.6-1-1z",
  moon: "M6.3 1.2a7 7 0 1 0 8.5 8.5A5.6 5.6 0 0 1 6.3 1.2z",
};

/** Return a new drawing of the named icon; screen readers are told by the word beside it. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  drawing.append(path);
  drawing.dataset.icon = name;
  return drawing;
}

/** Let `place` hold the named icon and nothing else; drawn only when it becomes another. */
export function setIcon(place, name) {
  if (place.firstElementChild?.dataset.icon !== name) place.replaceChildren(icon(name));
}
