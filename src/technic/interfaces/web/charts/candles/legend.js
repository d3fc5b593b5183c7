// The line over a chart: one bar in numbers, its indicators, and what happened on its day.

import { h } from "../../base/dom.js";
import { formatNumber, formatWhole } from "../../base/format.js";
import { themeColour } from "../canvas.js";
import { HUES } from "./painting.js";

function renderMove(data, k) {
  const before = k > 0 ? data.close[k - 1] : null;
  if (!before) return null;
  const move = 100 * (data.close[k] / before - 1);
  const size = `${Math.abs(move).toFixed(2)} %`;
  return move >= 0
    ? h("span", { class: "up" }, `+${size}`)
    : h("span", { class: "down" }, `−${size}`);
}

function renderIndicators(data, k) {
  return Object.entries(data.indicators).map(([name, values], n) => {
    const style = { color: themeColour(HUES[n % HUES.length]) };
    return h("span", { style }, `${name} ${formatNumber(values[k])}`);
  });
}

function describeEvent({ kind, text, value }) {
  return kind === "filing" ? `filed ${text || ""}` : `${kind} ${formatNumber(value)}`;
}

/** What is said of the bar with index `k`. */
export function renderLegend(data, k) {
  const { open, high, low, close } = data;
  const [o, top, bottom, c] = [open, high, low, close].map((prices) => formatNumber(prices[k]));
  const happened = data.events.filter((event) => event.date === data.session[k]);
  return [
    h("span", {}, data.session[k]),
    h("span", {}, `O ${o}  H ${top}  L ${bottom}  C ${c}`),
    renderMove(data, k),
    h("span", {}, `V ${formatWhole(data.volume[k])}`),
    renderIndicators(data, k),
    happened.map((event) => h("strong", {}, describeEvent(event))),
  ];
}
