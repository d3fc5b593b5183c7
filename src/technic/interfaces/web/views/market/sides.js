// What stands around the map: breadth, regime, sectors, and who moved most.

import { h } from "../../base/dom.js";
import { formatNumber, formatShare, formatWhole, signClass } from "../../base/format.js";
import { symbolLink } from "../../base/links.js";
import { cardHeader, cell, numberCell, table, tableRow, titledCard } from "../../parts/cards.js";

const MOVERS = 12;

const softRemark = (text) => h("span", { class: "soft small" }, text);

function renderBreadthBar({ advancing, declining, unchanged }) {
  const all = advancing + declining + unchanged || 1;
  const part = (count, background) =>
    h("i", { style: { width: `${(100 * count) / all}%`, background } });
  const label = `${advancing} rose, ${declining} fell`;
  return h(
    "div",
    { class: "bar2", role: "img", "aria-label": label },
    part(advancing, "var(--up)"),
    part(unchanged, "var(--strong)"),
    part(declining, "var(--down)"),
  );
}

/** How many rose, and how many fell. */
export function renderBreadth(market) {
  const style = { justifyContent: "space-between", marginTop: "6px" };
  return [
    cardHeader("Breadth"),
    renderBreadthBar(market),
    h(
      "div",
      { class: "row", style },
      h("span", { class: "up" }, `${formatWhole(market.advancing)} rose`),
      h("span", { class: "soft" }, `${formatWhole(market.unchanged)} unchanged`),
      h("span", { class: "down" }, `${formatWhole(market.declining)} fell`),
    ),
  ];
}

/** How the market stands, in a few lines. */
export function renderRegime({ regime }) {
  const rows = regime.lines.map(([what, how]) => tableRow(cell(what, "soft"), numberCell(how)));
  const members = softRemark(`${formatWhole(regime.members)} common stocks`);
  return [cardHeader("Regime", members), table(rows)];
}

function renderSector({ sector, median, advancing, declining }) {
  return tableRow(
    cell(sector),
    cell(formatNumber(median), `n ${signClass(median)}`),
    cell(`${advancing} / ${declining}`, "n soft small"),
  );
}

/** The sectors by their medians; those without one stand last. */
export function renderSectors({ sectors, colour }) {
  const height = ({ median }) => median ?? -1e9;
  const sorted = [...sectors].sort((a, b) => height(b) - height(a));
  const header = cardHeader("Sectors", softRemark(`median ${colour}`));
  return [header, table(sorted.map(renderSector))];
}

function renderMover({ symbol, name, close, move }) {
  return tableRow(
    cell(symbolLink(symbol)),
    cell(name || "", "name"),
    numberCell(formatNumber(close)),
    cell(formatShare(move), `n ${signClass(move)}`),
  );
}

/** Who rose most, and who fell most. */
export function renderMovers({ rose, fell }) {
  const card = (title, rows) => titledCard(title, table(rows.slice(0, MOVERS).map(renderMover)));
  return [card("Rose most", rose), card("Fell most", fell)];
}
