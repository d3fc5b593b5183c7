// The only place that asks the server. Errors are problem details: what, where, what to do.

const ROOT = "/api/v1";

/** What the server said instead of an answer. */
class Problem extends Error {
  constructor(status, about = {}) {
    super(about.detail || "The server did not answer: is technic serve still running?");
    this.status = status;
    this.title = about.title || "";
    this.text = about.text || "";
    this.start = about.start ?? -1;
    this.hint = about.hint || "";
    this.lastListed = about.last_listed || "";
  }
}

async function ask(method, path, body, signal, accept = "application/json") {
  const headers = { Accept: accept };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path.startsWith("/") && !path.startsWith("/api") ? path : ROOT + path.replace(/^\/api\/v1/, ""), {
      method, headers, signal, credentials: "same-origin", body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (answer.ok) return answer;
  let about = {};
  try { about = await answer.json(); } catch { /* not even a problem */ }
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("technic:key"));
  throw new Problem(answer.status, about);
}

const read = async (answer) => (answer.status === 204 ? null : answer.json());
const at = (path) => `/api/v1/${path}`;

export const get = async (path, signal) => read(await ask("GET", at(path), undefined, signal));
export const post = async (path, body, signal) => read(await ask("POST", at(path), body, signal));
export const replace = async (path, body) => read(await ask("PUT", at(path), body));
export const remove = async (path) => read(await ask("DELETE", at(path)));

/** Sign in with a key; the session is a cookie that scripts cannot read. */
export async function signIn(key) {
  const answer = await fetch("/login", { method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
  if (!answer.ok) throw new Problem(answer.status, await answer.json());
}

/** Save an answer of another form as a file; without a body it is fetched. */
export async function download(path, body, accept, name) {
  const answer = await ask(body === undefined ? "GET" : "POST", at(path), body, undefined, accept);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Follow a job to its end; `tell` is given its progress. Returns the result. */
export async function follow(job, tell, signal) {
  for (;;) {
    const now = await get(`jobs/${job.id}`, signal);
    tell(now);
    if (now.state === "done") return get(`jobs/${job.id}/result`, signal);
    if (now.state === "failed") throw new Problem(409, { title: "The job failed", detail: now.error });
    if (now.state === "cancelled") return null;
    await changed(job.id);
  }
}

function changed(id) {
  return new Promise((resolve) => {
    const done = () => { document.removeEventListener("technic:job", heard); clearTimeout(timer); resolve(); };
    const heard = (event) => { if (event.detail.id === id) done(); };
    const timer = setTimeout(done, 1500);
    document.addEventListener("technic:job", heard);
  });
}
