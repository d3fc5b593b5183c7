// A long piece of work on a page: begun, watched, cancelled, and what it found.

import { h, put, toast, trouble } from "./dom.js";
import { follow, post, remove } from "./api.js";

/** A card that shows how far a job is; `begin` starts one and gives its result to `done`. */
export class Work {
  constructor(title, kind, signal) {
    this.signal = signal;
    this.bar = h("div", { class: "progress", role: "progressbar", "aria-label": title }, h("i"));
    this.what = h("span", { class: "soft small" });
    this.stop = h("button", { type: "button", class: "quiet" }, "cancel");
    this.card = h("div", { hidden: true, class: "card", "data-job": kind }, h("div", { class: "row" }, h("strong", {}, title), this.what, h("span", { class: "grow" }), this.stop), this.bar);
  }

  async begin(path, body, button, place, done) {
    button.disabled = true;
    try {
      const job = await post(path, body, this.signal);
      this.card.hidden = false;
      this.stop.onclick = () => remove(`jobs/${job.id}`);
      const found = await follow(job, (now) => {
        this.card.dataset.state = now.state;
        this.bar.firstChild.style.width = `${100 * now.done / Math.max(now.total, 1)}%`;
        put(this.what, `${now.what || now.state} ${now.total ? `${now.done} of ${now.total}` : ""}`);
      }, this.signal);
      if (found === null) toast("Cancelled; what was found before is kept."); else await done(found, job);
    } catch (problem) { if (problem.name !== "AbortError") put(place, trouble(problem)); }
    this.card.hidden = true; button.disabled = false;
  }
}
