// The shell: which view, which theme, how fresh, which symbol; and the views themselves.

import { bones, h, put, toast, trouble } from "./dom.js";
import { get, signIn } from "./api.js";
import { hear, listen, state } from "./live.js";
import { today } from "./today.js";
import { scan } from "./scan.js";
import { symbol } from "./symbol.js";
import { market } from "./market.js";
import { evidence } from "./evidence.js";
import { backtests } from "./backtests.js";
import { models } from "./models.js";
import { operations } from "./operations.js";
import { finder } from "./finder.js";

const VIEWS = { today: ["Today", today], scan: ["Scan", scan], symbol: ["Symbol", symbol], market: ["Market", market], evidence: ["Evidence", evidence], models: ["Models", models], backtests: ["Backtests", backtests], operations: ["Operations", operations] };

function theme(wanted) {
  const chosen = wanted || localStorage.getItem("technic.theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = chosen;
  if (wanted) localStorage.setItem("technic.theme", wanted);
  document.dispatchEvent(new CustomEvent("technic:theme"));
}

function where() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  return { name: name in VIEWS ? name : "today", rest, query: new URLSearchParams(query || "") };
}

function navigation() {
  const bar = document.getElementById("views");
  put(bar, Object.entries(VIEWS).map(([name, [title]]) => h("a", { href: `#/${name}`, "aria-current": where().name === name ? "page" : null }, title)));
  const current = bar.querySelector("[aria-current]"); // in sight where the bar is too narrow for all
  bar.scrollLeft = current.offsetLeft - bar.offsetLeft - (bar.clientWidth - current.clientWidth) / 2;
}

function standing() {
  const about = state.about;
  const late = about && about.sessions_behind > 0;
  put(document.getElementById("stand"),
    finder(),
    about?.simulated ? h("span", { class: "badge sim", title: "A market that was made up: none of these companies exist" }, "SIMULATED") : null,
    about ? h("span", { class: `badge when ${late ? "bad" : ""}`, title: late ? `${about.sessions_behind} finished sessions are missing: technic sync` : "the newest session stored" }, late ? `${about.as_of}, ${about.sessions_behind} behind` : about.as_of) : null,
    h("span", { class: `dot ${state.connected ? "on" : "off"}`, id: "line", title: state.connected ? "connected: what happens is pushed" : "not connected", role: "img", "aria-label": state.connected ? "connected" : "not connected" }),
    h("button", { type: "button", class: "quiet", "aria-label": "dark or light", title: "dark or light", onclick: () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark") }, "◐"));
}

let leave = null;

async function show() {
  const { name, rest, query } = where();
  if (leave) leave.abort();
  leave = new AbortController();
  const mine = leave;
  navigation();
  const main = document.getElementById("main");
  delete main.dataset.view;
  put(main, bones(6));
  document.title = `${VIEWS[name][0]} · technic`;
  try {
    if (state.about === null) { state.about = await get("about"); standing(); }
    await VIEWS[name][1](main, { rest, query, signal: mine.signal });
    main.dataset.view = name;
  } catch (problem) {
    if (problem.name === "AbortError" || mine.signal.aborted) return;
    put(main, trouble(problem, show));
  }
}

function askForKey() {
  if (document.querySelector("dialog[open]")) return;
  const field = h("input", { type: "password", autocomplete: "current-password", "aria-label": "key", placeholder: "tk_…", required: true });
  const says = h("p", { class: "down small", role: "alert" });
  const dialog = h("dialog", {}, h("form", { onsubmit: async (event) => {
    event.preventDefault();
    try { await signIn(field.value.trim()); dialog.close(); dialog.remove(); listen(); show(); } catch (problem) { put(says, problem.message); }
  } }, h("h2", {}, "A key, please"), h("p", { class: "soft" }, "This server answers only who holds one: technic keys create NAME"), field, says, h("button", { class: "main" }, "Come in")));
  document.body.append(dialog);
  dialog.showModal();
}

theme();
navigation();
standing();
window.addEventListener("hashchange", () => { show(); document.getElementById("main").focus({ preventScroll: true }); scrollTo(0, 0); });
document.addEventListener("technic:key", askForKey);
const top = document.getElementById("top");
hear(top, "line", standing);
hear(top, "hello", standing);
hear(top, "store", async (now) => { state.about = await get("about"); standing(); toast(`The store holds ${now.as_of} now.`); });
hear(top, "alert", (alert) => toast(`${alert.title}: ${alert.symbol} ${alert.kind}. ${alert.detail}`));
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) {
    event.preventDefault();
    document.querySelector(".find input").focus();
  }
});
show();
listen();
