// Candles with volume, lines over them, marks of what happened, a plan; wheel and fingers zoom.

import { h, put } from "./dom.js";
import { number, whole } from "./format.js";

const TALL = 460, RIGHT = 66, BOTTOM = 22, VOLUME = 0.17, HUES = ["--two", "--three", "--six", "--four", "--five"];
const MARKS = { split: "S", dividend: "D", filing: "F" };

/** A chart of an answer of /symbols/X. */
export class Candles {
  constructor() {
    this.canvas = h("canvas", { role: "img", tabindex: "0", style: { height: `${TALL}px` }, onwheel: (event) => this.wheel(event), onpointermove: (event) => this.move(event), onpointerdown: (event) => this.down(event), onpointerup: () => { this.drag = null; }, onpointerleave: () => { this.cross = null; this.drag = null; this.draw(); }, onkeydown: (event) => this.key(event) });
    this.legend = h("div", { class: "row small soft", style: { minHeight: "24px" } });
    this.element = h("div", {}, this.legend, this.canvas);
    this.plan = null;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    document.addEventListener("technic:theme", () => this.draw());
  }

  show(data) {
    this.data = data;
    this.n = data.close.length;
    this.count = Math.min(this.n, Math.max(40, Math.min(126, Math.round((this.canvas.clientWidth || 700) / 6))));
    this.end = this.n;
    this.canvas.setAttribute("aria-label", `${data.symbol}: ${this.n} daily bars to ${data.as_of}, last close ${number(data.close[this.n - 1])}`);
    this.draw();
  }

  /** Show so many bars, ending with the newest. */
  span(bars) { this.count = Math.max(10, Math.min(bars, this.n)); this.end = this.n; this.draw(); }

  colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  draw() {
    const wide = this.canvas.clientWidth;
    if (!this.data || !wide || !this.n) return;
    const ratio = window.devicePixelRatio || 1, pen = this.canvas.getContext("2d");
    this.canvas.width = wide * ratio;
    this.canvas.height = TALL * ratio;
    pen.scale(ratio, ratio);
    pen.font = "11px system-ui, sans-serif";
    const first = Math.max(this.end - this.count, 0), last = this.end, d = this.data;
    const lines = Object.entries(d.indicators), onPrice = lines.filter(([name]) => this.isPrice(name));
    const values = [...d.low.slice(first, last), ...d.high.slice(first, last), ...onPrice.flatMap(([, v]) => v.slice(first, last)), ...this.planLevels()].filter((v) => v !== null && Number.isFinite(v));
    let low = Math.min(...values), high = Math.max(...values);
    const room = (high - low) * 0.05 || 1;
    low -= room; high += room;
    const below = lines.length > onPrice.length ? 92 : 0, base = TALL - BOTTOM - below;
    const x = (k) => (wide - RIGHT) * (k - first + 0.5) / (last - first), y = (v) => 8 + (base - 8) * (1 - VOLUME * 0.5) * (high - v) / (high - low);
    this.view = { first, last, x, y, wide, low, high, base };
    this.axes(pen, low, high, y, first, last, x, wide, base);
    this.volume(pen, first, last, x, base, wide);
    this.bars(pen, first, last, x, y, wide);
    onPrice.forEach(([, v], k) => this.stroke(pen, v, first, last, x, y, HUES[k % HUES.length]));
    if (below) this.lower(pen, lines.filter(([name]) => !this.isPrice(name)), first, last, x, wide, base, below, onPrice.length);
    this.drawPlan(pen, y, wide);
    this.events(pen, first, last, x, base);
    this.crosshair(pen, x, y, wide, base);
    this.tell();
  }

  isPrice(name) {
    const last = this.data.indicators[name].findLast((v) => v !== null), close = this.data.close[this.n - 1];
    return last !== undefined && last > close / 4 && last < close * 4 && !/^(rsi|adx|stoch|mfi|aroon|cci)/.test(name);
  }

