// A line of closes, 20 or so, as small as a word.

import { svg } from "../base/dom.js";
import { isKnown } from "./frame.js";

const WIDTH = 84;
const HEIGHT = 19;

function placePoints(values) {
  const low = Math.min(...values);
  const reach = Math.max(...values) - low || 1;
  return values.map((value, k) => {
    const x = ((WIDTH - 2) * k) / (values.length - 1) + 1;
    const y = HEIGHT - 2 - ((HEIGHT - 4) * (value - low)) / reach;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
}

/** The line of some closes; empty if fewer than two are known. */
export function spark(values) {
  const closes = values.filter(isKnown);
  const size = { width: WIDTH, height: HEIGHT };
  if (closes.length < 2) return svg("svg", { ...size, "aria-hidden": "true" });
  const rose = closes[closes.length - 1] >= closes[0];
  const label = `${rose ? "rose" : "fell"} over ${closes.length} bars`;
  const path = svg("path", { d: `M${placePoints(closes).join("L")}` });
  const className = `spark ${rose ? "up" : "down"}`;
  return svg("svg", { class: className, ...size, role: "img", "aria-label": label }, path);
}
