// What changes slowly: calls, freshness, accuracy, coverage, disk, rollout, alerts, log.

import { h } from "../../base/dom.js";
import {
  DASH,
  formatBytes,
  formatInstant,
  formatMilliseconds,
  formatWhole,
} from "../../base/format.js";
import {
  cell,
  figures,
  figuresTable,
  numberCell,
  remark,
  table,
  tableRow,
  titledCard,
} from "../../parts/cards.js";

const CALL_HEADINGS = ["vendor", "calls", "failed", "bytes", "allowed", "left", "last"];

const softText = (text) => h("p", { class: "soft" }, text);
const scrolling = (child) => h("div", { class: "scroll" }, child);

function describeProvider([name, provider]) {
  return [
    name,
    formatWhole(provider.calls),
    provider.failed,
    formatBytes(provider.bytes),
    provider.allowed || DASH,
    provider.quota_left ?? DASH,
    formatInstant(provider.last),
  ];
}

function renderProviders(providers) {
  const rows = Object.entries(providers).map(describeProvider);
  if (!rows.length) return softText("No vendor was asked: scans ask nobody.");
  return scrolling(figuresTable(CALL_HEADINGS, rows));
}

function renderCall({ at, endpoint, status, ms, outcome }) {
  return tableRow(
    cell(formatInstant(at), "soft small"),
    cell(h("div", { class: "clip" }, endpoint)),
    numberCell(status),
    cell(formatMilliseconds(ms), "n soft"),
    cell(outcome, "soft small"),
  );
}

function renderCalls({ providers, newest }) {
  const calls = newest.length ? scrolling(table(newest.map(renderCall))) : null;
  return titledCard("Calls of the last day", renderProviders(providers), calls);
}

function renderAccuracy(accuracy) {
  if (!accuracy) {
    return h("span", { class: "soft" }, "Answers are checked by technic daily: not yet.");
  }
  const { off, values } = accuracy;
  const fine = `${formatWhole(values)} values recomputed slowly, none off`;
  const text = off ? `${off} of ${values} values off` : fine;
  return h("span", { class: `badge ${off ? "bad" : "good"}` }, text);
}

function renderFreshness({ about, accuracy }) {
  return titledCard(
    "Freshness and accuracy",
    figures([
      ["newest session", about.as_of],
      ["behind", `${about.sessions_behind} sessions`],
      ["store version", about.store_version],
    ]),
    h("p", { style: { marginTop: "8px" } }, renderAccuracy(accuracy)),
    accuracy ? remark(formatInstant(accuracy.at)) : null,
  );
}

function renderCoverage({ coverage }) {
  const reasons = Object.entries(coverage.set_aside || {});
  const setAside = reasons.reduce((sum, [, count]) => sum + count, 0);
  const entries = [
    ["symbols", coverage.symbols],
    ["bars", coverage.bars],
    ["sessions", coverage.sessions],
    ["without bars", coverage.sessions_without_bars],
    ["thin sessions", coverage.thin_sessions],
    ["traded today", coverage.traded_on_session],
    ["no bar today", coverage.no_bar_on_session],
    ["stale", coverage.stale],
    ["set aside", setAside],
    ...reasons.map(([why, count]) => [`set aside: ${why}`, count]),
  ];
  return titledCard("Coverage", figures(entries.map(([name, n]) => [name, formatWhole(n)])));
}

function renderDisk({ disk, sizes }) {
  const label = `${formatBytes(disk.free)} free of ${formatBytes(disk.total)}`;
  const style = { width: `${100 * (1 - disk.free / disk.total)}%`, background: "var(--two)" };
  return titledCard(
    "Disk",
    h("div", { class: "bar2", role: "img", "aria-label": label }, h("i", { style })),
    figures([
      ["free", formatBytes(disk.free)],
      ["tables", formatBytes(disk.tables)],
      ["panels", formatBytes(disk.panels)],
      ...sizes.map(({ tier, bytes }) => [`cache ${tier}`, formatBytes(bytes)]),
    ]),
  );
}

function renderRollout({ rollout }) {
  return titledCard(
    "Rollout",
    figures([
      ["stable", rollout.stable],
      ["candidate", rollout.candidate || "none"],
      ["phase", rollout.phase],
      ["share", `${rollout.share} %`],
    ]),
    rollout.reason ? softText(rollout.reason) : null,
  );
}

function renderAlerts({ alerts }) {
  const entries = Object.entries(alerts).map(([name, n]) => [name.replace("_", " "), n]);
  return titledCard("Alerts", figures(entries));
}

function renderLogLine({ at, level, text }) {
  return h(
    "li",
    {},
    h("span", { class: "soft" }, at.replace("T", " ").slice(0, 19)),
    h("span", { class: level === "error" ? "down" : "soft" }, level),
    h("span", {}, text),
  );
}

function renderLog({ log }) {
  if (!log.length) return titledCard("Log", softText("No warning, no error."));
  return titledCard("Log", h("ul", { class: "log" }, log.map(renderLogLine)));
}

/** A card of each, from an answer of /operations. */
export function renderPanels(operations) {
  return [
    renderCalls(operations.calls),
    renderFreshness(operations),
    renderCoverage(operations),
    renderDisk(operations),
    renderRollout(operations),
    renderAlerts(operations),
    renderLog(operations),
  ];
}
