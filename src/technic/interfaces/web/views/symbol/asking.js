// How the server is asked about one symbol: its address, the session, the scan that it is scored by.

/** The address of a symbol, or of a part of it, with a query as of the session shown. */
export function symbolPath({ name, day }, part = "", query = "") {
  const since = day ? `as_of=${encodeURIComponent(day)}&` : "";
  return `symbols/${encodeURIComponent(name)}${part}?${since}${query}`;
}

/** The session that is asked about, where it is not the newest. */
export function composeDate({ day }) {
  return day ? { as_of: day } : {};
}

/** The session and the scan by which the symbol is scored. */
export function composeQuestion(state) {
  const preset = state.preset.value;
  return { ...composeDate(state), ...(preset ? { preset } : {}) };
}
