// A question on each session of a quarter: a job, with progress, and what came of it.

import { deleteResource, downloadFile, followJob, postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatWhole } from "../../base/format.js";
import { symbolLink } from "../../base/links.js";
import { cardHeader } from "../../parts/cards.js";
import { progressBar, setProgress } from "../../parts/controls.js";
import { showProblem, showToast, toastProblem } from "../../parts/notices.js";
import { linePlot } from "../../plots/lines.js";

const CALENDAR_DAYS = 92; // some 63 sessions
const DAY_MS = 86400e3;
const TOP = 20;
const SHOWN = 14;
const CARD = { class: "card", style: { margin: "12px 0" }, "aria-label": "Each session" };

function createProgress() {
  return {
    bar: progressBar("sessions scanned"),
    status: h("span", { class: "soft small" }),
    cancel: h("button", { type: "button", class: "quiet" }, "cancel"),
  };
}

function renderProgress({ bar, status, cancel }) {
  const title = h("strong", {}, "Asking on each session of a quarter");
  const space = h("span", { class: "grow" });
  const row = h("div", { class: "row" }, title, status, space, cancel);
  return h("section", { ...CARD, "data-job": "sessions" }, row, bar);
}

function showProgress({ bar, status }, job) {
  setProgress(bar, job);
  setChildren(status, job.total ? `${job.done} of ${job.total}` : job.state);
}

/** Ask a question on every session of a quarter until a day, and show it in a place. */
export async function askEachSession({ place, question, until, signal }) {
  const progress = createProgress();
  const first = new Date(Date.parse(until) - CALENDAR_DAYS * DAY_MS).toISOString().slice(0, 10);
  setChildren(place, renderProgress(progress));
  try {
    const body = { ...question, top: TOP, first, last: until };
    const job = await postJson("sessions", body, signal);
    progress.cancel.onclick = () => deleteResource(`jobs/${job.id}`);
    const result = await followJob(job, (current) => showProgress(progress, current), signal);
    if (result !== null) {
      setChildren(place, renderResult(place, result, job));
      return;
    }
    setChildren(place);
    showToast("Cancelled.");
  } catch (problem) {
    showProblem(place, problem);
  }
}

/** Symbols by how many times they stand among the rows, the most frequent first. */
function countSymbols(rows) {
  const counts = new Map();
  for (const { symbol } of rows) counts.set(symbol, (counts.get(symbol) || 0) + 1);
  return [...counts.entries()].sort(([, a], [, b]) => b - a);
}

function renderButtons(place, job) {
  const download = () =>
    downloadFile(`jobs/${job.id}/result`, {
      accept: "text/csv",
      filename: "technic-sessions.csv",
    }).catch(toastProblem);
  const close = () => setChildren(place);
  return [
    h("button", { type: "button", onclick: download }, "CSV"),
    h("button", { class: "quiet", type: "button", onclick: close }, "close"),
  ];
}

function renderResult(place, { sessions, rows }, job) {
  const title = `${sessions.length} sessions, each as it was known then`;
  const points = sessions.map(({ session, ranked }) => [session, ranked]);
  const badges = countSymbols(rows)
    .slice(0, SHOWN)
    .map(([symbol, count]) =>
      h("span", { class: "badge" }, symbolLink(symbol), ` ${formatWhole(count)}`),
    );
  return h(
    "section",
    CARD,
    cardHeader(title, renderButtons(place, job)),
    h("h3", {}, "How many were ranked"),
    linePlot("Ranked on each session", points, { width: 900, height: 130, from: 0 }),
    h("h3", {}, `Most often among the first ${TOP}`),
    h("div", { class: "row" }, badges),
  );
}
