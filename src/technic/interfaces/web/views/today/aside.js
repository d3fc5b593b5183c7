// What stands beside the scans of today: freshness, alerts, the watch-list.

import { h, setChildren } from "../../base/dom.js";
import { formatInstant, formatNumber, formatSigned, signClass } from "../../base/format.js";
import { symbolLink } from "../../base/links.js";
import { onServerEvent } from "../../base/live.js";
import {
  cardHeader,
  cell,
  figures,
  namedCard,
  numberCell,
  table,
  tableRow,
  titledCard,
} from "../../parts/cards.js";
import { spark } from "../../plots/spark.js";
import { signOfChange } from "./changes.js";

const ALERTS = 14;

function describeFreshness({ sessions_behind: behind, simulated }) {
  if (behind) return `${behind} finished sessions are missing: technic sync`;
  return simulated ? "a simulated market, made to this day" : "every finished session is here";
}

/** How fresh the store is. */
export function renderFreshness(about) {
  const isAsTraded = about.adjustment === "none";
  const entries = [
    ["from", about.first],
    ["prices", isAsTraded ? "as traded" : "split-adjusted by the vendor"],
    ["version", about.store_version],
  ];
  return h(
    "section",
    { class: "card" },
    cardHeader("Freshness"),
    h("div", { class: "big" }, about.as_of),
    h("p", { class: about.sessions_behind ? "down" : "soft" }, describeFreshness(about)),
    figures(entries, { valueClass: "v small", style: { marginTop: "8px" } }),
  );
}

function describeDeliveries(deliveries) {
  const texts = deliveries.map(({ channel, state, note }) => {
    return `${channel}: ${state}${note ? ` (${note})` : ""}`;
  });
  return texts.join(", ") || "kept here";
}

function renderAlert(alert) {
  const [sign, className] = signOfChange(alert.kind);
  const provisional = alert.provisional ? " · day so far" : "";
  const text = `${alert.title} · ${alert.detail} · ${formatInstant(alert.at)}${provisional}`;
  return h(
    "div",
    { class: "change", title: describeDeliveries(alert.deliveries) },
    h("span", { class: className }, sign),
    symbolLink(alert.symbol),
    h("span", { class: "why" }, text),
  );
}

function renderNoAlerts() {
  const option = h("code", {}, "--alert");
  const otherWay =
    ", or with Save on the page of scans, " +
    "and who enters or leaves it is told here and where you like.";
  return h("p", { class: "soft" }, "None yet. Save a scan with ", option, otherWay);
}

/** The newest alerts; another is put on top as it comes. */
export function renderAlerts(alerts) {
  const newest = alerts.slice(0, ALERTS).map(renderAlert);
  const list = h("div", {}, alerts.length ? newest : renderNoAlerts());
  let isEmpty = !alerts.length;
  const card = titledCard("Alerts", list);
  onServerEvent(card, "alert", (alert) => {
    if (isEmpty) setChildren(list);
    isEmpty = false;
    list.prepend(renderAlert(alert));
  });
  return card;
}

function renderWatched(symbol, closes) {
  const [before, last] = closes.slice(-2);
  const move = closes.length > 1 ? 100 * (last / before - 1) : null;
  return tableRow(
    cell(symbolLink(symbol)),
    cell(spark(closes)),
    numberCell(formatNumber(closes[closes.length - 1])),
    cell(formatSigned(move, 2, " %"), `n ${signClass(move)}`),
  );
}

/** The watch-list with the newest closes of each symbol. */
export function renderWatchList(symbols, closesBySymbol) {
  const query = encodeURIComponent("in_list('watch')");
  const link = h("a", { class: "small", href: `#/scan?universe=all&q=${query}` }, "scan it");
  const rows = symbols.map((symbol) => renderWatched(symbol, closesBySymbol[symbol] || []));
  return namedCard("Watch-list", cardHeader("Watch-list", link), table(rows));
}
