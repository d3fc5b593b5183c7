// Numbers, times and names as people read them. Unknown is –, never zero.

export const DASH = "–";

const LARGE_NUMBERS = [
  [1e12, 1e12, 2, "T"],
  [1e9, 1e9, 2, "B"],
  [1e6, 1e6, 1, "M"],
  [1e5, 1e3, 0, "k"],
];
const BYTE_UNITS = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];
const HEADINGS = {
  "rsi(14)": "RSI 14",
  "atr_pct(14)": "ATR %",
  "dollar_volume(20)": "$ / day",
  "100 * ret(1)": "Day %",
  "ret(1)": "Day",
  "from_high(252)": "Off high %",
  market_cap: "Mkt cap",
};

const isUnknown = (value) => value === null || value === undefined || Number.isNaN(value);

/** A value in as few characters as say enough. */
export function formatNumber(value, digits = 2) {
  if (isUnknown(value)) return DASH;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return formatMagnitude(value, digits);
}

function formatMagnitude(value, digits) {
  const size = Math.abs(value);
  for (const [least, unit, places, letter] of LARGE_NUMBERS) {
    if (size >= least) return `${(value / unit).toFixed(places)}${letter}`;
  }
  if (size > 0 && size < 0.01) return value.toPrecision(3);
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A whole number with commas. */
export function formatWhole(value) {
  return value === null || value === undefined ? DASH : Math.round(value).toLocaleString("en-US");
}

function signOf(value) {
  if (value > 0) return "+";
  return value < 0 ? "−" : "";
}

/** A number with its sign. */
export function formatSigned(value, digits = 2, unit = "") {
  return isUnknown(value) ? DASH : `${signOf(value)}${Math.abs(value).toFixed(digits)}${unit}`;
}

/** A share of one, as a percentage with its sign. */
export function formatShare(value, digits = 1) {
  return value === null ? DASH : formatSigned(100 * value, digits, " %");
}

/** A mean and its interval; without one, that there were too few to tell. */
export function formatInterval(part, digits) {
  if (part.mean === null) return DASH;
  if (part.low === null) return `${formatSigned(part.mean, digits)} too few`;
  const [mean, low, high] = [part.mean, part.low, part.high].map((v) => formatSigned(v, digits));
  return `${mean} (${low} … ${high})`;
}

/** The class of a number that is good or bad by its sign. */
export function signClass(value) {
  if (value > 0) return "up";
  return value < 0 ? "down" : "soft";
}

/** A time in milliseconds. */
export function formatMilliseconds(value) {
  if (value === null || value === undefined) return DASH;
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** A size in bytes. */
export function formatBytes(value) {
  if (value === null || value === undefined) return DASH;
  for (const [size, unit] of BYTE_UNITS) {
    if (value >= size) return `${(value / size).toFixed(value >= 10 * size ? 0 : 1)} ${unit}`;
  }
  return `${value} B`;
}

/** An instant in the reader's own time. */
export function formatInstant(text) {
  if (!text) return DASH;
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) return String(text);
  const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return instant.toLocaleString([], parts);
}

/** A length of time. */
export function formatDuration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** A place in a ranking: 1st, 22nd, 113th. */
export function formatOrdinal(n) {
  const isTeen = n % 100 >= 11 && n % 100 <= 13;
  const ending = isTeen ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
  return `${formatWhole(n)}${ending}`;
}

/** "1 trial", "12 trials". */
export function countOf(n, singular, plural = `${singular}s`) {
  return n === 1 ? `1 ${singular}` : `${formatWhole(n)} ${plural}`;
}

/** A column's heading in the trade's shorthand. */
export function columnHeading(text) {
  return HEADINGS[text] || text;
}
