// Making and keeping elements. Names of assets and channels come from outside, so whatever is
// written into the page goes through textContent: there is no innerHTML anywhere.

/** Return the element with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element. In `more`, `text` is its text, `class` its classes, `on` its listeners; every
 * other name is an attribute, left out where the value is null.
 */
export function el(tag, more = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (name === "text") node.textContent = value;
    else if (name === "class") node.className = value;
    else if (name === "on") listen(node, value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function listen(node, listeners) {
  for (const [event, act] of Object.entries(listeners)) node.addEventListener(event, act);
}

/** Write a text, but only where it is another: what did not change is not announced again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute, or take it away where the value is null. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/**
 * Let `parent` hold one element for every item, in the order of the items. Elements live as long
 * as their key does, so that focus, opened details and scroll positions stay.
 *
 * Args: parent; items; keyOf(item); make(item) -> element; update(element, item).
 */
export function keep(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const focused = document.activeElement;
  const nodes = items.map((item) => {
    const key = String(keyOf(item));
    const node = known.get(key) ?? make(item);
    known.delete(key);
    node.dataset.key = key;
    update(node, item);
    return node;
  });
  for (const node of known.values()) node.remove();
  nodes.forEach((node, at) => {
    if (parent.children[at] !== node) parent.insertBefore(node, parent.children[at] ?? null);
  });
  // what was moved has lost the focus
  if (parent.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** Let a select offer `options` ({value, text}), keeping what is chosen as long as it is there. */
export function setOptions(select, options) {
  const offered = JSON.stringify(options);
  if (select.dataset.offered === offered) return;
  const chosen = select.value;
  select.dataset.offered = offered;
  select.replaceChildren(...options.map(({ value, text }) => el("option", { value, text })));
  if (options.some(({ value }) => value === chosen)) select.value = chosen;
}

/**
 * Return a function that asks for `draw` at the next frame, and at most once in `least_ms`. Asking
 * again before it was drawn changes nothing.
 */
export function pulse(draw, least_ms = 0) {
  let asked = false;
  let drawn_ms = -Infinity;
  const beat = (now_ms) => {
    if (now_ms - drawn_ms < least_ms) return requestAnimationFrame(beat);
    asked = false;
    drawn_ms = now_ms;
    return draw();
  };
  return () => {
    if (!asked) requestAnimationFrame(beat);
    asked = true;
  };
}
