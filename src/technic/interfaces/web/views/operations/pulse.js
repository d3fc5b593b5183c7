// What is pushed every two seconds: scans, process, caches.

import { h, setChildren } from "../../base/dom.js";
import {
  DASH,
  formatDuration,
  formatMilliseconds,
  formatNumber,
  formatWhole,
} from "../../base/format.js";
import { figures, figuresTable } from "../../parts/cards.js";
import { lanesPlot } from "../../plots/bars.js";
import { linePlot } from "../../plots/lines.js";

const KEPT = 90; // points of the live lines
const CACHE_HEADINGS = ["tier", "hits", "misses", "hit rate", "rejected", "failures", "saved"];
const HEADING_STYLE = { marginTop: "10px" };
const LIVE = { height: 90, from: 0 };

const formatPercent = (value) => `${formatNumber(value, 0)} %`;

function renderScanFigures({ scans, gate, errors, requests }) {
  const perSymbol = scans.us_per_symbol;
  const errorRate = `${formatNumber((100 * errors) / Math.max(requests, 1))} %`;
  return figures([
    ["answered", formatWhole(scans.count)],
    ["p50", formatMilliseconds(scans.p50_ms)],
    ["p95", formatMilliseconds(scans.p95_ms)],
    ["per symbol", perSymbol === null ? DASH : `${formatNumber(perSymbol)} µs`],
    ["waiting", gate.waiting],
    ["turned away", gate.turned_away],
    ["errors", errors],
    ["error rate", `${errorRate} of ${formatWhole(requests)} requests`],
  ]);
}

function renderStages({ stages }) {
  const medians = Object.entries(stages).map(([name, { p50_ms: p50 }]) => [name, p50]);
  const nothing = h("p", { class: "soft" }, "No scan was asked for yet.");
  return [
    h("h3", { style: HEADING_STYLE }, "Stages, p50, ms"),
    medians.length ? lanesPlot("Stages of scans", medians) : nothing,
  ];
}

function renderProcess({ process, listeners, uptime_s: uptime }, { cpu, memory }) {
  return [
    figures([
      ["CPU", formatPercent(process.cpu_pct)],
      ["memory", `${formatWhole(process.rss_mb)} MB`],
      ["threads", process.threads],
      ["descriptors", process.fds ?? DASH],
      ["pages listening", listeners],
      ["up", formatDuration(uptime)],
    ]),
    h("h3", { style: HEADING_STYLE }, "CPU, %, live"),
    linePlot("CPU", cpu, LIVE),
    h("h3", {}, "Memory, MB, live"),
    linePlot("Memory", memory, LIVE),
  ];
}

function describeCache({ tier, hits, misses, rejected, failures, saved_ms: saved }) {
  const lookups = hits + misses;
  return [
    tier,
    formatWhole(hits),
    formatWhole(misses),
    lookups ? formatPercent((100 * hits) / lookups) : DASH,
    rejected,
    failures,
    formatDuration(saved / 1000),
  ];
}

function renderCaches({ caches }) {
  return h("div", { class: "scroll" }, figuresTable(CACHE_HEADINGS, caches.map(describeCache)));
}

function keepPoint(points, time, value) {
  points.push([time, value ?? null]);
  if (points.length > KEPT) points.shift();
}

/** The elements that the pulse is shown in, and the points of its lines. */
export function createPulse() {
  return { scans: h("div"), process: h("div"), caches: h("div"), cpu: [], memory: [] };
}

/** Show one pulse. */
export function renderPulse(pulse, now) {
  const time = now.at.slice(11, 19);
  keepPoint(pulse.cpu, time, now.process.cpu_pct);
  keepPoint(pulse.memory, time, now.process.rss_mb);
  setChildren(pulse.scans, renderScanFigures(now), renderStages(now.scans));
  setChildren(pulse.process, renderProcess(now, pulse));
  setChildren(pulse.caches, renderCaches(now));
}
