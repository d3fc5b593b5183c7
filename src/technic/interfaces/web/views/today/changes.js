// Who entered, left or crossed a scan, one to a line.

import { h } from "../../base/dom.js";
import { symbolLink } from "../../base/links.js";

const SIGNS = { entered: ["+", "up"], left: ["−", "down"], crossed: ["×", "soft"] };

/** The sign of a kind of change, and its class. */
export const signOfChange = (kind) => SIGNS[kind] || ["·", "soft"];

/** One change, and why. */
export function renderChange({ kind, symbol, name, why }) {
  const [sign, className] = signOfChange(kind);
  return h(
    "div",
    { class: "change" },
    h("span", { class: className, "aria-label": kind }, sign),
    symbolLink(symbol),
    h(
      "span",
      { class: "why", title: `${name || ""} ${why}` },
      kind === "entered" ? `was ${why}` : why,
    ),
  );
}
