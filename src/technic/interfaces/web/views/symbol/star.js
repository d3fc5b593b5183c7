// Whether a symbol is on the watch-list, and the button that changes it.

import { getJson, putJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";

const LIST = "lists/watch";

function renderStar(button, name, symbols) {
  const isWatched = symbols.includes(name);
  setChildren(button, isWatched ? "★ watched" : "☆ watch");
  button.setAttribute("aria-pressed", String(isWatched));
  button.onclick = async () => {
    const wanted = isWatched ? symbols.filter((one) => one !== name) : [...symbols, name];
    const list = await putJson(LIST, { symbols: wanted });
    renderStar(button, name, list.symbols);
  };
}

/** The button; it is a bare star until the list is known. */
export function createStar({ name, signal }) {
  const attributes = {
    type: "button",
    class: "quiet",
    "aria-label": "on the watch-list",
    title: "on the watch-list: in_list('watch')",
  };
  const button = h("button", attributes, "☆");
  getJson(LIST, signal)
    .then(({ symbols }) => renderStar(button, name, symbols))
    .catch(() => {}); // without the list the star stays bare
  return button;
}
