// Scans that are looked at while the market trades.

import { deleteResource, getJson, postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatInstant, formatWhole } from "../../base/format.js";
import { symbolLink } from "../../base/links.js";
import { onServerEvent, server } from "../../base/live.js";
import { cardHeader, namedCard } from "../../parts/cards.js";
import { toastProblem } from "../../parts/notices.js";
import { spark } from "../../plots/spark.js";
import { renderChange } from "./changes.js";

const ROWS = 5;
const EVERY_SECONDS = 15;

function describeLook(look) {
  if (!look.at) return "first look …";
  const state = look.state === "trading" ? `${formatWhole(look.bars)} bars so far` : look.state;
  return `${state} · ${formatInstant(look.at)}`;
}

function renderRow(row) {
  return h(
    "div",
    { class: "change" },
    h("span", { class: "faint" }, row.rank),
    symbolLink(row.symbol),
    spark(row.closes),
  );
}

function renderChanges(difference) {
  if (!difference) return null;
  return [...difference.entered, ...difference.left].slice(0, ROWS).map(renderChange);
}

function renderWatch({ name, last }, onStop) {
  const stop = h("button", { class: "quiet", type: "button", onclick: onStop }, "stop");
  const state = h("span", { class: "soft small grow" }, describeLook(last));
  return h(
    "div",
    { style: { padding: "6px 0" } },
    h("div", { class: "row" }, h("strong", {}, name), state, stop),
    (last.rows || []).slice(0, ROWS).map(renderRow),
    renderChanges(last.difference),
  );
}

async function refresh(list) {
  const watches = await getJson("watches");
  const renderOne = (watch) => renderWatch(watch, () => stopWatch(list, watch.name));
  setChildren(list, watches.map(renderOne));
}

async function stopWatch(list, name) {
  await deleteResource(`watches/${name}`);
  await refresh(list);
}

async function startWatch(list, scan) {
  await postJson("watches", { scan, every: EVERY_SECONDS }).catch(toastProblem);
  await refresh(list);
}

/** The card of what is watched; null where nothing can be. */
export function renderWatches(scanNames) {
  if (!server.about.can_watch) return null;
  const list = h("div");
  const options = scanNames.map((name) => h("option", { value: name }, name));
  const choice = h("select", { "aria-label": "scan to watch" }, options);
  const onclick = () => startWatch(list, choice.value);
  const start = h("button", { type: "button", onclick }, "Watch");
  const controls = h("div", { class: "row" }, choice, start);
  const card = namedCard("Live", cardHeader("While it trades"), controls, list);
  onServerEvent(card, "glance", () => refresh(list));
  refresh(list);
  return card;
}
