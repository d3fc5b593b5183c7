// Elements from values: text is always text. Nothing here, or anywhere, parses markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.assign(element.style, value);
  else if (name === "class") element.setAttribute("class", value);
  else if (name in element && name !== "list" && typeof value !== "string") element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** An element: h("a", { class: "sym", href }, "AAPL"). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  return fill(element, children);
}

/** The same in SVG. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  return fill(element, children);
}

/** Put children in the place of what an element holds. */
export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, children);
}

/** A short note that goes away by itself. */
export function toast(text, kind = "") {
  const note = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 9000 : 5000);
}

/** A group of buttons of which one is pressed. */
export function segments(label, choices, chosen, choose) {
  const group = h("div", { class: "seg", role: "group", "aria-label": label });
  const buttons = choices.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === chosen), onclick: () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === buttons[choices.findIndex((c) => c[0] === value)]));
      choose(value);
    } }, text));
  return fill(group, buttons);
}

/** A button that opens a few others. */
export function menu(label, entries) {
  const list = h("div", { hidden: true, role: "menu" }, entries.map(([text, act]) =>
    h("button", { type: "button", role: "menuitem", onclick: () => { list.hidden = true; act(); } }, text)));
  const button = h("button", { type: "button", "aria-haspopup": "menu", onclick: (event) => {
    event.stopPropagation();
    list.hidden = !list.hidden;
    if (!list.hidden) list.firstChild.focus();
  } }, label, " ▾");
  list.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { list.hidden = true; button.focus(); }
  });
  document.addEventListener("click", () => { list.hidden = true; });
  return h("div", { class: "menu" }, button, list);
}

/** Wait for a pause before doing something. */
export function calm(milliseconds, act) {
  let timer = 0;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => act(...given), milliseconds); };
}

/** What a view shows while it waits. */
export function bones(lines = 4) {
  return h("div", { role: "status", "aria-label": "loading" }, Array.from({ length: lines }, (_, k) =>
    h("div", { class: "bone", style: { width: `${92 - 13 * (k % 4)}%` } })));
}

/** What a view shows where something went wrong: what, where, what to do. */
export function trouble(problem, again, ...more) {
  const caret = problem.text && problem.start >= 0 ? h("pre", {}, `${problem.text}\n${" ".repeat(problem.start)}^`) : null;
  return h("div", { class: "wrongbox", role: "alert" }, h("strong", {}, problem.title || "That did not work"),
    h("p", {}, problem.message), caret, problem.hint ? h("p", { class: "soft" }, problem.hint) : null,
    again ? h("p", {}, h("button", { type: "button", onclick: again }, "Try again")) : null, more);
}
