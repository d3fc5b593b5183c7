// The names of the views in the bar on top.

import { h, setChildren } from "../base/dom.js";
import { VIEWS, currentRoute } from "./routes.js";

/** Draw the names, and mark the one that is open. */
export function renderNavigation() {
  const bar = document.getElementById("views");
  const { name: open } = currentRoute();
  const links = Object.entries(VIEWS).map(([name, { title }]) =>
    h("a", { href: `#/${name}`, "aria-current": name === open ? "page" : null }, title),
  );
  setChildren(bar, links);
  centreCurrent(bar);
}

/** Bring the open view's name into sight where the bar is too narrow for all. */
function centreCurrent(bar) {
  const current = bar.querySelector("[aria-current]");
  const room = bar.clientWidth - current.clientWidth;
  bar.scrollLeft = current.offsetLeft - bar.offsetLeft - room / 2;
}
