// A grid of thousands of rows, of which only those in sight are elements. Sort, filter, arrow keys.

import { h, setChildren } from "../../base/dom.js";
import { renderCell, renderHeading } from "./cells.js";
import { arrangeRows, columnsOf, nextSort } from "./columns.js";

const ROW_HEIGHT = 30;
const HEAD_HEIGHT = 34;
const OVERSCAN = 12; // rows drawn beyond either edge
const UNSEEN_HEIGHT = 600; // until the grid is laid out
const BY_RANK = { key: "rank", isDescending: false };
const NO_ROWS = { symbol: [], name: [], sector: [], score: [], percentile: [], values: {} };
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 };

/** A grid over the columns of an answer of /grid. */
export class Grid {
  constructor({ onOpen, sparks = null }) {
    this.onOpen = onOpen;
    this.sparks = sparks;
    this.sort = BY_RANK;
    this.filter = "";
    this.freshSymbols = new Set();
    this.drawnRows = new Map();
    this.current = -1;
    this.createElements();
    new ResizeObserver(() => this.redraw()).observe(this.element);
    this.show({ columns: [], grid: NO_ROWS });
  }

  createElements() {
    this.head = h("div", { class: "cols", role: "row" });
    this.body = h("div", { class: "lines", role: "rowgroup" });
    const attributes = {
      class: "grid",
      role: "grid",
      tabindex: "0",
      "aria-label": "Results",
      onscroll: () => this.draw(),
      onkeydown: (event) => this.onKey(event),
    };
    this.element = h("div", attributes, this.head, this.body);
  }

  /** Show another answer; the sort and the filter stay. */
  show(answer) {
    this.answer = answer;
    this.columns = columnsOf(answer, this.sparks !== null);
    if (!this.columns.some(({ key }) => key === this.sort.key)) this.sort = BY_RANK;
    this.arrange();
  }

  /** Show only rows that hold a text. */
  filterBy(text) {
    this.filter = text;
    this.arrange();
  }

  /** Mark symbols as new in the answer. */
  markFresh(symbols) {
    this.freshSymbols = new Set(symbols);
    this.arrange();
  }

  arrange() {
    this.order = arrangeRows(this.answer, this.sort, this.filter);
    this.body.style.height = `${this.order.length * ROW_HEIGHT}px`;
    this.element.setAttribute("aria-rowcount", String(this.order.length + 1));
    const renderColumn = (column) =>
      renderHeading(this.answer, column, this.sort, () => this.sortBy(column.key));
    setChildren(this.head, this.columns.map(renderColumn));
    this.current = Math.min(this.current, this.order.length - 1);
    this.redraw();
  }

  sortBy(key) {
    if (key === "spark") return;
    this.sort = nextSort(this.sort, key);
    this.arrange();
  }

  symbolAt(place) {
    return this.answer.grid.symbol[this.order[place]];
  }

  /** The first place in sight, and the first beyond. */
  visiblePlaces() {
    const top = this.element.scrollTop;
    const height = this.element.clientHeight || UNSEEN_HEIGHT;
    const first = Math.floor(top / ROW_HEIGHT) - OVERSCAN;
    const end = Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN;
    return [Math.max(first, 0), Math.min(end, this.order.length)];
  }

  redraw() {
    this.drawnRows.clear();
    this.body.replaceChildren();
    this.draw();
  }

  draw() {
    const [first, end] = this.visiblePlaces();
    this.dropRows(first, end);
    this.addRows(first, end);
    if (!this.sparks) return;
    const symbols = Array.from(this.drawnRows.keys(), (place) => this.symbolAt(place));
    this.sparks.request(symbols, () => this.redraw());
  }

  dropRows(first, end) {
    for (const [place, row] of this.drawnRows) {
      if (place >= first && place < end) continue;
      row.remove();
      this.drawnRows.delete(place);
    }
  }

  addRows(first, end) {
    const added = document.createDocumentFragment();
    for (let place = first; place < end; place += 1) {
      if (this.drawnRows.has(place)) continue;
      const row = this.renderRow(place);
      this.drawnRows.set(place, row);
      added.append(row);
    }
    this.body.append(added);
  }

  renderRow(place) {
    const symbol = this.symbolAt(place);
    const current = place === this.current ? "at" : "";
    const fresh = this.freshSymbols.has(symbol) ? "fresh" : "";
    const attributes = {
      class: `line ${current} ${fresh}`,
      role: "row",
      "aria-rowindex": String(place + 2),
      "data-symbol": symbol,
      style: { transform: `translateY(${place * ROW_HEIGHT}px)` },
      onclick: () => this.onOpen(symbol),
    };
    const cells = this.columns.map((column) => renderCell(this, column, this.order[place]));
    return h("div", attributes, cells);
  }

  onKey(event) {
    if (event.key in STEPS) {
      event.preventDefault();
      this.moveTo(this.current + STEPS[event.key]);
    } else if (event.key === "Enter" && this.current >= 0) {
      this.onOpen(this.symbolAt(this.current));
    }
  }

  moveTo(place) {
    this.current = Math.max(0, Math.min(this.order.length - 1, place));
    const top = this.current * ROW_HEIGHT;
    const height = this.element.clientHeight - HEAD_HEIGHT;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    if (top + ROW_HEIGHT > this.element.scrollTop + height) {
      this.element.scrollTop = top + ROW_HEIGHT - height;
    }
    this.redraw();
  }
}
