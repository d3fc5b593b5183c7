// One model: its gate clause by clause, its rivals, and what it is worth by horizon, decile and year.

import { downloadFile, postJson } from "../../base/api.js";
import { h } from "../../base/dom.js";
import {
  countOf,
  formatInterval,
  formatNumber,
  formatSigned,
  formatWhole,
} from "../../base/format.js";
import {
  cardHeader,
  cell,
  headings,
  namedCard,
  numberCell,
  remark,
  scrollCard,
  table,
  tableRow,
} from "../../parts/cards.js";
import { showToast, toastProblem } from "../../parts/notices.js";
import { columnsPlot } from "../../plots/bars.js";
import { intervalsPlot } from "../../plots/intervals.js";

const FIRST_RIVALS = ["model", "ridge"]; // the others follow by name
const RIVAL_HEADINGS = ["", "rank IC, 95 %", "t", "ICIR", "L/S Sharpe, 10 bps", "break-even, bps"];
const COST_BPS = "10";

function describeModel(card) {
  const { features, spans, trials } = card;
  const judged = `${formatWhole(spans.tested)} sessions, ${spans.tested_from} to ${spans.tested_to}`;
  return [
    `${features.length} features`,
    `learned from ${card.trained_from} to ${card.trained_to}`,
    `judged on ${judged}`,
    `may forecast from ${card.usable_from}`,
    countOf(trials, "trial", "distinct trials"),
  ].join(" · ");
}

function renderUseButton(card, isUsed, onReload) {
  if (isUsed) return null;
  const use = async () => {
    try {
      await postJson(`models/${card.sha256}/use`, {});
      showToast("It forecasts from now on.");
      await onReload(card.sha256);
    } catch (problem) {
      toastProblem(problem);
    }
  };
  return h("button", { type: "button", onclick: use }, "Let it forecast");
}

function renderPageButton({ sha256 }) {
  const file = { accept: "text/html", filename: "technic-model.html" };
  const onclick = () => downloadFile(`models/${sha256}/page`, file).catch(toastProblem);
  return h("button", { type: "button", onclick }, "Page");
}

function renderClause({ name, passed, said }) {
  const label = passed ? "met" : "not met";
  return tableRow(
    cell(h("span", { role: "img", "aria-label": label }, passed ? "✓" : "✗")),
    cell(name),
    h("td", { style: { whiteSpace: "normal" } }, said),
  );
}

function renderClauses(title, clauses) {
  return [h("h3", {}, title), table(clauses.map(renderClause))];
}

function renderCard(card, chosen, onReload) {
  const use = renderUseButton(card, chosen.used, onReload);
  return namedCard(
    "Card",
    cardHeader(`${card.name}: ${chosen.label}`, use, renderPageButton(card)),
    h("p", {}, chosen.why || "Every clause of the gate is met."),
    h("p", { class: "soft" }, describeModel(card)),
    card.notes.map((note) => remark(note)),
    renderClauses("The gate", card.gate.clauses),
    card.canaries.length ? renderClauses("Canaries", card.canaries) : null,
  );
}

function placeOfRival(name) {
  const place = FIRST_RIVALS.indexOf(name);
  return place < 0 ? FIRST_RIVALS.length : place;
}

function compareRivals([a], [b]) {
  return placeOfRival(a) - placeOfRival(b) || a.localeCompare(b);
}

function renderRival([name, rival]) {
  const { ic, t, icir, long_short: longShort } = rival;
  return tableRow(
    cell(h("code", {}, name)),
    cell(formatInterval(ic, 4)),
    numberCell(formatSigned(t, 2)),
    numberCell(formatSigned(icir, 2)),
    numberCell(formatSigned(longShort.by_cost[COST_BPS].sharpe, 2)),
    numberCell(formatNumber(longShort.break_even_bps, 0)),
  );
}

function renderRivals({ result }) {
  const title = "Beside what it must beat";
  const rivals = Object.entries(result).filter(([name]) => name !== "seeds");
  const rows = rivals.sort(compareRivals).map(renderRival);
  const heads = headings(RIVAL_HEADINGS, (k) => k > 1);
  return scrollCard(title, h("h2", {}, title), table(rows, heads));
}

function renderPicture(title, picture) {
  return namedCard(title, h("h3", {}, title), picture);
}

function renderBreakdowns(by) {
  const isKnown = ([, part]) => Object.values(part).some((value) => value !== null);
  return Object.entries(by)
    .filter(isKnown)
    .map(([name, part]) => {
      const title = `Rank IC by ${name}`;
      return renderPicture(title, columnsPlot(title, Object.entries(part)));
    });
}

function renderPictures({ horizon, result }) {
  const { by_horizon: byHorizon, deciles, years, by } = result.model;
  const horizons = Object.entries(byHorizon).map(([name, part]) => ({ name, ...part }));
  const returns = deciles.map((value, k) => [String(k + 1), value === null ? null : 100 * value]);
  return h(
    "div",
    { class: "cards" },
    renderPicture("How it decays", intervalsPlot("Rank IC by horizon", horizons)),
    renderPicture(
      `Mean return by decile over ${horizon} sessions, %`,
      columnsPlot("Mean return by decile", returns, { digits: 2 }),
    ),
    renderPicture("Rank IC by year", columnsPlot("Rank IC by year", Object.entries(years))),
    renderBreakdowns(by),
  );
}

/** Everything that is known of a model; `onReload` is asked to show it again once it is used. */
export function renderDetails(card, chosen, onReload) {
  return h(
    "div",
    { class: "stack" },
    renderCard(card, chosen, onReload),
    renderRivals(card),
    renderPictures(card),
  );
}
