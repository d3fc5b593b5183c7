// One symbol: its chart, its score taken apart, why not, its plan, its filings, its rank over time.

import { bones, h, put, segments, trouble } from "./dom.js";
import { follow, get, post, remove, replace } from "./api.js";
import { moment, number, signed, tone, whole } from "./format.js";
import { Candles } from "./candles.js";
import { Chips } from "./editor.js";
import { line } from "./draw.js";

const SPANS = [[63, "3 M"], [126, "6 M"], [252, "1 Y"], [504, "2 Y"], [99999, "All"]];
const LINES = ["sma(50)", "sma(200)"], KNOWN = ["sma(20)", "sma(50)", "sma(200)", "ema(20)", "bb_upper(20, 2)", "bb_lower(20, 2)", "highest(high, 252)", "rsi(14)", "adx(14)", "macd_hist(12, 26, 9)"];

/** The view of one symbol. */
export async function symbol(main, { rest, query, signal }) {
  const name = rest[0] || localStorage.getItem("technic.symbol");
  if (!name) { put(main, h("div", { class: "empty" }, h("h2", {}, "Which symbol?"), "Type one above, or press /")); return; }
  const scans = await get("scans", signal);
  const candles = new Candles(), head = h("div", { class: "head" }), aside = h("div", { class: "stack" });
  const explained = h("section", { class: "card", "aria-label": "Score" }, bones(5)), ranks = h("section", { class: "card", "aria-label": "Rank over time" }), filed = h("section", { class: "card", "aria-label": "Fundamentals" }, bones(6)), events = h("section", { class: "card", "aria-label": "What happened" });
  const chips = new Chips({ label: "Add an indicator", values: LINES, suggest: KNOWN, changed: () => chart() });
  const of = query.get("scan") || localStorage.getItem("technic.of") || "";
  const preset = h("select", { "aria-label": "Score of which scan", onchange: () => { localStorage.setItem("technic.of", preset.value); about(); } }, h("option", { value: "" }, "everything by technical rating"), scans.map((one) => h("option", { value: one.name }, one.title)));
  preset.value = scans.some((one) => one.name === of) ? of : "";
  const day = query.get("as_of"), dated = day ? { as_of: day } : {}, since = day ? `as_of=${encodeURIComponent(day)}&` : "";
  const question = () => ({ ...dated, ...(preset.value ? { preset: preset.value } : {}) });

  async function chart() {
    const list = chips.values.map((text) => `indicator=${encodeURIComponent(text)}`).join("&");
    const data = await get(`symbols/${encodeURIComponent(name)}?${since}bars=1300${list ? `&${list}` : "&indicator=close"}`, signal);
    const n = data.close.length, close = data.close[n - 1], before = data.close[n - 2];
    const share = before ? 100 * (close / before - 1) : null;
    document.title = `${name} · technic`;
    put(head, h("h1", {}, name), day ? h("span", { class: "badge when" }, `as of ${data.as_of}`) : null, h("span", {}, data.name || ""), h("span", { class: "soft" }, [data.sector, data.industry, data.exchange, data.type].filter(Boolean).join(" · ")), h("span", { class: "grow" }), star(name, signal), h("span", { class: "big" }, number(close)), h("span", { class: tone(share) }, signed(share, 2, " %")));
    candles.show(data);
    put(events, h("header", {}, h("h2", { class: "grow" }, "What happened")), h("table", {}, h("tbody", {}, data.events.slice(-14).reverse().map((e) => h("tr", {}, h("td", { class: "soft" }, e.date), h("td", {}, e.kind), h("td", {}, e.kind === "filing" ? e.text || "" : e.kind === "split" ? `${number(e.value, 4)} new for one old` : `${number(e.value, 4)} USD a share`), h("td", { class: "soft small" }, e.known_at ? `known ${moment(e.known_at)}` : ""))))), data.events.length ? null : h("p", { class: "soft" }, "No split, dividend or filing is known in the time shown."));
  }

  async function about() {
    put(explained, bones(5));
    const body = { ...question(), symbol: name };
    const why = await post("why-not", body, signal), told = why.rank === null ? {} : await post("explain", body, signal);
    put(explained, h("header", {}, h("h2", { class: "grow" }, "Score"), preset), told.parts ? score(told) : h("p", {}, `Not ranked: ${why.title}${why.detail ? `, ${why.detail}` : ""}.`, why.would_rank ? ` With every clause met it would stand ${ordinal(why.would_rank)}.` : ""), clauses(why));
    await plan();
  }

  async function plan() {
    const base = preset.value ? await get(`scans/${preset.value}`, signal) : { file: {} };
    const found = await post("scan", { ...dated, rank: "close", where: "", universe: "", columns: ["close"], top: 1, symbols: [name], plan: base.file.plan }, signal);
    candles.plan = found.rows[0]?.plan || null;
    candles.draw();
    const p = candles.plan;
    put(planned, h("header", {}, h("h2", { class: "grow" }, "Plan"), h("span", { class: "soft small" }, p?.side || "")), p ? h("div", { class: "figures" }, [["entry", p.entry], ["stop", p.stop], ["target", p.target], ["size", p.size], ["risk, USD", p.risk]].map(([k, v]) => h("div", {}, h("div", { class: "k" }, k), h("div", { class: "v" }, k === "size" ? whole(v) : number(v))))) : h("p", { class: "soft" }, "No plan: something that it needs is unknown."), h("p", { class: "soft small", style: { marginTop: "8px" } }, "Arithmetic on past prices out of one account; the entry is an estimate until it trades. Not advice."));
  }
  const planned = h("section", { class: "card", "aria-label": "Plan" }, bones(2));

  async function fundamentals() {
    const found = await get(`symbols/${encodeURIComponent(name)}/fundamentals?${since}`, signal);
    const known = Object.entries(found.ratios).filter(([, v]) => v !== null);
    put(filed, h("header", {}, h("h2", { class: "grow" }, "Fundamentals"), h("span", { class: "soft small" }, "as known at the time")), h("div", { class: "figures" }, known.map(([k, v]) => h("div", {}, h("div", { class: "k" }, k.replaceAll("_", " ")), h("div", { class: "v" }, number(v))))),
      found.facts.length ? h("div", { class: "scroll", style: { maxHeight: "290px", overflow: "auto", marginTop: "8px" } }, h("table", {}, h("thead", {}, h("tr", {}, ["item", "value", "months", "period ends", "known"].map((t, k) => h("th", { class: k === 1 || k === 2 ? "n" : "" }, t)))), h("tbody", {}, found.facts.map((f) => h("tr", {}, h("td", {}, f.item.replaceAll("_", " ")), h("td", { class: "n" }, number(f.value)), h("td", { class: "n soft" }, f.months || "on the day"), h("td", { class: "soft" }, f.period_end), h("td", { class: "soft" }, moment(f.known_at))))))) : h("p", { class: "soft" }, "Nothing is known of what it filed: technic import-filings or technic sync-filings."));
  }

  function ranking() {
    const picture = h("div", {}), bar = h("div", { class: "progress", hidden: true, role: "progressbar", "aria-label": "sessions scanned" }, h("i"));
    const go = h("button", { type: "button", onclick: async () => {
      go.disabled = true; bar.hidden = false;
      try {
        const job = await post("ranks", { ...question(), symbol: name, sessions: 60 }, signal);
        stop.hidden = false; stop.onclick = () => remove(`jobs/${job.id}`);
        const found = await follow(job, (now) => { bar.firstChild.style.width = `${100 * now.done / Math.max(now.total, 1)}%`; }, signal);
        if (found) put(picture, line(`Rank of ${name} over ${found.ranks.length} sessions`, found.ranks.map((r) => [r.session, r.rank]), { down: true, from: 1 }), h("p", { class: "soft small" }, `${found.title}: rank 1 stands on top; gaps are sessions on which it was not ranked`));
      } catch (problem) { if (problem.name !== "AbortError") put(picture, trouble(problem)); }
      go.disabled = false; bar.hidden = true; stop.hidden = true;
    } }, "60 sessions"), stop = h("button", { type: "button", class: "quiet", hidden: true }, "cancel");
    put(ranks, h("header", {}, h("h2", { class: "grow" }, "Rank over time"), stop, go), bar, picture);
  }

  put(main, head, h("div", { class: "two" }, h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": "Chart" }, h("div", { class: "row", style: { marginBottom: "6px" } }, segments("Range", SPANS, 126, (bars) => candles.span(bars)), chips.element), candles.element), filed, events), aside));
  put(aside, planned, explained, ranks);
  ranking();
  try { await chart(); } catch (problem) {
    if (!problem.lastListed) throw problem;
    put(main, trouble(problem, null, h("p", {}, h("a", { href: `#/symbol/${encodeURIComponent(name)}?as_of=${encodeURIComponent(problem.lastListed)}` }, `${name} as of ${problem.lastListed}`))));
    return;
  }
  localStorage.setItem("technic.symbol", name);
  await Promise.all([about().catch((problem) => { if (problem.name !== "AbortError") put(explained, trouble(problem)); }), fundamentals().catch((problem) => { if (problem.name !== "AbortError") put(filed, trouble(problem)); })]);
}

function star(name, signal) {
  const button = h("button", { type: "button", class: "quiet", "aria-label": "on the watch-list", title: "on the watch-list: in_list('watch')" }, "☆");
  const draw = (symbols) => {
    const on = symbols.includes(name);
    put(button, on ? "★ watched" : "☆ watch");
    button.setAttribute("aria-pressed", String(on));
    button.onclick = async () => draw((await replace("lists/watch", { symbols: on ? symbols.filter((s) => s !== name) : [...symbols, name] })).symbols);
  };
  get("lists/watch", signal).then((found) => draw(found.symbols)).catch(() => {});
  return button;
}

function score(told) {
  const most = Math.max(...told.parts.map((p) => Math.abs(p.contribution)), 1e-9);
  const moved = told.score_before === null ? null : told.score - told.score_before;
  return h("div", {}, h("div", { class: "row" }, h("span", { class: "big" }, number(told.score, 1)), h("span", { class: "soft" }, `${ordinal(told.rank)} of ${whole(told.n_ranked)}`), moved === null ? null : h("span", { class: tone(moved) }, `${signed(moved, 1)} since ${told.before}, then ${told.rank_before ? ordinal(told.rank_before) : "not ranked"}`)),
    told.parts.map((p) => h("div", { class: "part" }, h("code", { title: p.text }, p.text), h("div", { class: "bar", title: `value ${number(p.value)}, percentile ${number(p.percentile, 0)} among the ranked` }, h("i", { class: p.contribution < 0 ? "neg" : "", style: { width: `${100 * Math.abs(p.contribution) / most}%` } })), h("span", { class: "n" }, signed(p.contribution, 1)),
      p.pieces.length ? h("div", { class: "pieces" }, p.pieces.map((one) => h("div", {}, `${one.text}  ${number(one.value)}${one.percentile === null ? "" : `, percentile ${number(one.percentile, 0)}`}${one.contribution === null ? "" : `: ${signed(one.contribution, 1)}`}`))) : null)),
    told.evidence ? h("p", { class: "soft small" }, `What such a score has been worth here: rank IC ${evidenceLine(told.evidence)}`) : h("p", { class: "soft small" }, "What such a score has been worth on this store was never measured: see Evidence."));
}

function evidenceLine(found) {
  return Object.entries(found.ic).map(([sessions, part]) => `${number(part.mean, 3)} at ${sessions}${part.low === null ? " (too few)" : ` (${number(part.low, 3)} … ${number(part.high, 3)})`}`).join(", ");
}

function clauses(why) {
  if (!why.clauses.length) return h("p", { class: "soft small" }, "No clause keeps anybody out.");
  const badge = { ok: "good", fails: "bad", unknown: "" };
  return h("div", { style: { marginTop: "10px" } }, h("h3", {}, "Clause by clause"), why.clauses.map((c) => h("div", { class: "clause" }, h("span", { class: `badge ${badge[c.verdict]}` }, c.verdict), h("code", {}, c.text), c.detail ? h("span", { class: "detail" }, c.detail) : null)));
}

function ordinal(n) {
  const tail = n % 100 >= 11 && n % 100 <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
  return `${whole(n)}${tail}`;
}
