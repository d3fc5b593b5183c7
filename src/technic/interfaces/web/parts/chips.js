// Columns as chips: each an expression that can be taken away, and a place to write another.

import { h, setChildren } from "../base/dom.js";

/** A row of chips; `onChange` is told when one comes or goes. */
export class Chips {
  constructor({ label, values, suggestions = [], onChange }) {
    this.values = [...values];
    this.onChange = onChange;
    const id = `list-${Math.random().toString(36).slice(2)}`;
    this.input = this.createInput(label, id);
    const options = suggestions.map((text) => h("option", { value: text }));
    this.options = h("datalist", { id }, options);
    this.element = h("div", { class: "chips" });
    this.draw();
  }

  createInput(label, list) {
    return h("input", {
      "aria-label": label,
      placeholder: "add, e.g. rsi(14)",
      maxlength: "400",
      list,
      onkeydown: (event) => this.onKey(event),
      onchange: () => this.addTyped(),
    });
  }

  /** Put other values in place, without telling anybody. */
  setValues(values) {
    this.values = [...values];
    this.draw();
  }

  draw() {
    const chips = this.values.map((text, k) => this.renderChip(text, k));
    setChildren(this.element, chips, this.input, this.options);
  }

  renderChip(text, k) {
    const attributes = {
      type: "button",
      "aria-label": `remove ${text}`,
      onclick: () => this.removeAt(k),
    };
    return h("span", { class: "chip" }, text, h("button", attributes, "×"));
  }

  removeAt(k) {
    this.values.splice(k, 1);
    this.draw();
    this.onChange();
  }

  addTyped() {
    const text = this.input.value.trim();
    if (!text || this.values.includes(text)) return;
    this.values.push(text);
    this.input.value = "";
    this.draw();
    this.onChange();
    this.input.focus();
  }

  onKey(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.addTyped();
    }
    if (event.key === "Backspace" && !this.input.value && this.values.length) {
      this.removeAt(this.values.length - 1);
      this.input.focus();
    }
  }
}
