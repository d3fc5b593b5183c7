// The views by the names that stand in addresses.

import { openBacktests } from "../views/backtests/view.js";
import { openEvidence } from "../views/evidence/view.js";
import { openMarket } from "../views/market/view.js";
import { openModels } from "../views/models/view.js";
import { openOperations } from "../views/operations/view.js";
import { openScan } from "../views/scan/view.js";
import { openSymbol } from "../views/symbol/view.js";
import { openToday } from "../views/today/view.js";

const DEFAULT = "today";

/** Each view: its title, and the function that opens it in an element. */
export const VIEWS = {
  today: { title: "Today", open: openToday },
  scan: { title: "Scan", open: openScan },
  symbol: { title: "Symbol", open: openSymbol },
  market: { title: "Market", open: openMarket },
  evidence: { title: "Evidence", open: openEvidence },
  models: { title: "Models", open: openModels },
  backtests: { title: "Backtests", open: openBacktests },
  operations: { title: "Operations", open: openOperations },
};

/** What the address asks for: a view, what follows its name, and its query. */
export function currentRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  return {
    name: name in VIEWS ? name : DEFAULT,
    rest,
    query: new URLSearchParams(query || ""),
  };
}
