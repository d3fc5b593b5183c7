// A point and its interval for each name.

import { svg } from "../base/dom.js";
import { DASH, formatNumber } from "../base/format.js";
import { extentWithZero, middleText, plot, zeroScale } from "./frame.js";

const LEFT = 46;

/** Whether an interval is told from zero. */
export function excludesZero(part) {
  return part.low !== null && (part.low > 0 || part.high < 0);
}

function renderRange(part, x, y) {
  if (part.low === null) return null;
  const stroke = { stroke: "var(--one)", "stroke-width": 2 };
  return svg("line", { x1: x, x2: x, y1: y(part.low), y2: y(part.high), ...stroke });
}

/** A point, hollow where its interval holds zero. */
function renderPoint(part, x, y) {
  const attributes = {
    cx: x,
    cy: y(part.mean),
    r: 4.5,
    fill: excludesZero(part) ? "var(--one)" : "var(--raised)",
    stroke: "var(--one)",
    "stroke-width": 2,
  };
  const title = `${part.name}: ${formatNumber(part.mean, 4)}`;
  return svg("circle", attributes, svg("title", {}, title));
}

/** The means of entries with a name, a mean, and where they are known the ends of an interval. */
export function intervalsPlot(label, entries, { width = 460, height = 150 } = {}) {
  const [low, high] = extentWithZero(entries.flatMap((part) => [part.mean, part.low, part.high]));
  const base = height - 20;
  const y = (value) => 8 + ((base - 8) * (high - value)) / (high - low);
  const step = (width - 50) / Math.max(entries.length, 1);
  const marks = entries.map((part, k) => {
    const x = LEFT + step * (k + 0.5);
    if (part.mean === null) return middleText(x, base, DASH);
    return [
      renderRange(part, x, y),
      renderPoint(part, x, y),
      svg("text", { x: x + 9, y: y(part.mean) + 4 }, formatNumber(part.mean, 3)),
      middleText(x, height - 5, part.name),
    ];
  });
  return plot(label, width, height, zeroScale({ low, high, y, width, digits: 3 }), marks);
}
