// A question beside the same one on the session before: who entered, who left, and why.

import { postJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { symbolLink } from "../../base/links.js";
import { cardHeader } from "../../parts/cards.js";
import { problemBox } from "../../parts/notices.js";
import { composeQuestion } from "./question.js";

const TOP = 50;
const SHOWN = 30;

function renderChange({ symbol, why }, sign, className) {
  return h(
    "div",
    { class: "change" },
    h("span", { class: className }, sign),
    symbolLink(symbol),
    h("span", { class: "why", title: why }, why),
  );
}

function renderSide(title, changes, sign, className) {
  const nobody = h("p", { class: "soft small" }, "nobody");
  return h(
    "div",
    {},
    h("h3", {}, `${title} (${changes.length})`),
    changes.slice(0, SHOWN).map((change) => renderChange(change, sign, className)),
    changes.length ? null : nobody,
  );
}

function renderComparison({ before, after, entered, left }, onClose) {
  const close = h("button", { class: "quiet", type: "button", onclick: onClose }, "close");
  return h(
    "section",
    { class: "card", style: { margin: "12px 0" }, "aria-label": "Compared" },
    cardHeader(`${before} → ${after}, the first ${TOP}`, close),
    h(
      "div",
      { class: "cards" },
      renderSide("Entered: where they were", entered, "+", "up"),
      renderSide("Left: where they are", left, "−", "down"),
    ),
  );
}

/** Compare the question with the session before, and mark who is new among its rows. */
export async function compareWithDayBefore(state) {
  const place = state.elements.extra;
  setChildren(place, h("p", { class: "loading" }, "Comparing with the session before …"));
  try {
    const question = { ...composeQuestion(state), top: TOP };
    const difference = await postJson("diff", question, state.signal);
    state.grid.markFresh(difference.entered.map(({ symbol }) => symbol));
    setChildren(
      place,
      renderComparison(difference, () => setChildren(place)),
    );
  } catch (problem) {
    setChildren(place, problemBox(problem));
  }
}
