// The line at the top of a page that is not as things are now: the server is away, or does not make this page.
import { byServer, say, show } from "../app.js";

let lostAt = null; // when the server was heard of last, while it is away
let refusal = null; // why there is no newer page
let trueAt = Date.now(); // when this page was true
let drawn = null; // what the line says besides the time

export function lost(at) {
  lostAt = at;
  draw();
}

export function there() {
  lostAt = null;
  draw();
}

// The server has made this page, or said that it is as it was.
export function isTrue() {
  trueAt = Date.now();
  lostAt = null;
  refusal = null;
  draw();
}

export function refused(why) {
  refusal = why;
  draw();
}

function draw() {
  const line = document.getElementById("link");
  if (lostAt === null && document.documentElement.dataset.link === "lost") say("Connected again.");
  document.documentElement.dataset.link = lostAt === null ? "there" : "lost";
  line.hidden = lostAt === null && refusal === null;
  const says = lostAt === null ? refusal : "Disconnected";
  const isNew = says !== drawn;
  drawn = says;
  if (line.hidden) return;
  if (!isNew) line.querySelector("time").dateTime = byServer(lostAt ?? trueAt).toISOString(); // it is said once
  else if (lostAt !== null) line.replaceChildren("Disconnected", unsaid(", last seen ", ago(lostAt)), ". Reconnecting…");
  else line.replaceChildren(`Not as it is now: ${refusal}.`, unsaid(" Shown as of ", ago(trueAt), "."));
  show(line);
}

// A time that passes is seen, and not said anew each second.
function unsaid(...parts) {
  const seen = document.createElement("span");
  seen.setAttribute("aria-hidden", "true");
  seen.append(...parts);
  return seen;
}

function ago(at) {
  const time = document.createElement("time");
  time.dateTime = byServer(at).toISOString();
  time.setAttribute("data-ago", "");
  return time;
}
