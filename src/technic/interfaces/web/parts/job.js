// A long piece of work on a page: started, watched, cancelled, and what came of it.

import { deleteResource, followJob, postJson } from "../base/api.js";
import { h, setChildren } from "../base/dom.js";
import { progressBar, setProgress } from "./controls.js";
import { showProblem, showToast } from "./notices.js";

/** How far a job is, in words. */
function describeProgress(job) {
  return `${job.what || job.state} ${job.total ? `${job.done} of ${job.total}` : ""}`;
}

/** A card that shows how far a job is; `run` starts one. */
export class JobCard {
  constructor(title, kind, signal) {
    this.signal = signal;
    this.bar = progressBar(title);
    this.status = h("span", { class: "soft small" });
    this.cancel = h("button", { type: "button", class: "quiet" }, "cancel");
    const space = h("span", { class: "grow" });
    const row = h("div", { class: "row" }, h("strong", {}, title), this.status, space, this.cancel);
    this.element = h("div", { hidden: true, class: "card", "data-job": kind }, row, this.bar);
  }

  /** Start a job by a button; its result goes to `onResult`, a failure is shown in `place`. */
  async run({ path, body, button, place, onResult }) {
    button.disabled = true;
    try {
      const job = await postJson(path, body, this.signal);
      this.element.hidden = false;
      this.cancel.onclick = () => deleteResource(`jobs/${job.id}`);
      const result = await followJob(job, (current) => this.showProgress(current), this.signal);
      if (result === null) showToast("Cancelled; what was found before is kept.");
      else await onResult(result, job);
    } catch (problem) {
      showProblem(place, problem);
    }
    this.element.hidden = true;
    button.disabled = false;
  }

  showProgress(job) {
    this.element.dataset.state = job.state;
    setProgress(this.bar, job);
    setChildren(this.status, describeProgress(job));
  }
}
