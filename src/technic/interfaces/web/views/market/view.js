// The market as a whole: map, breadth, regime, movers, and how any column is spread.

import { postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatWhole } from "../../base/format.js";
import { symbolHref } from "../../base/links.js";
import { onServerEvent } from "../../base/live.js";
import { debounce } from "../../base/timing.js";
import { Treemap } from "../../charts/treemap/treemap.js";
import { cardHeader, namedCard, remark } from "../../parts/cards.js";
import { segmentedControl } from "../../parts/controls.js";
import { showProblem } from "../../parts/notices.js";
import { histogram } from "../../plots/histogram.js";
import { renderBreadth, renderMovers, renderRegime, renderSectors } from "./sides.js";

const PAUSE_MS = 250;
const COLOURS = [
  ["100 * ret(1)", "1 day"],
  ["100 * ret(5)", "1 week"],
  ["100 * ret(21)", "1 month"],
  ["100 * ret(126)", "6 months"],
  ["rsi(14)", "RSI"],
  ["tech_rating", "rating"],
];
const SIZES = [
  ["dollar_volume", "dollar volume"],
  ["market_cap", "market cap"],
];
const UNIVERSES = [
  ["liquid", "liquid"],
  ["large", "large"],
  ["common", "common"],
];

/** What the view knows: what was asked, and its elements. */
function createState(main, signal) {
  const onOpen = (symbol) => {
    location.hash = symbolHref(symbol);
  };
  const state = {
    main,
    signal,
    question: { size: "dollar_volume", colour: "100 * ret(1)", universe: "liquid" },
    map: new Treemap({ onOpen }),
    caption: h("p", { class: "soft small" }),
    trouble: h("div"),
    breadth: namedCard("Breadth"),
    regime: namedCard("Regime"),
    sectors: namedCard("Sectors"),
    movers: h("div", { class: "cards" }),
    picture: h("div"),
  };
  state.column = h("input", {
    value: "rsi(14)",
    "aria-label": "Column to count",
    maxlength: "400",
    oninput: debounce(PAUSE_MS, () => loadDistribution(state)),
  });
  return state;
}

function describeMap({ symbols, left_out: leftOut, size, colour, as_of: session }) {
  const omitted = `, ${formatWhole(leftOut)} smaller or without a size left out`;
  const drawn = `${formatWhole(symbols.length)} symbols drawn${leftOut > 0 ? omitted : ""}`;
  const scale = `size ${size} · colour ${colour} · as of ${session}`;
  return `A sector's name shows it alone. ${drawn} · ${scale}`;
}

function renderMarket(state, market) {
  setChildren(state.trouble);
  state.map.show(market);
  setChildren(state.caption, describeMap(market));
  setChildren(state.breadth, renderBreadth(market));
  setChildren(state.regime, renderRegime(market));
  setChildren(state.sectors, renderSectors(market));
  setChildren(state.movers, renderMovers(market));
  state.main.dataset.map = String(market.symbols.length);
}

async function loadMarket(state) {
  try {
    renderMarket(state, await postJson("market", state.question, state.signal));
  } catch (problem) {
    showProblem(state.trouble, problem);
  }
}

function renderDistribution(distribution) {
  const { column, known, unknown } = distribution;
  return [
    histogram(`How ${column} is spread`, distribution),
    remark(`${formatWhole(known)} known, ${formatWhole(unknown)} unknown`),
  ];
}

async function loadDistribution(state) {
  const question = { column: state.column.value, universe: state.question.universe };
  try {
    const distribution = await postJson("distribution", question, state.signal);
    setChildren(state.picture, renderDistribution(distribution));
  } catch (problem) {
    showProblem(state.picture, problem);
  }
}

function onChoose(state, part, value) {
  state.question[part] = value;
  loadMarket(state);
  if (part === "universe") loadDistribution(state);
}

function createColourInput(state) {
  const onchange = () => {
    const column = input.value.trim();
    if (column) onChoose(state, "colour", column);
  };
  const input = h("input", {
    placeholder: "or any column",
    "aria-label": "Colour by any column",
    maxlength: "400",
    onchange,
  });
  return input;
}

function renderHead(state) {
  const choice = (label, part, choices) =>
    segmentedControl(label, choices, state.question[part], (value) => onChoose(state, part, value));
  return h(
    "div",
    { class: "head" },
    h("h1", {}, "Market"),
    choice("Colour", "colour", COLOURS),
    createColourInput(state),
    h("span", { class: "grow" }),
    choice("Size", "size", SIZES),
    choice("Universe", "universe", UNIVERSES),
  );
}

function renderView(state) {
  const header = cardHeader("Distribution of", state.column);
  const distribution = namedCard("Distribution", header, state.picture);
  const { map, caption, movers } = state;
  const column = h("div", { class: "stack" }, map.element, caption, movers, distribution);
  const aside = h("aside", { class: "stack" }, state.breadth, state.regime, state.sectors);
  const columns = h("div", { class: "two" }, column, aside);
  setChildren(state.main, renderHead(state), state.trouble, columns);
}

/** The view of the market. */
export async function openMarket(main, { signal }) {
  const state = createState(main, signal);
  renderView(state);
  onServerEvent(state.map.element, "store", () => loadMarket(state));
  await Promise.all([loadMarket(state), loadDistribution(state)]);
}
