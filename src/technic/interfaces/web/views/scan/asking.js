// A question is asked at each key; only the answer to the last one is shown.

import { getJson, isAbort, postJson } from "../../base/api.js";
import { setChildren } from "../../base/dom.js";
import { problemBox } from "../../parts/notices.js";
import { renderAnswer } from "./answer.js";
import { chooseUniverse } from "./controls.js";
import { DEFAULT_COLUMNS, DEFAULT_UNIVERSE, composeDate, composeQuestion } from "./question.js";

const MOST_ROWS = 5000;

/** Ask what stands in the controls, and show the answer. */
export async function runScan(state) {
  state.requests += 1;
  const request = state.requests;
  const since = performance.now();
  state.inFlight?.abort();
  state.inFlight = new AbortController();
  try {
    const question = { ...composeQuestion(state), ...composeDate(state), top: MOST_ROWS };
    const answer = await postJson("grid", question, state.inFlight.signal);
    if (request !== state.requests) return;
    if (answer.ok) showAnswer(state, answer, performance.now() - since);
    else showQuestionProblem(state, describeMisunderstanding(answer));
  } catch (problem) {
    if (isAbort(problem) || request !== state.requests) return;
    showQuestionProblem(state, problem);
  }
}

/** A question that cannot be understood is an answer too; as a problem, it is one of a request. */
function describeMisunderstanding({ problem }) {
  return { ...problem, message: problem.why, status: 422 };
}

function showAnswer(state, answer, elapsedMs) {
  state.lastAnswer = answer;
  state.controls.where.setProblem(null);
  state.controls.rank.setProblem(null);
  state.grid.show(answer);
  renderAnswer(state.elements, answer, elapsedMs);
  state.grid.element.hidden = answer.n_ranked === 0;
  markAnswered(state);
  markPainted(state.requests);
}

/** Say in the document which request was answered, for whoever waits for it. */
function markAnswered(state) {
  document.documentElement.dataset.answered = String(state.requests);
}

/** Say in the document, and to the profiler, which request is on the screen. */
function markPainted(request) {
  const mark = () => {
    document.documentElement.dataset.painted = String(request);
    performance.mark(`technic-painted-${request}`);
  };
  requestAnimationFrame(() => setTimeout(mark));
}

/** The editor that holds the text of a problem; null if none does. */
function editorAt({ where, rank }, { text }) {
  if (!text) return null;
  if (text === where.text) return where;
  return text === rank.text ? rank : null;
}

/** Show a problem under its character, or at least under the question, or instead of rows. */
function showQuestionProblem(state, problem) {
  const { message: why, start, hint } = problem;
  const editor = editorAt(state.controls, problem);
  if (editor) {
    editor.setProblem({ why, start, hint });
  } else if (problem.status === 422) {
    state.controls.where.setProblem({ why, start: -1, hint });
  } else {
    const retry = () => runScan(state);
    setChildren(state.elements.notes, problemBox(problem, retry));
  }
  markAnswered(state);
}

function fillControls({ controls, language }, { where, rank, columns, universe }) {
  controls.where.setText(where || "");
  controls.rank.setText(rank ? rank.score : "");
  controls.chips.setValues(columns || DEFAULT_COLUMNS);
  chooseUniverse(controls, language.universes, universe || "");
}

function clearControls({ controls }) {
  controls.where.setText("");
  controls.rank.setText("");
  controls.chips.setValues(DEFAULT_COLUMNS);
  controls.universe.value = DEFAULT_UNIVERSE;
}

/** Begin with a saved scan or a preset; without a name, with a blank page. */
export async function loadScan(state, name) {
  if (name) {
    state.origin = await getJson(`scans/${name}`, state.signal);
    fillControls(state, state.origin.file);
    state.controls.preset.value = name;
  } else {
    state.origin = {};
    clearControls(state);
  }
  await runScan(state);
}
