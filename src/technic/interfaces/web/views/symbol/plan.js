// The plan of a trade in the symbol, beside its chart and on it.

import { getJson, postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatNumber, formatWhole } from "../../base/format.js";
import { cardHeader, figures } from "../../parts/cards.js";
import { composeDate } from "./asking.js";

const CAUTION =
  "Arithmetic on past prices out of one account; " +
  "the entry is an estimate until it trades. Not advice.";

async function fetchPlan(state) {
  const preset = state.preset.value;
  const scan = preset ? await getJson(`scans/${preset}`, state.signal) : { file: {} };
  const question = {
    ...composeDate(state),
    rank: "close",
    where: "",
    universe: "",
    columns: ["close"],
    top: 1,
    symbols: [state.name],
    plan: scan.file.plan,
  };
  const { rows } = await postJson("scan", question, state.signal);
  return rows[0]?.plan || null;
}

function renderFigures(plan) {
  if (!plan) return h("p", { class: "soft" }, "No plan: something that it needs is unknown.");
  return figures([
    ["entry", formatNumber(plan.entry)],
    ["stop", formatNumber(plan.stop)],
    ["target", formatNumber(plan.target)],
    ["size", formatWhole(plan.size)],
    ["risk, USD", formatNumber(plan.risk)],
  ]);
}

/** Ask for the plan that the scan would make, and show it. */
export async function loadPlan(state) {
  const plan = await fetchPlan(state);
  state.chart.showPlan(plan);
  setChildren(
    state.cards.plan,
    cardHeader("Plan", h("span", { class: "soft small" }, plan?.side || "")),
    renderFigures(plan),
    h("p", { class: "soft small", style: { marginTop: "8px" } }, CAUTION),
  );
}
