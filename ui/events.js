// The event stream: one EventSource, kept alive, its state told.

const NAMES = ["hello", "answers", "mesh", "breaker", "pods", "gap"];
/** The server sends at least a comment every 15 s, but comments stay inside the browser: after this long without an event the stream is opened anew, which proves it or shows that it is gone. */
const SILENCE_MS = 35_000;
/** A stream that has not opened after this long counts as disconnected. */
const OPENING_MS = 5_000;
/** EventSource gives up for good when the answer is no event stream (a 503 of the ingress): we do not. */
const RETRY_MS = 3_000;

/**
 * Listens for good. `on[name](payload)` gets each known event, `onState` gets "connecting", "live" or
 * "disconnected". Names that this page does not know are ignored, so that a newer server may send more.
 */
export function listen(url, on, onState) {
  let source;
  let timer;

  function after(ms, action) {
    clearTimeout(timer);
    timer = setTimeout(action, ms);
  }

  function alive() {
    onState("live");
    after(SILENCE_MS, open);
  }

  function lost() {
    onState("disconnected");
    after(RETRY_MS, source.readyState === EventSource.CLOSED ? open : lost);
  }

  function receive(event) {
    alive();
    on[event.type](JSON.parse(event.data));
  }

  function open() {
    source?.close();
    source = new EventSource(url);
    source.onopen = alive;
    source.onerror = lost;
    for (const name of NAMES) source.addEventListener(name, receive);
    after(OPENING_MS, lost);
  }

  onState("connecting");
  open();
}
