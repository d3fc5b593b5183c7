// What stands over a chart: a plan, what happened, and the cross under the pointer.

import { formatNumber } from "../../base/format.js";
import { strokeLine, themeColour } from "../canvas.js";
import { barAt } from "./frame.js";

const LEVELS = [
  ["target", "--up"],
  ["entry", "--accent"],
  ["stop", "--down"],
];
const EVENT_MARKS = { split: "S", dividend: "D", filing: "F" };
const EVENT_HUES = { split: "--four", filing: "--six" };
const OTHER_EVENT_HUE = "--five";

/** The levels of a plan, each with its name. */
export function paintPlan({ pen, plan, y, right }) {
  if (!plan) return;
  for (const [name, hue] of LEVELS) {
    const level = plan[name];
    if (level === null || level === undefined) continue;
    pen.strokeStyle = themeColour(hue);
    pen.fillStyle = pen.strokeStyle;
    pen.setLineDash([6, 4]);
    strokeLine(pen, 0, y(level), right, y(level));
    pen.setLineDash([]);
    pen.fillText(`${name} ${formatNumber(level)}`, 6, y(level) - 4);
  }
}

function paintEvent({ pen, x, base }, k, kind) {
  pen.fillStyle = themeColour(EVENT_HUES[kind] || OTHER_EVENT_HUE);
  pen.beginPath();
  pen.arc(x(k), base - 9, 7, 0, 7);
  pen.fill();
  pen.fillStyle = themeColour("--raised");
  pen.textAlign = "center";
  pen.fillText(EVENT_MARKS[kind] || "·", x(k), base - 5);
  pen.textAlign = "left";
}

/** Splits, dividends and filings, each on its session or the next. */
export function paintEvents(frame) {
  const { data, first, end } = frame;
  const sessionIndex = new Map(data.session.map((day, k) => [day, k]));
  for (const { date, kind } of data.events) {
    const k = sessionIndex.get(date) ?? data.session.findIndex((day) => day >= date);
    if (k >= first && k < end && k >= 0) paintEvent(frame, k, kind);
  }
}

/** A cross through the pointer, upright through the middle of its bar. */
export function paintCross(frame, pointer) {
  if (!pointer) return;
  const { pen, x, base, right } = frame;
  const middle = x(barAt(frame, pointer.x));
  pen.strokeStyle = themeColour("--faint");
  pen.setLineDash([2, 3]);
  pen.beginPath();
  pen.moveTo(middle, 0);
  pen.lineTo(middle, base);
  pen.moveTo(0, pointer.y);
  pen.lineTo(right, pointer.y);
  pen.stroke();
  pen.setLineDash([]);
}
