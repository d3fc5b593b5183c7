// The rank of a symbol over time: a job, with progress, that is started by a button.

import { deleteResource, followJob, postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { cardHeader, remark } from "../../parts/cards.js";
import { progressBar, setProgress } from "../../parts/controls.js";
import { showProblem } from "../../parts/notices.js";
import { linePlot } from "../../plots/lines.js";
import { composeQuestion } from "./asking.js";

const SESSIONS = 60;

function renderRanks(name, { ranks, title }) {
  const points = ranks.map(({ session, rank }) => [session, rank]);
  const label = `Rank of ${name} over ${ranks.length} sessions`;
  return [
    linePlot(label, points, { isInverted: true, from: 1 }),
    remark(`${title}: rank 1 stands on top; gaps are sessions on which it was not ranked`),
  ];
}

async function rankSessions(state, { picture, bar, cancel }) {
  const body = { ...composeQuestion(state), symbol: state.name, sessions: SESSIONS };
  const job = await postJson("ranks", body, state.signal);
  cancel.hidden = false;
  cancel.onclick = () => deleteResource(`jobs/${job.id}`);
  const result = await followJob(job, (current) => setProgress(bar, current), state.signal);
  if (result) setChildren(picture, renderRanks(state.name, result));
}

async function onStart(state, elements) {
  const { start, bar, cancel, picture } = elements;
  start.disabled = true;
  bar.hidden = false;
  try {
    await rankSessions(state, elements);
  } catch (problem) {
    showProblem(picture, problem);
  }
  start.disabled = false;
  bar.hidden = true;
  cancel.hidden = true;
}

/** Show the button that starts the job, and the place of its picture. */
export function renderRanking(state) {
  const onclick = () => onStart(state, elements);
  const elements = {
    picture: h("div"),
    bar: progressBar("sessions scanned", { hidden: true }),
    start: h("button", { type: "button", onclick }, `${SESSIONS} sessions`),
    cancel: h("button", { type: "button", class: "quiet", hidden: true }, "cancel"),
  };
  const header = cardHeader("Rank over time", elements.cancel, elements.start);
  setChildren(state.cards.ranks, header, elements.bar, elements.picture);
}
