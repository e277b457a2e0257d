// Makes DOM nodes. Everything that is shown goes through here as nodes and text, never as markup, so that nothing
// a task says can become part of the page's code.

/** An element. A name that begins with `.` sets a property, with `on` a listener; `null` and `false` set nothing. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAll(node, attributes);
  node.append(...clean(children));
  return node;
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAll(node, attributes);
  node.append(...clean(children));
  return node;
}

/** Replaces what is in a node. */
export function fill(node, ...children) {
  node.replaceChildren(...clean(children));
}

/** Sets a text only when it differs: a screen reader need not hear it again, a selection stays. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let count = 0;

/** A new id for an element that another one refers to. */
export function newId(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

/** Tells people who do not see the page. */
export function announce(text) {
  const announcer = document.getElementById('announcer');
  if (announcer) announcer.textContent = text;
}

function setAll(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('.')) node[name.slice(1)] = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
}

function clean(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
