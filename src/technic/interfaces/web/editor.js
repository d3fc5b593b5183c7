// Where a question is written: coloured, completed, and told where it is wrong while it is typed.

import { h, put } from "./dom.js";

const TOKEN = /('[^']*'?)|(\b\d[\d_.]*(?:e[+-]?\d+)?[KMB%]?\b)|([A-Za-z_][A-Za-z0-9_]*)|(\s+)|([^\sA-Za-z0-9_']+)/g;
const WORDS = new Set(["and", "or", "not", "between", "in", "crosses_above", "crosses_below", "true", "false", "by"]);
const MOST = 12;

/** An editor; `changed` is told of every text, `names` gives the vocabulary. */
export class Editor {
  constructor({ label, value = "", placeholder = "", changed, names, rows = 1 }) {
    this.changed = changed;
    this.names = names;
    this.at = 0;
    this.found = [];
    this.area = h("textarea", { rows, spellcheck: false, autocomplete: "off", autocapitalize: "off", maxlength: "4096", placeholder, "aria-label": label, role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event), onblur: () => setTimeout(() => this.close(), 150), onclick: () => this.close() });
    this.paint = h("pre", { "aria-hidden": "true" });
    this.list = h("ul", { class: "choices", role: "listbox", hidden: true, "aria-label": "Completions" });
    this.box = h("div", { class: "editor" }, this.paint, this.area, this.list);
    this.says = h("div", { class: "says", role: "status" });
    this.element = h("div", {}, this.box, this.says);
    this.set(value);
  }

  get value() { return this.area.value; }

  /** Put another text in place, without telling anybody. */
  set(text) {
    this.area.value = text;
    this.wrong(null);
    this.resize();
  }

  /** Say what is wrong, and where; null if nothing is. */
  wrong(problem) {
    this.problem = problem;
    this.box.classList.toggle("wrong", problem !== null);
    this.says.classList.toggle("wrong", problem !== null);
    this.area.setAttribute("aria-invalid", String(problem !== null));
    put(this.says, problem === null ? "" : problem.why, problem?.hint ? h("span", { class: "soft" }, `  ${problem.hint}`) : null);
    this.colour();
  }

  /** Say something that is not an error. */
  note(text) { if (this.problem === null || this.problem === undefined) put(this.says, text); }

  typed() {
    this.colour();
    this.resize();
    this.complete();
    this.changed(this.value);
  }

  resize() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.max(this.area.scrollHeight, 39)}px`;
    this.colour();
  }

  colour() {
    const text = this.value, parts = [], wrong = this.problem && this.problem.start >= 0 ? this.problem.start : -1;
    for (const found of text.matchAll(TOKEN)) {
      const [all, string, numeral, name] = found;
      const kind = string ? "str" : numeral ? "num" : name ? (WORDS.has(name) ? "word" : "name") : "op";
      const here = wrong >= found.index && wrong < found.index + all.length && all.trim();
      parts.push(h("span", { class: here ? `${kind} here` : kind }, all));
    }
    if (wrong >= text.length && wrong >= 0) parts.push(h("span", { class: "here" }, " "));
    put(this.paint, parts, "\u200b");
  }

  complete() {
    const before = this.value.slice(0, this.area.selectionStart), word = /[A-Za-z_][A-Za-z0-9_]*$/.exec(before)?.[0] || "";
    if (word.length < 1 || before.split("'").length % 2 === 0) { this.close(); return; }
    const low = word.toLowerCase(), names = this.names();
    const begins = names.filter((n) => n.write.toLowerCase().startsWith(low)), holds = names.filter((n) => !begins.includes(n) && n.write.includes(low));
    this.found = [...begins, ...holds].filter((n) => n.write !== word).slice(0, MOST);
    this.word = word;
    this.at = 0;
    if (!this.found.length) { this.close(); return; }
    this.list.hidden = false;
    this.area.setAttribute("aria-expanded", "true");
    this.drawChoices();
  }

  drawChoices() {
    put(this.list, this.found.map((n, k) => h("li", { role: "option", "aria-selected": String(k === this.at), onmousedown: (event) => { event.preventDefault(); this.at = k; this.take(); } },
      h("code", {}, n.write), h("span", { class: "what" }, n.says), h("span", { class: "kind" }, n.kind))));
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  take() {
    const end = this.area.selectionStart, start = end - this.word.length, chosen = this.found[this.at].write;
    this.area.setRangeText(chosen, start, end, "end");
    if (chosen.endsWith("()")) this.area.selectionStart = this.area.selectionEnd = start + chosen.length - 1;
    this.close();
    this.colour();
    this.resize();
    this.changed(this.value);
  }

  close() {
    this.list.hidden = true;
    this.area.setAttribute("aria-expanded", "false");
  }

  key(event) {
    if (this.list.hidden) {
      if (event.key === "Enter" && !event.shiftKey) event.preventDefault();
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : this.found.length - 1)) % this.found.length;
      this.drawChoices();
    } else if (event.key === "Tab" || event.key === "Enter") { event.preventDefault(); this.take(); } else if (event.key === "Escape") { event.stopPropagation(); this.close(); }
  }
}

/** Columns as chips: each an expression that can be taken away, and a place to write another. */
export class Chips {
  constructor({ label, values, changed, suggest = [] }) {
    this.values = [...values];
    this.changed = changed;
    const id = `list-${Math.random().toString(36).slice(2)}`;
    this.input = h("input", { "aria-label": label, placeholder: "add, e.g. rsi(14)", maxlength: "400", onkeydown: (event) => this.key(event), onchange: () => this.add() });
    this.input.setAttribute("list", id);
    this.options = h("datalist", { id }, suggest.map((text) => h("option", { value: text })));
    this.element = h("div", { class: "chips" });
    this.draw();
  }

  set(values) { this.values = [...values]; this.draw(); }

  draw() {
    put(this.element, this.values.map((text, k) => h("span", { class: "chip" }, text, h("button", { type: "button", "aria-label": `remove ${text}`, onclick: () => {
      this.values.splice(k, 1);
      this.draw();
      this.changed(this.values);
    } }, "×"))), this.input, this.options);
  }

  add() {
    const text = this.input.value.trim();
    if (!text || this.values.includes(text)) return;
    this.values.push(text);
    this.input.value = "";
    this.draw();
    this.changed(this.values);
    this.input.focus();
  }

  key(event) {
    if (event.key === "Enter") { event.preventDefault(); this.add(); }
    if (event.key === "Backspace" && !this.input.value && this.values.length) { this.values.pop(); this.draw(); this.changed(this.values); this.input.focus(); }
  }
}
