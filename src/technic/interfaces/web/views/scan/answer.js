// What an answer says above its rows: the verdict, the funnel of clauses, notes.

import { h, setChildren } from "../../base/dom.js";
import { formatMilliseconds, formatWhole } from "../../base/format.js";
import { emptyState } from "../../parts/notices.js";

const NARROW = 760; // below it, the funnel lies on its side

/** The elements that an answer is shown in. */
export function createAnswerElements() {
  const label = "How many symbols are left after each clause";
  return {
    verdict: h("div", { class: "verdict", role: "status", "aria-live": "polite" }),
    funnel: h("div", { class: "funnel", role: "list", "aria-label": label }),
    notes: h("div", { class: "soft small" }),
  };
}

function renderVerdict(answer, elapsedMs) {
  const ranked = { "data-ranked": String(answer.n_ranked) };
  const listed = formatWhole(answer.funnel[0].left);
  const scanned = formatMilliseconds(answer.timings_ms.all);
  const shown = formatMilliseconds(elapsedMs);
  const text = `of ${listed} listed · as of ${answer.as_of} · scanned in ${scanned}, on screen in ${shown}`;
  return [
    h("strong", ranked, `${formatWhole(answer.n_ranked)} ranked`),
    h("span", { class: "soft" }, text),
  ];
}

function renderClause({ text, left, alone }, listed) {
  const share = `${(100 * left) / Math.max(listed, 1)}%`;
  const style = innerWidth > NARROW ? { height: share } : { width: share };
  const title = `${text}: ${formatWhole(left)} left; ${formatWhole(alone)} pass it alone`;
  return h(
    "div",
    { role: "listitem", title },
    h("div", { class: "fill", style }),
    h("div", { class: "t" }, text),
    h("div", { class: "c" }, formatWhole(left)),
  );
}

function renderNobody() {
  const advice =
    "The boxes above show which clause lets nobody through. Loosen it, or ask another universe.";
  return emptyState("Nobody passes", advice);
}

/** Show an answer; `elapsedMs` is how long it was waited for. */
export function renderAnswer({ verdict, funnel, notes }, answer, elapsedMs) {
  const listed = answer.funnel[0].left;
  setChildren(verdict, renderVerdict(answer, elapsedMs));
  setChildren(
    funnel,
    answer.funnel.map((clause) => renderClause(clause, listed)),
  );
  const lines = answer.notes.map((note) => h("div", {}, `Note: ${note}`));
  setChildren(notes, lines, answer.n_ranked ? null : renderNobody());
}
