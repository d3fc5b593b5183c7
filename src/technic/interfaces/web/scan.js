// A question, answered while it is typed: editors, presets, funnel, grid, export, compare, save.

import { calm, h, menu, put, toast, trouble } from "./dom.js";
import { download, get, post, replace } from "./api.js";
import { hear, state } from "./live.js";
import { ms, whole } from "./format.js";
import { Chips, Editor } from "./editor.js";
import { Grid } from "./grid.js";
import { everySession } from "./history.js";

const COLUMNS = ["close", "100 * ret(1)", "rsi(14)", "atr_pct(14)", "dollar_volume(20)", "market_cap"];
const SUGGESTED = [...COLUMNS, "ret(21)", "ret(126)", "from_high(252)", "volume_ratio(20)", "adx(14)", "rating", "tech_rating", "fund_rating", "pe", "roe", "days_since_filing", "sector", "industry"];
const FORMS = { CSV: ["text/csv", "csv"], JSON: ["application/json", "json"], Parquet: ["application/vnd.apache.parquet", "parquet"], "Arrow IPC": ["application/vnd.apache.arrow.stream", "arrows"] };
const PAUSE = 35;

/** The view of scans. */
export async function scan(main, { query, signal }) {
  const [language, scans] = await Promise.all([get("language", signal), get("scans", signal)]);
  const names = () => language.words;
  let begun = {}, asked = 0, flight = null, last = null;

  const where = new Editor({ label: "Question: which symbols pass", placeholder: "rsi(14) < 30 and close > sma(200)", names, changed: () => soon() });
  const rank = new Editor({ label: "Rank by", placeholder: "tech_rating", names, changed: () => soon() });
  const universes = Object.keys(language.universes);
  const universe = h("select", { "aria-label": "Universe", onchange: () => run() }, universes.map((name) => h("option", { value: name }, name)));
  const chips = new Chips({ label: "Add a column", values: COLUMNS, suggest: SUGGESTED, changed: () => run() });
  const day = h("input", { type: "date", "aria-label": "As of", min: state.about.first, max: state.about.as_of, value: state.about.as_of, onchange: () => run() });
  const preset = h("select", { "aria-label": "Begin with", onchange: () => load(preset.value) }, h("option", { value: "" }, "a blank page"),
    ["saved", "preset"].map((kind) => h("optgroup", { label: kind === "saved" ? "Saved" : "Presets" }, scans.filter((one) => one.preset === (kind === "preset")).map((one) => h("option", { value: one.name }, one.title)))));
  const filter = h("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows", oninput: () => { grid.filter = filter.value; grid.arrange(); } });
  const verdict = h("div", { class: "verdict", role: "status", "aria-live": "polite" });
  const funnel = h("div", { class: "funnel", role: "list", "aria-label": "How many symbols are left after each clause" });
  const notes = h("div", { class: "soft small" }), compared = h("div");
  const grid = new Grid({ open: (symbol) => { location.hash = `#/symbol/${encodeURIComponent(symbol)}${begun.name ? `?scan=${begun.name}` : ""}`; }, sparks: sparkler() });

  const question = () => {
    const text = universe.value in language.universes ? language.universes[universe.value] : universe.value;
    const made = { where: where.value, universe: text, rank: rank.value.trim() || "tech_rating", columns: chips.values };
    if (begun.file?.plan) made.plan = begun.file.plan;
    if (begun.file?.let) made.let = begun.file.let;
    if (begun.file?.params) made.params = begun.file.params;
    if (begun.file?.benchmark) made.benchmark = begun.file.benchmark;
    return made;
  };
  const standing = () => (day.value && day.value !== state.about.as_of ? { as_of: day.value } : {});

  async function run() {
    const mine = ++asked, since = performance.now();
    if (flight) flight.abort();
    flight = new AbortController();
    try {
      const answer = await post("grid", { ...question(), ...standing(), top: 5000 }, flight.signal);
      if (mine !== asked) return;
      if (!answer.ok) { blame({ ...answer.problem, message: answer.problem.why, status: 422 }); return; }
      show(answer, performance.now() - since);
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      blame(problem);
    }
  }
  const soon = calm(PAUSE, run);

  function show(answer, took) {
    last = answer;
    where.wrong(null); rank.wrong(null);
    grid.show(answer);
    const listed = answer.funnel[0].left;
    put(verdict, h("strong", { "data-ranked": String(answer.n_ranked) }, `${whole(answer.n_ranked)} ranked`), h("span", { class: "soft" }, `of ${whole(listed)} listed · as of ${answer.as_of} · scanned in ${ms(answer.timings_ms.all)}, on screen in ${ms(took)}`));
    put(funnel, answer.funnel.map((step) => h("div", { role: "listitem", title: `${step.text}: ${whole(step.left)} left; ${whole(step.alone)} pass it alone` }, h("div", { class: "fill", style: innerWidth > 760 ? { height: `${100 * step.left / Math.max(listed, 1)}%` } : { width: `${100 * step.left / Math.max(listed, 1)}%` } }), h("div", { class: "t" }, step.text), h("div", { class: "c" }, whole(step.left)))));
    put(notes, answer.notes.map((note) => h("div", {}, `Note: ${note}`)), answer.n_ranked ? null : h("div", { class: "empty" }, h("h2", {}, "Nobody passes"), "The boxes above show which clause lets nobody through. Loosen it, or ask another universe."));
    grid.element.hidden = answer.n_ranked === 0;
    document.documentElement.dataset.answered = String(asked);
    const mine = asked;
    requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.painted = String(mine); performance.mark(`technic-painted-${mine}`); }));
  }

  function blame(problem) {
    const inRank = problem.text && problem.text === rank.value && problem.text !== where.value;
    if (problem.text && (problem.text === where.value || inRank)) (inRank ? rank : where).wrong({ why: problem.message, start: problem.start, hint: problem.hint });
    else if (problem.status === 422) where.wrong({ why: problem.message, start: -1, hint: problem.hint });
    else put(notes, trouble(problem, run));
    document.documentElement.dataset.answered = String(asked);
  }

  async function load(name) {
    if (!name) { begun = {}; where.set(""); rank.set(""); chips.set(COLUMNS); universe.value = "liquid"; await run(); return; }
    begun = await get(`scans/${name}`, signal);
    const file = begun.file;
    where.set(file.where || "");
    rank.set(file.rank ? file.rank.score : "");
    chips.set(file.columns || COLUMNS);
    const text = file.universe || "", known = universes.find((key) => language.universes[key] === text);
    if (!known) universe.querySelector("option[data-own]")?.remove();
    if (!known) universe.append(h("option", { value: text, "data-own": "1" }, text));
    universe.value = known ?? text;
    preset.value = name;
    await run();
  }

  async function compare() {
    put(compared, h("p", { class: "loading" }, "Comparing with the session before …"));
    try {
      const d = await post("diff", { ...question(), top: 50 }, signal);
      grid.fresh = new Set(d.entered.map((one) => one.symbol));
      grid.arrange();
      const part = (title, entries, tone) => h("div", {}, h("h3", {}, `${title} (${entries.length})`), entries.slice(0, 30).map((one) => h("div", { class: "change" }, h("span", { class: tone }, tone === "up" ? "+" : "−"), h("a", { class: "sym", href: `#/symbol/${encodeURIComponent(one.symbol)}` }, one.symbol), h("span", { class: "why", title: one.why }, one.why))), entries.length ? null : h("p", { class: "soft small" }, "nobody"));
      put(compared, h("section", { class: "card", style: { margin: "12px 0" }, "aria-label": "Compared" }, h("header", {}, h("h2", { class: "grow" }, `${d.before} → ${d.after}, the first 50`), h("button", { class: "quiet", type: "button", onclick: () => put(compared) }, "close")), h("div", { class: "cards" }, part("Entered: where they were", d.entered, "up"), part("Left: where they are", d.left, "down"))));
    } catch (problem) { put(compared, trouble(problem)); }
  }

  const save = () => saving(question(), begun, (made) => { begun = made; });
  const exporting = menu("Export", Object.entries(FORMS).map(([title, [accept, ending]]) => [title, () => download("scan", { ...question(), ...standing(), top: Math.min(Math.max(last?.n_ranked || 1, 1), 10000) }, accept, `technic-${last?.as_of}.${ending}`).catch((problem) => toast(problem.message, "bad"))]));

  put(main, h("div", { class: "head" }, h("h1", {}, "Scan"), h("label", { class: "row soft" }, "begin with", preset), h("span", { class: "grow" }), h("label", { class: "row soft" }, "as of", day), h("button", { type: "button", onclick: compare }, "Compare with the day before"), h("button", { type: "button", onclick: () => everySession(compared, question(), last?.as_of || state.about.as_of, signal) }, "Each session"), exporting, h("button", { type: "button", class: "main", onclick: save }, "Save …")),
    h("div", { class: "ask" }, h("label", { class: "field" }, "Which pass", where.element), h("label", { class: "field" }, "Of whom", universe), h("label", { class: "field" }, "Ranked by", rank.element)),
    h("div", { class: "row" }, h("span", { class: "soft small" }, "columns"), chips.element, h("span", { class: "grow" }), filter), verdict, funnel, notes, compared, grid.element);
  hear(grid.element, "store", run);
  universe.value = universes.includes(query.get("universe")) ? query.get("universe") : "liquid";
  if (query.get("q") !== null) { where.set(query.get("q")); await run(); } else await load(query.get("saved") || query.get("preset") || "");
  if (query.get("compare")) compare();
  where.area.focus({ preventScroll: true });
}

