// How the system does, pushed: scans, caches, calls, freshness, process, disk, log, rollout, accuracy.

import { h, put } from "./dom.js";
import { get } from "./api.js";
import { hear } from "./live.js";
import { bytes, moment, ms, number, span, whole } from "./format.js";
import { lanes, line } from "./draw.js";

const KEPT = 90;

function figures(entries) {
  return h("div", { class: "figures" }, entries.map(([k, v]) => h("div", {}, h("div", { class: "k" }, k), h("div", { class: "v" }, v))));
}

function card(title, ...children) {
  return h("section", { class: "card", "aria-label": title }, h("header", {}, h("h2", { class: "grow" }, title)), children);
}

/** The view of operations. */
export async function operations(main, { signal }) {
  const scans = h("div"), process = h("div"), caches = h("div"), rest = h("div", { class: "cards" }), over = h("div", { class: "cards" });
  const cpu = [], memory = [];
  let whole_ = null;

  function pulse(now) {
    const s = now.scans;
    put(scans, figures([["answered", whole(s.count)], ["p50", ms(s.p50_ms)], ["p95", ms(s.p95_ms)], ["per symbol", s.us_per_symbol === null ? "–" : `${number(s.us_per_symbol)} µs`], ["waiting", now.gate.waiting], ["turned away", now.gate.turned_away], ["errors", now.errors], ["error rate", `${number(100 * now.errors / Math.max(now.requests, 1))} % of ${whole(now.requests)} requests`]]),
      h("h3", { style: { marginTop: "10px" } }, "Stages, p50, ms"), Object.keys(s.stages).length ? lanes("Stages of scans", Object.entries(s.stages).map(([name, v]) => [name, v.p50_ms])) : h("p", { class: "soft" }, "No scan was asked for yet."));
    const p = now.process;
    cpu.push([now.at.slice(11, 19), p.cpu_pct ?? null]); memory.push([now.at.slice(11, 19), p.rss_mb ?? null]);
    if (cpu.length > KEPT) { cpu.shift(); memory.shift(); }
    put(process, figures([["CPU", `${number(p.cpu_pct, 0)} %`], ["memory", `${whole(p.rss_mb)} MB`], ["threads", p.threads], ["descriptors", p.fds ?? "–"], ["pages listening", now.listeners], ["up", span(now.uptime_s)]]), h("h3", { style: { marginTop: "10px" } }, "CPU, %, live"), line("CPU", cpu, { height: 90, from: 0 }), h("h3", {}, "Memory, MB, live"), line("Memory", memory, { height: 90, from: 0 }));
    put(caches, h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["tier", "hits", "misses", "hit rate", "rejected", "failures", "saved"].map((t, k) => h("th", { class: k ? "n" : "" }, t)))), h("tbody", {}, now.caches.map((c) => h("tr", {}, h("td", {}, c.tier), [whole(c.hits), whole(c.misses), c.hits + c.misses ? `${number(100 * c.hits / (c.hits + c.misses), 0)} %` : "–", c.rejected, c.failures, span(c.saved_ms / 1000)].map((v) => h("td", { class: "n" }, v))))))));
    main.dataset.pulse = now.at;
  }

  function still(all) {
    whole_ = all;
    const providers = Object.entries(all.calls.providers), a = all.accuracy, d = all.disk, r = all.rollout;
    put(rest,
      card("Calls of the last day", providers.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["vendor", "calls", "failed", "bytes", "allowed", "left", "last"].map((t, k) => h("th", { class: k ? "n" : "" }, t)))), h("tbody", {}, providers.map(([name, c]) => h("tr", {}, h("td", {}, name), [whole(c.calls), c.failed, bytes(c.bytes), c.allowed || "–", c.quota_left ?? "–", moment(c.last)].map((v) => h("td", { class: "n" }, v))))))) : h("p", { class: "soft" }, "No vendor was asked: scans ask nobody."),
        all.calls.newest.length ? h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, all.calls.newest.map((c) => h("tr", {}, h("td", { class: "soft small" }, moment(c.at)), h("td", {}, h("div", { class: "clip" }, c.endpoint)), h("td", { class: "n" }, c.status), h("td", { class: "n soft" }, ms(c.ms)), h("td", { class: "soft small" }, c.outcome)))))) : null),
      card("Freshness and accuracy", figures([["newest session", all.about.as_of], ["behind", `${all.about.sessions_behind} sessions`], ["store version", all.about.store_version]]), h("p", { style: { marginTop: "8px" } }, a ? h("span", { class: `badge ${a.off ? "bad" : "good"}` }, a.off ? `${a.off} of ${a.values} values off` : `${whole(a.values)} values recomputed slowly, none off`) : h("span", { class: "soft" }, "Answers are checked by technic daily: not yet.")), a ? h("p", { class: "soft small" }, moment(a.at)) : null),
      card("Coverage", figures([["symbols", whole(all.coverage.symbols)], ["bars", whole(all.coverage.bars)], ["sessions", whole(all.coverage.sessions)], ["without bars", whole(all.coverage.sessions_without_bars)], ["thin sessions", whole(all.coverage.thin_sessions)], ["traded today", whole(all.coverage.traded_on_session)], ["no bar today", whole(all.coverage.no_bar_on_session)], ["stale", whole(all.coverage.stale)], ["set aside", whole(Object.values(all.coverage.quarantined || {}).reduce((a, b) => a + b, 0))]])),
      card("Disk", h("div", { class: "bar2", role: "img", "aria-label": `${bytes(d.free)} free of ${bytes(d.total)}` }, h("i", { style: { width: `${100 * (1 - d.free / d.total)}%`, background: "var(--two)" } })), figures([["free", bytes(d.free)], ["tables", bytes(d.tables)], ["panels", bytes(d.panels)], ...all.sizes.map((c) => [`cache ${c.tier}`, bytes(c.bytes)])])),
      card("Rollout", figures([["stable", r.stable], ["candidate", r.candidate || "none"], ["phase", r.phase], ["share", `${r.share} %`]]), r.reason ? h("p", { class: "soft" }, r.reason) : null),
      card("Alerts", figures(Object.entries(all.alerts).map(([k, v]) => [k.replace("_", " "), v]))),
      card("Log", all.log.length ? h("ul", { class: "log" }, all.log.map((l) => h("li", {}, h("span", { class: "soft" }, l.at.replace("T", " ").slice(0, 19)), h("span", { class: l.level === "error" ? "down" : "soft" }, l.level), h("span", {}, l.text)))) : h("p", { class: "soft" }, "No warning, no error.")));
  }

  async function past() {
    const found = await get("operations/history?hours=72", signal);
    const titles = { scan_p50_ms: "Scans, p50, ms", scan_p95_ms: "Scans, p95, ms", rss_mb: "Memory, MB", cpu_pct: "CPU, %", accuracy_off: "Values off at daily checks", daily_scan_s: "Daily scans, s" };
    put(over, Object.entries(titles).map(([name, title]) => card(`${title}, 72 hours`, line(title, (found[name] || []).map(([at, v]) => [at.slice(5, 16).replace("T", " "), v]), { height: 110, from: 0, digits: 1 }))));
  }

  put(main, h("div", { class: "head" }, h("h1", {}, "Operations"), h("span", { class: "soft" }, "pushed every two seconds")),
    h("div", { class: "cards" }, card("Scans", scans), card("Process", process), card("Caches", caches)), h("div", { style: { height: "14px" } }), rest, h("div", { class: "head", style: { marginTop: "22px" } }, h("h2", {}, "Over restarts")), over);
  const all = await get("operations", signal);
  pulse(all); still(all);
  await past();
  hear(scans, "operations", pulse);
  let at = Date.now();
  hear(scans, "operations", async () => {
    if (Date.now() - at < 10000) return;
    at = Date.now();
    still(await get("operations", signal).catch(() => whole_));
  });
}
