// The colours of a question: words, names, numbers, texts, and the place where it is wrong.

import { h } from "../../base/dom.js";

const TOKEN = new RegExp(
  [
    String.raw`(?<text>'[^']*'?)`,
    String.raw`(?<number>\b\d[\d_.]*(?:e[+-]?\d+)?[KMB%]?\b)`,
    String.raw`(?<name>[A-Za-z_][A-Za-z0-9_]*)`,
    String.raw`\s+`,
    String.raw`[^\sA-Za-z0-9_']+`,
  ].join("|"),
  "g",
);
const KEYWORDS = new Set(
  "and or not between in crosses_above crosses_below true false by".split(" "),
);

function classOf({ text, number, name }) {
  if (text) return "str";
  if (number) return "num";
  if (!name) return "op";
  return KEYWORDS.has(name) ? "word" : "name";
}

/** A question in colours; `wrongAt` is the place of what is wrong, -1 if it has none. */
export function colourTokens(question, wrongAt) {
  const parts = Array.from(question.matchAll(TOKEN), (match) => {
    const [token] = match;
    const isHere = wrongAt >= match.index && wrongAt < match.index + token.length && token.trim();
    const kind = classOf(match.groups);
    return h("span", { class: isHere ? `${kind} here` : kind }, token);
  });
  if (wrongAt >= question.length) parts.push(h("span", { class: "here" }, " "));
  return parts;
}
