// A symbol by its ticker or its name.

import { calm, h, put } from "./dom.js";
import { get } from "./api.js";

/** The field in the bar on top. */
export function finder() {
  let found = [], at = 0, asked = 0;
  const list = h("ul", { class: "choices", role: "listbox", hidden: true, "aria-label": "Symbols" });
  const go = (symbol) => { list.hidden = true; input.value = ""; location.hash = `#/symbol/${encodeURIComponent(symbol)}`; };
  const draw = () => put(list, found.map((one, k) => h("li", { role: "option", "aria-selected": String(k === at), onmousedown: () => go(one.symbol) }, h("strong", {}, one.symbol), h("span", { class: "what" }, one.name || ""), h("span", { class: "kind" }, one.sector || one.type || ""))));
  const look = calm(70, async () => {
    const mine = ++asked, text = input.value.trim();
    if (!text) { list.hidden = true; return; }
    const answer = await get(`symbols?limit=12&q=${encodeURIComponent(text)}`).catch(() => []);
    if (mine !== asked) return;
    found = answer; at = 0; list.hidden = !found.length;
    draw();
  });
  const input = h("input", { type: "search", placeholder: "Symbol  /", "aria-label": "Find a symbol", maxlength: "40", oninput: look, onblur: () => setTimeout(() => { list.hidden = true; }, 150), onkeydown: (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % Math.max(found.length, 1); draw(); }
    if (event.key === "Enter" && found.length) go(found[at].symbol);
    if (event.key === "Escape") { list.hidden = true; input.blur(); }
  } });
  return h("div", { class: "find" }, input, list);
}
