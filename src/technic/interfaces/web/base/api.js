// The only place that asks the server. Errors are problem details: what, where, what to do.

const ROOT = "/api/v1";
const JOB_POLL_MS = 1500; // an event usually comes first
const URL_LIFETIME_MS = 1000;

/** What the server said instead of an answer. */
class Problem extends Error {
  constructor(status, details = {}) {
    super(details.detail || "The server did not answer: is technic serve still running?");
    this.status = status;
    this.title = details.title || "";
    this.text = details.text || "";
    this.start = details.start ?? -1;
    this.hint = details.hint || "";
    this.lastListed = details.last_listed || "";
  }
}

/** Whether a failure only says that the reader has gone elsewhere. */
export const isAbort = (error) => error.name === "AbortError";

function requestOptions(method, body, signal, accept) {
  const headers = { Accept: accept };
  const options = { method, headers, signal, credentials: "same-origin" };
  if (body === undefined) return options;
  headers["Content-Type"] = "application/json";
  return { ...options, body: JSON.stringify(body) };
}

async function fetchResponse(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0);
  }
}

async function readProblemDetails(response) {
  try {
    return await response.json();
  } catch {
    return {}; // not even a problem
  }
}

async function request(method, path, { body, signal, accept = "application/json" } = {}) {
  const options = requestOptions(method, body, signal, accept);
  const response = await fetchResponse(`${ROOT}/${path}`, options);
  if (response.ok) return response;
  const details = await readProblemDetails(response);
  if (response.status === 401) document.dispatchEvent(new CustomEvent("technic:key"));
  throw new Problem(response.status, details);
}

const readJson = async (response) => (response.status === 204 ? null : response.json());

export const getJson = async (path, signal) => readJson(await request("GET", path, { signal }));

export const postJson = async (path, body, signal) =>
  readJson(await request("POST", path, { body, signal }));

export const putJson = async (path, body) => readJson(await request("PUT", path, { body }));

export const deleteResource = async (path) => readJson(await request("DELETE", path));

/** Sign in with a key; the session is a cookie that scripts cannot read. */
export async function signIn(key) {
  const response = await fetch("/login", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (!response.ok) throw new Problem(response.status, await response.json());
}

/** Save an answer of another form as a file; without a body it is fetched. */
export async function downloadFile(path, { body, accept, filename }) {
  const method = body === undefined ? "GET" : "POST";
  const response = await request(method, path, { body, accept });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), URL_LIFETIME_MS);
}

/** Follow a job to its end; `onProgress` is given each state. The result, or null if cancelled. */
export async function followJob(job, onProgress, signal) {
  for (;;) {
    const current = await getJson(`jobs/${job.id}`, signal);
    onProgress(current);
    if (current.state === "done") return getJson(`jobs/${job.id}/result`, signal);
    if (current.state === "failed") {
      throw new Problem(409, { title: "The job failed", detail: current.error });
    }
    if (current.state === "cancelled") return null;
    await waitForJobEvent(job.id);
  }
}

function waitForJobEvent(id) {
  return new Promise((resolve) => {
    const stopWaiting = () => {
      document.removeEventListener("technic:job", onJobEvent);
      clearTimeout(timer);
      resolve();
    };
    const onJobEvent = (event) => {
      if (event.detail.id === id) stopWaiting();
    };
    const timer = setTimeout(stopWaiting, JOB_POLL_MS);
    document.addEventListener("technic:job", onJobEvent);
  });
}
