// The pages begin here: the bar on top, the view that the address asks for, what the server pushes.

import { getJson, isAbort } from "./base/api.js";
import { setChildren } from "./base/dom.js";
import { onServerEvent, openEventStream, server } from "./base/live.js";
import { problemBox, showToast, skeleton } from "./parts/notices.js";
import { renderNavigation } from "./shell/navigation.js";
import { VIEWS, currentRoute } from "./shell/routes.js";
import { askForKey } from "./shell/sign-in.js";
import { renderStatus } from "./shell/status.js";
import { applyTheme } from "./shell/theme.js";

let currentVisit = null; // ends what the view before has still in flight

async function refreshAbout() {
  server.about = await getJson("about");
  renderStatus();
}

function beginVisit() {
  if (currentVisit) currentVisit.abort();
  currentVisit = new AbortController();
  return currentVisit.signal;
}

async function openView() {
  const { name, rest, query } = currentRoute();
  const signal = beginVisit();
  const main = document.getElementById("main");
  renderNavigation();
  delete main.dataset.view;
  setChildren(main, skeleton(6));
  document.title = `${VIEWS[name].title} · technic`;
  try {
    if (server.about === null) await refreshAbout();
    await VIEWS[name].open(main, { rest, query, signal });
    main.dataset.view = name;
  } catch (problem) {
    if (isAbort(problem) || signal.aborted) return;
    setChildren(main, problemBox(problem, openView));
  }
}

function onAddressChange() {
  openView();
  document.getElementById("main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function onSignedIn() {
  openEventStream();
  openView();
}

async function onNewStore({ as_of: session }) {
  await refreshAbout();
  showToast(`The store holds ${session} now.`);
}

function onAlert({ title, symbol, kind, detail }) {
  showToast(`${title}: ${symbol} ${kind}. ${detail}`);
}

/** A slash leads to the finder, unless something is being written. */
function onKey(event) {
  const isWriting = /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName);
  if (event.key !== "/" || isWriting) return;
  event.preventDefault();
  document.querySelector(".find input").focus();
}

function listen() {
  const bar = document.getElementById("top");
  window.addEventListener("hashchange", onAddressChange);
  document.addEventListener("technic:key", () => askForKey(onSignedIn));
  document.addEventListener("keydown", onKey);
  onServerEvent(bar, "line", renderStatus);
  onServerEvent(bar, "hello", renderStatus);
  onServerEvent(bar, "store", onNewStore);
  onServerEvent(bar, "alert", onAlert);
}

applyTheme();
renderNavigation();
renderStatus();
listen();
openView();
openEventStream();
