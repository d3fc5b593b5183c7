// The elements of a grid: its headings and its cells.

import { h } from "../../base/dom.js";
import { formatNumber } from "../../base/format.js";
import { spark } from "../../plots/spark.js";
import { isNumeric, valueAt } from "./columns.js";

const CHANGE = /^(100 \* )?ret\(|^from_/; // columns that are good or bad by their sign

function describeSort(column, sort) {
  if (column.key !== sort.key) return { ariaSort: null, arrow: "" };
  const ariaSort = sort.isDescending ? "descending" : "ascending";
  if (column.key === "rank") return { ariaSort, arrow: "" };
  return { ariaSort, arrow: sort.isDescending ? " ↓" : " ↑" };
}

/** The heading of a column, which sorts by it. */
export function renderHeading(answer, column, sort, onclick) {
  const { ariaSort, arrow } = describeSort(column, sort);
  const number = isNumeric(answer, column.key) ? "num" : "";
  const attributes = {
    class: `cell ${number} ${column.key === "symbol" ? "pin" : ""}`,
    style: { width: `${column.width}px` },
    role: "columnheader",
    title: column.key,
    "aria-sort": ariaSort,
    onclick,
  };
  return h("div", attributes, column.title, arrow);
}

function renderScore(answer, i, value) {
  const percentile = answer.grid.percentile[i] ?? 0;
  return {
    title: `percentile ${formatNumber(percentile, 1)}`,
    content: [
      h("span", { class: "meter" }, h("i", { style: { width: `${percentile}%` } })),
      formatNumber(value, 1),
    ],
  };
}

function renderValue(answer, key, value) {
  const number = isNumeric(answer, key) ? "num" : "";
  let tone = "";
  if (typeof value === "number" && CHANGE.test(key)) tone = value > 0 ? "up" : "down";
  return {
    class: `cell ${number} ${tone}`,
    title: typeof value === "string" ? value : null,
    content: formatNumber(value),
  };
}

function renderContent({ answer, sparks }, key, i) {
  const value = valueAt(answer, key, i);
  if (key === "rank") return { class: "cell num faint", content: value };
  if (key === "symbol") return { class: "cell pin", content: h("span", { class: "sym" }, value) };
  if (key === "score") return renderScore(answer, i, value);
  if (key !== "spark") return renderValue(answer, key, value);
  const closes = sparks.closesOf(answer.grid.symbol[i]);
  return { content: closes ? spark(closes) : null };
}

/** The cell of a column in the row with index `i`. */
export function renderCell(grid, column, i) {
  const { content, title = null, class: className = "cell" } = renderContent(grid, column.key, i);
  const style = { width: `${column.width}px` };
  return h("div", { class: className, role: "gridcell", style, title }, content);
}
