// Closes of the rows in sight, asked for once each.

import { postJson } from "../../base/api.js";
import { debounce } from "../../base/timing.js";

const PAUSE_MS = 60;
const MOST = 200;

/** Closes by symbol: `request` asks for those that are not held, `closesOf` gives those that are. */
export function createSparkSource() {
  const held = new Map();
  const waiting = new Set();
  const fetchWaiting = debounce(PAUSE_MS, async (onArrival) => {
    const symbols = [...waiting].slice(0, MOST);
    waiting.clear();
    if (!symbols.length) return;
    const closes = await postJson("sparks", { symbols }).catch(() => ({}));
    for (const symbol of symbols) held.set(symbol, closes[symbol] || []);
    onArrival();
  });
  return {
    closesOf: (symbol) => held.get(symbol),
    request(symbols, onArrival) {
      for (const symbol of symbols) if (!held.has(symbol)) waiting.add(symbol);
      if (waiting.size) fetchWaiting(onArrival);
    },
  };
}
