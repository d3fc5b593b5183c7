// What the server pushes, as events of the document: technic:store, technic:alert, technic:glance …

const KINDS = ["hello", "store", "alert", "glance", "job", "operations", "evidence", "scans"];

let source = null;
export const state = { about: null, pulse: null, connected: false };

function tell(kind, detail) {
  document.dispatchEvent(new CustomEvent(`technic:${kind}`, { detail }));
}

/** Begin to listen; the browser comes back by itself if the line breaks. */
export function listen() {
  if (source !== null) source.close();
  source = new EventSource("/api/v1/events");
  source.onopen = () => { state.connected = true; tell("line", true); };
  source.onerror = () => { state.connected = false; tell("line", false); };
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const detail = JSON.parse(event.data);
      if (kind === "hello") state.about = detail;
      if (kind === "operations") state.pulse = detail;
      tell(kind, detail);
    });
  }
}

/** Hear a kind of event for as long as an element is in the page. */
export function hear(element, kind, act) {
  const heard = (event) => {
    if (element.isConnected) act(event.detail);
    else document.removeEventListener(`technic:${kind}`, heard);
  };
  document.addEventListener(`technic:${kind}`, heard);
}
