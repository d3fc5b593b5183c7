// The chart itself: scales, volume, candles and lines.

import { formatNumber } from "../../base/format.js";
import { strokeLine, themeColour } from "../canvas.js";
import { HEIGHT } from "./frame.js";

export const HUES = ["--two", "--three", "--six", "--four", "--five"];
const GRID_LINES = 6;
const MONTH_WIDTH = 58;
const HOLLOW_WIDTH = 5; // bars wider than this show whether they rose by being hollow

/** A round step, of which about six make a range. */
function roundStep(range) {
  const raw = range / GRID_LINES;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((multiple) => multiple * power).find((step) => step >= raw);
}

function paintPrices({ pen, low, high, right, y }) {
  const step = roundStep(high - low);
  for (let price = Math.ceil(low / step) * step; price < high; price += step) {
    strokeLine(pen, 0, y(price), right, y(price));
    pen.fillText(formatNumber(price, step < 1 ? 2 : 0), right + 8, y(price) + 4);
  }
}

function paintMonths({ pen, data, first, end, x }) {
  let month = "";
  let lastX = -99;
  for (let k = first; k < end; k += 1) {
    const current = data.session[k].slice(0, 7);
    if (current !== month && x(k) - lastX > MONTH_WIDTH) {
      if (month) pen.fillText(current, x(k), HEIGHT - 7);
      lastX = x(k);
    }
    month = current;
  }
}

/** The scale of prices, the months, and the line under the candles. */
export function paintAxes(frame) {
  const { pen, base, right } = frame;
  pen.strokeStyle = themeColour("--line");
  pen.fillStyle = themeColour("--soft");
  pen.lineWidth = 1;
  paintPrices(frame);
  paintMonths(frame);
  strokeLine(pen, 0, base, right, base);
}

/** The volume of each bar, behind its candle. */
export function paintVolume({ pen, data, first, end, x, base, barWidth, volumeHeight }) {
  const most = Math.max(...data.volume.slice(first, end), 1);
  const [up, down] = [themeColour("--up-wash"), themeColour("--down-wash")];
  for (let k = first; k < end; k += 1) {
    pen.fillStyle = data.close[k] >= data.open[k] ? up : down;
    const height = (volumeHeight * data.volume[k]) / most;
    pen.fillRect(x(k) - barWidth * 0.38, base - height, Math.max(barWidth * 0.76, 1), height);
  }
}

/** The candle of each bar; one that rose is hollow where there is room. */
export function paintCandles(frame) {
  const { pen, data, first, end, x, y } = frame;
  const hues = ["--up", "--down", "--raised"].map(themeColour);
  for (let k = first; k < end; k += 1) {
    const rose = data.close[k] >= data.open[k];
    pen.strokeStyle = rose ? hues[0] : hues[1];
    pen.fillStyle = pen.strokeStyle;
    const middle = Math.round(x(k)) + 0.5;
    strokeLine(pen, middle, y(data.high[k]), middle, y(data.low[k]));
    paintCandleBody(frame, k, rose ? hues[2] : null);
  }
}

function paintCandleBody({ pen, data, x, y, barWidth }, k, hollow) {
  const [open, close] = [data.open[k], data.close[k]];
  const height = Math.max(Math.abs(y(open) - y(close)), 1);
  const half = Math.max(barWidth * 0.36, 0.5);
  const body = [x(k) - half, y(Math.max(open, close)), 2 * half, height];
  const isHollow = hollow !== null && barWidth > HOLLOW_WIDTH;
  if (isHollow) pen.fillStyle = hollow;
  pen.fillRect(...body);
  if (isHollow) pen.strokeRect(...body);
}

/** A line over the bars, broken where it is unknown. */
function paintLine({ pen, first, end, x }, values, y, hue) {
  pen.strokeStyle = themeColour(hue);
  pen.lineWidth = 1.5;
  pen.beginPath();
  let isBroken = true;
  for (let k = first; k < end; k += 1) {
    const value = values[k];
    if (value !== null) {
      if (isBroken) pen.moveTo(x(k), y(value));
      else pen.lineTo(x(k), y(value));
    }
    isBroken = value === null;
  }
  pen.stroke();
  pen.lineWidth = 1;
}

/** The indicators that are prices, over the candles. */
export function paintPriceLines(frame) {
  frame.onPrice.forEach(([, values], k) => {
    paintLine(frame, values, frame.y, HUES[k % HUES.length]);
  });
}

/** The indicators that are not prices, in a panel of their own. */
export function paintPanel(frame) {
  const { pen, first, end, below, base, panelHeight, right } = frame;
  if (!below.length) return;
  const visible = below.flatMap(([, line]) => line.slice(first, end)).filter((v) => v !== null);
  const low = Math.min(...visible);
  const high = Math.max(...visible, low + 1e-9);
  const y = (v) => base + panelHeight - 6 - ((panelHeight - 18) * (v - low)) / (high - low);
  pen.fillStyle = themeColour("--soft");
  for (const value of [low, high]) pen.fillText(formatNumber(value), right + 8, y(value) + 4);
  below.forEach(([, values], k) => {
    paintLine(frame, values, y, HUES[(frame.onPrice.length + k) % HUES.length]);
  });
}
