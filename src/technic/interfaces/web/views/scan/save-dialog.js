// A scan is saved under a name, with whom to tell when somebody enters or leaves it.

import { putJson } from "../../base/api.js";
import { h, setChildren } from "../../base/dom.js";
import { showToast } from "../../parts/notices.js";

const DEFAULT_TOP = 50;

function createNameFields(origin) {
  return {
    name: h("input", {
      required: true,
      pattern: "[a-z0-9][a-z0-9_\\-]{0,63}",
      value: origin.preset === false ? origin.name : "",
      placeholder: "dips",
      maxlength: "64",
    }),
    title: h("input", {
      maxlength: "120",
      value: origin.file?.name || "",
      placeholder: "what it is called",
    }),
  };
}

function createAlertFields(alert) {
  return {
    isAlerting: h("input", { type: "checkbox", checked: Boolean(alert) }),
    channels: h("input", {
      placeholder: "channels: desk, mail",
      value: (alert?.to || []).join(", "),
    }),
    debounce: h("input", {
      type: "number",
      min: "1",
      max: "100",
      value: String(alert?.debounce || 1),
      style: { width: "70px" },
    }),
  };
}

function composeFile(question, origin, { name, title, isAlerting, channels, debounce }) {
  const file = {
    ...question,
    top: origin.file?.top || DEFAULT_TOP,
    name: title.value.trim() || name.value,
  };
  if (!isAlerting.checked) return file;
  const to = channels.value.split(",").map((channel) => channel.trim());
  return { ...file, alert: { to: to.filter(Boolean), debounce: Number(debounce.value) } };
}

function renderForm({ name, title, isAlerting, channels, debounce }, message, handlers) {
  const field = (text, input) => h("label", { class: "field" }, text, input);
  const cancel = h("button", { type: "button", onclick: handlers.cancel }, "Not now");
  const buttonsStyle = { justifyContent: "flex-end" };
  return h(
    "form",
    { onsubmit: handlers.submit },
    h("h2", {}, "Save this scan"),
    field("Name, for commands and files", name),
    field("Title", title),
    h("label", { class: "row" }, isAlerting, "Tell me who enters and leaves"),
    field("Where: technic alerts channels", channels),
    h("label", { class: "row soft" }, "after it has held for", debounce, "looks in a row"),
    message,
    h("div", { class: "row", style: buttonsStyle }, cancel, h("button", { class: "main" }, "Save")),
  );
}

/** Ask under which name to save a question; `onSaved` is given the scan that was saved. */
export function openSaveDialog(question, origin, onSaved) {
  const fields = { ...createNameFields(origin), ...createAlertFields(origin.file?.alert) };
  const message = h("p", { class: "down small", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const file = composeFile(question, origin, fields);
      const saved = await putJson(`scans/${fields.name.value}`, file);
      onSaved(saved);
      dialog.close();
      const commands = `technic scan ${saved.name}, and every night with technic daily.`;
      showToast(`Saved as ${saved.name}: ${commands}`);
    } catch (problem) {
      setChildren(message, problem.message);
    }
  };
  const cancel = () => dialog.close();
  const form = renderForm(fields, message, { submit, cancel });
  const dialog = h("dialog", { onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
}
