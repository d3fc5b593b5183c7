// The columns of a grid: which, how wide, and what each holds of a row.

import { columnHeading } from "../../base/format.js";

const LEADING = [
  { key: "rank", title: "#", width: 52 },
  { key: "symbol", title: "Symbol", width: 92 },
  { key: "name", title: "Name", width: 190 },
  { key: "sector", title: "Sector", width: 150 },
  { key: "score", title: "Score", width: 128 },
];
const SPARK = { key: "spark", title: "20 bars", width: 104 };
const TEXTS = new Set(["symbol", "name", "sector", "spark", "score"]);
const ASCENDING_FIRST = new Set(["rank", "symbol", "name", "sector"]);

function columnOf(key) {
  const title = columnHeading(key);
  return { key, title, width: Math.max(92, Math.min(190, 26 + 7.4 * title.length)) };
}

/** The columns of an answer of /grid. */
export function columnsOf(answer, withSparks) {
  const columns = [...LEADING, ...answer.columns.map(columnOf)];
  if (withSparks) columns.splice(2, 0, SPARK);
  return columns;
}

/** What a column holds in the row with index `i` of an answer. */
export function valueAt(answer, key, i) {
  const { grid } = answer;
  if (key === "rank") return i + 1;
  return key in grid && key !== "values" ? grid[key][i] : grid.values[key]?.[i];
}

/** Whether a column is written to the right, as numbers are. */
export function isNumeric(answer, key) {
  if (TEXTS.has(key)) return false;
  if (key === "rank") return true;
  const values = answer.grid.values[key] || [];
  return typeof values.find((value) => value !== null) !== "string";
}

/** The sort that a press on a heading asks for. */
export function nextSort(sort, key) {
  if (sort.key === key) return { key, isDescending: !sort.isDescending };
  return { key, isDescending: !ASCENDING_FIRST.has(key) };
}

const isMissing = (value) => value === null || value === undefined;

function compareValues(a, b, sign) {
  if (isMissing(a)) return 1; // what is unknown stands last, whichever way
  if (isMissing(b)) return -1;
  return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

function matchesFilter({ symbol, name, sector }, i, needle) {
  return `${symbol[i]} ${name[i] || ""} ${sector[i] || ""}`.toLowerCase().includes(needle);
}

/** Indices of the rows that pass a filter, in the order of a sort. */
export function arrangeRows(answer, { key, isDescending }, filter) {
  const needle = filter.toLowerCase();
  let order = Array.from({ length: answer.grid.symbol.length }, (_, i) => i);
  if (needle) order = order.filter((i) => matchesFilter(answer.grid, i, needle));
  if (key === "rank" && !isDescending) return order;
  const sign = isDescending ? -1 : 1;
  return order.sort((i, j) => {
    const [a, b] = [valueAt(answer, key, i), valueAt(answer, key, j)];
    return a === b ? i - j : compareValues(a, b, sign);
  });
}
