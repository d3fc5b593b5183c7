// The models of a store, and everything that was ever tried on it.

import { h } from "../../base/dom.js";
import { formatInstant, formatInterval, formatWhole } from "../../base/format.js";
import { cell, headings, numberCell, scrollCard, table, tableRow } from "../../parts/cards.js";

const HEADINGS = ["model", "", "kind", "ahead", "learned from", "rank IC, 95 %", "verdict"];
const DIGEST_LENGTH = 12;
const TRIALS = 40;

const shortDigest = (digest) => h("code", {}, digest.slice(0, DIGEST_LENGTH));

function renderBadge(isGood, text) {
  return h("span", { class: `badge ${isGood ? "good" : "sim"}` }, text);
}

function renderModel(model, isChosen, onOpen) {
  const href = `#/models/${model.model}`;
  const link = h("a", { href, onclick: () => onOpen(model.model) }, shortDigest(model.model));
  const row = tableRow(
    cell(link),
    cell(model.used ? renderBadge(true, "forecasts") : null),
    cell(model.kind),
    numberCell(formatWhole(model.horizon)),
    cell(`${model.trained_from} – ${model.trained_to}`),
    cell(formatInterval(model.ic, 4)),
    cell(renderBadge(model.gate, model.label)),
  );
  if (isChosen) row.setAttribute("aria-current", "true");
  return row;
}

/** The table of models; `onOpen` is given the one that is pressed. */
export function renderModels(models, chosen, onOpen) {
  const rows = models.map((model) => renderModel(model, model.model === chosen.model, onOpen));
  return scrollCard("Models of this store", table(rows, headings(HEADINGS)));
}

function renderTrial({ id, at, kind, digest, name }) {
  return tableRow(
    numberCell(formatWhole(id)),
    cell(formatInstant(`${at}Z`)),
    cell(kind),
    cell(shortDigest(digest)),
    cell(name),
  );
}

/** The newest trials. */
export function renderTrials(trials) {
  const title = h("h2", {}, "Everything that was ever tried here");
  return scrollCard("Trials", title, table(trials.slice(0, TRIALS).map(renderTrial)));
}
