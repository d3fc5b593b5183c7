// Candles with volume, lines over them, marks of what happened, a plan; wheel and fingers zoom.

import { h, setChildren } from "../../base/dom.js";
import { formatNumber } from "../../base/format.js";
import { preparePen, redrawOnChange } from "../canvas.js";
import { HEIGHT, SCALE_WIDTH, barAt, createFrame } from "./frame.js";
import { renderLegend } from "./legend.js";
import { paintCross, paintEvents, paintPlan } from "./overlays.js";
import { paintAxes, paintCandles, paintPanel, paintPriceLines, paintVolume } from "./painting.js";

const LEAST_BARS = 10;
const WHEEL_BARS = 3;
const KEY_BARS = 5;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** A chart of an answer of /symbols/X: `count` bars of it, before the bar `end`. */
export class CandleChart {
  constructor() {
    this.data = null;
    this.plan = null;
    this.pointer = null;
    this.drag = null;
    this.canvas = this.createCanvas();
    const style = { minHeight: "24px" };
    this.legend = h("div", { class: "row small soft", style });
    this.element = h("div", {}, this.legend, this.canvas);
    redrawOnChange(this.canvas, () => this.draw());
  }

  createCanvas() {
    return h("canvas", {
      role: "img",
      tabindex: "0",
      style: { height: `${HEIGHT}px` },
      onwheel: (event) => this.onWheel(event),
      onpointermove: (event) => this.onPointerMove(event),
      onpointerdown: (event) => this.onPointerDown(event),
      onpointerup: () => this.onPointerUp(),
      onpointerleave: () => this.onPointerLeave(),
      onkeydown: (event) => this.onKey(event),
    });
  }

  get total() {
    return this.data ? this.data.close.length : 0;
  }

  show(data) {
    this.data = data;
    const fitting = Math.round((this.canvas.clientWidth || 700) / 6);
    this.count = Math.min(this.total, clamp(fitting, 40, 126));
    this.end = this.total;
    const close = formatNumber(data.close[this.total - 1]);
    const label = `${data.symbol}: ${this.total} daily bars to ${data.as_of}, last close ${close}`;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }

  /** Draw a plan over the chart; null takes it away. */
  showPlan(plan) {
    this.plan = plan;
    this.draw();
  }

  /** Show so many bars, ending with the newest. */
  showNewest(bars) {
    this.count = clamp(bars, LEAST_BARS, this.total);
    this.end = this.total;
    this.draw();
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!this.data || !width || !this.total) return;
    const pen = preparePen(this.canvas, width, HEIGHT);
    pen.font = "11px system-ui, sans-serif";
    const first = Math.max(this.end - this.count, 0);
    const { data, end, plan } = this;
    const frame = createFrame({ pen, data, first, end, plan, width });
    paintAxes(frame);
    paintVolume(frame);
    paintCandles(frame);
    paintPriceLines(frame);
    paintPanel(frame);
    paintPlan(frame);
    paintEvents(frame);
    paintCross(frame, this.pointer);
    const pointed = this.pointer ? barAt(frame, this.pointer.x) : this.total - 1;
    setChildren(this.legend, renderLegend(data, pointed));
  }

  /** Show more bars or fewer; the bar at this share of the width stays where it is. */
  zoom(factor, share = 1) {
    const count = clamp(Math.round(this.count * factor), LEAST_BARS, this.total);
    const end = Math.round(this.end - (this.count - count) * (1 - share));
    this.end = clamp(end, count, this.total);
    this.count = count;
    this.draw();
  }

  /** Move the last bar that is shown, as far as there are bars. */
  moveEndTo(end) {
    this.end = clamp(end, this.count, this.total);
    this.draw();
  }

  onWheel(event) {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.moveEndTo(this.end + Math.sign(event.deltaX) * WHEEL_BARS);
      return;
    }
    const share = event.offsetX / (this.canvas.clientWidth - SCALE_WIDTH);
    this.zoom(event.deltaY > 0 ? 1.12 : 0.89, share);
  }

  onPointerDown(event) {
    this.drag = { x: event.offsetX, end: this.end };
    this.canvas.setPointerCapture(event.pointerId);
  }

  onPointerMove(event) {
    this.pointer = { x: event.offsetX, y: event.offsetY };
    if (!this.drag) {
      this.draw();
      return;
    }
    const barWidth = (this.canvas.clientWidth - SCALE_WIDTH) / this.count;
    this.moveEndTo(this.drag.end - Math.round((event.offsetX - this.drag.x) / barWidth));
  }

  onPointerUp() {
    this.drag = null;
  }

  onPointerLeave() {
    this.pointer = null;
    this.drag = null;
    this.draw();
  }

  onKey(event) {
    const acts = {
      ArrowLeft: () => this.moveEndTo(this.end - KEY_BARS),
      ArrowRight: () => this.moveEndTo(this.end + KEY_BARS),
      "+": () => this.zoom(0.8),
      "-": () => this.zoom(1.25),
      Home: () => this.showNewest(this.total),
    };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }
}
