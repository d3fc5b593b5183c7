// What was measured of each score: a table of all of them, and pictures of each.

import { h } from "../../base/dom.js";
import { DASH, formatInterval, formatNumber, formatShare, formatWhole } from "../../base/format.js";
import {
  cardHeader,
  cell,
  headings,
  namedCard,
  numberCell,
  table,
  tableRow,
} from "../../parts/cards.js";
import { columnsPlot } from "../../plots/bars.js";
import { intervalsPlot, excludesZero } from "../../plots/intervals.js";

const DISTINCT_STYLE = { fontWeight: "650", color: "var(--accent)" };

const middleOf = (horizons) => horizons[Math.floor(horizons.length / 2)];

/** Names of the columns of which anything is known. */
export function measuredColumns(columns) {
  const isMeasured = (name) => Object.values(columns[name].ic).some(({ mean }) => mean !== null);
  return Object.keys(columns).filter(isMeasured);
}

function renderCoefficient(part) {
  const style = excludesZero(part) ? DISTINCT_STYLE : {};
  return h("td", { class: "n", style }, formatInterval(part, 3));
}

function renderRow(name, measured, horizons) {
  const { ic, spread, turnover } = measured;
  const middle = middleOf(horizons);
  const needed = ic[middle].sessions_needed;
  return tableRow(
    cell(h("code", {}, name)),
    horizons.map((horizon) => renderCoefficient(ic[horizon])),
    numberCell(formatShare(spread[middle].mean, 2)),
    numberCell(turnover === null ? DASH : `${formatNumber(100 * turnover, 0)} %`),
    numberCell(formatWhole(needed)),
  );
}

function renderHeadings(horizons) {
  const coefficients = horizons.map((n) => `IC, ${n} session${n === "1" ? "" : "s"}`);
  const texts = ["column", ...coefficients, "spread", "turnover", "sessions needed"];
  return headings(texts, (k) => k > 0);
}

/** The table of all scores, each horizon a column. */
export function renderTable(columns, names) {
  const horizons = Object.keys(columns[names[0]].ic);
  const rows = names.map((name) => renderRow(name, columns[name], horizons));
  return h("div", { class: "card scroll" }, table(rows, renderHeadings(horizons)));
}

/** The pictures of one score: by horizon, by fifth, by year. */
export function renderPictures(name, { ic, quantiles, years }) {
  const horizons = Object.keys(ic);
  const middle = middleOf(horizons);
  const parts = horizons.map((horizon) => ({ name: horizon, ...ic[horizon] }));
  const fifths = quantiles[middle].map((value, k) => {
    return [`${k + 1}`, value === null ? null : 100 * value];
  });
  return namedCard(
    name,
    cardHeader(h("code", {}, name)),
    h("h3", {}, "Rank IC by horizon: how it decays"),
    intervalsPlot(`Rank IC of ${name} by horizon`, parts),
    h("h3", {}, `Mean return by fifth over ${middle} sessions, %`),
    columnsPlot(`Mean return by fifth of ${name}`, fifths, { digits: 2 }),
    h("h3", {}, "Rank IC by year"),
    columnsPlot(`Rank IC of ${name} by year`, Object.entries(years)),
  );
}
