// The question that stands in the controls, as the server is asked it.

import { server } from "../../base/live.js";

export const DEFAULT_COLUMNS = [
  "close",
  "100 * ret(1)",
  "rsi(14)",
  "atr_pct(14)",
  "dollar_volume(20)",
  "market_cap",
];
export const SUGGESTED_COLUMNS = [
  ...DEFAULT_COLUMNS,
  "ret(21)",
  "ret(126)",
  "from_high(252)",
  "volume_ratio(20)",
  "adx(14)",
  "rating",
  "tech_rating",
  "fund_rating",
  "pe",
  "roe",
  "days_since_filing",
  "sector",
  "industry",
];
export const DEFAULT_UNIVERSE = "liquid";
const DEFAULT_RANK = "tech_rating";
const KEPT_OF_A_FILE = ["plan", "let", "params", "benchmark"]; // which no control shows

/** The question; what the saved scan says beyond the controls goes with it. */
export function composeQuestion({ controls, language, origin }) {
  const universe = controls.universe.value;
  const question = {
    where: controls.where.text,
    universe: universe in language.universes ? language.universes[universe] : universe,
    rank: controls.rank.text.trim() || DEFAULT_RANK,
    columns: controls.chips.values,
  };
  for (const part of KEPT_OF_A_FILE) {
    if (origin.file?.[part]) question[part] = origin.file[part];
  }
  return question;
}

/** The session that is asked about, where it is not the newest. */
export function composeDate({ controls }) {
  const day = controls.day.value;
  return day && day !== server.about.as_of ? { as_of: day } : {};
}
