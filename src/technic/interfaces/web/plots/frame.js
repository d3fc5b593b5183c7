// What small pictures in SVG have in common. Each has a name that is read aloud.

import { svg } from "../base/dom.js";
import { formatNumber } from "../base/format.js";

export const isKnown = (value) => value !== null && value !== undefined;

/** A picture of so many units, as wide as its place. */
export function plot(label, width, height, ...marks) {
  const viewBox = `0 0 ${width} ${height}`;
  return svg("svg", { class: "plot", viewBox, role: "img", "aria-label": label }, marks);
}

/** What stands where there are too few values to draw. */
export function tooLittle(width) {
  const text = svg("text", { x: 4, y: 18 }, "too little yet");
  return svg("svg", { class: "plot", viewBox: `0 0 ${width} 30` }, text);
}

/** The least and the greatest value, zero among them. */
export function extentWithZero(values) {
  const finite = values.filter((value) => isKnown(value) && Number.isFinite(value));
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  return [low, high === low ? low + 1 : high];
}

/** A text that ends at its place. */
export function endText(x, y, text) {
  return svg("text", { x, y, "text-anchor": "end" }, text);
}

/** A text around its place. */
export function middleText(x, y, ...children) {
  return svg("text", { x, y, "text-anchor": "middle" }, children);
}

/** A line across the picture. */
export function horizontalLine(className, x1, x2, y) {
  return svg("line", { class: className, x1, x2, y1: y, y2: y });
}

/** The line of zero, and the values at the ends of the scale. */
export function zeroScale({ low, high, y, width, digits }) {
  return [
    horizontalLine("zero", 42, width, y(0)),
    endText(38, y(high) + 8, formatNumber(high, digits)),
    low < 0 ? endText(38, y(low), formatNumber(low, digits)) : null,
  ];
}
