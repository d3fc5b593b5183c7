// Bars: one for each name, upright or lying.

import { svg } from "../base/dom.js";
import { DASH, formatNumber } from "../base/format.js";
import { extentWithZero, isKnown, middleText, plot, endText, zeroScale } from "./frame.js";

const LEFT = 46; // where numbers of the scale stand
const LETTER = 6.4; // the width of a letter, about
const LANE = { left: 104, right: 56, height: 17 };

function renderBar(name, value, { x, width, y, digits }) {
  const attributes = {
    x,
    width,
    y: Math.min(y(value), y(0)),
    height: Math.max(Math.abs(y(value) - y(0)), 1),
    rx: 2,
    fill: value >= 0 ? "var(--one)" : "var(--down)",
  };
  return svg("rect", attributes, svg("title", {}, `${name}: ${formatNumber(value, digits)}`));
}

/** One upright bar for each pair of a name and a value, from zero. */
export function columnsPlot(label, entries, { width = 460, height = 150, digits = 3 } = {}) {
  const [low, high] = extentWithZero(entries.map(([, value]) => value));
  const base = height - 20;
  const y = (value) => 8 + ((base - 8) * (high - value)) / (high - low);
  const step = (width - LEFT - 4) / Math.max(entries.length, 1);
  const letters = Math.max(2, Math.floor(step / LETTER));
  const marks = entries.map(([name, value], k) => {
    const bar = { x: LEFT + step * k + step * 0.16, width: step * 0.68, y, digits };
    const shortName = String(name).slice(0, letters);
    return [
      isKnown(value) ? renderBar(name, value, bar) : null,
      middleText(LEFT + step * (k + 0.5), height - 5, shortName, svg("title", {}, name)),
    ];
  });
  return plot(label, width, height, zeroScale({ low, high, y, width, digits }), marks);
}

/** One bar below the other from zero, each with its name and its value in full. */
export function lanesPlot(label, entries, { width = 460, digits = 1 } = {}) {
  const most = Math.max(...entries.map(([, value]) => value ?? 0), 1e-9);
  const room = width - LANE.left - LANE.right;
  const marks = entries.map(([name, value], k) => {
    const top = LANE.height * k;
    const length = Math.max((room * (value ?? 0)) / most, 1);
    const bar = { x: LANE.left, y: top + 3, width: length, height: 10, rx: 2, fill: "var(--one)" };
    return [
      svg("text", { x: 0, y: top + 12 }, name),
      svg("rect", bar),
      endText(width, top + 12, isKnown(value) ? formatNumber(value, digits) : DASH),
    ];
  });
  return plot(label, width, LANE.height * entries.length + 4, marks);
}
