// Models: whether each has earned its place, clause by clause, and everything that was ever tried.

import { getJson, isAbort } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { JobCard } from "../../parts/job.js";
import { emptyState, problemBox } from "../../parts/notices.js";
import { renderDetails } from "./details.js";
import { renderModels, renderTrials } from "./list.js";

const HORIZONS = [1, 5, 21];
const DEFAULT_HORIZON = 5;
const NOTHING =
  "A model learns to order stocks by what follows, and is judged on sessions it could not know. " +
  "Most do not pass the gate, and say so: no measured edge. " +
  "A history of less than about nine years is too short to prove one.";

function createControls() {
  const kinds = [
    h("option", { value: "ridge" }, "ridge"),
    h("option", { value: "xgboost" }, "boosted trees"),
  ];
  const horizons = HORIZONS.map((n) => {
    const selected = n === DEFAULT_HORIZON;
    return h("option", { value: n, selected }, `${n} session${n > 1 ? "s" : ""} ahead`);
  });
  return {
    kind: h("select", { "aria-label": "Kind of model" }, kinds),
    horizon: h("select", { "aria-label": "Horizon" }, horizons),
    canaries: h("input", { type: "checkbox" }),
  };
}

async function loadModels(state, wanted) {
  const { body, signal } = state;
  const [models, trials] = await Promise.all([
    getJson("models", signal),
    getJson("trials", signal),
  ]);
  if (!models.length) {
    const title = "No model was trained on this store yet";
    setChildren(body, emptyState(title, h("p", {}, NOTHING)));
    return;
  }
  const chosen = models.find(({ model }) => model === wanted) || models[0];
  const card = await getJson(`models/${chosen.model}`, signal);
  const onOpen = (model) => loadModels(state, model);
  setChildren(
    body,
    renderModels(models, chosen, onOpen),
    renderDetails(card, chosen, onOpen),
    renderTrials(trials),
  );
}

function onTrain(state, button) {
  const { kind, horizon, canaries } = state.controls;
  return state.job.run({
    path: "train",
    body: { model: kind.value, horizon: Number(horizon.value), canaries: canaries.checked },
    button,
    place: state.body,
    onResult: async ({ model }) => {
      location.hash = `#/models/${model}`;
      await loadModels(state, model);
    },
  });
}

function renderHead(state) {
  const { kind, horizon, canaries } = state.controls;
  const onclick = (event) => onTrain(state, event.currentTarget);
  return h(
    "div",
    { class: "head" },
    h("h1", {}, "Models"),
    h("span", { class: "soft" }, "what gives alpha, and whether it is owed"),
    h("span", { class: "grow" }),
    kind,
    horizon,
    h("label", { class: "soft small" }, canaries, " canaries"),
    h("button", { type: "button", class: "main", onclick }, "Train"),
  );
}

/** The view of models. */
export async function openModels(main, { rest, signal }) {
  const state = {
    signal,
    controls: createControls(),
    body: h("div", { class: "stack", style: { marginTop: "14px" } }),
    job: new JobCard("Training", "train", signal),
  };
  setChildren(main, renderHead(state), state.job.element, state.body);
  try {
    await loadModels(state, rest[0]);
  } catch (problem) {
    if (isAbort(problem)) throw problem;
    setChildren(state.body, problemBox(problem));
  }
}
