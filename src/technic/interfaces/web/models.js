// Models: whether each has earned its place, clause by clause, and everything that was ever tried.

import { h, put, toast, trouble } from "./dom.js";
import { download, get, post } from "./api.js";
import { moment, number, signed, whole } from "./format.js";
import { columns, intervals } from "./draw.js";
import { Work } from "./job.js";

const ORDER = ["ridge", "model"]; // shown last to first, before the baselines

/** The view of models. */
export async function models(main, { rest, signal }) {
  const body = h("div", { class: "stack", style: { marginTop: "14px" } }), work = new Work("Training", "train", signal);
  const kind = h("select", { "aria-label": "Kind of model" }, h("option", { value: "ridge" }, "ridge"), h("option", { value: "xgboost" }, "boosted trees"));
  const horizon = h("select", { "aria-label": "Horizon" }, [1, 5, 21].map((n) => h("option", { value: n, selected: n === 5 }, `${n} session${n > 1 ? "s" : ""} ahead`)));
  const canaries = h("input", { type: "checkbox" });
  const go = h("button", { type: "button", class: "main", onclick: () => work.begin("train", { model: kind.value, horizon: Number(horizon.value), canaries: canaries.checked }, go, body, async (found) => { location.hash = `#/models/${found.model}`; await load(found.model); }) }, "Train");

  async function load(wanted) {
    const [found, tried] = await Promise.all([get("models", signal), get("trials", signal)]);
    if (!found.length) {
      put(body, h("div", { class: "empty" }, h("h2", {}, "No model was trained on this store yet"), h("p", {}, "A model learns to order stocks by what follows, and is judged on sessions it could not know. Most do not pass the gate, and say so: no measured edge. A history of less than about nine years is too short to prove one.")));
      return;
    }
    const chosen = found.find((one) => one.model === wanted) || found[0], card = await get(`models/${chosen.model}`, signal);
    put(body, list(found, chosen, load), details(card, chosen, load), trials(tried));
  }

  put(main, h("div", { class: "head" }, h("h1", {}, "Models"), h("span", { class: "soft" }, "what gives alpha, and whether it is owed"), h("span", { class: "grow" }), kind, horizon, h("label", { class: "soft small" }, canaries, " canaries"), go), work.card, body);
  try { await load(rest[0]); } catch (problem) { if (problem.name === "AbortError") throw problem; put(body, trouble(problem)); }
}

function badge(passed, text) {
  return h("span", { class: `badge ${passed ? "good" : "sim"}` }, text);
}

function list(found, chosen, load) {
  return h("section", { class: "card scroll", "aria-label": "Models of this store" }, h("table", {}, h("thead", {}, h("tr", {}, ["model", "", "kind", "ahead", "learned from", "rank IC, 95 %", "verdict"].map((text) => h("th", {}, text)))), h("tbody", {}, found.map((one) => h("tr", { "aria-current": one.model === chosen.model ? "true" : null },
    h("td", {}, h("a", { href: `#/models/${one.model}`, onclick: () => load(one.model) }, h("code", {}, one.model.slice(0, 12)))), h("td", {}, one.used ? badge(true, "forecasts") : null), h("td", {}, one.kind), h("td", { class: "n" }, whole(one.horizon)), h("td", {}, `${one.trained_from} – ${one.trained_to}`),
    h("td", {}, ic(one.ic)), h("td", {}, badge(one.gate, one.label)))))));
}

function ic(part) {
  return part.mean === null ? "–" : `${signed(part.mean, 4)}${part.low === null ? " too few" : ` (${signed(part.low, 4)} … ${signed(part.high, 4)})`}`;
}

function details(card, chosen, load) {
  const found = card.result.model, rivals = Object.entries(card.result).filter(([name]) => name !== "seeds").sort(([a], [b]) => (ORDER.indexOf(b) - ORDER.indexOf(a)) || a.localeCompare(b));
  const use = chosen.used ? null : h("button", { type: "button", onclick: () => post(`models/${card.sha256}/use`, {}).then(() => { toast("It forecasts from now on."); return load(card.sha256); }).catch((problem) => toast(problem.message, "bad")) }, "Let it forecast");
  return h("div", { class: "stack" }, h("section", { class: "card", "aria-label": "Card" },
    h("header", {}, h("h2", { class: "grow" }, `${card.name}: ${chosen.label}`), use, h("button", { type: "button", onclick: () => download(`models/${card.sha256}/page`, undefined, "text/html", "technic-model.html").catch((problem) => toast(problem.message, "bad")) }, "Page")),
    h("p", {}, chosen.why || "Every clause of the gate is met."),
    h("p", { class: "soft" }, `${card.features.length} features · learned from ${card.trained_from} to ${card.trained_to} · judged on ${whole(card.spans.tested)} sessions, ${card.spans.tested_from} to ${card.spans.tested_to} · may forecast from ${card.usable_from} · ${card.trials === 1 ? "1 trial" : `${whole(card.trials)} distinct trials`}`),
    card.notes.map((note) => h("p", { class: "soft small" }, note)),
    checks("The gate", card.gate.clauses), card.canaries.length ? checks("Canaries", card.canaries) : null),
  h("section", { class: "card scroll", "aria-label": "Beside what it must beat" }, h("h2", {}, "Beside what it must beat"), h("table", {}, h("thead", {}, h("tr", {}, ["", "rank IC, 95 %", "t", "ICIR", "L/S Sharpe, 10 bps", "break-even, bps"].map((text, k) => h("th", { class: k > 1 ? "n" : "" }, text)))), h("tbody", {}, rivals.map(([name, one]) => h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, ic(one.ic)), h("td", { class: "n" }, signed(one.t, 2)), h("td", { class: "n" }, signed(one.icir, 2)), h("td", { class: "n" }, signed(one.long_short.by_cost["10"].sharpe, 2)), h("td", { class: "n" }, number(one.long_short.break_even_bps, 0))))))),
  h("div", { class: "cards" }, picture("How it decays", intervals("Rank IC by horizon", Object.entries(found.by_horizon).map(([name, part]) => ({ name, ...part })))),
    picture(`Mean return by decile over ${card.horizon} sessions, %`, columns("Mean return by decile", found.deciles.map((v, k) => [String(k + 1), v === null ? null : 100 * v]), { digits: 2 })),
    picture("Rank IC by year", columns("Rank IC by year", Object.entries(found.years))),
    Object.entries(found.by).filter(([, part]) => Object.values(part).some((v) => v !== null)).map(([name, part]) => picture(`Rank IC by ${name}`, columns(`Rank IC by ${name}`, Object.entries(part))))));
}

function picture(title, drawn) {
  return h("section", { class: "card", "aria-label": title }, h("h3", {}, title), drawn);
}

function checks(title, clauses) {
  return [h("h3", {}, title), h("table", {}, h("tbody", {}, clauses.map((one) => h("tr", {}, h("td", {}, h("span", { role: "img", "aria-label": one.passed ? "met" : "not met" }, one.passed ? "✓" : "✗")), h("td", {}, one.name), h("td", { style: { whiteSpace: "normal" } }, one.said)))))];
}

function trials(tried) {
  return h("section", { class: "card scroll", "aria-label": "Trials" }, h("h2", {}, "Everything that was ever tried here"), h("table", {}, h("tbody", {}, tried.slice(0, 40).map((one) => h("tr", {}, h("td", { class: "n" }, whole(one.id)), h("td", {}, moment(`${one.at}Z`)), h("td", {}, one.kind), h("td", {}, h("code", {}, one.digest.slice(0, 12))), h("td", {}, one.name))))));
}
