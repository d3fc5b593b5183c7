// What a company filed, as known at the time, and the ratios that come of it.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatInstant, formatNumber } from "../../base/format.js";
import {
  cardHeader,
  cell,
  figures,
  headings,
  numberCell,
  table,
  tableRow,
} from "../../parts/cards.js";
import { symbolPath } from "./asking.js";

const HEADINGS = ["item", "value", "months", "period ends", "known"];
const NUMBERS = [1, 2];
const NOTHING =
  "Nothing is known of what it filed: technic import-filings or technic sync-filings.";

const spell = (name) => name.replaceAll("_", " ");

function renderFact(fact) {
  return tableRow(
    cell(spell(fact.item)),
    numberCell(formatNumber(fact.value)),
    cell(fact.months || "on the day", "n soft"),
    cell(fact.period_end, "soft"),
    cell(formatInstant(fact.known_at), "soft"),
  );
}

function renderFacts(facts) {
  if (!facts.length) return h("p", { class: "soft" }, NOTHING);
  const heads = headings(HEADINGS, (k) => NUMBERS.includes(k));
  const style = { maxHeight: "290px", overflow: "auto", marginTop: "8px" };
  return h("div", { class: "scroll", style }, table(facts.map(renderFact), heads));
}

/** Ask for the facts and the ratios, and show them. */
export async function loadFundamentals(state) {
  const { ratios, facts } = await getJson(symbolPath(state, "/fundamentals"), state.signal);
  const knownRatios = Object.entries(ratios).filter(([, value]) => value !== null);
  setChildren(
    state.cards.fundamentals,
    cardHeader("Fundamentals", h("span", { class: "soft small" }, "as known at the time")),
    figures(knownRatios.map(([name, value]) => [spell(name), formatNumber(value)])),
    renderFacts(facts),
  );
}
