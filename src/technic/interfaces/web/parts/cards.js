// Cards, tables and figures, of which every view is made.

import { h } from "../base/dom.js";

/** The head of a card: its title, and what stands beside it. */
export function cardHeader(title, ...beside) {
  return h("header", {}, h("h2", { class: "grow" }, title), beside);
}

/** A card that is read aloud by its title, which stands on top of it. */
export function titledCard(title, ...children) {
  return h("section", { class: "card", "aria-label": title }, cardHeader(title), children);
}

/** A card with a name that is read aloud, and nothing on top. */
export function namedCard(name, ...children) {
  return h("section", { class: "card", "aria-label": name }, children);
}

/** A card of a table that may be wider than the screen. */
export function scrollCard(name, ...children) {
  return h("section", { class: "card scroll", "aria-label": name }, children);
}

/** Pairs of a name and a value, side by side. */
export function figures(entries, { valueClass = "v", style = {} } = {}) {
  const pairs = entries.map(([name, value]) =>
    h("div", {}, h("div", { class: "k" }, name), h("div", { class: valueClass }, value)),
  );
  return h("div", { class: "figures", style }, pairs);
}

/** One cell of a table. */
export function cell(content, className = null) {
  return h("td", { class: className }, content);
}

/** One cell of a table that holds a number. */
export const numberCell = (content) => cell(content, "n");

/** One row of a table. */
export function tableRow(...cells) {
  return h("tr", {}, cells);
}

/** A row of headings; `isNumber` says by its place which stand over numbers. */
export function headings(texts, isNumber = () => false) {
  return texts.map((text, k) => h("th", { class: isNumber(k) ? "n" : null }, text));
}

/** A table of rows; without headings it has no head. */
export function table(rows, heads = null) {
  const head = heads ? h("thead", {}, h("tr", {}, heads)) : null;
  return h("table", {}, head, h("tbody", {}, rows));
}

/** A table of texts, of which all but the first of each row are numbers. */
export function figuresTable(texts, rows) {
  const isNumber = (k) => k > 0;
  const renderCell = (content, k) => cell(content, isNumber(k) ? "n" : null);
  const renderRow = (contents) => tableRow(contents.map(renderCell));
  return table(rows.map(renderRow), headings(texts, isNumber));
}

/** A soft remark in small letters. */
export function remark(...children) {
  return h("p", { class: "soft small" }, children);
}
