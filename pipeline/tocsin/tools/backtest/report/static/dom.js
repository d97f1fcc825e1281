// Making elements. Names of series and channels come from outside, so whatever is written into the
// page goes through textContent: there is no innerHTML anywhere.

export const byId = (id) => document.getElementById(id);

/**
 * Make an element. In `more`, `text` is its text, `class` its classes, `on` its listeners and `vars`
 * its own style properties; every other name is an attribute, left out where the value is null.
 */
export function el(tag, more = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (name === "text") node.textContent = value;
    else if (name === "class") node.className = value;
    else if (name === "on") listen(node, value);
    else if (name === "vars") setVars(node, value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function listen(node, listeners) {
  for (const [event, act] of Object.entries(listeners)) node.addEventListener(event, act);
}

function setVars(node, values) {
  for (const [name, value] of Object.entries(values)) node.style.setProperty(`--${name}`, value);
}

/** Let a select offer `options` ({value, text}), and choose one of them. */
export function offer(select, options, chosen) {
  select.replaceChildren(...options.map(({ value, text }) => el("option", { value, text })));
  select.value = chosen;
}

/** Return a key to a picture: a mark of a kind, and what it means. */
export function key(mark, text) {
  return el("span", { class: "key" }, el("i", { class: `mark mark-${mark}`, "aria-hidden": "true" }), text);
}

/** Return a function that asks for `act` at the next frame; asking again before that changes nothing. */
export function soonOnce(act) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      act();
    });
  };
}
