// A grid of thousands of rows, of which only those in sight are elements. Sort, filter, arrow keys.

import { h, put } from "./dom.js";
import { heading, number } from "./format.js";
import { spark } from "./draw.js";

const TALL = 30, MARGIN = 12, LEAD = [["rank", "#", 52], ["symbol", "Symbol", 92], ["name", "Name", 190], ["sector", "Sector", 150], ["score", "Score", 128]];

/** A grid over the columns of an answer of /grid. */
export class Grid {
  constructor({ open, sparks }) {
    this.open = open;
    this.sparks = sparks;
    this.sort = { key: "rank", down: false };
    this.filter = "";
    this.fresh = new Set();
    this.held = new Map();
    this.cols = h("div", { class: "cols", role: "row" });
    this.lines = h("div", { class: "lines", role: "rowgroup" });
    this.element = h("div", { class: "grid", role: "grid", tabindex: "0", "aria-label": "Results", onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.cols, this.lines);
    this.at = -1;
    new ResizeObserver(() => this.draw(true)).observe(this.element);
    this.show({ columns: [], grid: { symbol: [], name: [], sector: [], score: [], percentile: [], values: {} } });
  }

  /** Show another answer; the sort and the filter stay. */
  show(answer) {
    this.answer = answer;
    this.n = answer.grid.symbol.length;
    this.columns = [...LEAD, ...answer.columns.map((text) => [text, heading(text), Math.max(92, Math.min(190, 26 + 7.4 * heading(text).length))])];
    if (this.sparks) this.columns.splice(2, 0, ["spark", "20 bars", 104]);
    if (!this.columns.some(([key]) => key === this.sort.key)) this.sort = { key: "rank", down: false };
    this.arrange();
  }

  value(key, i) {
    const g = this.answer.grid;
    if (key === "rank") return i + 1;
    return key in g && key !== "values" ? g[key][i] : g.values[key]?.[i];
  }

  arrange() {
    const wanted = this.filter.toLowerCase(), { key, down } = this.sort, g = this.answer.grid;
    let order = Array.from({ length: this.n }, (_, i) => i);
    if (wanted) order = order.filter((i) => `${g.symbol[i]} ${g.name[i] || ""} ${g.sector[i] || ""}`.toLowerCase().includes(wanted));
    if (key !== "rank" || down) {
      const sign = down ? -1 : 1;
      order.sort((a, b) => {
        const x = this.value(key, a), y = this.value(key, b);
        if (x === y) return a - b;
        if (x === null || x === undefined) return 1;
        if (y === null || y === undefined) return -1;
        return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
      });
    }
    this.order = order;
    this.lines.style.height = `${order.length * TALL}px`;
    this.element.setAttribute("aria-rowcount", String(order.length + 1));
    put(this.cols, this.columns.map(([name, title, wide]) => h("div", {
      class: `cell ${this.numeric(name) ? "num" : ""} ${name === "symbol" ? "pin" : ""}`, style: { width: `${wide}px` }, role: "columnheader", title: name,
      "aria-sort": name === key ? (down ? "descending" : "ascending") : null, onclick: () => this.by(name),
    }, title, name === key && name !== "rank" ? (down ? " ↓" : " ↑") : "")));
    this.at = Math.min(this.at, order.length - 1);
    this.draw(true);
  }

  numeric(key) {
    if (["symbol", "name", "sector", "spark", "score"].includes(key)) return false;
    return key === "rank" || typeof (this.answer.grid.values[key] || []).find((v) => v !== null) !== "string";
  }

  by(key) {
    if (key === "spark") return;
    const first = !["rank", "symbol", "name", "sector"].includes(key);
    this.sort = this.sort.key === key ? { key, down: !this.sort.down } : { key, down: first };
    this.arrange();
  }

  draw(anew = false) {
    if (anew) { this.held.clear(); this.lines.replaceChildren(); }
    const top = this.element.scrollTop, tall = this.element.clientHeight || 600;
    const first = Math.max(Math.floor(top / TALL) - MARGIN, 0), last = Math.min(Math.ceil((top + tall) / TALL) + MARGIN, this.order.length);
    for (const [place, line] of this.held) {
      if (place < first || place >= last) { line.remove(); this.held.delete(place); }
    }
    const made = document.createDocumentFragment();
    for (let place = first; place < last; place += 1) {
      if (!this.held.has(place)) {
        const line = this.line(place);
        this.held.set(place, line);
        made.append(line);
      }
    }
    this.lines.append(made);
    if (this.sparks) this.sparks(Array.from(this.held.keys()).map((p) => this.answer.grid.symbol[this.order[p]]), () => this.draw(true));
  }

  line(place) {
    const i = this.order[place], symbol = this.answer.grid.symbol[i];
    return h("div", { class: `line ${place === this.at ? "at" : ""} ${this.fresh.has(symbol) ? "fresh" : ""}`, role: "row", "aria-rowindex": String(place + 2), "data-symbol": symbol,
      style: { transform: `translateY(${place * TALL}px)` }, onclick: () => this.open(symbol) }, this.columns.map(([key, , wide]) => this.cell(key, i, symbol, wide)));
  }

  cell(key, i, symbol, wide) {
    const value = this.value(key, i), style = { width: `${wide}px` };
    if (key === "symbol") return h("div", { class: "cell pin", role: "gridcell", style }, h("span", { class: "sym" }, value));
    if (key === "spark") {
      const closes = this.sparks.held.get(symbol);
      return h("div", { class: "cell", role: "gridcell", style }, closes ? spark(closes) : null);
    }
    if (key === "score") {
      const share = this.answer.grid.percentile[i] ?? 0;
      return h("div", { class: "cell", role: "gridcell", style, title: `percentile ${number(share, 1)}` }, h("span", { class: "meter" }, h("i", { style: { width: `${share}%` } })), number(value, 1));
    }
    if (key === "rank") return h("div", { class: "cell num faint", role: "gridcell", style }, value);
    const text = number(value);
    const signed = typeof value === "number" && /^(100 \* )?ret\(|^from_/.test(key);
    return h("div", { class: `cell ${this.numeric(key) ? "num" : ""} ${signed ? (value > 0 ? "up" : "down") : ""}`, role: "gridcell", style, title: typeof value === "string" ? value : null }, text);
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 };
    if (event.key in steps) {
      event.preventDefault();
      this.at = Math.max(0, Math.min(this.order.length - 1, this.at + steps[event.key]));
      const y = this.at * TALL, tall = this.element.clientHeight - 34;
      if (y < this.element.scrollTop) this.element.scrollTop = y;
      if (y + TALL > this.element.scrollTop + tall) this.element.scrollTop = y + TALL - tall;
      this.draw(true);
    } else if (event.key === "Enter" && this.at >= 0) this.open(this.answer.grid.symbol[this.order[this.at]]);
  }
}
