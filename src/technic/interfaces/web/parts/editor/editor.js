// Where a question is written: coloured, completed, and told where it is wrong while it is typed.

import { h, setChildren } from "../../base/dom.js";
import { colourTokens } from "./colours.js";
import { CompletionList, findCompletions, wordBefore } from "./completions.js";

const LEAST_HEIGHT = 39;
const BLUR_MS = 150; // a press on a completion comes before the list goes
const ZERO_WIDTH_SPACE = "\u200b"; // an empty last line has a height

/** An editor; `onChange` is told of every text, `vocabulary` gives the names of the language. */
export class Editor {
  constructor({ label, placeholder = "", vocabulary, onChange }) {
    this.vocabulary = vocabulary;
    this.onChange = onChange;
    this.problem = null;
    this.createElements(label, placeholder);
    this.setText("");
  }

  createElements(label, placeholder) {
    this.area = this.createArea(label, placeholder);
    this.paint = h("pre", { "aria-hidden": "true" });
    this.completions = new CompletionList({ onTake: () => this.takeCompletion() });
    const parts = [this.paint, this.area, this.completions.element];
    this.box = h("div", { class: "editor" }, parts);
    this.message = h("div", { class: "says", role: "status" });
    this.element = h("div", {}, this.box, this.message);
  }

  createArea(label, placeholder) {
    return h("textarea", {
      rows: 1,
      spellcheck: false,
      autocomplete: "off",
      autocapitalize: "off",
      maxlength: "4096",
      placeholder,
      "aria-label": label,
      role: "combobox",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      oninput: () => this.onInput(),
      onkeydown: (event) => this.onKey(event),
      onblur: () => setTimeout(() => this.closeCompletions(), BLUR_MS),
      onclick: () => this.closeCompletions(),
    });
  }

  get text() {
    return this.area.value;
  }

  /** Put another text in place, without telling anybody. */
  setText(text) {
    this.area.value = text;
    this.setProblem(null);
    this.resize();
  }

  /** Say what is wrong, and where; null if nothing is. */
  setProblem(problem) {
    this.problem = problem;
    const isWrong = problem !== null;
    this.box.classList.toggle("wrong", isWrong);
    this.message.classList.toggle("wrong", isWrong);
    this.area.setAttribute("aria-invalid", String(isWrong));
    const hint = problem?.hint ? h("span", { class: "soft" }, `  ${problem.hint}`) : null;
    setChildren(this.message, isWrong ? problem.why : "", hint);
    this.colour();
  }

  onInput() {
    this.resize();
    this.complete();
    this.onChange();
  }

  resize() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.max(this.area.scrollHeight, LEAST_HEIGHT)}px`;
    this.colour();
  }

  colour() {
    const parts = colourTokens(this.text, this.problem?.start ?? -1);
    setChildren(this.paint, parts, ZERO_WIDTH_SPACE);
  }

  complete() {
    const word = wordBefore(this.text.slice(0, this.area.selectionStart));
    const entries = word ? findCompletions(word, this.vocabulary) : [];
    if (!entries.length) {
      this.closeCompletions();
      return;
    }
    this.word = word;
    this.area.setAttribute("aria-expanded", "true");
    this.completions.open(entries);
  }

  takeCompletion() {
    const { chosen } = this.completions;
    const end = this.area.selectionStart;
    const start = end - this.word.length;
    this.area.setRangeText(chosen, start, end, "end");
    if (chosen.endsWith("()")) {
      const within = start + chosen.length - 1;
      this.area.setSelectionRange(within, within);
    }
    this.closeCompletions();
    this.resize();
    this.onChange();
  }

  closeCompletions() {
    this.completions.close();
    this.area.setAttribute("aria-expanded", "false");
  }

  onKey(event) {
    if (this.completions.isOpen) this.onKeyWhileChoosing(event);
    else if (event.key === "Enter" && !event.shiftKey) event.preventDefault();
  }

  onKeyWhileChoosing(event) {
    const acts = {
      ArrowDown: () => this.completions.move(1),
      ArrowUp: () => this.completions.move(-1),
      Tab: () => this.takeCompletion(),
      Enter: () => this.takeCompletion(),
      Escape: () => this.closeCompletions(),
    };
    if (!(event.key in acts)) return;
    if (event.key === "Escape") event.stopPropagation();
    else event.preventDefault();
    acts[event.key]();
  }
}
