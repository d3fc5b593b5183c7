// The shade of a symbol on the map, by where its value lies among the others.

const UNKNOWN = "#7b8580";
const DIVERGING = [
  [171, 40, 22],
  [58, 66, 63],
  [16, 120, 56],
];
const RISING = [
  [38, 52, 74],
  [36, 98, 130],
  [28, 150, 130],
];
const TAIL = 0.04; // of the values on either end, which do not stretch the scale

/** The scale of shades over some values; it diverges around zero if they lie on both sides. */
export function shadeScale(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length * TAIL)] ?? 0;
  const high = sorted[Math.floor(sorted.length * (1 - TAIL))] ?? 1;
  const isDiverging = low < 0 && high > 0;
  if (!isDiverging) return { low, high, isDiverging };
  const reach = Math.max(-low, high);
  return { low: -reach, high: reach, isDiverging };
}

/** The shade of a value. */
export function shadeOf(value, { low, high, isDiverging }) {
  if (value === null) return UNKNOWN;
  const share = Math.max(0, Math.min(1, (value - low) / (high - low || 1)));
  const [first, middle, last] = isDiverging ? DIVERGING : RISING;
  const [from, to, part] = share < 0.5 ? [first, middle, 2 * share] : [middle, last, 2 * share - 1];
  const mixed = from.map((channel, k) => Math.round(channel + (to[k] - channel) * part));
  return `rgb(${mixed.join(" ")})`;
}
