// Controls that several views share.

import { h } from "../base/dom.js";

/** A group of buttons of which one is pressed; `choices` are pairs of a value and its text. */
export function segmentedControl(label, choices, chosen, onChoose) {
  const buttons = choices.map(([value, text]) => {
    const press = (event) => {
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(button === event.currentTarget));
      }
      onChoose(value);
    };
    const pressed = String(value === chosen);
    return h("button", { type: "button", "aria-pressed": pressed, onclick: press }, text);
  });
  return h("div", { class: "seg", role: "group", "aria-label": label }, buttons);
}

function renderMenuItems(entries, close) {
  return entries.map(([text, act]) => {
    const onclick = () => {
      close();
      act();
    };
    return h("button", { type: "button", role: "menuitem", onclick }, text);
  });
}

/** A button that opens a few others; `entries` are pairs of a text and what it does. */
export function dropdownMenu(label, entries) {
  const close = () => {
    list.hidden = true;
  };
  const toggle = (event) => {
    event.stopPropagation();
    list.hidden = !list.hidden;
    if (!list.hidden) list.firstChild.focus();
  };
  const onkeydown = (event) => {
    if (event.key !== "Escape") return;
    close();
    button.focus();
  };
  const items = renderMenuItems(entries, close);
  const list = h("div", { hidden: true, role: "menu", onkeydown }, items);
  const attributes = { type: "button", "aria-haspopup": "menu", onclick: toggle };
  const button = h("button", attributes, label, " ▾");
  document.addEventListener("click", close);
  return h("div", { class: "menu" }, button, list);
}

/** The choice among saved scans and presets. */
export function scanOptionGroups(scans, renderOption) {
  return ["saved", "preset"].map((kind) => {
    const members = scans.filter((scan) => scan.preset === (kind === "preset"));
    const label = kind === "saved" ? "Saved" : "Presets";
    return h("optgroup", { label }, members.map(renderOption));
  });
}

/** The input of a date between the first and the newest session of a store. */
export function dateInput(label, about, attributes) {
  return h("input", {
    type: "date",
    "aria-label": label,
    min: about.first,
    max: about.as_of,
    ...attributes,
  });
}

/** A bar that shows how far something is. */
export function progressBar(label, attributes = {}) {
  const all = { class: "progress", role: "progressbar", "aria-label": label, ...attributes };
  return h("div", all, h("i"));
}

/** Draw how far a job is. */
export function setProgress(bar, job) {
  bar.firstChild.style.width = `${(100 * job.done) / Math.max(job.total, 1)}%`;
}
