// <json-view>: any JSON value as a person reads it: a table, a list of names and values, or a tree that opens on demand.
import { h } from "/static/dom.js";

const MOST_ROWS = 50;
const MOST_COLUMNS = 8;

class JsonView extends HTMLElement {
  show(value) {
    this.replaceChildren(draw(value, 0));
    return this;
  }
}

export function jsonView(value) {
  return document.createElement("json-view").show(value);
}

function draw(value, depth) {
  if (Array.isArray(value)) return array(value, depth);
  if (value !== null && typeof value === "object") return object(value, depth);
  return scalar(value);
}

function scalar(value) {
  if (typeof value === "string") return text(value);
  return h("span", { class: `json-${value === null ? "null" : typeof value}` }, String(value));
}

function text(value) {
  if (/^https?:\/\/\S+$/.test(value)) return h("a", { href: value, rel: "noopener noreferrer", target: "_blank" }, value);
  return h("span", { class: "json-text" }, value === "" ? "“”" : value);
}

function isScalar(value) {
  return value === null || typeof value !== "object";
}

function array(values, depth) {
  if (values.length === 0) return h("span", { class: "json-null" }, "none");
  const columns = columnsOf(values);
  if (columns) return table(columns, values);
  if (values.every(isScalar)) return chips(values);
  if (values.every((row) => Array.isArray(row) && row.length <= MOST_COLUMNS && row.every(isScalar))) return table(null, values);
  return list(values.map((value, at) => [String(at + 1), value]), depth);
}

/** The names of the columns when all are objects of much the same flat shape. */
function columnsOf(values) {
  const names = new Set();
  for (const value of values) {
    if (isScalar(value) || Array.isArray(value) || !Object.values(value).every(isScalar)) return null;
    Object.keys(value).forEach((name) => names.add(name));
  }
  return names.size > 0 && names.size <= MOST_COLUMNS ? [...names] : null;
}

function table(columns, values) {
  const cells = (row) => (columns ? columns.map((name) => row[name]) : row);
  return h(
    "div",
    { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": "Table" },
    h(
      "table",
      {},
      columns && h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, values.slice(0, MOST_ROWS).map((row) => h("tr", {}, cells(row).map(cell)))),
    ),
    more(values.length - MOST_ROWS),
  );
}

function cell(value) {
  return h("td", { class: typeof value === "number" ? "number" : undefined }, value === undefined ? "" : scalar(value));
}

function chips(values) {
  const long = values.some((value) => String(value).length > 60);
  const items = values.slice(0, MOST_ROWS).map((value) => h("li", {}, scalar(value)));
  return h("div", {}, h("ul", { class: long ? "json-lines" : "json-chips" }, items), more(values.length - MOST_ROWS));
}

function object(value, depth) {
  const entries = Object.entries(value);
  return entries.length === 0 ? h("span", { class: "json-null" }, "empty") : list(entries, depth);
}

function list(entries, depth) {
  const rows = entries.slice(0, MOST_ROWS).flatMap(([name, value]) => [
    h("dt", {}, name),
    h("dd", {}, depth >= 1 && !isScalar(value) ? folded(value, depth + 1) : draw(value, depth + 1)),
  ]);
  return h("div", {}, h("dl", { class: "json-object" }, rows), more(entries.length - MOST_ROWS));
}

/** Drawn when it is opened: a deep value costs nothing until then. */
function folded(value, depth) {
  const count = Array.isArray(value) ? `${value.length} items` : `${Object.keys(value).length} fields`;
  const details = h("details", { class: "json-folded" }, h("summary", {}, count));
  details.addEventListener("toggle", () => details.open && details.append(draw(value, depth)), { once: true });
  return details;
}

function more(count) {
  return count > 0 ? h("p", { class: "field-hint" }, `and ${count} more`) : null;
}

customElements.define("json-view", JsonView);
