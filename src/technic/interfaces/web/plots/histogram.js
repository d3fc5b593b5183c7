// How the values of a column are spread.

import { svg } from "../base/dom.js";
import { formatNumber } from "../base/format.js";
import { endText, horizontalLine, plot } from "./frame.js";

const MARGIN = 10;

function renderBins({ edges, counts }, width, base) {
  const most = Math.max(...counts, 1);
  const step = (width - 2 * MARGIN) / counts.length;
  return counts.map((count, k) => {
    const height = ((base - 10) * count) / most;
    const bar = {
      x: MARGIN + step * k,
      width: Math.max(step - 1, 1),
      y: base - height,
      height,
      fill: "var(--one)",
    };
    const title = `${formatNumber(edges[k])} … ${formatNumber(edges[k + 1])}: ${count}`;
    return svg("rect", bar, svg("title", {}, title));
  });
}

function renderMedian({ edges, median }, width, base) {
  const reach = edges[edges.length - 1] - edges[0];
  const x = MARGIN + ((width - 2 * MARGIN) * (median - edges[0])) / reach;
  const dashed = { stroke: "var(--two)", "stroke-dasharray": "3 3" };
  return [
    svg("line", { x1: x, x2: x, y1: 4, y2: base, ...dashed }),
    svg("text", { x: x + 5, y: 13 }, `median ${formatNumber(median)}`),
  ];
}

function renderEnds({ edges, below, above }, width, y) {
  const belowText = below ? ` (${below} below)` : "";
  const aboveText = above ? ` (${above} above)` : "";
  return [
    svg("text", { x: MARGIN, y }, `${formatNumber(edges[0])}${belowText}`),
    endText(width - MARGIN, y, `${formatNumber(edges[edges.length - 1])}${aboveText}`),
  ];
}

/** The histogram of an answer of /distribution. */
export function histogram(label, distribution, { width = 620, height = 190 } = {}) {
  if (!distribution.counts.length) {
    return plot(label, width, 40, svg("text", { x: 4, y: 20 }, "unknown for everybody"));
  }
  const base = height - 24;
  return plot(
    label,
    width,
    height,
    renderBins(distribution, width, base),
    horizontalLine("axis", MARGIN, width - MARGIN, base),
    renderMedian(distribution, width, base),
    renderEnds(distribution, width, height - 7),
  );
}
