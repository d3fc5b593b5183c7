// Elements from values: text is always text. Nothing here, or anywhere, parses markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

const isAbsent = (value) => value === null || value === undefined || value === false;

function appendChildren(element, children) {
  for (const child of children.flat(Infinity)) {
    if (isAbsent(child)) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Whether a value is set as a property, as `disabled` is, and not written as an attribute. */
function isProperty(element, name, value) {
  return name in element && name !== "list" && typeof value !== "string";
}

function applyAttribute(element, name, value) {
  if (isAbsent(value)) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.assign(element.style, value);
  else if (name === "class") element.setAttribute("class", value);
  else if (isProperty(element, name, value)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** An element: h("a", { class: "sym", href }, "AAPL"). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) applyAttribute(element, name, value);
  return appendChildren(element, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG_NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!isAbsent(value)) element.setAttribute(name, String(value));
  }
  return appendChildren(element, children);
}

/** Put children in the place of what an element holds. */
export function setChildren(element, ...children) {
  element.replaceChildren();
  return appendChildren(element, children);
}
