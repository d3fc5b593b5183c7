// What the server pushes, as events of the document: technic:store, technic:alert, technic:glance …

const KINDS = ["hello", "store", "alert", "glance", "job", "operations", "evidence", "scans"];

let source = null;

/** What is known of the server: what it says of itself, and whether it is heard. */
export const server = { about: null, connected: false };

function dispatch(kind, detail) {
  document.dispatchEvent(new CustomEvent(`technic:${kind}`, { detail }));
}

function setConnected(connected) {
  server.connected = connected;
  dispatch("line", connected);
}

/** Open the stream of events; the browser comes back by itself if the line breaks. */
export function openEventStream() {
  if (source !== null) source.close();
  source = new EventSource("/api/v1/events");
  source.onopen = () => setConnected(true);
  source.onerror = () => setConnected(false);
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const detail = JSON.parse(event.data);
      if (kind === "hello") server.about = detail;
      dispatch(kind, detail);
    });
  }
}

/** Handle a kind of event for as long as an element is in the page. */
export function onServerEvent(element, kind, handle) {
  const onEvent = (event) => {
    if (element.isConnected) handle(event.detail);
    else document.removeEventListener(`technic:${kind}`, onEvent);
  };
  document.addEventListener(`technic:${kind}`, onEvent);
}
