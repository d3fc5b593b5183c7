// What a word that is being typed may become.

import { h, setChildren } from "../../base/dom.js";

const MOST = 12;
const LAST_WORD = /[A-Za-z_][A-Za-z0-9_]*$/;

/** The word that a text ends with, empty within quotes. */
export function wordBefore(text) {
  const isQuoted = text.split("'").length % 2 === 0;
  return isQuoted ? "" : LAST_WORD.exec(text)?.[0] || "";
}

/** Entries of the vocabulary that begin with a word, then those that hold it. */
export function findCompletions(word, vocabulary) {
  const needle = word.toLowerCase();
  const beginning = vocabulary.filter((entry) => entry.write.toLowerCase().startsWith(needle));
  const holding = vocabulary.filter(
    (entry) => !beginning.includes(entry) && entry.write.includes(needle),
  );
  return [...beginning, ...holding].filter((entry) => entry.write !== word).slice(0, MOST);
}

/** The list of completions under an editor. */
export class CompletionList {
  constructor({ onTake }) {
    this.onTake = onTake;
    this.entries = [];
    this.current = 0;
    this.element = h("ul", {
      class: "choices",
      role: "listbox",
      hidden: true,
      "aria-label": "Completions",
    });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get chosen() {
    return this.entries[this.current].write;
  }

  open(entries) {
    this.entries = entries;
    this.current = 0;
    this.element.hidden = false;
    this.draw();
  }

  close() {
    this.element.hidden = true;
  }

  move(step) {
    const { length } = this.entries;
    this.current = (this.current + step + length) % length;
    this.draw();
  }

  draw() {
    setChildren(
      this.element,
      this.entries.map((entry, k) => this.renderEntry(entry, k)),
    );
    this.element.children[this.current]?.scrollIntoView({ block: "nearest" });
  }

  renderEntry(entry, k) {
    const onmousedown = (event) => {
      event.preventDefault(); // the editor keeps the focus
      this.current = k;
      this.onTake();
    };
    return h(
      "li",
      { role: "option", "aria-selected": String(k === this.current), onmousedown },
      h("code", {}, entry.write),
      h("span", { class: "what" }, entry.says),
      h("span", { class: "kind" }, entry.kind),
    );
  }
}