/** Closes of the rows in sight, asked for once each. */
function sparkler() {
  const held = new Map(), waiting = new Set();
  const fetchThem = calm(60, async (drawn) => {
    const symbols = [...waiting].slice(0, 200);
    waiting.clear();
    if (!symbols.length) return;
    const found = await post("sparks", { symbols }).catch(() => ({}));
    for (const symbol of symbols) held.set(symbol, found[symbol] || []);
    drawn();
  });
  const sparks = (symbols, drawn) => {
    for (const symbol of symbols) if (!held.has(symbol)) waiting.add(symbol);
    if (waiting.size) fetchThem(drawn);
  };
  sparks.held = held;
  return sparks;
}

function saving(question, begun, saved) {
  const name = h("input", { required: true, pattern: "[a-z0-9][a-z0-9_\\-]{0,63}", value: begun.preset === false ? begun.name : "", placeholder: "dips", maxlength: "64" });
  const title = h("input", { maxlength: "120", value: begun.file?.name || "", placeholder: "what it is called" });
  const told = h("input", { type: "checkbox", checked: Boolean(begun.file?.alert) }), to = h("input", { placeholder: "channels: desk, mail", value: (begun.file?.alert?.to || []).join(", ") });
  const debounce = h("input", { type: "number", min: "1", max: "100", value: String(begun.file?.alert?.debounce || 1), style: { width: "70px" } }), says = h("p", { class: "down small", role: "alert" });
  const dialog = h("dialog", { onclose: () => dialog.remove() }, h("form", { onsubmit: async (event) => {
    event.preventDefault();
    const body = { ...question, top: begun.file?.top || 50, name: title.value.trim() || name.value };
    if (told.checked) body.alert = { to: to.value.split(",").map((part) => part.trim()).filter(Boolean), debounce: Number(debounce.value) };
    try {
      const made = await replace(`scans/${name.value}`, body);
      saved(made);
      dialog.close();
      toast(`Saved as ${made.name}: technic scan ${made.name}, and every night with technic daily.`);
    } catch (problem) { put(says, problem.message); }
  } }, h("h2", {}, "Save this scan"), h("label", { class: "field" }, "Name, for commands and files", name), h("label", { class: "field" }, "Title", title),
    h("label", { class: "row" }, told, "Tell me who enters and leaves"), h("label", { class: "field" }, "Where: technic alerts channels", to), h("label", { class: "row soft" }, "after it has held for", debounce, "looks in a row"), says,
    h("div", { class: "row", style: { justifyContent: "flex-end" } }, h("button", { type: "button", onclick: () => dialog.close() }, "Not now"), h("button", { class: "main" }, "Save"))));
  document.body.append(dialog);
  dialog.showModal();
}
