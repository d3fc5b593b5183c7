// What stands on the right of the bar: the finder, how fresh the store is, the line, the theme.

import { h, setChildren } from "../base/dom.js";
import { server } from "../base/live.js";
import { createFinder } from "./finder.js";
import { toggleTheme } from "./theme.js";

function renderSimulated(about) {
  if (!about.simulated) return null;
  const title = "A market that was made up: none of these companies exist";
  return h("span", { class: "badge sim", title }, "SIMULATED");
}

function renderFreshness({ as_of: session, sessions_behind: behind }) {
  if (behind > 0) {
    const title = `${behind} finished sessions are missing: technic sync`;
    return h("span", { class: "badge when bad", title }, `${session}, ${behind} behind`);
  }
  return h("span", { class: "badge when ", title: "the newest session stored" }, session);
}

function renderLine(connected) {
  return h("span", {
    class: `dot ${connected ? "on" : "off"}`,
    id: "line",
    title: connected ? "connected: what happens is pushed" : "not connected",
    role: "img",
    "aria-label": connected ? "connected" : "not connected",
  });
}

function renderThemeButton() {
  const name = "dark or light";
  const attributes = { type: "button", class: "quiet", "aria-label": name, title: name };
  return h("button", { ...attributes, onclick: toggleTheme }, "◐");
}

/** Draw where the server and its store stand. */
export function renderStatus() {
  const { about, connected } = server;
  setChildren(
    document.getElementById("stand"),
    createFinder(),
    about ? renderSimulated(about) : null,
    about ? renderFreshness(about) : null,
    renderLine(connected),
    renderThemeButton(),
  );
}
