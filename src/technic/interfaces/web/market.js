// The market as a whole: map, breadth, regime, movers, and how any column is spread.

import { calm, h, put, segments, trouble } from "./dom.js";
import { post } from "./api.js";
import { hear } from "./live.js";
import { number, signed, tone, whole } from "./format.js";
import { Treemap } from "./treemap.js";
import { histogram } from "./draw.js";

const COLOURS = [["100 * ret(1)", "1 day"], ["100 * ret(5)", "1 week"], ["100 * ret(21)", "1 month"], ["100 * ret(126)", "6 months"], ["rsi(14)", "RSI"], ["tech_rating", "rating"]];

/** The view of the market. */
export async function market(main, { signal }) {
  const asked = { size: "dollar_volume", colour: "100 * ret(1)", universe: "liquid" };
  const map = new Treemap({ open: (symbol) => { location.hash = `#/symbol/${encodeURIComponent(symbol)}`; } });
  const under = h("p", { class: "soft small" }), says = h("div"), breadth = h("section", { class: "card", "aria-label": "Breadth" }), regime = h("section", { class: "card", "aria-label": "Regime" }), sectors = h("section", { class: "card", "aria-label": "Sectors" }), moved = h("div", { class: "cards" });
  const picture = h("div"), column = h("input", { value: "rsi(14)", "aria-label": "Column to count", maxlength: "400", oninput: calm(250, () => spread()) });
  const own = h("input", { placeholder: "or any column", "aria-label": "Colour by any column", maxlength: "400", onchange: () => { if (own.value.trim()) { asked.colour = own.value.trim(); load(); } } });

  async function load() {
    try {
      const found = await post("market", asked, signal);
      put(says);
      map.show(found);
      put(under, `A sector's name shows it alone. ${whole(found.symbols.length)} symbols drawn${found.left_out > 0 ? `, ${whole(found.left_out)} smaller or without a size left out` : ""} · size ${found.size} · colour ${found.colour} · as of ${found.as_of}`);
      drawSides(found);
      main.dataset.map = String(found.symbols.length);
    } catch (problem) { if (problem.name !== "AbortError") put(says, trouble(problem)); }
  }

  function drawSides(found) {
    const all = found.advancing + found.declining + found.unchanged || 1;
    put(breadth, h("header", {}, h("h2", { class: "grow" }, "Breadth")), h("div", { class: "bar2", role: "img", "aria-label": `${found.advancing} rose, ${found.declining} fell` }, h("i", { style: { width: `${100 * found.advancing / all}%`, background: "var(--up)" } }), h("i", { style: { width: `${100 * found.unchanged / all}%`, background: "var(--strong)" } }), h("i", { style: { width: `${100 * found.declining / all}%`, background: "var(--down)" } })),
      h("div", { class: "row", style: { justifyContent: "space-between", marginTop: "6px" } }, h("span", { class: "up" }, `${whole(found.advancing)} rose`), h("span", { class: "soft" }, `${whole(found.unchanged)} unchanged`), h("span", { class: "down" }, `${whole(found.declining)} fell`)));
    put(regime, h("header", {}, h("h2", { class: "grow" }, "Regime"), h("span", { class: "soft small" }, `${whole(found.regime.members)} common stocks`)), h("table", {}, h("tbody", {}, found.regime.lines.map(([what, how]) => h("tr", {}, h("td", { class: "soft" }, what), h("td", { class: "n" }, how))))));
    put(sectors, h("header", {}, h("h2", { class: "grow" }, "Sectors"), h("span", { class: "soft small" }, `median ${found.colour}`)), h("table", {}, h("tbody", {}, [...found.sectors].sort((a, b) => (b.median ?? -1e9) - (a.median ?? -1e9)).map((s) => h("tr", {}, h("td", {}, s.sector), h("td", { class: `n ${tone(s.median)}` }, number(s.median)), h("td", { class: "n soft small" }, `${s.advancing} / ${s.declining}`))))));
    const table = (title, rows) => h("section", { class: "card", "aria-label": title }, h("header", {}, h("h2", { class: "grow" }, title)), h("table", {}, h("tbody", {}, rows.slice(0, 12).map((r) => h("tr", {}, h("td", {}, h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(r.symbol)}` }, r.symbol)), h("td", { class: "name" }, r.name || ""), h("td", { class: "n" }, number(r.close)), h("td", { class: `n ${tone(r.move)}` }, signed(100 * r.move, 1, " %")))))));
    put(moved, table("Rose most", found.rose), table("Fell most", found.fell));
  }

  async function spread() {
    try {
      const found = await post("distribution", { column: column.value, universe: asked.universe }, signal);
      put(picture, histogram(`How ${found.column} is spread`, found), h("p", { class: "soft small" }, `${whole(found.known)} known, ${whole(found.unknown)} unknown`));
    } catch (problem) { if (problem.name !== "AbortError") put(picture, trouble(problem)); }
  }

  put(main, h("div", { class: "head" }, h("h1", {}, "Market"), segments("Colour", COLOURS, asked.colour, (value) => { asked.colour = value; load(); }), own, h("span", { class: "grow" }), segments("Size", [["dollar_volume", "dollar volume"], ["market_cap", "market cap"]], asked.size, (value) => { asked.size = value; load(); }), segments("Universe", [["liquid", "liquid"], ["large", "large"], ["common", "common"]], asked.universe, (value) => { asked.universe = value; load(); spread(); })),
    says, h("div", { class: "two" }, h("div", { class: "stack" }, map.element, under, moved, h("section", { class: "card", "aria-label": "Distribution" }, h("header", {}, h("h2", { class: "grow" }, "Distribution of"), column), picture)), h("aside", { class: "stack" }, breadth, regime, sectors)));
  hear(map.element, "store", load);
  await Promise.all([load(), spread()]);
}
