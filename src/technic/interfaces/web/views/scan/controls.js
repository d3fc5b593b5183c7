// Where a question is put: editors, universe, columns, date, and what it begins with.

import { h } from "../../base/dom.js";
import { server } from "../../base/live.js";
import { Chips } from "../../parts/chips.js";
import { dateInput, scanOptionGroups } from "../../parts/controls.js";
import { Editor } from "../../parts/editor/editor.js";
import { DEFAULT_COLUMNS, SUGGESTED_COLUMNS } from "./question.js";

function createUniverse(names, onchange) {
  const options = names.map((name) => h("option", { value: name }, name));
  return h("select", { "aria-label": "Universe", onchange }, options);
}

function createPreset(scans, onLoad) {
  const renderOption = ({ name, title }) => h("option", { value: name }, title);
  const preset = h(
    "select",
    { "aria-label": "Begin with", onchange: () => onLoad(preset.value) },
    h("option", { value: "" }, "a blank page"),
    scanOptionGroups(scans, renderOption),
  );
  return preset;
}

function createFilter(onFilter) {
  const label = "Filter rows";
  const filter = h("input", {
    type: "search",
    placeholder: label,
    "aria-label": label,
    oninput: () => onFilter(filter.value),
  });
  return filter;
}

/** The controls; `onType` is told of each key, `onChange` of a choice, `onLoad` of a scan. */
export function createControls({ language, scans, onType, onChange, onLoad, onFilter }) {
  const editor = (label, placeholder) =>
    new Editor({ label, placeholder, vocabulary: language.words, onChange: onType });
  return {
    where: editor("Question: which symbols pass", "rsi(14) < 30 and close > sma(200)"),
    rank: editor("Rank by", "tech_rating"),
    universe: createUniverse(Object.keys(language.universes), onChange),
    chips: new Chips({
      label: "Add a column",
      values: DEFAULT_COLUMNS,
      suggestions: SUGGESTED_COLUMNS,
      onChange,
    }),
    day: dateInput("As of", server.about, { value: server.about.as_of, onchange: onChange }),
    preset: createPreset(scans, onLoad),
    filter: createFilter(onFilter),
  };
}

/** Choose a universe by its text; one without a name becomes a choice of its own. */
export function chooseUniverse({ universe }, universes, text) {
  const named = Object.keys(universes).find((name) => universes[name] === text);
  if (!named) {
    universe.querySelector("option[data-own]")?.remove();
    universe.append(h("option", { value: text, "data-own": "1" }, text));
  }
  universe.value = named ?? text;
}

/** The controls in their places. */
export function renderQuestion({ where, rank, universe, chips, filter }) {
  const field = (title, control) => h("label", { class: "field" }, title, control);
  return [
    h(
      "div",
      { class: "ask" },
      field("Which pass", where.element),
      field("Of whom", universe),
      field("Ranked by", rank.element),
    ),
    h(
      "div",
      { class: "row" },
      h("span", { class: "soft small" }, "columns"),
      chips.element,
      h("span", { class: "grow" }),
      filter,
    ),
  ];
}
