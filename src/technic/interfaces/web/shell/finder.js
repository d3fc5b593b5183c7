// A symbol by its ticker or its name.

import { getJson } from "../base/api.js";
import { h, setChildren } from "../base/dom.js";
import { symbolHref } from "../base/links.js";
import { debounce } from "../base/timing.js";

const PAUSE_MS = 70;
const BLUR_MS = 150; // a press on a match comes before the list goes
const MOST = 12;

/** The field in the bar on top, with the matches of what is typed below it. */
class Finder {
  constructor() {
    this.matches = [];
    this.current = 0;
    this.lookups = 0;
    const attributes = { class: "choices", role: "listbox", hidden: true, "aria-label": "Symbols" };
    this.list = h("ul", attributes);
    this.input = this.createInput();
    this.element = h("div", { class: "find" }, this.input, this.list);
  }

  createInput() {
    return h("input", {
      type: "search",
      placeholder: "Symbol  /",
      "aria-label": "Find a symbol",
      maxlength: "40",
      oninput: debounce(PAUSE_MS, () => this.lookUp()),
      onblur: () => setTimeout(() => this.close(), BLUR_MS),
      onkeydown: (event) => this.onKey(event),
    });
  }

  close() {
    this.list.hidden = true;
  }

  open(symbol) {
    this.close();
    this.input.value = "";
    location.hash = symbolHref(symbol);
  }

  async lookUp() {
    this.lookups += 1;
    const lookup = this.lookups;
    const text = this.input.value.trim();
    if (!text) {
      this.close();
      return;
    }
    const path = `symbols?limit=${MOST}&q=${encodeURIComponent(text)}`;
    const matches = await getJson(path).catch(() => []);
    if (lookup !== this.lookups) return; // another one was begun since
    this.matches = matches;
    this.current = 0;
    this.list.hidden = !matches.length;
    this.draw();
  }

  draw() {
    setChildren(
      this.list,
      this.matches.map((match, k) => this.renderMatch(match, k)),
    );
  }

  renderMatch({ symbol, name, sector, type }, k) {
    const attributes = {
      role: "option",
      "aria-selected": String(k === this.current),
      onmousedown: () => this.open(symbol),
    };
    return h(
      "li",
      attributes,
      h("strong", {}, symbol),
      h("span", { class: "what" }, name || ""),
      h("span", { class: "kind" }, sector || type || ""),
    );
  }

  move(step) {
    const { length } = this.matches;
    this.current = (this.current + step + length) % Math.max(length, 1);
    this.draw();
  }

  onKey(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    }
    if (event.key === "Enter" && this.matches.length) this.open(this.matches[this.current].symbol);
    if (event.key === "Escape") {
      this.close();
      this.input.blur();
    }
  }
}

/** The finder's element. */
export function createFinder() {
  return new Finder().element;
}
