// What each score has been worth: rank IC with intervals, decay, spreads; measured on this store.

import { getJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { formatWhole } from "../../base/format.js";
import { JobCard } from "../../parts/job.js";
import { emptyState } from "../../parts/notices.js";
import { measuredColumns, renderPictures, renderTable } from "./results.js";

const NOTHING =
  "Each score is held against what came after, session by session, with intervals; " +
  "nothing is fitted. A market of two years takes about half a minute.";

function describeMeasurement({ sessions, first, as_of: last, universe }) {
  return (
    `${formatWhole(sessions)} sessions, ${first} to ${last} · universe ${universe}. ` +
    "Rank IC: Spearman's correlation, over one session, with the return from the next open; " +
    "95 % interval by block bootstrap. " +
    "A filled mark is told from zero; about one in twenty is by chance."
  );
}

function renderEvidence(evidence) {
  const { columns } = evidence;
  const names = measuredColumns(columns);
  const pictures = names.map((name) => renderPictures(name, columns[name]));
  return [
    h("p", { class: "soft" }, describeMeasurement(evidence)),
    renderTable(columns, names),
    h("div", { class: "cards" }, pictures),
  ];
}

async function loadEvidence({ body, signal }) {
  const evidence = await getJson("evidence", signal);
  const isMeasured = Object.keys(evidence.columns || {}).length > 0;
  const title = "Nothing was measured on this store yet";
  setChildren(body, isMeasured ? renderEvidence(evidence) : emptyState(title, h("p", {}, NOTHING)));
}

function createColumnsInput() {
  return h("input", {
    placeholder: "columns, e.g. rating; empty: all",
    "aria-label": "Columns to measure",
    maxlength: "400",
    style: { width: "270px" },
  });
}

function onMeasure(state, button) {
  const texts = state.input.value.split(";").map((text) => text.trim());
  return state.job.run({
    path: "evaluate",
    body: { columns: texts.filter(Boolean) },
    button,
    place: state.body,
    onResult: () => loadEvidence(state),
  });
}

function renderHead(state) {
  const onclick = (event) => onMeasure(state, event.currentTarget);
  return h(
    "div",
    { class: "head" },
    h("h1", {}, "Evidence"),
    h("span", { class: "soft" }, "what scores have been worth here"),
    h("span", { class: "grow" }),
    state.input,
    h("button", { type: "button", class: "main", onclick }, "Measure"),
  );
}

/** The view of evidence. */
export async function openEvidence(main, { signal }) {
  const state = {
    signal,
    input: createColumnsInput(),
    body: h("div", { class: "stack" }),
    job: new JobCard("Measuring", "evaluate", signal),
  };
  setChildren(main, renderHead(state), state.job.element, state.body);
  await loadEvidence(state);
}
