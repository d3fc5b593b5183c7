// The score of a symbol taken apart, or why it has none, and the clauses of its scan.

import { postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import {
  formatNumber,
  formatOrdinal,
  formatSigned,
  formatWhole,
  signClass,
} from "../../base/format.js";
import { cardHeader, remark } from "../../parts/cards.js";
import { skeleton } from "../../parts/notices.js";
import { composeQuestion } from "./asking.js";

const VERDICT_BADGES = { ok: "good", fails: "bad", unknown: "" };

function renderMove({ score, score_before: scoreBefore, rank_before: rankBefore, before }) {
  if (scoreBefore === null) return null;
  const move = score - scoreBefore;
  const rank = rankBefore ? formatOrdinal(rankBefore) : "not ranked";
  const text = `${formatSigned(move, 1)} since ${before}, then ${rank}`;
  return h("span", { class: signClass(move) }, text);
}

function describePiece({ text, value, percentile, contribution }) {
  const place = percentile === null ? "" : `, percentile ${formatNumber(percentile, 0)}`;
  const worth = contribution === null ? "" : `: ${formatSigned(contribution, 1)}`;
  return `${text}  ${formatNumber(value)}${place}${worth}`;
}

function renderPieces(pieces) {
  if (!pieces.length) return null;
  const lines = pieces.map((piece) => h("div", {}, describePiece(piece)));
  return h("div", { class: "pieces" }, lines);
}

function renderPart(part, most) {
  const { text, value, percentile, contribution, pieces } = part;
  const place = `percentile ${formatNumber(percentile, 0)} among the ranked`;
  const width = `${(100 * Math.abs(contribution)) / most}%`;
  const fill = h("i", { class: contribution < 0 ? "neg" : "", style: { width } });
  return h(
    "div",
    { class: "part" },
    h("code", { title: text }, text),
    h("div", { class: "bar", title: `value ${formatNumber(value)}, ${place}` }, fill),
    h("span", { class: "n" }, formatSigned(contribution, 1)),
    renderPieces(pieces),
  );
}

function describeHorizon([sessions, { mean, low, high }]) {
  const [m, l, u] = [mean, low, high].map((value) => formatNumber(value, 3));
  return `${m} at ${sessions}${low === null ? " (too few)" : ` (${l} … ${u})`}`;
}

function describeEvidence(evidence) {
  if (!evidence) {
    return "What such a score has been worth on this store was never measured: see Evidence.";
  }
  const horizons = Object.entries(evidence.ic).map(describeHorizon).join(", ");
  return `What such a score has been worth here: rank IC ${horizons}`;
}

function renderScore(explained) {
  const contributions = explained.parts.map((part) => Math.abs(part.contribution));
  const most = Math.max(...contributions, 1e-9);
  const place = `${formatOrdinal(explained.rank)} of ${formatWhole(explained.n_ranked)}`;
  return h(
    "div",
    {},
    h(
      "div",
      { class: "row" },
      h("span", { class: "big" }, formatNumber(explained.score, 1)),
      h("span", { class: "soft" }, place),
      renderMove(explained),
    ),
    explained.parts.map((part) => renderPart(part, most)),
    remark(describeEvidence(explained.evidence)),
  );
}

function renderNotRanked({ title, detail, would_rank: wouldRank }) {
  const reason = `Not ranked: ${title}${detail ? `, ${detail}` : ""}.`;
  if (!wouldRank) return h("p", {}, reason);
  return h("p", {}, reason, ` With every clause met it would stand ${formatOrdinal(wouldRank)}.`);
}

function renderClause({ verdict, text, detail }) {
  return h(
    "div",
    { class: "clause" },
    h("span", { class: `badge ${VERDICT_BADGES[verdict]}` }, verdict),
    h("code", {}, text),
    detail ? h("span", { class: "detail" }, detail) : null,
  );
}

function renderClauses({ clauses }) {
  if (!clauses.length) return remark("No clause keeps anybody out.");
  const title = h("h3", {}, "Clause by clause");
  return h("div", { style: { marginTop: "10px" } }, title, clauses.map(renderClause));
}

/** Ask how the symbol stands in its scan, and show it part by part. */
export async function loadScore(state) {
  const place = state.cards.score;
  setChildren(place, skeleton(5));
  const body = { ...composeQuestion(state), symbol: state.name };
  const verdict = await postJson("why-not", body, state.signal);
  const isRanked = verdict.rank !== null;
  const explained = isRanked ? await postJson("explain", body, state.signal) : {};
  setChildren(
    place,
    cardHeader("Score", state.preset),
    explained.parts ? renderScore(explained) : renderNotRanked(verdict),
    renderClauses(verdict),
  );
}
