// Small pictures in SVG: sparks, bars, lines, intervals, histograms. Each has a name that is read aloud.

import { s } from "./dom.js";
import { number } from "./format.js";

/** A line of closes, 20 or so. */
export function spark(values, width = 84, height = 19) {
  const known = values.filter((v) => v !== null && v !== undefined);
  if (known.length < 2) return s("svg", { width, height, "aria-hidden": "true" });
  const low = Math.min(...known), reach = Math.max(...known) - low || 1;
  const points = known.map((v, k) => `${((width - 2) * k / (known.length - 1) + 1).toFixed(1)},${(height - 2 - (height - 4) * (v - low) / reach).toFixed(1)}`);
  const rose = known[known.length - 1] >= known[0];
  return s("svg", { class: `spark ${rose ? "up" : "down"}`, width, height, role: "img", "aria-label": `${rose ? "rose" : "fell"} over ${known.length} bars` }, s("path", { d: `M${points.join("L")}` }));
}

function frame(label, width, height, ...marks) {
  return s("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, marks);
}

function ends(values) {
  const known = values.filter((v) => v !== null && v !== undefined && Number.isFinite(v));
  const low = Math.min(0, ...known), high = Math.max(0, ...known);
  return [low, high === low ? low + 1 : high];
}

/** One bar for each name, from zero. */
export function columns(label, entries, { width = 460, height = 150, digits = 3 } = {}) {
  const [low, high] = ends(entries.map((e) => e[1]));
  const left = 46, base = height - 20, y = (v) => 8 + (base - 8) * (high - v) / (high - low);
  const step = (width - left - 4) / Math.max(entries.length, 1);
  const marks = entries.map(([name, value], k) => [
    value === null || value === undefined ? null : s("rect", { x: left + step * k + step * 0.16, width: step * 0.68, y: Math.min(y(value), y(0)), height: Math.max(Math.abs(y(value) - y(0)), 1), rx: 2, fill: value >= 0 ? "var(--one)" : "var(--down)" }, s("title", {}, `${name}: ${number(value, digits)}`)),
    s("text", { x: left + step * (k + 0.5), y: height - 5, "text-anchor": "middle" }, String(name).slice(0, Math.max(2, Math.floor(step / 6.4))), s("title", {}, name)),
  ]);
  return frame(label, width, height, scale(low, high, y, width, digits), marks);
}

/** One bar below the other from zero, each with its name and its value in full. */
export function lanes(label, entries, { width = 460, digits = 1 } = {}) {
  const most = Math.max(...entries.map((e) => e[1] ?? 0), 1e-9), left = 104, right = 56, lane = 17;
  const marks = entries.map(([name, value], k) => [
    s("text", { x: 0, y: lane * k + 12 }, name),
    s("rect", { x: left, y: lane * k + 3, width: Math.max((width - left - right) * (value ?? 0) / most, 1), height: 10, rx: 2, fill: "var(--one)" }),
    s("text", { x: width, y: lane * k + 12, "text-anchor": "end" }, value === null || value === undefined ? "–" : number(value, digits)),
  ]);
  return frame(label, width, lane * entries.length + 4, marks);
}

function scale(low, high, y, width, digits) {
  return [
    s("line", { class: "zero", x1: 42, x2: width, y1: y(0), y2: y(0) }),
    s("text", { x: 38, y: y(high) + 8, "text-anchor": "end" }, number(high, digits)),
    low < 0 ? s("text", { x: 38, y: y(low), "text-anchor": "end" }, number(low, digits)) : null,
  ];
}

/** A point and its interval for each name; hollow where the interval holds zero. */
export function intervals(label, entries, { width = 460, height = 150 } = {}) {
  const [low, high] = ends(entries.flatMap((e) => [e.mean, e.low, e.high]));
  const base = height - 20, y = (v) => 8 + (base - 8) * (high - v) / (high - low), step = (width - 50) / Math.max(entries.length, 1);
  const marks = entries.map((e, k) => {
    const x = 46 + step * (k + 0.5);
    if (e.mean === null) return s("text", { x, y: base, "text-anchor": "middle" }, "–");
    const told = e.low !== null && (e.low > 0 || e.high < 0);
    return [
      e.low === null ? null : s("line", { x1: x, x2: x, y1: y(e.low), y2: y(e.high), stroke: "var(--one)", "stroke-width": 2 }),
      s("circle", { cx: x, cy: y(e.mean), r: 4.5, fill: told ? "var(--one)" : "var(--raised)", stroke: "var(--one)", "stroke-width": 2 }, s("title", {}, `${e.name}: ${number(e.mean, 4)}`)),
      s("text", { x: x + 9, y: y(e.mean) + 4 }, number(e.mean, 3)),
      s("text", { x, y: height - 5, "text-anchor": "middle" }, e.name),
    ];
  });
  return frame(label, width, height, scale(low, high, y, width, 3), marks);
}

/** A line over time; gaps where it is unknown. `down` turns it over: rank 1 stands on top. */
export function line(label, points, { width = 460, height = 120, down = false, digits = 0, from = null } = {}) {
  const known = points.filter((p) => p[1] !== null);
  if (known.length < 2) return s("svg", { class: "plot", viewBox: `0 0 ${width} 30` }, s("text", { x: 4, y: 18 }, "too little yet"));
  const values = known.map((p) => p[1]);
  const low = from ?? Math.min(...values), top = Math.max(...values), high = top > low ? top : low + 1;
  const x = (k) => 46 + (width - 56) * k / (points.length - 1);
  const y = (v) => (down ? 10 + (height - 34) * (v - low) / (high - low) : height - 24 - (height - 34) * (v - low) / (high - low));
  let path = "", gap = true;
  points.forEach(([, v], k) => {
    if (v === null) { gap = true; return; }
    path += `${gap ? "M" : "L"}${x(k).toFixed(1)},${y(v).toFixed(1)}`;
    gap = false;
  });
  return frame(label, width, height,
    s("line", { class: "axis", x1: 46, x2: width - 10, y1: height - 22, y2: height - 22 }),
    s("text", { x: 40, y: y(high) + 4, "text-anchor": "end" }, number(high, digits)), s("text", { x: 40, y: y(low) + 4, "text-anchor": "end" }, number(low, digits)),
    s("path", { d: path, fill: "none", stroke: "var(--one)", "stroke-width": 1.8 }),
    s("circle", { cx: x(points.length - 1), cy: y(known[known.length - 1][1]), r: 3, fill: "var(--one)" }),
    s("text", { x: 46, y: height - 6 }, points[0][0]), s("text", { x: width - 10, y: height - 6, "text-anchor": "end" }, points[points.length - 1][0]));
}

/** How values are spread. */
export function histogram(label, found, { width = 620, height = 190 } = {}) {
  const { edges, counts } = found;
  if (!counts.length) return frame(label, width, 40, s("text", { x: 4, y: 20 }, "unknown for everybody"));
  const most = Math.max(...counts, 1), step = (width - 20) / counts.length, base = height - 24;
  const bars = counts.map((n, k) => s("rect", { x: 10 + step * k, width: Math.max(step - 1, 1), y: base - (base - 10) * n / most, height: (base - 10) * n / most, fill: "var(--one)" }, s("title", {}, `${number(edges[k])} … ${number(edges[k + 1])}: ${n}`)));
  const place = (v) => 10 + (width - 20) * (v - edges[0]) / (edges[edges.length - 1] - edges[0]);
  return frame(label, width, height, bars, s("line", { class: "axis", x1: 10, x2: width - 10, y1: base, y2: base }),
    s("line", { x1: place(found.median), x2: place(found.median), y1: 4, y2: base, stroke: "var(--two)", "stroke-dasharray": "3 3" }),
    s("text", { x: place(found.median) + 5, y: 13 }, `median ${number(found.median)}`),
    s("text", { x: 10, y: height - 7 }, `${number(edges[0])}${found.below ? ` (${found.below} below)` : ""}`),
    s("text", { x: width - 10, y: height - 7, "text-anchor": "end" }, `${number(edges[edges.length - 1])}${found.above ? ` (${found.above} above)` : ""}`));
}

/** Several lines over the same time, each with its name at its end. */
export function lines(label, names, series, { width = 900, height = 230, digits = 0 } = {}) {
  const values = series.flatMap((one) => one.values.filter((v) => v !== null)), right = 92;
  if (values.length < 2) return s("svg", { class: "plot", viewBox: `0 0 ${width} 30` }, s("text", { x: 4, y: 18 }, "too little yet"));
  const low = Math.min(...values), high = Math.max(...values), reach = high - low || 1, base = height - 24;
  const x = (k) => 62 + (width - 62 - right) * k / Math.max(names.length - 1, 1), y = (v) => base - (base - 10) * (v - low) / reach;
  const colours = ["var(--one)", "var(--two)", "var(--soft)"];
  const marks = series.map((one, j) => {
    const points = one.values.map((v, k) => (v === null ? null : `${x(k).toFixed(1)},${y(v).toFixed(1)}`)).filter(Boolean);
    const last = one.values.filter((v) => v !== null).at(-1);
    return [s("path", { d: `M${points.join("L")}`, fill: "none", stroke: colours[j % 3], "stroke-width": 1.6 }), s("text", { x: width - right + 6, y: y(last) + 4, fill: colours[j % 3] }, one.name)];
  });
  return frame(label, width, height, s("line", { class: "axis", x1: 62, x2: width - right, y1: base, y2: base }), marks,
    s("text", { x: 56, y: y(high) + 4, "text-anchor": "end" }, number(high, digits)), s("text", { x: 56, y: y(low) + 4, "text-anchor": "end" }, number(low, digits)),
    s("text", { x: 62, y: height - 6 }, names[0]), s("text", { x: width - right, y: height - 6, "text-anchor": "end" }, names[names.length - 1]));
}
