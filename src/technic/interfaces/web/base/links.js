// Addresses within the pages.

import { h } from "./dom.js";

/** The address of a symbol's page; `query` is what follows the question mark. */
export function symbolHref(symbol, query = "") {
  return `#/symbol/${encodeURIComponent(symbol)}${query ? `?${query}` : ""}`;
}

/** A symbol that leads to its page. */
export function symbolLink(symbol, query = "") {
  return h("a", { class: "sym", href: symbolHref(symbol, query) }, symbol);
}
