// Light or dark: as the system has it, until a person says otherwise. What they said is remembered,
// and forgotten again once it is what the system has anyway.

import { byId, setAttribute } from "./dom.js";
import { setIcon } from "./icons.js";

const KEY = "tocsin-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

/** Make the switch work; `changed` is called whenever the colours became others. */
export function startTheme(changed) {
  const button = byId("theme");
  const show = () => {
    const other = current() === "dark" ? "light" : "dark";
    setIcon(button, other === "dark" ? "moon" : "sun");
    setAttribute(button, "aria-label", `Switch to the ${other} theme`);
    setAttribute(button, "title", `Switch to the ${other} theme`);
    changed();
  };
  button.addEventListener("click", () => {
    choose(current() === "dark" ? "light" : "dark");
    show();
  });
  dark.addEventListener("change", show);
  show();
}

function current() {
  return root.dataset.theme ?? system();
}

function system() {
  return dark.matches ? "dark" : "light";
}

function choose(theme) {
  if (theme === system()) delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === system()) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // a browser that remembers nothing still switches
  }
}

const probe = document.createElement("i");

/** Return the colours with these names (of tokens.css) as they are now. */
export function colours(...names) {
  root.append(probe);
  const found = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}
