// Numbers, times and names as people read them. Unknown is –, never zero.

const DASH = "–";

/** A number in as few characters as say enough. */
export function number(value, digits = 2) {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  const size = Math.abs(value);
  if (size >= 1e12) return `${(value / 1e12).toFixed(2)}T`;
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)}B`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (size >= 1e5) return `${(value / 1e3).toFixed(0)}k`;
  if (size > 0 && size < 0.01) return value.toPrecision(3);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A whole number with commas. */
export function whole(value) {
  return value === null || value === undefined ? DASH : Math.round(value).toLocaleString("en-US");
}

/** A number with its sign. */
export function signed(value, digits = 2, unit = "") {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}${unit}`;
}

/** The class of a number that is good or bad by its sign. */
export function tone(value) {
  return value > 0 ? "up" : value < 0 ? "down" : "soft";
}

/** Milliseconds. */
export function ms(value) {
  if (value === null || value === undefined) return DASH;
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** Bytes. */
export function bytes(value) {
  if (value === null || value === undefined) return DASH;
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (value >= size) return `${(value / size).toFixed(value >= 10 * size ? 0 : 1)} ${unit}`;
  }
  return `${value} B`;
}

/** An instant in the reader's own time. */
export function moment(text) {
  if (!text) return DASH;
  const when = new Date(text);
  return Number.isNaN(when.getTime()) ? String(text) : when.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** A length of time. */
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 86400)} days`;
}

/** A column's heading in the trade's shorthand. */
export function heading(text) {
  const known = { "rsi(14)": "RSI 14", "atr_pct(14)": "ATR %", "dollar_volume(20)": "$ / day", "100 * ret(1)": "Day %", "ret(1)": "Day", "from_high(252)": "Off high %", "market_cap": "Mkt cap" };
  return known[text] || text;
}
