// The colours of the style sheet as they are now, and a word when they become others.

const dark = matchMedia("(prefers-color-scheme: dark)");
const probe = document.createElement("i");

/** Return the colours with these names as they are now. */
export function colours(...names) {
  document.documentElement.append(probe);
  const found = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}

/** Call `changed` whenever the page becomes light or dark; paper is always light. */
export function watchColours(changed) {
  dark.addEventListener("change", changed);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    changed();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.theme;
    changed();
  });
}
