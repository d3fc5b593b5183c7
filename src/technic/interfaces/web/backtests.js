// A scan, traded on the past: the verdict first, then what it rests on. Every question is counted.

import { h, put, toast } from "./dom.js";
import { download, get } from "./api.js";
import { state } from "./live.js";
import { number, signed, whole } from "./format.js";
import { columns, lines } from "./draw.js";
import { Work } from "./job.js";

/** The view of backtests. */
export async function backtests(main, { query, signal }) {
  const [scans, tried] = await Promise.all([get("scans", signal), get("trials", signal)]);
  const preset = h("select", { "aria-label": "Scan" }, ["saved", "preset"].map((kind) => h("optgroup", { label: kind === "saved" ? "Saved" : "Presets" }, scans.filter((one) => one.preset === (kind === "preset") && !one.trouble).map((one) => h("option", { value: one.name, selected: one.name === query.get("scan") }, one.title)))));
  const first = h("input", { type: "date", "aria-label": "From", min: state.about.first, max: state.about.as_of, value: state.about.first }), last = h("input", { type: "date", "aria-label": "To", min: state.about.first, max: state.about.as_of, value: state.about.as_of });
  const rebalance = h("select", { "aria-label": "Asked" }, ["weekly", "daily", "monthly"].map((name) => h("option", { value: name }, name)));
  const hold = h("input", { type: "number", "aria-label": "Names held", min: 1, max: 500, value: "20", style: { width: "76px" } });
  const cost = h("select", { "aria-label": "Costs" }, [["spread+impact", "spread and impact"], ["10bps", "10 basis points a side"], ["none", "no costs"]].map(([value, text]) => h("option", { value }, text)));
  const body = h("div", { class: "stack", style: { marginTop: "14px" } }), work = new Work("Backtesting", "backtest", signal);
  const go = h("button", { type: "button", class: "main", onclick: () => work.begin("backtest", { preset: preset.value, first: first.value, last: last.value, rebalance: rebalance.value, hold: Number(hold.value), cost: cost.value }, go, body, (found, job) => show(body, found, job)) }, "Backtest");
  const count = new Set(tried.filter((one) => one.kind === "backtest").map((one) => one.digest)).size;
  put(main, h("div", { class: "head" }, h("h1", {}, "Backtests"), h("span", { class: "soft" }, count === 1 ? "1 question was tried on this store" : `${whole(count)} distinct questions were tried on this store`)),
    h("div", { class: "row", style: { flexWrap: "wrap" } }, preset, labelled("from", first), labelled("to", last), rebalance, labelled("names", hold), cost, go), work.card, body);
  put(body, h("div", { class: "empty" }, h("h2", {}, "The very scan, asked on the past"), h("p", {}, "On each session of decision the scan is asked on what was known then; orders are filled at the next open, moved by half a spread and their own impact. The more questions are tried on a store, the more a good result is luck: they are counted, and the Sharpe ratio is deflated by them.")));
}

function labelled(text, input) {
  return h("label", { class: "soft small" }, `${text} `, input);
}

function show(place, found, job) {
  const days = found.equity.map((row) => row.session), p = found.performance;
  const height = []; let top = -Infinity;
  for (const row of found.equity) { top = Math.max(top, row.equity); height.push(100 * (row.equity / top - 1)); }
  put(place, h("section", { class: "card", "aria-label": "Verdict" },
    h("header", {}, h("h2", { class: "grow" }, `${found.name}, ${found.first} to ${found.last}`), h("button", { type: "button", onclick: () => download(`jobs/${job.id}/page`, undefined, "text/html", "technic-backtest.html").catch((problem) => toast(problem.message, "bad")) }, "Page")),
    h("p", {}, h("strong", {}, found.verdict)),
    found.notes.map((note) => h("p", { class: "soft small" }, note)),
    lines("Account and benchmark, USD", days, [{ name: "account", values: found.equity.map((row) => row.equity) }, { name: "benchmark", values: found.equity.map((row) => row.benchmark) }]),
    h("h3", {}, "Fall from the height, %"), lines("Fall from the height", days, [{ name: "account", values: height }], { height: 110, digits: 1 })),
  h("div", { class: "cards" },
    h("section", { class: "card scroll", "aria-label": "Figures" }, h("h2", {}, "Figures"), table(["", "net", "before costs", "benchmark"], found.figures)),
    h("section", { class: "card scroll", "aria-label": "By year" }, h("h2", {}, "By year"), columns("Return by year, %", found.years.map((y) => [String(y.year), 100 * y.return]), { digits: 1 }), table(["year", "return", "benchmark", "deepest fall"], found.years.map((y) => [String(y.year), share(y.return), share(y.benchmark), share(y.drawdown)])))),
  h("section", { class: "card", "aria-label": "What it hangs on" }, h("h2", {}, "What it hangs on"), found.hangs.map((text) => h("p", {}, text))),
  h("section", { class: "card scroll", "aria-label": "Trades" }, h("h2", {}, `${whole(found.trades.length)} trades, the newest`), table(["symbol", "in", "out", "shares", "bought at", "sold at", "costs", "profit", "why"], found.trades.slice(-40).reverse().map((t) => [t.symbol, t.entry, t.exit, whole(t.shares), number(t.entry_price), number(t.exit_price), number(t.costs), signed(t.profit), t.reason]))),
  h("p", { class: "soft small" }, `${p.sharpe === null ? "" : `Deflated by ${found.trials === 1 ? "1 trial" : `${whole(found.trials)} trials`}: ${number(p.dsr)}. `}Sealed ${found.manifest.seal.slice(0, 16)}; technic verify runs it again.`));
}

const share = (value) => (value === null ? "–" : signed(100 * value, 1, " %"));

function table(head, rows) {
  return h("table", {}, h("thead", {}, h("tr", {}, head.map((text, k) => h("th", { class: k ? "n" : "" }, text)))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, k) => h("td", { class: k ? "n" : "" }, cell))))));
}
