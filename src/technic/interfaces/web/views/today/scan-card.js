// A scan on the page of today: its first rows, and what changed since the session before.

import { h } from "../../base/dom.js";
import { formatNumber, formatWhole } from "../../base/format.js";
import { symbolLink } from "../../base/links.js";
import { cardHeader, cell, numberCell, table, tableRow } from "../../parts/cards.js";
import { spark } from "../../plots/spark.js";
import { renderChange } from "./changes.js";

const ROWS = 5;
const CHANGES = 7;

function renderAlertBadge({ alert }) {
  if (!alert) return null;
  const title = `tells ${alert.to.join(", ") || "nobody yet"}`;
  return h("span", { class: "badge", title }, "alerts");
}

function renderHeader(scan, href) {
  const preset = scan.preset ? h("span", { class: "badge" }, "preset") : null;
  return cardHeader(h("a", { href }, scan.title), renderAlertBadge(scan), preset);
}

function renderDifferenceBadges(difference) {
  if (!difference) return h("span", { class: "soft small" }, "nothing before it");
  return h(
    "div",
    { class: "row" },
    h("span", { class: "badge good" }, `+${difference.entered.length}`),
    h("span", { class: "badge bad" }, `−${difference.left.length}`),
  );
}

function renderCount(scan) {
  return h(
    "div",
    { class: "row", style: { justifyContent: "space-between", alignItems: "flex-end" } },
    h(
      "div",
      {},
      h("span", { class: "big" }, formatWhole(scan.n_ranked)),
      h("span", { class: "soft" }, `  ranked, ${scan.shown} shown`),
    ),
    renderDifferenceBadges(scan.difference),
  );
}

function renderRow(scan, row) {
  return tableRow(
    cell(row.rank, "faint"),
    cell(symbolLink(row.symbol, `scan=${encodeURIComponent(scan.name)}`)),
    cell(row.name || "", "name"),
    cell(spark(row.closes)),
    numberCell(formatNumber(row.score, 1)),
  );
}

function renderFirstRows(scan) {
  const rows = table(scan.rows.slice(0, ROWS).map((row) => renderRow(scan, row)));
  rows.prepend(h("caption", { class: "vh" }, `The first of ${scan.title}`));
  return rows;
}

function renderChanges({ difference }, href) {
  const changes = difference
    ? [...difference.entered, ...difference.crossed, ...difference.left]
    : [];
  const nothing = difference ? "The same names as the session before." : "";
  const more = changes.length - CHANGES;
  return h(
    "div",
    { style: { marginTop: "10px" } },
    changes.slice(0, CHANGES).map(renderChange),
    changes.length ? null : h("p", { class: "soft small" }, nothing),
    more > 0 ? h("a", { class: "small", href: `${href}&compare=1` }, `and ${more} more`) : null,
  );
}

/** The card of one scan. */
export function renderScanCard(scan) {
  if (scan.trouble) {
    const trouble = h("p", { class: "down" }, scan.trouble);
    return h("section", { class: "card" }, cardHeader(scan.title), trouble);
  }
  const kind = scan.preset ? "preset" : "saved";
  const href = `#/scan?${kind}=${encodeURIComponent(scan.name)}`;
  return h(
    "section",
    { class: "card", "data-scan": scan.name },
    renderHeader(scan, href),
    renderCount(scan),
    renderFirstRows(scan),
    scan.rows.length ? null : h("p", { class: "empty" }, "Nobody passes today."),
    renderChanges(scan, href),
  );
}
