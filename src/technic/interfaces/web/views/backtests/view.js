// A scan, traded on the past. Every question is counted.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { countOf } from "../../base/format.js";
import { server } from "../../base/live.js";
import { dateInput, scanOptionGroups } from "../../parts/controls.js";
import { JobCard } from "../../parts/job.js";
import { emptyState } from "../../parts/notices.js";
import { renderReport } from "./report.js";

const REBALANCES = ["weekly", "daily", "monthly"];
const COSTS = [
  ["spread+impact", "spread and impact"],
  ["10bps", "10 basis points a side"],
  ["none", "no costs"],
];
const EXPLANATION =
  "On each session of decision the scan is asked on what was known then; orders are filled at the " +
  "next open, moved by half a spread and their own impact. The more questions are tried on a " +
  "store, the more a good result is luck: they are counted, and the Sharpe ratio is deflated by them.";

function createPreset(scans, wanted) {
  const renderOption = ({ name, title }) =>
    h("option", { value: name, selected: name === wanted }, title);
  const usable = scans.filter((scan) => !scan.trouble);
  return h("select", { "aria-label": "Scan" }, scanOptionGroups(usable, renderOption));
}

function createSelect(label, choices) {
  const options = choices.map(([value, text]) => h("option", { value }, text));
  return h("select", { "aria-label": label }, options);
}

function createHold() {
  return h("input", {
    type: "number",
    "aria-label": "Names held",
    min: 1,
    max: 500,
    value: "20",
    style: { width: "76px" },
  });
}

function createControls(scans, wanted) {
  const { about } = server;
  return {
    preset: createPreset(scans, wanted),
    first: dateInput("From", about, { value: about.first }),
    last: dateInput("To", about, { value: about.as_of }),
    rebalance: createSelect(
      "Asked",
      REBALANCES.map((name) => [name, name]),
    ),
    hold: createHold(),
    cost: createSelect("Costs", COSTS),
  };
}

function composeQuestion({ preset, first, last, rebalance, hold, cost }) {
  return {
    preset: preset.value,
    first: first.value,
    last: last.value,
    rebalance: rebalance.value,
    hold: Number(hold.value),
    cost: cost.value,
  };
}

function onBacktest(state, button) {
  return state.job.run({
    path: "backtest",
    body: composeQuestion(state.controls),
    button,
    place: state.body,
    onResult: (report, job) => setChildren(state.body, renderReport(report, job)),
  });
}

function countQuestions(trials) {
  const backtests = trials.filter(({ kind }) => kind === "backtest");
  return new Set(backtests.map(({ digest }) => digest)).size;
}

function renderHead(trials) {
  const count = countQuestions(trials);
  const questions = countOf(count, "question was", "distinct questions were");
  const text = `${questions} tried on this store`;
  return h("div", { class: "head" }, h("h1", {}, "Backtests"), h("span", { class: "soft" }, text));
}

function renderControls(state) {
  const { preset, first, last, rebalance, hold, cost } = state.controls;
  const labelled = (text, input) => h("label", { class: "soft small" }, `${text} `, input);
  const onclick = (event) => onBacktest(state, event.currentTarget);
  return h(
    "div",
    { class: "row", style: { flexWrap: "wrap" } },
    preset,
    labelled("from", first),
    labelled("to", last),
    rebalance,
    labelled("names", hold),
    cost,
    h("button", { type: "button", class: "main", onclick }, "Backtest"),
  );
}

/** The view of backtests. */
export async function openBacktests(main, { query, signal }) {
  const [scans, trials] = await Promise.all([getJson("scans", signal), getJson("trials", signal)]);
  const state = {
    controls: createControls(scans, query.get("scan")),
    body: h("div", { class: "stack", style: { marginTop: "14px" } }),
    job: new JobCard("Backtesting", "backtest", signal),
  };
  setChildren(main, renderHead(trials), renderControls(state), state.job.element, state.body);
  const title = "The very scan, asked on the past";
  setChildren(state.body, emptyState(title, h("p", {}, EXPLANATION)));
}
