// What is new: saved scans beside the session before, alerts, freshness.

import { bones, h, put, toast, trouble } from "./dom.js";
import { get, post, remove } from "./api.js";
import { hear, state } from "./live.js";
import { moment, number, signed, tone, whole } from "./format.js";
import { spark } from "./draw.js";

const SIGNS = { entered: ["+", "up"], left: ["−", "down"], crossed: ["×", "soft"] };

function change(one) {
  const [sign, tone] = SIGNS[one.kind];
  return h("div", { class: "change" }, h("span", { class: tone, "aria-label": one.kind }, sign), h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(one.symbol)}` }, one.symbol),
    h("span", { class: "why", title: `${one.name || ""} ${one.why}` }, one.kind === "entered" ? `was ${one.why}` : one.why));
}

function card(one) {
  const href = `#/scan?${one.preset ? "preset" : "saved"}=${encodeURIComponent(one.name)}`;
  if (one.trouble) return h("section", { class: "card" }, h("header", {}, h("h2", { class: "grow" }, one.title)), h("p", { class: "down" }, one.trouble));
  const d = one.difference, news = d ? [...d.entered, ...d.crossed, ...d.left] : [];
  const told = one.alert ? h("span", { class: "badge", title: `tells ${one.alert.to.join(", ") || "nobody yet"}` }, "alerts") : null;
  return h("section", { class: "card", "data-scan": one.name },
    h("header", {}, h("h2", { class: "grow" }, h("a", { href }, one.title)), told, one.preset ? h("span", { class: "badge" }, "preset") : null),
    h("div", { class: "row", style: { justifyContent: "space-between", alignItems: "flex-end" } },
      h("div", {}, h("span", { class: "big" }, whole(one.n_ranked)), h("span", { class: "soft" }, `  ranked, ${one.shown} shown`)),
      d ? h("div", { class: "row" }, h("span", { class: "badge good" }, `+${d.entered.length}`), h("span", { class: "badge bad" }, `−${d.left.length}`)) : h("span", { class: "soft small" }, "nothing before it")),
    h("table", {}, h("caption", { class: "vh" }, `The first of ${one.title}`), h("tbody", {}, one.rows.slice(0, 5).map((row) => h("tr", {}, h("td", { class: "faint" }, row.rank), h("td", {}, h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(row.symbol)}?scan=${encodeURIComponent(one.name)}` }, row.symbol)), h("td", { class: "name" }, row.name || ""), h("td", {}, spark(row.closes)), h("td", { class: "n" }, number(row.score, 1)))))),
    one.rows.length ? null : h("p", { class: "empty" }, "Nobody passes today."),
    h("div", { style: { marginTop: "10px" } }, news.length ? news.slice(0, 7).map(change) : h("p", { class: "soft small" }, d ? "The same names as the session before." : ""), news.length > 7 ? h("a", { class: "small", href: `${href}&compare=1` }, `and ${news.length - 7} more`) : null));
}

function alertsCard(alerts) {
  const list = h("div", {}, alerts.length ? alerts.slice(0, 14).map(alertLine) : h("p", { class: "soft" }, "None yet. Save a scan with ", h("code", {}, "--alert"), ", or with Save on the page of scans, and who enters or leaves it is told here and where you like."));
  const box = h("section", { class: "card", "aria-label": "Alerts" }, h("header", {}, h("h2", { class: "grow" }, "Alerts")), list);
  hear(box, "alert", (alert) => {
    if (!alerts.length) put(list);
    alerts.unshift(alert);
    list.prepend(alertLine(alert));
  });
  return box;
}

function alertLine(alert) {
  const [sign, tone] = SIGNS[alert.kind] || ["·", "soft"];
  const states = alert.deliveries.map((d) => `${d.channel}: ${d.state}${d.note ? ` (${d.note})` : ""}`).join(", ");
  return h("div", { class: "change", title: states || "kept here" }, h("span", { class: tone }, sign), h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(alert.symbol)}` }, alert.symbol),
    h("span", { class: "why" }, `${alert.title} · ${alert.detail} · ${moment(alert.at)}${alert.provisional ? " · day so far" : ""}`));
}

function watchList(symbols, closes) {
  return h("section", { class: "card", "aria-label": "Watch-list" }, h("header", {}, h("h2", { class: "grow" }, "Watch-list"), h("a", { class: "small", href: `#/scan?universe=all&q=${encodeURIComponent("in_list('watch')")}` }, "scan it")),
    h("table", {}, h("tbody", {}, symbols.map((symbol) => {
      const run = closes[symbol] || [], move = run.length > 1 ? 100 * (run[run.length - 1] / run[run.length - 2] - 1) : null;
      return h("tr", {}, h("td", {}, h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(symbol)}` }, symbol)), h("td", {}, spark(run)), h("td", { class: "n" }, number(run[run.length - 1])), h("td", { class: `n ${tone(move)}` }, signed(move, 2, " %")));
    }))));
}

function fresh(about) {
  const late = about.sessions_behind;
  return h("section", { class: "card" }, h("header", {}, h("h2", { class: "grow" }, "Freshness")),
    h("div", { class: "big" }, about.as_of), h("p", { class: late ? "down" : "soft" }, late ? `${late} finished sessions are missing: technic sync` : about.simulated ? "a simulated market, made to this day" : "every finished session is here"),
    h("div", { class: "figures", style: { marginTop: "8px" } }, [["from", about.first], ["prices", about.adjustment === "none" ? "as traded" : "split-adjusted by the vendor"], ["version", about.store_version]].map(([k, v]) => h("div", {}, h("div", { class: "k" }, k), h("div", { class: "v small" }, v)))));
}

function watching(names) {
  if (!state.about.can_watch) return null;
  const box = h("section", { class: "card", "aria-label": "Live" }), list = h("div", {});
  const choice = h("select", { "aria-label": "scan to watch" }, names.map((name) => h("option", { value: name }, name)));
  const begin = h("button", { type: "button", onclick: async () => {
    await post("watches", { scan: choice.value, every: 15 }).catch((problem) => toast(problem.message, "bad"));
    draw(await get("watches"));
  } }, "Watch");
  const draw = (watches) => put(list, watches.map((one) => h("div", { style: { padding: "6px 0" } }, h("div", { class: "row" }, h("strong", {}, one.name), h("span", { class: "soft small grow" }, one.last.at ? `${one.last.state === "trading" ? `${whole(one.last.bars)} bars so far` : one.last.state} · ${moment(one.last.at)}` : "first look …"), h("button", { class: "quiet", type: "button", onclick: async () => { await remove(`watches/${one.name}`); draw(await get("watches")); } }, "stop")),
    (one.last.rows || []).slice(0, 5).map((row) => h("div", { class: "change" }, h("span", { class: "faint" }, row.rank), h("a", { class: "sym", href: `#/symbol/${row.symbol}` }, row.symbol), spark(row.closes))),
    one.last.difference ? [...one.last.difference.entered, ...one.last.difference.left].slice(0, 5).map(change) : null)));
  put(box, h("header", {}, h("h2", { class: "grow" }, "While it trades")), h("div", { class: "row" }, choice, begin), list);
  hear(box, "glance", async () => draw(await get("watches")));
  get("watches").then(draw);
  return box;
}

/** The view that pages open with. */
export async function today(main, { signal }) {
  const cards = h("div", { class: "cards today" }, [0, 1, 2].map(() => h("section", { class: "card" }, bones(5))));
  const side = h("aside", { class: "stack" }, fresh(state.about));
  const head = h("div", { class: "head" }, h("h1", {}, "Today"), h("span", { class: "soft" }, `as of ${state.about.as_of}, the close`), h("span", { class: "grow" }), h("a", { class: "button", href: "#/scan" }, "New scan"));
  put(main, head, h("div", { class: "two" }, h("div", { class: "stack" }, cards), side));
  const load = async () => {
    const found = await get("today", signal);
    const note = found.suggested ? h("p", { class: "soft", style: { gridColumn: "1 / -1" } }, "No scan is saved yet; these are presets. Open one, change it, save it: it is run every night by technic daily, and compared with the night before.") : null;
    put(cards, note, found.scans.map(card));
    return found;
  };
  const [found, alerts] = await Promise.all([load(), get("alerts?limit=40", signal)]);
  const live = watching(found.scans.map((one) => one.name));
  if (live) side.append(live);
  side.append(alertsCard(alerts));
  const mine = (await get("lists/watch", signal)).symbols;
  if (mine.length) side.append(watchList(mine, await post("sparks", { symbols: mine.slice(0, 200) }, signal)));
  const again = () => load().catch((problem) => put(cards, trouble(problem, again)));
  hear(cards, "store", async () => { state.about = await get("about"); again(); });
  hear(cards, "scans", again);
}