  axes(pen, low, high, y, first, last, x, wide, base) {
    pen.strokeStyle = this.colour("--line"); pen.fillStyle = this.colour("--soft"); pen.lineWidth = 1;
    const raw = (high - low) / 6, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    for (let v = Math.ceil(low / step) * step; v < high; v += step) {
      pen.beginPath(); pen.moveTo(0, y(v)); pen.lineTo(wide - RIGHT, y(v)); pen.stroke();
      pen.fillText(number(v, step < 1 ? 2 : 0), wide - RIGHT + 8, y(v) + 4);
    }
    let month = "", free = -99;
    for (let k = first; k < last; k += 1) {
      const now = this.data.session[k].slice(0, 7);
      if (now !== month && x(k) - free > 58) { if (month) pen.fillText(now, x(k), TALL - 7); free = x(k); }
      month = now;
    }
    pen.beginPath(); pen.moveTo(0, base); pen.lineTo(wide - RIGHT, base); pen.stroke();
  }

  volume(pen, first, last, x, base, wide) {
    const most = Math.max(...this.data.volume.slice(first, last), 1), step = (wide - RIGHT) / (last - first);
    for (let k = first; k < last; k += 1) {
      pen.fillStyle = this.colour(this.data.close[k] >= this.data.open[k] ? "--up-wash" : "--down-wash");
      const tall = (base - 8) * VOLUME * this.data.volume[k] / most;
      pen.fillRect(x(k) - step * 0.38, base - tall, Math.max(step * 0.76, 1), tall);
    }
  }

  bars(pen, first, last, x, y, wide) {
    const step = (wide - RIGHT) / (last - first), d = this.data, up = this.colour("--up"), down = this.colour("--down");
    for (let k = first; k < last; k += 1) {
      const rose = d.close[k] >= d.open[k];
      pen.strokeStyle = pen.fillStyle = rose ? up : down;
      pen.beginPath(); pen.moveTo(Math.round(x(k)) + 0.5, y(d.high[k])); pen.lineTo(Math.round(x(k)) + 0.5, y(d.low[k])); pen.stroke();
      const top = y(Math.max(d.open[k], d.close[k])), tall = Math.max(Math.abs(y(d.open[k]) - y(d.close[k])), 1), half = Math.max(step * 0.36, 0.5);
      if (rose && step > 5) { pen.fillStyle = this.colour("--raised"); pen.fillRect(x(k) - half, top, 2 * half, tall); pen.strokeRect(x(k) - half, top, 2 * half, tall); } else pen.fillRect(x(k) - half, top, 2 * half, tall);
    }
  }

  stroke(pen, values, first, last, x, y, hue) {
    pen.strokeStyle = this.colour(hue); pen.lineWidth = 1.5; pen.beginPath();
    let gap = true;
    for (let k = first; k < last; k += 1) {
      if (values[k] === null) { gap = true; continue; }
      if (gap) pen.moveTo(x(k), y(values[k])); else pen.lineTo(x(k), y(values[k]));
      gap = false;
    }
    pen.stroke(); pen.lineWidth = 1;
  }

  lower(pen, lines, first, last, x, wide, base, tall, used) {
    const known = lines.flatMap(([, v]) => v.slice(first, last)).filter((v) => v !== null);
    const low = Math.min(...known), high = Math.max(...known, low + 1e-9), y = (v) => base + tall - 6 - (tall - 18) * (v - low) / (high - low);
    pen.fillStyle = this.colour("--soft");
    for (const v of [low, high]) pen.fillText(number(v), wide - RIGHT + 8, y(v) + 4);
    lines.forEach(([, v], k) => this.stroke(pen, v, first, last, x, y, HUES[(used + k) % HUES.length]));
  }

  planLevels() { return this.plan ? [this.plan.entry, this.plan.stop, this.plan.target].filter((v) => v !== null) : []; }

  drawPlan(pen, y, wide) {
    if (!this.plan) return;
    for (const [name, hue] of [["target", "--up"], ["entry", "--accent"], ["stop", "--down"]]) {
      const v = this.plan[name];
      if (v === null || v === undefined) continue;
      pen.strokeStyle = pen.fillStyle = this.colour(hue); pen.setLineDash([6, 4]);
      pen.beginPath(); pen.moveTo(0, y(v)); pen.lineTo(wide - RIGHT, y(v)); pen.stroke(); pen.setLineDash([]);
      pen.fillText(`${name} ${number(v)}`, 6, y(v) - 4);
    }
  }

