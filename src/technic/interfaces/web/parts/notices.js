// What a page says besides its answers: that it waits, that something failed, that something is done.

import { isAbort } from "../base/api.js";
import { h, setChildren } from "../base/dom.js";

const TOAST_MS = 5000;
const BAD_TOAST_MS = 9000;

/** A short note that goes away by itself. */
export function showToast(text, kind = "") {
  const note = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), kind === "bad" ? BAD_TOAST_MS : TOAST_MS);
}

/** A failure as a short note. */
export const toastProblem = (problem) => showToast(problem.message, "bad");

/** What a view shows while it waits. */
export function skeleton(lines = 4) {
  const bones = Array.from({ length: lines }, (_, k) =>
    h("div", { class: "bone", style: { width: `${92 - 13 * (k % 4)}%` } }),
  );
  return h("div", { role: "status", "aria-label": "loading" }, bones);
}

/** What a view shows where there is nothing. */
export function emptyState(title, ...children) {
  return h("div", { class: "empty" }, h("h2", {}, title), children);
}

function renderCaret(problem) {
  if (!problem.text || problem.start < 0) return null;
  return h("pre", {}, `${problem.text}\n${" ".repeat(problem.start)}^`);
}

/** What a view shows where something went wrong: what, where, what to do. */
export function problemBox(problem, retry, ...more) {
  return h(
    "div",
    { class: "wrongbox", role: "alert" },
    h("strong", {}, problem.title || "That did not work"),
    h("p", {}, problem.message),
    renderCaret(problem),
    problem.hint ? h("p", { class: "soft" }, problem.hint) : null,
    retry ? h("p", {}, h("button", { type: "button", onclick: retry }, "Try again")) : null,
    more,
  );
}

/** Show a failure in a place, unless the reader has only gone elsewhere. */
export function showProblem(place, problem) {
  if (!isAbort(problem)) setChildren(place, problemBox(problem));
}
