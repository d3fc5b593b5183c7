// A question on each of the last sessions: a job, with progress, and what came of it.

import { h, put, toast, trouble } from "./dom.js";
import { download, follow, post, remove } from "./api.js";
import { whole } from "./format.js";
import { line } from "./draw.js";

const DAYS = 92; // calendar days, some 63 sessions

/** Ask a question on every session of a quarter, and show it in a place. */
export async function everySession(place, question, until, signal) {
  const bar = h("div", { class: "progress", role: "progressbar", "aria-label": "sessions scanned" }, h("i")), what = h("span", { class: "soft small" }), stop = h("button", { type: "button", class: "quiet" }, "cancel");
  const first = new Date(Date.parse(until) - DAYS * 86400e3).toISOString().slice(0, 10);
  put(place, h("section", { class: "card", style: { margin: "12px 0" }, "aria-label": "Each session", "data-job": "sessions" }, h("div", { class: "row" }, h("strong", {}, "Asking on each session of a quarter"), what, h("span", { class: "grow" }), stop), bar));
  try {
    const job = await post("sessions", { ...question, top: 20, first, last: until }, signal);
    stop.onclick = () => remove(`jobs/${job.id}`);
    const found = await follow(job, (now) => {
      bar.firstChild.style.width = `${100 * now.done / Math.max(now.total, 1)}%`;
      put(what, now.total ? `${now.done} of ${now.total}` : now.state);
    }, signal);
    if (found === null) { put(place); toast("Cancelled."); return; }
    show(place, found, job);
  } catch (problem) { if (problem.name !== "AbortError") put(place, trouble(problem)); }
}

function show(place, found, job) {
  const seen = new Map();
  for (const row of found.rows) seen.set(row.symbol, (seen.get(row.symbol) || 0) + 1);
  const often = [...seen.entries()].sort((a, b) => b[1] - a[1]).slice(0, 14);
  put(place, h("section", { class: "card", style: { margin: "12px 0" }, "aria-label": "Each session" },
    h("header", {}, h("h2", { class: "grow" }, `${found.sessions.length} sessions, each as it was known then`), h("button", { type: "button", onclick: () => download(`jobs/${job.id}/result`, undefined, "text/csv", "technic-sessions.csv").catch((problem) => toast(problem.message, "bad")) }, "CSV"), h("button", { class: "quiet", type: "button", onclick: () => put(place) }, "close")),
    h("h3", {}, "How many were ranked"), line("Ranked on each session", found.sessions.map((s) => [s.session, s.ranked]), { width: 900, height: 130, from: 0 }),
    h("h3", {}, "Most often among the first 20"), h("div", { class: "row" }, often.map(([symbol, n]) => h("span", { class: "badge" }, h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(symbol)}` }, symbol), ` ${whole(n)}`)))));
}
