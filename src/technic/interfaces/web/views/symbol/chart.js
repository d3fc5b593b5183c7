// The chart of a symbol, its name and its price above, and what happened below.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatInstant, formatNumber, formatSigned, signClass } from "../../base/format.js";
import { cardHeader, cell, namedCard, table, tableRow } from "../../parts/cards.js";
import { segmentedControl } from "../../parts/controls.js";
import { symbolPath } from "./asking.js";
import { createStar } from "./star.js";

const BARS = 1300;
const EVENTS = 14;
const RANGES = [
  [63, "3 M"],
  [126, "6 M"],
  [252, "1 Y"],
  [504, "2 Y"],
  [99999, "All"],
];
const DEFAULT_RANGE = 126;

/** The card of the chart: how long, which indicators, and the candles. */
export function renderChartCard({ chart, chips }) {
  const onRange = (bars) => chart.showNewest(bars);
  const ranges = segmentedControl("Range", RANGES, DEFAULT_RANGE, onRange);
  const style = { marginBottom: "6px" };
  const controls = h("div", { class: "row", style }, ranges, chips.element);
  return namedCard("Chart", controls, chart.element);
}

function renderHead(state, data) {
  const [before, close] = data.close.slice(-2);
  const move = before && close ? 100 * (close / before - 1) : null;
  const about = [data.sector, data.industry, data.exchange, data.type].filter(Boolean);
  return [
    h("h1", {}, state.name),
    state.day ? h("span", { class: "badge when" }, `as of ${data.as_of}`) : null,
    h("span", {}, data.name || ""),
    h("span", { class: "soft" }, about.join(" · ")),
    h("span", { class: "grow" }),
    createStar(state),
    h("span", { class: "big" }, formatNumber(data.close[data.close.length - 1])),
    h("span", { class: signClass(move) }, formatSigned(move, 2, " %")),
  ];
}

function describeEvent({ kind, text, value }) {
  if (kind === "filing") return text || "";
  const amount = formatNumber(value, 4);
  return kind === "split" ? `${amount} new for one old` : `${amount} USD a share`;
}

function renderEvent(event) {
  return tableRow(
    cell(event.date, "soft"),
    cell(event.kind),
    cell(describeEvent(event)),
    cell(event.known_at ? `known ${formatInstant(event.known_at)}` : "", "soft small"),
  );
}

function renderEvents({ events }) {
  const nothing = "No split, dividend or filing is known in the time shown.";
  return [
    cardHeader("What happened"),
    table(events.slice(-EVENTS).reverse().map(renderEvent)),
    events.length ? null : h("p", { class: "soft" }, nothing),
  ];
}

/** Ask for the bars and the indicators, and draw them. */
export async function loadChart(state) {
  const indicators = state.chips.values.length ? state.chips.values : ["close"];
  const query = indicators.map((text) => `&indicator=${encodeURIComponent(text)}`).join("");
  const path = symbolPath(state, "", `bars=${BARS}${query}`);
  const data = await getJson(path, state.signal);
  document.title = `${state.name} · technic`;
  setChildren(state.head, renderHead(state, data));
  state.chart.show(data);
  setChildren(state.cards.events, renderEvents(data));
}
