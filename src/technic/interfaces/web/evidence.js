// What each score has been worth: rank IC with intervals, decay, spreads; measured on this store.

import { h, put } from "./dom.js";
import { get } from "./api.js";
import { number, signed, whole } from "./format.js";
import { columns, intervals } from "./draw.js";
import { Work } from "./job.js";

/** The view of evidence. */
export async function evidence(main, { signal }) {
  const body = h("div", { class: "stack" }), text = h("input", { placeholder: "columns, e.g. rating; empty: all", "aria-label": "Columns to measure", maxlength: "400", style: { width: "270px" } });
  const work = new Work("Measuring", "evaluate", signal);
  const go = h("button", { type: "button", class: "main", onclick: () => work.begin("evaluate", { columns: text.value.split(";").map((part) => part.trim()).filter(Boolean) }, go, body, load) }, "Measure");

  async function load() {
    const found = await get("evidence", signal);
    const names = Object.keys(found.columns || {});
    if (!names.length) {
      put(body, h("div", { class: "empty" }, h("h2", {}, "Nothing was measured on this store yet"), h("p", {}, "Each score is held against what came after, session by session, with intervals; nothing is fitted. A market of two years takes about half a minute.")));
      return;
    }
    const known = names.filter((name) => Object.values(found.columns[name].ic).some((part) => part.mean !== null));
    put(body, h("p", { class: "soft" }, `${whole(found.sessions)} sessions, ${found.first} to ${found.as_of} · universe ${found.universe}. Rank IC: Spearman's correlation, over one session, with the return from the next open; 95 % interval by block bootstrap. A filled mark is told from zero; about one in twenty is by chance.`), table(found, known), h("div", { class: "cards" }, known.map((name) => pictures(name, found.columns[name]))));
  }

  put(main, h("div", { class: "head" }, h("h1", {}, "Evidence"), h("span", { class: "soft" }, "what scores have been worth here"), h("span", { class: "grow" }), text, go), work.card, body);
  await load();
}

function told(part) { return part.low !== null && (part.low > 0 || part.high < 0); }

function table(found, known) {
  const horizons = Object.keys(found.columns[known[0]].ic);
  return h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "column"), horizons.map((n) => h("th", { class: "n" }, `IC, ${n} session${n === "1" ? "" : "s"}`)), h("th", { class: "n" }, "spread"), h("th", { class: "n" }, "turnover"), h("th", { class: "n" }, "sessions needed"))),
    h("tbody", {}, known.map((name) => {
      const c = found.columns[name], middle = horizons[Math.floor(horizons.length / 2)], spread = c.spread[middle].mean;
      return h("tr", {}, h("td", {}, h("code", {}, name)), horizons.map((n) => h("td", { class: "n", style: told(c.ic[n]) ? { fontWeight: "650", color: "var(--accent)" } : {} }, c.ic[n].mean === null ? "–" : `${signed(c.ic[n].mean, 3)}${c.ic[n].low === null ? " too few" : ` (${signed(c.ic[n].low, 3)} … ${signed(c.ic[n].high, 3)})`}`)), h("td", { class: "n" }, spread === null ? "–" : signed(100 * spread, 2, " %")), h("td", { class: "n" }, c.turnover === null ? "–" : `${number(100 * c.turnover, 0)} %`), h("td", { class: "n" }, c.ic[middle].sessions_needed === null ? "–" : whole(c.ic[middle].sessions_needed)));
    }))));
}

function pictures(name, c) {
  const horizons = Object.keys(c.ic), middle = horizons[Math.floor(horizons.length / 2)];
  return h("section", { class: "card", "aria-label": name }, h("header", {}, h("h2", { class: "grow" }, h("code", {}, name))), h("h3", {}, "Rank IC by horizon: how it decays"), intervals(`Rank IC of ${name} by horizon`, horizons.map((n) => ({ name: n, ...c.ic[n] }))), h("h3", {}, `Mean return by fifth over ${middle} sessions, %`), columns(`Mean return by fifth of ${name}`, c.quantiles[middle].map((v, k) => [`${k + 1}`, v === null ? null : 100 * v]), { digits: 2 }), h("h3", {}, "Rank IC by year"), columns(`Rank IC of ${name} by year`, Object.entries(c.years)));
}
