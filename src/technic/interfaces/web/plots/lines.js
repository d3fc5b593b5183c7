// Lines over time.

import { svg } from "../base/dom.js";
import { formatNumber } from "../base/format.js";
import { endText, horizontalLine, plot, tooLittle } from "./frame.js";

const SINGLE = { left: 46, right: 10 };
const SEVERAL = { left: 62, right: 92 };
const HUES = ["var(--one)", "var(--two)", "var(--soft)"];

/** A path through points, broken where a value is unknown. */
function tracePath(points, x, y) {
  let path = "";
  let isBroken = true;
  points.forEach(([, value], k) => {
    if (value === null) {
      isBroken = true;
      return;
    }
    path += `${isBroken ? "M" : "L"}${x(k).toFixed(1)},${y(value).toFixed(1)}`;
    isBroken = false;
  });
  return path;
}

function extentFrom(values, from) {
  const low = from ?? Math.min(...values);
  const top = Math.max(...values);
  return [low, top > low ? top : low + 1];
}

/** Heights of values; turned over, the least stands on top. */
function heightScale(low, high, height, isInverted) {
  const reach = height - 34;
  const rise = (value) => (reach * (value - low)) / (high - low);
  return isInverted ? (value) => 10 + rise(value) : (value) => height - 24 - rise(value);
}

const LINE_DEFAULTS = { width: 460, height: 120, isInverted: false, digits: 0, from: null };

/** A line through pairs of a name and a value; `isInverted` stands rank 1 on top. */
export function linePlot(label, points, options = {}) {
  const { width, height, isInverted, digits, from } = { ...LINE_DEFAULTS, ...options };
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  if (values.length < 2) return tooLittle(width);
  const [low, high] = extentFrom(values, from);
  const last = points.length - 1;
  const right = width - SINGLE.right;
  const x = (k) => SINGLE.left + ((right - SINGLE.left) * k) / last;
  const y = heightScale(low, high, height, isInverted);
  const stroke = { fill: "none", stroke: "var(--one)", "stroke-width": 1.8 };
  return plot(
    label,
    width,
    height,
    horizontalLine("axis", SINGLE.left, right, height - 22),
    endText(40, y(high) + 4, formatNumber(high, digits)),
    endText(40, y(low) + 4, formatNumber(low, digits)),
    svg("path", { d: tracePath(points, x, y), ...stroke }),
    svg("circle", { cx: x(last), cy: y(values[values.length - 1]), r: 3, fill: "var(--one)" }),
    svg("text", { x: SINGLE.left, y: height - 6 }, points[0][0]),
    endText(right, height - 6, points[last][0]),
  );
}

function renderSeries({ name, values }, hue, { x, y, right }) {
  const points = values
    .map((value, k) => (value === null ? null : `${x(k).toFixed(1)},${y(value).toFixed(1)}`))
    .filter(Boolean);
  const last = values.filter((value) => value !== null).at(-1);
  const stroke = { fill: "none", stroke: hue, "stroke-width": 1.6 };
  return [
    svg("path", { d: `M${points.join("L")}`, ...stroke }),
    svg("text", { x: right + 6, y: y(last) + 4, fill: hue }, name),
  ];
}

/** Several lines over the same time, each with its name at its end. */
export function linesPlot(label, names, series, { width = 900, height = 230, digits = 0 } = {}) {
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  if (values.length < 2) return tooLittle(width);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const base = height - 24;
  const right = width - SEVERAL.right;
  const x = (k) => SEVERAL.left + ((right - SEVERAL.left) * k) / Math.max(names.length - 1, 1);
  const y = (value) => base - ((base - 10) * (value - low)) / (high - low || 1);
  const drawn = series.map((one, k) => renderSeries(one, HUES[k % HUES.length], { x, y, right }));
  return plot(
    label,
    width,
    height,
    horizontalLine("axis", SEVERAL.left, right, base),
    drawn,
    endText(56, y(high) + 4, formatNumber(high, digits)),
    endText(56, y(low) + 4, formatNumber(low, digits)),
    svg("text", { x: SEVERAL.left, y: height - 6 }, names[0]),
    endText(right, height - 6, names[names.length - 1]),
  );
}
