// What is new: saved scans beside the session before, alerts, freshness.

import { getJson, postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { onServerEvent, server } from "../../base/live.js";
import { problemBox, skeleton } from "../../parts/notices.js";
import { renderAlerts, renderFreshness, renderWatchList } from "./aside.js";
import { renderScanCard } from "./scan-card.js";
import { renderWatches } from "./watches.js";

const MOST_SPARKS = 200;
const SUGGESTION =
  "No scan is saved yet; these are presets. Open one, change it, save it: " +
  "it is run every night by technic daily, and compared with the night before.";

function renderHead({ as_of: session }) {
  return h(
    "div",
    { class: "head" },
    h("h1", {}, "Today"),
    h("span", { class: "soft" }, `as of ${session}, the close`),
    h("span", { class: "grow" }),
    h("a", { class: "button", href: "#/scan" }, "New scan"),
  );
}

function renderPlaceholders() {
  return [1, 2, 3].map(() => h("section", { class: "card" }, skeleton(5)));
}

async function loadScans(cards, signal) {
  const { scans, suggested } = await getJson("today", signal);
  const note = h("p", { class: "soft", style: { gridColumn: "1 / -1" } }, SUGGESTION);
  setChildren(cards, suggested ? note : null, scans.map(renderScanCard));
  return scans;
}

function reloadScans(cards, signal) {
  const retry = () => reloadScans(cards, signal);
  return loadScans(cards, signal).catch((problem) => {
    setChildren(cards, problemBox(problem, retry));
  });
}

async function loadWatchList(aside, signal) {
  const { symbols } = await getJson("lists/watch", signal);
  if (!symbols.length) return;
  const closes = await postJson("sparks", { symbols: symbols.slice(0, MOST_SPARKS) }, signal);
  aside.append(renderWatchList(symbols, closes));
}

function listen(cards, signal) {
  onServerEvent(cards, "store", async () => {
    server.about = await getJson("about");
    reloadScans(cards, signal);
  });
  onServerEvent(cards, "scans", () => reloadScans(cards, signal));
}

/** The view that pages open with. */
export async function openToday(main, { signal }) {
  const cards = h("div", { class: "cards today" }, renderPlaceholders());
  const aside = h("aside", { class: "stack" }, renderFreshness(server.about));
  const columns = h("div", { class: "two" }, h("div", { class: "stack" }, cards), aside);
  setChildren(main, renderHead(server.about), columns);
  const [scans, alerts] = await Promise.all([
    loadScans(cards, signal),
    getJson("alerts?limit=40", signal),
  ]);
  const watches = renderWatches(scans.map(({ name }) => name));
  if (watches) aside.append(watches);
  aside.append(renderAlerts(alerts));
  await loadWatchList(aside, signal);
  listen(cards, signal);
}
