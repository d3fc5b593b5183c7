// One symbol: its chart, its score taken apart, why not, its plan, its filings, its rank over time.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { symbolHref } from "../../base/links.js";
import { CandleChart } from "../../charts/candles/candles.js";
import { namedCard } from "../../parts/cards.js";
import { Chips } from "../../parts/chips.js";
import { emptyState, problemBox, showProblem, skeleton } from "../../parts/notices.js";
import { loadChart, renderChartCard } from "./chart.js";
import { loadFundamentals } from "./fundamentals.js";
import { loadPlan } from "./plan.js";
import { renderRanking } from "./ranking.js";
import { loadScore } from "./score.js";

const LAST_SYMBOL_KEY = "technic.symbol";
const LAST_SCAN_KEY = "technic.of";
const INDICATORS = ["sma(50)", "sma(200)"];
const SUGGESTED_INDICATORS = [
  "sma(20)",
  "sma(50)",
  "sma(200)",
  "ema(20)",
  "bb_upper(20, 2)",
  "bb_lower(20, 2)",
  "highest(high, 252)",
  "rsi(14)",
  "adx(14)",
  "macd_hist(12, 26, 9)",
];

/** The choice of the scan by which the symbol is scored; it is kept for the next symbol. */
function createPreset(scans, wanted, onChange) {
  const onchange = () => {
    localStorage.setItem(LAST_SCAN_KEY, preset.value);
    onChange();
  };
  const preset = h(
    "select",
    { "aria-label": "Score of which scan", onchange },
    h("option", { value: "" }, "everything by technical rating"),
    scans.map(({ name, title }) => h("option", { value: name }, title)),
  );
  preset.value = scans.some(({ name }) => name === wanted) ? wanted : "";
  return preset;
}

function createCards() {
  return {
    fundamentals: namedCard("Fundamentals", skeleton(6)),
    events: namedCard("What happened"),
    plan: namedCard("Plan", skeleton(2)),
    score: namedCard("Score", skeleton(5)),
    ranks: namedCard("Rank over time"),
  };
}

/** What the view knows: which symbol, as of when, by which scan, and its elements. */
function createState({ name, scans, query, signal }) {
  const state = {
    name,
    signal,
    day: query.get("as_of"),
    head: h("div", { class: "head" }),
    chart: new CandleChart(),
    cards: createCards(),
  };
  const wantedScan = query.get("scan") || localStorage.getItem(LAST_SCAN_KEY) || "";
  state.preset = createPreset(scans, wantedScan, () => loadScoreAndPlan(state));
  state.chips = new Chips({
    label: "Add an indicator",
    values: INDICATORS,
    suggestions: SUGGESTED_INDICATORS,
    onChange: () => loadChart(state),
  });
  return state;
}

function renderView(main, state) {
  const { fundamentals, events, plan, score, ranks } = state.cards;
  const column = h("div", { class: "stack" }, renderChartCard(state), fundamentals, events);
  const aside = h("div", { class: "stack" }, plan, score, ranks);
  setChildren(main, state.head, h("div", { class: "two" }, column, aside));
  renderRanking(state);
}

async function loadScoreAndPlan(state) {
  await loadScore(state);
  await loadPlan(state);
}

/** A symbol that is listed no more: what went wrong, and its last session to go to. */
function showLastListed(main, name, problem) {
  const href = symbolHref(name, `as_of=${encodeURIComponent(problem.lastListed)}`);
  const link = h("a", { href }, `${name} as of ${problem.lastListed}`);
  setChildren(main, problemBox(problem, null, h("p", {}, link)));
}

async function loadParts(main, state) {
  try {
    await loadChart(state);
  } catch (problem) {
    if (!problem.lastListed) throw problem;
    showLastListed(main, state.name, problem);
    return;
  }
  localStorage.setItem(LAST_SYMBOL_KEY, state.name);
  const { score, fundamentals } = state.cards;
  await Promise.all([
    loadScoreAndPlan(state).catch((problem) => showProblem(score, problem)),
    loadFundamentals(state).catch((problem) => showProblem(fundamentals, problem)),
  ]);
}

/** The view of one symbol; without a name, of the one that was open last. */
export async function openSymbol(main, { rest, query, signal }) {
  const name = rest[0] || localStorage.getItem(LAST_SYMBOL_KEY);
  if (!name) {
    setChildren(main, emptyState("Which symbol?", "Type one above, or press /"));
    return;
  }
  const scans = await getJson("scans", signal);
  const state = createState({ name, scans, query, signal });
  renderView(main, state);
  await loadParts(main, state);
}
