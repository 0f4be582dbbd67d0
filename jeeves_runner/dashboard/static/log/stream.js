// The log of a run as the server tells it: one stream, which goes on where the last one ended.

const SLOTS = 2; // of the connections that a browser has for a server, so many are for logs that grow
const AGAIN = 1000;
const QUIET = 400; // where all slots are taken: after so long without an event the connection is let go,
const PAUSE = 3000; // and asked again after this
const SILENT = 45000; // the server says something every 20 s or so: a network that is gone says nothing
const UNREADABLE = 30000; // until a log that could not be read is asked for again

// Calls `tell(kind, data)` with each event, with "lost" and "there" as the server goes and comes, with "gone" where
// there is no such run, and with "unreadable". Until `end`, or the run is gone.
export async function follow(run, grows, tell) {
  const state = { mark: null, isOver: false };
  while (!state.isOver) {
    await shown();
    if (grows()) await withSlot((slot) => listen(run, state, tell, !slot));
    else await listen(run, state, tell, false);
    if (!state.isOver) await pause(state.next ?? AGAIN);
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A tab that is not looked at holds no connection.
function shown() {
  if (!document.hidden) return;
  return new Promise((done) => {
    document.addEventListener("visibilitychange", function look() {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    });
  });
}

async function withSlot(work, slot = 0) {
  if (!navigator.locks) return work(true);
  if (slot === SLOTS) return work(false);
  let isAnswered = false;
  let isMine = false;
  const held = navigator.locks.request(`jeeves-log-${slot}`, { ifAvailable: true }, (lock) => {
    [isAnswered, isMine] = [true, lock !== null];
    return isMine ? work(true) : null;
  });
  try {
    await held;
  } catch (error) {
    if (isAnswered) throw error;
    return work(true); // a browser that keeps nothing for pages has no locks
  }
  if (!isMine) await withSlot(work, slot + 1);
}

async function listen(run, state, tell, isBrief) {
  const stop = new AbortController();
  const onHidden = () => document.hidden && stop.abort();
  document.addEventListener("visibilitychange", onHidden);
  let quiet = 0;
  const hold = (ms) => {
    clearTimeout(quiet);
    quiet = setTimeout(() => { if (ms === SILENT) tell("lost"); stop.abort(); }, ms);
  };
  state.next = isBrief ? PAUSE : AGAIN;
  hold(SILENT);
  try {
    const from = state.mark === null ? "" : `&after=${encodeURIComponent(state.mark)}`;
    const answer = await fetch(`/runs/${run}/logs?follow=1${from}`, {
      headers: { Accept: "text/event-stream" }, signal: stop.signal, cache: "no-store",
    });
    if (answer.status === 401) return location.reload();
    if (answer.status === 404 && isOf(answer, "application/problem+json")) {
      const problem = await answer.json();
      state.isOver = true;
      return tell("gone", problem);
    }
    // While the server is away, a proxy or another program may answer.
    if (!answer.ok || !isOf(answer, "text/event-stream")) throw new Error(answer.statusText);
    tell("there");
    hold(isBrief ? QUIET : SILENT);
    for await (const event of events(answer.body)) {
      hold(isBrief ? QUIET : SILENT);
      if (event.id !== null) state.mark = event.id;
      if (event.kind === "end") state.isOver = true;
      if (event.kind === "reset") state.mark = null;
      if (event.kind === "closed" && event.data.reason === "unreadable") {
        state.next = UNREADABLE;
        tell("unreadable");
      } else if (event.kind) tell(event.kind, event.data);
    }
  } catch {
    if (!stop.signal.aborted) tell("lost"); // the server is away; it is asked again
  } finally {
    clearTimeout(quiet);
    stop.abort();
    document.removeEventListener("visibilitychange", onHidden);
  }
}

const isOf = (answer, type) => answer.headers.get("Content-Type")?.startsWith(type) ?? false;

// Server-sent events of a body, as the HTML standard has them (section 9.2), as far as this server makes use of it.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { id: null, kind: "", data: null };
      for (const line of block.split("\n")) {
        if (line.startsWith("id: ")) event.id = line.slice(4);
        else if (line.startsWith("event: ")) event.kind = line.slice(7);
        else if (line.startsWith("data: ")) event.data = JSON.parse(line.slice(6));
      }
      yield event;
    }
  }
}