  events(pen, first, last, x, base) {
    const place = new Map(this.data.session.map((day, k) => [day, k]));
    for (const event of this.data.events) {
      let k = place.get(event.date);
      if (k === undefined) k = this.data.session.findIndex((day) => day >= event.date);
      if (k < first || k >= last || k < 0) continue;
      pen.fillStyle = this.colour(event.kind === "split" ? "--four" : event.kind === "filing" ? "--six" : "--five");
      pen.beginPath(); pen.arc(x(k), base - 9, 7, 0, 7); pen.fill();
      pen.fillStyle = this.colour("--raised"); pen.textAlign = "center"; pen.fillText(MARKS[event.kind] || "·", x(k), base - 5); pen.textAlign = "left";
    }
  }

  crosshair(pen, x, y, wide, base) {
    if (!this.cross) return;
    const { first, last } = this.view, k = Math.max(first, Math.min(last - 1, Math.floor(first + this.cross.x / ((wide - RIGHT) / (last - first)))));
    this.pointed = k;
    pen.strokeStyle = this.colour("--faint"); pen.setLineDash([2, 3]); pen.beginPath(); pen.moveTo(x(k), 0); pen.lineTo(x(k), base); pen.moveTo(0, this.cross.y); pen.lineTo(wide - RIGHT, this.cross.y); pen.stroke(); pen.setLineDash([]);
  }

  tell() {
    const d = this.data, k = this.cross ? this.pointed : this.n - 1, before = k > 0 ? d.close[k - 1] : null, move = before ? 100 * (d.close[k] / before - 1) : null;
    const named = Object.entries(d.indicators).map(([name, v], j) => h("span", { style: { color: this.colour(HUES[j % HUES.length]) } }, `${name} ${number(v[k])}`));
    const happened = d.events.filter((e) => e.date === d.session[k]).map((e) => h("strong", {}, e.kind === "filing" ? `filed ${e.text || ""}` : `${e.kind} ${number(e.value)}`));
    put(this.legend, h("span", {}, d.session[k]), h("span", {}, `O ${number(d.open[k])}  H ${number(d.high[k])}  L ${number(d.low[k])}  C ${number(d.close[k])}`), move === null ? null : h("span", { class: move >= 0 ? "up" : "down" }, `${move >= 0 ? "+" : "−"}${Math.abs(move).toFixed(2)} %`), h("span", {}, `V ${whole(d.volume[k])}`), named, happened);
  }

  zoom(factor, share = 1) {
    const count = Math.max(10, Math.min(this.n, Math.round(this.count * factor)));
    this.end = Math.max(count, Math.min(this.n, Math.round(this.end - (this.count - count) * (1 - share))));
    this.count = count;
    this.draw();
  }

  pan(bars) { this.end = Math.max(this.count, Math.min(this.n, this.end + bars)); this.draw(); }

  wheel(event) {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(Math.sign(event.deltaX) * 3);
    else this.zoom(event.deltaY > 0 ? 1.12 : 0.89, event.offsetX / (this.canvas.clientWidth - RIGHT));
  }

  down(event) { this.drag = { x: event.offsetX, end: this.end }; this.canvas.setPointerCapture(event.pointerId); }

  move(event) {
    this.cross = { x: event.offsetX, y: event.offsetY };
    if (this.drag) {
      const step = (this.canvas.clientWidth - RIGHT) / this.count;
      this.end = Math.max(this.count, Math.min(this.n, this.drag.end - Math.round((event.offsetX - this.drag.x) / step)));
    }
    this.draw();
  }

  key(event) {
    const acts = { ArrowLeft: () => this.pan(-5), ArrowRight: () => this.pan(5), "+": () => this.zoom(0.8), "-": () => this.zoom(1.25), Home: () => this.span(this.n) };
    if (event.key in acts) { event.preventDefault(); acts[event.key](); }
  }
}
