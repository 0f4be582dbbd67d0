// A page that stays true: told of changes by one stream for all tabs of this browser, it comes again for itself
// and puts the difference in its place. The server says how often it may.
import { byServer, serverSays, show } from "./times.js";

const STREAM = "jeeves-stream";
const SILENT = 45000; // the server says something every 20 s or so
const HELD = 250;
const TYPED = 80;
const parser = new DOMParser();

let wanted = false; // something has changed that this page shows
let asking = false;
let pace = 1000;
let askedAt = 0;
let timer = 0;
let tag = null; // of what is shown, once it came by this script
let acted = false; // what comes next is to show what the viewer has done

export function follow() {
  const kinds = (document.body.dataset.live || "").split(" ").filter(Boolean);
  if (!kinds.length) return;
  const job = document.body.dataset.job;
  const told = (change) => {
    if (!change.kinds) return again();
    if (document.hidden && change.kinds.includes("alert")) glance();
    if (!change.kinds.some((kind) => kinds.includes(kind))) return;
    if (job && change.jobs && !change.jobs.includes(job) && change.kinds.every((kind) => kind === "run")) return;
    again();
  };
  share(told);
  document.addEventListener("visibilitychange", () => document.hidden || plan());
  document.addEventListener("jeeves:acted", () => { askedAt = 0; acted = true; again(); });
  document.addEventListener("jeeves:typed", () => { askedAt = 0; again(TYPED); });
}

// One tab holds the stream and tells the others; when it is closed, the next one takes its place.
function share(told) {
  const channel = new BroadcastChannel(STREAM);
  channel.onmessage = ({ data }) => data.link ? link(data.link, data.at) : told(data);
  const tell = (message) => { channel.postMessage(message); message.link ? link(message.link, message.at) : told(message); };
  if (!navigator.locks) return stream(tell); // no secure context: each tab has its own
  navigator.locks.request(STREAM, () => new Promise(() => stream(tell)));
}

function stream(tell) {
  let heard = Date.now();
  let asked = 0;
  let source = null;
  const open = () => {
    asked = Date.now();
    source?.close();
    source = new EventSource("/events?brief=true");
    for (const kind of ["ready", "reset"]) source.addEventListener(kind, () => { alive(); tell({}); });
    source.addEventListener("changed", (event) => { alive(); tell(JSON.parse(event.data)); });
    source.addEventListener("closed", alive);
    source.onopen = alive;
    source.onerror = () => {
      tell({ link: "lost", at: heard });
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    };
  };
  const alive = () => { heard = Date.now(); tell({ link: "there", at: heard }); };
  // After a sleep, or behind a proxy that has gone, a connection may be silent for good, and end in no error.
  setInterval(() => {
    if (Date.now() - heard <= SILENT) return;
    tell({ link: "lost", at: heard });
    if (Date.now() - asked > SILENT) open();
  }, 5000);
  open();
}

function link(state, at) {
  const line = document.getElementById("link");
  document.documentElement.dataset.link = state;
  line.hidden = state === "there";
  if (state !== "there") {
    const time = document.createElement("time");
    time.dateTime = byServer(at).toISOString();
    time.setAttribute("data-ago", "");
    line.replaceChildren("Disconnected, last seen ", time, ". Reconnecting…");
    show(line);
  }
}

export function again(held = HELD) {
  wanted = true;
  plan(held);
}

function plan(held = HELD) {
  if (!wanted || asking || document.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(come, Math.max(held, askedAt + pace - Date.now()));
}

async function come() {
  if (document.hidden || isBusy()) return void (timer = setTimeout(come, pace));
  wanted = false;
  asking = true;
  askedAt = Date.now();
  try {
    const text = await asked();
    if (text !== null) put(parser.parseFromString(text, "text/html"));
  } finally {
    asking = false;
    plan();
  }
}

// This page as it is now; null if it is what is shown, or the server is away: then it is asked again, and the
// line above says so.
async function asked() {
  const headers = { Accept: "text/html", ...(!acted && { "Jeeves-Refresh": "1" }), ...(tag && { "If-None-Match": tag }) };
  acted = false;
  let answer;
  try {
    answer = await fetch(location.href, { headers, cache: "no-store" });
  } catch {
    wanted = true;
    return null;
  }
  serverSays(answer.headers.get("Date"));
  pace = Number(answer.headers.get("Jeeves-Pace")) || pace;
  if (answer.headers.get("Jeeves-Old")) wanted = true;
  if (answer.status === 401 || answer.status === 404) location.reload(); // it says what is wrong
  if (!answer.ok) return null;
  tag = answer.headers.get("ETag");
  return answer.text();
}

// While text is being marked, or a dialog is open, nothing is moved away from under the viewer.
function isBusy() {
  const marked = document.getSelection();
  const main = document.getElementById("main");
  return (marked && !marked.isCollapsed && main.contains(marked.anchorNode)) || document.querySelector("dialog[open]");
}

// A tab in the background does not come again, and yet its title and its icon say that something is wrong.
async function glance() {
  const answer = await fetch("/status", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || !document.hidden) return;
  const wrong = (await answer.json()).health.incidents_open;
  const icon = document.getElementById("icon");
  document.title = (wrong ? `(${wrong}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  icon.href = wrong ? icon.dataset.bad : icon.dataset.well;
}

// A server of another version may make pages that these scripts and styles do not fit.
const version = (page) => page.querySelector("link[rel=stylesheet]")?.getAttribute("href");

function put(page) {
  if (version(page) !== version(document)) return location.reload();
  document.title = page.title;
  document.getElementById("icon").href = page.getElementById("icon").href;
  for (const id of ["mark", "vitals", "main"]) {
    const now = page.getElementById(id);
    show(now);
    Idiomorph.morph(document.getElementById(id), now, { ignoreActiveValue: true, callbacks });
  }
  document.dispatchEvent(new CustomEvent("jeeves:shown"));
}

// What the viewer has opened stays open, and what a script of the page keeps is left to it.
const callbacks = {
  beforeNodeMorphed: (old) => !(old.dataset && "keep" in old.dataset),
  beforeAttributeUpdated: (name, node) => !(name === "open" && (node.tagName === "DETAILS" || node.tagName === "DIALOG")),
};
