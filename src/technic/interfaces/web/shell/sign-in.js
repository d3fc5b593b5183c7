// What a reader without a session is asked: a key.

import { signIn } from "../base/api.js";
import { h, setChildren } from "../base/dom.js";

function createKeyField() {
  return h("input", {
    type: "password",
    autocomplete: "current-password",
    "aria-label": "key",
    placeholder: "tk_…",
    required: true,
  });
}

/** Ask for a key, unless something is asked already. */
export function askForKey(onSignedIn) {
  if (document.querySelector("dialog[open]")) return;
  const field = createKeyField();
  const message = h("p", { class: "down small", role: "alert" });
  const onsubmit = async (event) => {
    event.preventDefault();
    try {
      await signIn(field.value.trim());
      dialog.close();
      dialog.remove();
      onSignedIn();
    } catch (problem) {
      setChildren(message, problem.message);
    }
  };
  const advice = "This server answers only who holds one: technic keys create NAME";
  const form = h(
    "form",
    { onsubmit },
    h("h2", {}, "A key, please"),
    h("p", { class: "soft" }, advice),
    field,
    message,
    h("button", { class: "main" }, "Come in"),
  );
  const dialog = h("dialog", {}, form);
  document.body.append(dialog);
  dialog.showModal();
}
