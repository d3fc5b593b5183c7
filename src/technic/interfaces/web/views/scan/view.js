// A question, answered while it is typed: editors, presets, funnel, grid, export, compare, save.

import { downloadFile, getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { symbolHref } from "../../base/links.js";
import { onServerEvent, server } from "../../base/live.js";
import { debounce } from "../../base/timing.js";
import { dropdownMenu } from "../../parts/controls.js";
import { Grid } from "../../parts/grid/grid.js";
import { toastProblem } from "../../parts/notices.js";
import { createAnswerElements } from "./answer.js";
import { loadScan, runScan } from "./asking.js";
import { compareWithDayBefore } from "./comparison.js";
import { createControls, renderQuestion } from "./controls.js";
import { DEFAULT_UNIVERSE, composeDate, composeQuestion } from "./question.js";
import { openSaveDialog } from "./save-dialog.js";
import { askEachSession } from "./sessions.js";
import { createSparkSource } from "./sparks.js";

const PAUSE_MS = 35;
const MOST_EXPORTED = 10000;
const FORMS = [
  { title: "CSV", accept: "text/csv", ending: "csv" },
  { title: "JSON", accept: "application/json", ending: "json" },
  { title: "Parquet", accept: "application/vnd.apache.parquet", ending: "parquet" },
  { title: "Arrow IPC", accept: "application/vnd.apache.arrow.stream", ending: "arrows" },
];

/** What the view knows: its controls and elements, and where the question stands. */
function createState(language, scans, signal) {
  const state = {
    language,
    signal,
    origin: {}, // the saved scan that the question began with
    requests: 0,
    inFlight: null,
    lastAnswer: null,
    elements: { ...createAnswerElements(), extra: h("div") },
  };
  state.grid = new Grid({
    onOpen: (symbol) => openSymbol(state, symbol),
    sparks: createSparkSource(),
  });
  state.controls = createControls({
    language,
    scans,
    onType: debounce(PAUSE_MS, () => runScan(state)),
    onChange: () => runScan(state),
    onLoad: (name) => loadScan(state, name),
    onFilter: (text) => state.grid.filterBy(text),
  });
  return state;
}

function openSymbol({ origin }, symbol) {
  location.hash = symbolHref(symbol, origin.name ? `scan=${origin.name}` : "");
}

function exportRows(state, { accept, ending }) {
  const { lastAnswer } = state;
  const top = Math.min(Math.max(lastAnswer?.n_ranked || 1, 1), MOST_EXPORTED);
  const body = { ...composeQuestion(state), ...composeDate(state), top };
  const filename = `technic-${lastAnswer?.as_of}.${ending}`;
  return downloadFile("scan", { body, accept, filename }).catch(toastProblem);
}

function onSave(state) {
  openSaveDialog(composeQuestion(state), state.origin, (saved) => {
    state.origin = saved;
  });
}

function onEachSession(state) {
  return askEachSession({
    place: state.elements.extra,
    question: composeQuestion(state),
    until: state.lastAnswer?.as_of || server.about.as_of,
    signal: state.signal,
  });
}

function renderHead(state) {
  const { preset, day } = state.controls;
  const button = (text, onclick, className = null) =>
    h("button", { type: "button", class: className, onclick }, text);
  const exports = FORMS.map((form) => [form.title, () => exportRows(state, form)]);
  return h(
    "div",
    { class: "head" },
    h("h1", {}, "Scan"),
    h("label", { class: "row soft" }, "begin with", preset),
    h("span", { class: "grow" }),
    h("label", { class: "row soft" }, "as of", day),
    button("Compare with the day before", () => compareWithDayBefore(state)),
    button("Each session", () => onEachSession(state)),
    dropdownMenu("Export", exports),
    button("Save …", () => onSave(state), "main"),
  );
}

function renderView(main, state) {
  const { verdict, funnel, notes, extra } = state.elements;
  setChildren(
    main,
    renderHead(state),
    renderQuestion(state.controls),
    verdict,
    funnel,
    notes,
    extra,
    state.grid.element,
  );
}

/** Ask what the address says: a question, a saved scan, a preset, or nothing yet. */
async function askFromAddress(state, query) {
  const { universe, where } = state.controls;
  const isNamed = Object.keys(state.language.universes).includes(query.get("universe"));
  universe.value = isNamed ? query.get("universe") : DEFAULT_UNIVERSE;
  if (query.get("q") === null) {
    await loadScan(state, query.get("saved") || query.get("preset") || "");
    return;
  }
  where.setText(query.get("q"));
  await runScan(state);
}

/** The view of scans. */
export async function openScan(main, { query, signal }) {
  const [language, scans] = await Promise.all([
    getJson("language", signal),
    getJson("scans", signal),
  ]);
  const state = createState(language, scans, signal);
  renderView(main, state);
  onServerEvent(state.grid.element, "store", () => runScan(state));
  await askFromAddress(state, query);
  if (query.get("compare")) compareWithDayBefore(state);
  state.controls.where.area.focus({ preventScroll: true });
}
