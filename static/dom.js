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

/**
 * Makes what is in a node look like something new and leaves alone what is the same: the focus, a selection, a click that
 * has half happened. For what has no listeners.
 */
export function become(node, ...children) {
  const fresh = clean(children).map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
  const old = [...node.childNodes];
  fresh.forEach((child, at) => {
    if (!old[at]) node.append(child);
    else turnInto(old[at], child);
  });
  old.slice(fresh.length).forEach((child) => child.remove());
}

function turnInto(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  become(old, ...fresh.childNodes);
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
