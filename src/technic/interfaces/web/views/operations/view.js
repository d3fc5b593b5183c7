// How the system does, pushed: scans, caches, calls, freshness, process, disk, log, rollout, accuracy.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { onServerEvent } from "../../base/live.js";
import { titledCard } from "../../parts/cards.js";
import { linePlot } from "../../plots/lines.js";
import { renderPanels } from "./panels.js";
import { createPulse, renderPulse } from "./pulse.js";

const HISTORY_HOURS = 72;
const PANELS_EVERY_MS = 10_000;
const HISTORY = {
  scan_p50_ms: "Scans, p50, ms",
  scan_p95_ms: "Scans, p95, ms",
  rss_mb: "Memory, MB",
  cpu_pct: "CPU, %",
  accuracy_off: "Values off at daily checks",
  daily_scan_s: "Daily scans, s",
};

const shortTime = (at) => at.slice(5, 16).replace("T", " ");

function renderMeasure(title, measures) {
  const points = measures.map(([at, value]) => [shortTime(at), value]);
  const plot = linePlot(title, points, { height: 110, from: 0, digits: 1 });
  return titledCard(`${title}, ${HISTORY_HOURS} hours`, plot);
}

async function loadHistory({ history, signal }) {
  const measures = await getJson(`operations/history?hours=${HISTORY_HOURS}`, signal);
  const cards = Object.entries(HISTORY).map(([name, title]) =>
    renderMeasure(title, measures[name] || []),
  );
  setChildren(history, cards);
}

function onPulse({ main, pulse }, now) {
  renderPulse(pulse, now);
  main.dataset.pulse = now.at;
}

/** Refresh what changes slowly, every few pulses; where that fails, it stays as it is. */
async function refreshPanels(state) {
  if (Date.now() - state.refreshedAt < PANELS_EVERY_MS) return;
  state.refreshedAt = Date.now();
  const operations = await getJson("operations", state.signal).catch(() => null);
  if (operations) setChildren(state.panels, renderPanels(operations));
}

function renderView({ main, pulse, panels, history }) {
  const about = h("span", { class: "soft" }, "pushed every two seconds");
  setChildren(
    main,
    h("div", { class: "head" }, h("h1", {}, "Operations"), about),
    h(
      "div",
      { class: "cards" },
      titledCard("Scans", pulse.scans),
      titledCard("Process", pulse.process),
      titledCard("Caches", pulse.caches),
    ),
    h("div", { style: { height: "14px" } }),
    panels,
    h("div", { class: "head", style: { marginTop: "22px" } }, h("h2", {}, "Over restarts")),
    history,
  );
}

/** The view of operations. */
export async function openOperations(main, { signal }) {
  const state = {
    main,
    signal,
    pulse: createPulse(),
    panels: h("div", { class: "cards" }),
    history: h("div", { class: "cards" }),
    refreshedAt: 0,
  };
  renderView(state);
  const current = await getJson("operations", signal);
  onPulse(state, current);
  setChildren(state.panels, renderPanels(current));
  await loadHistory(state);
  state.refreshedAt = Date.now();
  onServerEvent(state.pulse.scans, "operations", (now) => onPulse(state, now));
  onServerEvent(state.pulse.scans, "operations", () => refreshPanels(state));
}
